from codedpo.code.bodies import without_headers


def test_headers_of_functions_and_methods_are_cut() -> None:
    program = (
        "import re\n\n@cache\ndef f(a: int = 1,\n      b: str = 'é') -> int:  # why\n    é = a\n    return é\n\nx = f(1)\n"
        "class A:\n    async def m(self): return 2\n"
    )
    assert [part.split() for part in without_headers(program)] == [
        ["import", "re", "@cache"],
        ["é", "=", "a", "return", "é", "x", "=", "f(1)", "class", "A:"],
        ["return", "2"],
    ]


def test_a_function_inside_another_is_part_of_its_body() -> None:
    (body,) = without_headers("def f(a):\n    def g(b):\n        return b\n    return g\n")
    assert body == "def g(b):\n        return b\n    return g\n"


def test_a_text_that_does_not_parse_stays_whole() -> None:
    assert without_headers("def f(:") == ("def f(:",)
