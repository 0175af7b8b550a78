"""The registry: names → checkpoints, from the project's own file and the user's, with every fact's source.

Files are read in order: ``checkpoints.yaml``, ``starter/registry.yaml`` (hashes of the embedded models), then the
user's. A later file may add names, and may say of a known name where its files are and what they hash to; what is known
of a name's rights stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from specs.boundary.files import has_file, has_folder, real_path
from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.errors import InvalidValue, RegistryErrors, SpecError, UsageError
from specs.reading.document import Node, NotReadable, decode, parse, read_bytes
from specs.reading.report import UNKNOWN_KEY, validate
from specs.registry.folder import inspect_folder
from specs.registry.schema import ChangeModel, EntryModel, FileModel, LicenceModel, SourceModel, StarterModel
from specs.values.checks import listed, near, show

OWN_FILE = Path(__file__).with_name("checkpoints.yaml")
STARTER_FILE = Path(__file__).parents[2] / "starter" / "registry.yaml"
HUB = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([^@]*))?")
REVISION = re.compile(r"[0-9a-f]{40}")
STARTER_NAMES = {"starter-image": "starter"}
NO_ENTRY = "nothing in the registry says what it is or what it was made from"


@dataclass(frozen=True, slots=True)
class Registry:
    """All known checkpoints by name, image models and scorers alike.

    ``unsized``: names whose entries do not say their sizes, which are then read from their folder, if they have one.
    """

    checkpoints: Mapping[str, Checkpoint]
    unsized: Set[str] = frozenset()

    def resolve(self, name: str, base: Path) -> Checkpoint:
        """The checkpoint of that name; or of a local folder (relative to ``base``, the spec's folder); or of
        ``owner/name@<40 hex>``. Raises UsageError with near names where there is none."""
        known = self.checkpoints.get(name)
        if known is not None:
            return _sized(known) if name in self.unsized else known
        if name.startswith(("./", "../", "/", "~", ".\\")) or has_folder(base / name):
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
    reading = _Reading({}, {}, set(), [])
    reading.guarded(reading.read, OWN_FILE)
    if STARTER_FILE.is_file():
        reading.guarded(reading.read_starter, STARTER_FILE)
    seen = {OWN_FILE.resolve(), STARTER_FILE.resolve()}
    for path in extra:
        if path.resolve() not in seen:  # a spec may lie beside a file that is also given by name
            reading.guarded(reading.read, path)
        seen.add(path.resolve())
    if reading.errors:
        raise RegistryErrors(reading.errors)
    return Registry(reading.checkpoints, frozenset(reading.unsized))


def _sized(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with the sizes that its folder says, when it is a diffusers folder on this machine."""
    folder = Path(checkpoint.source.folder or "")
    if checkpoint.source.folder is None or not has_file(folder / "model_index.json"):
        return checkpoint
    facts = inspect_folder(folder)
    return replace(checkpoint, multiple_px=facts.multiple_px, native_px=facts.native_px)


def folder_checkpoint(name: str, base: Path) -> Checkpoint:
    """A checkpoint that is only a folder: its architecture is read from it, its licence and lineage are unknown."""
    folder = real_path(base, name)
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


@dataclass(slots=True)
class _Reading:
    """What the files read so far say."""

    checkpoints: dict[str, Checkpoint]
    licences: dict[str, LicenceModel]
    unsized: set[str]
    errors: list[SpecError]

    def guarded(self, read: Callable[[Path], None], path: Path) -> None:
        """Reads a file; one that cannot be read is an error like the others."""
        try:
            read(path)
        except NotReadable as stop:
            self.errors.append(stop.error)

    def tree(self, path: Path) -> Node:
        """The tree of a file, the errors of its form told."""
        shown = str(path)
        root, errors = parse(decode(read_bytes(path, shown), shown), shown)
        self.errors.extend(errors)
        return root

    def read_starter(self, path: Path) -> None:
        """The hashes of the embedded models, as ``python -m starter.pin`` writes them."""
        checked = validate(StarterModel, self.tree(path))
        self.errors.extend(checked.errors)
        for name, model in (checked.model.models if checked.model is not None else {}).items():
            known = self.checkpoints.get(STARTER_NAMES.get(name, name))
            if known is not None:
                self.checkpoints[known.name] = replace(known, files=_files(model.files))

    def read(self, path: Path) -> None:
        """Adds one file's entries to those of the files before it."""
        root = self.tree(path)
        checked = validate(FileModel, root, stand_ins={"checkpoints": {}})
        self.errors.extend(checked.errors)
        if checked.model is None:
            return
        self.licences.update(checked.model.licences)
        for name in checked.model.checkpoints:
            node = root.find(("checkpoints", name))
            earlier = self.checkpoints.get(name)
            if earlier is not None:
                self.change(earlier, node, path)
            else:
                self.add(name, node, path)

    def add(self, name: str, node: Node, path: Path) -> None:
        """A new name."""
        checked = validate(EntryModel, node)
        model = checked.model
        self.errors.extend(checked.errors)
        if model is None or checked.errors:
            return
        licence = self.licences.get(model.licence, LicenceModel())
        facts = model.architecture_facts
        if model.multiple_px is None:
            self.unsized.add(name)
        self.checkpoints[name] = Checkpoint(
            name=name,
            architecture=model.architecture,
            source=_source(model.source, path),
            files=_files(model.files),
            licence=model.licence,
            status=Status(model.status),
            commercial=model.commercial if model.commercial is not None else licence.commercial,
            use_restrictions=tuple(dict.fromkeys([*licence.use_restrictions, *model.use_restrictions])),
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

    def change(self, earlier: Checkpoint, node: Node, path: Path) -> None:
        """What a user's file says of a known name: where its files are, what they hash to, how it is scored."""
        checked = validate(ChangeModel, node)
        model = checked.model
        self.errors.extend(_about_facts(error, earlier) for error in checked.errors)
        if model is None or checked.errors:
            return
        files = _files(model.files)
        known = {file.path: file.sha256 for file in earlier.files}
        for file in files:
            if known.get(file.path, file.sha256) != file.sha256:
                allowed = f"{known[file.path]}, as {earlier.registry_path} says"
                refusal = InvalidValue(file.sha256, allowed, mend="give other weights another name")
                self.errors.append(SpecError.refused(node.find(("files", file.path)).place, file.path, refusal))
        self.checkpoints[earlier.name] = replace(
            earlier,
            source=_source(model.source, path) if model.source is not None else earlier.source,
            files=files or earlier.files,
            scorers=model.scorers.pairs() or earlier.scorers,
            registry_path=str(path),
        )


def _about_facts(error: SpecError, earlier: Checkpoint) -> SpecError:
    """Says, where a user's file speaks of rights, that those of a known name stay as they are."""
    if error.what != UNKNOWN_KEY or error.got.strip("'") not in EntryModel.model_fields:
        return error
    allowed = f"{error.allowed} (the facts of {earlier.name} are those of {Path(earlier.registry_path).name})"
    return replace(error, allowed=allowed, mean="", mend="give your own weights another name")


def _source(source: SourceModel | None, path: Path) -> Source:
    if source is None:
        return Source()
    if source.folder is not None:
        return Source(folder=str(real_path(path.parent, source.folder)))
    return Source(repo_id=source.hub, revision=source.revision)


def _files(files: Mapping[str, str]) -> tuple[WeightFile, ...]:
    return tuple(WeightFile(path, digest.removeprefix("sha256:")) for path, digest in sorted(files.items()))
