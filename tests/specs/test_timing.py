"""Cron lines and time zones."""

from __future__ import annotations

import pytest

from specs.errors import InvalidValue
from specs.values.cron import CRON
from specs.values.time_zones import TIMEZONE


@pytest.mark.parametrize(
    "line",
    ["0 2 * * *", "*/15 0-6,22 1,15 jan-mar MON-fri", "59 23 31 12 7", "0 0 1-7/2 */3 *", " 5  4 * * 0 "],
)
def test_a_cron_line_of_five_fields_is_taken(line: str) -> None:
    assert CRON(line) == " ".join(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "@daily",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "1- * * * *",
        "a * * * *",
        "*-3 * * * *",
        "0 0 * foo *",
        "1,,2 * * * *",
        "-1 * * * *",
        "1.5 * * * *",
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(InvalidValue):
        CRON(line)


def test_a_time_zone_is_one_of_iana() -> None:
    assert TIMEZONE("Asia/Tokyo") == "Asia/Tokyo"
    with pytest.raises(InvalidValue) as caught:
        TIMEZONE("Europe/Berln")
    assert caught.value.mean == "'Europe/Berlin'"
