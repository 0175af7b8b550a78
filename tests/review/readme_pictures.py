"""The README's pictures of the page, of the quickstart: ``python -m tests.review.readme_pictures LIBRARY FOLDER``.

What is decided on the way is decided in a copy of the library.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.review.chromium import chromium
from tests.review.serving import served

SET = "/sets/tavern-items"
WIDTH_PX, COLOURS = 900, 128  # small enough for a README


def main(library: Path, folder: Path) -> None:
    """A set half reviewed, a search by words in the pictures, a candidate with its record."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(shutil.copytree(library, Path(temporary) / "library"))
        with served(copy) as serving, chromium() as browser:
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": 1280, "height": 880}, color_scheme=scheme)  # type: ignore[arg-type]
                serving.enter(page)
                if scheme == "light":
                    page.goto(serving.home + SET)
                    for key in ("k", "k", "n", "r", "4"):
                        page.keyboard.press(key)
                    page.get_by_text("rejected").wait_for()
                    _keep(page, folder / "set.png")
                    page.goto(f"{serving.home}/search?words=a+red+potion&by=picture", timeout=120_000)
                    _keep(page, folder / "words.png")
                else:
                    page.goto(f"{serving.home}{SET}/healing-potion")
                    page.locator("main .tile.kept").first.focus()
                    page.keyboard.press("Enter")
                    page.locator("details[open]").wait_for()
                    _keep(page, folder / "candidate.png")
                page.close()


def _keep(page: Page, path: Path) -> None:
    page.wait_for_timeout(2500)  # the totals arrive with the first news
    with Image.open(io.BytesIO(page.screenshot())) as whole:
        small = whole.convert("RGB").resize(
            (WIDTH_PX, whole.height * WIDTH_PX // whole.width), Image.Resampling.LANCZOS
        )
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
