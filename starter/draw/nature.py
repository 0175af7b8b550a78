"""Sky, earth and plants. Each function: random generator → parts, back to front, upright."""

import numpy as np

from starter.draw.shapes import Part, band, box, curve, disc, ellipse, mirrored, poly, shifted, star, turned

Rng = np.random.Generator


def tree(rng: Rng) -> list[Part]:
    """A tree: a round crown, a cloud of leaves or a fir."""
    trunk, kind = rng.uniform(0.1, 0.16), rng.integers(3)
    wood = Part("wood", poly((-trunk, 0.2), (trunk, 0.2), (trunk * 1.6, 1), (-trunk * 1.6, 1)))
    if kind == 0:
        half = rng.uniform(0.55, 0.7)
        tiers = [(0.45, 1.0), (0.0, 0.8), (-0.42, 0.58)]
        cones = [
            Part("main" if i != 1 else "shade", poly((0, y - 0.62), (half * s, y), (-half * s, y)))
            for i, (y, s) in enumerate(tiers)
        ]
        return [wood, *cones]
    if kind == 1:
        puffs = [(-0.42, -0.1, 0.42), (0.42, -0.1, 0.42), (-0.2, -0.5, 0.42), (0.25, -0.5, 0.4), (0, -0.15, 0.5)]
        leaves = [Part("main", disc(x, y, r * rng.uniform(0.9, 1.1))) for x, y, r in puffs]
        return [wood, *leaves, Part("tint", disc(-0.2, -0.55, 0.18)), Part("shade", ellipse(0.2, 0.1, 0.35, 0.13))]
    crown = Part("main", ellipse(0, -0.3, rng.uniform(0.55, 0.75), 0.68))
    fruit = [Part("bone", disc(x, y, 0.08)) for x, y in rng.uniform([-0.35, -0.7], [0.35, 0.1], (4, 2))]
    return [wood, crown, Part("tint", ellipse(-0.2, -0.5, 0.2, 0.2)), *(fruit if rng.random() < 0.5 else [])]


def mountain(rng: Rng) -> list[Part]:
    """One to three peaks with snow."""
    peaks = [(rng.uniform(-0.15, 0.15), rng.uniform(-0.85, -0.7), 0.75)]
    if rng.random() < 0.7:
        peaks = [(-0.5, rng.uniform(-0.3, 0.0), 0.48), *peaks]
    if rng.random() < 0.5:
        peaks = [(0.55, rng.uniform(-0.2, 0.1), 0.43), *peaks]
    parts = []
    for x, y, half in peaks:
        snow = (0.75 - y) * 0.3
        reach = half * snow / (0.75 - y)
        ridge = poly((x, y), (x + half, 0.75), (x + half * 0.2, 0.75), (x + 0.1, y + 0.6), (x - 0.03, y + 0.4))
        cap = poly(
            (x, y),
            (x + reach, y + snow),
            (x + reach * 0.3, y + snow * 0.75),
            (x, y + snow * 1.2),
            (x - reach * 0.4, y + snow * 0.8),
            (x - reach, y + snow),
        )
        parts += [
            Part("main", poly((x, y), (x + half, 0.75), (x - half, 0.75))),
            Part("shade", ridge),
            Part("bone", cap),
        ]
    return parts


def sun(rng: Rng) -> list[Part]:
    """A sun with straight, wavy or pointed rays, sometimes with a face."""
    rays, r, kind = int(rng.choice([8, 10, 12])), rng.uniform(0.45, 0.55), rng.integers(3)
    if kind == 0:
        beams = [Part("main", star(0, 0, 1, r, rays))]
    elif kind == 1:
        beams = [Part("main", turned(box(-0.07, -1, 0.07, -r - 0.12), 360 * i / rays)) for i in range(rays)]
    else:
        tip = poly((-0.14, -r - 0.1), (0.0, -1), (0.14, -r - 0.1))
        beams = [Part("main", turned(tip, 360 * i / rays)) for i in range(rays)]
    face = []
    if rng.random() < 0.45:
        face = [Part("ink", disc(x, -0.08, 0.07)) for x in (-0.18, 0.18)] + [
            Part("ink", band(curve((-0.2, 0.14), (-0.1, 0.3), (0.1, 0.3), (0.2, 0.14)), 0.07))
        ]
    return [*beams, Part("shade", disc(0, 0, r + 0.04)), Part("main", disc(0, 0, r - 0.03)), *face]


def moon(rng: Rng) -> list[Part]:
    """A crescent, sometimes with craters or a small star in its arms."""
    cut, r = rng.uniform(0.28, 0.5), 0.9
    angle = np.linspace(np.radians(50), np.radians(310), 40)
    outer = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    t = np.linspace(-1, 1, 30)[:, None]
    depth = outer[-1, 0] - (1 - t**2) * (0.7 + cut)
    inner = np.concatenate([depth, t * outer[0, 1]], axis=1)
    parts = [Part("main", shifted(np.concatenate([outer, inner]), 0.2, 0))]
    if rng.random() < 0.5:
        parts += [
            Part("shade", disc(*p, rng.uniform(0.06, 0.1))) for p in ((-0.48, -0.2), (-0.42, 0.28), (-0.15, 0.62))
        ]
    if rng.random() < 0.35:
        parts.append(Part("bone", star(0.5, 0.0, 0.22, 0.1, 5)))
    return parts


def star_shape(rng: Rng) -> list[Part]:
    """A star of four to eight tips, plain, faceted or with a core."""
    tips = int(rng.choice([5, 5, 5, 6, 8, 4]))
    notch = rng.uniform(0.36, 0.48) if tips > 4 else rng.uniform(0.28, 0.36)
    outer = star(0, 0.03, 0.97, notch, tips)
    parts = [Part("main", outer)]
    if rng.random() < 0.5:
        parts += [Part("shade", poly(outer[2 * i], outer[2 * i + 1], (0, 0.03))) for i in range(tips)]
    elif rng.random() < 0.5:
        parts.append(Part("tint", star(0, 0.03, 0.55, notch * 0.55, tips)))
    return parts


def flame(rng: Rng) -> list[Part]:
    """A tongue of fire with one or two inner tongues."""
    lean, wide = rng.uniform(-0.3, 0.3), rng.uniform(0.55, 0.7)
    right = [(lean, -1), (lean + 0.1, -0.6), (wide, -0.3), (wide, 0.3), (wide, 0.75), (0.3, 0.95), (0, 0.95)]
    left = [
        (-0.3, 0.95),
        (-wide, 0.75),
        (-wide, 0.3),
        (-wide, 0.05),
        (-wide + 0.1, -0.2),
        (-wide + 0.05, -0.5),
        (-0.25, -0.35),
        (-0.2, -0.2),
        (-0.15, -0.1),
        (-0.05, -0.5),
        (lean - 0.1, -0.8),
        (lean, -1),
    ]
    outer = curve(*right, *left)
    parts = [Part("main", outer), Part("tint", outer * 0.62 + [0, 0.33])]
    return [*parts, Part("bone", outer * 0.33 + [0, 0.58])] if rng.random() < 0.6 else parts


def drop(rng: Rng) -> list[Part]:
    """One drop of liquid with a highlight, sometimes with droplets or a ripple."""
    wide, lean = rng.uniform(0.52, 0.66), rng.uniform(-0.12, 0.12)
    half = curve((0, -0.98), (0.1, -0.6), (wide, -0.1), (wide, 0.3), (wide, 0.65), (0.35, 0.9), (0, 0.9))
    body = mirrored(half)
    body[:, 0] += lean * np.clip(-body[:, 1], 0, 1)
    shine = band(curve((-wide * 0.62, 0.3), (-wide * 0.6, 0.55), (-0.3, 0.68), (-0.12, 0.7)), 0.11)
    parts = [Part("main", body), Part("tint", shine)]
    if rng.random() < 0.35:
        parts += [Part("main", (body * 0.28) + [s * 0.75, y]) for s, y in ((-1, -0.3), (1, -0.55))]
    return parts


def leaf(rng: Rng) -> list[Part]:
    """A broad, narrow or lobed leaf with its veins, on a stalk."""
    wide = rng.uniform(0.45, 0.7)
    if rng.random() < 0.7:
        blade = mirrored(curve((0, -0.95), (wide * 0.9, -0.6), (wide * 1.2, 0.1), (0, 0.65)))
    else:
        blade = mirrored(
            poly((0, -0.95), (0.25, -0.5), (0.7, -0.55), (0.48, -0.1), (0.8, 0.2), (0.35, 0.3), (0.1, 0.6))
        )
    stalk = band(curve((0, -0.75), (0, 0), (0, 0.5), (rng.uniform(-0.15, 0.15), 1)), 0.08)
    veins = [
        Part("shade", band(poly((0, y + 0.2), (s * wide * 0.5, y - 0.05)), 0.05))
        for y in (-0.3, 0.0, 0.28)
        for s in (-1, 1)
    ]
    return [Part("main", blade), *veins, Part("shade", stalk)]


def mushroom(rng: Rng) -> list[Part]:
    """A spotted toadstool, flat-capped or pointed."""
    wide, tall, low = rng.uniform(0.75, 0.92), rng.uniform(-0.9, -0.65), rng.uniform(0.0, 0.15)
    cap = mirrored(
        curve(
            (0, tall),
            (wide * 0.6, tall),
            (wide, low - 0.35),
            (wide, low),
            (wide * 0.6, low + 0.13),
            (0.3, low + 0.16),
            (0, low + 0.16),
        )
    )
    stem = mirrored(curve((0.2, low), (0.2, 0.4), (rng.uniform(0.25, 0.4), 0.6), (0.32, 0.95)))
    spots = [
        Part("bone", ellipse(x * wide, tall * 0.4 + y, r * 1.1, r))
        for x, y, r in ((-0.5, 0.15, 0.12), (0.02, -0.1, 0.17), (0.52, 0.14, 0.13))
    ]
    return [
        Part("bone", stem),
        Part("main", cap),
        *(spots if rng.random() < 0.75 else [Part("tint", ellipse(-0.3, tall * 0.45, 0.25, 0.12))]),
    ]
