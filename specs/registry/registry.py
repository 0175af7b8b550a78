"""The registry: names → checkpoints, from the project's own file and the user's, with every fact's source.

Files are read in order: ``checkpoints.yaml``, ``starter/registry.yaml`` (hashes of the embedded models), then the
user's. A later file may add names, and may say of a known name where its files are and, where no earlier one does, what
they hash to. What is known of a name stays as it is; ``verified`` are pinned hashes of limner's own files alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from specs.boundary.files import has_file, has_folder, real_path
from specs.checkpoint import NOBODY, SHIPPED, Checkpoint, Source, Status
from specs.errors import RegistryErrors, UsageError
from specs.registry.folder import inspect_folder
from specs.registry.reading import Reading, as_name
from specs.values.checks import listed, near, show

OWN_FILE = Path(__file__).with_name("checkpoints.yaml")
STARTER_FILE = Path(__file__).parents[2] / "starter" / "registry.yaml"
HUB = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([^@]*))?")
REVISION = re.compile(r"[0-9a-f]{40}")
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

    def ancestors(self, checkpoint: Checkpoint) -> tuple[Checkpoint, ...]:
        """The known checkpoints that it was made from, and what they were made from, each once."""
        found: dict[str, Checkpoint] = {}
        parents = [*checkpoint.parents]
        while parents:
            known = self.checkpoints.get(as_name(parents.pop(0)))
            if known is not None and known.name not in found:
                found[known.name] = known
                parents += known.parents
        return tuple(found.values())

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
        return _without_entry(name, "unknown", source)


def load_registry(extra: Sequence[Path] = ()) -> Registry:
    """The registry of the project with the user's files after it; raises RegistryErrors with all that is wrong."""
    reading = Reading(OWN_FILE)
    reading.guarded(reading.read, OWN_FILE)
    if STARTER_FILE.is_file():
        reading.guarded(reading.read_starter, STARTER_FILE)
    seen = {OWN_FILE.resolve(), STARTER_FILE.resolve()}
    for path in extra:
        if path.resolve() not in seen:  # a spec may lie beside a file that is also given by name
            reading.guarded(reading.read, path)
        seen.add(path.resolve())
    reading.check_parents()
    if reading.errors:
        raise RegistryErrors(reading.errors)
    return Registry(
        {name: _as_far_as_verified(one) for name, one in reading.checkpoints.items()}, frozenset(reading.unsized)
    )


def _as_far_as_verified(checkpoint: Checkpoint) -> Checkpoint:
    """Declared, where it says verified and limner's own files pin no hashes."""
    pinned = checkpoint.files and checkpoint.files_from == SHIPPED
    if checkpoint.status is not Status.VERIFIED or pinned:
        return checkpoint
    return replace(checkpoint, status=Status.DECLARED)


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
    checkpoint = _without_entry(name, facts.architecture, Source(folder=str(folder)))
    return replace(checkpoint, multiple_px=facts.multiple_px, native_px=facts.native_px)


def _without_entry(name: str, architecture: str, source: Source) -> Checkpoint:
    """A checkpoint of which no file says anything."""
    return Checkpoint(
        name,
        architecture,
        source,
        (),
        "unknown",
        Status.UNKNOWN,
        None,
        notes=NO_ENTRY,
        licence_from=NOBODY,
        files_from=NOBODY,
    )


def _unknown(name: str, mean: str, names: Mapping[str, Checkpoint]) -> UsageError:
    allowed = f"{listed(sorted(names))}, a local folder (./…), or owner/name@ and a 40-hex revision"
    tail = f"; did you mean {mean}?" if mean else ""
    return UsageError(f"checkpoint: got {show(name)}; allowed: {allowed}{tail}")
