"""The one CLIP pass: open_clip's own numbers, no random weights, no dependence on neighbours."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

from benchmarks.resample import is_pillows, odd_shape
from scoring.clip.embedding import Clip, load_clip
from scoring.clip.resample import reduction
from scoring.errors import ScorerError
from tests.scoring.conftest import blocks
from tests.tiny_scorers import Tiny, checkpoint


@pytest.fixture(scope="module")
def clip(tiny: Tiny, setting: Any) -> Clip:
    return load_clip(*tiny.clip, setting, batch_size=4)


@pytest.fixture(scope="module")
def reference(tiny: Tiny) -> Any:
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tiny.clip[1]}", require_pretrained=True)
    return model.eval(), preprocess


class TestPreprocessingIsOpenClips:
    @pytest.mark.parametrize(
        "size", [(64, 64), (256, 256), (20, 20), (33, 97), (100, 37), (75, 37), (300, 50), (96, 144)]
    )
    def test_every_value_is_equal_whatever_the_picture_size(
        self, clip: Clip, reference: Any, size: tuple[int, int]
    ) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
        theirs = torch.stack([reference[1](Image.fromarray(picture)) for picture in noise])
        assert torch.equal(clip.preprocess(noise, torch.device("cpu")), theirs)

    def test_odd_shapes_are_pillows_byte_for_byte_whether_they_shrink_or_grow(self) -> None:
        grow = 0
        for seed in range(60):
            pixels, size = odd_shape(seed)
            height, width = pixels.shape[:2]
            grow += height > 2 * width and size > width
            assert is_pillows(pixels, size, reduction(height, width, size)), (pixels.shape, size)
        assert grow >= 5

    def test_embeddings_agree_to_1e_6(self, clip: Clip, reference: Any) -> None:
        pictures = blocks(6)
        inputs = torch.stack([reference[1](Image.fromarray(picture)) for picture in pictures])
        with torch.no_grad():
            theirs = reference[0].encode_image(inputs, normalize=True).numpy()
        assert np.abs(clip.embed(pictures) - theirs).max() < 1e-6


class TestARowNeverDependsOnItsNeighbours:
    def test_a_picture_alone_has_the_same_bits_as_in_any_company_and_place(self, clip: Clip) -> None:
        pictures = blocks(7)
        together = clip.embed(pictures)
        for row in range(7):
            assert np.array_equal(clip.embed(pictures[row : row + 1])[0], together[row])
        assert np.array_equal(clip.embed(pictures[::-1])[::-1], together)

    def test_rows_are_unit_float32(self, clip: Clip) -> None:
        rows = clip.embed(blocks(3))
        assert rows.dtype == np.float32
        assert np.allclose((rows**2).sum(axis=1), 1, atol=1e-6)

    def test_no_pictures_give_no_rows(self, clip: Clip) -> None:
        assert clip.embed(blocks(1)[:0]).shape == (0, clip.dim)

    def test_pixels_of_another_kind_are_refused(self, clip: Clip) -> None:
        with pytest.raises(ValueError, match="uint8"):
            clip.embed(blocks(1).astype(np.float32))  # type: ignore[arg-type]


class TestTexts:
    def test_each_different_text_is_encoded_once(self, tiny: Tiny, setting: Any) -> None:
        clip = load_clip(*tiny.clip, setting)
        calls: list[int] = []
        clip.model.transformer.register_forward_hook(lambda *_: calls.append(1))
        rows = clip.embed_texts(["a sword", "a shield", "a sword"])
        clip.embed_texts(["a shield"])
        assert len(calls) == 1
        assert np.array_equal(rows[0], rows[2])

    def test_a_text_alone_has_the_same_bits_as_in_company(self, tiny: Tiny, setting: Any) -> None:
        one, many = load_clip(*tiny.clip, setting), load_clip(*tiny.clip, setting)
        assert np.array_equal(one.embed_texts(["a sword"])[0], many.embed_texts(["x", "y z", "a sword"])[2])


class TestRandomWeightsNeverSlipIn:
    def copy(self, tiny: Tiny, folder: Path) -> Path:
        shutil.copytree(tiny.clip[1], folder)
        return folder

    def refused(self, folder: Path, setting: Any) -> str:
        with pytest.raises(ScorerError) as caught:
            load_clip(checkpoint("mine", "open-clip", folder), folder, setting)
        return str(caught.value)

    def test_no_weights_file(self, tiny: Tiny, tmp_path: Path, setting: Any) -> None:
        folder = self.copy(tiny, tmp_path / "clip")
        (folder / "open_clip_model.safetensors").unlink()
        assert "no weights" in self.refused(folder, setting)
        assert "--online" in self.refused(folder, setting)

    def test_no_configuration(self, tiny: Tiny, tmp_path: Path, setting: Any) -> None:
        folder = self.copy(tiny, tmp_path / "clip")
        (folder / "open_clip_config.json").unlink()
        assert "open_clip_config.json is missing" in self.refused(folder, setting)

    def test_a_file_that_lacks_a_tensor(self, tiny: Tiny, tmp_path: Path, setting: Any) -> None:
        folder = self.copy(tiny, tmp_path / "clip")
        tensors = load_file(folder / "open_clip_model.safetensors")
        del tensors["visual.proj"]
        save_file(tensors, folder / "open_clip_model.safetensors")
        assert "visual.proj" in self.refused(folder, setting)

    def test_a_truncated_file(self, tiny: Tiny, tmp_path: Path, setting: Any) -> None:
        path = self.copy(tiny, tmp_path / "clip") / "open_clip_model.safetensors"
        path.write_bytes(path.read_bytes()[:10_000])
        assert "no complete safetensors file" in self.refused(path.parent, setting)

    def test_a_tensor_with_nan(self, tiny: Tiny, tmp_path: Path, setting: Any) -> None:
        folder = self.copy(tiny, tmp_path / "clip")
        tensors = load_file(folder / "open_clip_model.safetensors")
        tensors["visual.proj"][0, 0] = np.nan
        save_file(tensors, folder / "open_clip_model.safetensors")
        assert "not finite" in self.refused(folder, setting)

    def test_openai_weights_without_quickgelu(self, tiny: Tiny, tmp_path: Path, setting: Any) -> None:
        folder = self.copy(tiny, tmp_path / "clip")
        config = json.loads((folder / "open_clip_config.json").read_text())
        del config["model_cfg"]["quick_gelu"]
        config["preprocess_cfg"]["source"] = "openai"
        (folder / "open_clip_config.json").write_text(json.dumps(config))
        assert "QuickGELU" in self.refused(folder, setting)

    def test_a_clip_needs_hashes_for_its_identity(self, tiny: Tiny, setting: Any) -> None:
        with pytest.raises(ValueError, match="hash it first"):
            load_clip(replace(tiny.clip[0], files=()), tiny.clip[1], setting)
