"""Treasure and magic. Each function: random generator → parts, back to front, in the unit square, upright."""

import numpy as np

from starter.draw.shapes import Part, arc, box, curve, disc, ellipse, mirrored, ngon, poly, rounded, star

Rng = np.random.Generator


def potion(rng: Rng) -> list[Part]:
    """A corked flask (round, conical or tall) with liquid in the colour."""
    kind, level = rng.integers(3), rng.uniform(-0.05, 0.2)
    neck = rng.uniform(0.15, 0.22)
    if kind == 0:
        right = np.concatenate([poly((neck, -0.7), (neck, -0.2)), arc(0, 0.32, 0.66, -60, 90)])
    elif kind == 1:
        right = poly((neck, -0.7), (neck, -0.25), (0.72, 0.8), (0.66, 0.95), (0, 0.95))
    else:
        right = np.concatenate(
            [poly((neck, -0.7), (neck, -0.4)), arc(0.32, -0.1, 0.2, -90, 0), poly((0.52, 0.95), (0, 0.95))]
        )
    glass = mirrored(right)
    liquid = glass * 0.88 + [0, 0.04]
    liquid[:, 1] = np.maximum(liquid[:, 1], level)
    parts = [
        Part("wood", rounded(-neck + 0.02, -0.98, neck - 0.02, -0.6, 0.05)),
        Part("glass", glass),
        Part("main", liquid),
    ]
    parts.append(Part("steel", rounded(-neck - 0.07, -0.74, neck + 0.07, -0.62, 0.05)))
    bubbles = [
        Part("tint", disc(rng.uniform(-0.3, 0.3), rng.uniform(0.3, 0.75), rng.uniform(0.05, 0.1)))
        for _ in range(rng.integers(1, 4))
    ]
    return parts + bubbles


def gem(rng: Rng) -> list[Part]:
    """A cut stone: brilliant, hexagonal or a long crystal, with facets."""
    kind, table = rng.integers(3), rng.uniform(0.4, 0.55)
    if kind == 0:
        outer = mirrored(poly((0, -0.65), (table, -0.65), (0.9, -0.2), (0, 0.85)))
        facets = [("tint", poly((-table, -0.65), (table, -0.65), (0.36, -0.2), (-0.36, -0.2)))]
        facets += [
            ("shade", poly((0.36, -0.2), (0.9, -0.2), (0, 0.85))),
            ("tint", poly((-0.36, -0.2), (-0.9, -0.2), (0, 0.85))),
        ]
    elif kind == 1:
        outer = ngon(0, 0, 0.9, int(rng.choice([6, 8])), np.pi / 8)
        facets = [
            ("shade", np.concatenate([outer[len(outer) // 4 : 3 * len(outer) // 4 + 1], poly((0, 0))])),
            ("tint", outer * table),
        ]
    else:
        outer = mirrored(poly((0, -1), (0.5, -0.55), (0.42, 0.6), (0, 1)))
        facets = [
            ("tint", poly((-0.5, -0.55), (0, -0.35), (0, 1), (-0.42, 0.6))),
            ("shade", poly((0, -1), (0.5, -0.55), (0, -0.35))),
        ]
    return [Part("main", outer), *(Part(role, points) for role, points in facets)]


def coin(rng: Rng) -> list[Part]:
    """A round coin with a rim and a struck mark; seen from the front, sometimes as a small stack."""
    edge, parts = rng.uniform(0.7, 0.8), []
    if rng.random() < 0.35:
        parts = [
            Part("shade" if i % 2 else "main", ellipse(0.05 * (-1) ** i, 0.95 - 0.14 * i, 0.75, 0.16)) for i in range(3)
        ]
    y, r = (-0.12, 0.78) if parts else (0.0, 0.9)
    parts += [
        Part("main", disc(0, y, r)),
        Part("shade", disc(0, y, r * edge * 1.08)),
        Part("main", disc(0, y, r * edge)),
    ]
    marks = [
        star(0, y, 0.42, 0.18, 5),
        ngon(0, y, 0.4, 4),
        mirrored(poly((0, y - 0.4), (0.12, y - 0.4), (0.12, y + 0.4))),
    ]
    crown = poly(
        (-0.38, y - 0.28), (-0.15, y), (0, y - 0.35), (0.15, y), (0.38, y - 0.28), (0.32, y + 0.28), (-0.32, y + 0.28)
    )
    return [*parts, Part("shade", [*marks, crown][rng.integers(4)])]


def key(rng: Rng) -> list[Part]:
    """A bow, a stem and two or three teeth."""
    kind, r = rng.integers(3), rng.uniform(0.36, 0.44)
    y, hole = -0.98 + r, r * rng.uniform(0.45, 0.58)
    bit = [
        Part("main", box(0.05, py, 0.05 + rng.uniform(0.28, 0.45), py + 0.14))
        for py in (0.78, 0.54, 0.3)[: rng.integers(2, 4)]
    ]
    stem = Part("main", rounded(-0.1, y + r - 0.1, 0.1, 1, 0.06))
    if kind == 0:
        bow = [Part("main", disc(0, y, r), (disc(0, y, hole),))]
    elif kind == 1:
        bow = [
            Part("main", disc(x, y + dy, r * 0.62), (disc(x, y + dy, r * 0.3),))
            for x, dy in ((-0.3, 0.1), (0.3, 0.1), (0, -0.15))
        ]
    else:
        bow = [Part("main", ngon(0, y, r * 1.15, 4), (ngon(0, y, hole, 4),))]
    return [stem, *bit, *bow, Part("shade", box(-0.16, y + r, 0.16, y + r + 0.1))]


def crown(rng: Rng) -> list[Part]:
    """A band with three or five points, knobs and stones."""
    tips, tall, flare = int(rng.choice([3, 5])), rng.uniform(0.6, 0.8), rng.uniform(0.0, 0.14)
    xs = np.linspace(-0.78 - flare, 0.78 + flare, tips)
    low = np.linspace(-0.7, 0.7, tips)
    top = [(x, -tall + 0.25 * abs(x) * rng.choice([0.0, 1.0])) for x in xs]
    points = [
        p for i in range(tips) for p in ([top[i]] if i == tips - 1 else [top[i], ((low[i] + low[i + 1]) / 2, 0.0)])
    ]
    parts = [
        Part("main", poly(*points, (0.7, 0.65), (-0.7, 0.65))),
        Part("shade", rounded(-0.76, 0.42, 0.76, 0.72, 0.06)),
    ]
    parts += [Part("main", disc(x, y, 0.1)) for x, y in top]
    stone = disc if rng.random() < 0.5 else lambda x, y, r: ngon(x, y, r, 4)
    return [*parts, *(Part("bone", stone(x, 0.57, 0.09)) for x in (-0.45, 0.0, 0.45))]


def ring(rng: Rng) -> list[Part]:
    """A finger ring with a large stone."""
    r, thick, size = rng.uniform(0.55, 0.64), rng.uniform(0.14, 0.2), rng.uniform(0.26, 0.36)
    hoop = Part("main", disc(0, 0.33, r), (disc(0, 0.33, r - thick),))
    y = 0.33 - r - size * 0.4
    stones = [
        ngon(0, y, size * 1.15, 4),
        disc(0, y, size),
        ngon(0, y, size * 1.1, 6),
        mirrored(poly((0, y - size * 0.7), (size * 0.7, y - size * 0.7), (size * 1.2, y - 0.05), (0, y + size))),
    ]
    setting = Part("shade", poly((-0.2, y), (0.2, y), (0.12, 0.4 - r), (-0.12, 0.4 - r)))
    return [
        hoop,
        setting,
        Part("main", stones[rng.integers(4)]),
        Part("tint", disc(-size * 0.25, y - size * 0.2, size * 0.3)),
    ]


def book(rng: Rng) -> list[Part]:
    """A closed book with a clasp or an emblem, or an open one."""
    if rng.random() < 0.3:
        page = mirrored(
            curve(
                (0, -0.4),
                (0.2, -0.6),
                (0.6, -0.6),
                (0.85, -0.45),
                (0.85, 0),
                (0.85, 0.3),
                (0.85, 0.5),
                (0.6, 0.35),
                (0.2, 0.35),
                (0, 0.55),
            )
        )
        lines = [
            Part("shade", box(s * 0.45 - 0.27, y, s * 0.45 + 0.27, y + 0.05))
            for s in (-1, 1)
            for y in (-0.3, -0.12, 0.06)
        ]
        cover = mirrored(poly((0, -0.5), (1, -0.6), (1, 0.65), (0, 0.72)))
        return [Part("main", cover), Part("bone", page), *lines, Part("shade", box(-0.03, -0.42, 0.03, 0.6))]
    wide = rng.uniform(0.6, 0.72)
    parts = [
        Part("shade", rounded(-wide, -0.85, wide, 0.92, 0.08)),
        Part("bone", box(-wide + 0.1, 0.7, wide - 0.03, 0.86)),
    ]
    parts += [Part("main", rounded(-wide, -0.9, wide, 0.72, 0.08)), Part("shade", box(-wide, -0.9, -wide + 0.2, 0.72))]
    marks = [
        star(0.1, -0.1, 0.35, 0.15, 5),
        ngon(0.1, -0.1, 0.36, 4),
        disc(0.1, -0.1, 0.28),
        rounded(-0.25, -0.5, 0.45, -0.25, 0.05),
    ]
    return [*parts, Part("bone", marks[rng.integers(4)])]


def scroll(rng: Rng) -> list[Part]:
    """A sheet between two rolls, with lines of writing or a seal."""
    wide, tall = rng.uniform(0.52, 0.65), rng.uniform(0.6, 0.75)
    parts = [Part("main", box(-wide, -tall, wide, tall))]
    parts += [
        Part("shade", box(-wide + 0.15, y, rng.uniform(0.1, wide - 0.12), y + 0.07))
        for y in np.arange(-tall + 0.3, tall - 0.35, 0.2)
    ]
    for y in (-tall, tall):
        parts += [
            Part("wood", rounded(-wide - 0.25, y - 0.07, wide + 0.25, y + 0.07, 0.06)),
            Part("tint", rounded(-wide - 0.1, y - 0.16, wide + 0.1, y + 0.16, 0.15)),
        ]
    if rng.random() < 0.5:
        parts.append(Part("shade", disc(wide - 0.2, tall - 0.25, 0.17)))
    return parts


def chest(rng: Rng) -> list[Part]:
    """A treasure chest, shut or open on its hoard."""
    wide, lid = rng.uniform(0.75, 0.88), rng.uniform(0.1, 0.35)
    body = [Part("main", box(-wide, -0.05, wide, 0.75))]
    if rng.random() < 0.35:
        back = mirrored(poly((0, -0.75), (wide - 0.05, -0.75), (wide, -0.1)))
        hoard = [Part("bone", disc(x, -0.05 - 0.1 * (1 - abs(x)), 0.16)) for x in (-0.55, -0.2, 0.15, 0.5)]
        top = [Part("shade", back), Part("ink", back * [0.85, 0.8] + [0, -0.05]), *hoard]
    else:
        curve_top = mirrored(curve((0, -0.4 - lid), (0.4, -0.4 - lid), (wide, -0.3 - lid), (wide, -0.05)))
        top = [Part("main", curve_top), Part("shade", box(-wide, -0.12, wide, 0.0))]
    straps = [Part("steel", box(x - 0.08, -0.05, x + 0.08, 0.75)) for x in (-0.55, 0.55)]
    lock = [Part("steel", rounded(-0.16, -0.12, 0.16, 0.25, 0.06)), Part("ink", disc(0, 0.05, 0.06))]
    return [*top, *body, *straps, *lock]
