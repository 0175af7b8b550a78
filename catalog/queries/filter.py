"""What of a library is asked for: a value that the command line, the review page and saved searches share. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.writes.annotations import check_tag
from specs.canonical import Json
from specs.errors import UsageError
from specs.values.checks import listed, show

STATES = ("kept", "rejected", "waiting", "unclear", "all")
USES = ("commercial", "noncommercial", "internal")
_PATTERN = re.compile(r"[^\x00-\x1f\x7f\[\]]{1,200}")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PERSON = re.compile(r"policy|person|person:\S.{0,99}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Filter:
    """Every field narrows; what is left at its default does not. Raises UsageError for a value that cannot be one.

    ``sets``, ``assets``, ``checkpoints``, ``licences``: patterns with ``*`` and ``?``, any of which may match.
    ``tags``: all of them on the candidate. ``reasons``: any of them in the verdict that counts (``outscored`` is also
    ``outscored:<picture>``). ``decided_by``: policy, person or person:NAME. ``use`` is that of the rights decision on
    record; ``commercial``: only what it allows to be exported commercially. ``since`` ≤ decided (else made) <
    ``until``: UTC, as ``moment`` gives them. ``text``: a part of the prompt, in whatever case. ``former``: also of
    assets that the spec no longer has. ``state``: kept, rejected, waiting (no person has decided), unclear (not
    measured clear) or all.
    """

    sets: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    decided_by: str = ""
    checkpoints: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    use: str = ""
    commercial: bool = False
    min_aesthetic: float | None = None
    min_adherence: float | None = None
    since: str = ""
    until: str = ""
    text: str = ""
    former: bool = False
    state: str = "kept"

    def __post_init__(self) -> None:
        for name in ("sets", "assets", "checkpoints", "licences"):
            for pattern in getattr(self, name):
                _require(_PATTERN.fullmatch(pattern), name, pattern, "a name, in which * and ? stand for any letters")
        for tag in self.tags:
            check_tag(tag)
        for reason in self.reasons:
            _require(_REASON.fullmatch(reason), "reason", reason, "a name like off_style")
        if self.decided_by:
            _require(_PERSON.fullmatch(self.decided_by), "by", self.decided_by, "policy, person or person:NAME")
        _require(self.use in ("", *USES), "use", self.use, listed(USES))
        _require(self.state in STATES, "state", self.state, listed(STATES))
        for name in ("min_aesthetic", "min_adherence"):
            value = getattr(self, name)
            _require(value is None or math.isfinite(value), name.replace("_", "-"), value, "a number")
        for name in ("since", "until"):
            value = getattr(self, name)
            _require(not value or moment(value) == value, name, value, "a moment as moment() gives it")
        in_order = not (self.since and self.until) or self.since < self.until
        _require(in_order, "until", self.until, f"a moment after --since, {self.since}")
        _require(len(self.text) <= 200, "text", self.text, "at most 200 letters")

    def value(self) -> dict[str, Json]:
        """As JSON, defaults left out."""
        found: dict[str, Json] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                found[field.name] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Filter:
        """The inverse of ``value``. UsageError for a key or a type that is not a filter's."""
        known = {field.name: field.default for field in fields(cls)}
        for name, got in value.items():
            _require(name in known, "filter", name, listed(known))
            _require(_is_like(got, known[name]), name, got, f"as in {_sample(known[name])}")
        found: dict[str, Any] = {name: tuple(got) if isinstance(got, list) else got for name, got in value.items()}
        return cls(**found)


def moment(text: str, *, end: bool = False) -> str:
    """A day (2026-11-22) or a moment (2026-11-22T18:00, with Z or an offset; UTC without) as rows spell it.

    With ``end`` a day stands for its last instant's end: the beginning of the next one. UsageError.
    """
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if end and _DAY.fullmatch(text):
            found += timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"date: got {show(text)}; allowed: a day such as 2026-11-22, or 2026-11-22T18:00Z.") from error
    return found.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _sample(default: object) -> str:
    """What a field holds, in a word."""
    return {tuple: '["…"]', bool: "true", str: '"…"'}.get(type(default), "5.5")


def _is_like(got: object, default: object) -> bool:
    if default is None:
        return type(got) in (int, float)
    if isinstance(default, tuple):
        return isinstance(got, list) and all(isinstance(item, str) for item in got)
    return type(got) is type(default)


def _require(holds: object, name: str, got: object, allowed: str) -> None:
    if not holds:
        raise UsageError(f"{name}: got {show(got)}; allowed: {allowed}.")
