"""axe-core finds nothing serious in any view, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from catalog.catalog import Catalog
from catalog.queries.filter import Filter
from tests.review.chromium import CHROMIUM
from tests.review.drawn import Drawn
from tests.review.screenshots import PRINT, make
from tests.review.serving import Serving, served

WORLD = Drawn(assets=5, each=6, print_size=PRINT)
SERIOUS = ("serious", "critical")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make packages`")


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, dict[str, str]]]:
    """A deck with everything that a page can show, served; view → path."""
    library = tmp_path_factory.mktemp("accessible") / "library"
    paths = make(WORLD, library)
    with Catalog.open(library, create=False) as catalog:
        catalog.save_search("my favourites", Filter(tags=("favourite",)), "person:ada")
    with served(library) as serving:
        yield serving, paths


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_accessible(
    browser: Browser, views: tuple[Serving, dict[str, str]], scheme: Literal["light", "dark"]
) -> None:
    serving, paths = views
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    serving.enter(page)
    found = {}
    for name, path in paths.items():
        page.goto(serving.home + path)
        expect(page.locator("main .tile, main .none, main .sets").first).to_be_visible()
        found[name] = _serious(page)
    for key, dialog in (("r", "#why"), ("?", "#help"), ("t", "#ask")):
        page.goto(serving.home + paths["asset"])
        page.keyboard.press(key)
        expect(page.locator(dialog)).to_be_visible()
        found[dialog] = _serious(page)
    context.close()
    assert {name: violations for name, violations in found.items() if violations} == {}


def test_a_fault_would_be_found(browser: Browser, views: tuple[Serving, dict[str, str]]) -> None:
    serving, paths = views
    page = browser.new_page()
    serving.enter(page)
    page.goto(serving.home + paths["asset"])
    page.evaluate("for (const image of document.images) image.removeAttribute('alt')")
    assert [violation["id"] for violation in _serious(page)] == ["image-alt", "link-name"]
    page.close()


def _serious(page: Page) -> list[dict[str, Any]]:
    violations = Axe().run(page).response["violations"]
    return [
        {"id": one["id"], "help": one["help"], "nodes": [node["html"][:200] for node in one["nodes"][:3]]}
        for one in violations
        if one["impact"] in SERIOUS
    ]
