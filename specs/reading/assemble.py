"""From checked rows to assets: ids once, templates filled, defaults and overrides merged.

Whatever is wrong here joins the list of errors; nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from specs.errors import InvalidValue, SpecError
from specs.expand import bleed_size_px
from specs.prompts.filling import Filler, Style
from specs.reading.document import Node
from specs.reading.entries import Entry
from specs.reading.other_tools import meant_key
from specs.reading.report import Validated
from specs.reading.schema import KeepModel, PictureChange, RoundsModel, SpecModel
from specs.spec import Asset, Candidates, KeepRules, Picture, Place, PrintSize
from specs.values.checks import listed, show

DEFAULT_CANDIDATES = Candidates(4, 4)
DEFAULT_PICTURE = Picture(None, None, None, 20, 7.0, "dpmpp-2m")
MOST_JOBS = 2_000_000
SIZE_LIMITS_PX = (64, 4096)
KEYS = ("id", "title", "prompt", "negative", "candidates", "seeds", "keep", "picture")


@dataclass(slots=True)
class Assembly:
    """The set's model and tree, and what has been found wrong so far."""

    checked: Validated[SpecModel]
    model: SpecModel
    root: Node
    errors: list[SpecError]

    def refuse(self, place: Place, what: str, refusal: InvalidValue) -> None:
        """Adds an error."""
        self.errors.append(SpecError.refused(place, what, refusal))

    def place(self, *path: str | int) -> Place:
        """Where a value of the spec stands."""
        return self.root.find(path).place


def assets(assembly: Assembly, entries: list[Entry]) -> tuple[Asset, ...]:
    """Every asset, checked against the set. Meaningless when errors were added."""
    _refuse_duplicate_ids(assembly, entries)
    style = assembly.model.style
    filler = Filler(entries, assembly.refuse)
    prompts = filler.fill(Style("prompt", style.prompt, assembly.place("style", "prompt")))
    negatives = filler.fill(Style("negative", style.negative, assembly.place("style", "negative")))
    _refuse_misspelt(assembly, entries, filler.used)
    _refuse_promptless(assembly, entries)
    merging = _Merging(assembly)
    made = []
    for entry, prompt, negative in zip(entries, prompts, negatives, strict=True):
        keep = merging.keep(entry.changes.keep)
        candidates = merging.candidates(entry, keep)
        made.append(
            Asset(
                asset_id=entry.asset_id,
                title=entry.title or entry.asset_id,
                row=tuple(sorted(entry.columns.items())),
                prompt=prompt,
                negative_prompt=negative,
                picture=merging.picture(entry),
                keep=keep,
                candidates=candidates,
                seeds=merging.seeds(entry),
                place=entry.place,
            )
        )
    total = sum(asset.candidates.at_most for asset in made)
    if total > MOST_JOBS:
        refusal = InvalidValue(f"{total:,} candidates in all", f"at most {MOST_JOBS:,}", mend="split the set")
        assembly.refuse(assembly.place("assets"), "candidates", refusal)
    return tuple(made)


def _refuse_duplicate_ids(assembly: Assembly, entries: list[Entry]) -> None:
    first: dict[str, Entry] = {}
    for entry in entries:
        earlier = first.setdefault(entry.asset_id, entry)
        if earlier is not entry:
            got = f"{show(entry.asset_id)} again (first at {earlier.where('id')})"
            assembly.refuse(
                entry.where("id"), "duplicate id", InvalidValue(got, "each id once", mend="rename one of them")
            )


def _refuse_misspelt(assembly: Assembly, entries: list[Entry], used: set[str]) -> None:
    """A column that no template uses and that is almost a key (``Title``), a key without its group (``steps``) or
    another tool's word for one (``cfg_scale``) is a slip, not a column."""
    seen: set[str] = set(used)
    for entry in entries:
        if seen.issuperset(entry.columns):
            continue
        for column in [column for column in entry.columns if column not in seen]:
            seen.add(column)
            key = next((key for key in KEYS if almost(column, key)), "") or meant_key(column)
            if key:
                allowed = f"{listed(KEYS)}, or a column that a template uses"
                place = (entry.named or entry.where)(column)
                assembly.refuse(place, "unknown key", InvalidValue(show(column), allowed, f"'{key}'"))


def _refuse_promptless(assembly: Assembly, entries: list[Entry]) -> None:
    if assembly.model.style.prompt or assembly.checked.lacks("style", "prompt"):
        return
    without = [entry for entry in entries if not entry.changes.prompt and "prompt" not in entry.wrong]
    allowed = "style.prompt for all assets, or a prompt of the asset's own"
    if len(without) == len(entries) and entries:
        assembly.refuse(assembly.place("style"), "style.prompt", InvalidValue("nothing", allowed))
        return
    for entry in without:
        assembly.refuse(entry.place, "prompt", InvalidValue(f"nothing for asset {show(entry.asset_id)}", allowed))


def almost(name: str, key: str) -> bool:
    """Whether a name is the key in other letters' case, or (from 4 letters on) one typing slip away."""
    lowered = name.casefold()
    if name == key:
        return False
    if lowered == key:
        return True
    if len(key) < 4 or abs(len(lowered) - len(key)) > 1:
        return False
    return key in _slips(lowered) or lowered in _slips(key)


def _slips(word: str) -> Iterator[str]:
    """The word with one letter left out, or two neighbours swapped."""
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :]


class _Merging:
    """The set's settings with an asset's changes; equal ones are one object."""

    def __init__(self, assembly: Assembly) -> None:
        model = assembly.model
        self.assembly = assembly
        self.set_keep = keep_rules(model.keep, KeepRules())
        self.set_picture = picture(model.picture, DEFAULT_PICTURE)
        self.set_candidates = rounds(model.candidates)
        self.check_print(self.set_picture, assembly.place("picture"))

    def keep(self, change: KeepModel | None) -> KeepRules:
        """The asset's keep rules."""
        return self.set_keep if change is None else keep_rules(change, self.set_keep)

    def picture(self, entry: Entry) -> Picture:
        """The asset's picture; a print size that renders too small or too large is refused."""
        change = entry.changes.picture
        if change is None:
            return self.set_picture
        changed = picture(change, self.set_picture)
        self.check_print(changed, entry.where("picture"))
        return changed

    def check_print(self, changed: Picture, place: Place) -> None:
        """Refuses print sizes outside of what can be rendered, and what only a print size has without one."""
        low, high = SIZE_LIMITS_PX
        if changed.print_size is None:
            given = [key for key in ("safe_mm", "min_dpi") if getattr(changed, key) is not None]
            if given:
                refusal = InvalidValue(f"{' and '.join(given)} with a size in pixels", "with trim_mm and dpi")
                self.assembly.refuse(place, "picture", refusal)
            return
        width, height = bleed_size_px(changed.print_size)
        if not (low <= width <= high and low <= height <= high):
            got = f"{width} × {height} px with bleed"
            refusal = InvalidValue(got, f"{low} to {high} px each way", mend="change dpi or trim_mm")
            self.assembly.refuse(place, "picture", refusal)
        most = min(changed.print_size.trim_mm) / 2
        if changed.safe_mm is not None and changed.safe_mm >= most:
            got = f"{changed.safe_mm:g} mm of {min(changed.print_size.trim_mm):g} mm on each side"
            self.assembly.refuse(
                place, "picture.safe_mm", InvalidValue(got, f"less than {most:g}, half the short side")
            )

    def seeds(self, entry: Entry) -> tuple[int, ...] | None:
        """The seeds that the asset or the set lists."""
        own = entry.changes.seeds
        return own if own is not None else self.assembly.model.seeds

    def candidates(self, entry: Entry, keep: KeepRules) -> Candidates:
        """How many candidates: the asset's own, or as many as its seeds, or the set's, or 4."""
        own, seeds = rounds(entry.changes.candidates), self.seeds(entry)
        if own is None and entry.changes.seeds is not None:
            own = Candidates(len(entry.changes.seeds), len(entry.changes.seeds))
        asked = own or self.set_candidates
        if asked is None:
            asked = Candidates(len(seeds), len(seeds)) if seeds is not None else DEFAULT_CANDIDATES
        self.check_candidates(entry, asked, seeds, keep)
        return asked

    def check_candidates(self, entry: Entry, asked: Candidates, seeds: tuple[int, ...] | None, keep: KeepRules) -> None:
        """Refuses more candidates than listed seeds, and fewer than are to be kept."""
        assembly, changes = self.assembly, entry.changes
        if seeds is not None and asked.at_most > len(seeds):
            place = entry.where("candidates") if changes.candidates is not None else assembly.place("candidates")
            got = f"{asked.at_most} with {len(seeds)} listed seeds"
            refusal = InvalidValue(got, "at most as many as listed seeds", mend="list more seeds or lower candidates")
            assembly.refuse(place, "candidates", refusal)
        if keep.per_asset > asked.at_most:
            own = changes.keep is not None and changes.keep.per_asset is not None
            place = entry.where("keep.per_asset") if own else assembly.place("keep", "per_asset")
            got = f"{keep.per_asset} of {asked.at_most} candidates"
            mend = f"raise candidates to {keep.per_asset} or more"
            assembly.refuse(place, "keep.per_asset", InvalidValue(got, "not more than candidates", mend=mend))


def rounds(given: int | RoundsModel | None) -> Candidates | None:
    """How many candidates a key says."""
    if given is None:
        return None
    return Candidates(given, given) if isinstance(given, int) else Candidates(given.first, given.at_most)


def keep_rules(change: KeepModel, base: KeepRules) -> KeepRules:
    """The rules that a change makes of others: what it gives replaces, the rest stays."""
    names = ("per_asset", "min_aesthetic", "min_adherence", "max_likeness", "max_rank", "min_margin", "allow_defects",
             "likeness_to")  # fmt: skip
    values = {name: given if (given := getattr(change, name)) is not None else getattr(base, name) for name in names}
    extra = tuple(sorted({**dict(base.extra), **change.min_scores}.items()))
    return KeepRules(**values, extra=extra)


def picture(change: PictureChange, base: Picture) -> Picture:
    """The picture that a change makes of another: a size given in either way replaces the whole size."""
    width, height, printed = base.width_px, base.height_px, base.print_size
    if change.has_size:
        width, height, printed = change.width_px, change.height_px, None
        if change.trim_mm is not None and change.dpi is not None:
            printed = PrintSize(change.trim_mm, change.bleed_mm or 0.0, change.dpi)
    return Picture(
        width_px=width,
        height_px=height,
        print_size=printed,
        steps=change.steps if change.steps is not None else base.steps,
        guidance=change.guidance if change.guidance is not None else base.guidance,
        scheduler=change.scheduler if change.scheduler is not None else base.scheduler,
        clip_skip=change.clip_skip if change.clip_skip is not None else base.clip_skip,
        safe_mm=change.safe_mm if change.safe_mm is not None else base.safe_mm,
        min_dpi=change.min_dpi if change.min_dpi is not None else base.min_dpi,
        tiles=change.tiles if change.tiles is not None else base.tiles,
    )
