"""Aesthetic heads: the published numbers, from .pth through convert to safetensors; and whose CLIP they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from generator.weights.convert import ConversionError
from scoring.aesthetic.convert import convert
from scoring.aesthetic.heads import load_head, make_head
from scoring.aesthetic.score import load_aesthetic
from scoring.errors import ScorerError, ScorerMismatchError
from tests.tiny_scorers import DIM, Tiny, build_head

PUBLISHED = {
    "sa_0_4_vit_l_14_linear.pth": [-2.4579, -0.1379, 1.8951, 3.5849, 5.0997, 6.4701, 7.7870, 9.0480, 10.2264, 11.3044],
    "sac+logos+ava1-l14-linearMSE.pth": [
        1.6555,
        2.3593,
        3.0698,
        3.6725,
        4.2380,
        4.7010,
        5.0731,
        5.3654,
        5.5767,
        5.7468,
    ],
}


class TestPublishedHeadsGiveThePublishedTable:
    @pytest.mark.parametrize("name", PUBLISHED)
    def test_to_four_decimals_from_pth_through_convert(self, peers: Path, tmp_path: Path, name: str) -> None:
        converted = convert(peers / name, tmp_path / "head", ["a" * 64])
        head = load_head(converted.folder, "published")
        scores = head.score(np.load(peers / "vit_l_14_ratings.npy"))
        assert np.abs(np.round(scores, 4) - PUBLISHED[name]).max() < 1e-6
        assert head.clips == ("a" * 64,)

    def test_a_file_that_needs_more_than_weights_only_is_not_opened(self, tmp_path: Path) -> None:
        import pickle

        source = tmp_path / "evil.pth"
        source.write_bytes(pickle.dumps(Path("x")))
        with pytest.raises(ConversionError, match="weights only"):
            convert(source, tmp_path / "head", ["a" * 64])

    def test_a_missing_file_and_a_missing_clip_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConversionError, match="no such file"):
            convert(tmp_path / "x.pth", tmp_path / "head", ["a" * 64])
        (tmp_path / "y.pth").write_bytes(b"")
        with pytest.raises(ConversionError, match="which CLIP"):
            convert(tmp_path / "y.pth", tmp_path / "head", [])


class TestAHeadBelongsToItsClip:
    def test_another_clips_hash_is_refused(self, tiny: Tiny) -> None:
        with pytest.raises(ScorerMismatchError, match="belongs to the CLIP"):
            load_aesthetic(*tiny.aesthetic, ("f" * 64,), DIM)

    def test_another_width_is_refused(self, tiny: Tiny) -> None:
        with pytest.raises(ScorerMismatchError, match="this CLIP gives 768"):
            load_aesthetic(*tiny.aesthetic, (tiny.clip[0].files[1].sha256,), 768)

    def test_its_own_clip_is_accepted(self, tiny: Tiny) -> None:
        assert load_aesthetic(*tiny.aesthetic, (tiny.clip[0].files[1].sha256,), DIM).dim == DIM

    def test_a_missing_folder_says_how_to_get_one(self, tiny: Tiny, tmp_path: Path) -> None:
        with pytest.raises(ScorerError, match="limner convert"):
            load_aesthetic(tiny.aesthetic[0], tmp_path / "none", ("f" * 64,), DIM)


class TestScores:
    def test_a_folded_chain_equals_layer_by_layer(self, tmp_path: Path) -> None:
        _, folder = build_head(tmp_path / "mlp", "a" * 64, layout="mlp")
        rows = np.random.default_rng(0).normal(size=(50, DIM))
        tensors, values = load_file(folder / "head.safetensors"), rows
        for number in (0, 2, 4):
            values = values @ tensors[f"layers.{number}.weight"].T + tensors[f"layers.{number}.bias"]
        assert np.abs(load_head(folder, "mlp").score(rows) - values[:, 0]).max() < 1e-5

    def test_equal_embeddings_score_equal_in_any_batch(self, tiny: Tiny) -> None:
        head = load_head(tiny.aesthetic[1], "tiny")
        rows = np.random.default_rng(0).normal(size=(300, DIM)).astype(np.float16)
        together = head.score(rows)
        assert [head.score(rows[row : row + 1])[0] for row in range(300)] == together.tolist()

    def test_nan_in_gives_nan_out_for_that_row_alone(self, tiny: Tiny) -> None:
        rows = np.zeros((2, DIM))
        rows[1, 3] = np.nan
        scores = load_head(tiny.aesthetic[1], "tiny").score(rows)
        assert np.isfinite(scores[0])
        assert np.isnan(scores[1])

    def test_the_nsfw_layout_normalises_rectifies_and_squashes(self) -> None:
        rng = np.random.default_rng(0)
        widths = (8, 4, 6, 5, 1)
        tensors = {"norm.mean": rng.normal(size=8), "norm.variance": rng.uniform(1, 2, 8)}
        for number in range(4):
            tensors[f"linear_{number + 1}.weight"] = rng.normal(size=(widths[number + 1], widths[number]))
            tensors[f"linear_{number + 1}.bias"] = rng.normal(size=widths[number + 1])
        rows = rng.normal(size=(9, 8))
        values = (rows - tensors["norm.mean"]) / np.sqrt(tensors["norm.variance"])
        for number in range(1, 5):
            values = values @ tensors[f"linear_{number}.weight"].T + tensors[f"linear_{number}.bias"]
            values = np.maximum(values, 0) if number < 4 else 1 / (1 + np.exp(-values))
        head = make_head("nsfw", {"layout": "nsfw-mlp", "clip": "a" * 64}, tensors, "here")
        assert np.abs(head.score(rows) - values[:, 0]).max() < 1e-6


class TestDamagedHeadsAreNamed:
    def test_each_fault_says_what_is_wrong(self, tiny: Tiny, tmp_path: Path) -> None:
        config = {"layout": "linear", "clip": "a" * 64}
        good = {"weight": np.zeros((1, 4)), "bias": np.zeros(1)}
        faults = [
            ({**config, "layout": "conv"}, good, "allowed: linear, mlp"),
            (config, {"weight": np.zeros((1, 4))}, "no bias"),
            (config, {**good, "bias": np.array([np.inf])}, "not finite"),
            (config, {"weight": np.zeros((2, 4)), "bias": np.zeros(2)}, "a head gives one"),
            ({**config, "embedding_dim": 9}, good, "embedding_dim 9"),
            (config, {}, "no tensors"),
        ]
        for settings, tensors, message in faults:
            with pytest.raises(ScorerError, match=message):
                make_head("h", settings, tensors, "here")

    def test_no_safetensors_but_a_pickle_points_to_convert(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"layout": "linear"}))
        (tmp_path / "head.pth").write_bytes(b"")
        with pytest.raises(ScorerError, match="limner convert"):
            load_head(tmp_path, "h")
