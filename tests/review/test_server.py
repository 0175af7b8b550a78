"""``limner review`` as a process: loopback only, no torch; what it acknowledged survives a kill. Its commands."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from catalog.catalog import Catalog
from catalog.integrity.verify import verify
from catalog.review.views.pages import candidates
from catalog.review.views.values import Tile, Wanted
from flows.cli.app import app
from tests.review.conftest import WORLD
from tests.review.serving import ROOT, served, start

NO_TORCH = """
import sys
import flows.cli.app, flows.cli.commands.choosing.review, flows.pipeline.word_embeddings, catalog.review.app, uvicorn
print([name for name in ("torch", "prefect", "diffusers", "transformers", "open_clip") if name in sys.modules])
"""


def all_tiles(library: Path) -> list[Tile]:
    """Every candidate, read from the library itself."""
    with Catalog.open(library, create=False) as catalog:
        found = [
            candidates(catalog, WORLD.set_name, asset.asset_id, Wanted(folded=False)) for asset in WORLD.spec.assets
        ]
    return [tile for page in found for tile in page.tiles]


def body(tile: Tile, keep: bool, *reasons: str, seen: int | None = None) -> dict[str, object]:
    """What the page sends."""
    number = tile.seen if seen is None else seen
    return {
        "candidate": tile.candidate_id, "image": tile.image_sha256, "seen": number, "keep": keep,
        "reasons": list(reasons),
    }  # fmt: skip


def test_the_review_page_needs_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", NO_TORCH], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_it_listens_on_loopback_with_a_ticket_of_its_own(library: Path) -> None:
    with served(library) as serving:
        assert serving.home.startswith("http://127.0.0.1:")
        assert len(serving.address.partition("ticket=")[2]) >= 43
        assert httpx.get(serving.home + "/").status_code == 403
        tile = all_tiles(library)[0]
        with serving.client() as client:
            assert WORLD.set_name in client.get("/").text
            assert client.post("/verdicts", json=body(tile, False, "other")).json()["word"] == "rejected"


def test_killed_at_any_moment_every_verdict_it_acknowledged_is_there(library: Path) -> None:
    serving, tiles, saved = start(library), all_tiles(library), {}
    seen = {tile.candidate_id: tile.seen for tile in tiles}
    with pytest.raises(httpx.HTTPError), serving.client() as client:  # noqa: PT012 (which request is cut off is the point)
        for turn in range(100_000):
            tile, keep = tiles[turn % len(tiles)], turn % 2 == 0
            value = body(tile, keep, "off_style", seen=seen[tile.candidate_id])
            told = client.post("/verdicts", json=value).json()
            seen[tile.candidate_id] = told["seen"]
            if not saved:
                threading.Timer(0.5, serving.process.send_signal, [signal.SIGKILL]).start()
            saved[tile.candidate_id] = (keep, told["seen"])
    serving.process.wait(30)
    assert saved
    now = {tile.candidate_id: tile for tile in all_tiles(library)}
    for candidate_id, (keep, number) in saved.items():
        stands = now[candidate_id]
        assert (stands.keep, stands.seen) == (keep, number) or stands.seen == number + 1  # one more, not acknowledged
    assert verify(library).problems == ()


class TestCommands:
    """What the page can do, the command line can do."""

    @pytest.fixture
    def run(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> object:
        monkeypatch.setenv("LIMNER_LIBRARY", str(library))
        monkeypatch.setenv("LIMNER_PERSON", "bob")
        return lambda *words: CliRunner().invoke(app, list(words), catch_exceptions=False)

    def test_keep_reject_and_undo(self, run, library: Path) -> None:  # type: ignore[no-untyped-def]
        id_ = f"{WORLD.set_name}/item-000#1"
        kept = json.loads(run("keep", id_, "--why", "the best hilt", "--json").stdout)
        assert (kept["keeper"], kept["note"], kept["decided_by"]) == (True, "the best hilt", "person:bob")
        rejected = json.loads(run("reject", id_, "--why", "off style", "--as", "eve", "--json").stdout)
        assert (rejected["reasons"], rejected["note"], rejected["decided_by"]) == (["off_style"], "", "person:eve")
        assert json.loads(run("reject", id_, "--why", "two swords", "--json").stdout)["note"] == "two swords"
        for _ in range(2):
            assert run("undo", id_).exit_code == 0
        assert all_tiles(library)[1].note == "the best hilt"
        assert "rejected by policy" in run("undo", id_).stdout

    def test_what_cannot_be_done_is_one_message(self, run) -> None:  # type: ignore[no-untyped-def]
        for words, told in (
            (("undo", "tavern-items/item-000#0"), "nothing to undo"),
            (("keep", "tavern-items/none"), "no such asset"),
            (("reject", "tavern-items/item-000#0", "--why", " "), "--why: got nothing"),
            (("keep", "tavern-items/item-000#0", "--as", ""), "--as: got"),
            (("review", "--port", "99999"), "--port: got 99999"),
        ):
            done = run(*words)
            assert done.exit_code == 2
            assert told in done.stderr
