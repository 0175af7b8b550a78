"""The safety checker: diffusers' flags as numbers, one forward when shared, and unknown whenever anything is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file

from scoring.clip.embedding import load_clip
from scoring.errors import ScorerError
from scoring.safety.checker import load_checker
from scoring.scorecard import SafetyState
from tests.scoring.conftest import blocks
from tests.tiny_scorers import Tiny, checkpoint

COUNT = 500


def theirs(folder: Path, pictures: NDArray[np.uint8]) -> tuple[list[bool], NDArray[np.float32]]:
    """diffusers' own flags, and the (N, 20) cosines that it decides by, less thresholds and adjustment."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker, cosine_distance
    from transformers import CLIPImageProcessorPil

    checker = StableDiffusionSafetyChecker.from_pretrained(folder).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    inputs = processor([Image.fromarray(picture) for picture in pictures], return_tensors="pt").pixel_values
    with torch.no_grad():
        embeds = checker.visual_projection(checker.vision_model(inputs)[1])
        concept = cosine_distance(embeds, checker.concept_embeds) - checker.concept_embeds_weights
        special = cosine_distance(embeds, checker.special_care_embeds) - checker.special_care_embeds_weights
    flags = checker(inputs, [np.ones((2, 2, 3)) for _ in pictures])[1]
    return flags, torch.cat([concept, special], dim=1).numpy()


def plain(scores: tuple[tuple[str, float], ...]) -> NDArray[np.float64]:
    """The 20 stored scores without the checker's adjustment of 0.01."""
    values = np.array([score for _, score in scores])
    special, adjustment = values[17:].copy(), 0.0
    for place, score in enumerate(special):
        special[place] -= adjustment
        adjustment = 0.01 if round(score, 3) > 0 else adjustment
    return np.concatenate([values[:17] - adjustment, special])


@pytest.fixture(scope="module", params=["shared", "unshared"])
def loaded(request: pytest.FixtureRequest, setting: Any) -> Any:
    tiny: Tiny = request.getfixturevalue("tiny" if request.param == "shared" else "unshared")
    clip = load_clip(*tiny.clip, setting)
    return request.param, tiny, clip, load_checker(*tiny.safety, clip, setting)


class TestItDecidesAsDiffusersDoes:
    def test_same_flags_and_scores_to_1e_5_on_random_pictures(self, loaded: Any) -> None:
        _, tiny, clip, checker = loaded
        pictures = blocks(COUNT, seed=1)
        flags, numbers = theirs(tiny.safety[1], pictures)
        found = checker.measure(pictures, clip.embed(pictures))
        assert [safety.state is SafetyState.FLAGGED for safety in found] == flags
        assert 0.05 < np.mean(flags) < 0.95  # both happen
        assert np.abs(np.stack([plain(safety.scores) for safety in found]) - numbers).max() < 1e-5

    def test_also_where_the_two_preprocessings_crop_differently(self, loaded: Any) -> None:
        _, tiny, clip, checker = loaded
        pictures = blocks(40, 48, 83, seed=2)
        flags, numbers = theirs(tiny.safety[1], pictures)
        found = checker.measure(pictures, clip.embed(pictures))
        assert [safety.state is SafetyState.FLAGGED for safety in found] == flags
        assert np.abs(np.stack([plain(safety.scores) for safety in found]) - numbers).max() < 1e-5

    def test_all_20_scores_are_stored_and_what_was_looked_for_is_said(self, loaded: Any) -> None:
        _, _, clip, checker = loaded
        pictures = blocks(1)
        safety = checker.measure(pictures, clip.embed(pictures))[0]
        assert [name for name, _ in safety.scores[:2]] == ["concept_00", "concept_01"]
        assert len(safety.scores) == 20
        assert "concepts" in safety.covers
        assert "safe" not in safety.covers.replace("tiny-safety", "")


class TestOneForwardServesBoth:
    def test_shared_means_no_tower_of_its_own_and_one_forward_a_picture(self, tiny: Tiny, setting: Any) -> None:
        clip = load_clip(*tiny.clip, setting, batch_size=50)
        checker = load_checker(*tiny.safety, clip, setting, batch_size=50)
        forwarded: list[int] = []
        clip.model.visual.register_forward_hook(lambda _, inputs, __: forwarded.append(len(inputs[0])))
        pictures = blocks(COUNT)
        checker.measure(pictures, clip.embed(pictures))
        assert checker.shared
        assert sum(forwarded) == COUNT
        assert checker._tower is None

    def test_another_tower_runs_its_own_and_says_why(self, unshared: Tiny, setting: Any) -> None:
        checker = load_checker(*unshared.safety, load_clip(*unshared.clip, setting), setting)
        assert not checker.shared
        assert checker.own_because == "tensor class_embedding differs"

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"hidden_act": "gelu"}, "activation differs"),
            ({"num_attention_heads": 4}, "heads differs"),
            ({"layer_norm_eps": 1e-6}, "epsilon differs"),
        ],
    )
    def test_equal_tensors_under_another_setting_are_not_shared(
        self, tiny: Tiny, setting: Any, tmp_path: Path, change: dict[str, Any], why: str
    ) -> None:
        folder = tmp_path / "safety"
        shutil.copytree(tiny.safety[1], folder)
        config = json.loads((folder / "config.json").read_text())
        config["vision_config"].update(change)
        (folder / "config.json").write_text(json.dumps(config))
        checker = load_checker(
            checkpoint("mine", "safety-checker", folder), folder, load_clip(*tiny.clip, setting), setting
        )
        assert why in checker.own_because

    def test_one_changed_number_in_one_tensor_is_seen(self, tiny: Tiny, setting: Any, tmp_path: Path) -> None:
        folder = tmp_path / "safety"
        shutil.copytree(tiny.safety[1], folder)
        tensors = load_file(folder / "model.safetensors")
        name = next(name for name in tensors if name.endswith("layers.1.self_attn.k_proj.weight"))
        tensors[name][3, 5] += 1e-4
        save_file(tensors, folder / "model.safetensors")
        checker = load_checker(
            checkpoint("mine", "safety-checker", folder), folder, load_clip(*tiny.clip, setting), setting
        )
        assert checker.own_because == "tensor transformer.resblocks.1.attn.in_proj_weight differs"

    def test_the_published_files_older_tensor_names_are_read(self, tiny: Tiny, setting: Any, tmp_path: Path) -> None:
        folder = tmp_path / "safety"
        shutil.copytree(tiny.safety[1], folder)
        tensors = load_file(folder / "model.safetensors")
        older = {name.replace("vision_model.", "vision_model.vision_model."): value for name, value in tensors.items()}
        older["vision_model.vision_model.embeddings.position_ids"] = np.arange(17)[None]
        save_file(older, folder / "model.safetensors")
        assert load_checker(
            checkpoint("mine", "safety-checker", folder), folder, load_clip(*tiny.clip, setting), setting
        ).shared


class TestItFailsClosed:
    @pytest.mark.parametrize("broken", ["raises", "nan", "none", "short"])
    def test_whatever_goes_wrong_gives_unknown_for_every_picture(self, tiny: Tiny, setting: Any, broken: str) -> None:
        clip = load_clip(*tiny.clip, setting)
        checker = load_checker(*tiny.safety, clip, setting)
        pictures = blocks(5)
        embeds: Any = clip.embed(pictures)
        if broken == "raises":
            checker.concepts = None  # type: ignore[assignment]
        checker_input = {"nan": embeds * np.nan, "none": None, "short": embeds[:3]}.get(broken, embeds)
        try:
            found = checker.measure(pictures, checker_input)
        except AttributeError:
            pytest.fail("a checker's fault stopped the run")
        assert [safety.state for safety in found] == [SafetyState.UNKNOWN] * 5
        assert all(safety.why for safety in found)

    def test_a_zero_embedding_is_unknown_not_clear(self, tiny: Tiny, setting: Any) -> None:
        clip = load_clip(*tiny.clip, setting)
        checker = load_checker(*tiny.safety, clip, setting)
        found = checker.measure(blocks(1), np.zeros((1, clip.dim), np.float32))
        assert found[0].state is SafetyState.UNKNOWN

    @pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
    def test_missing_and_corrupt_files_are_refused_before_any_picture(
        self, tiny: Tiny, setting: Any, tmp_path: Path, file: str
    ) -> None:
        for content in (None, b"\x00" * 100):
            folder = tmp_path / f"safety{content is None}"
            shutil.copytree(tiny.safety[1], folder)
            (folder / file).unlink()
            if content:
                (folder / file).write_bytes(content)
            with pytest.raises(ScorerError, match=file):
                load_checker(checkpoint("mine", "safety-checker", folder), folder, None, setting)


class TestNames:
    def test_concepts_json_names_the_first_ones(self, tiny: Tiny, setting: Any, tmp_path: Path) -> None:
        folder = tmp_path / "safety"
        shutil.copytree(tiny.safety[1], folder)
        (folder / "concepts.json").write_text(json.dumps({"concepts": ["skull", "ghost"], "covers": "skulls, ghosts"}))
        concepts = load_checker(checkpoint("x", "safety-checker", folder), folder, None, setting).concepts
        assert concepts.names[:3] == ("skull", "ghost", "concept_02")
        assert concepts.covers == "skulls, ghosts"
