"""What the page shows: plain values, no database in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.queries.candidate_state import name_of
from catalog.writes.annotations import Remarks
from specs.counted import counted

SAFE_MM = 3.0  # printers ask for 3 mm between the cut and whatever matters
PAGE_TILES = 40  # tiles a page, whatever the library's size


STATES = ("all", "kept", "rejected", "waiting", "unclear")
SORTS = ("number", "aesthetic", "adherence", "newest")
CLOSEST = "closest"  # a further sort, of searches by picture
SHOWN = ("all", "to review", "holes", "waiting", "filled")
BY = ("text", "picture")  # what a search's words are compared with: prompts and ids, or the pictures themselves


@dataclass(frozen=True, slots=True)
class Why:
    """A reason in words, and, where it speaks of a picture, the candidate's name and id ('' for none)."""

    words: str
    name: str = ""
    candidate_id: str = ""


@dataclass(frozen=True, slots=True)
class AssetText:
    """An asset as its row is now: what it is called, the columns of its row, the prompt that is filled from it."""

    title: str
    row: tuple[tuple[str, str], ...]
    prompt: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A candidate as one tile. ``seen`` is the number of the newest verdict of a person, 0 without one: a write that
    names another was made on old knowledge. ``waits``: no person has decided. ``like`` counts
    folded near-duplicates; ``recipes_ago``: 0 for the recipe in force."""

    candidate_id: str
    set_name: str
    asset_id: str
    number: int
    image_sha256: str
    shown: bool
    quarantined: bool
    present: bool
    safety: str
    keep: bool | None
    is_keeper: bool
    decided_by: str
    reasons: tuple[str, ...]
    note: str
    aesthetic: float | None
    adherence: float | None
    rank: int | None
    seen: int
    made_at: str
    phash: str
    waits: bool
    like: int = 0
    recipes_ago: int = 0
    remarks: Remarks = field(default_factory=Remarks)
    why: tuple[Why, ...] = ()
    first: bool = False  # where the focus starts

    @property
    def name(self) -> str:
        """What a person types for it on the command line."""
        return name_of(self.set_name, self.asset_id, self.number, self.recipes_ago)

    @property
    def short_name(self) -> str:
        """The same, within its asset."""
        return self.name.partition("/")[2].removeprefix(self.asset_id)

    @property
    def word(self) -> str:
        """How it stands, in a word."""
        if self.is_keeper:
            return "kept"
        if self.keep:
            return "replaced" if self.shown else "kept, not shown"
        return "rejected" if self.keep is False else "open"


@dataclass(frozen=True, slots=True)
class AssetTile:
    """An asset as one tile: its first keeper, or its best candidate with ``filled`` below ``wanted``. ``approved``
    counts the keepers that a person kept."""

    asset_id: str
    title: str
    wanted: int
    filled: int
    approved: int
    candidates: int
    waiting: int
    picture: Tile | None

    @property
    def hole(self) -> bool:
        """Does the deck lack a picture here?"""
        return self.filled < self.wanted


@dataclass(frozen=True, slots=True)
class SetLine:
    """A set in the list of sets."""

    set_name: str
    title: str
    use: str
    assets: int
    candidates: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of tiles: ``number`` from 1; ``found`` counts the tiles of all pages."""

    tiles: Sequence[Any]
    number: int
    found: int

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.found // PAGE_TILES))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the picture, in px."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Detail:
    """One candidate at full size: where bleed, trim and safe zone lie, and the whole record. ``changed``: what the
    spec has changed since it was made, in words."""

    tile: Tile
    width_px: int
    height_px: int
    title: str
    prompt: str
    boxes: tuple[Box, ...]
    record: Mapping[str, Any]
    text: AssetText
    before: str  # ids of the asset's candidates beside this one, '' at the ends
    after: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which candidates are asked for. ``since`` and ``until``: days of the verdict that counts (else of
    the making), YYYY-MM-DD in UTC, both included, '' for any. ``tags``: all of them on the
    candidate. ``reason``: outscored also stands for outscored:<picture>.
    ``folded``: near-duplicates into the first of them, but those of candidate ``unfolded``."""

    state: str = "all"
    reason: str = ""
    min_aesthetic: float | None = None
    min_adherence: float | None = None
    since: str = ""
    until: str = ""
    tags: tuple[str, ...] = ()
    sort: str = "number"
    folded: bool = True
    unfolded: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search looks for among the candidates that are wanted: in a set ('': in all), with these ``words``
    (``by`` text or picture; '': the pictures where no text has them), or alike to the picture of candidate ``like``.
    ``clip``: whose embeddings, '' for the commonest. ``saved``: only what the saved search of this name finds."""

    words: str = ""
    by: str = ""
    like: str = ""
    set_name: str = ""
    clip: str = ""
    saved: str = ""

    @property
    def by_picture(self) -> bool:
        """Are pictures compared, not texts?"""
        return bool(self.like) or (self.by == "picture" and bool(self.words))


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search. ``by``: what was compared in the end, text or picture. ``clip``: the CLIP whose embeddings
    were compared, ``embedded`` of ``compared`` pictures have one; ``closeness`` by candidate id, the cosine."""

    page: Page
    by: str = "text"
    clip: str = ""
    embedded: int = 0
    compared: int = 0
    closeness: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """A whole set in numbers, and whether a ``produce`` works on it now."""

    assets: int = 0
    filled: int = 0
    approved: int = 0
    candidates: int = 0
    waiting: int = 0
    running: bool = False

    @property
    def sentence(self) -> str:
        """The set in words."""
        holes = self.assets - self.filled
        return (
            f"{self.filled:,} of {counted(self.assets, 'asset')} filled, {self.approved:,} approved by a person, "
            f"{counted(holes, 'hole')}, {self.waiting:,} of {counted(self.candidates, 'candidate')} "
            f"{'waits' if self.waiting == 1 else 'wait'}{' · produce is running' if self.running else ''}"
        )


def boxes_of(layout: Mapping[str, Any]) -> tuple[Box, ...]:
    """Bleed, trim and safe zone of a layout; none for sizes given in pixels.

    Where the spec asks for no safe margin, the zone is what most printers ask for, SAFE_MM inside the trim.
    """
    trim, bleed, dpi = layout.get("trim_box_px"), layout.get("bleed_box_px"), layout.get("dpi")
    if not trim or not bleed or not dpi:
        return ()
    inset = SAFE_MM / 25.4 * float(dpi)
    left, top, right, bottom = trim
    safe = layout.get("safe_box_px") or (left + inset, top + inset, right - inset, bottom - inset)
    named = (("bleed", bleed), ("trim", trim), ("safe", safe))
    return tuple(Box(name, x0, y0, x1 - x0, y1 - y0) for name, (x0, y0, x1, y1) in named)
