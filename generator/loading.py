"""⚙ A pinned checkpoint's folder → a Studio that renders: one pipeline, part by part, every weight accounted for.

The parts are loaded one at a time with the classes that ``layout.PARTS`` names, from the local folder, from safetensors
only. A weight that is missing, left over or of another shape is an error: random numbers must never stand in for one.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from generator.encoding import PromptEncoder
from generator.environment import Setting, settle
from generator.layout import PARTS, PIPELINES, files_read, part_weights
from generator.sampling import build_scheduler, noise_schedule
from generator.tokenizer import load_tokenizer
from specs.checkpoint import IMAGE_ARCHITECTURES, Checkpoint
from specs.errors import LimnerError

# Buffers that checkpoints of 2022 stored and that every library computes for itself since.
HARMLESS_EXTRAS = ("position_ids",)


@dataclass(slots=True)
class Studio:
    """A loaded checkpoint, ready to render; made by ``load``, used by ``diffusion.render``, one at a time.

    ``forwards`` counts the UNet's calls and ``encoder_calls`` the prompts encoded. ``fitting`` remembers, by picture
    size (width, height), the batch shape that out-of-memory errors have left.
    """

    checkpoint: Checkpoint
    setting: Setting
    pipe: Any
    prompts: PromptEncoder
    noise: dict[str, Any]  # the noise schedule that it was trained with
    forwards: int = 0
    fitting: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def encoder_calls(self) -> int:
        """How many prompts went through the text encoders: one for each unique (prompt, clip skip, length)."""
        return self.prompts.calls


def load(checkpoint: Checkpoint, folder: Path, setting: Setting) -> Studio:
    """Load a checkpoint that ``weights.pin`` has approved from its folder onto the setting's device.

    Raises LimnerError when the checkpoint is not pinned, when loading would read a file that is not, or when its
    weights do not fill its parts exactly.
    """
    if checkpoint.architecture not in IMAGE_ARCHITECTURES:
        raise LimnerError(
            f"checkpoint {checkpoint.name!r}: got architecture {checkpoint.architecture!r}; allowed for pictures are "
            f"{', '.join(IMAGE_ARCHITECTURES)}. Name an image checkpoint in the spec."
        )
    unpinned = set(files_read(checkpoint.architecture, folder)) - {file.path for file in checkpoint.files}
    if unpinned:
        raise LimnerError(f"{folder / min(unpinned)}: not hashed; pin the checkpoint (weights.pin) before loading it")
    settle(setting)
    quieten()
    try:
        parts = {name: _part(folder, name, kind, setting) for name, kind in PARTS[checkpoint.architecture].items()}
        pipe = _pipeline(checkpoint.architecture, parts)
        _place(pipe, setting)
    except torch.OutOfMemoryError as error:
        raise LimnerError(
            f"checkpoint {checkpoint.name!r}: its weights do not fit into {setting.device} ({setting.device_name}, "
            f"{setting.memory_gib:.0f} GiB). Run with low memory mode, or with device cpu."
        ) from error
    noise = noise_schedule(folder / "scheduler" / "scheduler_config.json")
    studio = Studio(checkpoint, setting, pipe, PromptEncoder(pipe, checkpoint.architecture), noise)
    pipe.unet.register_forward_hook(_count(studio))
    return studio


def quieten() -> None:
    """No advice and no progress bars from the libraries: limner says what a user needs to know."""
    for log in (diffusers_logging, transformers_logging):
        log.set_verbosity_error()
        log.disable_progress_bar()
    # SDXL's VAE overflows in float16, so diffusers decodes in float32, and then advises itself against its own method
    warnings.filterwarnings("ignore", message=".*upcast_vae", category=FutureWarning)


def _part(folder: Path, name: str, kind: tuple[str, str | None], setting: Setting) -> Any:
    library, class_name = kind
    where = folder / name
    if name == "scheduler":
        return build_scheduler("ddim", noise_schedule(where / "scheduler_config.json"))  # each batch gets its own
    if name.startswith("tokenizer"):
        return load_tokenizer(where)
    cls = getattr(diffusers if library == "diffusers" else transformers, class_name or "")
    weights = part_weights(folder, name, library)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, info = cls.from_pretrained(
                where,
                local_files_only=True,
                use_safetensors=True,
                variant=weights.variant,
                dtype=setting.torch_dtype,
                output_loading_info=True,
            )
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # each library has its own; all of them mean that these files are not this part
        raise LimnerError(
            f"{where}: the weights do not load as {class_name} ({type(error).__name__}: {_first_line(error)}). Copy "
            f"the checkpoint anew, or correct its architecture in the registry entry."
        ) from error
    _check_filled(where, class_name or "", model, info)
    return model.eval().requires_grad_(False)


def _check_filled(where: Path, class_name: str, model: torch.nn.Module, info: dict[str, Any]) -> None:
    """Every parameter came from the files, every stored tensor has a place, no shape differs."""
    wrong = {
        "missing": sorted(info.get("missing_keys", ())),
        "left over": sorted(key for key in info.get("unexpected_keys", ()) if not key.endswith(HARMLESS_EXTRAS)),
        "of another shape": sorted(str(key) for key in info.get("mismatched_keys", ())),
        "never filled": sorted(key for key, value in model.named_parameters() if value.is_meta),
        "reported": sorted(str(message) for message in info.get("error_msgs", ())),
    }
    found = [f"{len(keys)} {what} (first: {keys[0]})" for what, keys in wrong.items() if keys]
    if found:
        raise LimnerError(
            f"{where}: the weights do not fill {class_name}: got tensors {'; '.join(found)}; allowed is an exact fit, "
            f"for anything else would be random numbers. Copy the checkpoint anew, or correct its config.json."
        )


def _pipeline(architecture: str, parts: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cls = getattr(diffusers, PIPELINES[architecture])
        if architecture == "sdxl":
            pipe = cls(**parts, add_watermarker=False)
        else:  # safety is scored, with its reasons, on the finished picture (scoring/safety.py)
            pipe = cls(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _place(pipe: Any, setting: Setting) -> None:
    """Onto the device. In low-memory mode pictures are decoded one by one and, above the VAE's own size, in tiles; on
    CUDA the parts take turns on the card; on MPS attention is cut up (elsewhere torch's own attention needs less)."""
    if setting.low_memory:
        pipe.vae.enable_slicing()
        pipe.vae.enable_tiling()
        if setting.kind == "mps":
            pipe.enable_attention_slicing()
    if setting.low_memory and setting.kind == "cuda":
        pipe.enable_model_cpu_offload(device=setting.device)
    else:
        pipe.to(setting.device)


def _count(studio: Studio) -> Any:
    def hook(*_: object) -> None:
        studio.forwards += 1

    return hook


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:300]
