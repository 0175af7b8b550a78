"""Pictures of every view at three widths, light and dark, to be looked at: ``python -m tests.review.screenshots``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from scoring.scorecard import SafetyState
from specs.spec import PrintSize
from tests.catalog.factory import World, quarantined
from tests.review.chromium import chromium
from tests.review.drawn import Drawn
from tests.review.serving import Serving, served

WIDTHS = (400, 1280, 3840)
PRINT = PrintSize((63.0, 88.0), 3.0, 100)


def main(folder: Path) -> None:
    """Make a small deck, then the pictures of its pages into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        library = Path(temporary) / "library"
        views = make(Drawn(assets=14, each=6, print_size=PRINT), library)
        with served(library) as serving:
            photograph(serving, views, folder)


def make(world: World, library: Path) -> dict[str, str]:
    """A deck with keepers, holes, notes and a picture in quarantine; returns view → path."""
    with Catalog.open(library, create=True) as catalog:
        world.register(catalog)
        count = world.assets * (world.each - 1)
        catalog.record([*world.records(count), quarantined(world.record(count), SafetyState.FLAGGED)])
        keys = [world.key(number).candidate_id for number in range(count)]
        decide(catalog, Decision(keys[2], False, "ada", ("off_style",), "too dark beside the others"))
        decide(catalog, Decision(keys[world.assets], True, "ada", (), "the cleanest outline"))
        catalog.tag(keys[1], ["favourite", "boss-fight"], "person:ada")
        catalog.note(keys[1], "ask the editor whether the hilt may be gold", "person:ada")
    of_set = f"/sets/{world.set_name}"
    four = "&".join(f"id={keys[world.assets * turn]}" for turn in range(4))
    return {
        "sets": "/", "set": of_set, "asset": f"{of_set}/item-000", "compare": f"/compare?{four}",
        "candidate": f"/candidates/{keys[1]}", "search": "/search?words=table", "tagged": "/search?tags=favourite",
        "like": f"/search?like={keys[0]}", "none": f"{of_set}?words=nothing-of-this-name",
    }  # fmt: skip


def photograph(serving: Serving, views: dict[str, str], folder: Path) -> None:
    """Every view × width × light and dark."""
    with chromium() as browser:
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                height = {400: 860, 1280: 800}.get(width, 2160)
                view = {"width": width, "height": height}
                page = browser.new_page(viewport=view, color_scheme=scheme)  # type: ignore[arg-type]
                serving.enter(page)
                for name, path in views.items():
                    page.goto(serving.home + path, wait_until="networkidle")
                    page.wait_for_timeout(150)
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
                page.goto(serving.home + views["asset"])
                page.keyboard.press("r")
                page.screenshot(path=folder / f"reject-{width}-{scheme}.png")
                page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/screenshots"))
