from pathlib import Path

from codedpo.records import Task
from codedpo.repeats import repeated_tasks
from codedpo.store import write_records


def task(text: str, signature: str = "def f(x: int) -> int:") -> Task:
    return Task(text, text, signature, "f", "", (), None, None)


def test_a_task_is_kept_where_it_first_stands_in_any_shard(tmp_path: Path) -> None:
    shards = [tmp_path / f"{number}.parquet" for number in range(3)]
    write_records(shards[0], Task, [task("Add one."), task("Add two.")])
    write_records(shards[1], Task, [task("Add three."), task("ADD  one", "def g(y: int) -> int:")])
    write_records(shards[2], Task, [task("Add two."), task("Add one.", "def f(x: float) -> int:"), task("Add three")])
    assert list(repeated_tasks(shards)) == [frozenset(), {1}, {0, 2}]
    assert list(repeated_tasks(shards[:2])) == [frozenset(), {1}]
