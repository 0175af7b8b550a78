"""A person at the keyboard, in Debian's Chromium: what they decided is what the catalog holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from scoring.scorecard import SafetyState
from specs.spec import PrintSize
from tests.catalog.factory import World, quarantined
from tests.review.chromium import CHROMIUM
from tests.review.drawn import Drawn
from tests.review.serving import Serving, served

WORLD = World(assets=40, each=3, side_px=48)
SET = f"/sets/{WORLD.set_name}"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make packages`")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty assets of two candidates, the first of each kept by the policy; one more in quarantine."""
    folder = tmp_path_factory.mktemp("browser") / "library"
    with Catalog.open(folder, create=True) as catalog:
        WORLD.register(catalog)
        catalog.record([*WORLD.records(80), quarantined(WORLD.record(80), SafetyState.FLAGGED)])
    return folder


@pytest.fixture(scope="module")
def serving(library: Path) -> Iterator[Serving]:
    """One server for all."""
    with served(library) as server:
        yield server


@pytest.fixture
def page(browser: Browser, serving: Serving) -> Iterator[Page]:
    """A tab on the printed address; an error of the page's script fails the test."""
    context = browser.new_context()
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda told: errors.append(told.text) if "Content Security Policy" in told.text else None)
    serving.enter(tab)
    yield tab
    context.close()
    assert errors == []


def press(page: Page, *keys: str) -> None:
    """Keys, one after another, without waiting."""
    for key in keys:
        page.keyboard.press(key)


def ready(page: Page) -> None:
    """The page's script runs: its first tile has the focus."""
    expect(page.locator("main .tile").first).to_be_focused()


def back(page: Page) -> None:
    """The script of a page that was left before runs: a tile has the focus. What is rendered is there before that."""
    expect(page.locator("main .tile:focus")).to_have_count(1)


def said(page: Page, text: str) -> None:
    """The page says so."""
    expect(page.locator("#said")).to_contain_text(text)


def standing(library: Path) -> dict[str, str]:
    """asset#number → keep or reject, for what persons decided: as the catalog holds it."""
    with Catalog.open(library, create=False) as catalog:
        made = catalog.candidates(WORLD.set_name)
        found = [one for jobs in made.values() for one in jobs.values() if one.decided_by.startswith("person:")]
        return {f"{one.key.asset_id}#{one.number}": "keep" if one.keep else "reject" for one in found}


def test_a_whole_curation_by_keyboard(page: Page, serving: Serving, library: Path) -> None:
    ready(page)
    press(page, "Enter")
    expect(page.locator("main .tile")).to_have_count(40)
    expect(page.locator("#totals")).to_contain_text("40 of 40 assets filled")
    ready(page)
    press(page, "Enter")
    expected: dict[str, str] = {}
    for number in range(40):
        expect(page.locator("h1")).to_have_text(f"Item-{number:03d}")
        ready(page)
        name = f"item-{number:03d}"
        if number % 4 == 0:  # keep the second instead of the first
            press(page, "r", "4", "k")
            said(page, f"{name}#1 kept")
            expected |= {f"{name}#0": "reject", f"{name}#1": "keep"}
        elif number % 4 == 1:  # reject both, then undo one
            press(page, "r", "1", "r", "2")
            said(page, f"{name}#1 rejected")
            press(page, "u")
            said(page, f"Undone: {WORLD.set_name}/{name}#1")
            expected |= {f"{name}#0": "reject"}
        elif number % 4 == 2:
            press(page, "k")
            said(page, f"{name}#0 kept")
            page.reload()
            expect(page.locator("main .tile.kept")).to_have_count(1)
            expected |= {f"{name}#0": "keep"}
        else:  # compare the two, keep the second
            press(page, "c", "n", "c", "v")
            expect(page.locator("h1")).to_have_text("Compare 2")
            ready(page)
            press(page, "n", "k")
            said(page, f"{name}#1 kept")
            expected |= {f"{name}#1": "keep"}
            press(page, "Escape")
            expect(page.locator("h1")).to_have_text(name.title())
            back(page)
        if number < 39:
            press(page, "]")
    press(page, "Escape")
    expect(page.locator("h1")).to_have_text("Items")
    ready(page)
    press(page, "f")
    expect(page.locator("select[name=show]")).to_be_focused()
    press(page, "h")  # holes: the filter sends itself
    expect(page.locator("main .tile")).to_have_count(10)
    assert standing(library) == expected


def test_two_marked_are_compared_and_one_is_rejected_with_a_note(page: Page, serving: Serving, library: Path) -> None:
    page.goto(f"{serving.home}{SET}/item-002")
    press(page, "c", "n", "c")
    said(page, "2 marked")
    press(page, "v")
    expect(page.locator("h1")).to_have_text("Compare 2")
    ready(page)
    press(page, "n", "r", "n")
    page.keyboard.type("the blade <b>bends</b>")
    press(page, "Enter")
    said(page, "item-002#1 rejected")
    expect(page.locator("q")).to_have_text("the blade <b>bends</b>")
    press(page, "u")
    said(page, "Undone")


def test_what_another_tab_decided_is_not_overwritten_but_shown(page: Page, serving: Serving, library: Path) -> None:
    page.goto(f"{serving.home}{SET}/item-005")
    candidate_id = page.locator("main .tile").nth(1).get_attribute("data-id") or ""
    other = page.context.new_page()
    other.goto(f"{serving.home}{SET}/item-005")
    press(other, "n", "k")
    said(other, "item-005#1 kept")
    page.evaluate(
        "id => { byId(id).dataset.seen = '0'; decide(look(byId(id)), false, ['other'], '', false); }", candidate_id
    )
    said(page, "NOT saved")
    expect(page.locator("main .tile").nth(1)).to_have_class("tile kept")
    assert standing(library)["item-005#1"] == "keep"
    press(other, "u")
    said(other, "Undone")


def test_news_arrive_by_themselves(page: Page, serving: Serving, library: Path) -> None:
    page.goto(f"{serving.home}{SET}/item-008")
    press(page, "n")
    with Catalog.open(library, create=False) as catalog:
        candidate_id = page.locator("main .tile").nth(1).get_attribute("data-id") or ""
        decide(catalog, Decision(candidate_id, True, "eve", note="from elsewhere"))
    expect(page.locator("main .tile").nth(1)).to_contain_text("from elsewhere")
    expect(page.locator("main .tile").nth(1)).to_be_focused()


def test_quarantined_pixels_come_only_after_a_click(page: Page, serving: Serving) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{serving.home}{SET}/item-000")
    tile = page.locator("main .tile.unclear")
    page.wait_for_load_state("networkidle")
    sha256 = tile.get_attribute("data-image") or "?"
    assert [url for url in asked if sha256 in url] == []
    tile.get_by_role("button", name="Show it anyway").click()
    expect(tile.locator("img")).to_have_js_property("naturalWidth", 48)


def test_nothing_needs_scrolling_sideways(page: Page, serving: Serving) -> None:
    for width, path in itertools.product((400, 1280, 3840), (SET, f"{SET}/item-000", "/search?words=table")):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(serving.home + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_asset_is_approved_from_the_set_without_opening_it(page: Page, serving: Serving, library: Path) -> None:
    page.goto(f"{serving.home}{SET}?words=item-03")
    before = standing(library)
    tiles = page.locator("main .tile")
    ready(page)
    names = [tiles.nth(row).get_attribute("data-name") or "" for row in range(5)]
    press(page, "k", "k", "n", "n", "r", "2")  # approve two, reject the fifth's keeper: its next best takes its place
    said(page, f"{names[4]} rejected")
    expect(tiles.nth(0)).to_contain_text("approved")
    expect(tiles.nth(1)).to_contain_text("approved")
    expect(tiles.nth(4)).to_have_class("tile hole")
    expect(tiles.nth(4)).not_to_have_attribute("data-name", names[4])
    press(page, "u", "u", "u")
    said(page, f"Undone: {names[0]}")
    now = standing(library)
    assert {name: now.get(name) for name in before} == before


def test_near_duplicates_unfold_on_a_key(page: Page, serving: Serving, library: Path) -> None:
    first, same = WORLD.record(9), WORLD.record(89)
    with Catalog.open(library, create=False) as catalog:
        catalog.record([replace(same, phash=first.phash, embedding=first.embedding)])
    page.goto(f"{serving.home}{SET}/item-009")
    tiles = page.locator("main .tile")
    expect(tiles).to_have_count(2)
    back(page)
    tiles.first.focus()
    press(page, "e")
    expect(tiles).to_have_count(3)
    ready(page)
    press(page, "e")
    expect(tiles).to_have_count(2)


def test_what_is_next_to_review_is_one_key_away(page: Page, serving: Serving, library: Path) -> None:
    with Catalog.open(library, create=False) as catalog:
        for number in (38, 39):
            decide(catalog, Decision(WORLD.key(number).candidate_id, True, "eve"))
    page.goto(f"{serving.home}{SET}/item-037")
    press(page, "w")
    expect(page.locator("h1")).not_to_have_text("Item-037")
    assert page.locator("h1").text_content() not in ("Item-038", "Item-039")


def test_tags_and_notes_are_written_by_keyboard_and_found(page: Page, serving: Serving, library: Path) -> None:
    page.goto(f"{serving.home}{SET}/item-011")
    press(page, "t")
    page.keyboard.type("Boss")
    press(page, "Enter")
    said(page, "NOT saved: tag")
    press(page, "t")
    page.keyboard.type("boss-fight hero")
    press(page, "Enter")
    said(page, "Saved: tags boss-fight hero")
    press(page, "t")
    page.keyboard.type("-hero")
    press(page, "Enter")
    said(page, "Saved: tags boss-fight.")
    press(page, "a")
    page.keyboard.type("ask the editor <b>first</b>")
    press(page, "Enter")
    said(page, "Saved: the note")
    expect(page.locator("main .tile.kept")).to_contain_text("ask the editor <b>first</b>")
    for query in ("tags=boss-fight", "words=editor", "words=boss"):
        page.goto(f"{serving.home}/search?{query}")
        expect(page.locator("h1")).to_contain_text("1 candidate")
    page.get_by_role("button", name="Save this search").click()
    page.keyboard.type("the bosses")
    press(page, "Enter")
    said(page, "Saved: search the bosses")
    page.goto(serving.home)
    page.get_by_role("link", name="the bosses").click()
    expect(page.locator("h1")).to_contain_text("of search “the bosses”")
    with Catalog.open(library, create=False) as catalog:
        assert catalog.search("the bosses").filter.text == "boss"


def test_every_verdict_that_the_page_showed_as_saved_survives_a_kill(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    with Catalog.open(folder, create=True) as catalog:
        WORLD.register(catalog)
        catalog.record(WORLD.records(80))
    with served(folder) as server:
        tab = browser.new_page()
        server.enter(tab)
        tab.goto(f"{server.home}{SET}")
        ready(tab)
        tab.evaluate("""() => {
          window.shown = [];
          new MutationObserver(() => window.shown.push(document.querySelector("#said").textContent))
            .observe(document.querySelector("#said"), { childList: true, characterData: true, subtree: true });
        }""")
        press(tab, *["k"] * 12)
        said(tab, "Saved: ")
        server.process.kill()
        press(tab, *["k"] * 5)
        said(tab, "NOT saved: the server does not answer")
        shown = tab.evaluate("window.shown")
        tab.close()
    saved = {one.split("/")[1].split(" ")[0] for one in shown if one.startswith("Saved: ")}
    assert saved
    assert saved <= {name for name, word in standing(folder).items() if word == "keep"}


def test_print_lines_lie_on_the_picture_and_can_be_taken_off(browser: Browser, tmp_path: Path) -> None:
    deck = Drawn(assets=1, each=2, print_size=PrintSize((63.0, 88.0), 3.0, 100))
    with Catalog.open(tmp_path / "library", create=True) as catalog:
        deck.register(catalog)
        catalog.record(deck.records(1))
    with served(tmp_path / "library") as server:
        tab = browser.new_page()
        server.enter(tab)
        tab.goto(f"{server.home}/candidates/{deck.key(0).candidate_id}")
        expect(tab.locator("main img")).to_have_js_property("complete", True)
        picture = tab.locator("main img").bounding_box()
        lines = {name: tab.locator(f"rect.{name}").bounding_box() for name in ("bleed", "trim", "safe")}
        assert picture
        px_per_mm = picture["width"] / (63 + 2 * 3)
        for name, inset_mm in (("bleed", 0.0), ("trim", 3.0), ("safe", 6.0)):
            box = lines[name]
            assert box
            assert abs((box["x"] - picture["x"]) / px_per_mm - inset_mm) < 1.0, name
            assert abs(box["width"] / px_per_mm - (69 - 2 * inset_mm)) < 1.5, name
        press(tab, "o")
        expect(tab.locator("rect.trim")).not_to_be_visible()
        press(tab, "z")
        expect(tab.locator("main img")).to_have_css("width", "272px")
        tab.close()


def test_touch_and_the_order_of_the_focus(browser: Browser, serving: Serving) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 400, "height": 800})
    tab = context.new_page()
    serving.enter(tab)
    tab.goto(f"{serving.home}{SET}/item-020")
    buttons = tab.locator("main .tile").first.locator(".acts button")
    for button in buttons.all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44  # WCAG 2.5.5
    buttons.nth(3).tap()
    said(tab, "1 marked")
    tab.locator(".skip").focus()
    order = []
    for _ in range(14):
        press(tab, "Tab")
        order.append(
            tab.evaluate("document.activeElement.name || document.activeElement.textContent.trim().slice(0, 16)")
        )
    assert order.index("limner") < order.index("words") < order.index("state") < order.index("reason")
    context.close()
