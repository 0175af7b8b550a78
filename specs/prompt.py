"""Templates: ``a {colour} {subject}`` over a row's columns → the prompt that the model reads.

``{name}`` is a column's text, ``{{`` and ``}}`` are braces. Nothing else is special: A1111's ``(word:1.2)`` passes
through. The result is in Unicode normal form C with runs of white space as one space, which the text encoders do too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from specs.canonical import nfc
from specs.errors import Refusal

PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
ALLOWED = "{column} for a column's text, {{ and }} for braces"


@dataclass(frozen=True, slots=True)
class Template:
    """A template, taken apart: literal texts and, after each, the name of the variable that follows (or None)."""

    pieces: tuple[tuple[str, str | None], ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables' names, each once, in the order of their first use."""
        return tuple(dict.fromkeys(name for _, name in self.pieces if name is not None))

    def fill(self, columns: Mapping[str, str]) -> str:
        """The text with every variable's value, normalised; raises KeyError for a variable without a column."""
        parts = []
        for literal, variable in self.pieces:
            parts.append(literal)
            if variable is not None:
                parts.append(columns[variable])
        return normalised("".join(parts))


def normalised(text: str) -> str:
    """NFC, runs of white space as one space, none at the ends."""
    return nfc(" ".join(text.split()))


def compile_template(text: str) -> Template:
    """Takes a template apart; raises Refusal for a lone brace or an empty name."""
    pieces: list[tuple[str, str | None]] = []
    literal = ""
    for match in PIECE.finditer(text):
        piece = match[0]
        if piece in ("{{", "}}"):
            literal += piece[0]
        elif match[1] is not None:
            if not match[1].strip():
                raise Refusal("{} without a column's name", ALLOWED)
            pieces.append((literal, match[1].strip()))
            literal = ""
        elif piece in ("{", "}"):
            near = text[match.start() : match.start() + 12] if piece == "{" else text[: match.end()][-12:]
            raise Refusal(f"a single {piece} in '{near}'", ALLOWED)
        else:
            literal += piece
    pieces.append((literal, None))
    return Template(tuple(pieces))
