"""Whatever the review page is asked, and whatever becomes of its library: the answer explains, without a traceback."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from catalog.catalog import Catalog
from catalog.review.security import Guard
from tests.review.conftest import HOME, WORLD, Tab, admitted, application, catalog, filled, guard, library, tab
from tests.review.test_guard import address, routes

__all__ = ["catalog", "filled", "guard", "library", "tab"]  # fixtures
PAGE = {"Accept": "text/html,application/xhtml+xml"}
VALUES = ("%ED%A0%80", "%FF%FE", "%00", "\u202e", "x" * 7000, "0" * 64, "..", "%F0%9F", "item-000", "-1", "1e999")
HALF = "\ud800"


def explains(answer: Any) -> bool:
    """A page of ours with a sentence, or a JSON error; nothing of Python's insides."""
    text = answer.text
    if "Traceback" in text or "Internal Server Error" in text or re.search(r'File "[^"]+\.py"', text):
        return False
    if answer.headers["content-type"].startswith("application/json"):
        return len(answer.json()["error"]) > 10
    return "<h1>" in text and "</html>" in text


def test_every_route_explains_every_value(tab: Tab, catalog: Catalog) -> None:
    for route in routes(catalog):
        if "POST" in (route.methods or ()):
            continue
        for value in VALUES:
            for headers in (PAGE, {}):
                for query in ("", f"?words={value}&by=picture&page={value}&like={value}&id={value}&set={value}"):
                    answer = tab.get(address(route, value) + query, **headers)
                    assert answer.status_code < 400 or explains(answer), (route.path, value, answer.text[:300])


def test_half_a_character_in_a_write_is_explained_and_nothing_is_written(tab: Tab, catalog: Catalog) -> None:
    tile = tab.tiles()[0]
    whole = {"candidate": tile.candidate_id, "image": tile.image_sha256, "seen": tile.seen, "keep": True}
    whole |= {"reasons": [], "note": "", "tags": ["a"], "remove": False, "text": "x", "name": "x", "override": False}
    before = catalog.provenance(WORLD.key(0)).value
    for path, fields in {
        "/verdicts": ("candidate", "image", "reasons", "note"),
        "/undo": ("candidate",),
        "/tags": ("candidate", "tags"),
        "/notes": ("candidate", "text"),
        "/searches": ("name",),
        "/searches/delete": ("name",),
    }.items():
        for name in fields:
            body = json.dumps({**whole, name: [HALF] if isinstance(whole[name], list) else HALF})
            headers = {"Origin": HOME, "Content-Type": "application/json"}
            answer = tab.client.post(path, content=body, headers=headers)
            assert answer.status_code == 400, (path, name, answer.text)
            assert "half a character" in answer.json()["error"]
    assert catalog.provenance(WORLD.key(0)).value == before


@pytest.mark.parametrize("kind", ["pictures", "thumbs"])
def test_a_missing_picture_says_so_and_how_to_have_it_again(tab: Tab, catalog: Catalog, kind: str) -> None:
    sha256 = tab.tiles()[0].image_sha256
    catalog.objects.path(sha256).unlink()
    answer = tab.get(f"/{kind}/{sha256}", **PAGE)
    assert answer.status_code == 404
    assert "limner verify" in answer.text
    assert tab.get("/sets/" + WORLD.set_name + "/item-000", **PAGE).status_code == 200, "its record is still shown"


def test_a_damaged_picture_is_explained(tab: Tab, catalog: Catalog) -> None:
    sha256 = tab.tiles()[0].image_sha256
    catalog.objects.path(sha256).chmod(0o600)
    catalog.objects.path(sha256).write_bytes(b"no picture")
    for kind in ("thumbs", "pictures"):
        answer = tab.get(f"/{kind}/{sha256}", **PAGE)
        assert explains(answer)
        assert "damaged" in answer.text, kind
        assert "immutable" not in answer.headers.get("cache-control", ""), "it may be repaired"


@pytest.mark.parametrize("replaced", [True, False])
def test_a_library_that_was_replaced_or_removed_is_explained_on_every_route(
    tab: Tab, catalog: Catalog, library: Path, tmp_path: Path, replaced: bool
) -> None:
    every = routes(catalog)
    library.rename(tmp_path / "moved")
    if replaced:
        shutil.copytree(tmp_path / "moved", library)
    for route in every:
        if "static" in route.path:
            continue
        method = "POST" if "POST" in (route.methods or ()) else "GET"
        answer = tab.client.request(method, address(route), headers={**PAGE, "Origin": HOME}, json={})
        assert answer.status_code == 500, route.path
        assert ("another library" if replaced else "gone since") in answer.text
        assert "limner review" in answer.text


def test_a_newer_schema_is_seen_before_anything_is_written(tab: Tab, library: Path) -> None:
    tile = tab.tiles()[0]
    with sqlite3.connect(library / "catalog.sqlite") as opened:
        opened.execute("PRAGMA user_version = 99")
    assert "schema 99" in tab.get("/", **PAGE).text
    assert tab.keep(tile).status_code == 500
    with sqlite3.connect(library / "catalog.sqlite") as opened:
        opened.execute("PRAGMA user_version = 3")
    assert tab.tiles()[0] == tile


def test_another_library_in_the_same_file_is_seen(tab: Tab, library: Path) -> None:
    tile = tab.tiles()[0]
    with sqlite3.connect(library / "catalog.sqlite") as opened:
        opened.execute("UPDATE library SET made_at = '2000-01-01T00:00:00.000000Z'")
    assert "another library" in tab.get("/", **PAGE).text
    assert tab.keep(tile).status_code == 500


def test_what_nobody_foresaw_is_one_sentence_and_a_file_for_its_owner_alone(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("catalog.review.views.pages.sets", lambda _catalog: 1 / 0)
    answer = admitted(application(catalog)).get("/", headers=PAGE)
    assert answer.status_code == 500
    assert explains(answer)
    assert "A fault of limner: ZeroDivisionError: division by zero" in answer.text
    (report,) = tmp_path.glob("limner-fault-*.txt")
    assert str(report) in answer.text
    assert "1 / 0" in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_who_has_no_session_reads_how_to_get_one(guard: Guard) -> None:
    client = TestClient(guard, base_url=HOME, follow_redirects=False)
    for path in ("/", "/sets/x", "/?ticket=old"):
        answer = client.get(path, headers=PAGE)
        assert answer.status_code == 403
        assert explains(answer)
        assert "Press Enter in the terminal" in answer.text
