"""CONTRIBUTING names files, folders and names of the code; they are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = re.compile(r"`((?:specs|generator|scoring|catalog|flows|tests|tools|starter|limner|benchmarks)/[\w./-]*)`")
NAMED = re.compile(r"`([A-Z_]{4,})`(?: or `([A-Z_]{4,})`)? in\s+`([\w/.]+)`")


def test_every_path_is_there() -> None:
    found = PATHS.findall(TEXT)
    assert len(found) > 50
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_every_name_is_in_the_file_that_is_said_to_have_it() -> None:
    found = NAMED.findall(TEXT)
    assert len(found) >= 7
    for *names, path in found:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert [name for name in names if name and name not in text] == [], path
