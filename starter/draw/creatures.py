"""Animals, monsters and what is left of them. Each function: random generator → parts, back to front, upright."""

import numpy as np

from starter.draw.shapes import Part, band, box, curve, disc, ellipse, mirrored, poly, rounded

Rng = np.random.Generator


def fish(rng: Rng) -> list[Part]:
    """A fish in profile: body, tail, fins, eye and stripes or scales."""
    tall, long = rng.uniform(0.38, 0.55), rng.uniform(0.6, 0.7)
    tail = poly((0.4, 0), (0.98, -tall), (0.82, 0), (0.98, tall))
    body = ellipse(-0.15, 0, long, tall)
    fin = Part("shade", curve((-0.35, -tall + 0.1), (-0.2, -tall - 0.35), (0.2, -tall - 0.3), (0.25, -tall * 0.5)))
    marks = [
        Part("shade", band(curve((x, -tall * 0.8), (x + 0.12, -0.2), (x + 0.12, 0.2), (x, tall * 0.8)), 0.09))
        for x in (-0.15, 0.12)
    ]
    belly = Part("tint", ellipse(-0.15, tall * 0.55, long * 0.6, tall * 0.28))
    eye = [Part("bone", disc(-0.5, -0.1, 0.14)), Part("ink", disc(-0.52, -0.1, 0.07))]
    return [Part("shade", tail), fin, Part("main", body), *(marks if rng.random() < 0.6 else [belly]), *eye]


def cat(rng: Rng) -> list[Part]:
    """A cat: a face with whiskers, or a whole cat sitting with its tail round it."""
    eye = rng.choice(["bone", "glow"])
    if rng.random() < 0.5:
        ears = [
            Part("main", poly((0.2, -0.5), (0.75, -0.98), (0.78, -0.1))),
            Part("bone", poly((0.4, -0.5), (0.66, -0.75), (0.66, -0.35))),
        ]
        ears += [Part(p.role, p.outline * [-1, 1]) for p in ears]
        face = [Part("main", ellipse(0, 0.1, 0.82, rng.uniform(0.66, 0.75)))]
        eyes = [
            p
            for x in (-0.36, 0.36)
            for p in (Part(eye, ellipse(x, 0.0, 0.18, 0.17)), Part("ink", ellipse(x, 0.0, 0.07, 0.16)))
        ]
        whiskers = [
            Part("ink", band(poly((s * 0.3, 0.38), (s * 0.95, y)), 0.035)) for s in (-1, 1) for y in (0.25, 0.48)
        ]
        return [*ears, *face, *eyes, Part("ink", poly((-0.1, 0.25), (0.1, 0.25), (0, 0.38))), *whiskers]
    tail = band(curve((0.3, 0.8), (1.0, 0.9), (0.95, 0.2), (rng.uniform(0.6, 0.95), -0.1)), 0.17)
    body = mirrored(curve((0, -0.35), (0.35, -0.3), (0.6, 0.4), (0.5, 0.98), (0.3, 1), (0.1, 1), (0, 1)))
    head = [
        Part("main", ellipse(0, -0.5, 0.43, 0.36)),
        *(Part("main", poly((s * 0.1, -0.75), (s * 0.38, -1), (s * 0.42, -0.5))) for s in (-1, 1)),
    ]
    eyes = [Part(eye, ellipse(x, -0.52, 0.1, 0.09)) for x in (-0.17, 0.17)]
    return [
        Part("shade", tail),
        Part("main", body),
        Part("tint", ellipse(0, 0.35, 0.2, 0.4)),
        *head,
        *eyes,
        Part("ink", disc(0, -0.38, 0.05)),
    ]


def bird(rng: Rng) -> list[Part]:
    """A bird in profile on its legs, with a folded or a raised wing."""
    plump, tail_y = rng.uniform(0.42, 0.52), rng.uniform(0.0, 0.35)
    tail = poly((0.3, 0.05), (0.98, tail_y - 0.2), (0.95, tail_y + 0.1), (0.3, 0.4))
    legs = [Part("wood", box(x - 0.035, 0.45, x + 0.035, 0.95)) for x in (-0.08, 0.14)]
    beak = Part("fire", poly((-0.72, -0.5), (-0.98, -0.36), (-0.7, -0.28)))
    body = [Part("main", ellipse(0, 0.15, 0.58, plump)), Part("main", disc(-0.45, -0.42, 0.34))]
    if rng.random() < 0.5:
        wing = curve((-0.2, 0), (0.1, -0.2), (0.5, 0), (0.62, 0.3), (0.4, 0.45), (0.0, 0.45), (-0.2, 0))
    else:
        wing = curve(
            (-0.2, 0.1),
            (-0.1, -0.5),
            (0.2, -0.9),
            (0.6, -0.98),
            (0.5, -0.5),
            (0.45, 0.0),
            (0.3, 0.2),
            (0.1, 0.3),
            (-0.1, 0.3),
            (-0.2, 0.1),
        )
    eye = [Part("bone", disc(-0.52, -0.47, 0.1)), Part("ink", disc(-0.54, -0.47, 0.055))]
    return [Part("shade", tail), *legs, beak, *body, Part("shade", wing), *eye]


def snake(rng: Rng) -> list[Part]:
    """A snake in an S or reared over its coils."""
    thick = rng.uniform(0.2, 0.26)
    if rng.random() < 0.55:
        path = curve(
            (0.1, -0.75),
            (-0.9, -0.9),
            (-0.9, -0.15),
            (0, -0.05),
            (0.9, 0.05),
            (0.85, 0.75),
            (0, 0.72),
            (-0.4, 0.7),
            (-0.6, 0.85),
            (-0.85, 0.9),
        )
        head = (0.2, -0.74)
        base = []
    else:
        base = [Part("main" if i % 2 else "shade", ellipse(0, 0.85 - 0.24 * i, 0.8 - 0.15 * i, 0.18)) for i in range(3)]
        path = curve((-0.25, -0.72), (0.4, -0.85), (0.45, -0.3), (0.1, -0.05), (-0.1, 0.1), (-0.1, 0.2), (0.1, 0.35))
        head = (-0.28, -0.72)
    side = np.sign(head[0])
    body = band(path, thick * np.linspace(1, 0.45 if not base else 1, len(path)))
    fork = Part("ink", band(poly(head, (head[0] + side * 0.5, head[1] + 0.08)), 0.05))
    spots = [Part("tint", disc(x, y, thick * 0.25)) for x, y in path[6::8]]
    skull = Part("main", ellipse(*head, 0.26, 0.18))
    return [
        *base,
        fork,
        Part("main", body),
        *spots,
        skull,
        Part("ink", disc(head[0] + side * 0.06, head[1] - 0.05, 0.05)),
    ]


def skull(rng: Rng) -> list[Part]:
    """A skull: dome, eye holes, nose and teeth; sometimes over crossed bones."""
    wide, jaw = rng.uniform(0.66, 0.78), rng.uniform(0.36, 0.45)
    dome = mirrored(
        curve((0, -0.9), (wide, -0.9), (wide + 0.1, 0.0), (jaw + 0.08, 0.3), (jaw, 0.45), (jaw, 0.6), (jaw, 0.75))
    )
    eyes = [Part("ink", ellipse(x, -0.1, 0.2, rng.uniform(0.17, 0.24))) for x in (-0.31, 0.31)]
    nose = Part("ink", poly((0, 0.12), (0.1, 0.34), (-0.1, 0.34)))
    teeth = [Part("ink", box(x - 0.025, 0.5, x + 0.025, 0.76)) for x in (-0.2, 0.0, 0.2)]
    bones = []
    if rng.random() < 0.35:
        for s in (-1, 1):
            ends = [(s * 0.85, 0.3), (-s * 0.85, 0.9)]
            bones += [Part("bone", band(poly(*ends), 0.16)), *(Part("bone", disc(x, y, 0.15)) for x, y in ends)]
    return [*bones, Part("main", dome), *eyes, nose, *teeth]


def heart(rng: Rng) -> list[Part]:
    """A heart: plain with a highlight, split, or banded."""
    wide, dip = rng.uniform(0.85, 0.98), rng.uniform(-0.55, -0.42)
    half = curve((0, dip), (0.15, -0.95), (wide, -0.95), (wide, -0.3), (wide, 0.2), (0.3, 0.55), (0, 0.92))
    parts, kind = [Part("main", mirrored(half))], rng.integers(3)
    if kind == 0:
        parts.append(Part("tint", ellipse(-0.45, -0.42, 0.2, 0.14)))
    elif kind == 1:
        parts.append(
            Part(
                "ink",
                poly((0.02, dip), (0.14, -0.2), (-0.08, 0.0), (0.08, 0.3), (-0.02, 0.3), (-0.18, 0.0), (0.0, -0.2)),
            )
        )
    else:
        parts.append(Part("tint", mirrored(half) * 0.62))
    return parts


def ghost(rng: Rng) -> list[Part]:
    """A sheet ghost with a ragged hem and a face."""
    wide, waves = rng.uniform(0.55, 0.66), int(rng.choice([3, 4]))
    top = curve((-wide, 0.75), (-wide, -0.2), (-wide, -0.95), (0, -0.95), (wide, -0.95), (wide, -0.2), (wide, 0.75))
    hem = poly(*[(x, 0.9 if i % 2 == 0 else 0.62) for i, x in enumerate(np.linspace(wide, -wide, 2 * waves + 1))])
    arms = [Part("main", ellipse(s * (wide + 0.1), rng.uniform(0.0, 0.15), 0.26, 0.14)) for s in (-1, 1)]
    eyes = [Part("ink", ellipse(x, -0.35, 0.11, rng.uniform(0.13, 0.2))) for x in (-0.22, 0.22)]
    mouth = Part("ink", ellipse(0, 0.02, rng.uniform(0.1, 0.18), 0.12))
    return [*(arms if rng.random() < 0.6 else []), Part("main", np.concatenate([top, hem])), *eyes, mouth]


def butterfly(rng: Rng) -> list[Part]:
    """A butterfly from above: four wings, spots, body and feelers."""
    span, high = rng.uniform(0.85, 0.98), rng.uniform(-0.9, -0.75)
    upper = curve((0.05, -0.15), (0.2, high), (span, high - 0.05), (span, -0.4), (span, 0.0), (0.4, 0.15), (0.05, 0.1))
    lower = curve((0.05, 0.05), (0.5, 0.1), (0.8, 0.3), (0.7, 0.6), (0.6, 0.95), (0.2, 0.8), (0.05, 0.25))
    spot = rng.choice(["tint", "bone"])
    marks = [Part(spot, ellipse(0.6, -0.45, 0.18, 0.2)), Part(spot, disc(0.45, 0.5, 0.13))]
    side = [Part("shade", lower), Part("main", upper), *marks]
    wings = side + [Part(p.role, p.outline * [-1, 1]) for p in side]
    feelers = [
        Part("ink", band(curve((0, -0.5), (s * 0.05, -0.7), (s * 0.15, -0.85), (s * 0.3, -0.95)), 0.05))
        for s in (-1, 1)
    ]
    return [*wings, *feelers, Part("ink", rounded(-0.09, -0.55, 0.09, 0.6, 0.08))]
