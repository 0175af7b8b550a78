"""Templates: ``a {colour} {subject}`` over a row's columns → the prompt that the model reads.

``{name}`` is a column's text, ``{{`` and ``}}`` are braces. Nothing else is special: A1111's ``(word:1.2)`` passes
through. The result is in Unicode normal form C with runs of white space as one space, which the text encoders do too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from specs.canonical import nfc
from specs.errors import InvalidValue

PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
ALLOWED = "{column} for a column's text, {{ and }} for braces"


@dataclass(frozen=True, slots=True)
class Template:
    """A template, taken apart: texts and, between them, the names of variables; ``variables`` has each name once."""

    texts: tuple[str, ...]  # one more than names
    names: tuple[str, ...]
    variables: tuple[str, ...]

    def fill(self, columns: Mapping[str, str]) -> str:
        """The text with every variable's value, normalised; raises KeyError for a variable without a column."""
        parts = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            parts.append(columns[name])
            parts.append(text)
        return normalised("".join(parts))


def normalised(text: str) -> str:
    """NFC, runs of white space as one space, none at the ends."""
    return nfc(" ".join(text.split()))


def compile_template(text: str) -> Template:
    """Takes a template apart; raises InvalidValue for a lone brace or an empty name."""
    texts: list[str] = []
    names: list[str] = []
    literal = ""
    for match in PIECE.finditer(text):
        piece = match[0]
        if piece in ("{{", "}}"):
            literal += piece[0]
        elif match[1] is not None:
            if not match[1].strip():
                raise InvalidValue("{} without a column's name", ALLOWED)
            texts.append(literal)
            names.append(match[1].strip())
            literal = ""
        elif piece in ("{", "}"):
            near = text[match.start() : match.start() + 12] if piece == "{" else text[: match.end()][-12:]
            raise InvalidValue(f"a single {piece} in '{near}'", ALLOWED)
        else:
            literal += piece
    return Template((*texts, literal), tuple(names), tuple(dict.fromkeys(names)))
