"""Programs and texts in, the benchmark problems that they give away out; see docs/decontamination.md."""

from codedpo.decontaminate.index import Index, Match
from codedpo.decontaminate.settings import Decontamination
from codedpo.decontaminate.shipped import load_index
from codedpo.decontaminate.similarity import similarity

__all__ = ["Decontamination", "Index", "Match", "load_index", "similarity"]
