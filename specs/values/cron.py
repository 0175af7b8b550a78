"""Cron lines, checked without a scheduler, and when they fire."""

from __future__ import annotations

import calendar
import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from specs.errors import InvalidValue
from specs.spec import Schedule
from specs.values.checks import Check, show

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
LEAP_YEAR = 2024
HORIZON_DAYS = 40 * 366  # 29 February comes again within eight years at most, on a given weekday within forty


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line as the numbers that each field allows. With both days restricted either one fires, as in cron."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 = Sunday
    any_day: bool
    any_weekday: bool

    def fires_on(self, day: date) -> bool:
        """Whether it fires on a day."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday


def next_firing(schedule: Schedule, after: datetime) -> datetime | None:
    """When a schedule fires first after a moment (aware), in its own time zone; None for never, within 40 years.

    A time that a clock skips in spring does not come on that day; one that comes twice in autumn counts once.
    """
    if schedule.cron is None:
        return after + timedelta(seconds=schedule.interval_s or 0)
    zone = zoneinfo.ZoneInfo(schedule.timezone)
    cron, local = read_cron(schedule.cron), after.astimezone(zone)
    for offset in range(HORIZON_DAYS):
        day = local.date() + timedelta(days=offset)
        if not cron.fires_on(day):
            continue
        for hour in sorted(cron.hours):
            for minute in sorted(cron.minutes):
                moment = datetime.combine(day, time(hour, minute), zone)
                exists = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None)
                if exists and moment.astimezone(UTC) > after.astimezone(UTC):
                    return moment
    return None


def read_cron(line: str) -> Cron:
    """A cron line's fields; raises InvalidValue for what is none."""
    fields = line.split()
    if len(fields) != len(FIELDS):
        raise InvalidValue(f"{show(line)} with {len(fields)} fields", CRON_ALLOWED)
    sets = []
    for text, (name, low, high, words) in zip(fields, FIELDS, strict=True):
        numbers: set[int] = set()
        for part in text.lower().split(","):
            found = _part(part, low, high, words)
            if not found:
                allowed = f"{name} {low} to {high}, *, a-b, a,b or */n"
                raise InvalidValue(f"{show(part)} as {name} in {show(line)}", allowed)
            numbers |= found
        sets.append(frozenset(numbers))
    weekdays = frozenset(day % 7 for day in sets[4])
    return Cron(sets[0], sets[1], sets[2], sets[3], weekdays, len(sets[2]) == 31, len(weekdays) == 7)


def _cron(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValue(show(value), CRON_ALLOWED, mend="quote it")
    cron = read_cron(value)
    lengths = {month: calendar.monthrange(LEAP_YEAR, month)[1] for month in cron.months}
    if min(cron.days) > max(lengths.values()):
        names = ", ".join(calendar.month_name[month] for month in sorted(cron.months))
        days = ", ".join(str(day) for day in sorted(cron.days))
        got = f"{show(value)}, whose day {days} never comes in {names}"
        raise InvalidValue(
            got, f"a day of month up to {max(lengths.values())} there", mend="correct the day or the month"
        )
    return " ".join(value.split())


def _part(part: str, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    """The numbers of one part of a field, none where it does not fit."""
    match = PART.fullmatch(part)
    if not match:
        return set()
    first, last, step = match.groups()
    if step is not None and not 1 <= int(step) <= high:
        return set()
    if first == "*":
        return set(range(low, high + 1, int(step or 1))) if last is None else set()
    numbers = [_number(word, low, words) for word in (first, last) if word is not None]
    start, end = numbers[0], numbers[-1]
    if start is None or end is None or not low <= start <= end <= high:
        return set()
    end = high if last is None and step is not None else end  # a/n goes on from a to the end, as Prefect reads it
    return set(range(start, end + 1, int(step or 1)))


def _number(word: str, low: int, words: tuple[str, ...]) -> int | None:
    if word.isdigit():
        return int(word)
    return words.index(word) + low if word in words else None


CRON = Check(CRON_ALLOWED, _cron, {"type": "string"})
