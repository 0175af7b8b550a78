"""Scorecards as they are stored: canonical JSON, written and read. A set has tens of thousands of them.

Most of a card is what the checker scored, and hardly anybody asks for that: it is read when somebody does, and taken
over as it stands when only other scores have changed. Where a part of a card begins is told by a key and the brackets
about it; a text cannot hold these, because in a text JSON writes a backslash before the quotation mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, overload

import orjson

from scoring.scorecard import Safety, SafetyState, Scorecard
from specs.canonical import Json, canonical_json, floatless_json, is_plain

STATES = {state.value: state for state in SafetyState}
_SAFETY, _SCORES, _STATE, _SCORERS = ',"safety":{', ',"scores":{', '},"state":"', '},"scorers":{'

Score = tuple[str, float]


class StoredScores(Sequence[Score]):
    """(concept, score) pairs from a JSON object's text, which is read at the first question. Equal to their tuple."""

    __slots__ = ("_pairs", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._pairs: tuple[Score, ...] | None = None

    def _read(self) -> tuple[Score, ...]:
        if self._pairs is None:
            self._pairs = tuple(orjson.loads(self._text).items())
        return self._pairs

    @overload
    def __getitem__(self, at: int) -> Score: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Score, ...]: ...

    def __getitem__(self, at: int | slice) -> Score | tuple[Score, ...]:
        return self._read()[at]

    def __len__(self) -> int:
        return len(self._read())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredScores | tuple):
            return NotImplemented
        return self._read() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


def scorecard_of(card: str) -> Scorecard:
    """A scorecard from its canonical JSON."""
    scores = card.index(_SCORES) + len(_SCORES) - 1
    state = card.index(_STATE, scores) + 1
    scorers = card.rindex(_SCORERS)
    value: dict[str, Any] = orjson.loads(f"{card[:scores]}0{card[state : scorers + 1]}}}")
    safety = value["safety"]
    return Scorecard(
        image_sha256=value["image_sha256"],
        aesthetic=value["aesthetic"],
        adherence=value["adherence"],
        rank=value["rank"],
        margin=value["margin"],
        safety=Safety(
            state=STATES[safety["state"]],
            found=tuple(safety["found"]),
            covers=safety["covers"],
            scores=StoredScores(card[scores:state]),
            why=safety["why"],
        ),
        defects=tuple(value["defects"]),
        scorers=_scorers_of(card[scorers + len(_SCORERS) - 1 : -1]),
        extra=tuple(value["extra"].items()),
    )


def card_text(card: Scorecard, before: Scorecard, its_text: str) -> str:
    """A scorecard's canonical JSON, when ``its_text`` is that of the card before it.

    What the checker said is taken over where it is the same, not written again.
    """
    if card.safety is not before.safety:
        return canonical_json(card.value()).decode()
    safety = its_text[its_text.index(_SAFETY) : its_text.rindex(_SCORERS)]
    value: Json = {
        "adherence": card.adherence,
        "aesthetic": card.aesthetic,
        "defects": card.defects,
        "extra": dict(card.extra),
        "image_sha256": card.image_sha256,
        "margin": card.margin,
        "rank": card.rank,
    }
    scores = (card.aesthetic, card.adherence, card.margin, *(score for _, score in card.extra))
    write = floatless_json if all(score is None or is_plain(score) for score in scores) else canonical_json
    return f"{write(value)[:-1].decode()}{safety}{_SCORERS[:-1]}{_scorers_text(card.scorers)}}}"


@lru_cache(maxsize=256)  # the cards of a set were measured by few kinds of scorers
def _scorers_text(scorers: tuple[tuple[str, str], ...]) -> str:
    return canonical_json(dict(scorers)).decode()


@lru_cache(maxsize=256)
def _scorers_of(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(orjson.loads(text).items())
