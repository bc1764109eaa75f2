"""What everybody writes is in no benchmark, even where a benchmark asks for it."""

import ast
from pathlib import Path

import _pytest.assertion.util
import pydantic.main
import pytest
import rich.table
import yaml.scanner

from codedpo.decontaminate import Index, load_index

GENERIC = """
def total(xs):
    return sum(xs)

def flip(s):
    return s[::-1]

def check_prime(number):
    if number < 2:
        return False
    for divisor in range(2, int(number ** 0.5) + 1):
        if number % divisor == 0:
            return False
    return True

def prime(num):
    if num <= 1:
        return False
    for i in range(2, num):
        if num % i == 0:
            return False
    return True

def nth_fibonacci(n):
    previous, current = 0, 1
    for _ in range(n):
        previous, current = current, previous + current
    return previous

def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)

def divisor(x, y):
    while y:
        x, y = y, x % y
    return x

def gcd(a, b):
    while b:
        a, b = b, a % b
    return a

def search(values, wanted):
    lo, hi = 0, len(values) - 1
    while lo <= hi:
        middle = (lo + hi) // 2
        if values[middle] == wanted:
            return middle
        elif values[middle] < wanted:
            lo = middle + 1
        else:
            hi = middle - 1
    return -1

def palindrome(word):
    return word == word[::-1]

def biggest(values):
    best = values[0]
    for value in values:
        if value > best:
            best = value
    return best

def fact(k):
    if k == 0:
        return 1
    return k * fact(k - 1)

def tally(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts

def evens(nums):
    return [n for n in nums if n % 2 == 0]

def sort_bubble(a):
    n = len(a)
    for i in range(n):
        for j in range(0, n - i - 1):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a

def celsius(f):
    return (f - 32) * 5 / 9

def common(a, b):
    return sorted(set(a) & set(b))

def squares(n):
    return [i ** 2 for i in range(1, n + 1)]

def distinct(xs):
    result = []
    for x in xs:
        if x not in result:
            result.append(x)
    return result

def vowels(text):
    count = 0
    for letter in text:
        if letter in "aeiou":
            count += 1
    return count
"""


@pytest.fixture(scope="module")
def index() -> Index:
    return load_index()


@pytest.mark.parametrize("code", GENERIC.strip().split("\n\n"), ids=lambda code: code[4 : code.index("(")])
def test_a_generic_solution_is_not_flagged(index: Index, code: str) -> None:
    assert index.matches(code) is None
    header, _, body = code.partition("\n")
    assert index.matches(f'{header}\n    """Return what is asked for."""\n{body}', "Return what is asked for.") is None


@pytest.mark.parametrize(
    "code",
    [
        "def add(a, b):\n    return a + b\n",
        "def first(items):\n    for item in items:\n        return item\n    return None\n",
        "def f(n):\n    for i in range(len(n)):\n        if n[i] > 0:\n            return i\n    return -1\n",
        "",
        "(((",
        "for i in range(10):\n    print(i)\n",
    ],
)
def test_scraps_of_code_are_not_flagged(index: Index, code: str) -> None:
    assert index.matches(code) is None


def test_functions_of_packages_are_not_flagged(index: Index) -> None:
    programs: list[str] = []
    for module in (_pytest.assertion.util, pydantic.main, rich.table, yaml.scanner):
        source = Path(module.__file__ or "").read_text()
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
        programs += [ast.get_source_segment(source, node) or "" for node in nodes]
    assert len(programs) > 150
    assert [match for match in map(index.matches, programs) if match is not None] == []
