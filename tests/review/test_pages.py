"""What the pages show: tiles by the page, whatever the library holds; strings as text; quarantine after a click."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from catalog.review.views.values import boxes_of
from scoring.scorecard import SafetyState
from tests.catalog.factory import World, by_policy, quarantined
from tests.review.conftest import WORLD, Tab
from tests.review.hostile import PAYLOADS, Hostile

SET = f"/sets/{WORLD.set_name}"


class Elements(HTMLParser):
    """Counts elements and remembers what would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.runs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        self.names.append(tag)
        given = dict(attrs)
        bad = [name for name in given if name.startswith("on") or name in ("style", "srcdoc")]
        links = [
            value for value in (given.get("href"), given.get("src")) if value and not value.startswith(("/", "?", "#"))
        ]
        if bad or links or (tag == "script" and given.get("src") != "/static/review.js") or tag in ("iframe", "object"):
            self.runs.append(f"{tag} {attrs}")


def test_every_view_answers(tab: Tab) -> None:
    one, two = tab.tiles()[:2]
    for path in (
        "/", SET, f"{SET}?show=holes", f"{SET}/item-000", f"{SET}/item-000?state=waiting&sort=adherence&fold=no",
        f"/candidates/{one.candidate_id}", f"/compare?id={one.candidate_id}&id={two.candidate_id}",
        "/search?words=table",
    ):  # fmt: skip
        answer = tab.get(path)
        assert answer.status_code == 200, answer.text
        assert Elements(answer.text).runs == []
        assert 'style="' not in answer.text


class TestTheSetAtAGlance:
    """A tile per asset."""

    def test_shows_keepers_holes_and_what_waits(self, tab: Tab) -> None:
        assert "Item-001: 1 of 1 kept, 4 waiting" in tab.get(SET).text
        keeper = tab.tiles("item-001")[0]
        tab.keep(keeper, False, "other")
        assert "Item-001: 0 of 1 kept, 3 waiting" in tab.get(SET).text
        holes = tab.get(f"{SET}?show=holes").text
        assert re.findall(r'data-id="([^"]+)"', holes) == ["item-001"]
        assert re.findall(r'data-id="([^"]+)"', tab.get(f"{SET}?words=002").text) == ["item-002"]

    def test_news_come_with_every_write_and_only_then(self, tab: Tab) -> None:
        first = tab.get(f"/pulse?set={WORLD.set_name}").json()
        assert first["totals"] == {
            "assets": 3, "filled": 3, "approved": 0, "candidates": 12, "waiting": 12, "running": False,
        }  # fmt: skip
        since = f"/pulse?set={WORLD.set_name}&since={first['writes']}"
        assert "totals" not in tab.get(since).json()
        tab.keep(tab.tiles()[0], False, "other")
        assert tab.get(since).json()["totals"]["filled"] == 2

    def test_says_while_a_produce_runs(self, tab: Tab, catalog: Catalog) -> None:
        run = catalog.start_run(WORLD.set_name, WORLD.spec.spec_sha256)
        assert tab.get(f"/pulse?set={WORLD.set_name}").json()["totals"]["running"] is True
        catalog.finish_run(run, "finished")
        assert tab.get(f"/pulse?set={WORLD.set_name}").json()["totals"]["running"] is False


class TestCandidates:
    """An asset's candidates, filtered and sorted."""

    def numbers(self, tab: Tab, query: str) -> list[str]:
        """Which are shown, in order."""
        return re.findall(r'data-name="[^"]*#(\d+)"', tab.get(f"{SET}/item-000?{query}").text)

    def test_by_state_reason_score_and_date(self, tab: Tab) -> None:
        tab.keep(tab.tiles()[2], False, "off_style")
        assert self.numbers(tab, "") == ["0", "1", "2", "3"]
        assert self.numbers(tab, "sort=aesthetic") == ["3", "2", "1", "0"]
        assert self.numbers(tab, "state=kept") == ["0"]
        assert self.numbers(tab, "state=rejected") == ["1", "2", "3"]
        assert self.numbers(tab, "state=waiting") == ["0", "1", "3"]
        assert self.numbers(tab, "reason=off_style") == ["2"]

    def test_the_runner_up_passes_the_rules_and_nobody_rejected_it(self, tab: Tab, catalog: Catalog) -> None:
        def first() -> str:
            return re.search(r'data-name="[^"]*#(\d+)" data-first', tab.get(f"{SET}/item-000").text)[1]  # type: ignore[index]

        tiles = tab.tiles()
        assert first() == "0"
        tab.keep(tiles[0], False, "off_style")
        assert first() == "3"
        tab.keep(tiles[3], False, "off_style")
        assert first() == "2"
        like = by_policy(WORLD.record(6), False, f"too_like:{tiles[0].image_sha256}")
        catalog.append([(WORLD.key(6), like)])
        assert first() == "1"

    def test_full_view_steps_through_more_candidates_than_a_page_has(self, tab: Tab, catalog: Catalog) -> None:
        world = World(set_name="many", assets=1, each=43, seed=7)
        world.register(catalog)
        catalog.record([replace(world.record(number), embedding=None) for number in range(43)])
        text = tab.get(f"/candidates/{world.key(41).candidate_id}").text
        for key, number in (("p", 40), ("n", 42)):
            assert f'data-key="{key}" href="/candidates/{world.key(number).candidate_id}"' in text

    def test_near_duplicates_are_folded_but_never_a_keeper(self, tab: Tab, catalog: Catalog) -> None:
        first, same = WORLD.record(0), WORLD.record(12)
        catalog.record([replace(same, phash=first.phash, embedding=first.embedding)])
        assert self.numbers(tab, "fold=no") == ["0", "1", "2", "3", "4"]
        assert self.numbers(tab, "fold=yes") == ["0", "1", "2", "3"]
        assert "1 alike" in tab.get(f"{SET}/item-000").text
        assert self.numbers(tab, f"open={tab.tiles()[0].candidate_id}") == ["0", "1", "2", "3", "4"]
        assert self.numbers(tab, f"open={tab.tiles()[1].candidate_id}") == ["0", "1", "2", "3"]
        tab.keep(tab.tiles()[0])
        tab.keep(tab.tiles()[4])
        assert self.numbers(tab, "fold=yes") == ["0", "1", "2", "3", "4"]

    def test_the_record_is_shown_whole(self, tab: Tab) -> None:
        text = tab.get(f"/candidates/{tab.tiles()[0].candidate_id}").text
        for part in ("CC0-1.0", "checkpoint_sha256", "euler", WORLD.spec.spec_sha256):
            assert part in text

    def test_search_finds_prompts_ids_and_hashes(self, tab: Tab) -> None:
        tile = tab.tiles("item-002")[3]
        for words, found in (
            ("ITEM-002 on a table", 4),
            ("item-001", 4),
            (tile.image_sha256[:10], 1),
            ("100%", 0),
            ("_", 0),
        ):
            assert self.found(tab, words) == found, words

    def found(self, tab: Tab, words: str) -> int:
        """How many a search finds."""
        return int(re.search(r"<h1>(\d+)", tab.client.get("/search", params={"words": words, "by": "text"}).text)[1])  # type: ignore[index]

    def test_what_cannot_be_asked_is_explained(self, tab: Tab) -> None:
        for path in ("?page=x", "?page=²", "/item-000?state=bad", "/item-000?sort=bad", "?show=bad"):
            answer = tab.get(SET + path)
            assert answer.status_code == 400
            assert "allowed" in answer.json()["error"]

    def test_what_is_not_there_is_named(self, tab: Tab) -> None:
        for path in (
            "/sets/none",
            f"{SET}/none",
            "/candidates/none",
            "/compare?id=none",
            "/static/none",
            "/pictures/none",
        ):
            assert tab.get(path).status_code == 404


def test_the_page_does_not_grow_with_the_library(tab: Tab, catalog: Catalog) -> None:
    world = World(set_name="large-set", assets=70, each=1, seed=5)
    world.register(catalog)
    catalog.record(world.records(70))
    pages = [Elements(tab.get(f"/sets/large-set?page={number}").text).names for number in (1, 2)]
    assert [page.count("img") for page in pages] == [40, 30]
    names = Elements(tab.client.get("/search", params={"words": "table"}).text).names
    assert names.count("img") == 40
    assert len(names) < 40 * 30


class TestPictures:
    """By hash only; for ever where they are clear, after a click where they are not."""

    def test_thumbnails_are_made_once_and_never_change(self, tab: Tab, library: Path) -> None:
        sha256 = tab.tiles()[0].image_sha256
        answer = tab.get(f"/thumbs/{sha256}")
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]
        kept = library / "cache" / "thumbs" / sha256[:2] / f"{sha256}.webp"
        before = kept.stat()
        assert (tab.get(f"/thumbs/{sha256}").content, kept.stat().st_mtime_ns) == (answer.content, before.st_mtime_ns)
        assert tab.get(f"/pictures/{sha256}").content == tab.catalog.picture(sha256)

    @pytest.mark.parametrize("state", [SafetyState.FLAGGED, SafetyState.UNKNOWN])
    def test_what_is_in_quarantine_is_not_in_the_page(self, tab: Tab, catalog: Catalog, state: SafetyState) -> None:
        catalog.record([quarantined(WORLD.record(12), state)])
        tile = tab.tiles()[-1]
        for path in (f"{SET}/item-000", f"/candidates/{tile.candidate_id}", "/search?words=item-000"):
            text = tab.get(path).text
            assert f'src="/thumbs/{tile.image_sha256}"' not in text
            assert f'data-src="/quarantine/{tile.image_sha256}"' in text
        assert tab.get(f"/thumbs/{tile.image_sha256}").status_code == 404
        assert tab.get(f"/pictures/{tile.image_sha256}").status_code == 404
        shown = tab.get(f"/quarantine/{tile.image_sha256}")
        assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")


def test_two_hundred_script_payloads_staytext_of(tab: Tab, catalog: Catalog) -> None:
    assert len(PAYLOADS) == 200
    world = Hostile(set_name="hostile", assets=10, each=1)
    world.register(catalog)
    catalog.record(world.records(10))
    pages = {"/sets/hostile": PAYLOADS}
    for number in range(10):
        candidate_id, payloads = world.key(number).candidate_id, PAYLOADS[number * 20 : number * 20 + 20]
        decide(catalog, Decision(candidate_id, True, "ada <b>", note=" ".join(payloads)))
        pages[f"/candidates/{candidate_id}"] = payloads
        pages[f"/sets/hostile/item-{number:03d}"] = payloads
        pages[f"/search?words={quote(payloads[0])}"] = payloads
    for path, payloads in pages.items():
        page = tab.get(path).text
        assert Elements(page).runs == [], path
        shown = "".join(text_of(page))
        assert [payload for payload in payloads if payload not in shown] == [], path


def text_of(html: str) -> list[str]:
    """What a person reads of a page."""
    found: list[str] = []

    class Text(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Text().feed(html)
    return found


class TestSafeZone:
    LAYOUT: ClassVar[dict[str, Any]] = {
        "bleed_box_px": [0, 0, 300, 400],
        "trim_box_px": [20, 20, 280, 380],
        "dpi": 254,
    }

    def test_is_the_specs_own(self) -> None:
        boxes = boxes_of({**self.LAYOUT, "safe_box_px": [70, 70, 230, 330]})
        assert [(box.name, box.x, box.width) for box in boxes][2] == ("safe", 70, 160)

    def test_is_3_mm_inside_the_trim_where_the_spec_says_nothing(self) -> None:
        assert [(box.name, box.x, box.width) for box in boxes_of(self.LAYOUT)][2] == ("safe", 50.0, 200.0)
