"""Asserts that a smoke run made rows in every stage, trained with a finite loss, and changed the weights."""

import json
import math
import sys
from pathlib import Path


def main(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = {name: stage["rows"] for name, stage in manifest["stages"].items()}
    for stage in ("tasks", "samples", "executions", "rankings", "timings", "pairs"):
        assert rows.get(stage, 0) > 0, f"{stage} made no rows: {rows}"
    training = manifest["training"]
    assert training["steps"] > 0, training
    assert math.isfinite(training["final_loss"]), training
    assert training["weight_change"] > 0, training
    for label in ("before", "after"):
        assert manifest[f"pass@1 {label}"]["problems"] > 0, manifest
    assert (folder / "report.html").stat().st_size > 10_000
    sys.stdout.write(f"smoke: every stage made rows {rows}, loss {training['final_loss']:.3f}, weights changed\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
