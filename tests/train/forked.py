"""Work in, how a fork of this process that did it ended out: what is killed or runs out of space is another process."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable


def in_fork(work: Callable[[], object]) -> int:
    """0, 1 after an exception, or the signal that killed it as a negative number."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
