"""What every generated hostile folder is made of: a key set to a value of some kind, a file that lies or is none.

``of_keys`` and ``of_files`` give the cases of one kind of folder; ``one_of_each`` draws from them by a seed.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from tests.security.hostile_files import CHANGES, LYING, NO_FILES, NO_JSON, holes, plant_code

Spoil = Callable[[Path], None]
Key = tuple[str, tuple[str, ...]]  # the file, and the place in its JSON


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile folder: ``spoil`` changes a copy of the good folder of its ``role``.

    ``about``: the key and the kind of value, the same for all values of one kind.
    """

    name: str
    role: str
    spoil: Spoil
    about: str = ""


CODE: tuple[Any, ...] = (
    {"trust_remote_code": True},
    {"auto_map": {"AutoTokenizer": ["evil.Tok", "evil.Tok"], "AutoModel": "evil.Tok"}},
    "a.b.c.evil--evil.Tok",
    "evil.Tok",
    "__import__('evil')",
)
NETWORK = ("hf-hub:evil/repo", "evil/repo", "https://example.invalid/x", "local-dir:/tmp/x", "gs://evil/x")
PATH = ("/dev/zero", "../../../etc/passwd", "file:///etc/passwd", "C:\\x", "a/b/c/evil.py", "x\0y", "~/x")
SIZE: tuple[Any, ...] = (
    10**7, 10**12, -1, 0, 10**30, 1e308, float("nan"), float("inf"), 1e-320, "x" * 100_000, [10**7] * 4,
)  # fmt: skip
TYPE: tuple[Any, ...] = (
    None, True, 3, 2.5, "", "\ud800", [], {}, [[]], [None, "x"], {"": {}}, [1, 2], ["a", {"b": [{}]}], "1",
)  # fmt: skip
KINDS: Mapping[str, tuple[Any, ...]] = {"code": CODE, "network": NETWORK, "path": PATH, "size": SIZE, "type": TYPE}


def of_keys(role: str, keys: Iterable[Key]) -> Iterator[Case]:
    """Every key set to every value."""
    for (file, places), (kind, values) in itertools.product(keys, KINDS.items()):
        about = f"{role}: {file}: {'.'.join(places)}: {kind}"
        for number, value in enumerate(values):
            yield Case(f"{about} {number}", role, setting(file, places, value), about)


def of_files(role: str, configurations: Sequence[str], weights: str) -> Iterator[Case]:
    """Every file replaced by what is none, by one that lies, and by half of itself."""
    for file, (name, make) in itertools.product((*configurations, weights), NO_FILES.items()):
        yield Case(f"{role}: {file}: {name}", role, special(file, make))
    for file, (name, data) in itertools.product(configurations, NO_JSON.items()):
        yield Case(f"{role}: {file}: {name}", role, replaced(file, data))
    for name, data in LYING.items():
        yield Case(f"{role}: {weights}: {name}", role, replaced(weights, data))
    for share in (0.0001, 0.3, 0.999_999):
        yield Case(f"{role}: {weights}: cut at {share}", role, _cut(weights, share))
    for name, change in CHANGES.items():
        yield Case(f"{role}: {weights}: {name}", role, _numbers(weights, change))
    yield Case(f"{role}: {weights}: holes", role, special(weights, holes))


def one_of_each(cases: Iterable[Case], seed: int) -> list[Case]:
    """One value of each kind for each key, and everything else there is, in an order that the seed shuffles."""
    rng, groups = random.Random(seed), dict[str, list[Case]]()
    for case in cases:
        groups.setdefault(case.about or case.name, []).append(case)
    found = [rng.choice(group) for group in groups.values()]
    rng.shuffle(found)
    return found


def setting(file: str, keys: tuple[str, ...], value: Any) -> Spoil:
    """One key of a JSON file set to a value, and code planted that it might name."""

    def spoil(folder: Path) -> None:
        path = folder / file
        whole = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        place = whole
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = copy.deepcopy(value)
        path.write_text(json.dumps(whole), encoding="utf-8")
        plant_code(folder)

    return spoil


def replaced(name: str, data: bytes) -> Spoil:
    """A file of these bytes in the place of one."""
    return special(name, lambda path: path.write_bytes(data))


def special(name: str, make: Callable[[Path], object]) -> Spoil:
    """What ``make`` makes in the place of a file."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return spoil


def _cut(name: str, share: float) -> Spoil:
    def spoil(folder: Path) -> None:
        data = (folder / name).read_bytes()
        replaced(name, data[: int(len(data) * share)])(folder)

    return spoil


def _numbers(name: str, change: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        tensors = load_file(folder / name)
        change(tensors)
        (folder / name).unlink()
        save_file(tensors, folder / name)

    return spoil
