"""The registry: names → checkpoints, from the project's own file and the user's, with every fact's source.

Files are read in order: ``specs/checkpoints.yaml``, ``starter/registry.yaml`` (hashes of the embedded models), then the
user's. A later file may add names, and may say of a known name where its files are and what they hash to; what is known
of a name's rights stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.checks import listed, near, show
from specs.document import Node, NotReadable, decode, parse, read_bytes
from specs.errors import Refusal, RegistryErrors, SpecError, UsageError
from specs.folder import inspect_folder
from specs.registry_schema import ChangeModel, EntryModel, FileModel, SourceModel
from specs.report import validate

OWN_FILE = Path(__file__).with_name("checkpoints.yaml")
STARTER_FILE = Path(__file__).parent.parent / "starter" / "registry.yaml"
HUB = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([^@]*))?")
REVISION = re.compile(r"[0-9a-f]{40}")
NO_ENTRY = "nothing in the registry says what it is or what it was made from"


@dataclass(frozen=True, slots=True)
class Registry:
    """All known checkpoints by name, image models and scorers alike."""

    checkpoints: Mapping[str, Checkpoint]

    def resolve(self, name: str, base: Path) -> Checkpoint:
        """The checkpoint of that name; or of a local folder (relative to ``base``, the spec's folder); or of
        ``owner/name@<40 hex>``. Raises UsageError with near names where there is none."""
        known = self.checkpoints.get(name)
        if known is not None:
            return known
        if name.startswith(("./", "../", "/", "~", ".\\")) or (base / name).is_dir():
            return folder_checkpoint(name, base)
        hub = HUB.fullmatch(name)
        if hub is not None:
            return self._from_hub(name, hub[1], hub[2] or "")
        raise _unknown(name, near(name, self.checkpoints), self.checkpoints)

    def _from_hub(self, name: str, repo_id: str, revision: str) -> Checkpoint:
        for entry in self.checkpoints.values():
            if entry.source.repo_id == repo_id and (not revision or revision == entry.source.revision):
                if revision:
                    return entry
                raise _unknown(name, f"'{entry.name}'", self.checkpoints)
        if not REVISION.fullmatch(revision):
            got = f"{show(name)} {'with a revision that is not 40 hex digits' if revision else 'without a revision'}"
            allowed = f"{repo_id}@ and the 40 hex digits of a commit: a branch's name would not pin the weights"
            raise UsageError(f"checkpoint: got {got}; allowed: {allowed}")
        source = Source(repo_id=repo_id, revision=revision)
        return Checkpoint(name, "unknown", source, (), "unknown", Status.UNKNOWN, None, notes=NO_ENTRY)


def load_registry(extra: Sequence[Path] = ()) -> Registry:
    """The registry of the project with the user's files after it; raises RegistryErrors with all that is wrong."""
    files = [OWN_FILE, *([STARTER_FILE] if STARTER_FILE.is_file() else []), *extra]
    checkpoints: dict[str, Checkpoint] = {}
    errors: list[SpecError] = []
    for path in files:
        try:
            errors.extend(_read(path, checkpoints))
        except NotReadable as stop:
            errors.append(stop.error)
    if errors:
        raise RegistryErrors(errors)
    return Registry(checkpoints)


def folder_checkpoint(name: str, base: Path) -> Checkpoint:
    """A checkpoint that is only a folder: its architecture is read from it, its licence and lineage are unknown."""
    folder = (base / Path(name).expanduser()).resolve()
    facts = inspect_folder(folder)
    return Checkpoint(
        name,
        facts.architecture,
        Source(folder=str(folder)),
        (),
        "unknown",
        Status.UNKNOWN,
        None,
        multiple_px=facts.multiple_px,
        native_px=facts.native_px,
        notes=NO_ENTRY,
    )


def _unknown(name: str, mean: str, names: Mapping[str, Checkpoint]) -> UsageError:
    allowed = f"{listed(sorted(names))}, a local folder (./…), or owner/name@ and a 40-hex revision"
    tail = f"; did you mean {mean}?" if mean else ""
    return UsageError(f"checkpoint: got {show(name)}; allowed: {allowed}{tail}")


def _read(path: Path, checkpoints: dict[str, Checkpoint]) -> list[SpecError]:
    """Adds one file's entries to those of the files before it; returns what is wrong with it."""
    shown = str(path)
    root, errors = parse(decode(read_bytes(path, shown), shown), shown)
    checked = validate(FileModel, root, stand_ins={"checkpoints": {}})
    errors.extend(checked.errors)
    entries = root.find(("checkpoints",))
    for name, node in (entries.entries or {}).items() if entries is not root else ():
        earlier = checkpoints.get(name)
        if ("checkpoints", name) in checked.dropped:
            continue
        if earlier is not None and path not in (OWN_FILE, STARTER_FILE):
            errors.extend(_change(earlier, node, path, checkpoints))
        else:
            errors.extend(_add(name, earlier, node, path, checkpoints))
    return errors


def _add(
    name: str, earlier: Checkpoint | None, node: Node, path: Path, checkpoints: dict[str, Checkpoint]
) -> list[SpecError]:
    checked = validate(EntryModel, node)
    model = checked.model
    if model is None or checked.errors:
        return checked.errors
    facts = model.architecture_facts
    checkpoints[name] = Checkpoint(
        name=name,
        architecture=model.architecture,
        source=_source(model.source, path),
        files=_files(model.files) or (earlier.files if earlier else ()),
        licence=model.licence,
        status=Status(model.status),
        commercial=model.commercial,
        use_restrictions=tuple(model.use_restrictions),
        parents=tuple(model.parents),
        training_data=tuple(model.training_data),
        lineage_known=model.lineage_known,
        multiple_px=model.multiple_px or facts.multiple_px,
        native_px=model.native_px or facts.native_px,
        trigger_note=model.trigger_note,
        notes=model.notes,
        scorers=model.scorers.pairs(),
        registry_path=str(path),
    )
    return []


def _change(earlier: Checkpoint, node: Node, path: Path, checkpoints: dict[str, Checkpoint]) -> list[SpecError]:
    checked = validate(ChangeModel, node)
    model = checked.model
    errors = [
        SpecError(
            error.place,
            error.what,
            error.got,
            f"{error.allowed} (the facts of {earlier.name} are in {earlier.registry_path})",
            mend="give your own weights another name",
        )
        if error.what == "unknown key" and error.got.strip("'") in EntryModel.model_fields
        else error
        for error in checked.errors
    ]
    if model is None or errors:
        return errors
    files = _files(model.files)
    for old, new in ((old, new) for old in earlier.files for new in files if old.path == new.path):
        if old.sha256 != new.sha256:
            place = node.find(("files", new.path)).place
            refusal = Refusal(new.sha256, f"{old.sha256}, as {earlier.registry_path} says")
            return [SpecError.refused(place, f"files.{new.path}", refusal)]
    checkpoints[earlier.name] = replace(
        earlier,
        source=_source(model.source, path) if model.source is not None else earlier.source,
        files=files or earlier.files,
        scorers=model.scorers.pairs() or earlier.scorers,
        registry_path=str(path),
    )
    return []


def _source(source: SourceModel | None, path: Path) -> Source:
    if source is None:
        return Source()
    if source.folder is not None:
        return Source(folder=str((path.parent / Path(source.folder).expanduser()).resolve()))
    return Source(repo_id=source.hub, revision=source.revision)


def _files(files: Mapping[str, str]) -> tuple[WeightFile, ...]:
    return tuple(WeightFile(path, digest) for path, digest in sorted(files.items()))
