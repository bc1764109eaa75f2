"""What the benchmarks' own evaluators ask, and where answers end.

HumanEval and MBPP: evalplus 0.3.1 (evalplus/codegen.py, evalplus/provider). LiveCodeBench: its form for chat models,
and the one for base models, here without a solved example (lcb_runner/prompts/code_generation.py, runner/parser.py).
DS-1000: upstream's run_inference.py.
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
_LCB_SYSTEM = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a "
    "correct Python program that matches the specification and passes all tests."
)
_LCB_STARTER = (
    "You will use the following starter code to write the solution to the problem and enclose your code within "
    "delimiters."
)
_LCB_SCRIPT = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample "
    "inputs). Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the "
    "inputs, runs the algorithm and writes output to STDOUT."
)


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


def livecodebench_prompts(question: str, starter: str) -> Prompts:
    """Of a problem of LiveCodeBench.

    Args:
        starter: the beginning of the class to complete; empty: a script is asked for.
    """
    how, code = (_LCB_STARTER, starter) if starter else (_LCB_SCRIPT, "# YOUR CODE HERE")
    begun = f"### Starter Code\n{starter}\n\n" if starter else ""
    return Prompts(
        chat=f"### Question:\n{question}\n\n### Format: {how}\n```python\n{code}\n```\n\n"
        "### Answer: (use the provided format with backticks)\n\n",
        text=TextPrompt(f"### Question\n{question}\n\n{begun}### Answer\n\n", ("###",)),
        system=_LCB_SYSTEM,
    )


def ds1000_prompts(prompt: str) -> Prompts:
    """Of a problem of DS-1000."""
    return Prompts(prompt, TextPrompt(prompt, _DS1000_STOP), stop=_DS1000_STOP, system=_DS1000_ASKED)


def _prompts(prompt: str, text_stop: tuple[str, ...]) -> Prompts:
    stripped = prompt.strip()
    return Prompts(
        chat=f"{_ASKED}\n```\n{stripped}\n```\n",
        text=TextPrompt(f"{stripped}\n", text_stop),
        begun=TextPrompt(f"{_BEGUN}\n```python\n", ("\n```\n",)),
        stop=_STOP,
    )
