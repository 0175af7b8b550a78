"""Buildings, a tent and a ship. Each function: random generator → parts, back to front, upright."""

import numpy as np

from starter.draw.shapes import Part, box, curve, disc, mirrored, poly, rounded, shifted

Rng = np.random.Generator


def _battlements(x0: float, x1: float, y: float, count: int) -> list[Part]:
    """A row of merlons standing on height y."""
    xs = np.linspace(x0, x1, 2 * count)
    return [Part("main", box(a, y - 0.16, b, y + 0.02)) for a, b in zip(xs[0::2], xs[1::2], strict=True)]


def _arch(x: float, y: float, half: float, low: float, role: str = "ink") -> Part:
    """A round-topped opening: top of the arch at y, foot at low."""
    return Part(role, shifted(mirrored(curve((0, y), (half, y), (half, y + half), (half, low))), x, 0))


def tower(rng: Rng) -> list[Part]:
    """One tall round tower, crenellated or with a pointed roof."""
    half, taper = rng.uniform(0.3, 0.4), rng.uniform(0.0, 0.12)
    body = poly((-half, -0.5), (half, -0.5), (half + taper, 1), (-half - taper, 1))
    if rng.random() < 0.5:
        cap = [
            Part("main", box(-half - 0.12, -0.68, half + 0.12, -0.42)),
            *_battlements(-half - 0.12, half + 0.12, -0.66, 3),
        ]
    else:
        cap = [Part("shade", poly((0, -1), (half + 0.2, -0.42), (-half - 0.2, -0.42)))]
    windows = [_arch(rng.uniform(-0.08, 0.08), y, 0.08, y + 0.24) for y in (-0.25, 0.15)]
    bricks = [Part("shade", box(x, y, x + 0.18, y + 0.07)) for x, y in rng.uniform([-0.3, -0.3], [0.12, 0.5], (4, 2))]
    return [Part("main", body), *bricks, *cap, *windows, _arch(0, 0.55, 0.15, 1)]


def castle(rng: Rng) -> list[Part]:
    """A keep between two towers, with a gate and flags."""
    side, keep = rng.uniform(-0.45, -0.2), rng.uniform(-0.65, -0.45)
    roofs = rng.random() < 0.5
    parts = [
        Part("shade", box(-0.3, keep, 0.3, 0.4)),
        *_battlements(-0.3, 0.3, keep, 3),
        Part("main", box(-0.7, 0.1, 0.7, 0.85)),
    ]
    parts += _battlements(-0.5, 0.5, 0.12, 4)
    for x in (-0.7, 0.7):
        parts.append(Part("main", box(x - 0.24, side, x + 0.24, 0.85)))
        parts += (
            [Part("shade", poly((x, side - 0.5), (x + 0.32, side), (x - 0.32, side)))]
            if roofs
            else _battlements(x - 0.24, x + 0.24, side, 3)
        )
        parts.append(_arch(x, side + 0.2, 0.07, side + 0.45))
    flag_y = keep - 0.15
    flag = [
        Part("wood", box(-0.025, flag_y - 0.3, 0.025, flag_y)),
        Part("tint", poly((0.02, flag_y - 0.3), (0.3, flag_y - 0.2), (0.02, flag_y - 0.1))),
    ]
    return [*parts, *flag, _arch(0, 0.35, 0.18, 0.85)]


def tent(rng: Rng) -> list[Part]:
    """A ridge tent or a round pavilion with an open flap."""
    top, half = rng.uniform(-0.75, -0.6), rng.uniform(0.8, 0.95)
    if rng.random() < 0.5:
        cloth = [Part("main", poly((0, top), (half, 0.8), (-half, 0.8)))]
        cloth += [Part("shade", poly((0, top), (half, 0.8), (half * 0.55, 0.8)))]
    else:
        roof = poly((0, top - 0.1), (half, 0.0), (half * 0.9, 0.12), (-half * 0.9, 0.12), (-half, 0.0))
        wall = Part("main", poly((-half * 0.85, 0.1), (half * 0.85, 0.1), (half * 0.8, 0.82), (-half * 0.8, 0.82)))
        stripes = [Part("tint", poly((0, top - 0.1), (x - 0.13, 0.1), (x + 0.13, 0.1))) for x in (-0.5, 0.0, 0.5)]
        cloth = [wall, Part("shade", roof), *stripes]
    flap = Part("ink", poly((0, rng.uniform(-0.1, 0.15)), (0.24, 0.82), (-0.24, 0.82)))
    pole = Part("wood", box(-0.035, top - 0.25, 0.035, top + 0.1))
    return [pole, *cloth, flap]


def house(rng: Rng) -> list[Part]:
    """A cottage with a roof, a door, a window and a chimney."""
    half, eave, top = rng.uniform(0.58, 0.7), rng.uniform(-0.1, 0.05), rng.uniform(-0.9, -0.75)
    chimney_x = rng.choice([-0.45, 0.4])
    chimney = Part("shade", box(chimney_x - 0.1, top + 0.05, chimney_x + 0.1, -0.1))
    walls = Part("main", box(-half, eave, half, 0.85))
    roof = Part("shade", poly((0, top), (half + 0.22, eave + 0.05), (-half - 0.22, eave + 0.05)))
    door_x = rng.choice([-0.3, 0.0, 0.3])
    door = Part("wood", rounded(door_x - 0.16, 0.35, door_x + 0.16, 0.85, 0.04))
    lights = [x for x in (-0.35, 0.35) if abs(x - door_x) > 0.3]
    panes = [Part("glow", box(x - 0.14, 0.2, x + 0.14, 0.48)) for x in lights]
    return [chimney, walls, roof, door, *panes, Part("glow", disc(0, (top + eave) / 2 + 0.05, 0.13))]


def ship(rng: Rng) -> list[Part]:
    """A sailing ship: hull, one or two masts, square or lateen sails."""
    deck, bow = rng.uniform(0.3, 0.4), rng.uniform(0.85, 0.98)
    hull = curve(
        (-0.85, deck - 0.15),
        (-0.6, deck),
        (0.5, deck),
        (bow, deck - 0.15),
        (0.75, 0.7),
        (0.6, 0.85),
        (0.4, 0.85),
        (0, 0.88),
        (-0.4, 0.88),
        (-0.6, 0.85),
        (-0.78, 0.7),
        (-0.8, 0.4),
        (-0.85, deck - 0.15),
    )
    parts = [Part("wood", box(-0.04, -0.95, 0.04, deck + 0.05))]
    if rng.random() < 0.5:
        parts.append(
            Part(
                "main",
                curve((0.06, -0.85), (0.5, -0.6), (0.75, -0.1), (0.78, 0.15), (0.5, 0.18), (0.3, 0.18), (0.06, 0.15)),
            )
        )
        parts.append(
            Part(
                "tint",
                curve(
                    (-0.08, -0.7), (-0.2, -0.4), (-0.5, 0.0), (-0.65, 0.15), (-0.4, 0.18), (-0.2, 0.18), (-0.08, 0.15)
                ),
            )
        )
    else:
        for y, w in ((-0.8, 0.42), (-0.3, 0.55)):
            sail = curve(
                (-w, y),
                (0, y + 0.05),
                (0, y + 0.05),
                (w, y),
                (w + 0.12, y + 0.2),
                (w + 0.08, y + 0.3),
                (w, y + 0.42),
                (0, y + 0.34),
                (0, y + 0.34),
                (-w, y + 0.42),
                (-w + 0.1, y + 0.3),
                (-w + 0.1, y + 0.1),
                (-w, y),
            )
            parts.append(Part("tint" if y < -0.5 else "main", sail))
    flag = Part("main", poly((0.04, -0.98), (0.3, -0.92), (0.04, -0.86)))
    ports = [Part("ink", disc(x, 0.58, 0.07)) for x in (-0.4, 0.0, 0.4)]
    return [*parts, flag, Part("main", hull), Part("shade", hull * [0.98, 0.25] + [0, 0.3]), *ports]
