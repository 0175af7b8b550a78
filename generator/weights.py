"""Where a checkpoint's files are, and proof that they are the ones that its entry names. Never imports torch.

``locate`` finds the folder, ``pin`` hashes every file that loading will read and compares with what is declared.
Hashes are remembered by path, size, modification time and inode, so that 7 GB are read once and not on every run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from generator.layout import MAIN_PART, PARTS, files_read
from specs.checkpoint import IMAGE_ARCHITECTURES, Checkpoint, WeightFile
from specs.errors import LimnerError
from specs.folder import inspect_folder

MEMORY_VERSION = 1
SETTLED_S = 2.0  # a file younger than this may change again within one tick of its clock: hash it, do not remember it


def locate(checkpoint: Checkpoint, *, hub_cache: Path | None = None, online: bool = False) -> Path:
    """The folder that holds the checkpoint. ``hub_cache`` None means the user's own (``HF_HUB_CACHE`` and its kin).

    Raises LimnerError, saying how to get the files, when they are not on this machine. Only with ``online`` does it
    fetch them, at the pinned revision: safetensors and configuration, never pickles or code.
    """
    source = checkpoint.source
    if source.folder is not None:
        folder = Path(source.folder)
        if not folder.is_dir():
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
    if not folder.is_dir():
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
    any are). Raises LimnerError naming the file, what was expected and what was found.
    """
    if checkpoint.architecture == "unknown":  # a hub repository that the registry does not know: it says so itself
        checkpoint = _inspected(checkpoint, folder)
    read = files_read(checkpoint.architecture, folder)
    declared = {file.path: file.sha256 for file in checkpoint.files}
    for path in sorted(declared):
        if not (folder / path).is_file():
            raise LimnerError(
                f"{folder / path}: missing; {_entry(checkpoint)} declares it (sha256 {declared[path]}). Copy the "
                f"checkpoint whole, or correct the entry."
            )
    for path in read:
        if declared and path.endswith(".safetensors") and path not in declared:
            raise LimnerError(
                f"{folder / path}: got weights that {_entry(checkpoint)} does not declare; allowed are "
                f"{', '.join(sorted(declared))}. Remove the file, or add its sha256 to the entry."
            )
    found = memory.hash_files(folder, sorted({*read, *declared}))
    for path, expected in sorted(declared.items()):
        if found[path] != expected:
            raise LimnerError(
                f"{folder / path}: got sha256 {found[path]}; {_entry(checkpoint)} expects {expected}. The file is not "
                f"the one that was pinned: fetch it anew, or, if you changed it on purpose, give it its own entry."
            )
    return replace(checkpoint, files=tuple(WeightFile(path, sha256) for path, sha256 in sorted(found.items())))


def main_file(checkpoint: Checkpoint) -> WeightFile:
    """The weights file that other tools would call the model: the UNet's, or the first one of a scorer."""
    weights = [file for file in checkpoint.files if file.path.endswith(".safetensors")]
    if not weights:
        raise ValueError(f"{checkpoint.name} has no hashed weights; pin it first")
    return next((file for file in weights if file.path.startswith(f"{MAIN_PART}/")), weights[0])


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What must be unchanged for a remembered hash to hold."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> _Stamp:
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class HashMemory:
    """SHA-256 of files, remembered in one JSON file by (path, size, mtime_ns, inode).

    A memory that is missing, damaged or of another version is an empty one; one that cannot be written costs the next
    run a read and nothing else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reads = 0  # files hashed by this object, for tests and for `doctor`
        self._known = self._load()

    def sha256(self, path: Path) -> str:
        """64 hex of the file's bytes; symbolic links are followed. LimnerError when it cannot be read."""
        try:
            real = path.resolve(strict=True)
            stamp = _Stamp.of(real)
            entry = self._known.get(str(real))
            if entry is not None and entry[0] == stamp:
                return entry[1]
            digest = self._hash(real, stamp)
        except OSError as error:
            raise LimnerError(
                f"{path}: cannot be read ({error.strerror}); check that it is there and readable"
            ) from None
        if time.time() - stamp.mtime_ns / 1e9 > SETTLED_S:
            self._known[str(real)] = (stamp, digest)
        return digest

    def hash_files(self, folder: Path, paths: list[str]) -> dict[str, str]:
        """Path (relative to ``folder``) → 64 hex for each; what was learned is saved."""
        before = self.reads
        hashes = {path: self.sha256(folder / path) for path in paths}
        if self.reads > before:
            self.save()
        return hashes

    def save(self) -> None:
        """Write the memory: a temporary file beside it, then a rename. Two writers may lose a hash, never the file."""
        entries = {
            path: [stamp.size, stamp.mtime_ns, stamp.inode, digest]
            for path, (stamp, digest) in sorted((self._load() | self._known).items())
        }
        text = json.dumps({"version": MEMORY_VERSION, "files": entries})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.path.parent, prefix=".hashes-", delete=False) as file:
                file.write(text)
            Path(file.name).replace(self.path)
        except OSError:
            return

    def _hash(self, path: Path, stamp: _Stamp) -> str:
        self.reads += 1
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if _Stamp.of(path) != stamp:
            raise LimnerError(
                f"{path}: changed while it was being read; wait until its copy is complete, then run again"
            )
        return digest

    def _load(self) -> dict[str, tuple[_Stamp, str]]:
        try:
            value = json.loads(self.path.read_bytes())
            if value["version"] != MEMORY_VERSION:
                return {}
            return {path: _remembered(entry) for path, entry in value["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}


def _remembered(entry: Any) -> tuple[_Stamp, str]:
    size, mtime_ns, inode, digest = entry
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"not a sha256: {digest!r}")
    return _Stamp(int(size), int(mtime_ns), int(inode)), digest


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
        folders = [f"{part}/" for part in PARTS[checkpoint.architecture]]
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


def _entry(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.registry_path or 'the registry'}: checkpoint {checkpoint.name!r}"
