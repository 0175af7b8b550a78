"""How a set's scores lie, where the thresholds cut, and what they would keep: as text and as a PNG. No torch.

Thresholds are only meaningful against a set's own distribution: the level of a CLIP score differs from prompt to
prompt, and that of an aesthetic head from style to style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scoring.scorecard import Scorecard
from scoring.verdict import judge
from specs.spec import KeepRules

BINS = 40
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Spread:
    """One score over the set: ``counts`` of ``BINS`` equal bins from ``low`` to ``high``; ``cut`` is the threshold and
    ``passes`` the number on its good side (all that were measured, when there is no threshold)."""

    name: str
    measured: int
    of: int
    low: float
    high: float
    counts: tuple[int, ...]
    quantiles: tuple[float, ...]
    cut: float | None
    passes: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """``kept``: how many pictures the rules pass, all together; ``reasons``: how often each reason rejects."""

    spreads: tuple[Spread, ...]
    pictures: int
    kept: int
    reasons: tuple[tuple[str, int], ...]


def calibrate(cards: Sequence[Scorecard], keep: KeepRules) -> Calibration:
    """Spread of every score that was measured, against the rules in force."""
    extra = sorted({name for card in cards for name, _ in card.extra})
    columns: list[tuple[str, list[float | None], float | None, bool]] = [
        ("aesthetic", [card.aesthetic for card in cards], keep.min_aesthetic, False),
        ("adherence", [card.adherence for card in cards], keep.min_adherence, False),
        ("rank", [card.rank for card in cards], keep.max_rank, True),
        ("margin", [card.margin for card in cards], keep.min_margin, False),
        *((name, [dict(card.extra).get(name) for card in cards], dict(keep.extra).get(name), False) for name in extra),
    ]
    verdicts = [judge(card, keep) for card in cards]
    counted: dict[str, int] = {}
    for reason in (reason for reasons in verdicts for reason in reasons):
        counted[reason] = counted.get(reason, 0) + 1
    return Calibration(
        spreads=tuple(spread for column in columns if (spread := _spread(*column)) is not None),
        pictures=len(cards),
        kept=sum(not reasons for reasons in verdicts),
        reasons=tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0]))),
    )


def as_text(calibration: Calibration) -> str:
    """A plot of one line a score for the terminal; ``|`` marks the threshold."""
    lines = [f"{calibration.kept} of {calibration.pictures} pictures pass all rules"]
    for spread in calibration.spreads:
        top = max(spread.counts) or 1
        bars = [_BLOCKS[-(-count * (len(_BLOCKS) - 1) // top)] for count in spread.counts]
        if spread.cut is not None:
            bars.insert(_place(spread, spread.cut, BINS), "|")
        middle = ", ".join(f"{value:.3g}" for value in spread.quantiles)
        cut = "no threshold" if spread.cut is None else f"cut {spread.cut:g}: {spread.passes} of {spread.of} pass"
        lines.append(
            f"{spread.name:>10} {spread.low:8.3f} {''.join(bars)} {spread.high:8.3f}  {cut}  (5–95 %: {middle})"
        )
    lines += [f"{count:>10} × {reason}" for reason, count in calibration.reasons]
    return "\n".join(lines)


def draw_png(calibration: Calibration, path: Path) -> None:
    """The same as a picture, one histogram a row, the threshold as a red line."""
    width, row, margin = 720, 150, 24
    image = Image.new("RGB", (width, margin + row * max(1, len(calibration.spreads))), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default()
    draw.text((margin, 6), f"{calibration.kept} of {calibration.pictures} pass all rules", fill="black", font=font)
    for number, spread in enumerate(calibration.spreads):
        top, base = margin + number * row + 24, margin + (number + 1) * row - 24
        step, peak = (width - 2 * margin) / BINS, max(spread.counts) or 1
        for place, count in enumerate(spread.counts):
            left = margin + place * step
            draw.rectangle((left, base - (base - top) * count / peak, left + step - 1, base), fill=(70, 110, 170))
        draw.text((margin, top - 16), f"{spread.name}: {spread.measured} measured", fill="black", font=font)
        draw.text((margin, base + 4), f"{spread.low:.3f}", fill="black", font=font)
        draw.text((width - margin - 50, base + 4), f"{spread.high:.3f}", fill="black", font=font)
        if spread.cut is not None:
            x = margin + _place(spread, spread.cut, width - 2 * margin)
            draw.line((x, top, x, base), fill=(200, 30, 30), width=2)
            draw.text((x + 4, top), f"{spread.cut:g}: {spread.passes} pass", fill=(200, 30, 30), font=font)
    image.save(path)


def _spread(name: str, values: Sequence[float | None], cut: float | None, at_most: bool) -> Spread | None:
    known = np.array([value for value in values if value is not None and np.isfinite(value)], dtype=np.float64)
    if not len(known):
        return None
    counts, edges = np.histogram(known, bins=BINS)
    good = known <= cut if at_most and cut is not None else known >= (-np.inf if cut is None else cut)
    return Spread(
        name=name,
        measured=len(known),
        of=len(values),
        low=float(edges[0]),
        high=float(edges[-1]),
        counts=tuple(counts.tolist()),
        quantiles=tuple(np.quantile(known, QUANTILES).tolist()),
        cut=cut,
        passes=int(good.sum()),
    )


def _place(spread: Spread, cut: float, length: int) -> int:
    """Where along ``length`` a value lies between low and high."""
    share = (cut - spread.low) / (spread.high - spread.low) if spread.high > spread.low else 0.0
    return round(min(max(share, 0.0), 1.0) * length)
