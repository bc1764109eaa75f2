"""Scores by chance: an ablation of the paper."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class Chance:
    """Uniform scores from `seed` and the matrix, so that tasks differ and a rerun does not."""

    seed: int = 0

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        digest = hashlib.blake2b(f"{self.seed}:{passed.shape}".encode() + np.packbits(passed).tobytes(), digest_size=8)
        draw = np.random.default_rng(int.from_bytes(digest.digest()))
        n_solutions, n_tests = (int(length) for length in passed.shape)
        return Scores(solutions=draw.random(n_solutions), tests=draw.random(n_tests))
