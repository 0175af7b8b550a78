"""Where a checkpoint's files are, and proof that they are the ones that its entry names. Never imports torch.

``locate`` finds the folder, ``pin`` checks every file that loading will read, hashes it and compares with what is
declared.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from generator.families.layout import MAIN_PART, files_read
from generator.families.parts import check_weights, read_parts
from generator.families.registry import FAMILIES
from generator.weights.hashes import HashMemory
from specs.boundary.files import has_folder
from specs.boundary.tensor_file import read_header
from specs.checkpoint import IMAGE_ARCHITECTURES, Checkpoint, Status, WeightFile
from specs.errors import LimnerError
from specs.registry.folder import inspect_folder


def locate(checkpoint: Checkpoint, *, hub_cache: Path | None = None, online: bool = False) -> Path:
    """The folder that holds the checkpoint. ``hub_cache`` None means the user's own (``HF_HUB_CACHE`` and its kin).

    Raises LimnerError, saying how to get the files, when they are not on this machine. Only with ``online`` does it
    fetch them, at the pinned revision: safetensors and configuration, never pickles or code.
    """
    source = checkpoint.source
    if source.folder is not None:
        folder = Path(source.folder)
        if not has_folder(folder):
            raise LimnerError(
                f"{_entry(checkpoint)}: source folder {folder}: got no such folder; allowed is an existing "
                f"checkpoint folder. Correct the path, or copy the checkpoint there."
            )
        return folder
    repo, revision = source.repo_id, source.revision
    if repo is None:
        raise LimnerError(
            f"{_entry(checkpoint)}: source: got none; allowed is a folder, or a hub repository and revision. If you "
            f"have these weights, name {checkpoint.name!r} in a checkpoints file of yours with `source: {{folder: …}}`."
        )
    if not repo or not revision or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise LimnerError(
            f"{_entry(checkpoint)}: source: got repository {repo!r} at revision {revision!r}; allowed is a folder, or "
            f"owner/repo with a revision of 40 hex digits."
        )
    cache = hub_cache or default_hub_cache()
    folder = cache / ("models--" + repo.replace("/", "--")) / "snapshots" / revision
    if online:
        return _download(checkpoint, cache)
    if not has_folder(folder):
        raise LimnerError(
            f"{_entry(checkpoint)}: {repo}@{revision} is not in the hub's cache {cache}. Run again with --online to "
            f"fetch it, or put `source: {{folder: …}}` with a local copy into your checkpoints file."
        )
    return folder


def default_hub_cache() -> Path:
    """The hub's cache folder as huggingface_hub chooses it, without importing it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(home).expanduser() / "hub"


def pin(checkpoint: Checkpoint, folder: Path, memory: HashMemory) -> Checkpoint:
    """The same checkpoint with ``files`` holding the hash of every file that loading reads from ``folder``.

    Declared hashes must match, declared files must be there, and no weights may be read that are not declared (when
    any are); of a verified checkpoint, no file. Configurations and the headers of weights are checked before anything
    is hashed, so that what loading would refuse is refused here. Raises LimnerError naming the file, what was expected
    and what was found.
    """
    if checkpoint.architecture == "unknown":  # a hub repository that the registry does not know: it says so itself
        checkpoint = _inspected(checkpoint, folder)
    read = files_read(checkpoint.architecture, folder)
    declared = {file.path: file.sha256 for file in checkpoint.files}
    for path in sorted(declared):
        if not os.path.lexists(folder / path):
            raise LimnerError(
                f"{folder / path}: missing; {_entry(checkpoint)} declares it (sha256 {declared[path]}). Copy the "
                f"checkpoint whole, or correct the entry."
            )
    for path in read:
        asked = path.endswith(".safetensors") or checkpoint.status is Status.VERIFIED
        if declared and asked and path not in declared:
            raise LimnerError(
                f"{folder / path}: got {'weights' if path.endswith('.safetensors') else 'a file'} that "
                f"{_entry(checkpoint)} does not declare; allowed are {', '.join(sorted(declared))}"
                f"{_as_told(checkpoint)}. Remove the file, or give these weights an entry of their own."
            )
    check_contents(checkpoint.architecture, folder, read)
    found = memory.hash_files(folder, sorted({*read, *declared}))
    for path, expected in sorted(declared.items()):
        if found[path] != expected:
            raise LimnerError(
                f"{folder / path}: got sha256 {found[path]}; {_entry(checkpoint)} expects {expected}"
                f"{_as_told(checkpoint)}. The file is not the one that was pinned: fetch it anew, or, if these are "
                f"other weights, give them another name in a checkpoints file of yours."
            )
    return replace(checkpoint, files=tuple(WeightFile(path, sha256) for path, sha256 in sorted(found.items())))


def check_contents(architecture: str, folder: Path, read: Sequence[str]) -> None:
    """Check what can be checked without torch: of pictures' checkpoints all, of scorers that weights are whole."""
    if architecture in IMAGE_ARCHITECTURES:
        check_weights(read_parts(architecture, folder))
        return
    for path in read:
        if path.endswith(".safetensors"):
            read_header(folder / path)


def main_file(checkpoint: Checkpoint) -> WeightFile:
    """The weights file that other tools would call the model: the UNet's, or the first one of a scorer."""
    weights = [file for file in checkpoint.files if file.path.endswith(".safetensors")]
    if not weights:
        raise ValueError(f"{checkpoint.name} has no hashed weights; pin it first")
    return next((file for file in weights if file.path.startswith(f"{MAIN_PART}/")), weights[0])


def _download(checkpoint: Checkpoint, cache: Path) -> Path:
    from huggingface_hub import snapshot_download  # only here: everything else works without the network

    try:
        return Path(
            snapshot_download(
                checkpoint.source.repo_id or "",
                revision=checkpoint.source.revision,
                cache_dir=cache,
                allow_patterns=wanted_patterns(checkpoint),
                ignore_patterns=["*.py", "*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl"],
            )
        )
    except Exception as error:
        raise LimnerError(
            f"{_entry(checkpoint)}: {checkpoint.source.repo_id}@{checkpoint.source.revision} could not be fetched "
            f"({type(error).__name__}: {error}). Check the connection and, for a gated repository, `hf auth login`."
        ) from error


def wanted_patterns(checkpoint: Checkpoint) -> list[str]:
    """File patterns to fetch: what is declared, or else each part's weights, and every configuration file."""
    if checkpoint.architecture not in IMAGE_ARCHITECTURES:
        weights = ["*.safetensors"]
        folders = [""]
    else:
        folders = [f"{part}/" for part in FAMILIES[checkpoint.architecture].parts]
        weights = [f"{folder}*.safetensors" for folder in folders]
    declared = [file.path for file in checkpoint.files]
    if any(path.endswith(".safetensors") for path in declared):
        weights = declared
    configuration = [f"{folder}*{suffix}" for folder in folders for suffix in (".json", ".txt")]
    return sorted({"model_index.json", *configuration, *weights})


def _inspected(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    facts = inspect_folder(folder)
    return replace(
        checkpoint, architecture=facts.architecture, multiple_px=facts.multiple_px, native_px=facts.native_px
    )


def _as_told(checkpoint: Checkpoint) -> str:
    return f", as {checkpoint.files_from} says" if checkpoint.files_from else ""


def _entry(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.registry_path or 'the registry'}: checkpoint {checkpoint.name!r}"
