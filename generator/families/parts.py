"""The parts of an image checkpoint, checked without a library: configurations, how they fit, weights by their header.

``plan`` refuses here whatever loading would refuse. What is returned is all that loading hands to diffusers and
transformers: nothing else of a folder's files reaches them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.families.configurations import DEFAULTS, TABLES, passed
from generator.families.layout import part_weights
from generator.families.part import Part, demand, divides
from generator.families.pipeline_keys import SCHEDULER, index_keys
from generator.families.registry import FAMILIES
from generator.families.shapes import HARMLESS_EXTRAS, canonical, expected, per_block
from specs.boundary.config_keys import check_keys
from specs.boundary.files import parse_json, read_bytes, read_hashed
from specs.boundary.tensor_file import FLOATS, StoredTensor, read_header
from specs.errors import LimnerError

MOST_CONFIG_BYTES = 2**20
Hashes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """``networks`` by part (unet, vae, text_encoder …); ``noise``: the schedule that the UNet was trained with."""

    networks: Mapping[str, Part]
    noise: Mapping[str, Any]


def read_parts(architecture: str, folder: Path, hashes: Hashes | None = None) -> Parts:
    """Read and check every configuration of an image checkpoint; opens no weights.

    ``hashes`` (path in the folder → 64 hex): the files must be those. LimnerError names file, key, value and range.
    """
    _read(folder, "model_index.json", hashes, lambda value, path: _check_index(architecture, value, path))
    networks = {}
    for name, (library, class_name) in FAMILIES[architecture].parts.items():
        if class_name in TABLES:
            networks[name] = _part(folder, name, library, class_name, hashes)
    noise = _read(folder, "scheduler/scheduler_config.json", hashes, _check_noise)
    FAMILIES[architecture].check_together(networks)
    return Parts(networks, {key: value for key, value in noise.items() if key in passed(SCHEDULER)})


def check_weights(parts: Parts) -> None:
    """Compare the header of every weight file with its part's configuration; reads no numbers. Raises LimnerError."""
    for part in parts.networks.values():
        headers = [read_header(part.folder / file) for file in part.weights.safetensors]
        stored = [tensor for header in headers for tensor in header.tensors.values()]
        check_filled(part, stored)


def check_filled(part: Part, stored: list[StoredTensor]) -> None:
    """Every parameter is in the files, every stored tensor has a place, no shape differs. Raises LimnerError."""
    wanted = expected(part.class_name, part.config)
    found: dict[str, StoredTensor] = {}
    extra = []
    for tensor in stored:
        name = canonical(part.class_name, tensor.name)
        if name in wanted and name not in found:
            found[name] = tensor
        elif not name.endswith(HARMLESS_EXTRAS):
            extra.append(tensor.name)
    wrong = {
        "missing": sorted(wanted.keys() - found.keys()),
        "left over": sorted(extra),
        "of another shape": sorted(
            f"{name}: {list(tensor.shape)}, not {list(wanted[name])}"
            for name, tensor in found.items()
            if tensor.shape != wanted[name]
        ),
        "of a type that is no fraction": sorted(
            f"{name}: {tensor.dtype}" for name, tensor in found.items() if tensor.dtype not in FLOATS
        ),
    }
    told = [f"{len(names)} {what} (first: {names[0][:120]})" for what, names in wrong.items() if names]
    if told:
        raise LimnerError(
            f"{part.folder}: the weights do not fill {part.class_name}: got tensors {'; '.join(told)}; allowed is an "
            f"exact fit, for anything else would be random numbers. Copy the checkpoint anew, or correct its "
            f"config.json."
        )


def _read(
    folder: Path, name: str, hashes: Hashes | None, check: Callable[[dict[str, Any], Path], None]
) -> dict[str, Any]:
    """A configuration file's value: the bytes are hashed, parsed and checked, in that order."""
    path = folder / name
    data = read_bytes(path, MOST_CONFIG_BYTES) if hashes is None else read_hashed(path, MOST_CONFIG_BYTES, hashes[name])
    value = parse_json(data, path)
    check(value, path)
    return value


def _part(folder: Path, name: str, library: str, class_name: str, hashes: Hashes | None) -> Part:
    keys, required = TABLES[class_name]
    value = _read(
        folder, f"{name}/config.json", hashes, lambda given, path: check_keys(given, keys, path, required=required)
    )
    config = DEFAULTS[class_name] | {key: given for key, given in value.items() if key in passed(keys)}
    part = Part(name, library, class_name, folder / name, config, part_weights(folder, name, library))
    _CHECKS[class_name](part)
    return part


def _check_index(architecture: str, value: dict[str, Any], path: Path) -> None:
    parts = [(name, library, class_name) for name, (library, class_name) in FAMILIES[architecture].parts.items()]
    names = ["_class_name", *(name for name, _, _ in parts)]
    check_keys(value, index_keys(FAMILIES[architecture].pipeline, parts), path, required=tuple(names))


def _check_noise(value: dict[str, Any], path: Path) -> None:
    check_keys(value, SCHEDULER, path)
    steps, betas = value.get("num_train_timesteps", 1000), value.get("trained_betas")
    demand(betas is None or len(betas) == steps, path, "trained_betas", "a list", f"null, or {steps} numbers")
    if betas is not None:
        demand(max(betas) > 0, path, "trained_betas", "zeros alone", "numbers of which some are above 0")
    start, end = value.get("beta_start", 0.0001), value.get("beta_end", 0.02)
    demand(start <= end, path, "beta_start", start, f"at most beta_end ({end})")


def _check_unet(part: Part) -> None:
    config, path = part.config, part.config_path
    channels = config["block_out_channels"]
    count = len(channels)
    lists = ("down_block_types", "up_block_types", "layers_per_block", "cross_attention_dim", "attention_head_dim")
    for key in (*lists, "transformer_layers_per_block", "reverse_transformer_layers_per_block", "only_cross_attention"):
        length = len(config[key]) if isinstance(config.get(key), list) else count
        demand(length == count, path, key, f"{length} values", f"{count}, one for each of block_out_channels")
    divides(config["norm_num_groups"], channels, path, "norm_num_groups")
    heads = per_block(config["attention_head_dim"], count)
    for kinds, order in ((config["down_block_types"], 1), (config["up_block_types"], -1)):
        for kind, width, number in zip(kinds, channels[::order], heads[::order], strict=True):
            if kind.startswith("CrossAttn"):
                divides(number, [width], path, "attention_head_dim")
    if config["mid_block_type"] == "UNetMidBlock2DCrossAttn":
        divides(heads[-1], channels[-1:], path, "attention_head_dim")
    _check_depths(part)
    demand(channels[0] % 2 == 0, path, "block_out_channels", channels, "an even number first")
    added = config["addition_time_embed_dim"]
    demand(added is None or added % 2 == 0, path, "addition_time_embed_dim", added, "an even number")
    if config["addition_embed_type"] == "text":
        cross = per_block(config["cross_attention_dim"], count)[0]
        divides(config["addition_embed_type_num_heads"], [cross], path, "addition_embed_type_num_heads")


def _check_depths(part: Part) -> None:
    """Lists of transformer layers within a block have one number for each of its residual blocks."""
    config, path = part.config, part.config_path
    count = len(config["block_out_channels"])
    layers = per_block(config["layers_per_block"], count)
    key = "transformer_layers_per_block"
    for depth, wanted in zip(per_block(config[key], count), layers, strict=True):
        demand(not isinstance(depth, list) or len(depth) == wanted, path, key, depth, f"{wanted} numbers in that block")
    reverse = config["reverse_transformer_layers_per_block"]
    nested = any(isinstance(depth, list) for depth in per_block(config[key], count))
    demand(reverse is not None or not nested, path, key, config[key], "lists only beside reverse_" + key)
    for depth, wanted in zip(reverse or [], layers[::-1], strict=bool(reverse)):
        fits = not isinstance(depth, list) or len(depth) == wanted + 1
        demand(fits, path, "reverse_" + key, depth, f"{wanted + 1} numbers in that block")


def _check_vae(part: Part) -> None:
    config, path = part.config, part.config_path
    count = len(config["block_out_channels"])
    for key in ("down_block_types", "up_block_types"):
        length = len(config[key])
        demand(length == count, path, key, f"{length} values", f"{count}, one for each of block_out_channels")
    divides(config["norm_num_groups"], config["block_out_channels"], path, "norm_num_groups")
    for key in ("latents_mean", "latents_std"):
        length = len(config[key]) if config[key] is not None else config["latent_channels"]
        demand(length == config["latent_channels"], path, key, f"{length} values", "one for each of latent_channels")
    both = (config["latents_mean"] is None) == (config["latents_std"] is None)
    demand(both, path, "latents_mean", config["latents_mean"], "a list only beside latents_std")
    sides = config["sample_size"] if isinstance(config["sample_size"], list) else [config["sample_size"]]
    least = 2 ** (count - 1)
    demand(min(sides) >= least, path, "sample_size", config["sample_size"], f"at least {least}, one latent")


def _check_text(part: Part) -> None:
    config, path = part.config, part.config_path
    width, heads = config["hidden_size"], config["num_attention_heads"]
    demand(width % heads == 0, path, "num_attention_heads", heads, f"a divisor of hidden_size ({width})")
    most = config["vocab_size"] - 1
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        fits = config[key] is None or config[key] <= most
        demand(fits, path, key, config[key], f"at most {most}, the last of vocab_size")


_CHECKS = {
    "UNet2DConditionModel": _check_unet,
    "AutoencoderKL": _check_vae,
    "CLIPTextModel": _check_text,
    "CLIPTextModelWithProjection": _check_text,
}
