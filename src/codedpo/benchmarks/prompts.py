"""Prompts and stops of benchmarks' own evaluators.

HumanEval and MBPP: evalplus 0.3.1 (evalplus/codegen.py, evalplus/provider). DS-1000: upstream's run_inference.py.
"""

from __future__ import annotations

from codedpo.benchmarks.problem import Prompts
from codedpo.prompting import TextPrompt

_ASKED = "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
_BEGUN = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
)
_STOP = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
_HUMANEVAL_STOP = ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")
_MBPP_STOP = ('\n"""', "\nassert")


_DS1000_ASKED = (
    "Write a short code following the given format and indentation. Place the executable code between <code> and "
    "</code> tags, without any other non-executable things."
)
_DS1000_STOP = ("</code>", "# SOLUTION END")


def humaneval_prompts(prompt: str) -> Prompts:
    """Of a problem of HumanEval, with the base inputs or more."""
    return _prompts(prompt, _HUMANEVAL_STOP)


def mbpp_prompts(prompt: str) -> Prompts:
    """Of a problem of MBPP, with the base inputs or more."""
    return _prompts(prompt, _MBPP_STOP)


def ds1000_prompts(prompt: str) -> Prompts:
    """Of a problem of DS-1000. What upstream gives as a system message stands before the problem here."""
    return Prompts(f"{_DS1000_ASKED}\n{prompt}", TextPrompt(prompt, _DS1000_STOP), stop=_DS1000_STOP)


def _prompts(prompt: str, text_stop: tuple[str, ...]) -> Prompts:
    stripped = prompt.strip()
    return Prompts(
        chat=f"{_ASKED}\n```\n{stripped}\n```\n",
        text=TextPrompt(f"{stripped}\n", text_stop),
        begun=TextPrompt(f"{_BEGUN}\n```python\n", ("\n```\n",)),
        stop=_STOP,
    )
