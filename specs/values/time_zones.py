"""Time zones: IANA names, and what people write instead of them.

Abbreviations name an offset, not a place, and several places use the same letters: they are never taken, and what is
suggested comes from the table alone. Sources: the IANA time zone database (``backward``, ``northamerica`` …), Unicode
CLDR's ``windowsZones``.
"""

from __future__ import annotations

import re
import zoneinfo

from specs.errors import InvalidValue
from specs.values.checks import Check, near, show

ALLOWED = "an IANA time zone such as Europe/Berlin, Asia/Tokyo or UTC"
ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    "PST": ("America/Los_Angeles",), "PDT": ("America/Los_Angeles",), "PT": ("America/Los_Angeles",),
    "MDT": ("America/Denver",), "MT": ("America/Denver",), "CDT": ("America/Chicago",), "CT": ("America/Chicago",),
    "CST": ("America/Chicago", "Asia/Shanghai"), "EDT": ("America/New_York",), "ET": ("America/New_York",),
    "AKST": ("America/Anchorage",), "AKDT": ("America/Anchorage",), "HDT": ("America/Adak",),
    "AST": ("America/Halifax", "Asia/Riyadh"), "ADT": ("America/Halifax",), "NST": ("America/St_Johns",),
    "NDT": ("America/St_Johns",), "BRT": ("America/Sao_Paulo",), "ART": ("America/Argentina/Buenos_Aires",),
    "CLT": ("America/Santiago",), "COT": ("America/Bogota",), "PET": ("America/Lima",),
    "BST": ("Europe/London", "Asia/Dhaka"), "WEST": ("Europe/Lisbon",), "CEST": ("Europe/Berlin",),
    "MEZ": ("Europe/Berlin",), "MESZ": ("Europe/Berlin",), "EEST": ("Europe/Athens",), "TRT": ("Europe/Istanbul",),
    "MSK": ("Europe/Moscow",), "SAST": ("Africa/Johannesburg",), "WAT": ("Africa/Lagos",), "CAT": ("Africa/Maputo",),
    "EAT": ("Africa/Nairobi",), "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"), "IDT": ("Asia/Jerusalem",),
    "GST": ("Asia/Dubai",), "PKT": ("Asia/Karachi",), "NPT": ("Asia/Kathmandu",), "ICT": ("Asia/Bangkok",),
    "WIB": ("Asia/Jakarta",), "SGT": ("Asia/Singapore",), "MYT": ("Asia/Kuala_Lumpur",), "HKT": ("Asia/Hong_Kong",),
    "PHT": ("Asia/Manila",), "JST": ("Asia/Tokyo",), "KST": ("Asia/Seoul",), "AWST": ("Australia/Perth",),
    "ACST": ("Australia/Adelaide",), "ACDT": ("Australia/Adelaide",), "AEST": ("Australia/Sydney",),
    "AEDT": ("Australia/Sydney",), "NZST": ("Pacific/Auckland",), "NZDT": ("Pacific/Auckland",),
}  # fmt: skip
WINDOWS: dict[str, str] = {
    "pacific standard time": "America/Los_Angeles", "mountain standard time": "America/Denver",
    "central standard time": "America/Chicago", "eastern standard time": "America/New_York",
    "gmt standard time": "Europe/London", "w. europe standard time": "Europe/Berlin",
    "romance standard time": "Europe/Paris", "central europe standard time": "Europe/Budapest",
    "gtb standard time": "Europe/Bucharest", "russian standard time": "Europe/Moscow",
    "india standard time": "Asia/Kolkata", "china standard time": "Asia/Shanghai",
    "singapore standard time": "Asia/Singapore", "korea standard time": "Asia/Seoul",
    "tokyo standard time": "Asia/Tokyo", "aus eastern standard time": "Australia/Sydney",
    "new zealand standard time": "Pacific/Auckland",
}  # fmt: skip
OFFSET = re.compile(r"(?:UTC|GMT|Z)?\s*([+-])([0-9]{1,2})(?::?([0-5][0-9]))?", re.IGNORECASE)


def _timezone(value: object) -> str:
    zones = zoneinfo.available_timezones()
    if not isinstance(value, str):
        raise InvalidValue(show(value), ALLOWED)
    if value not in zones:
        raise InvalidValue(show(value), ALLOWED, *_meant(value.strip(), zones))
    return value


def _meant(value: str, zones: set[str]) -> tuple[str, str]:
    """(did you mean, fix) for what is no zone: from the tables, or by letters where a place is spelled out."""
    places = ABBREVIATIONS.get(value.upper())
    if places:
        fix = "" if len(places) == 1 else f"{value.upper()} stands for several zones: name the place"
        return " or ".join(f"'{place}'" for place in places), fix
    if value.casefold() in WINDOWS:
        return f"'{WINDOWS[value.casefold()]}'", ""
    offset = OFFSET.fullmatch(value)
    if offset:
        return _offset(offset, zones)
    same = [zone for zone in zones if zone.casefold() == value.casefold().replace(" ", "_")]
    cities = [
        zone for zone in sorted(zones) if zone.rpartition("/")[2].casefold() == value.casefold().replace(" ", "_")
    ]
    if same or cities:
        return f"'{(same or [zone for zone in cities if not zone.startswith('posix')] or cities)[0]}'", ""
    return (near(value, zones), "") if "/" in value and len(value) > 6 else ("", "name the zone by a city in it")


def _offset(match: re.Match[str], zones: set[str]) -> tuple[str, str]:
    """An offset has no daylight saving; Etc/GMT zones count westwards (``Etc/GMT-9`` is nine hours ahead of UTC)."""
    sign = "-" if match[1] == "+" else "+"
    zone = f"Etc/GMT{sign}{int(match[2])}"
    fix = "name the place, so that summer time is followed"
    return (f"'{zone}'", fix) if zone in zones and match[3] in (None, "00") else ("", fix)


TIMEZONE = Check("an IANA time zone", _timezone, {"type": "string"})
