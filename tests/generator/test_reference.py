"""Our pictures are diffusers' pictures: one at a time, ``render`` equals a plain call, pixel by pixel."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from generator.environment import choose_setting
from generator.families.parts import read_parts
from generator.sampling.schedulers import build_scheduler, noise_schedule
from generator.weights.loading import LoadedModel, load
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError
from specs.samplers import SCHEDULERS
from tests.generator.conftest import job, rendered

ModelOf = Callable[[str], LoadedModel]
FolderOf = Callable[[str], Path]
Pinned = Callable[[str, Path], Checkpoint]
Capture = pytest.CaptureFixture[str]
KINDS = ["sd1", "sd2", "sdxl"]
BOTH = "silver sword on night ground " * 8  # 40 tokens: one chunk
LONG = "silver sword on night ground " * 20  # 100 tokens: two chunks


def plain_pipeline(folder: Path, scheduler: str, dtype: torch.dtype = torch.float32) -> Any:
    """What a user would write: from_pretrained, and the scheduler from the checkpoint's configuration."""
    pipe, published = from_pretrained(folder, dtype)
    entry = SCHEDULERS[scheduler]
    cls = getattr(diffusers, entry.diffusers_class)
    pipe.scheduler = cls.from_config(published.config, **dict(entry.settings))
    return pipe


@cache
def from_pretrained(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    """A pipeline and the scheduler that its checkpoint names; loaded once."""
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=dtype)
    pipe.set_progress_bar_config(disable=True)
    return pipe, pipe.scheduler


def plain_picture(pipe: Any, **options: Any) -> np.ndarray[Any, Any]:
    """(32, 32, 3) uint8 by a plain call, seed 1."""
    call = {"num_inference_steps": 3, "guidance_scale": 4.0, "width": 32, "height": 32} | options
    with torch.inference_mode():
        return np.asarray(pipe(generator=torch.Generator("cpu").manual_seed(1), **call).images[0])


class TestOneAtATimeItIsThePlainPipeline:
    @pytest.mark.parametrize("scheduler", ["euler-a", "dpmpp-2m-karras", "ddim", "pndm", "unipc", "dpmpp-sde"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_for_each_architecture(self, model_of: ModelOf, folder_of: FolderOf, kind: str, scheduler: str) -> None:
        ours = rendered(model_of(kind), job(model_of(kind), BOTH, scheduler=scheduler), size=1).pixels[0]
        pipe = plain_pipeline(folder_of(kind), scheduler)
        assert np.array_equal(ours, plain_picture(pipe, prompt=BOTH, negative_prompt="blurry"))

    @pytest.mark.parametrize("kind", KINDS)
    def test_without_a_negative_prompt(self, model_of: ModelOf, folder_of: FolderOf, kind: str) -> None:
        ours = rendered(model_of(kind), job(model_of(kind), negative_prompt=""), size=1).pixels[0]
        assert np.array_equal(ours, plain_picture(plain_pipeline(folder_of(kind), "dpmpp-2m"), prompt="silver sword"))

    @pytest.mark.parametrize("kind", KINDS)
    def test_without_guidance(self, model_of: ModelOf, folder_of: FolderOf, kind: str) -> None:
        ours = rendered(model_of(kind), job(model_of(kind), guidance=1.0), size=1).pixels[0]
        pipe = plain_pipeline(folder_of(kind), "dpmpp-2m")
        assert np.array_equal(ours, plain_picture(pipe, prompt="silver sword", guidance_scale=1.0))

    def test_in_another_shape_than_square(self, model_of: ModelOf, folder_of: FolderOf) -> None:
        model = model_of("sdxl")  # its size is part of the conditioning
        ours = rendered(model, job(model, width_px=64, height_px=32), size=1).pixels[0]
        pipe = plain_pipeline(folder_of("sdxl"), "dpmpp-2m")
        assert np.array_equal(ours, plain_picture(pipe, prompt="silver sword", negative_prompt="blurry", width=64))

    @pytest.mark.parametrize(("kind", "dtype"), [("sd1", "bfloat16"), ("sd2", "bfloat16"), ("sdxl", "bfloat16")])
    def test_in_half_precision_from_the_same_noise(
        self, folder_of: FolderOf, pinned: Pinned, capfd: Capture, kind: str, dtype: str
    ) -> None:
        model = load(pinned(kind, folder_of(kind)), folder_of(kind), choose_setting("cpu", dtype, threads=1))
        ours = rendered(model, job(model), size=1)
        assert ours.finite == (True,)
        assert capfd.readouterr() == ("", "")
        pipe = plain_pipeline(folder_of(kind), "dpmpp-2m", getattr(torch, dtype))
        noise = torch.randn((1, 4, 4, 4), generator=torch.Generator("cpu").manual_seed(1))  # in float32, as ours
        reference = plain_picture(pipe, prompt="silver sword", negative_prompt="blurry", latents=noise.to(pipe.dtype))
        assert np.array_equal(ours.pixels[0], reference)


class TestVelocityPrediction:
    def test_is_read_from_the_checkpoint(self, model_of: ModelOf) -> None:
        assert build_scheduler("dpmpp-2m", model_of("sd2").noise).config.prediction_type == "v_prediction"
        assert build_scheduler("dpmpp-2m", model_of("sd1").noise).config.prediction_type == "epsilon"

    def test_changes_the_picture(self, folder_of: FolderOf, pinned: Pinned, setting: Any, tmp_path: Path) -> None:
        changed = with_noise(folder_of("sd2"), tmp_path, prediction_type="epsilon")
        model = load(pinned("sd2", changed), changed, setting)
        velocity = load(pinned("sd2", folder_of("sd2")), folder_of("sd2"), setting)
        assert not np.array_equal(rendered(model, job(model)).pixels, rendered(velocity, job(velocity)).pixels)


class TestZeroTerminalSnr:
    """A checkpoint trained to start from pure noise must be sampled so, or every picture is of medium brightness."""

    def test_is_kept_where_the_solver_can(self, folder_of: FolderOf, tmp_path: Path) -> None:
        changed = with_noise(folder_of("sd2"), tmp_path, rescale_betas_zero_snr=True, timestep_spacing="trailing")
        noise = noise_schedule(read_parts("sd2", changed).noise)
        scheduler = build_scheduler("ddim", noise)
        assert scheduler.alphas_cumprod[-1] == 0
        assert scheduler.config.timestep_spacing == "trailing"

    def test_is_refused_where_the_solver_cannot(self, folder_of: FolderOf, tmp_path: Path) -> None:
        changed = with_noise(folder_of("sd2"), tmp_path, rescale_betas_zero_snr=True)
        noise = noise_schedule(read_parts("sd2", changed).noise)
        with pytest.raises(
            LimnerError, match=r"got 'heun', which cannot start from pure noise .* allowed for it are euler,"
        ):
            build_scheduler("heun", noise)

    @pytest.mark.parametrize("name", ["FlowMatchEulerDiscreteScheduler", "EDMEulerScheduler"])
    def test_other_families_of_noise_are_refused(self, folder_of: FolderOf, tmp_path: Path, name: str) -> None:
        changed = with_noise(folder_of("sd2"), tmp_path, _class_name=name)
        with pytest.raises(LimnerError, match=f"scheduler_config.json: _class_name: got .*{name}"):
            read_parts("sd2", changed)


class TestClipSkip:
    """1 is the layer that the architecture was trained with; n stops n − 1 layers earlier, for both prompts."""

    @pytest.mark.parametrize("kind", ["sd1", "sd2"])
    def test_stops_earlier_and_goes_through_the_final_norm(
        self, model_of: ModelOf, folder_of: FolderOf, kind: str
    ) -> None:
        model = model_of(kind)
        encoder = model.pipe.text_encoder
        tokenizer = CLIPTokenizer.from_pretrained(folder_of(kind) / "tokenizer", local_files_only=True)
        ids = tokenizer("silver sword", padding="max_length", max_length=77, return_tensors="pt").input_ids
        with torch.inference_mode():
            states = encoder(ids, output_hidden_states=True)
            assert torch.equal(model.prompts.encode("silver sword", 1, 1).tokens, states.last_hidden_state)
            second = encoder.final_layer_norm(encoder.encoder(encoder.embeddings(ids)).last_hidden_state)
            assert second.shape == states.last_hidden_state.shape
            expected = encoder.final_layer_norm(states.hidden_states[-2])
            assert torch.equal(model.prompts.encode("silver sword", 2, 1).tokens, expected)

    def test_for_sdxl_equals_the_plain_pipeline(self, model_of: ModelOf, folder_of: FolderOf) -> None:
        pipe = plain_pipeline(folder_of("sdxl"), "dpmpp-2m")
        ours = rendered(model_of("sdxl"), job(model_of("sdxl"), negative_prompt="", clip_skip=2), size=1).pixels[0]
        assert np.array_equal(ours, plain_picture(pipe, prompt="silver sword", clip_skip=1))  # diffusers counts from 0


class TestLongPrompts:
    """Chunks of 75 tokens, each encoded between its own start and end, laid end to end; nothing is cut off."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_chunk_is_encoded_as_a_prompt_of_its_own(self, model_of: ModelOf, kind: str) -> None:
        model = model_of(kind)
        words = LONG.split()
        first, rest = " ".join(words[:75]), " ".join(words[75:])
        assert model.prompts.chunks(LONG) == 2
        whole = model.prompts.encode(LONG, 1, 2)
        parts = [model.prompts.encode(first, 1, 1), model.prompts.encode(rest, 1, 1)]
        assert torch.equal(whole.tokens, torch.cat([part.tokens for part in parts], dim=1))
        if kind == "sdxl":  # the pooled embedding is the first chunk's, as in AUTOMATIC1111
            assert whole.pooled is not None
            assert parts[0].pooled is not None
            assert torch.equal(whole.pooled, parts[0].pooled)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_last_word_counts(self, model_of: ModelOf, kind: str) -> None:
        model = model_of(kind)
        pictures = [rendered(model, job(model, LONG + word), size=1).pixels for word in ("red", "potion")]
        assert not np.array_equal(*pictures)

    def test_the_shorter_side_is_padded_with_empty_chunks(self, model_of: ModelOf, folder_of: FolderOf) -> None:
        model = model_of("sd1")
        encode = model.prompts.encode
        padded = encode("blurry", 1, 2, negative=True).tokens
        assert torch.equal(padded, torch.cat([encode("blurry", 1, 1).tokens, encode("", 1, 1).tokens], dim=1))
        pipe = plain_pipeline(folder_of("sd1"), "dpmpp-2m")
        reference = plain_picture(pipe, prompt_embeds=encode(LONG, 1, 2).tokens, negative_prompt_embeds=padded)
        assert np.array_equal(rendered(model, job(model, LONG), size=1).pixels[0], reference)

    @pytest.mark.parametrize("count", [74, 75, 76])
    def test_the_limit_is_75_tokens(self, sd1: LoadedModel, count: int) -> None:
        assert sd1.prompts.chunks("sword " * count) == (1 if count <= 75 else 2)

    def test_the_encoder_knows_its_length_even_where_the_tokenizer_does_not(
        self, sd1: LoadedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = sd1.prompts.encode("sword " * 80, 1, 2).tokens
        lengthless = replace(sd1.pipe.tokenizer, model_max_length=10**30)
        monkeypatch.setattr(sd1.prompts, "_pairs", [(lengthless, sd1.pipe.text_encoder)])
        assert sd1.prompts.chunks("sword " * 76) == 2
        assert torch.equal(sd1.prompts._encode("sword " * 80, 1, 2).tokens, expected)

    def test_an_empty_prompt_is_one_chunk(self, sd1: LoadedModel) -> None:
        assert sd1.prompts.chunks("") == 1


def with_noise(folder: Path, where: Path, **changes: object) -> Path:
    """A copy of a checkpoint with another scheduler configuration."""
    copy = where / "changed"
    shutil.copytree(folder, copy)
    path = copy / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return copy
