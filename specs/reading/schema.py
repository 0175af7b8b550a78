"""The YAML model of a spec: which keys there are, what each may hold.

Pydantic stays at this edge: ``assemble.py`` turns these models into the plain values of ``spec.py``, and
``editor_schema.py`` writes what editors read.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from specs.defect_names import ALLOWABLE, NEVER_ALLOWED
from specs.errors import InvalidValue
from specs.job import SEED_LIMIT
from specs.prompts.dialects import PLAIN
from specs.samplers import FAMILY_NAMES, SCHEDULERS, SCHEDULES, meant_by
from specs.values.checks import CELL, Check, many, name, number, one_of, pattern, show, text, truth, whole
from specs.values.cron import CRON
from specs.values.fields import Checked, Strict, within
from specs.values.time_zones import TIMEZONE

MOST_CANDIDATES = 10_000
MOST_ROWS = 100_000
LIKENESS_TO = ("library", "set")
USES = ("commercial", "noncommercial", "internal")


SET_NAME = name("a set's name")
ASSET_ID = name("an id")
COUNT = whole(1, MOST_CANDIDATES)
SEED = whole(0, SEED_LIMIT - 1)
SEEDS = many(SEED, MOST_CANDIDATES, least=1)
TITLE = text(200)
PROMPT = text(2000)
NEGATIVE = text(2000, least=0)
SCHEDULER_ALLOWED = f"{', '.join(FAMILY_NAMES)}; some with -{', -'.join(SCHEDULES)}"
SIZE = whole(64, 4096, multiple=8)
SIZE_KEYS = ("width_px", "height_px", "trim_mm", "bleed_mm", "dpi")
REFERENCES = many(text(500, "a picture's file, or a keeper as set/asset or by its hash"), 32)
REASON = text(2000, "a reason in your own words, at least 10 characters", least=10)

SetName = Annotated[str, Checked(SET_NAME)]
AssetId = Annotated[str, Checked(ASSET_ID)]
Count = Annotated[int, Checked(COUNT)]
Seed = Annotated[int, Checked(SEED)]
Seeds = Annotated[tuple[int, ...] | None, Checked(SEEDS)]
Title = Annotated[str, Checked(TITLE)]
Prompt = Annotated[str, Checked(PROMPT)]
Negative = Annotated[str, Checked(NEGATIVE)]
Size = Annotated[int | None, Checked(SIZE)]
Words = Annotated[str, Checked(text(120))]
Registered = Annotated[str, Checked(pattern(r"[a-z0-9][a-z0-9.-]{0,63}", "a name in the registry, or none", 64))]


class StyleModel(Strict):
    """What all assets share."""

    prompt: Prompt = Field(
        default="", description="Template of the prompt: {column} stands for a column of the asset's row."
    )
    negative: Negative = Field(
        default="", description="Template of the negative prompt: what should not be in the picture."
    )
    references: Annotated[tuple[str, ...], Checked(REFERENCES)] = Field(
        default=(),
        description="Pictures whose look the set should have: files beside the spec, or keepers (set/asset, hash).",
    )
    syntax: Annotated[str | None, Checked(one_of([PLAIN]))] = Field(
        default=None,
        description="plain: brackets, <lora:…>, BREAK and the like are meant as text. Without it they are told of.",
    )


class PictureChange(Strict):
    """Size and sampling, each key optional: what an asset changes of the set's picture."""

    width_px: Size = Field(default=None, description="Width in pixels, a multiple of 8; with height_px.")
    height_px: Size = Field(default=None, description="Height in pixels, a multiple of 8; with width_px.")
    trim_mm: Annotated[tuple[float, float] | None, Checked(many(number(5, 1000), 2, False, exactly=2))] = Field(
        default=None,
        description="Print size after cutting, [width, height] in mm; with dpi, instead of width_px and height_px.",
    )
    bleed_mm: Annotated[float | None, within(0, 20)] = Field(
        default=None, description="What is printed beyond the cut on each side, in mm; with trim_mm. Default 0."
    )
    dpi: Annotated[int | None, Checked(whole(30, 1200))] = Field(
        default=None, description="Print resolution in dots per inch; with trim_mm."
    )
    safe_mm: Annotated[float | None, within(0, 100)] = Field(
        default=None,
        description="How far inside the cut the subject must stay on each side, in mm; with trim_mm. Default: unasked.",
    )
    min_dpi: Annotated[int | None, Checked(whole(30, 1200))] = Field(
        default=None, description="Dots per inch that printing needs; fewer are a defect, low_dpi. Default: not asked."
    )
    tiles: Annotated[bool | None, Checked(truth())] = Field(
        default=None,
        description="A texture that repeats: a seam at its border is a defect. Default false.",
    )
    steps: Annotated[int | None, Checked(whole(1, 200))] = Field(
        default=None, description="Sampling steps. More takes longer; 20 to 30 is usual. Default 20."
    )
    guidance: Annotated[float | None, within(0, 50)] = Field(
        default=None, description="Classifier-free guidance (CFG scale); 1 is none. Default 7."
    )
    scheduler: Annotated[str | None, Checked(one_of(SCHEDULERS, SCHEDULER_ALLOWED, meant_by))] = Field(
        default=None, description="The sampler's short name. Default dpmpp-2m."
    )
    clip_skip: Annotated[int | None, Checked(whole(1, 12))] = Field(
        default=None, description="Which of the text encoder's last layers to read: 1 is the last. Default 1."
    )

    @model_validator(mode="after")
    def size_in_one_way(self) -> PictureChange:
        """Pixels or print, and the chosen one whole."""
        px = {"width_px": self.width_px, "height_px": self.height_px}
        printed = {"trim_mm": self.trim_mm, "dpi": self.dpi}
        given_px = [key for key, value in px.items() if value is not None]
        given_print = [key for key, value in {**printed, "bleed_mm": self.bleed_mm}.items() if value is not None]
        ways = "width_px with height_px, or trim_mm with dpi (and bleed_mm)"
        if given_px and given_print:
            raise InvalidValue(
                " and ".join([given_px[0], given_print[0]]), ways, mend="keep one of the two ways", about=SIZE_KEYS
            )
        if given_px and None in px.values():
            raise InvalidValue(f"{given_px[0]} alone", ways, about=SIZE_KEYS)
        if given_print and None in printed.values():
            raise InvalidValue(f"{' and '.join(given_print)} alone", ways, about=SIZE_KEYS)
        return self

    @property
    def has_size(self) -> bool:
        """Whether a size is given in either way."""
        return self.width_px is not None or self.trim_mm is not None


class PictureModel(PictureChange):
    """Size and sampling of the set's pictures: a size in pixels, or a print size in mm at a resolution."""

    @model_validator(mode="after")
    def size_is_given(self) -> PictureModel:
        """A set says how large its pictures are."""
        if not self.has_size:
            raise InvalidValue("no size", "width_px and height_px, or trim_mm and dpi", about=SIZE_KEYS)
        return self


_ALLOWABLE = one_of(ALLOWABLE)


def _allowed_defect(value: object) -> str:
    if value in NEVER_ALLOWED:
        mend = "take it out: numbers that are not finite, or all black, are no picture, and never kept"
        raise InvalidValue(show(value), _ALLOWABLE.allowed, mend=mend)
    return str(_ALLOWABLE.decide(value))


ALLOWED_DEFECT = Check(_ALLOWABLE.allowed, _allowed_defect, _ALLOWABLE.schema)


class KeepModel(Strict):
    """What a picture must be to be kept. A rule that is not given is not asked for."""

    per_asset: Annotated[int | None, Checked(whole(1, 1000))] = Field(
        default=None, description="How many pictures to keep of each asset. Default 1."
    )
    min_aesthetic: Annotated[float | None, within(0, 10)] = Field(
        default=None, description="Least aesthetic score, 0 to 10."
    )
    min_adherence: Annotated[float | None, within(-1, 1)] = Field(
        default=None, description="Least cosine between picture and prompt, -1 to 1; CLIP gives about 0.2 to 0.35."
    )
    max_likeness: Annotated[float | None, within(0, 1)] = Field(
        default=None, description="Cosine above which a picture counts as the same as one already kept, 0 to 1."
    )
    likeness_to: Annotated[str | None, Checked(one_of(LIKENESS_TO))] = Field(
        default=None,
        description="What max_likeness compares with: keepers of the library, or of this set alone. Default library.",
    )
    max_rank: Annotated[int | None, Checked(whole(1, 1000))] = Field(
        default=None, description="The picture's own prompt must be among this many best matching prompts of the set."
    )
    min_margin: Annotated[float | None, within(-1, 1)] = Field(
        default=None, description="By how much its own prompt must match better than the best other one."
    )
    allow_defects: Annotated[
        tuple[str, ...] | None,
        Checked(many(ALLOWED_DEFECT, 50)),
    ] = Field(default=None, description="Names of defects that do not reject a picture.")
    min_scores: dict[str, Annotated[float, within(-1000, 1000)]] = Field(
        default_factory=dict, description="Least scores of added scorers: their name and the minimum."
    )


class SetKeepModel(KeepModel):
    """Keep rules of the set."""

    reject_pixels: Annotated[str, Checked(one_of(["keep", "drop"]))] = Field(
        default="keep", description="Whether the pixels of rejected pictures stay in the library (keep) or go (drop)."
    )


class RoundsModel(Strict):
    """Candidates in rounds: make `first`, then more up to `at_most` while an asset is short of keepers."""

    first: Count = Field(description="How many to make at once, in each round.")
    at_most: Count = Field(description="How many to make of an asset at most.")

    @model_validator(mode="after")
    def grows(self) -> RoundsModel:
        """at_most is not less than first."""
        if self.at_most < self.first:
            raise InvalidValue(
                f"at_most {self.at_most} with first {self.first}",
                "at_most not less than first",
                about=("first", "at_most"),
            )
        return self


CandidatesField = Annotated[
    Annotated[Count, Tag("[count]")] | Annotated[RoundsModel, Tag("[rounds]")],
    Discriminator(lambda value: "[rounds]" if isinstance(value, dict | RoundsModel) else "[count]"),
]


class AssetModel(BaseModel):
    """One asset. Keys that are not listed here are columns: variables for the templates."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Annotated[str, Checked(CELL)]] = Field(init=False)

    id: AssetId = Field(description="The asset's id, which never changes: its seeds and pictures hang on it.")
    title: Title = Field(default="", description="The name that people read. Default: the id.")
    prompt: Prompt = Field(default="", description="A prompt template instead of the style's.")
    negative: Annotated[str | None, Checked(NEGATIVE)] = Field(
        default=None, description="A negative template instead of the style's."
    )
    candidates: CandidatesField | None = Field(default=None, description="Instead of the set's candidates.")
    seeds: Seeds = Field(default=None, description="The seeds to use, instead of derived ones.")
    keep: KeepModel | None = Field(default=None, description="Keep rules that differ from the set's.")
    picture: PictureChange | None = Field(default=None, description="What differs from the set's picture.")

    @property
    def columns(self) -> dict[str, str]:
        """The row's own columns."""
        return self.__pydantic_extra__ or {}


class RowsModel(Strict):
    """Assets from a table: one row each, column names are the templates' variables."""

    source: Annotated[str, Checked(text(500, "the path of a .csv, .tsv or .xlsx file beside the spec"))] = Field(
        alias="from", description="Path of a .csv, .tsv or .xlsx file, relative to this file's folder."
    )
    sheet: Annotated[str, Checked(text(100))] = Field(
        default="", description="Name of the sheet (.xlsx). Default: the only visible sheet with a column id."
    )
    delimiter: Annotated[str, Checked(one_of([",", ";", "|", "\t"]))] = Field(
        default="", description="What separates the columns (.csv). Default: what a line sep=… says, or a comma."
    )


AssetsField = Annotated[
    Annotated[list[AssetModel], Tag("[rows]")] | Annotated[RowsModel, Tag("[file]")],
    Discriminator(lambda value: "[file]" if isinstance(value, dict | RowsModel) else "[rows]"),
]


class ScheduleModel(Strict):
    """When to make the set anew: only what is new or short of keepers is made."""

    cron: Annotated[str | None, Checked(CRON)] = Field(
        default=None, description="Five cron fields: minute hour day month weekday, such as 0 2 * * *."
    )
    every_s: Annotated[float | None, within(1, 31_536_000)] = Field(
        default=None, description="Instead of cron: an interval in seconds."
    )
    timezone: Annotated[str, Checked(TIMEZONE)] = Field(default="UTC", description="IANA time zone of the cron line.")

    @model_validator(mode="after")
    def one_rhythm(self) -> ScheduleModel:
        """cron or every_s, not both."""
        if (self.cron is None) == (self.every_s is None):
            raise InvalidValue("both" if self.cron else "neither", "one of cron and every_s", about=("cron", "every_s"))
        return self


class RightsModel(Strict):
    """What you take upon yourself about the checkpoint's rights."""

    accept_unknown: Annotated[str, Checked(REASON)] = Field(
        default="", description="Why a checkpoint of unknown licence or lineage may render for this set."
    )


class ScoringModel(Strict):
    """Scorers by their registry names; none does without. Default: the checkpoint's own defaults."""

    clip: Registered | None = Field(default=None, description="The CLIP model of all scores.")
    aesthetic: Registered | None = Field(default=None, description="The aesthetic head.")
    safety: Registered | None = Field(
        default=None, description="The safety checker; none: every picture's safety is unknown."
    )
    second_opinion: Registered | None = Field(
        default=None, description="A head for sexual content; a picture that it or the checker flags is flagged."
    )


class SelectModel(Strict):
    """Weights of the choice of keepers among pictures that pass the keep rules, each 0 or more."""

    aesthetic: Annotated[float, within(0, 100)] = Field(default=1.0, description="Weight of the aesthetic score.")
    adherence: Annotated[float, within(0, 100)] = Field(default=1.0, description="Weight of the match with the prompt.")
    coherence: Annotated[float, within(0, 100)] = Field(
        default=0.5, description="Weight of looking like the rest of the set."
    )
    sameness: Annotated[float, within(0, 100)] = Field(
        default=0.5, description="Weight against looking the same as another."
    )
    taste: Annotated[float, within(0, 100)] = Field(
        default=0.0, description="Weight of the taste that limner taste learned; 0: it ranks and suggests only."
    )


class ContentModel(Strict):
    """What the set's pictures must not show."""

    forbid: list[Words] = Field(
        default_factory=list, max_length=50, description="Concepts in plain words; a picture that shows one is flagged."
    )


class SpecModel(Strict):
    """A limner spec: a set of assets, a style, a checkpoint, a picture size, seeds and keep rules."""

    set: SetName = Field(description="A name of a-z, 0-9 and -, such as tavern-items.")
    title: Title = Field(default="", description="The name that people read. Default: the set's name.")
    use: Annotated[str, Checked(one_of(USES))] = Field(
        default="internal", description="What the pictures are for: the rights gate decides by it. Default internal."
    )
    checkpoint: Annotated[str, Checked(text(500))] = Field(
        description="A name in the registry, a local folder (./…), or owner/name@ and a 40-hex revision."
    )
    style: StyleModel = Field(default=StyleModel(), description="Templates that all assets share.")
    picture: PictureModel = Field(description="Size and sampling: {width_px: …, height_px: …}, or a print size.")
    seed: Seed = Field(default=0, description="The set's seed, from which every asset's seeds are derived. Default 0.")
    seeds: Seeds = Field(default=None, description="The same listed seeds for every asset, instead of derived ones.")
    candidates: CandidatesField | None = Field(default=None, description="Pictures to make of each asset. Default 4.")
    keep: SetKeepModel = Field(default=SetKeepModel(), description="What a picture must be to be kept.")
    select: SelectModel = Field(default=SelectModel(), description="Weights of the choice of keepers.")
    scoring: ScoringModel = Field(default=ScoringModel(), description="Which scorers to use.")
    content: ContentModel = Field(default=ContentModel(), description="What must not be shown.")
    rights: RightsModel = Field(default=RightsModel(), description="Claims about the checkpoint's rights.")
    schedule: ScheduleModel | None = Field(default=None, description="When to make the set anew.")
    assets: AssetsField = Field(description="A list of assets, or {from: cards.csv}.")


TAGS: dict[str, type[BaseModel] | None] = {
    "[count]": None,
    "[rounds]": RoundsModel,
    "[rows]": AssetModel,
    "[file]": RowsModel,
}
