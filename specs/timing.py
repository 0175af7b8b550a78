"""Cron lines and time zones, checked without a scheduler."""

from __future__ import annotations

import re
import zoneinfo

from specs.checks import Check, near, show
from specs.errors import Refusal

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of week", 0, 7, DAYS),
)
PART = re.compile(r"(\*|[0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?(?:/([0-9]{1,2}))?")
CRON_ALLOWED = "five fields (minute hour day month weekday) of *, numbers, ranges a-b, lists a,b and steps /n"


def _cron(value: object) -> str:
    if not isinstance(value, str):
        raise Refusal(show(value), CRON_ALLOWED, mend="quote it")
    fields = value.split()
    if len(fields) != len(FIELDS):
        raise Refusal(f"{show(value)} with {len(fields)} fields", CRON_ALLOWED)
    for text, (name, low, high, words) in zip(fields, FIELDS, strict=True):
        for part in text.lower().split(","):
            if not _part_fits(part, low, high, words):
                raise Refusal(f"{show(part)} as {name} in {show(value)}", f"{name} {low} to {high}, *, a-b, a,b or */n")
    return " ".join(fields)


def _part_fits(part: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    match = PART.fullmatch(part)
    if not match:
        return False
    first, last, step = match.groups()
    if step is not None and not 1 <= int(step) <= high:
        return False
    if first == "*":
        return last is None
    numbers = [_number(word, low, words) for word in (first, last) if word is not None]
    return all(n is not None and low <= n <= high for n in numbers) and numbers == sorted(n or 0 for n in numbers)


def _number(word: str, low: int, words: tuple[str, ...]) -> int | None:
    if word.isdigit():
        return int(word)
    return words.index(word) + low if word in words else None


def _timezone(value: object) -> str:
    allowed = "an IANA time zone such as Europe/Berlin, Asia/Tokyo or UTC"
    zones = zoneinfo.available_timezones()
    if not isinstance(value, str):
        raise Refusal(show(value), allowed)
    if value not in zones:
        raise Refusal(show(value), allowed, mean=near(value, zones))
    return value


CRON = Check(CRON_ALLOWED, _cron, {"type": "string"})
TIMEZONE = Check("an IANA time zone", _timezone, {"type": "string"})
