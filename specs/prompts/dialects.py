"""Prompt syntax of other tools, which limner reads as plain text: where it stands in a prompt, so that it can be named.

Sources: AUTOMATIC1111's ``modules/prompt_parser.py`` and ``extra_networks.py``, ComfyUI's ``embedding:``, compel's
``word++``, NovelAI's ``{x}`` and ``1.5::x::``, dynamicprompts' ``{a|b}`` and ``__wildcard__``, Midjourney's ``--ar``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PLAIN = "plain"  # style.syntax: everything is meant as text


@dataclass(frozen=True, slots=True)
class Foreign:
    """``text`` as it stands in the prompt; ``what`` it means elsewhere; ``weights``: it names weights to be loaded."""

    text: str
    what: str
    weights: bool = False


# No text of any length costs more than its length: each pattern begins where no other match of its own can lie within,
# and what repeats takes all that it can (``++``, ``*+``) without going back.
_NETWORK = "<(?:lora|lyco|loha|hypernet):[^<>]*>"
_WILDCARD = r"(?<!\w)__(?=(?:[*/-]|_(?!_))*+[^\W_])(?:[^\W_]|[*/-]|_(?!_)|(?<=\w)__++(?=[^\W_]))++__++(?!\w)"
KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("weights to load", re.compile(_NETWORK, re.IGNORECASE)),
    ("escaped brackets", re.compile(r"\\[()\[\]{}]")),
    ("a schedule", re.compile(r"(?<!\\)\[[^\[\]:]*+:[^\[\]]*+\]")),
    ("alternation", re.compile(r"(?<!\\)\[[^\[\]:|]*+\|[^\[\]:]*+\]")),
    ("emphasis", re.compile(r"(?<!\\)\[[^\[\]:|]*\]|(?<!\\)\([^()\\]*\)(?:\d*\.?\d+)?")),
    ("a choice", re.compile(r"\{[^{}|]*+\|[^{}]*+\}")),
    ("emphasis", re.compile(r"\{[^{}|]*\}")),
    ("a wildcard", re.compile(_WILDCARD)),
    ("an embedding", re.compile(r"\bembedding:[\w./-]+")),
    ("emphasis", re.compile(r"(?<![\w)])[\w)]++(?:\+\+|--)[+-]*+(?=[\s,.;)]|$)")),
    ("emphasis", re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?::[^:]+::")),
    ("an option", re.compile(r"(?<!\S)--(?:ar|aspect|v|no|s|stylize|c|chaos|niji|seed|style|q|iw|tile|raw|[sc]ref)\b")),
)
WORDS = re.compile(r"\b(?:AND|BREAK)\b")  # nothing but capitals: in a text all of capitals they are words


def foreign_syntax(text: str) -> Iterator[Foreign]:
    """Each piece of other tools' syntax in a filled prompt, by kind and place; pieces may lie within one another."""
    for what, pattern in KINDS:
        for match in pattern.finditer(text):
            yield Foreign(match[0], what, weights=re.fullmatch(_NETWORK, match[0], re.IGNORECASE) is not None)
    if text != text.upper():
        yield from (Foreign(match[0], "composition") for match in WORDS.finditer(text))
