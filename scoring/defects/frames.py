"""What each picture is for, from its layout: the frame that its defects are measured in. Pure."""

from __future__ import annotations

from scoring.defects.find import Frame
from specs.canonical import Json, content_id
from specs.expand import Layout
from specs.spec import Picture

FRAME_KIND = "limner.frame/1"
FRAME_ROLE = "frame"
Identity = tuple[tuple[str, str], ...]


def frame_of(layout: Layout, picture: Picture) -> Frame | None:
    """The frame of an asset's pictures; None where nothing is printed and nothing tiles.

    A picture is rendered at its print size, so the dots per inch that it has are those of its layout.
    """
    if layout.trim_box_px is None and not picture.tiles:
        return None
    safe, trim = layout.safe_box_px, layout.trim_box_px
    return Frame(
        trim_box_px=trim,
        safe_margin_px=safe[0] - trim[0] if safe and trim else 0,
        dpi=None if layout.dpi is None else float(layout.dpi),
        min_dpi=None if picture.min_dpi is None else float(picture.min_dpi),
        tiles=picture.tiles,
    )


def with_frame(identity: Identity, frame: Frame | None) -> Identity:
    """The scorers' identity of an asset's cards: another frame is another measurement of the same pixels."""
    if frame is None:
        return identity
    box: Json = list(frame.trim_box_px) if frame.trim_box_px else None
    value: Json = [box, frame.safe_margin_px, frame.dpi, frame.min_dpi, frame.tiles]
    return tuple(sorted((*identity, (FRAME_ROLE, content_id(FRAME_KIND, value)))))
