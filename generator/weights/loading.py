"""A pinned checkpoint's folder → a loaded model: one pipeline, part by part, every weight accounted for.

Imports torch.

The parts are built empty, one at a time, with the classes that the ``Family`` names and the configuration that
``parts.read_parts`` has checked, and filled from the bytes whose hash is the pinned one. No library chooses, opens or
interprets a file. A weight that is missing, left over or of another shape is an error: random numbers must never stand
in for one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from accelerate import init_empty_weights
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from generator.environment import Setting, configure_determinism
from generator.families.family import Family
from generator.families.layout import files_read
from generator.families.part import Part
from generator.families.parts import Parts, check_filled, read_parts
from generator.families.registry import FAMILIES
from generator.families.shapes import HARMLESS_EXTRAS, canonical
from generator.prompts.encoding import PromptEncoder
from generator.prompts.tokenizer import load_tokenizer
from generator.sampling.schedulers import build_scheduler, noise_schedule
from generator.weights.hashes import check_files
from specs.boundary.tensor_file import Header, read_header, read_tensors
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError

LINE = 64  # bytes: a line of the processor's cache, the widest that its vector units take at once
STORED = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(slots=True)
class LoadedModel:
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


def load(checkpoint: Checkpoint, folder: Path, setting: Setting) -> LoadedModel:
    """Load a checkpoint that ``weights.pin`` has approved from its folder onto the setting's device.

    Raises LimnerError when the checkpoint is not pinned, when loading would read a file that is not, when a file is
    another one than was pinned, or when its weights do not fill its parts exactly.
    """
    family = FAMILIES.get(checkpoint.architecture)
    if family is None:
        raise LimnerError(
            f"checkpoint {checkpoint.name!r}: got architecture {checkpoint.architecture!r}; allowed for pictures are "
            f"{', '.join(FAMILIES)}. Name an image checkpoint in the spec."
        )
    hashes = {file.path: file.sha256 for file in checkpoint.files}
    unpinned = set(files_read(checkpoint.architecture, folder)) - hashes.keys()
    if unpinned:
        raise LimnerError(f"{folder / min(unpinned)}: not hashed; pin the checkpoint (weights.pin) before loading it")
    configure_determinism(setting)
    quieten()
    parts = read_parts(checkpoint.architecture, folder, hashes)
    noise = noise_schedule(parts.noise)
    try:
        pipe = _pipeline(family, _modules(checkpoint, folder, parts, noise, setting))
        _place(pipe, setting)
    except torch.OutOfMemoryError as error:
        raise LimnerError(
            f"checkpoint {checkpoint.name!r}: its weights do not fit into {setting.device} ({setting.device_name}, "
            f"{setting.memory_gib:.0f} GiB). Run with low memory mode, or with device cpu."
        ) from error
    model = LoadedModel(checkpoint, setting, pipe, PromptEncoder(pipe, family.conditioning), noise)
    pipe.unet.register_forward_hook(_count(model))
    return model


def _modules(
    checkpoint: Checkpoint, folder: Path, parts: Parts, noise: dict[str, Any], setting: Setting
) -> dict[str, Any]:
    """Every part of the pipeline by its name, in its order."""
    hashes = {file.path: file.sha256 for file in checkpoint.files}
    modules: dict[str, Any] = {}
    for name in FAMILIES[checkpoint.architecture].parts:
        if name == "scheduler":
            modules[name] = build_scheduler("ddim", noise)  # each batch gets its own
        elif name.startswith("tokenizer"):
            modules[name] = load_tokenizer(folder / name)
            check_files(folder, {path: sha for path, sha in hashes.items() if path.startswith(f"{name}/")})
        else:
            modules[name] = build(parts.networks[name], hashes, setting.torch_dtype)
    return modules


def quieten() -> None:
    """No advice and no progress bars from the libraries: limner says what a user needs to know."""
    for log in (diffusers_logging, transformers_logging):
        log.set_verbosity_error()
        log.disable_progress_bar()
    # SDXL's VAE overflows in float16, so diffusers decodes in float32, and then advises itself against its own method
    warnings.filterwarnings("ignore", message=".*upcast_vae", category=FutureWarning)


def build(part: Part, hashes: Mapping[str, str], dtype: torch.dtype) -> torch.nn.Module:
    """A part's module: built empty from its checked configuration, filled from the very bytes that were hashed.

    ``hashes``: path in the checkpoint → 64 hex. Raises LimnerError when the files are others, or do not fill it.
    """
    tensors = _tensors(part, hashes, dtype)
    try:
        with init_empty_weights(include_buffers=False):
            module = _construct(part)
        names = {canonical(part.class_name, name): name for name in module.state_dict()}
        module.load_state_dict({names[name]: tensor for name, tensor in tensors.items()}, strict=True, assign=True)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # each library has its own; all of them mean that this configuration is not this class's
        raise LimnerError(
            f"{part.folder}: does not load as {part.class_name} ({type(error).__name__}: {_first_line(error)}). Copy "
            f"the checkpoint anew, or correct its config.json."
        ) from error
    empty = [name for name, tensor in [*module.named_parameters(), *module.named_buffers()] if tensor.is_meta]
    if empty:
        raise LimnerError(f"{part.folder}: {part.class_name} is not filled: {', '.join(empty[:3])}. Update limner.")
    whole: torch.nn.Module = module.eval().requires_grad_(False)
    return whole


def _construct(part: Part) -> Any:
    config = dict(part.config)
    if part.library == "diffusers":
        return getattr(diffusers, part.class_name)(**config)
    return getattr(transformers, part.class_name)(transformers.CLIPTextConfig(**config))


def _tensors(part: Part, hashes: Mapping[str, str], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Canonical name → tensor of ``dtype``. Every header is compared with the configuration before a number is read."""
    headers = {file: read_header(part.folder / file) for file in part.weights.safetensors}
    check_filled(part, [tensor for header in headers.values() for tensor in header.tensors.values()])
    found = {}
    for file, header in headers.items():
        wanted = hashes[f"{part.name}/{file}"]
        for stored, data in read_tensors(part.folder / file, partial(_same_header, header), wanted):
            name = canonical(part.class_name, stored.name)
            if not name.endswith(HARMLESS_EXTRAS):
                flat = torch.frombuffer(data, dtype=STORED[stored.dtype])
                found[name] = _laid(flat, header.numbers_at + stored.begin).reshape(stored.shape).to(dtype)
    return found


def _laid(flat: torch.Tensor, offset: int) -> torch.Tensor:
    """A copy that lies in memory as a mapping of its file would have it, ``offset`` bytes from its start.

    The last bits of a product depend on how its factors lie to LINE; libraries' own loaders map files into memory.
    """
    start = offset % LINE
    if start % flat.element_size():
        return flat.clone()  # torch maps none of these either
    space = torch.empty(flat.nbytes + LINE, dtype=torch.uint8)
    start += -space.data_ptr() % LINE
    laid = space[start : start + flat.nbytes].view(flat.dtype)
    return laid.copy_(flat)


def _same_header(before: Header, now: Header) -> None:
    if before.tensors != now.tensors:
        raise LimnerError(f"{now.path}: changed while it was being read; wait until its copy is complete, run again.")


def _pipeline(family: Family, parts: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = getattr(diffusers, family.pipeline)(**parts, **family.pipeline_arguments)
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


def _count(model: LoadedModel) -> Any:
    def hook(*_: object) -> None:
        model.forwards += 1

    return hook


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:300]
