"""Cells of reserved columns (``picture.steps``, ``seeds``) as the values that the same keys have in YAML.

A cell is text whatever it looks like: what a spreadsheet writes for numbers and truth is read here, and what could be
read in two ways is refused. Nothing of YAML's own readings (``no`` as false, ``017`` as 15) applies to a cell.
"""

from __future__ import annotations

import re

from specs.errors import InvalidValue
from specs.reading.document import DECIMAL, WHOLE, Node
from specs.spec import Place
from specs.values.checks import show

TEXT_COLUMNS = ("title", "prompt", "negative")
LIST_COLUMNS = ("seeds", "picture.trim_mm", "keep.allow_defects")
SEPARATED = re.compile(r"[\s,;]+")
GROUPED = re.compile(r"(?<![0-9])[0-9]{1,3}(?:[,.'’\u00a0\u2009\u202f][0-9]{3})+(?![0-9])")
TIMES = re.compile(r"\s*[x×X*]\s*|\s*;\s*|\s+")
DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]+")
ZEROS = re.compile(r"(-?[0-9]+)\.0+")
SEEDS_ALLOWED = "whole numbers separated by spaces or semicolons"
TRIM_ALLOWED = "width and height in mm, such as 63x88 or 63.5x88.9"


def cell_node(name: str, text: str, place: Place) -> Node:
    """The value of a reserved column's cell; raises InvalidValue for what is ambiguous."""
    if name in TEXT_COLUMNS:
        return Node(place, scalar=text)
    if name == "seeds":
        parts = _seeds(text)
    elif name == "picture.trim_mm":
        parts = _trim(text)
    elif name in LIST_COLUMNS:
        parts = SEPARATED.split(text)
    else:
        return Node(place, scalar=_value(text))
    return Node(place, items=[Node(place, scalar=_value(part)) for part in parts if part])


def _value(text: str) -> str | int | float | bool:
    """A number in its usual form (``4.0``, which spreadsheets write for 4, is whole), TRUE or FALSE, or text."""
    whole = ZEROS.fullmatch(text)
    if WHOLE.fullmatch(whole[1] if whole else text):
        return int(whole[1] if whole else text)
    if DECIMAL.fullmatch(text):
        return float(text)
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    return text


def _seeds(text: str) -> list[str]:
    grouped = GROUPED.search(text)
    if grouped:
        digits = re.sub(r"\D", "", grouped[0])
        listed = " ".join(re.findall("[0-9]+", grouped[0]))
        got = f"{show(text)}, where {show(grouped[0])} may be one number or several"
        raise InvalidValue(got, SEEDS_ALLOWED, mend=f"write {digits} for one, {listed} for several")
    return SEPARATED.split(text)


def _trim(text: str) -> list[str]:
    bare = re.sub(r"\s*mm\b", "", text)
    if DECIMAL_COMMA.fullmatch(bare.strip()):
        width, height = bare.strip().split(",")
        got = f"{show(text)}, which may be {width} by {height}, or {width}.{height} alone"
        mend = f"write {width}x{height} for the first, {width}.{height}xHEIGHT with its height for the second"
        raise InvalidValue(got, TRIM_ALLOWED, mend=mend)
    if bare != text:
        raise InvalidValue(show(text), TRIM_ALLOWED, mend=f"write it without the unit: {bare.strip()}")
    parts = [part for part in TIMES.split(text.strip()) if part]
    numbers = [part.strip(",") for part in parts]
    if len(parts) == 1 and text.count(",") == 3 and "." not in text:
        first, second, third, fourth = text.split(",")
        numbers = [f"{first},{second}", f"{third},{fourth}"]
    if len(numbers) > 1 and any(DECIMAL_COMMA.fullmatch(number) for number in numbers):
        meant = "x".join(number.replace(",", ".") for number in numbers)
        raise InvalidValue(f"{show(text)}, with decimal commas", TRIM_ALLOWED, mend=f"write a decimal point: {meant}")
    return [piece for part in parts for piece in part.split(",")]
