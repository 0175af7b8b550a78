"""Which files of a checkpoint's folder loading reads, and which folders it refuses to touch. Never imports torch.

A diffusers folder is read part by part with the classes named here and no others; a folder that asks for code of its
own, or that holds only pickles, is refused before anything is opened by a library.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from specs.checkpoint import IMAGE_ARCHITECTURES
from specs.errors import LimnerError

PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
CONFIGURATION = (".json", ".txt")
CONFIGURATION_LIMIT_BYTES = 64 * 2**20

_ENCODER = ("transformers", "CLIPTextModel")
_STABLE_DIFFUSION = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": _ENCODER,
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "scheduler": ("diffusers", None),  # any: only its noise schedule is read, the solver is the job's
}
PARTS: dict[str, dict[str, tuple[str, str | None]]] = {
    "sd1": _STABLE_DIFFUSION,
    "sd2": _STABLE_DIFFUSION,
    "sdxl": {
        **_STABLE_DIFFUSION,
        "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
        "tokenizer_2": ("transformers", "CLIPTokenizer"),
    },
}
PIPELINES = {"sd1": "StableDiffusionPipeline", "sd2": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}
STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
MAIN_PART = "unet"  # the part whose weights file other tools call "the model"


@dataclass(frozen=True, slots=True)
class PartWeights:
    """The weight files of one part, relative to its folder; ``variant`` is ``"fp16"`` when those are the only ones."""

    files: tuple[str, ...]
    variant: str | None


def files_read(architecture: str, folder: Path) -> tuple[str, ...]:
    """POSIX paths, relative to ``folder`` and sorted, of every file that loading reads.

    Raises LimnerError where the folder is not of this architecture, is incomplete, brings code, or holds only pickles.
    """
    refuse_code(folder)
    if architecture in IMAGE_ARCHITECTURES:
        return _image_files(architecture, folder)
    return _flat_files(folder)


def part_weights(folder: Path, part: str, library: str) -> PartWeights:
    """The safetensors of one part: plain before fp16, one file before shards, so that the choice is never luck."""
    stem = STEMS[library]
    for variant in (None, "fp16"):
        suffix = f".{variant}" if variant else ""
        single = f"{stem}{suffix}.safetensors"
        if (folder / part / single).is_file():
            return PartWeights((single,), variant)
        index = f"{stem}.safetensors.index{suffix}.json"
        if (folder / part / index).is_file():
            return PartWeights((index, *_shards(folder / part / index)), variant)
    raise LimnerError(_no_weights(folder / part, f"{stem}.safetensors"))


def refuse_code(folder: Path) -> None:
    """Raise LimnerError when the folder brings Python code or asks a library to run some."""
    code = sorted(path for pattern in ("*.py", "*/*.py") for path in folder.glob(pattern))
    if code:
        raise LimnerError(
            f"{code[0]}: got Python code in a checkpoint's folder; allowed are weights and configuration only, because "
            f"limner never runs code that comes with weights. Remove the file if the checkpoint works without it."
        )
    for path in sorted(folder.glob("*/adapter_config.json")):
        raise LimnerError(
            f"{path}: got an adapter inside a part's folder, which transformers would load unasked and unhashed; "
            f"allowed is a checkpoint without it. Remove the file, or merge the adapter into the weights."
        )
    for path in sorted([*folder.glob("*.json"), *folder.glob("*/*.json")]):
        if path.stat().st_size <= 2**20 and b"auto_map" in path.read_bytes() and "auto_map" in read_json(path):
            raise LimnerError(
                f"{path}: got 'auto_map', which asks for code of the checkpoint's own; limner never runs it. Use a "
                f"checkpoint of the standard classes."
            )


def read_json(path: Path) -> dict[str, object]:
    """A JSON object of a configuration file; LimnerError when it is missing, too large, or anything else."""
    try:
        if path.stat().st_size > CONFIGURATION_LIMIT_BYTES:
            raise LimnerError(f"{path}: got {path.stat().st_size} bytes; a configuration of at most 64 MiB is allowed")
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise LimnerError(f"{path}: missing; copy the whole checkpoint folder, configuration files too") from None
    except (ValueError, RecursionError) as error:
        raise LimnerError(f"{path}: not JSON ({error}); copy the file anew from where the checkpoint comes") from None
    if not isinstance(value, dict):
        raise LimnerError(f"{path}: got a JSON {type(value).__name__}; an object is allowed. Copy the file anew")
    return value


def _image_files(architecture: str, folder: Path) -> tuple[str, ...]:
    if not (folder / "model_index.json").is_file():
        raise LimnerError(_no_index(folder))
    _check_index(architecture, folder)
    found = {"model_index.json"}
    for part, (library, name) in PARTS[architecture].items():
        if not (folder / part).is_dir():
            raise LimnerError(f"{folder / part}: missing; a {architecture} checkpoint has this folder. Copy it whole")
        found |= {f"{part}/{path.name}" for path in (folder / part).iterdir() if path.suffix in CONFIGURATION}
        if name is not None and not part.startswith("tokenizer"):
            weights = part_weights(folder, part, library)
            found = {path for path in found if not (path.startswith(f"{part}/") and ".safetensors.index" in path)}
            found |= {f"{part}/{file}" for file in weights.files}
    return tuple(sorted(found))


def _check_index(architecture: str, folder: Path) -> None:
    """The index names the pipeline and one (library, class) for each part: exactly ours, or the folder is refused."""
    path = folder / "model_index.json"
    index = read_json(path)
    if index.get("_class_name") != PIPELINES[architecture]:
        raise LimnerError(
            f"{path}: _class_name: got {index.get('_class_name')!r}; allowed for architecture {architecture} is "
            f"{PIPELINES[architecture]!r}. Correct the registry entry's architecture, or use another checkpoint."
        )
    for part, (library, name) in PARTS[architecture].items():
        entry = index.get(part)
        if not (isinstance(entry, list) and len(entry) == 2 and entry[0] == library and name in (None, entry[1])):
            raise LimnerError(
                f"{path}: {part}: got {entry!r}; allowed is {[library, name or 'a scheduler class']!r}. limner loads "
                f"the standard classes only, never code or parts of a checkpoint's own."
            )


def _shards(index: Path) -> tuple[str, ...]:
    mapping = read_json(index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise LimnerError(f"{index}: 'weight_map' is missing or empty; copy the file anew")
    names = sorted({str(name) for name in mapping.values()})
    for name in names:
        if PurePosixPath(name).name != name or "\\" in name or not name.endswith(".safetensors"):
            raise LimnerError(f"{index}: got the shard name {name!r}; a plain *.safetensors file name is allowed")
        if not (index.parent / name).is_file():
            raise LimnerError(f"{index.parent / name}: missing; {index.name} names it. Copy the checkpoint whole")
    return tuple(names)


def _flat_files(folder: Path) -> tuple[str, ...]:
    """A scorer's files: every safetensors and configuration file of the folder and one level below."""
    suffixes = (*CONFIGURATION, ".safetensors")
    paths = [*folder.glob("*"), *folder.glob("*/*")]
    found = sorted(path.relative_to(folder).as_posix() for path in paths if path.suffix in suffixes and path.is_file())
    found = [path for path in found if not path.startswith(".")]
    if not any(path.endswith(".safetensors") for path in found):
        raise LimnerError(_no_weights(folder, "*.safetensors"))
    return tuple(found)


def _no_weights(folder: Path, wanted: str) -> str:
    pickles = sorted(path for path in folder.glob("*") if path.suffix in PICKLES)
    if pickles:
        return _convert(pickles[0], wanted)
    return f"{folder}: no {wanted} found; limner reads safetensors only. Copy the checkpoint whole, weights too"


def _no_index(folder: Path) -> str:
    pickles = sorted(path for path in folder.glob("*") if path.suffix in PICKLES)
    if pickles:
        return _convert(pickles[0], "a diffusers folder with safetensors")
    single = sorted(folder.glob("*.safetensors"))
    if single:
        return (
            f"{single[0]}: got a single-file checkpoint; a diffusers folder (model_index.json, unet/, vae/, …) is "
            f"allowed. Single files are not read yet: take the diffusers folder that its makers publish"
        )
    return f"{folder}: no model_index.json; a checkpoint is a diffusers folder (model_index.json, unet/, vae/, …)"


def _convert(pickle: Path, wanted: str) -> str:
    return (
        f"{pickle}: got a pickle; allowed is {wanted}. limner never reads pickles, because opening one can run any "
        f"code. Run `limner convert {pickle}`, or ask its makers for safetensors"
    )
