"""Spec → jobs: pure, and lazy where there are many.

The same spec and checkpoint give the same jobs on every machine; an asset's jobs depend on nothing but its own row,
the set's style and the set's seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from specs.canonical import Flat
from specs.checkpoint import Checkpoint
from specs.job import Job, derive_seed, id_of_recipe
from specs.spec import Asset, Picture, PrintSize, Spec

MM_PER_INCH = Fraction(254, 10)
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """What is rendered and what of it is printed. Boxes are (left, top, right, bottom) in px of the picture.

    ``bleed_box_px`` and ``trim_box_px`` are centred in the picture, None (with ``dpi``) for sizes given in px;
    ``safe_box_px``, inside the trim, is None too where no safe margin is asked for.
    """

    width_px: int
    height_px: int
    bleed_box_px: Box | None
    trim_box_px: Box | None
    dpi: int | None
    safe_box_px: Box | None = None


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """One asset with all that its jobs share."""

    asset: Asset
    layout: Layout
    set_seed: int
    weights_id: str
    _job_ids: dict[int, str] = field(default_factory=dict, compare=False, repr=False)
    _recipe: dict[str, Flat] = field(default_factory=dict, compare=False, repr=False)

    def job_id(self, number: int) -> str:
        """``job(number).job_id``, worked out once: a large set is compared with the catalog again and again."""
        known = self._job_ids.get(number)
        if known is None:
            if not self._recipe:
                self._recipe.update(self.job(number).recipe())  # but for its seed, that of all of them
            known = self._job_ids[number] = id_of_recipe({**self._recipe, "seed": self.seed(number)})
        return known

    def seed(self, number: int) -> int:
        """Seed of candidate ``number``: the listed one, or derived from (set seed, asset id, number).

        0 ≤ number < ``asset.candidates.at_most``; raises IndexError outside, as ``job`` and ``job_id`` do.
        """
        if not 0 <= number < self.asset.candidates.at_most:
            most = self.asset.candidates.at_most
            raise IndexError(f"asset {self.asset.asset_id} has candidates 0 to {most - 1}, not {number}")
        if self.asset.seeds is not None:
            return self.asset.seeds[number]
        return derive_seed(self.set_seed, self.asset.asset_id, number)

    def job(self, number: int) -> Job:
        """The recipe of candidate ``number``."""
        picture = self.asset.picture
        return Job(
            prompt=self.asset.prompt,
            negative_prompt=self.asset.negative_prompt,
            weights_id=self.weights_id,
            scheduler=picture.scheduler,
            steps=picture.steps,
            guidance=picture.guidance,
            width_px=self.layout.width_px,
            height_px=self.layout.height_px,
            seed=self.seed(number),
            clip_skip=picture.clip_skip,
        )


def expand(spec: Spec, checkpoint: Checkpoint) -> tuple[AssetPlan, ...]:
    """A plan per asset, in the spec's order; ValueError when the checkpoint's files are not hashed yet."""
    weights_id = checkpoint.weights_id
    layouts: dict[Picture, Layout] = {}
    plans = []
    for asset in spec.assets:
        layout = layouts.get(asset.picture)
        if layout is None:
            layout = layouts[asset.picture] = lay_out(asset.picture, checkpoint.multiple_px)
        plans.append(AssetPlan(asset, layout, spec.seed, weights_id))
    return tuple(plans)


def lay_out(picture: Picture, multiple_px: int) -> Layout:
    """The picture's size, rounded up to the checkpoint's multiple, and where bleed and trim lie in it."""
    if picture.print_size is None:
        assert picture.width_px is not None
        assert picture.height_px is not None
        width, height = round_up(picture.width_px, multiple_px), round_up(picture.height_px, multiple_px)
        return Layout(width, height, None, None, None)
    bleed_width, bleed_height = bleed_size_px(picture.print_size)
    trim_width, trim_height = (mm_to_px(mm, picture.print_size.dpi) for mm in picture.print_size.trim_mm)
    width, height = round_up(bleed_width, multiple_px), round_up(bleed_height, multiple_px)
    bleed = _centred(bleed_width, bleed_height, (0, 0, width, height))
    trim = _centred(trim_width, trim_height, bleed)
    safe = None if picture.safe_mm is None else _inset(trim, mm_to_px(picture.safe_mm, picture.print_size.dpi))
    return Layout(width, height, bleed, trim, picture.print_size.dpi, safe)


def bleed_size_px(size: PrintSize) -> tuple[int, int]:
    """Width and height with the bleed on both sides, in px, to the nearest pixel."""
    bleed = 2 * Fraction(str(size.bleed_mm))
    width, height = (Fraction(str(mm)) + bleed for mm in size.trim_mm)
    return mm_to_px(width, size.dpi), mm_to_px(height, size.dpi)


def mm_to_px(mm: float | Fraction, dpi: int) -> int:
    """Millimetres at a resolution, to the nearest pixel (halves up), computed exactly: 63 mm at 300 dpi are 744."""
    exact = mm if isinstance(mm, Fraction) else Fraction(str(mm))
    return int(exact * dpi / MM_PER_INCH + Fraction(1, 2))


def round_up(px: int, multiple: int) -> int:
    """The least multiple that is not less than ``px``."""
    return -(-px // multiple) * multiple


def _centred(width: int, height: int, outer: Box) -> Box:
    left = outer[0] + (outer[2] - outer[0] - width) // 2
    top = outer[1] + (outer[3] - outer[1] - height) // 2
    return (left, top, left + width, top + height)


def _inset(box: Box, margin: int) -> Box:
    return (box[0] + margin, box[1] + margin, box[2] - margin, box[3] - margin)
