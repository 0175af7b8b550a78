"""Spec and Asset: what a YAML file asks for, as plain frozen values (the YAML model lives in ``schema.py``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file, 1-based; ``str()`` gives ``path:line:column``, in a workbook ``path:Sheet!B7``."""

    path: str
    line: int
    column: int
    cell: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.cell}" if self.cell else f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class PrintSize:
    """A print size: trim in mm (width, height), bleed on each side in mm, resolution in dots per inch."""

    trim_mm: tuple[float, float]
    bleed_mm: float
    dpi: int


@dataclass(frozen=True, slots=True)
class Picture:
    """How to render: either a size in pixels or a print size, the other is None."""

    width_px: int | None
    height_px: int | None
    print_size: PrintSize | None
    steps: int
    guidance: float
    scheduler: str
    clip_skip: int = 1
    safe_mm: float | None = None  # inside the trim, on each side; None = not asked for
    min_dpi: int | None = None
    tiles: bool = False


@dataclass(frozen=True, slots=True)
class KeepRules:
    """What a keeper must be. None means that the rule is not asked for.

    ``min_aesthetic`` 1–10 (the head's scale), ``min_adherence`` cosine −1…1, ``max_likeness`` cosine above which a
    picture counts as the same as a keeper of the library, or of this set alone (``likeness_to``); ``max_rank`` and
    ``min_margin`` are of identification.
    ``extra`` holds the rules of scorers added by others: (score name, minimum).
    """

    per_asset: int = 1
    min_aesthetic: float | None = None
    min_adherence: float | None = None
    max_likeness: float | None = None
    max_rank: int | None = None
    min_margin: float | None = None
    allow_defects: tuple[str, ...] = ()
    extra: tuple[tuple[str, float], ...] = ()
    likeness_to: str = "library"  # library | set


@dataclass(frozen=True, slots=True)
class Candidates:
    """How many to make of an asset: ``first``, then rounds of ``first`` up to ``at_most`` while short of keepers."""

    first: int
    at_most: int


@dataclass(frozen=True, slots=True)
class Asset:
    """One row: its id never changes. ``row`` holds the template's variables as (name, text), sorted by name."""

    asset_id: str
    title: str
    row: tuple[tuple[str, str], ...]
    prompt: str  # expanded, NFC
    negative_prompt: str  # expanded, NFC
    picture: Picture
    keep: KeepRules
    candidates: Candidates
    seeds: tuple[int, ...] | None  # listed seeds, or None: derived
    place: Place


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to regenerate: a five-field cron line (six fields with seconds are refused) and an IANA time zone,
    or an interval in seconds (for tests and night-long runs); one of the two is set."""

    cron: str | None
    timezone: str
    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class RightsClaim:
    """What the spec's author takes upon themselves, with the reason in their own words (empty = claims nothing)."""

    accept_unknown: str = ""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Registry names of the scorers; None = the checkpoint's default; ``"none"`` = do without (safety: all unknown)."""

    clip: str | None = None
    aesthetic: str | None = None
    safety: str | None = None
    second_opinion: str | None = None


@dataclass(frozen=True, slots=True)
class SelectionWeights:
    """Weights of the choice of keepers (``select``), each ≥ 0; ``taste`` 0: what was learned decides nothing."""

    aesthetic: float = 1.0
    adherence: float = 1.0
    coherence: float = 0.5
    sameness: float = 0.5
    taste: float = 0.0


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture whose look a set should have: a file (``path``, with its ``sha256`` as read), or, with both empty, a
    picture of the library by the ``name`` that a person types."""

    name: str
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class StyleText:
    """One of the set's two templates as the spec has it; ``key`` is prompt or negative."""

    key: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Spec:
    """One YAML file, checked. ``text`` is the file as read; ``spec_sha256`` covers it and its row files."""

    set_name: str
    title: str
    use: str  # commercial | noncommercial | internal
    checkpoint: str  # registry name, local folder, or hub id@revision
    seed: int
    assets: tuple[Asset, ...]
    keep: KeepRules
    schedule: Schedule | None
    rights: RightsClaim
    scoring: Scoring
    weights: SelectionWeights
    forbid: tuple[str, ...]  # content: {forbid: […]}
    reject_pixels: str  # keep | drop
    path: str
    text: str
    spec_sha256: str
    sources: tuple[tuple[str, str], ...] = ()  # (path, sha256) of row files and of reference pictures
    references: tuple[Reference, ...] = ()  # style: {references: […]}
    checkpoint_place: Place | None = None  # where the spec names its checkpoint, for error messages
    style: tuple[StyleText, ...] = ()  # the set's templates, for error messages
    plain: bool = False  # style: {syntax: plain}: other tools' prompt syntax is meant as text
