"""What became of a cell, as numbers: the values of codedpo.records.Outcome, which the jailed part cannot import."""

PASSED, WRONG, EXCEPTION, TIMEOUT, OUT_OF_MEMORY, CRASH, BLOCKED, FLAKY, NOT_RUN = range(9)
UNSENDABLE = 255
"""Not an outcome: the test hands over what cannot travel; it must be judged inside."""
REFUSALS = frozenset({1, 11, 13, 30, 101})
"""Error numbers that mean the jail refused: EPERM, EAGAIN (no new process), EACCES, EROFS, ENETUNREACH."""
