"""What is said of a candidate is words: sentences for codes, names that lead there for hashes; its row is searched."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from specs.spec import Asset, KeepRules, Picture
from tests.catalog.factory import World, by_policy
from tests.review.conftest import WORLD, Tab
from tests.review.test_pages import SET, text_of


@dataclass(frozen=True)
class Ruled(World):
    """With a rule, and a row that says more than the prompt."""

    def _asset(self, asset_id: str, picture: Picture, line: int) -> Asset:
        made = super()._asset(asset_id, picture, line)
        row = (("ability", f"Draw {line + 1} Ravens"), *made.row)
        return replace(made, row=row, keep=KeepRules(min_aesthetic=5.15))


@pytest.fixture
def ruled(catalog: Catalog) -> Ruled:
    """An asset whose #2 is kept, beside a weaker one, one too like another set's keeper, and one below the rule."""
    world = Ruled(set_name="ruled", assets=2, each=4, seed=3)
    world.register(catalog)
    records = [world.record(number) for number in range(8)]
    kept, runner_up = (records[number].candidate.image_sha256 for number in (4, 6))
    elsewhere = WORLD.record(1).candidate.image_sha256
    said = {
        0: by_policy(records[0], False, "aesthetic_too_low"),
        2: by_policy(records[2], False, f"too_like:{elsewhere}"),
        4: replace(by_policy(records[4], True, "chosen"), note=f"against the runner-up {runner_up[:12]}, quality +1"),
        6: by_policy(records[6], False, f"outscored:{kept}"),
    }  # fmt: skip
    catalog.record([replace(one, verdict=said.get(number)) for number, one in enumerate(records)])
    return world


def test_each_says_what_was_measured_or_leads_to_the_picture_that_it_speaks_of(tab: Tab, ruled: Ruled) -> None:
    text = tab.get("/sets/ruled/item-000").text
    other, kept = WORLD.key(1).candidate_id, ruled.key(4).candidate_id
    assert f'too like <a href="/candidates/{other}">{WORLD.set_name}/item-001#0</a>' in text
    assert f'weaker than <a href="/candidates/{kept}">#2</a>' in text
    assert "aesthetic: measured 5, at least 5.15 is allowed" in text
    assert "against the runner-up #3, quality +1" in text


def test_no_hash_and_no_code_is_read_on_any_page(tab: Tab, ruled: Ruled) -> None:
    decide(tab.catalog, Decision(ruled.key(6).candidate_id, True, "ada"))
    compared = "&".join(f"id={ruled.key(number).candidate_id}" for number in (0, 2, 4, 6))
    for path in ("", "/ruled", "/ruled/item-000", f"?{compared}", "?set=ruled"):
        page = {"": "/", "?": "/compare" if "id=" in path else "/search"}.get(path[:1], "/sets")
        read = " ".join(text_of(tab.get(page + path).text))
        assert re.findall(r"\b[0-9a-f]{8,64}\b|\w+_(?:low|high|like|person|stands|wanted)\b", read) == [], path


def test_a_picture_that_is_not_on_record_any_more_is_said_to_be_so(tab: Tab, catalog: Catalog) -> None:
    catalog.append([(WORLD.key(3), by_policy(WORLD.record(3), False, f"outscored:{'0' * 64}"))])
    assert "weaker than a picture that is no longer here" in tab.get(f"{SET}/item-000").text


def test_search_finds_every_column_of_the_row(tab: Tab, ruled: Ruled) -> None:
    assert found(tab, "draw ravens") == 8
    assert found(tab, "draw 2 RAVENS set:none") == 0
    assert found(tab, "ravens item-001") == 4


def found(tab: Tab, words: str) -> int:
    """How many a search of the texts finds."""
    text = tab.client.get("/search", params={"words": words, "by": "text"}).text
    return int(re.search(r"<h1>(\d+)", text)[1])  # type: ignore[index]
