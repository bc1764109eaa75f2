import ast
import gc
import threading
import time
from collections.abc import Iterator

import pytest

from codedpo.code.syntax import syntax_tree

DEEP = ("x = " + "[" * 60 + "1" + "]" * 60 + "\n") * 20


class Yields:
    """Garbage that lets another thread run in the middle of what collects it."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


@pytest.fixture
def frequent_collection() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(10)
    yield
    gc.set_threshold(*before)


def test_threads_that_parse_at_the_same_time_do_not_disturb_each_other(frequent_collection: None) -> None:
    trees: list[str] = []

    def work() -> None:
        for _ in range(20):
            garbage = [Yields() for _ in range(5)]
            del garbage
            trees.append(ast.dump(syntax_tree(DEEP)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trees == [trees[0]] * 80


def test_warnings_of_strange_code_are_not_shown() -> None:
    assert isinstance(syntax_tree('x = "\\d"').body[0], ast.Assign)
