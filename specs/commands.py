"""The commands that limner prints for a user to paste: quoted for a shell, and for the library of the call at hand."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping

BY_LIBRARY = "keepers searches tag note stats show keep reject undo calibrate clusters taste verify backup doctor"
TAKES: Mapping[str, tuple[str, ...]] = {  # command → which of the options that say what it works on
    **dict.fromkeys(BY_LIBRARY.split(), ("library",)),
    **dict.fromkeys(("produce", "plan", "review", "reproduce", "rescore", "serve"), ("library", "checkpoints")),
    **dict.fromkeys(("checkpoints", "convert"), ("checkpoints",)),
}
_given: dict[str, tuple[str, ...]] = {}


def given(library: os.PathLike[str] | None, checkpoints: Iterable[os.PathLike[str]]) -> None:
    """Note what the command that runs was given on its command line; what comes from variables stands there still."""
    _given["library"] = () if library is None else (os.fspath(library),)
    _given["checkpoints"] = tuple(os.fspath(path) for path in checkpoints)


def limner(command: str, *words: str | os.PathLike[str]) -> str:
    """``limner COMMAND WORDS``, with the ``--library`` and ``--checkpoints`` that the running command was given."""
    again = [] if "--library" in words else [(name, value) for name in TAKES[command] for value in _given.get(name, ())]
    options = [word for name, value in again for word in (f"--{name}", value)]
    return shlex.join(["limner", command, *(os.fspath(word) for word in words), *options])
