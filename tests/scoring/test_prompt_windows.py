"""A prompt longer than a CLIP's window is scored whole; one of a single window is scored as ever, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scoring.adherence import measure_adherence
from scoring.clip.embedding import Clip, load_clip
from scoring.clip.prompt_windows import WINDOWS_KIND, PromptWindows, load_windows, windows_identity
from scoring.from_embeddings import roles_that_need_pixels
from scoring.identity import scorer_identity
from tests import tiny_scorers
from tests.scoring.conftest import OnCpu

STARTER = Path(__file__).parents[2] / "starter" / "clip"
START = "masterpiece, best quality, highly detailed, trending on artstation, " * 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clip")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    checkpoint, where = tiny_scorers.build_clip(folder)
    return load_clip(checkpoint, where, OnCpu())


def plainly(clip: Clip, text: str) -> np.ndarray:
    """The text as the CLIP alone reads it: its first window, in a batch of the same shape."""
    with torch.inference_mode():
        tokens = clip.tokenizer([text, *[""] * (clip.text_batch - 1)])
        return clip.model.encode_text(tokens, normalize=True).float().numpy()[0]


class TestOneWindow:
    @pytest.mark.parametrize("text", ["a silver sword", "", "x " * 22, "日本の剣", "a  spaced\tprompt "])
    def test_is_what_it_was(self, clip: Clip, text: str) -> None:
        assert np.array_equal(clip.embed_texts([text])[0], plainly(clip, text))

    def test_also_beside_long_ones(self, clip: Clip) -> None:
        assert np.array_equal(clip.embed_texts([START, "a silver sword"])[1], plainly(clip, "a silver sword"))


class TestLong:
    @pytest.mark.parametrize("last", ["red potion", "bow", "shield on a night ground", "剣", "a silver sword"])
    def test_the_last_words_count(self, clip: Clip, last: str) -> None:
        """Two assets with the same long start: different embeddings, so never margin 0."""
        rows = clip.embed_texts([START + "a silver helmet", START + last])
        assert np.array_equal(plainly(clip, START + "a silver helmet"), plainly(clip, START + last))  # the fault
        assert not np.allclose(rows[0], rows[1], atol=1e-5)

    def test_is_the_mean_of_its_windows_by_their_tokens(self, clip: Clip) -> None:
        text = "x " * 22 + "a silver sword"
        first, second = plainly(clip, "x " * 22).astype(float), plainly(clip, "a silver sword").astype(float)
        mean = (22 * first + 3 * second) / 25
        assert np.allclose(clip.embed_texts([text])[0], mean / np.linalg.norm(mean), atol=1e-6)

    @pytest.mark.parametrize("text", [START, "x " * 23, "sword" * 200, "剣" * 100, "a " + "supercalifragilistic" * 9])
    def test_every_window_fits_and_nothing_is_left_out(self, clip: Clip, text: str) -> None:
        windows = clip.windows.of(text)
        assert len(windows) > 1
        assert all(clip.windows.count(window.text) == window.tokens <= 22 for window in windows)
        assert "".join("".join(window.text for window in windows).split()) == "".join(text.split())
        assert np.isclose(np.linalg.norm(clip.embed_texts([text])[0]), 1)

    def test_the_starter_counts_by_its_own_tokenizer(self) -> None:
        windows = load_windows(STARTER)
        assert windows.most == 30
        assert [len(windows.of("sword " * count)) for count in (30, 31, 61)] == [1, 2, 3]


class TestRanks:
    def test_equal_prompts_are_never_both_first(self) -> None:
        texts = np.eye(3)[[0, 0, 1]]
        found = measure_adherence(np.eye(3)[[0, 0, 1]], texts, [0, 1, 2])
        assert [(one.rank, one.margin) for one in found if one] == [(2, 0.0), (2, 0.0), (1, 1.0)]

    @pytest.mark.parametrize("count", [2, 3, 5, 8])
    def test_however_many(self, count: int) -> None:
        found = measure_adherence(np.ones((1, 4)) / 2, np.ones((count, 4)) / 2, [0])
        assert found[0] is not None
        assert found[0].rank == count


class TestWhatBecomesStale:
    """Cards of sets with a long prompt, and no others."""

    def identity(self, folder: Path, *prompts: str) -> tuple[tuple[str, str], ...]:
        return scorer_identity(None, None, None, windows=windows_identity(folder, prompts))

    def test_nothing_changes_for_short_prompts(self) -> None:
        assert self.identity(STARTER, "a sword", "a bow") == scorer_identity(None, None, None)
        assert windows_identity(None, ["x " * 1000]) == ""

    def test_one_long_prompt_makes_its_set_stale(self) -> None:
        new = self.identity(STARTER, "a sword", START)
        assert dict(new)["windows"] == WINDOWS_KIND
        assert roles_that_need_pixels(scorer_identity(None, None, None), new) == ("windows",)


def test_counting_is_asked_once_a_prompt() -> None:
    asked: list[str] = []
    windows = PromptWindows(lambda text: asked.append(text) or len(text.split()), 3)
    for _ in range(3):
        windows.of("a b c")
    assert asked == ["a b c"]
