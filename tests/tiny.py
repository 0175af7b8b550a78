"""Tiny checkpoints with the real classes and random weights: every layout that the loader reads, in 100 ms a picture.

``python -m tests.tiny sd1 FOLDER`` builds one and prints the registry entry that names it. The pictures are noise, but
they depend on every part (prompt, seed, size, scheduler), which is what the tests need. Same kind and seed → the same
bytes on one version of torch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Any

KINDS = ("sd1", "sd2", "sdxl")
WORDS = ("sword", "potion", "silver", "red", "on", "ground", "night", "card", "blurry")


def build(kind: str, folder: Path, seed: int = 0) -> Path:
    """Write a checkpoint of an architecture into ``folder`` (made when missing); returns the folder."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

    with torch.random.fork_rng(devices=[]), _quiet():
        torch.manual_seed(seed)
        parts: dict[str, Any] = {
            "unet": _unet(kind),
            "vae": _vae(kind),
            "scheduler": DDIMScheduler(steps_offset=1, clip_sample=False),
        }
        parts["text_encoder"] = _text_encoder(kind, projection=False)
        parts["tokenizer"] = _tokenizer("<|endoftext|>" if kind != "sd2" else "!")
        if kind == "sdxl":
            parts["text_encoder_2"] = _text_encoder(kind, projection=True)
            parts["tokenizer_2"] = _tokenizer("!")
            pipe = StableDiffusionXLPipeline(**parts, add_watermarker=False)
        else:
            pipe = StableDiffusionPipeline(
                **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
            )
        pipe.save_pretrained(folder)
    noise, index = _noise(kind), folder / "model_index.json"
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(noise, indent=2), encoding="utf-8")
    parts_named = json.loads(index.read_text(encoding="utf-8")) | {"scheduler": ["diffusers", noise["_class_name"]]}
    index.write_text(json.dumps(parts_named, indent=2), encoding="utf-8")
    for tokenizer in folder.glob("tokenizer*"):
        _write_vocabulary(tokenizer)
    _publish(folder / "text_encoder" / "model.safetensors")
    return folder


def registry_entry(kind: str, folder: Path, name: str | None = None) -> dict[str, Any]:
    """The registry's entry for a built folder: permissive, its lineage known, every loaded file's hash declared."""
    return {
        name or f"tiny-{kind}": {
            "source": {"folder": str(folder.resolve())},
            "architecture": kind,
            "licence": "CC0-1.0",
            "status": "declared",
            "commercial": True,
            "lineage_known": True,
            "training_data": ["random numbers, made by the tests"],
            "files": hashes(folder),
        }
    }


def hashes(folder: Path) -> dict[str, str]:
    """POSIX path → sha256 of every file in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def tiny_registry(folder: Path, kinds: tuple[str, ...] = ("sd1",), seed: int = 0) -> Path:
    """Build the kinds under ``folder`` and write ``checkpoints.yaml`` there with an entry ``tiny-<kind>`` for each."""
    entries: dict[str, Any] = {}
    for kind in kinds:
        entries |= registry_entry(kind, build(kind, folder / f"tiny-{kind}", seed))
    path = folder / "checkpoints.yaml"
    path.write_text(json.dumps({"checkpoints": entries}, indent=2), encoding="utf-8")  # JSON is YAML
    return path


def _unet(kind: str) -> Any:
    from diffusers import UNet2DConditionModel

    shape: dict[str, Any] = {
        "sample_size": 8,
        "block_out_channels": (16, 24),
        "norm_num_groups": 8,
        "layers_per_block": 1,
        "cross_attention_dim": 32,
        "attention_head_dim": 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    }
    if kind == "sd2":
        shape |= {"attention_head_dim": (2, 4), "use_linear_projection": True}
    if kind == "sdxl":
        shape |= {
            "attention_head_dim": (2, 4),
            "use_linear_projection": True,
            "transformer_layers_per_block": (1, 2),
            "cross_attention_dim": 64,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + 32,
        }
    return UNet2DConditionModel(**shape)


def _vae(kind: str) -> Any:
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=8,
        layers_per_block=1,
        sample_size=64,
        scaling_factor=0.13025 if kind == "sdxl" else 0.18215,
    )
    vae.decoder.conv_out.weight.data.mul_(3.0)  # else every picture is nearly grey
    return vae


def _text_encoder(kind: str, *, projection: bool) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    open_clip = projection or kind == "sd2"
    vocabulary = len(_vocabulary())
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=32,
        hidden_act="gelu" if open_clip else "quick_gelu",
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=0 if open_clip else vocabulary - 1,
        initializer_factor=20.0,  # so that two prompts give two pictures
    )
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


def _noise(kind: str) -> dict[str, Any]:
    """``scheduler_config.json`` as the makers of each family publish it (no key more, none less)."""
    config: dict[str, Any] = {
        "_class_name": {"sd1": "PNDMScheduler", "sd2": "DDIMScheduler", "sdxl": "EulerDiscreteScheduler"}[kind],
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": False,
        "num_train_timesteps": 1000,
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
        "trained_betas": None,
    }
    if kind == "sd2":
        config["prediction_type"] = "v_prediction"
    if kind == "sdxl":
        config |= {"prediction_type": "epsilon", "timestep_spacing": "leading", "use_karras_sigmas": False}
    return config


def _publish(path: Path) -> None:
    """Name the text encoder's tensors as the published checkpoints do, with the buffer that they carry along."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in load_file(path).items()}
    tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(tensors, path, metadata={"format": "pt"})


def _vocabulary() -> dict[str, int]:
    """CLIP's layout in small: single bytes, bytes that end a word, a few whole words, start and end last."""
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    pieces = letters + [letter + "</w>" for letter in letters]
    pieces += [piece for _, _, piece in _merges()]
    return {piece: number for number, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}


def _merges() -> list[tuple[str, str, str]]:
    merges: dict[str, tuple[str, str, str]] = {}
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            left, right, *rest = parts
            merges.setdefault(left + right, (left, right, left + right))
            parts = [left + right, *rest]
    return list(merges.values())


def _tokenizer(pad: str) -> Any:
    from transformers import CLIPTokenizer

    merges = [(left, right) for left, right, _ in _merges()]
    return CLIPTokenizer(vocab=_vocabulary(), merges=merges, pad_token=pad, model_max_length=77)


def _write_vocabulary(folder: Path) -> None:
    """Lay the tokenizer out as the published checkpoints do: vocab.json and merges.txt, no tokenizer.json."""
    (folder / "tokenizer.json").unlink(missing_ok=True)
    (folder / "vocab.json").write_text(json.dumps(_vocabulary()), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right, _ in _merges())]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


class _quiet:  # noqa: N801 - reads as a statement: with _quiet()
    """Keep the libraries' advice on the configuration of a toy off the test's output."""

    def __enter__(self) -> None:
        from diffusers.utils import logging as diffusers_logging
        from transformers.utils import logging as transformers_logging

        self._levels = [(log, log.get_verbosity()) for log in (diffusers_logging, transformers_logging)]
        for log, _ in self._levels:
            log.set_verbosity_error()
            log.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        for log, level in self._levels:
            log.set_verbosity(level)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Build one and print its registry entry."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    arguments = _arguments(argv)
    build(arguments.kind, arguments.folder, arguments.seed)
    print(json.dumps({"checkpoints": registry_entry(arguments.kind, arguments.folder)}, indent=2))


if __name__ == "__main__":
    main()
