"""A library with pictures, and the review server in this process, as the browser's page would speak to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from catalog.catalog import Catalog
from catalog.review.app import build
from catalog.review.search.library_state import Standings
from catalog.review.search.similar import EmbedText
from catalog.review.security import Guard
from catalog.review.tickets import Tickets
from catalog.review.views import pages as reading
from catalog.review.views.values import Tile, Wanted
from specs.errors import LimnerError
from tests.catalog.factory import World
from tests.review.chromium import chromium

PORT = 8123
HOME = f"http://127.0.0.1:{PORT}"
WORLD = World(assets=3, each=5)  # four of the five are on record


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with three assets of four candidates; the policy keeps the first of each. To be copied."""
    folder = tmp_path_factory.mktemp("filled") / "library"
    with Catalog.open(folder, create=True) as catalog:
        WORLD.register(catalog)
        catalog.record(WORLD.records(12))
    return folder


@pytest.fixture
def library(tmp_path: Path, filled: Path) -> Path:
    """A copy to work on."""
    return Path(shutil.copytree(filled, tmp_path / "library"))


@pytest.fixture
def catalog(library: Path) -> Iterator[Catalog]:
    """The library, open."""
    with Catalog.open(library, create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser a module: while it lives, Playwright's event loop runs in this thread, and no other can."""
    with chromium() as opened:
        yield opened


@dataclass(frozen=True)
class Tab:
    """A browser tab with a session."""

    client: TestClient
    catalog: Catalog

    def get(self, path: str, **headers: str) -> Any:
        """Open an address."""
        return self.client.get(path, headers=headers)

    def post(self, path: str, value: Any, **headers: str) -> Any:
        """Write as the page does: our Origin, JSON."""
        return self.client.post(path, json=value, headers={"Origin": HOME, **headers})

    def tiles(self, asset_id: str = "item-000") -> list[Tile]:
        """An asset's candidates as the page would show them now."""
        return list(reading.candidates(self.catalog, WORLD.set_name, asset_id, Wanted(folded=False)).tiles)

    def keep(self, tile: Tile, keep: bool = True, *reasons: str, note: str = "", override: bool = False) -> Any:
        """Decide on a tile as it was when it was seen."""
        value = {"candidate": tile.candidate_id, "image": tile.image_sha256, "seen": tile.seen, "keep": keep}
        return self.post("/verdicts", {**value, "reasons": list(reasons), "note": note, "override": override})

    def undo(self, tile: Tile) -> Any:
        """Undo on a tile as it was when it was seen."""
        return self.post("/undo", {"candidate": tile.candidate_id, "seen": tile.seen})


def application(catalog: Catalog, embed_text: EmbedText | None = None) -> Guard:
    """The server's application; without ``embed_text`` no CLIP is at hand."""

    def none_at_hand(clip_id: str, words: str) -> NDArray[np.float32]:
        raise LimnerError(f"The weights of {clip_id!r} are not at hand.")

    return build(catalog, "ada", Tickets(), PORT, Standings(catalog), embed_text or none_at_hand)


def client_of(guard: Guard) -> TestClient:
    """A browser that knows nothing yet."""
    return TestClient(guard, base_url=HOME, follow_redirects=False)


def admitted(guard: Guard) -> TestClient:
    """A browser that opened an address with a ticket."""
    client = client_of(guard)
    assert client.get("/", params={"ticket": guard.tickets.issue()}).status_code == 200
    return client


@pytest.fixture
def guard(catalog: Catalog) -> Guard:
    """The server's application."""
    return application(catalog)


@pytest.fixture
def stranger(guard: Guard) -> TestClient:
    """A browser without a session."""
    return client_of(guard)


@pytest.fixture
def tab(guard: Guard, catalog: Catalog) -> Tab:
    """A browser that opened the printed address."""
    return Tab(admitted(guard), catalog)
