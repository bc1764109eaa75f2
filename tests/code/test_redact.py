"""Secrets and e-mail addresses leave strings and comments; code that only looks like one stays."""

import random
import string

import pytest

from codedpo.code.redact import entropy, redact

DIGITS = "".join(random.Random(0).choices(string.ascii_letters + string.digits, k=40))
"""Stands for the random part of a key; no whole key stands in this file."""


def code(text: str, name: str = "place") -> str:
    return f'def f(a):\n    {name} = "{text}"\n    return a + {name}\n'


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        ("AKIA" + "IOSFODNN7EXAMPLE", "AWS key"),
        ("ghp_" + DIGITS, "GitHub token"),
        ("glpat-" + DIGITS[:20], "GitLab token"),
        ("xoxb-" + DIGITS, "Slack token"),
        ("AIza" + DIGITS[:35], "Google key"),
        ("sk_live_" + DIGITS, "Stripe key"),
        ("hf_" + DIGITS, "hub token"),
        ("sk-" + DIGITS, "API key"),
        ("npm_" + DIGITS[:36], "package registry token"),
        (f"eyJ{DIGITS}.eyJ{DIGITS}.{DIGITS}", "web token"),
        ("-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----", "private key"),
        ("https://anna:geheim@host.org/x", "password in an address"),
    ],
)
def test_a_known_form_is_replaced_wherever_it_stands(secret: str, kind: str) -> None:
    for text in (code(secret), f"def f(a):\n    return a  # {secret}\n", f'def f(a):\n    """Like {secret}."""\n'):
        redacted = redact(text)
        assert redacted.secrets[0] == kind
        assert "SECRET" in redacted.code
        assert secret not in redacted.code


@pytest.mark.parametrize("name", ["password", "api_key", "SECRET_TOKEN"])
def test_a_string_of_high_entropy_with_a_telling_name_is_replaced(name: str) -> None:
    assert redact(code(DIGITS[:16], name)).code == code("SECRET", name)


def test_a_long_string_of_high_entropy_is_replaced_whatever_its_name() -> None:
    assert redact(code(DIGITS)).code == code("SECRET")
    assert redact(f'def f(a, b={{"x": "{DIGITS}"}}):\n    return a\n').secrets == ("string of high entropy",)


@pytest.mark.parametrize(
    "text",
    [
        code(string.ascii_letters + string.digits),
        code("the quick brown fox jumps over the lazy dog twice"),
        code("some_long_identifier_with_many_words_in_it"),
        code("default", "password"),
        code("password", "token"),
        "def f(a, b):\n    return a@b.T + a @ b.transpose\n",
        '@decorator.name\ndef f(a):\n    """Uses @property."""\n    return a\n',
        code("someone@example.com"),
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    redacted = redact(text)
    assert (redacted.code, redacted.secrets, redacted.emails) == (text, (), 0)


def test_an_address_is_replaced_in_strings_and_comments_and_not_in_code() -> None:
    text = 'def f(a, b):\n    """By Anna <anna.b+c@mail.host.org>."""\n    return a@b.data  # ask bob@host.de\n'
    redacted = redact(text)
    assert redacted.emails == 2
    assert redacted.code == (
        'def f(a, b):\n    """By Anna <name@example.com>."""\n    return a@b.data  # ask name@example.com\n'
    )


def test_entropy_is_in_bits_per_character() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcdabcd") == 2
