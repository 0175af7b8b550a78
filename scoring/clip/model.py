"""open_clip's CLIP classes, built empty from a checked configuration and filled from the bytes that were hashed.

Built on torch's meta device, so that an absurd configuration costs no memory: names and shapes are compared with the
file's header before a single number is read. open_clip's own factory, which chooses files and fetches parts, is never
called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from scoring.clip.config import CONFIG_FILE, ClipConfig
from scoring.errors import ScorerError
from scoring.folder import ScorerFolder, check_shapes
from specs.boundary.tensor_file import FLOATS, Header
from specs.errors import LimnerError

WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "model.safetensors")
_UNUSED = ("logit_bias", "text.transformer.embeddings.position_ids")  # in some files; no embedding needs them


def build_model(folder: ScorerFolder, name: str, config: ClipConfig) -> tuple[Any, Header]:
    """The CLIP of the weights file ``name``, with that file's header: in evaluation mode, float32, on the CPU.

    Raises ScorerError when the file does not hold exactly the tensors that the configuration asks for.
    """
    model = _empty(folder, config)
    wanted = dict(model.state_dict())
    headers: list[Header] = []

    def check(header: Header) -> None:
        _check(header, wanted, folder)
        headers.append(header)

    try:
        read = dict(_float32(folder, name, check))
        state = {key: read[key].reshape(value.shape) for key, value in wanted.items() if key in read}
        if config.logit_bias:
            state.setdefault("logit_bias", torch.zeros(config.logit_shape))
        model.load_state_dict(state, strict=True, assign=True)
        _fill_masks(model)
    except (MemoryError, RuntimeError) as error:
        raise ScorerError(f"{folder.label}: {folder.path / name}: cannot be loaded: {error}; {folder.fix}") from error
    return model.eval().requires_grad_(False), headers[0]


def _empty(folder: ScorerFolder, config: ClipConfig) -> Any:
    """The module without numbers: every tensor of it is on the meta device."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP  # here: it takes seconds to import

    kind = CustomTextCLIP if config.custom_text else CLIP
    try:
        with torch.device("meta"):
            return kind(
                config.embed_dim,
                CLIPVisionCfg(**config.vision),
                CLIPTextCfg(**config.text),
                quick_gelu=bool(config.quick_gelu),
                init_logit_bias=0.0 if config.logit_bias else None,
                nonscalar_logit_scale=config.logit_shape == (1,),
            )
    except Exception as error:
        raise ScorerError(
            f"{folder.label}: {folder.path / CONFIG_FILE}: open_clip cannot build this model "
            f"({type(error).__name__}: {error}); {folder.fix}"
        ) from error


def _check(header: Header, wanted: dict[str, torch.Tensor], folder: ScorerFolder) -> None:
    """The header fits the module; a logit scale may be a number or a list of one."""
    shapes = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    stored = header.tensors.get("logit_scale")
    if stored and stored.shape in ((), (1,)):
        shapes["logit_scale"] = stored.shape
    check_shapes(header, shapes, folder.path / CONFIG_FILE, _UNUSED)
    for name, tensor in wanted.items():
        dtype = header.tensors[name].dtype if name in header.tensors else FLOATS[0]
        if (dtype in FLOATS) != tensor.is_floating_point():
            raise LimnerError(f"{header.path}: {name}: got {dtype} numbers; allowed: {', '.join(FLOATS)}")


def _float32(folder: ScorerFolder, name: str, check: Any) -> Iterator[tuple[str, torch.Tensor]]:
    for tensor, values in folder.tensors(name, check):
        yield tensor.name, torch.tensor(values, dtype=torch.float32 if tensor.dtype in FLOATS else torch.int64)


def _fill_masks(model: Any) -> None:
    """The causal mask is in no file: -inf above the diagonal (``TextTransformer.build_causal_mask``)."""
    for name, buffer in list(model.named_buffers()):
        if buffer.is_meta:
            owner, _, last = name.rpartition(".")
            if last != "attn_mask":
                raise RuntimeError(f"{name} is in no file, and limner does not know its numbers")
            mask = torch.full(buffer.shape, float("-inf")).triu_(1)
            model.get_submodule(owner).register_buffer(last, mask, persistent=False)
