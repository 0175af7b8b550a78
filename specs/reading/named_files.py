"""Files that a spec names: tables and reference pictures, in its own folder or below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from specs.boundary.files import check_picture, has_file, has_folder
from specs.canonical import sha256_hex
from specs.errors import InvalidValue, SpecError, UsageError
from specs.reading.assemble import Assembly
from specs.reading.document import NotReadable, read_bytes
from specs.spec import Place, Reference
from specs.values.checks import near, show

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
MOST_BYTES = 64 * 1024 * 1024


def beside(folder: Path, named: str, suffixes: Sequence[str], kind: str) -> Path:
    """The file of that name below ``folder``; raises InvalidValue for a way out of it, and for what is no file."""
    source = PurePosixPath(named)
    if source.is_absolute() or PureWindowsPath(named).drive or ".." in source.parts or "\\" in named:
        allowed = "a path in the spec's own folder or below it, with / between folders"
        raise InvalidValue(show(named), allowed, mend=f"put the {kind} beside the spec")
    file = folder / source
    if not has_file(file):
        folder = file.parent if has_folder(file.parent) else folder
        siblings = [sibling.name for sibling in folder.glob("*") if sibling.suffix.lower() in suffixes]
        mean = near(source.name, sorted(siblings))
        raise InvalidValue(f"{show(named)}, which is no file", "a file in the spec's folder", mean)
    return file


def read_references(assembly: Assembly, path: Path) -> tuple[Reference, ...]:
    """The spec's ``style.references``: a name that ends like a picture's file is a file, any other one a keeper."""
    found = []
    for number, name in enumerate(assembly.model.style.references):
        if not name.lower().endswith(PICTURES):
            found.append(Reference(name))
            continue
        try:
            file = beside(path.parent, name, PICTURES, "picture")
            data = read_bytes(file, str(file), MOST_BYTES)
            check_picture(data, str(file))
            found.append(Reference(name, str(file), sha256_hex(data)))
        except InvalidValue as refusal:
            assembly.refuse(assembly.place("style", "references", number), "style.references", refusal)
        except NotReadable as stop:
            assembly.errors.append(stop.error)
        except UsageError as error:
            got, _, allowed = str(error).removeprefix(f"{file}: got ").partition("; allowed: ")
            assembly.errors.append(SpecError(Place(str(file), 1, 1), "style.references", got, allowed.rstrip(".")))
    return tuple(found)
