"""A command in, its output out; it and all its children end when our standard input closes.

Run as `python -m codedpo.llms.guarded_process COMMAND...`, so that a server never outlives the run that started it, not
even under `kill -9`. Ends with the command's exit status.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

_STOP_SECONDS = 20.0


def main() -> None:
    """Run the command until it ends or standard input closes."""
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_stop_at_end_of_input, args=(process,), daemon=True).start()
    status = process.wait()
    _signal(process.pid, signal.SIGKILL)  # workers that the command left behind
    sys.exit(status if status >= 0 else 128 - status)


def _stop_at_end_of_input(process: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    _signal(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    _signal(process.pid, signal.SIGKILL)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    main()
