"""What the panel says of a step, on a real console that writes to memory."""

from __future__ import annotations

import io
import re
import time

from rich.console import Console

from codedpo.progress import Panel


def test_rows_of_an_earlier_start_are_counted_and_no_part_of_the_rate() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=200)
    with Panel(console) as panel:
        panel.started("samples", 1_000_000)
        panel.advanced("samples", rows=900_000)
        for _ in range(5):
            time.sleep(0.02)
            panel.advanced("samples", rows=1, answers=2, tokens=50)
    told = re.findall(r"(\d+)/1000000 rows, ([\d.]+)/s", written.getvalue())
    assert told[-1][0] == "900005"
    assert all(float(rate) <= 50 for _, rate in told)
