from codedpo.code.normal import count_duplicates, fingerprint


def test_layout_comments_and_docstrings_do_not_count() -> None:
    assert fingerprint("def f(x):\n    return x+1\n") == fingerprint(
        'def f(x):\n    """Doc."""\n    # why\n    return (x + 1)'
    )


def test_other_code_counts() -> None:
    assert fingerprint("def f(x):\n    return x + 1") != fingerprint("def f(x):\n    return x + 2")


def test_duplicates_are_counted_also_where_nothing_parses() -> None:
    assert count_duplicates(("x=1", "x = 1", "x = 2", "(", "(")) == 2
