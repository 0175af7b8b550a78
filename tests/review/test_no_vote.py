"""The page votes for nobody: what a person looks at is shown as it is, beside its text, and named by words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from catalog.review.views import pages
from catalog.review.views.values import Wanted
from scoring.reasons import OUTSCORED, TOO_LIKE
from scoring.verdict import Verdict
from specs.spec import Spec
from tests.catalog.factory import World
from tests.review.chromium import CHROMIUM
from tests.review.drawn import Drawn
from tests.review.serving import Serving, served

WORLD = Drawn(assets=3, each=4, side_px=1024)  # larger than the view, so that there is a place to look at
SET = f"/sets/{WORLD.set_name}"


class Long(World):
    """One asset with one candidate, and a title without a space."""

    @cached_property
    def spec(self) -> Spec:
        made, title = super().spec, "Rindfleischetikettierung" * 12
        return replace(made, title=title, assets=tuple(replace(asset, title=title) for asset in made.assets))


LONG = Long(set_name="long", assets=1, each=2)
OPACITY = "one => getComputedStyle(one.querySelector('.picture img')).opacity"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make packages`")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the first asset the second picture is kept, the others are weaker or too like; the second has no keeper."""
    folder = tmp_path_factory.mktemp("no-vote") / "library"
    with Catalog.open(folder, create=True) as catalog:
        WORLD.register(catalog)
        records = [replace(WORLD.record(number), verdict=None) for number in range(12)]
        LONG.register(catalog)
        catalog.record([*records, LONG.record(0)])
        kept = records[at(0, 1)].candidate.image_sha256
        first = [(f"{OUTSCORED}:{kept}",), ("chosen",), (f"{TOO_LIKE}:{kept}",), ("aesthetic_too_low",)]
        second = [("aesthetic_too_low",), ("not_wanted",), ("adherence_too_low",), ("not_wanted",)]
        reasons = {at(0, number): why for number, why in enumerate(first)}
        reasons |= {at(1, number): why for number, why in enumerate(second)}
        moment = "2026-01-01T00:00:00.000000Z"
        shas = [record.candidate.image_sha256 for record in records]
        catalog.append(
            [
                (records[n].key, Verdict(shas[n], why == ("chosen",), why, "policy", "0" * 64, moment))
                for n, why in reasons.items()
            ]
        )
        decide(catalog, Decision(one(2, asset=2), False, "ada", ("off_style",)))
    return folder


@pytest.fixture(scope="module")
def serving(library: Path) -> Iterator[Serving]:
    with served(library) as server:
        yield server


@pytest.fixture
def page(browser: Browser, serving: Serving) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    tab = context.new_page()
    serving.enter(tab)
    yield tab
    context.close()


def at(asset: int, number: int) -> int:
    """The factory's number of an asset's candidate."""
    return asset + WORLD.assets * number


@cache
def one(number: int, asset: int = 0) -> str:
    """A candidate's id."""
    return WORLD.key(at(asset, number)).candidate_id


def ids(*numbers: int) -> str:
    """Candidates of the first asset, as /compare asks for them."""
    return "&".join(f"id={one(number)}" for number in numbers)


def test_a_rejected_picture_is_dimmed_in_the_grid_alone_and_only_without_the_focus(
    page: Page, serving: Serving
) -> None:
    page.goto(f"{serving.home}{SET}/item-000?fold=no")
    rejected = page.locator(f'.tile[data-id="{one(0)}"]')
    assert rejected.evaluate(OPACITY) == "0.45"
    rejected.focus()
    assert rejected.evaluate(OPACITY) == "1"
    page.goto(f"{serving.home}/compare?{ids(0, 1)}")
    for tile in page.locator("main .tile").all():
        assert tile.evaluate(OPACITY) == "1"
    page.goto(f"{serving.home}/candidates/{one(0)}")
    assert page.locator("main .tile").evaluate(OPACITY) == "1"


def test_the_focus_starts_on_the_keeper_then_on_the_runner_up_and_comes_back_to_where_a_person_put_it(
    page: Page, serving: Serving
) -> None:
    first, second = f"{serving.home}{SET}/item-000?fold=no", f"{serving.home}{SET}/item-001?fold=no"
    for address, id_ in ((first, one(1)), (second, one(3, asset=1)), (f"{second}&sort=newest", one(3, asset=1))):
        page.goto(address)
        expect(page.locator("main .tile:focus")).to_have_attribute("data-id", id_)
    page.keyboard.press("p")
    before = page.locator("main .tile:focus").get_attribute("data-id") or ""
    assert before != one(3, asset=1)
    page.goto(second)
    expect(page.locator("main .tile:focus")).to_have_attribute("data-id", before)


def place_of(page: Page) -> list[int]:
    """How far the full view is scrolled, in px."""
    place: list[int] = page.evaluate("[$('.full').scrollLeft, $('.full').scrollTop].map(Math.round)")
    return place


def test_the_full_view_steps_as_the_help_says_and_keeps_zoom_and_position(page: Page, serving: Serving) -> None:
    page.goto(f"{serving.home}/candidates/{one(0)}")
    expect(page.locator("main .tile")).to_be_focused()
    page.keyboard.press("z")
    page.locator("main .full img").evaluate("picture => picture.decode()")
    page.evaluate("$('.full').scrollTo(90, 240)")
    runner_up = one(3, asset=1)
    steps = (("n", one(1)), ("ArrowRight", one(2)), ("p", one(1)), ("]", runner_up), ("[", one(1)), ("w", runner_up))
    for key, id_ in steps:
        page.keyboard.press(key)
        page.wait_for_url(f"**/candidates/{id_}")
        expect(page.locator("main .tile.actual")).to_be_focused()
        page.locator("main .full img").evaluate("picture => picture.decode()")
        assert place_of(page) == [90, 240], key


def test_a_decision_in_full_view_keeps_zoom_and_position_and_is_written_before_the_next_step(
    page: Page, serving: Serving, library: Path
) -> None:
    page.goto(f"{serving.home}/candidates/{one(0, asset=2)}")
    expect(page.locator("main .tile")).to_be_focused()
    page.keyboard.press("z")
    page.locator("main .full img").evaluate("picture => picture.decode()")
    page.evaluate("$('.full').scrollTo(90, 240)")
    page.keyboard.press("k")
    expect(page.locator("main .tile.kept.actual")).to_be_focused()
    page.locator("main .full img").evaluate("picture => picture.decode()")
    assert place_of(page) == [90, 240]
    page.route("**/undo", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.keyboard.press("u")
    page.keyboard.press("n")
    page.wait_for_url(f"**/candidates/{one(1, asset=2)}")
    with Catalog.open(library, create=False) as catalog:
        tiles = pages.candidates(catalog, WORLD.set_name, "item-002", Wanted(folded=False)).tiles
    assert not tiles[0].is_keeper


def test_the_help_names_every_key_that_does_something_and_no_other(page: Page) -> None:
    arrows = {"→": "ArrowRight", "←": "ArrowLeft", "↑": "ArrowUp", "↓": "ArrowDown", "Esc": "Escape"}
    named = {arrows.get(key, key) for key in page.locator("#help dt kbd").all_text_contents()} - {"1", "8"}
    assert named == set(page.evaluate("Object.keys({ ...ON_TILE, ...ANYWHERE })"))


def test_title_row_and_prompt_stand_over_the_candidates(page: Page, serving: Serving) -> None:
    asset = WORLD.spec.assets[0]
    page.goto(f"{serving.home}{SET}/item-000")
    expect(page.locator("h1")).to_have_text(asset.title or "item-000")
    text = page.locator(".asset-text")
    expect(text).to_contain_text(asset.prompt)
    for name, cell in asset.row:
        expect(text).to_contain_text(name)
        expect(text).to_contain_text(str(cell))
    assert text.bounding_box()["y"] < page.locator("main .tile").first.bounding_box()["y"]
    for path in (f"compare?{ids(0, 1)}", f"candidates/{one(0)}"):
        page.goto(f"{serving.home}/{path}")
        expect(page.locator("main")).to_contain_text(asset.title)
        for words in (asset.prompt, *(f"{name}: {cell}" for name, cell in asset.row)):
            expect(text).to_contain_text(words)


def test_a_reason_names_the_picture_that_it_speaks_of_and_leads_there(page: Page, serving: Serving) -> None:
    page.goto(f"{serving.home}{SET}/item-000?fold=no")
    weaker = page.locator(f'.tile[data-id="{one(0)}"] .why')
    expect(weaker).to_have_text("weaker than #1")
    expect(page.locator(f'.tile[data-id="{one(2)}"] .why')).to_have_text("too like #1")
    assert "outscored" not in page.locator("main").inner_text()
    weaker.get_by_role("link", name="#1").click()
    page.wait_for_url(f"**/candidates/{one(1)}")


def test_few_tiles_stand_in_the_columns_of_many_and_compared_ones_fill_the_view(page: Page, serving: Serving) -> None:
    def boxes(path: str) -> list[tuple[int, int]]:
        page.goto(serving.home + path)
        found = [tile.bounding_box() or {} for tile in page.locator("main .tile").all()]
        return [(round(box["x"]), round(box["width"])) for box in found]

    many, few = boxes(f"{SET}/item-000?fold=no"), boxes(f"/sets/{LONG.set_name}/item-000")
    assert len(many) == 4
    assert few == many[:1]
    page.set_viewport_size({"width": 900, "height": 800})
    three = boxes(f"/compare?{ids(0, 1, 2)}")
    page.set_viewport_size({"width": 600, "height": 800})
    two_and_one = boxes(f"/compare?{ids(0, 1, 2)}")
    assert len({width for _, width in three}) == 1
    assert sum(width for _, width in three) > 0.9 * 850
    assert two_and_one[2] == two_and_one[0]


def test_one_is_counted_as_one_and_the_longest_title_wraps(page: Page, serving: Serving) -> None:
    page.set_viewport_size({"width": 400, "height": 860})
    of_set = f"/sets/{LONG.set_name}"
    only = LONG.key(0).candidate_id
    for path in ("/", of_set, f"{of_set}/item-000", f"/candidates/{only}", f"/compare?id={only}&id={one(0)}"):
        page.goto(serving.home + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path
    page.goto(serving.home)
    expect(page.locator("main")).to_contain_text("1 asset · 1 candidate ·")
    page.goto(f"{serving.home}{of_set}")
    expect(page.locator("#totals")).to_have_text(
        "1 of 1 asset filled, 0 approved by a person, 0 holes, 1 of 1 candidate waits"
    )
    page.goto(f"{serving.home}/search?set={LONG.set_name}")
    expect(page.locator("h1")).to_contain_text("1 candidate of")
