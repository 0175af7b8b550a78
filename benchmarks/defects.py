"""How often each defect is found where it is, and imagined where it is not. ``python -m benchmarks.defects [COUNT]``

Held-out drawings of 128 px, spoilt in strengths drawn at random; for the lines of printing, drawings whose subject's
true extent is known (``benchmarks.drawn``); for seams, cloudy textures that tile and drawings mirrored so that they do.
Also prints what the trim line finds in pictures whose subject is cut by more or less, over other grounds than the
starter's (``benchmarks.backdrops``), and in bare grounds, which have no subject that could be cut.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from benchmarks.backdrops import BACKDROPS
from benchmarks.drawn import HELD_OUT, LEAST_CUT, SIDE_PX, Drawn, Picture, drawn, over, placed
from scoring.defects.find import Frame, find_defects
from starter.draw.scene import draw, random_scene

SIDE = 128
MARGIN = (0.03, 0.08)  # least and greatest distance of the trim line from the sides, in shares of the side
OVER, BARE = ", backdrops", ", bare"
Rng = np.random.Generator
Rates = dict[str, tuple[list[bool], list[bool]]]  # found in pictures that have it, and in those that do not


def as_bytes(values: NDArray[np.floating]) -> Picture:
    """Clipped to 0 … 255."""
    return np.asarray(np.clip(values, 0, 255).astype(np.uint8))


def black(picture: Picture, rng: Rng) -> Picture:
    """What a renderer gives for NaN."""
    return np.zeros_like(picture)


def blank(picture: Picture, rng: Rng) -> Picture:
    """One colour."""
    return np.full_like(picture, rng.integers(1, 255))


def near_uniform(picture: Picture, rng: Rng) -> Picture:
    """1 to 4 % of the contrast left."""
    mean = picture.mean(axis=(0, 1))
    return as_bytes(mean + rng.uniform(0.01, 0.04) * (picture - mean))


def blurred(picture: Picture, rng: Rng) -> Picture:
    """By 2 to 4 % of the width."""
    radius = rng.uniform(0.02, 0.04) * picture.shape[1]
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def framed(picture: Picture, rng: Rng) -> Picture:
    """A frame of one colour, 3 to 12 % wide."""
    width = round(rng.uniform(0.03, 0.12) * len(picture))
    made = np.full_like(picture, rng.integers(0, 256, 3))
    made[width:-width, width:-width] = picture[width:-width, width:-width]
    return made


def letterboxed(picture: Picture, rng: Rng) -> Picture:
    """Bars of 5 to 20 %, black, white or nearly so, on two opposite sides."""
    made, width = picture.copy(), round(rng.uniform(0.05, 0.2) * len(picture))
    made[:width] = made[-width:] = rng.choice([0, 20, 240, 255])
    return made if rng.random() < 0.5 else made.transpose(1, 0, 2).copy()


SPOILT: dict[str, Callable[[Picture, Rng], Picture]] = {
    "nan_black": black,
    "blank": blank,
    "near_uniform": near_uniform,
    "blurred": blurred,
    "framed": framed,
    "letterboxed": letterboxed,
}
BURNT = {"blown": (lambda pixels: pixels >= 253, 150), "crushed": (lambda pixels: pixels <= 2, -300)}


def burnt(picture: Picture, name: str) -> Picture | None:
    """Tones pushed against a limit; None when that leaves a plain ground, or too little at the limit to be a fault."""
    at, shift = BURNT[name]
    made = as_bytes(picture * 1.8 + shift)
    limit = at(made)
    border = np.concatenate([limit[0], limit[-1], limit[:, 0], limit[:, -1]]).all(axis=1)
    return made if limit.mean() > 0.4 and border.mean() < 0.9 and np.ptp(made) > 60 else None


def texture(seed: int, side: int = SIDE) -> Picture:
    """Clouds that tile: random phases under a power law."""
    rng = np.random.default_rng(seed)
    waves = np.fft.fft2(rng.normal(size=(side, side, 3)), axes=(0, 1))
    across, down = np.meshgrid(np.fft.fftfreq(side) * side, np.fft.fftfreq(side) * side)
    waves *= (np.hypot(across, down)[..., None] + 3) ** -rng.uniform(1.0, 1.6)
    values = np.fft.ifft2(waves, axes=(0, 1)).real
    return as_bytes(128 + 45 * (values - values.mean()) / values.std())


def mirrored(picture: Picture) -> Picture:
    """The picture four times, so that it tiles."""
    whole = np.concatenate([picture, picture[:, ::-1]], axis=1)
    whole = np.concatenate([whole, whole[::-1]])
    return np.asarray(Image.fromarray(whole).resize((SIDE, SIDE), Image.Resampling.BOX))


def trimmed(one: Drawn, number: int, rng: Rng, rates: Rates, shares: list[tuple[float, bool]]) -> None:
    """One picture whose subject the trim line cuts, one whose subject it does not, one without a subject, over the
    drawing's ground and over a backdrop; likewise, but for bare grounds, for the safe line."""
    backdrop = [*BACKDROPS.values()][number % len(BACKDROPS)](rng, SIDE_PX)
    for where, drawing in (("", one), (OVER, over(one, backdrop))):
        for cut in (True, False):
            if (made := placed(drawing, cut, rng, SIDE, MARGIN)) is None:
                continue
            found = _is_cut(made.pixels, made.margin_px)
            rates[f"cut_by_trim{where}"][0 if cut else 1].append(found)
            if cut and not where:
                shares.append((made.beyond, found))
        alone = np.asarray(Image.fromarray(drawing.ground).resize((SIDE, SIDE), Image.Resampling.BOX))
        rates[f"cut_by_trim{where}{BARE}"][1].append(_is_cut(alone, round(rng.uniform(*MARGIN) * SIDE)))
    if (made := placed(one, False, rng, SIDE, (0.03, 0.06))) is None:
        return
    edge = made.margin_px
    for outside in (True, False):
        if (margin := _safe_margin(made.mask, edge, outside)) is not None:
            frame = Frame((edge, edge, SIDE - edge, SIDE - edge), safe_margin_px=margin)
            rates["outside_safe_zone"][0 if outside else 1].append(
                "outside_safe_zone" in find_defects(made.pixels, frame)
            )


def _is_cut(pixels: Picture, edge: int) -> bool:
    return "cut_by_trim" in find_defects(pixels, Frame(trim_box_px=(edge, edge, SIDE - edge, SIDE - edge)))


def _safe_margin(mask: NDArray[np.bool_], edge: int, outside: bool) -> int | None:
    """The least safe margin that the subject is outside of, or the half of the greatest that it is not; None: none."""
    for margin in range(2, round(0.1 * SIDE)):
        line = edge + margin
        beyond = 1 - mask[line:-line, line:-line].sum() / mask.sum()
        if not outside and beyond > 0:
            return margin // 2 if margin >= 4 else None
        if outside and beyond >= LEAST_CUT:
            return margin
    return None if outside else round(0.05 * SIDE)


def measure(count: int, first: int = HELD_OUT) -> tuple[Rates, list[tuple[float, bool]]]:
    """Rates of every defect, and (share of the subject beyond the trim line, found) of every picture that it cuts."""
    lines = ("cut_by_trim", f"cut_by_trim{BARE}", f"cut_by_trim{OVER}", f"cut_by_trim{OVER}{BARE}", "outside_safe_zone")
    names = (*SPOILT, *BURNT, "framed (drawn frames)", "tile_seam", *lines, "low_dpi")
    rates: Rates = {name: ([], []) for name in names}
    shares: list[tuple[float, bool]] = []
    rng = np.random.default_rng(first)
    for number in range(count):
        scene = random_scene(first + number)
        clean = np.asarray(draw(replace(scene, framed=False)))
        found = find_defects(clean, Frame(dpi=300, min_dpi=285))
        for name in (*SPOILT, *BURNT, "low_dpi"):
            rates[name][1].append(name in found)
        for name, spoil in SPOILT.items():
            rates[name][0].append(name in find_defects(spoil(clean, rng)))
        for name in BURNT:
            if (made := burnt(clean, name)) is not None:
                rates[name][0].append(name in find_defects(made))
        rates["low_dpi"][0].append("low_dpi" in find_defects(clean, Frame(dpi=rng.uniform(30, 284), min_dpi=285)))
        drawn_frame = "framed" in find_defects(np.asarray(draw(scene)))
        rates["framed (drawn frames)"][0 if scene.framed else 1].append(drawn_frame)
        _tiles(clean, first + number, rates)
        trimmed(drawn(first + number, SIDE_PX), number, rng, rates, shares)
    return rates, shares


def _tiles(clean: Picture, seed: int, rates: Rates) -> None:
    tiling = Frame(tiles=True)
    whole = texture(seed)
    part = round(0.8 * SIDE)
    cut = np.asarray(Image.fromarray(whole[:part, :part]).resize((SIDE, SIDE)))
    rates["tile_seam"][0].append("tile_seam" in find_defects(cut, tiling))
    rates["tile_seam"][1].append("tile_seam" in find_defects(whole, tiling))
    rates["tile_seam"][1].append("tile_seam" in find_defects(mirrored(clean), tiling))


def main() -> None:
    """Print a line for each defect, and the trim line's finds by the share that is cut."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rates, shares = measure(count)
    print(f"{count} held-out drawings of {SIDE} px; goal: at least 95 % found, at most 2 % imagined")
    for name, (there, absent) in rates.items():
        found = f"{100 * np.mean(there):6.2f} % of {len(there):5}" if there else "(nothing to find)"
        print(f"{name:28} found {found:17}, imagined {100 * np.mean(absent):5.2f} % of {len(absent):5}")
    beyond, seen = np.array([share for share, _ in shares]), np.array([hit for _, hit in shares])
    for low, high in ((0.03, 0.05), (0.05, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75)):
        these = (beyond >= low) & (beyond < high)
        print(
            f"cut_by_trim, {100 * low:g} to {100 * high:g} % cut off: {100 * seen[these].mean():.1f} % of {these.sum()}"
        )


if __name__ == "__main__":
    main()
