"""Loading a hostile folder of a scorer as a run does, and what Python reports meanwhile."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.errors import LimnerError
from tests import tiny_scorers
from tests.security.hostile_cases import Case
from tests.security.hostile_files import CANARY
from tests.security.hostile_scorers import Good

HASHED_BYTES = 2**30  # larger files (holes) get any hash: to hash them is not the scorers' work
ARCHITECTURES: Mapping[str, str] = {"clip": "open-clip", "own-tokenizer": "open-clip", "safety": "safety-checker"}
CONNECTING = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What loading a folder did: ``refused`` is the message; ``failed`` whatever it raised that is no LimnerError.

    ``opened``: files below the folder that Python opened, by name.
    """

    refused: str
    failed: str
    seconds: float
    grown_mib: float
    connections: tuple[str, ...]
    programs: tuple[str, ...]
    opened: tuple[str, ...]
    ran: bool

    @property
    def harm(self) -> str:
        """What must never happen, in words; empty when nothing did."""
        harms = {
            "code ran": self.ran,
            f"connected: {self.connections}": self.connections,
            f"started: {self.programs}": self.programs,
            f"not explained: {self.failed}": self.failed,
            f"took {self.seconds:.1f} s": self.seconds > 10,
            f"took {self.grown_mib:.0f} MiB": self.grown_mib > 1024,
        }
        return "; ".join(words for words, happened in harms.items() if happened)


class _Watch:
    """Python's audit events while a folder is loaded. A hook cannot be taken out again: there is one a process."""

    def __init__(self) -> None:
        self.folder = ""
        self.connections: list[str] = []
        self.programs: list[str] = []
        self.opened: list[str] = []
        sys.addaudithook(self)

    def begin(self, folder: Path) -> None:
        self.connections, self.programs, self.opened, self.folder = [], [], [], str(folder)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folder:
            return
        if event in CONNECTING:
            self.connections.append(f"{event} {arguments[1:]!s:.80}")
        elif event in STARTING:
            self.programs.append(f"{event} {arguments!s:.80}")
        elif event == "open" and str(arguments[0]).startswith(self.folder + os.sep):
            self.opened.append(str(arguments[0])[len(self.folder) + 1 :])


_watches: list[_Watch] = []


def attempt(case: Case, good: Good, folder: Path, canary: Path) -> Outcome:
    """Spoil a copy of the good folder in ``folder``, load it, and let it measure where that works."""
    os.environ[CANARY] = str(canary)
    good.copy(case.role, folder)
    case.spoil(folder)
    checkpoint = hashed(case.role, folder)
    if not _watches:
        _watches.append(_Watch())
    watch = _watches[0]
    refused = failed = ""
    before, began = _peak_kib(), time.monotonic()
    watch.begin(folder)
    try:
        use(case.role, checkpoint, folder, good.clip_sha256)
    except LimnerError as error:
        refused = str(error)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    finally:
        watch.folder = ""
    return Outcome(
        refused=refused,
        failed=failed,
        seconds=time.monotonic() - began,
        grown_mib=(_peak_kib() - before) / 1024,
        connections=tuple(watch.connections),
        programs=tuple(watch.programs),
        opened=tuple(watch.opened),
        ran=canary.exists(),
    )


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def hashed(role: str, folder: Path) -> Checkpoint:
    """A checkpoint of every regular configuration and weights file in the folder, hashed as ``limner`` does."""
    suffixes = (".json", ".txt", ".safetensors")
    files = [path for path in sorted(folder.iterdir()) if path.suffix in suffixes and path.is_file()]
    hashes = tuple(WeightFile(path.name, _sha256(path)) for path in files) or (WeightFile("none.json", "0" * 64),)
    architecture = ARCHITECTURES.get(role, "aesthetic-head")
    source = Source(folder=str(folder))
    return Checkpoint(f"hostile-{role}", architecture, source, hashes, "CC0-1.0", Status.DECLARED, True)


def _sha256(path: Path) -> str:
    if path.stat().st_size > HASHED_BYTES:
        return "0" * 64
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class _Cpu:
    device: str = "cpu"


def use(role: str, checkpoint: Checkpoint, folder: Path, clip_sha256: str) -> None:
    """Load a scorer's folder by its role, and let it measure something."""
    from scoring.aesthetic.score import load_aesthetic
    from scoring.clip.embedding import load_clip
    from scoring.safety.checker import load_checker
    from scoring.safety.forbidden import load_second

    pixels = np.arange(2 * 40 * 40 * 3, dtype=np.uint32).reshape(2, 40, 40, 3).astype(np.uint8)
    if role in ("clip", "own-tokenizer"):
        clip = load_clip(checkpoint, folder, _Cpu(), batch_size=2, text_batch=2)
        rows = [clip.embed(pixels), clip.embed_texts(["a red sword", "<|endoftext|> \u00e9"])]
        assert all(part.shape == (2, clip.dim) for part in rows)
    elif role == "safety":
        checker = load_checker(checkpoint, folder, None, _Cpu(), batch_size=2)
        found = checker.measure(pixels, np.zeros((2, 0), np.float32))
        assert len(found) == 2
        assert "the checker failed" not in found[0].why, found[0].why
    else:
        load = load_aesthetic if role == "head" else load_second
        head = load(checkpoint, folder, (clip_sha256,), tiny_scorers.DIM)
        assert head.score(np.ones((2, tiny_scorers.DIM), np.float32)).shape == (2,)
