"""Which commit of its repository a spec came from, read from the repository's own files: no program is run.

git itself would run what a repository's settings name (``core.fsmonitor``, hooks, filters, ``core.sshCommand``, an
aliased helper), and a clone is not to be trusted with that. The layout is that of gitrepository-layout(5).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from catalog.provenance import GitState
from flows.git.objects import BrokenRepositoryError, GitObjects
from specs.boundary.files import read_bytes
from specs.errors import LimnerError

MOST_REF_BYTES = 4096
MOST_PACKED_REFS_BYTES = 64 * 2**20
MOST_FILE_BYTES = 256 * 2**20
MOST_LINKS = 5  # HEAD names a branch; a branch may be a symbolic reference too
HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
LFS_OBJECT = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Repository:
    """``git`` holds HEAD, ``common`` what all work trees share: the references and the objects."""

    work_tree: Path
    git: Path
    common: Path


def git_state(files: list[Path]) -> GitState | None:
    """The commit that the first file's repository is at, and whether any of the files differs from it.

    None outside a repository, before its first commit, and where its references cannot be read. A file that is not in
    the commit differs from it, one whose line ends alone do not match does not, nor does one that Git LFS stores.
    """
    try:
        repository = find_repository(files[0].resolve().parent)
        commit = None if repository is None else head_commit(repository)
    except (LimnerError, OSError, ValueError):
        return None
    if repository is None or commit is None:
        return None
    try:
        objects = GitObjects(repository.common / "objects", 20 if len(commit) == 40 else 32)
        tree = objects.tree_of(bytes.fromhex(commit))
        same = all(_is_committed(file.resolve(), repository, objects, tree) for file in files)
    except (LimnerError, OSError, BrokenRepositoryError):
        same = False  # of a partial clone, for example: nothing shows that they are equal
    return GitState(commit, dirty=not same)


def find_repository(folder: Path) -> Repository | None:
    """The repository whose work tree ``folder`` is in; a work tree or submodule has a file ``.git`` that names it."""
    for parent in (folder, *folder.parents):
        git = parent / ".git"
        if git.is_file():
            git = parent / _text(git, MOST_REF_BYTES).removeprefix("gitdir:").strip()
        if not (git / "HEAD").is_file():
            continue
        common = git
        if (git / "commondir").is_file():
            common = git / _text(git / "commondir", MOST_REF_BYTES).strip()
        return Repository(parent, git, common)
    return None


def head_commit(repository: Repository) -> str | None:
    """The commit's hash, 40 or 64 hex; None before the first commit."""
    text = _text(repository.git / "HEAD", MOST_REF_BYTES).strip()
    for _ in range(MOST_LINKS):
        if HASH.fullmatch(text):
            return text
        name = text.removeprefix("ref:").strip()
        if not text.startswith("ref:") or not name.startswith("refs/") or ".." in name.split("/"):
            return None
        found = _reference(repository, name)
        if found is None:
            return None
        text = found
    return None


def _reference(repository: Repository, name: str) -> str | None:
    for folder in (repository.git, repository.common):
        if (folder / name).is_file():
            return _text(folder / name, MOST_REF_BYTES).strip()
    packed = repository.common / "packed-refs"
    if packed.is_file():
        for line in _text(packed, MOST_PACKED_REFS_BYTES).splitlines():
            value, _, named = line.partition(" ")
            if named == name:
                return value
    return None


def _text(path: Path, most_bytes: int) -> str:
    return read_bytes(path, most_bytes).decode("utf-8", errors="surrogateescape")


def _is_committed(file: Path, repository: Repository, objects: GitObjects, tree: bytes) -> bool:
    if not file.is_relative_to(repository.work_tree):
        return False
    blob = objects.find(tree, [part.encode(errors="surrogateescape") for part in _parts(file, repository)])
    if blob is None:
        return False
    data = read_bytes(file, MOST_FILE_BYTES)
    return blob in (objects.blob_hash(data), objects.blob_hash(data.replace(b"\r\n", b"\n"))) or _in_lfs(
        data, objects, blob
    )


def _parts(file: Path, repository: Repository) -> tuple[str, ...]:
    return file.relative_to(repository.work_tree).parts


def _in_lfs(data: bytes, objects: GitObjects, blob: bytes) -> bool:
    """Git LFS commits a small text in the file's stead, which names the file's sha256."""
    kind, text = objects.read(blob)
    pointer = LFS_OBJECT.search(text[:1024])
    return kind == "blob" and pointer is not None and pointer[1].decode() == hashlib.sha256(data).hexdigest()
