"""The twelve colours by their words, and the tones a subject is painted with."""

import numpy as np

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (205, 38, 44),
    "orange": (240, 124, 28),
    "gold": (240, 196, 48),
    "green": (58, 158, 62),
    "teal": (20, 150, 150),
    "blue": (42, 92, 205),
    "purple": (126, 58, 172),
    "pink": (242, 130, 178),
    "brown": (126, 76, 42),
    "white": (246, 246, 242),
    "black": (44, 43, 50),
    "silver": (164, 171, 182),
}
NEUTRALS: dict[str, Rgb] = {
    "wood": (118, 82, 56),
    "steel": (142, 149, 158),
    "bone": (241, 231, 206),
    "fire": (255, 168, 46),
    "glow": (255, 226, 132),
    "glass": (214, 230, 238),
}
INK: Rgb = (28, 24, 33)


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """``a`` with ``share`` (0–1) of ``b`` in it."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def luminance(rgb: Rgb) -> float:
    """Rec. 601 luma, 0–255."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def jittered(rgb: Rgb, rng: np.random.Generator, spread: float = 7.0) -> Rgb:
    """The colour, moved a little in every channel, so that a word means a neighbourhood and not one value."""
    red, green, blue = (int(np.clip(channel + rng.uniform(-spread, spread), 0, 255)) for channel in rgb)
    return red, green, blue


def tones(colour: str, rng: np.random.Generator) -> dict[str, Rgb]:
    """Role → RGB for one subject: its own colour, darker and lighter, and the neutrals beside it."""
    main = jittered(COLOURS[colour], rng)
    dark = luminance(main) < 70
    shade, tint = (
        mix(main, (0, 0, 0), 0.14 if colour == "white" else 0.28),
        mix(main, (255, 255, 255), 0.28 if dark else 0.45),
    )
    own = {"main": main, "shade": mix(main, (120, 120, 135), 0.35) if colour == "black" else shade, "tint": tint}
    neutral = {role: jittered(rgb, rng, 5) for role, rgb in NEUTRALS.items()}
    return {**own, **neutral, "ink": neutral["bone"] if colour == "black" else INK}
