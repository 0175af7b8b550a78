"""Hostile git repositories around a working folder, by name: what each puts below ``work/.git``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Make = Callable[[Path, Any], object]
HEAD = {"work/.git/HEAD": "ref: refs/heads/main\n", "work/.git/refs/heads/main": "0" * 39 + "1\n",
        "work/.git/objects/info/packs": "\n"}  # fmt: skip
PROGRAMS = (
    "[core]\n\tfsmonitor = {trap}\n\thooksPath = {root}/trap\n\tsshCommand = {trap}\n\tpager = {trap}\n"
    "\tworktree = /\n[include]\n\tpath = /dev/zero\n[gpg]\n\tprogram = {trap}\n"
    '[filter "trap"]\n\tclean = {trap}\n\tsmudge = {trap}\n\tprocess = {trap}\n[diff]\n\texternal = {trap}\n'
)


def _fifo(path: Path, _: Any) -> None:
    os.mkfifo(path)


def _device(path: Path, _: Any) -> None:
    path.symlink_to("/dev/zero")


def _itself(path: Path, _: Any) -> None:
    path.symlink_to(path)


def _hooks(folder: Path, traps: Any) -> None:
    for name in ("post-index-change", "pre-commit", "fsmonitor-watchman", "reference-transaction", "post-checkout"):
        traps.script(folder / name)


def _large(path: Path, _: Any) -> None:
    with path.open("wb") as file:
        file.write(b"# pack-refs with: peeled\n")
        file.truncate(8 * 2**30)


def _lying(path: Path, _: Any) -> None:
    """An index of a pack that says it holds 2^32 - 1 objects, and the pack."""
    path.write_bytes(b"\xfftOc\0\0\0\x02" + b"\xff" * 1024 + bytes(100))
    path.with_suffix(".pack").write_bytes(b"PACK\0\0\0\x02\xff\xff\xff\xff" + bytes(100))


REPOSITORIES: Mapping[str, Mapping[str, str | Make]] = {
    "programs": {**HEAD, "work/.git/config": PROGRAMS, "work/.gitattributes": "* filter=trap diff=trap\n",
                 "work/.git/hooks": _hooks},
    "no files": {"work/.git/HEAD": _fifo, "work/.git/config": _device, "work/.git/objects": _itself},
    "elsewhere": {"work/.git": "gitdir: /dev/zero\n"},
    "a chain": {"work/.git": "gitdir: ../a\n", "a": "gitdir: b\n", "b": "gitdir: a\n"},
    "paths": {"work/.git/HEAD": "ref: refs/heads/../../../../../etc/passwd\n", "work/.git/commondir": "/\n"},
    "alternates": {**HEAD, "work/.git/objects/info/alternates": "/dev\n../../.git/objects\n" * 5000},
    "large": {"work/.git/HEAD": "ref: refs/heads/x\n", "work/.git/packed-refs": _large, "work/.git/index": _large},
    "packs": {**HEAD, f"work/.git/objects/pack/pack-{'0' * 40}.idx": _lying},
}  # fmt: skip
