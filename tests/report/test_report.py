"""The report is a page that a browser opens from disk, with everything in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from codedpo.config import make_config
from codedpo.job import run
from codedpo.records import Pair
from codedpo.report.diff import side_by_side
from codedpo.report.figures import pass_rate_figure
from codedpo.store import read_records
from conftest import run_settings, write_source
from loopback import LoopbackLLM

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    source = write_source(folder / "source")
    with LoopbackLLM() as server:
        return run(make_config(run_settings(folder / "run", source, server.base_url))).report


def test_the_page_shows_counts_drops_matrices_and_pairs(page: Path) -> None:
    text = page.read_text()
    pairs = [
        pair for path in (page.parent / "pairs").glob("*-????????????????.parquet") for pair in read_records(path, Pair)
    ]
    assert text.count('<table class="diff">') == min(12, len(pairs)) > 0
    assert text.count('<table class="matrix">') == 4
    assert "no program that defines the function" in text
    assert re.search(r'<td class="c passed" title="assert \w+_above\(', text)


def test_the_page_tells_what_the_pairs_teach(page: Path) -> None:
    text = page.read_text()
    assert "<td>tests that are credible</td>" in text
    assert "<td>two solutions, a tie</td>" in text
    assert "<td>correctness: chosen longer than rejected (a bias that training takes over)</td>" in text
    assert text.count("<svg") == 1


def test_the_page_loads_nothing_from_anywhere(page: Path) -> None:
    text = page.read_text()
    assert not re.search(
        r'(src|href)="(?!#)|@import|url\((?!#)|<script', re.sub(r"<svg.*?</svg>", "", text, flags=re.S)
    )


def test_generated_code_is_shown_not_interpreted(page: Path) -> None:
    text = page.read_text()
    assert "return [x for x in numbers if x &gt; k]" in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_renders_the_page(page: Path, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += [
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    result = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert "Solutions and tests vouch for each other" in result.stdout


def test_a_diff_aligns_what_is_equal() -> None:
    lines = side_by_side("a\nb\nc", "a\nx\ny\nc")
    assert [(line.rejected, line.chosen, line.same) for line in lines] == [
        ("a", "a", True),
        ("b", "x", False),
        ("", "y", False),
        ("c", "c", True),
    ]


def test_figures_are_inline_svg() -> None:
    from codedpo.evaluate import PassRate, Verdict

    rates = [
        PassRate(label, (Verdict("a", True, "", "", "", ""), Verdict("b", False, "", "", "", "")))
        for label in ("before", "after")
    ]
    assert pass_rate_figure(*rates).startswith("<svg")
