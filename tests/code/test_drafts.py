import pytest

from codedpo.code.drafts import Draft, parse_concepts, parse_draft

TEXT = "Given a list of words, return the longest one. An empty list gives an empty string."
SIGNATURE = "def longest_word(words: list[str]) -> str:"


def answer(text: str = TEXT, signature: str = SIGNATURE, example: str = 'longest_word(["a", "bb"]) == "bb"') -> str:
    return f"TASK: {text}\nSIGNATURE: {signature}\nEXAMPLE: {example}\n"


def test_a_draft_is_read() -> None:
    assert parse_draft(answer() + "\nTASK: another") == Draft(
        TEXT, SIGNATURE, "longest_word", 'longest_word(["a", "bb"]) == "bb"'
    )


def test_headings_and_emphasis_around_labels_are_read() -> None:
    text = (
        answer()
        .replace("TASK:", "### **Task:**")
        .replace("SIGNATURE:", "#### Signature:")
        .replace("EXAMPLE:", "- Example:")
    )
    assert isinstance(parse_draft(text), Draft)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nothing", "a labelled part is missing"),
        (answer(text="Sort it."), "text too short"),
        (answer(text="Given a list of words, print each of them in the order of the alphabet."), "text asks for something that no test can check"),
        (answer(signature="def f(words list):"), "signature does not parse"),
        (answer(signature="def sum(words: list[str]) -> str:"), "signature shadows a builtin"),
        (answer(signature="def f(list: list[str]) -> str:"), "signature shadows a builtin"),
        (answer(signature="def f(words: list[str], *more: str) -> str:"), "signature without plain arguments"),
        (answer(signature="def f() -> str:"), "signature without plain arguments"),
        (answer(signature="def f(words) -> str:"), "signature without types"),
        (answer(signature="def f(words: Tree) -> str:"), "types that are not plain values"),
        (answer(signature="def f(words: list[str]) -> None:"), "function returns nothing"),
        (answer(signature="def function(words: list[str]) -> str:"), "signature without a name of its own"),
        (answer(example="other(1) == 2"), "example does not call the function"),
    ],
)  # fmt: skip
def test_a_bad_draft_has_a_reason(text: str, reason: str) -> None:
    assert parse_draft(text) == reason


def test_concepts_are_short_phrases_each_once() -> None:
    assert parse_concepts("- sliding window; counting\n- counting\n1. sorting by `two keys`") == (
        "sliding window",
        "counting",
        "sorting by `two keys",
    )
    assert parse_concepts("\n") == ()


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        (answer(example='longest_word(["a", "bb"]) -> "bb"'), "example rewritten as a comparison"),
        (answer(example='`longest_word(["a", "bb"])` returns "bb"'), "example rewritten as a comparison"),
        (answer(example='assert longest_word(["a", "bb"]) == "bb"'), "example rewritten as a comparison"),
        (answer(example='\n```python\n>>> longest_word(["a", "bb"])\n"bb"\n```'), "example rewritten as a comparison"),
        (answer(signature="longest_word(words: list[str]) -> str"), "def added to the signature"),
        (answer(signature=f"{SIGNATURE} return max(words, key=len)"), "body cut from the signature"),
        (f"<think>A list...</think>\n{answer()}", "reasoning stripped"),
    ],
)
def test_a_near_miss_is_read_by_a_named_rule(text: str, repair: str) -> None:
    draft = parse_draft(text)
    assert isinstance(draft, Draft)
    assert (draft.text, draft.signature, draft.repairs) == (TEXT, SIGNATURE, (repair,))
    assert draft.example == 'longest_word(["a", "bb"]) == "bb"'


def test_an_example_cut_at_the_limit_is_not_read() -> None:
    assert parse_draft(answer().rstrip() + "b", cut=True) == "example does not call the function"
    assert parse_concepts("sliding window; counting wor", cut=True) == ("sliding window",)
