"""The YAML model of a file of checkpoints."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from specs.checkpoint import IMAGE_ARCHITECTURES, SCORER_ARCHITECTURES, Architecture, Status
from specs.errors import InvalidValue
from specs.values.checks import Check, one_of, pattern, show, text, truth, whole
from specs.values.fields import Checked, Strict

DIGEST = pattern("[0-9a-f]{64}", "64 lower-case hex digits", 64)
TAGGED_DIGEST = pattern("(?:sha256:)?[0-9a-f]{64}", "sha256: and 64 lower-case hex digits", 71)
LINE = text(1000)
LICENCE = pattern(r"unknown|(?:LicenseRef-)?[A-Za-z0-9][A-Za-z0-9.+-]*", "an SPDX id, LicenseRef-… or unknown")
Line = Annotated[str, Checked(LINE)]
ARCHITECTURES = (*IMAGE_ARCHITECTURES, *SCORER_ARCHITECTURES)
CHECKPOINT_NAME = pattern(r"[a-z0-9][a-z0-9.-]{0,63}", "a name of a-z, 0-9, . and -", 64)


def _file_path(value: object) -> str:
    allowed = "a relative path below the checkpoint's folder, with / between folders"
    if not isinstance(value, str) or value.startswith(("/", "~")) or "\\" in value or ".." in value.split("/"):
        raise InvalidValue(show(value), allowed)
    return value


FilePath = Annotated[str, Checked(Check("a relative path", _file_path, {"type": "string"}))]
Files = dict[FilePath, Annotated[str, Checked(DIGEST)]]


class SourceModel(Strict):
    """Where the files are: a local folder, or a hub repository at a revision."""

    folder: Annotated[str | None, Checked(text(1000))] = Field(
        default=None, description="A local folder, relative to this file."
    )
    hub: Annotated[str | None, Checked(pattern(r"[\w][\w.-]*/[\w][\w.-]*", "owner/name"))] = Field(
        default=None, description="A hub repository, as owner/name."
    )
    revision: Annotated[str | None, Checked(pattern("[0-9a-f]{40}", "the 40 hex digits of a commit"))] = Field(
        default=None, description="The commit of the hub repository; without it, only a local folder can be used."
    )

    @model_validator(mode="after")
    def one_place(self) -> SourceModel:
        """A folder, or a repository."""
        if (self.folder is None) == (self.hub is None):
            raise InvalidValue("both" if self.folder else "neither", "one of folder and hub", about=("folder", "hub"))
        if self.folder is not None and self.revision is not None:
            raise InvalidValue("a revision for a folder", "a revision with hub only", about=("revision",))
        return self


class ScorersModel(Strict):
    """Default scorers of an image model, by their names in the registry."""

    clip: Annotated[str, Checked(CHECKPOINT_NAME)] = Field(default="", description="CLIP model.")
    aesthetic: Annotated[str, Checked(CHECKPOINT_NAME)] = Field(default="", description="Aesthetic head.")
    safety: Annotated[str, Checked(CHECKPOINT_NAME)] = Field(default="", description="Safety checker.")
    second_opinion: Annotated[str, Checked(CHECKPOINT_NAME)] = Field(
        default="", description="A further head for sexual content."
    )

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(role, name), sorted by role, without the roles that are not given."""
        return tuple(sorted((role, name) for role, name in self.model_dump().items() if name))


class ChangeModel(Strict):
    """What a later file may say of a name that is known already."""

    source: SourceModel | None = Field(default=None, description="Where the files are.")
    files: Files = Field(default_factory=dict, description="SHA-256 of each file that loading reads.")
    scorers: ScorersModel = Field(default=ScorersModel(), description="Default scorers of this image model.")


class EntryModel(ChangeModel):
    """One checkpoint, with what is known of its rights and where that is known from."""

    title: Line = Field(default="", description="The name that people read.")
    architecture: Annotated[str, Checked(one_of(ARCHITECTURES))] = Field(description="What the loader builds")
    licence: Annotated[
        str,
        Checked(LICENCE),
    ] = Field(description="SPDX id, LicenseRef-… or unknown")
    commercial: Annotated[bool | None, Checked(truth())] = Field(
        default=None, description="Whether what it makes may be used commercially; left out: as its licence says."
    )
    use_restrictions: list[Line] = Field(default_factory=list, description="Uses that the licence forbids.")
    parents: list[Line] = Field(default_factory=list, description="The checkpoints that it was made from.")
    training_data: list[Line] = Field(default_factory=list, description="What it was trained on, as far as known.")
    lineage_known: Annotated[bool, Checked(truth())] = Field(
        default=False, description="Whether the makers, and all weights that it was made from, are known."
    )
    status: Annotated[str, Checked(one_of([status.value for status in Status]))] = Field(
        description="declared, unknown or refused; verified in limner's own file alone"
    )
    multiple_px: Annotated[int | None, Checked(whole(1, 128))] = Field(
        default=None, description="Widths and heights are multiples of this."
    )
    native_px: Annotated[int | None, Checked(whole(16, 4096))] = Field(
        default=None, description="The side it was trained at."
    )
    trigger_note: Line = Field(default="", description="What a prompt should say to get its style.")
    notes: Line = Field(default="", description="What else a user should know.")
    facts_from: list[Line] = Field(default_factory=list, description="Where these facts were read.")

    @property
    def architecture_facts(self) -> Architecture:
        """The architecture's size rules (for scorers: the usual CLIP input)."""
        return IMAGE_ARCHITECTURES.get(self.architecture, Architecture(self.architecture, 1, 224))


class LicenceModel(Strict):
    """What a licence says, once for all checkpoints under it."""

    commercial: Annotated[bool | None, Checked(truth())] = Field(
        default=None, description="Whether what the model makes may be used commercially; left out: unknown."
    )
    use_restrictions: list[Line] = Field(default_factory=list, description="Uses that the licence forbids.")


class FileModel(Strict):
    """A file of checkpoints: each name once."""

    licences: dict[Annotated[str, Checked(LICENCE)], LicenceModel] = Field(
        default_factory=dict, description="SPDX id or LicenseRef-… → what it says"
    )

    checkpoints: dict[Annotated[str, Checked(CHECKPOINT_NAME)], Any] = Field(description="name → what is known of it")


class StarterEntryModel(Strict):
    """One embedded model, as ``starter/pin.py`` writes it."""

    kind: Line
    folder: Line
    licence: Line
    files: dict[FilePath, Annotated[str, Checked(TAGGED_DIGEST)]]


class StarterModel(Strict):
    """``starter/registry.yaml``."""

    models: dict[str, StarterEntryModel]
