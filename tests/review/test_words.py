"""Search by what is in the pictures: by words, by likeness, within one CLIP; torch at the first word, not before."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.provenance import Embedding
from flows.pipeline.word_embeddings import WordEmbedder
from flows.settings import Settings
from scoring.clip.embedding import load_clip
from specs.errors import LimnerError
from tests.catalog.factory import CLIP, World
from tests.review.conftest import WORLD, Tab, admitted, application
from tests.review.serving import ROOT
from tests.tiny_scorers import build_clip

DIRECTIONS = np.eye(8, dtype=np.float32)


def embed(clip_id: str, words: str) -> NDArray[np.float32]:
    """Words that are numbers, as directions; a CLIP that is called otherwise is not at hand."""
    if clip_id != CLIP:
        raise LimnerError(f"The weights of {clip_id!r} are not at hand.")
    return DIRECTIONS[int(words)]


@pytest.fixture
def tab(catalog: Catalog) -> Tab:
    """A page whose pictures 12 to 19 each lie in a direction of their own, mostly."""
    world = replace(WORLD, each=8)
    world.register(catalog)
    records = [world.record(number) for number in range(12, 20)]
    vectors = [(DIRECTIONS[n] + 0.1).astype(np.float16) for n in range(8)]
    catalog.record([replace(r, embedding=Embedding(CLIP, v)) for r, v in zip(records, vectors, strict=True)])
    return Tab(admitted(application(catalog, embed)), catalog)


def found(tab: Tab, **query: str) -> list[str]:
    """Candidate ids in the order of the page."""
    text = tab.client.get("/search", params=query).text
    return re.findall(r'data-id="([0-9a-f]{32})"', text)


def test_words_find_the_picture_that_lies_in_their_direction(tab: Tab) -> None:
    world = replace(WORLD, each=8)
    for number in range(8):
        assert found(tab, words=str(number), by="picture")[0] == world.key(12 + number).candidate_id
    page = tab.client.get("/search", params={"words": "3", "by": "picture"}).text
    assert f"Compared by CLIP {CLIP}, which has embedded 20 of 20 pictures" in page


def test_more_like_this_begins_with_the_picture_itself(tab: Tab) -> None:
    id_ = replace(WORLD, each=8).key(14).candidate_id
    assert found(tab, like=id_)[0] == id_
    assert len(found(tab, like=id_)) == 20
    assert 'class="trouble"' in tab.get("/search?like=nothing").text


def test_the_filter_and_another_order_hold_too(tab: Tab) -> None:
    kept = found(tab, words="3", by="picture", state="kept")
    assert 0 < len(kept) < 20
    assert set(kept) == set(found(tab, state="kept"))
    assert found(tab, words="3", by="picture", sort="aesthetic") == found(tab, sort="aesthetic")


def test_new_pictures_are_found_without_reading_the_old_again(tab: Tab, catalog: Catalog) -> None:
    found(tab, words="3", by="picture")
    world = replace(WORLD, each=8)
    record = replace(world.record(20), embedding=Embedding(CLIP, DIRECTIONS[3].astype(np.float16)))
    catalog.record([record])
    assert found(tab, words="3", by="picture")[0] == record.key.candidate_id


def test_embeddings_of_two_clips_are_never_compared(tab: Tab, catalog: Catalog) -> None:
    world = replace(WORLD, each=8)
    other = replace(world.record(21), embedding=Embedding("another-clip", np.ones(4, np.float16)))
    catalog.record([other])
    assert other.key.candidate_id not in found(tab, words="3", by="picture")
    assert "embedded 20 of 21 pictures" in tab.client.get("/search", params={"words": "3", "by": "picture"}).text
    refused = tab.client.get("/search", params={"words": "3", "by": "picture", "clip": "another-clip"}).text
    assert "not at hand" in refused
    assert "Nothing was searched" in refused
    assert found(tab, like=other.key.candidate_id, clip="another-clip") == [other.key.candidate_id]


class TestTheLibrarysOwnClip:
    """Real weights, found by the record that the library keeps of them."""

    @pytest.fixture
    def clip(self, tmp_path: Path) -> Path:
        return build_clip(tmp_path / "clip")[1]

    def embedder(self, catalog: Catalog, folder: Path) -> tuple[WordEmbedder, str]:
        checkpoint, _ = build_clip(folder)
        world = World(set_name="scored", assets=1, each=1)
        world.scorers["clip"] = checkpoint
        world.register(catalog)
        return WordEmbedder(catalog, Settings(library=catalog.library)), checkpoint.weights_id

    def test_embeds_words_as_the_scorers_do(self, catalog: Catalog, clip: Path) -> None:
        embed, clip_id = self.embedder(catalog, clip)
        loaded = load_clip(build_clip(clip)[0], clip, type("Cpu", (), {"device": "cpu"})())
        expected = loaded.embed_texts(["a silver sword"])[0]
        np.testing.assert_allclose(embed(clip_id, "a silver sword"), expected, atol=1e-5)

    def test_other_weights_in_its_place_are_refused(self, catalog: Catalog, clip: Path) -> None:
        embed, clip_id = self.embedder(catalog, clip)
        build_clip(clip, seed=3)
        with pytest.raises(LimnerError, match="not at hand"):
            embed(clip_id, "a sword")

    def test_no_weights_is_said_clearly(self, catalog: Catalog, clip: Path) -> None:
        embed, clip_id = self.embedder(catalog, clip)
        shutil.rmtree(clip)
        with pytest.raises(LimnerError, match="not at hand"):
            embed(clip_id, "a sword")
        with pytest.raises(LimnerError, match="no checkpoint of the library"):
            embed("sha256:" + "0" * 64, "a sword")


LAZY = """
import sys
from pathlib import Path
from catalog.catalog import Catalog
from flows.settings import Settings
from flows.pipeline.word_embeddings import WordEmbedder
with Catalog.open(Path(sys.argv[1]), create=False) as catalog:
    embed = WordEmbedder(catalog, Settings(library=Path(sys.argv[1])))
    before = "torch" in sys.modules
    embed(sys.argv[2], "a sword")
    print(before, "torch" in sys.modules)
"""


def test_torch_is_imported_at_the_first_word_and_not_before(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    _, clip_id = TestTheLibrarysOwnClip().embedder(catalog, tmp_path / "clip")
    words = [sys.executable, "-c", LAZY, str(library), clip_id]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "False True\n"


def test_where_no_text_has_the_words_the_pictures_are_searched_and_the_page_says_so(tab: Tab) -> None:
    nowhere = "00000000003"  # in no text; to the CLIP of these tests it is 3
    assert found(tab, words=nowhere)[0] == replace(WORLD, each=8).key(15).candidate_id
    assert "No text has these words: the closest pictures." in tab.client.get("/search", params={"words": nowhere}).text
    assert found(tab, words=nowhere, by="text") == []
    assert found(tab, words=nowhere, sort="aesthetic") == found(tab, words="3", by="picture", sort="aesthetic")


def test_the_other_search_is_offered_with_the_same_filter(tab: Tab) -> None:
    text = tab.client.get("/search", params={"words": "item-001", "set": WORLD.set_name, "state": "kept"}).text
    assert f'href="?words=item-001&amp;set={WORLD.set_name}&amp;state=kept&amp;by=picture"' in text
    text = tab.client.get("/search", params={"words": "3", "by": "picture", "state": "kept"}).text
    assert 'href="?words=3&amp;state=kept&amp;by=text"' in text


def test_without_the_weights_it_says_that_no_text_has_the_words_and_why_no_picture_was_searched(
    catalog: Catalog,
) -> None:
    without = Tab(admitted(application(catalog)), catalog)
    text = without.client.get("/search", params={"words": "nowhere"}).text
    assert re.search(r"No text has these words, and pictures cannot be searched for them.[^<]*not at hand", text)
    assert "Found in texts" not in text


def test_more_like_this_names_the_picture(tab: Tab) -> None:
    id_ = WORLD.key(2).candidate_id
    text = tab.get(f"/search?like={id_}").text
    assert f'like <a href="/candidates/{id_}">{WORLD.set_name}/item-002#0</a></h1>' in text


def test_words_of_the_row_are_found_and_the_other_search_is_offered(tab: Tab) -> None:
    name, cell = WORLD.spec.assets[0].row[0]
    page = tab.client.get("/search", params={"words": str(cell)}).text
    assert "Found in texts" in page, name
    assert "Search the pictures instead" in page
