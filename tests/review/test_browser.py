"""A person at the keyboard, in Debian's Chromium: what they decided is what the catalog holds."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from catalog.review.deciding import Decision, decide
from catalog.store import Catalog
from scoring.scorecard import SafetyState
from tests.catalog.factory import World, quarantined
from tests.review.serving import Serving, served

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
WORLD = World(assets=12, each=3, side_px=48)
SET = f"/sets/{WORLD.set_name}"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make packages`")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve assets of two candidates, the first of each kept by the policy; one more in quarantine."""
    folder = tmp_path_factory.mktemp("browser") / "library"
    with Catalog.open(folder, create=True) as catalog:
        WORLD.register(catalog)
        catalog.record([*WORLD.records(24), quarantined(WORLD.record(24), SafetyState.FLAGGED)])
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
    tab.goto(serving.address)
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


def said(page: Page, text: str) -> None:
    """The page says so."""
    expect(page.locator("#said")).to_contain_text(text)


def standing(library: Path) -> dict[str, str]:
    """asset#number → keep or reject, for what persons decided: as the catalog holds it."""
    with Catalog.open(library, create=False) as catalog:
        made = catalog.made(WORLD.set_name)
        found = [one for jobs in made.values() for one in jobs.values() if one.decided_by.startswith("person:")]
        return {f"{one.key.asset_id}#{one.number}": "keep" if one.keep else "reject" for one in found}


def test_a_whole_curation_by_keyboard(page: Page, serving: Serving, library: Path) -> None:
    ready(page)
    press(page, "Enter")
    expect(page.locator("main .tile")).to_have_count(12)
    expect(page.locator("#totals")).to_contain_text("12 of 12 assets filled")
    ready(page)
    press(page, "Enter")
    expected: dict[str, str] = {}
    for number in range(12):
        expect(page.locator("h1")).to_have_text(f"item-{number:03d}")
        ready(page)
        name = f"item-{number:03d}"
        if number % 3 == 0:  # keep the second instead of the first
            press(page, "r", "4", "k")
            said(page, f"{name}#1 kept")
            expected |= {f"{name}#0": "reject", f"{name}#1": "keep"}
        elif number % 3 == 1:  # reject both, then undo one
            press(page, "r", "1", "r", "2")
            said(page, f"{name}#1 rejected")
            press(page, "u")
            said(page, f"Undone: {WORLD.set_name}/{name}#1")
            expected |= {f"{name}#0": "reject"}
        else:
            press(page, "k")
            said(page, f"{name}#0 kept")
            page.reload()
            expect(page.locator("main .tile.kept")).to_have_count(1)
            expected |= {f"{name}#0": "keep"}
        if number < 11:
            press(page, "]")
    press(page, "Escape")
    expect(page.locator("h1")).to_have_text("Items")
    ready(page)
    page.locator("select[name=show]").select_option("holes")
    expect(page.locator("main .tile")).to_have_count(4)
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
    page.evaluate("id => { byId(id).dataset.seen = '0'; decide(id, false, ['other'], '', false); }", candidate_id)
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
