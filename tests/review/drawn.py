"""A set whose pictures can be told apart by eye: a round thing on a ground, by number."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from catalog.provenance import Record
from generator.pictures.images import pixels_sha256
from specs.canonical import sha256_hex
from specs.spec import Asset, Picture, PrintSize
from tests.catalog.factory import World


@dataclass(frozen=True)
class Drawn(World):
    """As ``World``, with drawn pictures, and a print size where one is given."""

    print_size: PrintSize | None = None

    def _asset(self, asset_id: str, picture: Picture, line: int) -> Asset:
        size = (
            replace(picture, width_px=None, height_px=None, print_size=self.print_size) if self.print_size else picture
        )
        return super()._asset(asset_id, size, line)

    def record(self, number: int) -> Record:
        """Candidate ``number`` with a picture of its own, at the size of the asset's layout."""
        made = super().record(number)
        layout = self.plans[number % self.assets].layout
        data, pixels = draw(number % self.assets, number // self.assets, layout.width_px, layout.height_px)
        sha256 = sha256_hex(data)
        candidate = replace(
            made.candidate, image_sha256=sha256, pixels_sha256=pixels_sha256(pixels), width_px=layout.width_px,
            height_px=layout.height_px,
        )  # fmt: skip
        assert made.verdict is not None
        verdict = replace(made.verdict, image_sha256=sha256)
        card = replace(made.scorecard, image_sha256=sha256)
        return replace(made, candidate=candidate, scorecard=card, png=data, verdict=verdict)


def draw(asset: int, turn: int, width: int, height: int) -> tuple[bytes, np.ndarray]:
    """A PNG of a disc whose hue is the asset's and whose place is the candidate's, and its pixels."""
    picture = Image.new("HSV", (width, height), ((asset * 47 + 110) % 256, 90, 225)).convert("RGB")
    pen, middle = ImageDraw.Draw(picture), (width * (4 + turn) // 12, height * (5 + turn % 3) // 12)
    radius = min(width, height) * (3 + turn % 2) // 12
    box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    pen.ellipse(box, (40 + asset * 13 % 200, 60 + asset * 29 % 150, 90), (30, 25, 20), max(2, width // 60))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue(), np.asarray(picture)
