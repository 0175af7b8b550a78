"""A folder becomes a loaded model only when every weight is accounted for; every published layout loads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from generator.environment import Setting
from generator.weights.loading import LoadedModel, load
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError
from tests.generator.conftest import entry, job, rendered

Pinned = Callable[[str, Path], Checkpoint]
UNET, VAE, TEXT = (f"{part}/{stem}.safetensors" for part, stem in (
    ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model")
))  # fmt: skip


@pytest.fixture
def copy(folder_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny SD 1.x folder of this test's own."""
    return Path(shutil.copytree(folder_of("sd1"), tmp_path / "sd1"))


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    """Replace the tensors of a safetensors file."""
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    save_file(change(tensors), path, metadata={"format": "pt"})


class TestRandomNumbersNeverStandInForWeights:
    @pytest.mark.parametrize("path", [UNET, VAE, TEXT])
    def test_a_missing_tensor_is_refused(self, copy: Path, pinned: Pinned, setting: Setting, path: str) -> None:
        rewrite(copy / path, lambda tensors: dict(list(tensors.items())[:-1]))
        with pytest.raises(LimnerError, match=rf"{path.split('/')[0]}: the weights do not .*missing"):
            load(pinned("sd1", copy), copy, setting)

    @pytest.mark.parametrize("path", [UNET, VAE, TEXT])
    def test_a_tensor_without_a_place_is_refused(self, copy: Path, pinned: Pinned, setting: Setting, path: str) -> None:
        rewrite(copy / path, lambda tensors: tensors | {"lora.up.weight": torch.zeros(1)})
        with pytest.raises(LimnerError, match=r"1 left over \(first: lora.up.weight\)"):
            load(pinned("sd1", copy), copy, setting)

    @pytest.mark.parametrize("path", [UNET, VAE, TEXT])
    def test_a_tensor_of_another_shape_is_refused(
        self, copy: Path, pinned: Pinned, setting: Setting, path: str
    ) -> None:
        rewrite(copy / path, lambda tensors: {name: torch.zeros(*tensor.shape, 1) for name, tensor in tensors.items()})
        with pytest.raises(LimnerError, match=f"{path.split('/')[0]}: the weights do not"):
            load(pinned("sd1", copy), copy, setting)

    @pytest.mark.parametrize("path", [UNET, VAE, TEXT])
    def test_a_damaged_file_is_refused(self, copy: Path, pinned: Pinned, setting: Setting, path: str) -> None:
        (copy / path).write_bytes((copy / path).read_bytes()[:1000])
        with pytest.raises(LimnerError, match=rf"{path}: got no complete safetensors file"):
            load(pinned("sd1", copy), copy, setting)


class TestOnlyWhatIsPinnedIsLoaded:
    def test_an_unpinned_checkpoint_is_refused(self, copy: Path, setting: Setting) -> None:
        with pytest.raises(LimnerError, match=r"model_index.json: not hashed; pin the checkpoint"):
            load(entry("sd1", copy), copy, setting)

    def test_a_file_that_came_after_pinning_is_refused(self, copy: Path, pinned: Pinned, setting: Setting) -> None:
        checkpoint = pinned("sd1", copy)
        (copy / "unet" / "extra.json").write_text("{}")
        with pytest.raises(LimnerError, match=r"unet/extra.json: not hashed"):
            load(checkpoint, copy, setting)

    def test_a_scorer_is_not_an_image_checkpoint(self, copy: Path, setting: Setting) -> None:
        with pytest.raises(LimnerError, match="got architecture 'open-clip'; allowed for pictures are sd1, sd2, sdxl"):
            load(entry("open-clip", copy), copy, setting)

    def test_the_network_is_never_asked(
        self, copy: Path, pinned: Pinned, setting: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a connection was tried")

        monkeypatch.setattr("socket.socket.connect", refuse)
        load(pinned("sd1", copy), copy, setting)


class TestPublishedLayouts:
    """All give the picture of the plain layout: the same numbers under other names."""

    def picture(
        self, folder: Path, pinned: Pinned, setting: Setting
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        model = load(pinned("sd1", folder), folder, setting)
        return rendered(model, job(model)).pixels

    def test_attention_of_the_vae_as_it_was_named_in_2022(
        self, copy: Path, sd1: LoadedModel, pinned: Pinned, setting: Setting
    ) -> None:
        names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

        def old(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            renamed = {}
            for name, tensor in tensors.items():
                for new, older in names.items():
                    name = name.replace(f"attentions.0.{new}.", f"attentions.0.{older}.")
                renamed[name] = tensor
            assert renamed.keys() != tensors.keys()
            return renamed

        rewrite(copy / VAE, old)
        assert np.array_equal(self.picture(copy, pinned, setting), rendered(sd1, job(sd1)).pixels)

    def test_fp16_files(self, copy: Path, sd1: LoadedModel, pinned: Pinned, setting: Setting) -> None:
        for path in (UNET, VAE, TEXT):
            rewrite(copy / path, lambda tensors: {name: half(tensor) for name, tensor in tensors.items()})
            (copy / path).rename(copy / path.replace(".safetensors", ".fp16.safetensors"))
        difference = self.picture(copy, pinned, setting).astype(int) - rendered(sd1, job(sd1)).pixels
        assert np.abs(difference).mean() < 2

    def test_shards(self, copy: Path, sd1: LoadedModel, pinned: Pinned, setting: Setting) -> None:
        for path in (UNET, TEXT):
            tensors, stem = load_file(copy / path), Path(path).stem
            names = sorted(tensors)
            parts = [names[::2], names[1::2]]
            where = {}
            for number, part in enumerate(parts, 1):
                shard = f"{stem}-{number:05}-of-00002.safetensors"
                save_file({name: tensors[name] for name in part}, copy / Path(path).parent / shard, {"format": "pt"})
                where |= dict.fromkeys(part, shard)
            index = {"metadata": {"total_size": 1}, "weight_map": where}
            (copy / path).with_name(f"{stem}.safetensors.index.json").write_text(json.dumps(index))
            (copy / path).unlink()
        assert np.array_equal(self.picture(copy, pinned, setting), rendered(sd1, job(sd1)).pixels)

    def test_a_tokenizer_in_one_file(self, copy: Path, sd1: LoadedModel, pinned: Pinned, setting: Setting) -> None:
        CLIPTokenizer.from_pretrained(copy / "tokenizer", local_files_only=True).save_pretrained(copy / "tokenizer")
        for name in ("vocab.json", "merges.txt"):
            (copy / "tokenizer" / name).unlink(missing_ok=True)
        assert (copy / "tokenizer" / "tokenizer.json").is_file()
        assert np.array_equal(self.picture(copy, pinned, setting), rendered(sd1, job(sd1)).pixels)

    def test_a_safety_checker_in_the_folder_is_left_alone(self, copy: Path, pinned: Pinned, setting: Setting) -> None:
        index = json.loads((copy / "model_index.json").read_text())
        index |= {
            "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
            "requires_safety_checker": True,
        }
        (copy / "model_index.json").write_text(json.dumps(index))
        assert load(pinned("sd1", copy), copy, setting).pipe.safety_checker is None


def half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor
