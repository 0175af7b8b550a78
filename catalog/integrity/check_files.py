"""Check the pictures' files against what the rows say of them: there, whole, in their place, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from catalog.backup.other_catalogs import Spoken
from catalog.integrity.problems import Problem
from catalog.objects.areas import ImageState
from catalog.objects.store import AREAS, TEMPORARY, Objects, Stored
from generator.pictures.images import read_png
from specs.canonical import sha256_hex
from specs.errors import LimnerError

IGNORED = (".DS_Store", "Thumbs.db", "desktop.ini")  # file browsers leave these wherever they look
AHEAD = 64  # pictures in memory at once


@dataclass(frozen=True, slots=True)
class Kept:
    """What a row says of a picture's file."""

    area: str
    state: str
    bytes: int
    pixels_sha256: str


@dataclass(frozen=True, slots=True)
class FileCheck:
    """Files looked into, what is wrong with them, and how many belong to nothing."""

    files: int
    problems: list[Problem]
    unreferenced: int


def check(
    library: Path,
    kept: Mapping[str, Kept] | None,
    progress: Callable[[int, int], None] | None,
    spoken: Spoken,
    *,
    decoded: bool = True,
) -> FileCheck:
    """Check every file. ``kept`` None (the rows cannot be read): each file against its own name alone.

    ``spoken``: what other catalogs in the folder speak of; that belongs to something too. ``decoded``: look at the
    pixels too, not only at the bytes.
    """
    objects = Objects(library)
    stored = [file for area in AREAS for file in objects.entries(area)]
    problems = [
        Problem("extra", str(path.relative_to(library)), "is not a file that limner made")
        for area in AREAS
        for path in objects.foreign_files(area)
        if path.name not in IGNORED
    ]
    places = {(file.sha256, file.area) for file in stored}
    if kept is not None:
        problems += _absent(kept, places)
    mine = [file for file in stored if kept is None or is_referenced(file, kept, places)]
    problems += _contents(objects, mine, kept, progress, decoded)
    others = () if kept is None else (file for file in stored if not is_spoken_of(file, kept, places, spoken))
    loose = sum(1 for _ in others) + sum(1 for _ in temporary_files(library))
    return FileCheck(len(mine), sorted(problems, key=lambda problem: problem.what), loose)


def is_referenced(file: Stored, kept: Mapping[str, Kept], places: set[tuple[str, str]]) -> bool:
    """Does a row speak of this file? In the wrong area it counts while the right one has none."""
    row = kept.get(file.sha256)
    if row is None or row.state != ImageState.PRESENT:
        return False
    return file.area == row.area or (file.sha256, row.area) not in places


def is_spoken_of(file: Stored, kept: Mapping[str, Kept], places: set[tuple[str, str]], spoken: Spoken) -> bool:
    """Does this file belong to something: to a row, also to one that thinks it lost, or to a copy of the catalog?"""
    row = kept.get(file.sha256)
    lost = row is not None and row.state == ImageState.LOST
    elsewhere = file.sha256 in spoken.sha256s and (row is None or (file.sha256, file.area) in spoken.places)
    return lost or elsewhere or is_referenced(file, kept, places)


def temporary_files(library: Path) -> Iterator[Path]:
    """Files on their way, which a crash left in ``tmp``."""
    folder = library / "tmp"
    if folder.is_dir():
        for entry in os.scandir(folder):
            if entry.name.startswith(TEMPORARY):
                yield Path(entry.path)


def _absent(kept: Mapping[str, Kept], places: set[tuple[str, str]]) -> Iterator[Problem]:
    for sha256, row in kept.items():
        if row.state == ImageState.PRESENT and (sha256, row.area) not in places:
            other = next((area for area in AREAS if (sha256, area) in places), None)
            name = f"{row.area}/{sha256[:2]}/{sha256}.png"
            if other:
                yield Problem("misplaced", name, f"it lies in {other}")
            else:
                yield Problem("missing", name, f"{row.bytes} bytes are on record")


def _contents(
    objects: Objects,
    files: list[Stored],
    kept: Mapping[str, Kept] | None,
    progress: Callable[[int, int], None] | None,
    decoded: bool,
) -> Iterator[Problem]:
    """Hash every file, and decode it where that is asked, some at a time."""
    content = partial(_content, objects, decoded)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(files), AHEAD):
            part = files[start : start + AHEAD]
            rows: Iterable[Kept | None] = [kept.get(file.sha256) if kept is not None else None for file in part]
            yield from (found for found in pool.map(content, part, rows) if found)
            if progress:
                progress(min(start + AHEAD, len(files)), len(files))


def _content(objects: Objects, decoded: bool, file: Stored, row: Kept | None) -> Problem | None:
    name = f"{file.area}/{file.sha256[:2]}/{file.sha256}.png"
    if row is not None and file.bytes < row.bytes:
        return Problem("truncated", name, f"{file.bytes} bytes; {row.bytes} are on record")
    try:
        data = objects.get(file.sha256, file.area)
    except FileNotFoundError:
        return Problem("missing", name, "it went away during the check")
    if (found := sha256_hex(data)) != file.sha256:
        return Problem("altered", name, f"its bytes hash to {found[:12]}, not to its name")
    if row is None or not decoded:
        return None
    try:
        pixels = read_png(data).pixels_sha256
    except LimnerError as error:
        return Problem("altered", name, f"cannot be decoded: {error}")
    if pixels != row.pixels_sha256:
        return Problem("altered", name, f"its pixels hash to {pixels[:12]}; {row.pixels_sha256[:12]} is on record")
    return None
