"""Which files of a checkpoint's folder loading reads, and which folders it refuses to touch. Never imports torch.

A diffusers folder is read part by part with the classes that its family names and no others. Nothing but the files
listed by ``files_read`` is ever opened: what else lies in a folder, code three levels down included, is of no effect.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from generator.families.part import PartWeights
from generator.families.registry import FAMILIES
from specs.boundary.files import has_folder, kind_of, read_json
from specs.commands import limner
from specs.errors import LimnerError

PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
CONFIGURATION = (".json", ".txt")
CONFIGURATION_LIMIT_BYTES = 64 * 2**20
MOST_ENTRIES = 4096  # of a folder; the largest published ones hold a few dozen files
MOST_CONFIGURATION_FILES = 64  # of a part, or of a scorer
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors")

STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
MAIN_PART = "unet"  # the part whose weights file other tools call "the model"


def files_read(architecture: str, folder: Path) -> tuple[str, ...]:
    """POSIX paths, relative to ``folder`` and sorted, of every file that loading reads.

    Raises LimnerError where the folder is not of this architecture, is incomplete, holds only pickles, or holds under
    such a name what is no regular file.
    """
    found = _image_files(architecture, folder) if architecture in FAMILIES else _flat_files(folder)
    for path in found:
        _check_regular(folder, path)
    return found


def part_weights(folder: Path, part: str, library: str) -> PartWeights:
    """The safetensors of one part: plain before fp16, one file before shards, so that the choice is never luck."""
    stem = STEMS[library]
    for suffix in ("", ".fp16"):
        single = f"{stem}{suffix}.safetensors"
        if os.path.lexists(folder / part / single):
            return PartWeights((single,))
        index = f"{stem}.safetensors.index{suffix}.json"
        if os.path.lexists(folder / part / index):
            return PartWeights((index, *_shards(folder / part / index)))
    raise LimnerError(_no_weights(folder / part, f"{stem}.safetensors"))


def entries(folder: Path) -> list[str]:
    """The names in a folder, sorted; LimnerError when it cannot be listed or holds more than MOST_ENTRIES."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for _, entry in zip(range(MOST_ENTRIES + 1), found, strict=False)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LimnerError(f"{folder}: cannot be listed ({reason}); allowed: a folder that you may read.") from None
    if len(names) > MOST_ENTRIES:
        raise LimnerError(_too_many(folder))
    return sorted(names)


def _too_many(folder: Path) -> str:
    return (
        f"{folder}: got more than {MOST_ENTRIES:,} files; allowed: a checkpoint's folder alone. Copy the checkpoint "
        f"into a folder of its own."
    )


def _check_regular(folder: Path, path: str) -> None:
    """What is read is a regular file (links are followed) of a plain name; configuration is small."""
    if not path.isprintable() or not path.isascii():
        raise LimnerError(
            f"{folder}: got the file name {path!a}; allowed: letters, digits and punctuation of ASCII. Rename it."
        )
    try:
        found = (folder / path).stat()
    except (OSError, ValueError) as error:
        reason = "a link to nothing" if (folder / path).is_symlink() else getattr(error, "strerror", None)
        raise LimnerError(f"{folder / path}: got {reason or 'no such file'}; allowed: a file. Copy it anew.") from None
    if not stat.S_ISREG(found.st_mode):
        raise LimnerError(
            f"{folder / path}: got {kind_of(found.st_mode)}; allowed: a regular file. Put the file itself there."
        )
    if path.endswith(CONFIGURATION) and found.st_size > CONFIGURATION_LIMIT_BYTES:
        raise LimnerError(
            f"{folder / path}: got {found.st_size:,} bytes; allowed for configuration: at most "
            f"{CONFIGURATION_LIMIT_BYTES:,}. Move the file away, or copy it anew."
        )


def _image_files(architecture: str, folder: Path) -> tuple[str, ...]:
    if not os.path.lexists(folder / "model_index.json"):
        raise LimnerError(_no_index(folder))
    found = {"model_index.json"}
    for part, (library, name) in FAMILIES[architecture].parts.items():
        if not os.path.lexists(folder / part):
            raise LimnerError(f"{folder / part}: missing; a {architecture} checkpoint has this folder. Copy it whole")
        names = entries(folder / part)
        _refuse_adapters(folder / part, names)
        settings = {f"{part}/{file}" for file in _configuration(folder / part, names)}
        if name is not None and not part.startswith("tokenizer"):
            weights = part_weights(folder, part, library)
            settings = {path for path in settings if ".safetensors.index" not in path}
            settings |= {f"{part}/{file}" for file in weights.files}
        found |= settings
    return tuple(sorted(found))


def _configuration(folder: Path, names: list[str]) -> list[str]:
    found = [name for name in names if Path(name).suffix in CONFIGURATION]
    if len(found) > MOST_CONFIGURATION_FILES:
        raise LimnerError(
            f"{folder}: got {len(found)} configuration files; allowed: at most {MOST_CONFIGURATION_FILES}. Keep those "
            f"of the checkpoint alone."
        )
    return found


def _refuse_adapters(folder: Path, names: list[str]) -> None:
    for name in ADAPTERS:
        if name in names:
            raise LimnerError(
                f"{folder / name}: got an adapter inside a part's folder, which transformers would load unasked and "
                f"limner does not load; allowed is a checkpoint without it. Remove the file, or merge the adapter into "
                f"the weights."
            )


def _shards(index: Path) -> tuple[str, ...]:
    mapping = read_json(index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise LimnerError(f"{index}: 'weight_map' is missing or empty; copy the file anew")
    names = sorted({str(name) for name in mapping.values()})
    for name in names:
        if PurePosixPath(name).name != name or "\\" in name or not name.endswith(".safetensors"):
            raise LimnerError(f"{index}: got the shard name {name[:200]!r}; a plain *.safetensors file name is allowed")
        if not os.path.lexists(index.parent / name):
            raise LimnerError(f"{index.parent / name}: missing; {index.name} names it. Copy the checkpoint whole")
    if len(names) > MOST_ENTRIES:
        raise LimnerError(f"{index}: got {len(names):,} shards; allowed: at most {MOST_ENTRIES:,}. Copy the file anew")
    return tuple(names)


def _flat_files(folder: Path) -> tuple[str, ...]:
    """A scorer's files: every safetensors and configuration file of the folder and one level below."""
    suffixes = (*CONFIGURATION, ".safetensors")
    found = [path for path in _two_levels(folder) if Path(path).suffix in suffixes]
    _configuration(folder, found)
    if not any(path.endswith(".safetensors") for path in found):
        raise LimnerError(_no_weights(folder, "*.safetensors"))
    return tuple(sorted(found))


def _two_levels(folder: Path) -> list[str]:
    """Paths of what is in the folder and in its folders, less what is hidden; MOST_ENTRIES in all."""
    found: list[str] = []
    for name in entries(folder):
        if name.startswith("."):
            continue
        if has_folder(folder / name) and not name.endswith((*CONFIGURATION, ".safetensors")):
            found += [f"{name}/{inner}" for inner in entries(folder / name)]
        else:
            found.append(name)
        if len(found) > MOST_ENTRIES:
            raise LimnerError(_too_many(folder))
    return found


def _no_weights(folder: Path, wanted: str) -> str:
    pickles = [name for name in entries(folder) if Path(name).suffix in PICKLES]
    if pickles:
        return _convert(folder / pickles[0], wanted)
    return f"{folder}: no {wanted} found; limner reads safetensors only. Copy the checkpoint whole, weights too"


def _no_index(folder: Path) -> str:
    names = entries(folder)
    pickles = [name for name in names if Path(name).suffix in PICKLES]
    if pickles:
        return _convert(folder / pickles[0], "a diffusers folder with safetensors")
    single = [name for name in names if name.endswith(".safetensors")]
    if single:
        return (
            f"{folder / single[0]}: got a single-file checkpoint; a diffusers folder (model_index.json, unet/, vae/, "
            f"…) is allowed. Single files are not read yet: take the diffusers folder that its makers publish"
        )
    return f"{folder}: no model_index.json; a checkpoint is a diffusers folder (model_index.json, unet/, vae/, …)"


def _convert(pickle: Path, wanted: str) -> str:
    return (
        f"{pickle}: got a pickle; allowed is {wanted}. limner never reads pickles, because opening one can run any "
        f"code. Run `{limner('convert', pickle)}`, or ask its makers for safetensors"
    )
