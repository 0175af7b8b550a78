"""Arms and armour. Each function: random generator → parts, back to front, in the unit square, upright."""

import numpy as np

from starter.draw.shapes import Part, arc, band, box, curve, disc, ellipse, mirrored, ngon, poly, rounded, star

Rng = np.random.Generator


def sword(rng: Rng) -> list[Part]:
    """A blade (straight, leaf-shaped or curved), a guard, a grip and a pommel."""
    width, guard_y, guard = rng.uniform(0.13, 0.22), rng.uniform(0.38, 0.5), rng.uniform(0.32, 0.5)
    belly, lean = rng.choice([0.0, 0.06]), rng.choice([0.0, 0.0, 0.35])
    right = curve((0, -1), (width, -0.8), (width + belly, -0.2), (width, guard_y))
    left = curve((-width, guard_y), (-width - belly, -0.2), (-width, -0.8), (0, -1))
    blade = np.concatenate([right, left])
    blade[:, 0] += lean * (np.clip(guard_y - blade[:, 1], 0, 2) / 1.4) ** 2
    fuller = poly((-0.03, -0.5), (0.03, -0.5), (0.03, guard_y), (-0.03, guard_y))
    bow_y = rng.uniform(-0.15, 0.15)
    bar = band(curve((-guard, guard_y + bow_y), (-0.1, guard_y), (0.1, guard_y), (guard, guard_y + bow_y)), 0.13)
    parts = [Part("wood", box(-0.07, guard_y, 0.07, 0.88)), Part("main", blade), Part("shade", bar)]
    if lean == 0 and rng.random() < 0.6:
        parts.insert(2, Part("tint", fuller))
    pommel = disc(0, 0.9, 0.11) if rng.random() < 0.6 else ngon(0, 0.9, 0.14, 4)
    return [*parts, Part("shade", pommel)]


def axe(rng: Rng) -> list[Part]:
    """A shaft with one or two bits near its top."""
    reach, top, drop = rng.uniform(0.55, 0.75), rng.uniform(-0.9, -0.75), rng.uniform(0.45, 0.65)
    shaft = rounded(-0.08, -0.95, 0.08, 1, 0.05)
    edge = curve((0.05, top + 0.2), (0.3, top + 0.15), (reach - 0.2, top), (reach, top - 0.1))
    bow = curve((reach, top - 0.1), (reach + 0.2, top + 0.2), (reach + 0.2, top + drop), (reach, top + drop + 0.15))
    under = curve((reach, top + drop + 0.15), (reach - 0.2, top + drop), (0.3, top + drop - 0.1), (0.05, top + drop))
    bit = np.concatenate([edge, bow, under])
    parts = [Part("wood", shaft), Part("main", bit)]
    if rng.random() < 0.5:
        parts.append(Part("main", bit * [-1, 1]))
    else:
        parts.append(Part("shade", poly((-0.05, top + 0.2), (-0.3, top + 0.28), (-0.05, top + 0.45))))
    return [*parts, Part("shade", rounded(-0.13, top + 0.12, 0.13, top + drop + 0.05, 0.03))]


def bow(rng: Rng) -> list[Part]:
    """A bent stave with its string, often with an arrow laid on."""
    bend, recurve = rng.uniform(0.7, 1.0), rng.uniform(0.0, 0.35)
    stave = curve((-0.3 - recurve / 2, -0.98), (-0.1, -0.75), (bend, -0.6), (bend * 0.62, 0))
    path = np.concatenate([stave, (stave * [1, -1])[::-1][1:]])
    width = 0.1 + 0.12 * np.sin(np.linspace(0, np.pi, len(path)))
    tip = path[0]
    parts = [Part("bone", band(poly(tip, tip * [1, -1]), 0.045)), Part("main", band(path, width))]
    parts.append(Part("shade", band(path[len(path) // 2 - 4 : len(path) // 2 + 5], 0.24)))
    if rng.random() < 0.5:
        parts += [Part("wood", box(-0.85, -0.04, 0.8, 0.04)), Part("shade", ngon(0.85, 0, 0.15, 3, np.pi / 2))]
    return parts


def spear(rng: Rng) -> list[Part]:
    """A long shaft with a leaf, barbed or forked head."""
    long, wide = rng.uniform(0.6, 0.8), rng.uniform(0.22, 0.3)
    shaft = rounded(-0.065, -0.6, 0.065, 1, 0.04)
    kind = rng.integers(3)
    if kind == 0:
        head = mirrored(curve((0, -1), (wide, -1 + long * 0.4), (wide, -1 + long * 0.7), (0.06, -1 + long)))
    elif kind == 1:
        head = mirrored(poly((0, -1), (wide, -1 + long * 0.75), (0.09, -1 + long * 0.62), (0.09, -1 + long)))
    else:
        half = poly((0, -0.98), (0.09, -0.8), (0.09, -0.5), (0.24, -0.55), (0.24, -0.9), (0.36, -0.7), (0.36, -0.38))
        head = mirrored(np.concatenate([half, poly((0.06, -0.28))]))
    parts = [Part("wood", shaft), Part("main", head)]
    if kind < 2 and rng.random() < 0.6:
        parts.append(Part("shade", mirrored(poly((0, -0.85), (0.04, -0.6), (0, -1.05 + long)))))
    flag = mirrored(poly((0.13, -1 + long), (0.13, -0.9 + long), (0.07, -0.8 + long)))
    return [*parts, Part("main", flag)]


def hammer(rng: Rng) -> list[Part]:
    """A war hammer or mallet: a shaft and a heavy head."""
    half, top, low = rng.uniform(0.5, 0.68), rng.uniform(-0.95, -0.85), rng.uniform(-0.35, -0.2)
    head = rounded(-half, top, half, low, rng.choice([0.03, 0.12]))
    parts = [Part("wood", rounded(-0.09, -0.5, 0.09, 1, 0.05)), Part("main", head)]
    kind = rng.integers(3)
    if kind == 0:
        spike = poly((half - 0.05, top + 0.1), (half + 0.35, (top + low) / 2), (half - 0.05, low - 0.1))
        parts.insert(1, Part("shade", spike))
    elif kind == 1:
        parts += [Part("tint", box(x, top - 0.03, x + 0.15, low + 0.03)) for x in (-half, half - 0.15)]
    band_x = rng.uniform(0.12, 0.2)
    return [*parts, Part("shade", box(-band_x, top, band_x, low)), Part("shade", rounded(-0.12, 0.85, 0.12, 1, 0.04))]


def shield(rng: Rng) -> list[Part]:
    """A heater, round or kite shield with a rim and a device."""
    kind, wide = rng.integers(3), rng.uniform(0.72, 0.85)
    if kind == 0:
        outer = mirrored(
            curve((0, -0.85), (0.3, -0.75), (0.5, -0.75), (wide, -0.85), (wide, 0.1), (0.6, 0.6), (0, 0.95))
        )
    elif kind == 1:
        outer = disc(0, 0, 0.88)
    else:
        outer = mirrored(curve((0, -0.95), (0.6, -0.9), (wide, -0.5), (wide - 0.1, 0), (0.5, 0.4), (0.2, 0.8), (0, 1)))
    parts = [Part("shade", outer), Part("main", outer * 0.82)]
    device = rng.integers(4)
    if device == 0:
        parts += [Part("bone", box(-0.09, -0.62, 0.09, 0.55)), Part("bone", box(-0.5, -0.25, 0.5, -0.07))]
    elif device == 1:
        parts += [Part("steel", disc(0, -0.05, 0.24)), Part("tint", disc(-0.04, -0.1, 0.1))]
    elif device == 2:
        parts.append(Part("bone", star(0, -0.08, 0.4, 0.17, 5)))
    else:
        parts.append(Part("tint", band(poly((-0.5, 0.1), (0, -0.3), (0.5, 0.1)), 0.2)))
    return parts


def helmet(rng: Rng) -> list[Part]:
    """A steel cap with a visor slit, a nose guard or horns, and sometimes a plume."""
    wide, low = rng.uniform(0.58, 0.7), rng.uniform(0.65, 0.85)
    dome = mirrored(
        curve((0, -0.65), (0.5, -0.65), (wide, -0.3), (wide, 0.1), (wide, 0.4), (wide - 0.05, low), (0.3, low))
    )
    parts, kind = [Part("main", dome)], rng.integers(3)
    if kind == 0:
        slit = [Part("ink", box(-wide + 0.08, -0.02, wide - 0.08, 0.14)), Part("shade", box(-0.06, -0.6, 0.06, low))]
        parts += [*slit, *(Part("ink", box(x - 0.03, 0.35, x + 0.03, 0.6)) for x in (-0.35, -0.2, 0.2, 0.35))]
    elif kind == 1:
        face = mirrored(poly((0.06, 0.0), (0.42, -0.02), (0.42, low + 0.02), (0.2, low + 0.02), (0.06, 0.45)))
        parts += [Part("ink", face), Part("shade", box(-0.08, -0.6, 0.08, 0.45))]
    else:
        horn = curve((0.5, -0.15), (1.0, -0.1), (1.05, -0.5), (0.85, -0.95), (0.8, -0.6), (0.75, -0.45), (0.5, -0.45))
        parts = [Part("bone", horn), Part("bone", horn * [-1, 1]), *parts]
        parts += [Part("ink", ellipse(x, 0.22, 0.17, 0.12)) for x in (-0.27, 0.27)]
        parts.append(Part("shade", box(-wide, -0.12, wide, 0.04)))
    if kind < 2 and rng.random() < 0.6:
        parts.insert(0, Part("tint", band(arc(0.1, -0.2, 0.7, 190, 330), 0.3)))
    return parts
