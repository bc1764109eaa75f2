from codedpo.code.grams import lex, mixed, renamed_window_sums, window_sums

PROGRAM = (
    "def total(items, start):\n    total = start\n    for item in items:\n        total += item\n    return total\n"
)
RENAMED = "def add_up(xs, s):\n    add_up = s\n    for x in xs:\n        add_up += x\n    return add_up\n"
SWAPPED = "def add_up(xs, s):\n    add_up = xs\n    for x in s:\n        add_up += x\n    return add_up\n"


def exact(code: str) -> list[int]:
    return mixed(window_sums(lex(code).tokens, (6,))[0]).tolist()


def renamed(code: str) -> list[int]:
    return mixed(renamed_window_sums(lex(code), 6)).tolist()


def test_names_count_in_exact_windows_and_not_in_renamed_ones() -> None:
    assert exact(PROGRAM) != exact(RENAMED)
    assert renamed(PROGRAM) == renamed(RENAMED)


def test_an_inconsistent_renaming_is_another_program() -> None:
    assert (
        mixed(renamed_window_sums(lex(PROGRAM), 12)).tolist() != mixed(renamed_window_sums(lex(SWAPPED), 12)).tolist()
    )


def test_renamed_windows_are_equal_exactly_where_a_renaming_exists() -> None:
    code = "a b a c b a a d c if a : b = c a b b d d a".replace(" ", "\n")
    tokens = lex(code).tokens.tolist()
    forms: dict[tuple[int, ...], set[int]] = {}
    for start, value in enumerate(mixed(renamed_window_sums(lex(code), 5)).tolist()):
        window = tokens[start : start + 5]
        form = tuple(window.index(token) if token & 1 else token for token in window)
        forms.setdefault(form, set()).add(value)
    assert all(len(values) == 1 for values in forms.values())
    assert len(set.union(*forms.values())) == len(forms)


def test_keywords_builtins_attributes_and_literals_keep_their_spelling() -> None:
    base = "x = sorted(y, key=z.lower, n=12, t='a')"
    for other in (
        base.replace("sorted", "reversed"),
        base.replace("lower", "upper"),
        base.replace("12", "13"),
        base.replace("'a'", "'b'"),
    ):
        assert renamed(base) != renamed(other)


def test_layout_quotes_and_brackets_do_not_count() -> None:
    assert exact("x = f(a)\ny = 'it'\nz = a + b") == exact('x=f (a) ;y="it"\n\n# why\nz = (a +\\\n b)')


def test_docstrings_and_comments_are_set_apart() -> None:
    lexed = lex('def f(x):\n    """Say # it.\n    Twice."""\n    y = "# no comment"  # a comment\n    return y\n')
    assert [part.strip() for part in lexed.prose] == ['"""Say # it.\n    Twice."""', "# a comment"]
    assert lexed.functions == ("f",)


def test_odd_strings_and_names_are_one_token_each() -> None:
    for code in ("r'a'", "b'a'", "Rb'it'", "f'''a\nb'''", "'a\\'b'", "été_2", ".x1", "1.5e3", ".5", "**=", "->", "a"):
        assert len(lex(f"({code};").tokens) == 1, code


def test_a_string_that_never_ends_is_read_as_words() -> None:
    assert len(lex("x = '" + "a " * 20_000).tokens) == 20_003


def test_text_that_is_no_program_has_tokens_too() -> None:
    assert len(lex("it's (not a program").tokens) == 6


def test_hashes_are_the_same_on_every_machine() -> None:
    assert exact("a b c d e f".replace(" ", "\n")) == [4059239186909406522]
