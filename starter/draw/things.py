"""Household and tavern things. Each function: random generator → parts, back to front, upright."""

import numpy as np

from starter.draw.shapes import Part, arc, band, box, curve, disc, ellipse, mirrored, ngon, poly, rounded, star, turned

Rng = np.random.Generator


def bell(rng: Rng) -> list[Part]:
    """A bell with its clapper, hung from a loop or a handle."""
    flare, tall = rng.uniform(0.72, 0.88), rng.uniform(-0.75, -0.62)
    body = mirrored(curve((0, tall), (0.4, tall), (0.45, -0.2), (0.48, 0.1), (0.52, 0.4), (flare, 0.45), (flare, 0.62)))
    parts = [
        Part("shade", disc(0, 0.72, 0.2)),
        Part("main", body),
        Part("shade", rounded(-flare - 0.05, 0.5, flare + 0.05, 0.68, 0.08)),
    ]
    if rng.random() < 0.5:
        top = Part("shade", disc(0, tall - 0.08, 0.22), (disc(0, tall - 0.08, 0.11),))
    else:
        top = Part("wood", rounded(-0.1, tall - 0.35, 0.1, tall + 0.05, 0.08))
    stripe = Part("tint", box(-0.5, rng.uniform(0.1, 0.2), 0.5, 0.26))
    return [top, *parts, *([stripe] if rng.random() < 0.5 else [])]


def candle(rng: Rng) -> list[Part]:
    """A lit candle with drips, on a dish or in a holder."""
    wide, top = rng.uniform(0.2, 0.3), rng.uniform(-0.35, -0.1)
    flame = mirrored(curve((0, top - 0.62), (0.08, top - 0.4), (0.2, top - 0.3), (0.0, top - 0.08)))
    drips = [
        Part("tint", rounded(x - 0.06, top, x + 0.06, top + rng.uniform(0.25, 0.6), 0.06))
        for x in (-wide + 0.08, wide - 0.1)
    ]
    parts = [
        Part("ink", box(-0.025, top - 0.2, 0.025, top)),
        Part("fire", flame),
        Part("main", rounded(-wide, top, wide, 0.75, 0.06)),
    ]
    if rng.random() < 0.5:
        dish = [
            Part("shade", rounded(-0.75, 0.66, 0.75, 0.86, 0.1)),
            Part("shade", disc(0.75, 0.65, 0.2), (disc(0.75, 0.65, 0.1),)),
        ]
    else:
        dish = [
            Part("shade", mirrored(poly((0, 0.55), (0.45, 0.55), (0.38, 0.75), (0.12, 0.8), (0.5, 0.97), (0, 0.97))))
        ]
    return [*parts, *drips[: rng.integers(1, 3)], *dish]


def lantern(rng: Rng) -> list[Part]:
    """A lantern with a glowing pane between a cap and a foot."""
    wide, top = rng.uniform(0.42, 0.55), rng.uniform(-0.5, -0.4)
    cap = mirrored(poly((0, top - 0.25), (0.15, top - 0.25), (wide + 0.12, top + 0.05), (wide + 0.12, top + 0.15)))
    handle = Part("shade", disc(0, top - 0.32, 0.2), (disc(0, top - 0.32, 0.12),))
    glass = (
        mirrored(curve((0, top + 0.1), (wide, top + 0.1), (wide + 0.1, 0.2), (wide - 0.08, 0.7)))
        if rng.random() < 0.4
        else box(-wide, top + 0.1, wide, 0.72)
    )
    light = Part("fire", mirrored(curve((0, -0.25), (0.1, 0.0), (0.35, 0.2), (0.0, 0.55))))
    parts = [
        handle,
        Part("glow", glass),
        light,
        Part("main", cap),
        Part("main", rounded(-wide - 0.1, 0.66, wide + 0.1, 0.92, 0.05)),
    ]
    bars = [Part("main", box(x - 0.06, top + 0.1, x + 0.06, 0.7)) for x in (-wide, wide)]
    return [*parts, *bars, *([Part("main", box(-0.04, top + 0.1, 0.04, 0.7))] if rng.random() < 0.4 else [])]


def dice(rng: Rng) -> list[Part]:
    """A six-sided die seen from a corner, or a twenty-sided one."""
    if rng.random() < 0.3:
        outer, inner = ngon(0, 0, 0.95, 6), ngon(0, 0.02, 0.55, 3)
        side = Part("shade", np.concatenate([outer[2:5], inner[1:][::1]]))
        return [Part("main", outer), side, Part("tint", inner), Part("ink", rounded(-0.07, -0.12, 0.07, 0.25, 0.03))]
    a, b = rng.uniform(0.4, 0.5), 0.92
    top, left = poly((0, -b), (0.85, -a), (0, 0), (-0.85, -a)), poly((-0.85, -a), (0, 0), (0, b), (-0.85, b - a))
    parts = [Part("tint", top), Part("main", left), Part("shade", left * [-1, 1])]
    spots = {1: [(0.5, 0.5)], 2: [(0.25, 0.25), (0.75, 0.75)], 3: [(0.2, 0.2), (0.5, 0.5), (0.8, 0.8)]}
    spots[4] = [(x, y) for x in (0.27, 0.73) for y in (0.27, 0.73)]
    frames = [((-0.85, -a), (0.85, a), (0, b)), ((0, 0), (0.85, -a), (0, b)), ((0, -b), (0.85, b - a), (-0.85, b - a))]
    for origin, u, v in frames:
        for s, t in spots[int(rng.integers(1, 5))]:
            x, y = np.array(origin) + s * np.array(u) + t * np.array(v)
            parts.append(Part("ink", ellipse(x, y, 0.11, 0.11 if v[1] == b else 0.075, 16)))
    return parts


def banner(rng: Rng) -> list[Part]:
    """A flag hung from a cross-bar or flown from a pole, with a device."""
    if rng.random() < 0.4:
        wave, tail = rng.uniform(0.05, 0.15), rng.uniform(0.0, 0.3)
        cloth = poly(
            (-0.6, -0.85),
            (-0.1, -0.85 - wave),
            (0.4, -0.85 + wave),
            (0.95, -0.85),
            (0.95 - tail, -0.4),
            (0.95, 0.05),
            (0.4, 0.05 + wave),
            (-0.1, 0.05 - wave),
            (-0.6, 0.05),
        )
        return [
            Part("wood", rounded(-0.72, -0.98, -0.58, 1, 0.05)),
            Part("main", cloth),
            Part("bone", disc(0.1, -0.4, 0.2)),
        ]
    wide, cut = rng.uniform(0.5, 0.65), rng.uniform(-0.3, 0.3)
    cloth = poly((-wide, -0.75), (wide, -0.75), (wide, 0.65), (0, 0.65 + cut), (-wide, 0.65))
    marks = [disc(0, -0.1, 0.26), star(0, -0.1, 0.36, 0.15, 5), ngon(0, -0.1, 0.34, 4), box(-0.1, -0.5, 0.1, 0.35)]
    hem = Part("shade", box(-wide, -0.72, wide, -0.58))
    return [
        Part("main", cloth),
        hem,
        Part("bone", marks[rng.integers(4)]),
        Part("wood", rounded(-wide - 0.2, -0.9, wide + 0.2, -0.74, 0.07)),
    ]


def hourglass(rng: Rng) -> list[Part]:
    """Two bulbs of sand between two plates."""
    wide, neck = rng.uniform(0.45, 0.55), rng.uniform(0.05, 0.09)
    bulb = curve((wide, -0.75), (wide, -0.3), (neck, -0.2), (neck, 0), (neck, 0.2), (wide, 0.3), (wide, 0.75))
    level = rng.uniform(0.35, 0.55)
    sand_top = mirrored(poly((neck + 0.2, -level), (neck + 0.14, -0.2), (0.03, 0.0)))
    pile = mirrored(poly((0, 0.3), (wide - 0.1, 0.55), (wide - 0.06, 0.76)))
    plates = [Part("main", rounded(-0.7, y - 0.12, 0.7, y + 0.12, 0.05)) for y in (-0.83, 0.83)]
    posts = [Part("main", box(x - 0.06, -0.8, x + 0.06, 0.8)) for x in (-0.58, 0.58)]
    return [Part("glass", mirrored(bulb)), Part("main", sand_top), Part("main", pile), *posts, *plates]


def goblet(rng: Rng) -> list[Part]:
    """A stemmed cup, with a band of stones or a knop."""
    wide, deep = rng.uniform(0.5, 0.64), rng.uniform(0.1, 0.25)
    bowl = mirrored(
        curve(
            (0, -0.85),
            (wide * 0.5, -0.85),
            (wide, -0.85),
            (wide, -0.85),
            (wide + 0.05, -0.1),
            (0.35, deep),
            (0.08, deep),
        )
    )
    foot = mirrored(curve((0.08, deep - 0.05), (0.08, 0.6), (0.2, 0.75), (rng.uniform(0.4, 0.52), 0.95)))
    parts = [Part("main", foot), Part("main", bowl), Part("shade", ellipse(0, -0.83, wide, 0.13))]
    if rng.random() < 0.6:
        parts += [Part("bone", ngon(x, -0.35, 0.11, 4)) for x in (-0.28, 0.0, 0.28)]
    return [*parts, Part("shade", ellipse(0, (deep + 0.65) / 2, 0.17, 0.1))]


def anchor(rng: Rng) -> list[Part]:
    """A ship's anchor: ring, stock, shank and two flukes."""
    r, thick, reach = rng.uniform(0.17, 0.22), rng.uniform(0.16, 0.22), rng.uniform(20, 30)
    hook = band(arc(0, 0.15, 0.72, reach, 180 - reach), thick)
    ends = arc(0, 0.15, 0.72, reach, 180 - reach, 2)
    flukes = [Part("main", turned(ngon(x, y, 0.28, 3), -35 * np.sign(x), x, y)) for x, y in ends]
    stock = Part("shade", rounded(-0.48, -0.5, 0.48, -0.34, 0.07))
    eye = Part("main", disc(0, -0.98 + r, r), (disc(0, -0.98 + r, r * 0.5),))
    return [Part("main", box(-thick / 2, -0.65, thick / 2, 0.9)), Part("main", hook), *flukes, stock, eye]


def padlock(rng: Rng) -> list[Part]:
    """A lock with its shackle shut or open."""
    low, lift = rng.uniform(0.8, 0.92), rng.choice([0.0, 0.0, 0.2])
    top, shackle = -0.1, arc(0, -0.32 - lift, 0.42, 180, 360)
    legs = np.concatenate([poly((-0.42, 0.0)), shackle, poly((0.42, 0.0 - 1.2 * lift))])
    shape = rounded(-0.68, top, 0.68, low, 0.15) if rng.random() < 0.6 else disc(0, 0.35, 0.62)
    hole = [Part("ink", disc(0, 0.28, 0.12)), Part("ink", poly((-0.06, 0.3), (0.06, 0.3), (0.1, 0.58), (-0.1, 0.58)))]
    return [Part("steel", band(legs, 0.18)), Part("main", shape), *hole]


def wheel(rng: Rng) -> list[Part]:
    """A cart wheel or a ship's wheel with handles."""
    spokes, r = int(rng.choice([6, 8])), rng.uniform(0.7, 0.8)
    handles = rng.random() < 0.4
    outer = 1.0 if handles else r + 0.12
    lines = [turned(box(-0.055, -outer + 0.02, 0.055, 0), 360 * i / spokes) for i in range(spokes)]
    rim = Part("main", disc(0, 0, r + 0.12), (disc(0, 0, r - 0.1),))
    return [
        *(Part("shade", line) for line in lines),
        rim,
        Part("main", disc(0, 0, 0.24)),
        Part("ink", disc(0, 0, 0.09)),
    ]
