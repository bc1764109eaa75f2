"""The section `decontamination` of a configuration in, the index to compare with out."""

from __future__ import annotations

from dataclasses import dataclass, field

from codedpo.benchmarks.texts import TEXT_SOURCES
from codedpo.decontaminate.index import Index
from codedpo.decontaminate.shipped import load_index
from codedpo.errors import ConfigError


@dataclass(frozen=True)
class Decontamination:
    """What is left out since it overlaps with a benchmark: of seeds, of tasks and of solutions."""

    enabled: bool = True
    benchmarks: dict[str, str] = field(default_factory=dict[str, str])
    """Name of a benchmark -> its published file or folder, used in place of the package's own index of it."""

    def __post_init__(self) -> None:
        for name in self.benchmarks:
            if name not in TEXT_SOURCES:
                raise ConfigError(
                    f"decontamination.benchmarks: '{name}' cannot be read here; choose from: {', '.join(TEXT_SOURCES)}"
                )

    def index(self) -> Index | None:
        """The index; None where it is switched off.

        Raises:
            RecordError: a benchmark's file is missing or is not that benchmark's.
        """
        return load_index(self.benchmarks) if self.enabled else None
