"""Reading files of checkpoints, one after the other: what each may add to those before, and may not change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from specs.boundary.files import real_path
from specs.checkpoint import NOBODY, SHIPPED, Checkpoint, Source, Status, WeightFile
from specs.errors import InvalidValue, SpecError
from specs.reading.document import Node, NotReadable, decode, parse, read_bytes
from specs.reading.report import UNKNOWN_KEY, validate
from specs.registry.schema import ChangeModel, EntryModel, FileModel, LicenceModel, SourceModel, StarterModel
from specs.spec import Place
from specs.values.checks import listed, near, show

STARTER_NAMES = {"starter-image": "starter"}
ANOTHER_NAME = "give other weights another name"
ONE_WORD = re.compile(r"[^\s/()]+")


def as_name(parent: str) -> str:
    """A parent in words (``Stable Diffusion 1.4``) as the registry would name it."""
    return parent.casefold().replace(" ", "-")


@dataclass(slots=True)
class Reading:
    """What the files read so far say; ``own`` is limner's own file, the others are the user's."""

    own: Path
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    licences: dict[str, LicenceModel] = field(default_factory=dict)
    unsized: set[str] = field(default_factory=set)
    errors: list[SpecError] = field(default_factory=list)
    parents: list[tuple[Place, str]] = field(default_factory=list)

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
        self.read_licences(checked.model.licences, root)
        for name in checked.model.checkpoints:
            node = root.find(("checkpoints", name))
            earlier = self.checkpoints.get(name)
            if earlier is not None:
                self.change(earlier, node, path)
            else:
                self.add(name, node, path)

    def read_licences(self, licences: Mapping[str, LicenceModel], root: Node) -> None:
        """What a file says of licences: of a known one, nothing else than is known."""
        for name, model in licences.items():
            known = self.licences.setdefault(name, model)
            if known != model:
                allowed = f"{_terms(known)}, as an earlier file says"
                refusal = InvalidValue(_terms(model), allowed, mend="give other terms another name")
                self.errors.append(SpecError.refused(root.key_place(("licences", name)), f"licences.{name}", refusal))

    def check_parents(self) -> None:
        """A parent that is one word is a name of some file that was read: a slip would hide what it was made from."""
        for place, parent in self.parents:
            if ONE_WORD.fullmatch(parent) and as_name(parent) not in self.checkpoints:
                allowed = "a name of the registry, or a description of several words"
                refusal = InvalidValue(show(parent), allowed, near(parent, self.checkpoints))
                self.errors.append(SpecError.refused(place, "parents", refusal))

    def word(self, place: Place) -> str:
        """Whose word stands at a place: limner's, or a user's file and line."""
        return SHIPPED if place.path == str(self.own) else f"{place.path}:{place.line}"

    def files_word(self, model: ChangeModel, node: Node) -> str:
        """Whose word the files are, "" where an entry says nothing of them."""
        if not model.files and model.source is None:
            return ""
        return self.word(node.key_place(("files" if model.files else "source",)))

    def add(self, name: str, node: Node, path: Path) -> None:
        """A new name."""
        checked = validate(EntryModel, node)
        model = checked.model
        self.errors.extend(checked.errors)
        if model is None or checked.errors:
            return
        if model.status == Status.VERIFIED and path != self.own:
            allowed = "declared, unknown or refused: verified is said where limner's makers compared the hashes"
            refusal = InvalidValue(show(model.status), allowed, mend="say declared if you or its makers say so")
            self.errors.append(SpecError.refused(node.find(("status",)).place, "status", refusal))
        self.parents += [(node.find(("parents", row)).place, parent) for row, parent in enumerate(model.parents)]
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
            licence_from=self.word(node.find(("licence",)).place),
            files_from=self.files_word(model, node) or NOBODY,
        )

    def change(self, earlier: Checkpoint, node: Node, path: Path) -> None:
        """What a later file says of a known name: where its files are, what they hash to, how it is scored."""
        checked = validate(ChangeModel, node)
        model = checked.model
        self.errors.extend(_about_facts(error, earlier) for error in checked.errors)
        if model is None or checked.errors:
            return
        files = _files(model.files)
        source = _source(model.source, path) if model.source is not None else earlier.source
        self.contradictions(earlier, files, source, node)
        self.checkpoints[earlier.name] = replace(
            earlier,
            source=source,
            files=earlier.files or files,
            scorers=model.scorers.pairs() or earlier.scorers,
            registry_path=str(path),
            files_from=earlier.files_from if earlier.files else self.files_word(model, node) or earlier.files_from,
        )

    def contradictions(self, earlier: Checkpoint, files: Sequence[WeightFile], source: Source, node: Node) -> None:
        """Refuses other files than are known of a name: pinned hashes, the revision of a repository."""
        known = {file.path: file.sha256 for file in earlier.files}
        says = f"as {earlier.files_from} says"
        for file in files if known else ():
            if known.get(file.path) != file.sha256:
                allowed = f"{known[file.path]}, {says}" if file.path in known else f"{listed(known)}, {says}"
                refusal = InvalidValue(file.sha256, allowed, mend=ANOTHER_NAME)
                self.errors.append(SpecError.refused(node.find(("files", file.path)).place, file.path, refusal))
        revision = earlier.source.revision
        if revision and source.repo_id == earlier.source.repo_id and source.revision != revision:
            refusal = InvalidValue(source.revision or "none", f"{revision}, {says}", mend=ANOTHER_NAME)
            self.errors.append(SpecError.refused(node.find(("source", "revision")).place, "source.revision", refusal))


def _about_facts(error: SpecError, earlier: Checkpoint) -> SpecError:
    """Says, where a user's file speaks of rights, that those of a known name stay as they are."""
    if error.what != UNKNOWN_KEY or error.got.strip("'") not in EntryModel.model_fields:
        return error
    allowed = f"{error.allowed} (the facts of {earlier.name} are those of {Path(earlier.registry_path).name})"
    return replace(error, allowed=allowed, mean="", mend="give your own weights another name")


def _terms(licence: LicenceModel) -> str:
    return f"commercial: {show(licence.commercial)}, use_restrictions: {listed(licence.use_restrictions) or 'none'}"


def _source(source: SourceModel | None, path: Path) -> Source:
    if source is None:
        return Source()
    if source.folder is not None:
        return Source(folder=str(real_path(path.parent, source.folder)))
    return Source(repo_id=source.hub, revision=source.revision)


def _files(files: Mapping[str, str]) -> tuple[WeightFile, ...]:
    return tuple(WeightFile(path, digest.removeprefix("sha256:")) for path, digest in sorted(files.items()))
