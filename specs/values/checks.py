"""Checks of single values: each takes what the file says and gives the value, or raises InvalidValue.

A ``Check`` is one object with everything that is to be said of a value: what is allowed in words, the function that
decides, and the JSON Schema that an editor needs.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from specs.errors import InvalidValue
from specs.reading.document import AmbiguousScalar, surprise
from specs.values.characters import escaped, hidden_in, named

MOST_SHOWN_TEXT = 60
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
MOST_NAME = 64
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
DEVICE_NAMES = frozenset(["con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))])


@dataclass(frozen=True, slots=True)
class Check:
    """``decide(value)`` gives the accepted value or raises InvalidValue; ``allowed`` says in words what it accepts."""

    allowed: str
    decide: Callable[[object], Any]
    schema: Mapping[str, Any]

    def __call__(self, value: object) -> Any:
        return self.decide(value)


def show(value: object) -> str:
    """A received value as an error message shows it: short, and never mistaken for another type."""
    if isinstance(value, AmbiguousScalar):
        return surprise(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        short = value if len(value) <= MOST_SHOWN_TEXT else value[: MOST_SHOWN_TEXT - 1] + "…"
        return "'" + escaped(short) + "'"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return "nothing" if value is None else str(value)


def near(name: str, names: Iterable[str]) -> str:
    """The closest of the names that exist, in quotes, or "" when none is close."""
    known = {known.casefold(): known for known in names}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
    return f"'{known[found[0]]}'" if found else ""


def listed(names: Iterable[str], most: int = 40) -> str:
    """Names in a sentence: ``a, b, c``, cut off with a count when there are very many."""
    names = list(names)
    tail = f", … ({len(names) - most} more)" if len(names) > most else ""
    return ", ".join(names[:most]) + tail


def whole(low: int, high: int, multiple: int = 1) -> Check:
    """A whole number, ``low`` ≤ n ≤ ``high``, a multiple of ``multiple``."""
    allowed = f"a whole number from {low} to {high}" + (f", a multiple of {multiple}" if multiple > 1 else "")
    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    if multiple > 1:
        schema["multipleOf"] = multiple

    def decide(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise InvalidValue(show(value), allowed, *_meant(value, low, high))
        if value % multiple:
            lower, upper = value - value % multiple, value - value % multiple + multiple
            raise InvalidValue(show(value), allowed, mean=f"{lower if lower >= low else upper} or {min(upper, high)}")
        return value

    return Check(allowed, decide, schema)


def _meant(value: object, low: float, high: float, whole_only: bool = True) -> tuple[str, str]:
    """(did you mean, fix) where a number was written as something else: 017, "7", 1,000, 5,5, 25%, or -1 for none."""
    if type(value) in (int, float):
        return "", "leave it out for the default" if value in (-1, 0) and low > value else ""
    if isinstance(value, AmbiguousScalar):
        octal = re.fullmatch("0[0-9]{1,17}", value.text) and low <= int(value.text) <= high
        return (str(int(value.text)), "") if octal else ("", "")
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch("0[0-9]{1,17}", text) and low <= int(text) <= high:
        return str(int(text)), ""
    if _fits(text, low, high, whole_only):
        return "", "remove the quotes"
    if re.fullmatch(r"[0-9]{1,3}([,.'’\s\u00a0\u202f][0-9]{3})+", text):
        digits = re.sub(r"\D", "", text)
        return "", f"write it without thousands separators: {digits}"
    if re.fullmatch(r"-?[0-9]+,[0-9]+", text):
        return "", f"write it with a decimal point: {text.replace(',', '.')}"
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?\s?%", text):
        return "", f"write it as a fraction: {float(text.rstrip('% ').replace(',', '.')) / 100:g}"
    return "", ""


def _fits(text: str, low: float, high: float, whole_only: bool) -> bool:
    form = "-?[0-9]{1,18}" if whole_only else r"-?[0-9]{1,18}(\.[0-9]{1,17})?"
    return bool(re.fullmatch(form, text)) and low <= float(text) <= high


def number(low: float, high: float, unit: str = "") -> Check:
    """A finite number, ``low`` ≤ x ≤ ``high``, as a float."""
    allowed = f"a number from {low:g} to {high:g}{unit and ' ' + unit}"

    def decide(value: object) -> float:
        if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type,operator]
            raise InvalidValue(show(value), allowed, *_meant(value, low, high, whole_only=False))
        return float(value)  # type: ignore[arg-type]

    return Check(allowed, decide, {"type": "number", "minimum": low, "maximum": high})


def text(most: int, allowed: str = "", least: int = 1) -> Check:
    """Text of ``least`` to ``most`` characters, without control characters other than line ends and tabs."""
    allowed = allowed or f"text of at most {most} characters"

    def decide(value: object) -> str:
        if not isinstance(value, str):
            raise InvalidValue(show(value), allowed, mend=_quoting(value, decide))
        if not least <= len(value.strip()) or len(value) > most:
            got = show(value) if len(value) <= most else f"{len(value)} characters"
            raise InvalidValue(got, allowed)
        if CONTROL.search(value):
            raise InvalidValue(show(value), f"{allowed}, no control characters")
        hidden = hidden_in(value)
        if hidden:
            fix = "delete the character, or type the text anew"
            raise InvalidValue(f"{show(value)} with {named(hidden)}", f"{allowed}, all of it visible", mend=fix)
        return value

    return Check(allowed, decide, {"type": "string", "minLength": least, "maxLength": most})


def name(kind: str) -> Check:
    """A safe name: ``[a-z0-9][a-z0-9-]*``, at most 64 characters, no device name; it becomes part of file names."""
    allowed = f"{kind} of a-z, 0-9 and -, not starting with -, at most {MOST_NAME} characters"

    def decide(value: object) -> str:
        if not isinstance(value, str):
            raise InvalidValue(show(value), allowed, mend=_quoting(value, decide))
        if value in DEVICE_NAMES:
            raise InvalidValue(f"{show(value)}, a device name on Windows", allowed, mean=f"'{value}-1'")
        if not NAME.fullmatch(value) or len(value) > MOST_NAME:
            better = re.sub(r"[^a-z0-9]+", "-", value.casefold()).strip("-")[:MOST_NAME]
            raise InvalidValue(
                show(value), allowed, mean=f"'{better}'" if better and better not in DEVICE_NAMES else ""
            )
        return value

    pattern = r"^[a-z0-9][a-z0-9-]*$"
    return Check(allowed, decide, {"type": "string", "pattern": pattern, "maxLength": MOST_NAME})


def one_of(names: Iterable[str], allowed: str = "", suggest: Callable[[str], str] | None = None) -> Check:
    """One of some words. ``allowed`` says so in other words where they are too many to name; ``suggest`` knows
    which word somebody meant better than its letters tell."""
    names = tuple(names)
    allowed = allowed or listed(names)

    def decide(value: object) -> str:
        if not isinstance(value, str):
            raise InvalidValue(show(value), allowed, mend=_quoting(value, decide))
        if value not in names:
            meant = suggest(value) if suggest is not None else ""
            raise InvalidValue(show(value), allowed, f"'{meant}'" if meant else near(value, names))
        return value

    return Check(allowed, decide, {"type": "string", "enum": list(names)})


def pattern(expression: str, allowed: str, most: int = 200) -> Check:
    """Text that matches a regular expression as a whole."""
    compiled = re.compile(expression)

    def decide(value: object) -> str:
        if not isinstance(value, str):
            raise InvalidValue(show(value), allowed, mend=_quoting(value, decide))
        if len(value) > most or not compiled.fullmatch(value):
            raise InvalidValue(show(value), allowed)
        return value

    return Check(allowed, decide, {"type": "string", "pattern": f"^{expression}$", "maxLength": most})


def truth() -> Check:
    """true or false."""

    def decide(value: object) -> bool:
        if not isinstance(value, bool):
            raise InvalidValue(show(value), "true or false", _truth_meant(value))
        return value

    return Check("true or false", decide, {"type": "boolean"})


TRUE_WORDS = "true yes y on 1 x ✓ ✔ ☑ wahr ja vrai oui verdadero sí vero pravda истина да 真 はい"
FALSE_WORDS = "false no n off 0 falsch nein faux non falso nepravda ложь нет 偽 いいえ"


def _truth_meant(value: object) -> str:
    word = (value.text if isinstance(value, AmbiguousScalar) else str(value)).strip().casefold()
    return "true" if word in TRUE_WORDS.split() else "false" if word in FALSE_WORDS.split() else ""


def many(of: Check, most: int, distinct: bool = True, exactly: int | None = None, least: int = 0) -> Check:
    """A list of values that each pass ``of``; the first that does not is named by its position."""
    count = f"exactly {exactly}" if exactly is not None else f"{least} to {most}" if least else f"at most {most}"
    allowed = f"a list of {count}, each {of.allowed}"
    schema: dict[str, Any] = {"type": "array", "items": dict(of.schema), "maxItems": exactly or most}
    if exactly or least:
        schema["minItems"] = exactly or least
    if distinct:
        schema["uniqueItems"] = True

    def decide(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise InvalidValue(show(value), allowed)
        if len(value) > most or len(value) < least or (exactly is not None and len(value) != exactly):
            raise InvalidValue(f"a list of {len(value)}", allowed, mend=_decimal_commas(value, exactly))
        accepted = tuple(_item(of, position, item) for position, item in enumerate(value, 1))
        for position, item in enumerate(accepted):
            if distinct and item in accepted[:position]:
                raise InvalidValue(f"{show(item)} twice", f"{allowed}, no two equal")
        return accepted

    return Check(allowed, decide, schema)


def _decimal_commas(value: list[object], exactly: int | None) -> str:
    """The fix of a list that has twice as many whole numbers as it should: ``[63,5, 88,9]``."""
    if exactly is None or len(value) != 2 * exactly or any(type(item) is not int for item in value):
        return ""
    pairs = zip(value[::2], value[1::2], strict=True)
    return f"write numbers with a decimal point: [{', '.join(f'{whole}.{part}' for whole, part in pairs)}]"


def _item(of: Check, position: int, item: object) -> Any:
    try:
        return of(item)
    except InvalidValue as refusal:
        got = f"{refusal.got} as number {position} of the list"
        raise InvalidValue(got, refusal.allowed, refusal.mean, refusal.mend) from None


def _quoting(value: object, decide: Callable[[object], Any]) -> str:
    """The mend of a value that would be right as text, "" when it would not."""
    written = value.text if isinstance(value, AmbiguousScalar) else show(value)
    if not isinstance(value, AmbiguousScalar | bool | int | float) or not written:
        return ""
    try:
        decide(written)
    except InvalidValue:
        return ""
    return f'quote it: "{written}"'


def _cell(value: object) -> str:
    if isinstance(value, str):
        return str(LINE(value))
    if type(value) in (int, float):
        return repr(value)
    raise InvalidValue(show(value), CELL.allowed, mend=_quoting(value, LINE))


LINE = text(2000, least=0)
CELL = Check("text or a number", _cell, {"type": ["string", "number"]})
