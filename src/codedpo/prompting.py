"""Tasks, seeds and programs in, chat messages out: the one place that words what a model reads or writes.

Sampling, training and evaluation all render the solution prompt and the completion here, so that a model is
trained on the form in which it is asked. In every template what stays the same comes first and the task last, so that
servers read the shared beginning once (prefix caches). A base model reads a chat as one text, see `text_prompt`.
"""

from __future__ import annotations

import functools
import json
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from codedpo.records import Message

_SECTION = re.compile(r"^\[(user|assistant|system)\]\n", re.MULTILINE)


_INSTRUCTION, _RESPONSE = "### Instruction", "### Response"
TEXT_STOPS = (f"\n{_INSTRUCTION}", f"\n{_RESPONSE}")
"""Where the answer of a model that only continues text ends, beside its own end tokens."""


@dataclass(frozen=True)
class TextPrompt:
    """A text that a model goes on with."""

    text: str
    """Ends where the model begins."""
    stop: tuple[str, ...] = ()
    """Where the answer ends, beside the caller's own stops."""


@dataclass(frozen=True)
class Template:
    """A prompt template: a chat with `$placeholders`, and the version that every row records."""

    version: str
    turns: tuple[tuple[str, str], ...]
    """(role, text) each."""

    def render(self, **values: str) -> tuple[Message, ...]:
        """The chat with its placeholders filled in."""
        return tuple(
            Message(role=role, content=string.Template(text).substitute(values) if role == "user" else text)
            for role, text in self.turns
        )


@functools.cache
def template(name: str) -> Template:
    """The template file `prompts/<name>.txt`."""
    text = (resources.files("codedpo") / "prompts" / f"{name}.txt").read_text(encoding="utf-8")
    head, *sections = _SECTION.split(text)
    version = head.removeprefix("version:").strip()
    turns = tuple(zip(sections[::2], (body.strip() for body in sections[1::2]), strict=True))
    return Template(version=f"{name}-{version}", turns=turns)


def solution_prompt(text: str, signature: str) -> tuple[Message, ...]:
    """The chat that asks for a solution of a task."""
    return template("solution").render(text=text, signature=signature)


def completion(program: str) -> Message:
    """A program in the form in which a model is asked to answer."""
    return Message(role="assistant", content=f"```python\n{program.strip()}\n```")


def text_prompt(messages: Sequence[Message]) -> TextPrompt:
    """A chat as one text for a base model, which learns the form from examples.

    A chat that shows none gets the worked example of `prompts/base.txt` before it.
    """
    shown = any(message["role"] == "assistant" for message in messages)
    turns = [*(() if shown else template("base").render()), *messages]
    return TextPrompt(f"{_turns(turns)}{_RESPONSE}:\n", TEXT_STOPS)


def text_chat_template() -> str:
    """`text_prompt` as a chat template in Jinja, for training and for generation in this process.

    A chat that ends with the model's own turn is one to train on: that turn ends with the end token, and is no example.
    """
    return (
        "{% set shown = namespace(one=false) %}"
        "{% for m in messages %}{% if m.role == 'assistant' and not loop.last %}{% set shown.one = true %}{% endif %}"
        "{% endfor %}"
        f"{{% if not shown.one %}}{{{{ {json.dumps(_turns(template('base').render()))} }}}}{{% endif %}}"
        "{% for m in messages %}"
        f"{{{{ '{_RESPONSE}' if m.role == 'assistant' else '{_INSTRUCTION}' }}}}{{{{ ':\\n' }}}}"
        "{{ m.content | trim }}"
        "{{ eos_token if m.role == 'assistant' and loop.last else '\\n\\n' }}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}{{{{ '{_RESPONSE}:\\n' }}}}{{% endif %}}"
    )


def _turns(turns: Sequence[Message]) -> str:
    headings = {"assistant": _RESPONSE}
    return "".join(f"{headings.get(turn['role'], _INSTRUCTION)}:\n{turn['content'].strip()}\n\n" for turn in turns)
