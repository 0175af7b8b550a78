"""Which set a command is about: by its name in the library, or by its spec's file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.catalog import Catalog
from flows.settings import Settings
from specs.boundary.files import has_file
from specs.errors import UsageError
from specs.reading.load import load_spec
from specs.values.checks import near

SPEC_SUFFIXES = (".yaml", ".yml")


def spec_files(named: Sequence[str], settings: Settings, *, every: bool) -> list[Path]:
    """The specs that are named, as files; with ``every`` those of all sets of the library. UsageError."""
    _refuse_both(named, every)
    with Catalog.open(settings.library, create=False) as catalog:
        paths = dict(catalog.set_paths())
    if every:
        return [_spec_of(name, path, settings) for name, path in paths.items()]
    return [
        Path(name) if is_file(name) else _spec_of(known(name, list(paths), settings), paths[name], settings)
        for name in named
    ]


def set_names(named: Sequence[str], settings: Settings, catalog: Catalog, *, every: bool) -> list[str]:
    """The sets that are named; with ``every`` all of the library. UsageError."""
    _refuse_both(named, every)
    there = list(catalog.set_paths())
    wanted = [load_spec(Path(name)).set_name if is_file(name) else name for name in named]
    return there if every else [known(name, there, settings) for name in wanted]


def _refuse_both(named: Sequence[str], every: bool) -> None:
    if every == bool(named):
        got = "both names and --all" if every else "nothing"
        raise UsageError(f"SET: got {got}; allowed: sets or specs, or --all.")


def known(name: str, names: Sequence[str], settings: Settings) -> str:
    """The name, when the library has a set of that name; else UsageError with those that it has."""
    if name in names:
        return name
    mean = near(name, names)
    raise UsageError(
        f"SET: got {name!r}, which is no set of {settings.library}; allowed: {', '.join(names) or 'none yet'}; "
        f"or a spec's file{f'; did you mean {mean}?' if mean else ''}"
    )


def is_file(name: str) -> bool:
    """Whether it names a spec's file, not a set: set names have no dot."""
    return name.endswith(SPEC_SUFFIXES)


def _spec_of(set_name: str, path: str, settings: Settings) -> Path:
    """Where the spec of a set is now: as it was named when the set was made, from here or from beside the library."""
    places = [Path(path), settings.library.absolute().parent / path]
    for place in places:
        if has_file(place) and load_spec(place).set_name == set_name:
            return place
    raise UsageError(
        f"set {set_name}: its spec was {path}, and no spec of that set is there now; allowed: the set's spec: give its "
        "file instead of the name."
    )
