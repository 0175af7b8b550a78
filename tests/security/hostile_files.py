"""Files that are no files, lie about themselves, or end early; code and pickles that wait to be run.

Each table gives a name and what makes the file; they serve every kind of folder that limner is handed.
"""

from __future__ import annotations

import json
import os
import pickle
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

CANARY = "LIMNER_TEST_CANARY"  # the variable that names the file which code of a folder would write
EVIL = f"import os\nopen(os.environ[{CANARY!r}], 'w').write('ran')\nclass Tok:\n    pass\n"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 7187810\n"


class Canary:
    """Writes the canary when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (EVIL,)


def plant_code(folder: Path) -> None:
    """Code where a library might look for it, and three folders down."""
    for name in ("evil.py", "tokenization_evil.py", "modeling_evil.py", "a/b/c/evil.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(EVIL)


def plant_pickles(folder: Path) -> None:
    """A pickle under every name that a library would take for weights."""
    stems = ("open_clip_pytorch_model", "pytorch_model", "model", "a")
    for name in (f"{stem}{suffix}" for stem in stems for suffix in (".bin", ".pth", ".pt", ".ckpt")):
        (folder / name).write_bytes(pickle.dumps(Canary()))


def _socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the name of a socket may have 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


NO_FILES: Mapping[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling": lambda path: path.symlink_to("/nowhere/at/all"),
    "loop": lambda path: path.symlink_to(path.name),
    "socket": _socket,
    "nothing": lambda path: None,
}
NO_JSON: Mapping[str, bytes] = {
    "empty": b"",
    "lfs": LFS,
    "list": b"[1]",
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "cut": b'{"model_cfg": {',
    "bytes": b"\xff\xfe\x00{",
    "large": b" " * 70_000_000 + b"{}",
    "digits": b'{"model_cfg": ' + b"9" * 5000 + b"}",
    "twice": b'{"layout": "linear", "layout": 3, "model_cfg": 1, "model_cfg": 2, "vision_config": 1}',
}


def tensor_file(header: Any, body: bytes = bytes(4), length: int | None = None) -> bytes:
    """A safetensors file of this header, whatever it says; ``length`` is what it says of the header's own size."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4), name: str = "weight") -> dict[str, Any]:
    """A header of one tensor."""
    return {name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


LYING: Mapping[str, bytes] = {
    "empty": b"",
    "lfs": LFS,
    "zeros": bytes(4096),
    "text": b"hello" * 100,
    "pickle": pickle.dumps(Canary()),
    "length beyond": tensor_file({}, length=2**63),
    "length": tensor_file(entry(), length=10**9),
    "no json": tensor_file(b"{" * 500),
    "deep": tensor_file(b"[" * 300_000),
    "list": tensor_file([1]),
    "no offsets": tensor_file({"weight": {"dtype": "F32", "shape": [1]}}),
    "text entry": tensor_file({"weight": "x"}),
    "huge shape": tensor_file(entry(shape=(10**9, 10**9))),
    "negative": tensor_file(entry(shape=(-1,))),
    "huge end": tensor_file(entry(shape=(10**11,), offsets=(0, 4 * 10**11))),
    "hole": tensor_file(entry(offsets=(8, 12)), bytes(12)),
    "rest": tensor_file(entry(), bytes(400)),
    "overlap": tensor_file({**entry(), **entry(name="bias")}),
    "dtype": tensor_file(entry(dtype="F4096")),
    "odd dtype": tensor_file(entry(dtype=[1])),
    "float shape": tensor_file(entry(shape=(1.0,))),
    "true shape": tensor_file(entry(shape=(True,))),
    "surrogate": tensor_file(b'{"\\ud800": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'),
    "long name": tensor_file(entry(name="layers." + "9" * 100_000 + ".weight")),
    "metadata": tensor_file({"__metadata__": {"a": 1}, **entry()}),
    "no tensors": tensor_file({}, b""),
}


def holes(path: Path) -> None:
    """40 GB of which a few bytes are stored."""
    head = tensor_file(entry(shape=(10**10,), offsets=(0, 4 * 10**10)), b"")
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 4 * 10**10)


def _widest(tensors: dict[str, Any]) -> str:
    return max(tensors, key=lambda name: (tensors[name].ndim == 2, name))


CHANGES: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "nan": lambda tensors: tensors[_widest(tensors)].fill(np.nan),
    "inf": lambda tensors: tensors[_widest(tensors)].fill(np.inf),
    "huge": lambda tensors: tensors.update({name: np.full_like(value, 3e38) for name, value in tensors.items()}),
    "integers": lambda tensors: tensors.update({_widest(tensors): tensors[_widest(tensors)].astype(np.int32)}),
    "turned": lambda tensors: tensors.update({_widest(tensors): np.ascontiguousarray(tensors[_widest(tensors)].T)[:1]}),
    "flat": lambda tensors: tensors.update({_widest(tensors): np.zeros((), np.float32)}),
    "empty tensor": lambda tensors: tensors.update({_widest(tensors): np.zeros((0, 4), np.float32)}),
    "missing": lambda tensors: tensors.pop(_widest(tensors)),
    "more": lambda tensors: tensors.update({"more.running_mean": np.zeros(4, np.float32)}),
}
