"""Closed outlines as point lists, in the unit square [-1, 1]² with y pointing down.

Every function returns ``(N, 2) float64``. A subject is a list of `Part`s built from these, back to front.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One filled shape. ``role`` names its tone (see `starter.draw.colours.tones`); ``holes`` are left open."""

    role: str
    outline: Points
    holes: tuple[Points, ...] = ()

    def moved(self, matrix: Points, offset: Points) -> "Part":
        """The part under ``p ↦ matrix p + offset``; matrix is (2, 2), offset (2,)."""
        return Part(self.role, self.outline @ matrix.T + offset, tuple(h @ matrix.T + offset for h in self.holes))


def poly(*points: ArrayLike) -> Points:
    """The polygon through the given (x, y) pairs."""
    return np.asarray(points, dtype=np.float64)


def ellipse(x: float, y: float, rx: float, ry: float, count: int = 40) -> Points:
    """An ellipse around (x, y) with half-axes rx and ry."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def disc(x: float, y: float, r: float, count: int = 40) -> Points:
    """A circle around (x, y)."""
    return ellipse(x, y, r, r, count)


def ngon(x: float, y: float, r: float, sides: int, turn: float = 0.0) -> Points:
    """A regular polygon with one corner pointing up when ``turn`` (radians) is 0."""
    angle = turn - np.pi / 2 + 2 * np.pi * np.arange(sides) / sides
    return np.stack([x + r * np.cos(angle), y + r * np.sin(angle)], axis=1)


def star(x: float, y: float, r_out: float, r_in: float, tips: int, turn: float = 0.0) -> Points:
    """A star with ``tips`` tips at r_out and notches at r_in."""
    angle = turn - np.pi / 2 + np.pi * np.arange(2 * tips) / tips
    radius = np.where(np.arange(2 * tips) % 2 == 0, r_out, r_in)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """The rectangle between two corners."""
    return poly((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def rounded(x0: float, y0: float, x1: float, y1: float, r: float) -> Points:
    """A rectangle with corners of radius r (cut down to half the shorter side)."""
    r = min(r, abs(x1 - x0) / 2, abs(y1 - y0) / 2)
    corners = [(x1 - r, y0 + r, -90), (x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180)]
    return np.concatenate([arc(x, y, r, start, start + 90, 8) for x, y, start in corners])


def arc(x: float, y: float, r: float, start_deg: float, stop_deg: float, count: int = 24) -> Points:
    """An open arc; 0° points right, 90° down."""
    angle = np.radians(np.linspace(start_deg, stop_deg, count))
    return np.stack([x + r * np.cos(angle), y + r * np.sin(angle)], axis=1)


def curve(*points: ArrayLike, count: int = 12) -> Points:
    """A chain of cubic Béziers: start, then (control, control, end) for each piece. Open; close it by filling."""
    p = poly(*points)
    t = np.linspace(0, 1, count)[:, None]
    pieces = [
        (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
        for a, b, c, d in zip(p[0:-1:3], p[1::3], p[2::3], p[3::3], strict=True)
    ]
    return np.concatenate(pieces)


def band(path: Points, width: float | Points) -> Points:
    """The outline of a line of the given width (one number, or (N,) for one that swells) along an open path."""
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    half = np.broadcast_to(np.asarray(width, dtype=np.float64), (len(path),))[:, None] / 2
    return np.concatenate([path + normal * half, (path - normal * half)[::-1]])


def mirrored(half: Points) -> Points:
    """A shape symmetric about x = 0, from its right half listed top to bottom."""
    return np.concatenate([half, (half * [-1, 1])[::-1]])


def shifted(points: Points, x: float, y: float) -> Points:
    """The points moved by (x, y)."""
    return np.asarray(points + np.array([x, y]))


def turned(points: Points, degrees: float, x: float = 0.0, y: float = 0.0) -> Points:
    """The points turned clockwise around (x, y)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    centre = np.array([x, y])
    return np.asarray((points - centre) @ np.array([[c, s], [-s, c]]) + centre)
