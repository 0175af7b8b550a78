"""In a real browser: two hundred scripts in titles, prompts, rows, notes, file names, ids and addresses. None runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog.catalog import Catalog
from catalog.queries.filter import Filter
from catalog.review.decisions import Decision, decide
from specs.errors import LimnerError
from tests.review.chromium import CHROMIUM
from tests.review.hostile import PAYLOADS, Hostile, HostileIds, of_asset
from tests.review.serving import Serving, served

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make packages`")
WORLD = Hostile(set_name="hostile", assets=10, each=1)
IDS = HostileIds(set_name="<img src=x onerror=alert(1)>", assets=10, each=1, seed=2)
WATCH = """
window.ran = [];
for (const name of ["alert", "fetch"]) {
  const real = window[name];
  window[name] = (...words) => {
    if (name === "alert" || String(words[0]).startsWith("//x")) window.ran.push(name);
    else return real.apply(window, words);
  };
}
"""
STRANGE = """
() => [
  ...window.ran,
  ...("pwned" in window ? ["window.pwned"] : []),
  ...(document.title.includes("pwned") && !document.title.includes("limner review") ? ["title"] : []),
  ...[...document.querySelectorAll("*")].filter((one) =>
    [...one.attributes].some((attribute) => /^on|^srcdoc$|^style$/.test(attribute.name)) ||
    ["iframe", "object", "embed", "math", "base", "video", "template", "noscript"].includes(one.localName) ||
    (one.localName === "script" && one.getAttribute("src") !== "/static/review.js") ||
    [one.getAttribute("href"), one.getAttribute("src"), one.getAttribute("action")].some(
      (address) => address && !/^[/?#]/.test(address))
  ).map((one) => one.outerHTML.slice(0, 200)),
]
"""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, list[str]]]:
    """The deck, served, and the pages on which every payload is to be seen."""
    library = tmp_path_factory.mktemp("hostile") / "library"
    paths = ["/", "/sets/hostile", f"/sets/{quote(IDS.set_name)}", "/search"]
    with Catalog.open(library, create=True) as catalog:
        for world in (WORLD, IDS):
            world.register(catalog)
            catalog.record(world.records(10))
        for number in range(10):
            id_, text = WORLD.key(number).candidate_id, " ".join(of_asset(number))
            decide(catalog, Decision(id_, number % 2 == 0, f"ada {of_asset(number)[0]}", ("other",), text))
            catalog.note(id_, text, f"person:{of_asset(number)[1]}")
            _save(catalog, of_asset(number)[2])
            paths += [f"/candidates/{id_}", f"/search?words={quote(of_asset(number)[3])}"]
        paths += [f"/candidates/{IDS.key(0).candidate_id}", f"/sets/hostile?words={quote(PAYLOADS[0])}"]
        paths += [f"/search?saved={quote(PAYLOADS[2])}", f"/search?like={quote(PAYLOADS[1])}&set={quote(PAYLOADS[5])}"]
    with served(library) as serving:
        yield serving, paths


def _save(catalog: Catalog, name: str) -> None:
    with contextlib.suppress(LimnerError):  # a name that cannot be
        catalog.save_search(name, Filter(text=name), "person:ada")


def test_none_of_two_hundred_runs(browser: Browser, paths: tuple[Serving, list[str]]) -> None:
    serving, views = paths
    page = browser.new_page()
    page.add_init_script(WATCH)
    troubles = _troubles(page)
    serving.enter(page)
    seen = ""
    for path in views:
        page.goto(serving.home + path)
        page.evaluate("render()")
        assert page.evaluate(STRANGE) == [], path
        seen += page.evaluate("document.body.textContent")
    assert [payload for payload in PAYLOADS if payload not in seen] == []
    assert troubles == []
    page.close()


def test_one_that_is_not_escaped_would_be_seen(browser: Browser) -> None:
    page = browser.new_page()
    page.add_init_script(WATCH)
    page.goto("about:blank")
    page.set_content("<img src=x onerror=alert(1)><script>window.pwned=1</script>")
    expect(page.locator("img")).to_have_count(1)
    page.wait_for_function("window.ran.length > 0")
    assert {"alert", "window.pwned"} <= set(page.evaluate(STRANGE))
    page.close()


def _troubles(page: Page) -> list[str]:
    """Dialogs, errors of the script, and what the content security policy had to stop: nothing should get so far."""
    found: list[str] = []
    page.on("dialog", lambda dialog: (found.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda told: found.append(told.text) if "Content Security Policy" in told.text else None)
    return found
