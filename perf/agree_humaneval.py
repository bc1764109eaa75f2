"""HumanEval's own tests judged outside, against the same tests run in the jail and against the data sets' verdicts.

    python perf/agree_humaneval.py    # $CODEDPO_DATA: answers, codegen16b_humaneval_even.jsonl.gz

Printed are the references that pass; how many of the two embedded models' answers pass; and CodeGen-16B's programs (82
tasks x 24) whose verdict is not the data set's `correct`.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from agreeing import DATA, judged, print_references

from codedpo.benchmarks.humaneval import HumanEval

MODELS = ("qwen2.5-coder-0.5b", "smollm2-135m")


def main() -> None:
    problems = {problem.id: problem for problem in HumanEval().problems()}
    with tempfile.TemporaryDirectory() as folder:
        print_references("HumanEval", list(problems.values()), Path(folder))
        for model in MODELS:
            answers = {row["task_id"]: row["answer"] for row in rows(f"answers/humaneval_{model}_greedy.jsonl.gz")}
            programs = [(problem, problem.extract(answers[problem.id])) for problem in problems.values()]
            found = judged([(problem, program) for problem, program in programs if program], Path(folder))
            print(f"{model}: {sum(judgement.passed for judgement in found)} of {len(problems)} pass", flush=True)
        sampled = [
            (problems[row["task_id"]], place, program, correct)
            for row in rows("codegen16b_humaneval_even.jsonl.gz")
            for place, (program, correct) in enumerate(zip(row["solutions"], row["correct"], strict=True))
        ]
        found = judged([(problem, program) for problem, _, program, _ in sampled], Path(folder))
        differ = [
            f"  {problem.id} solution {place}: correct is {correct}, here {judgement.outcome.name}: {judgement.reason}"
            for (problem, place, _, correct), judgement in zip(sampled, found, strict=True)
            if judgement.passed != correct
        ]
        print(f"CodeGen-16B: {len(sampled) - len(differ)} of {len(sampled)} programs judged as `correct` says")
        print("\n".join(differ))


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    main()
