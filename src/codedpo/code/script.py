"""A model's answer in, the fenced block that is its program out, as it is: a script is all of its statements."""

from __future__ import annotations

from codedpo.code.extract import code_blocks, parse, without_reasoning


def extract_script(answer: str) -> str | None:
    """The last fenced block that is Python, or, where there is no fence, the whole answer if it is; else None."""
    said = without_reasoning(answer)
    blocks = code_blocks(said) or [said]
    return next((block for block in reversed(blocks) if block.strip() and parse(block) is not None), None)


def last_block(answer: str) -> str:
    """What LiveCodeBench takes for the program (lcb_runner/utils/extraction_utils.py, `extract_code`), maybe nothing.

    These are the lines between the last two that hold a fence, whether they open or close a block.
    """
    lines = answer.split("\n")
    fences = [place for place, line in enumerate(lines) if "```" in line]
    return "\n".join(lines[fences[-2] + 1 : fences[-1]]) if len(fences) > 1 else ""
