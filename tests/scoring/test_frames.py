"""What a picture is for, from its layout; and opinions that are put on a safety and taken off again."""

from __future__ import annotations

import itertools

import pytest

from scoring.defects.frames import frame_of, with_frame
from scoring.safety.forbidden import with_forbidden, with_second_opinion, without_opinions
from scoring.scorecard import Safety, SafetyState
from specs.expand import lay_out
from specs.spec import Picture, PrintSize

CARD = PrintSize((63.0, 88.0), 3.0, 300)


def picture(**changes: object) -> Picture:
    return Picture(None, None, CARD, 20, 7.0, "dpmpp-2m", **changes)  # type: ignore[arg-type]


class TestAFrame:
    def test_is_none_where_nothing_is_printed_and_nothing_tiles(self) -> None:
        plain = Picture(64, 64, None, 20, 7.0, "dpmpp-2m")
        assert frame_of(lay_out(plain, 8), plain) is None
        assert with_frame((("clip", "x"),), None) == (("clip", "x"),)

    def test_has_the_trim_the_safe_margin_and_the_dots(self) -> None:
        card = picture(safe_mm=3.0, min_dpi=300)
        layout = lay_out(card, 8)
        frame = frame_of(layout, card)
        assert frame is not None
        assert (frame.trim_box_px, frame.safe_margin_px) == (layout.trim_box_px, 35)
        assert layout.safe_box_px == tuple(
            edge + step for edge, step in zip(layout.trim_box_px or (), (35, 35, -35, -35), strict=True)
        )
        assert (frame.dpi, frame.min_dpi, frame.tiles) == (300.0, 300.0, False)
        assert lay_out(picture(), 8).safe_box_px is None

    def test_of_another_kind_is_another_identity(self) -> None:
        kinds = [picture(), picture(safe_mm=3.0), picture(min_dpi=150), picture(tiles=True)]
        found = {with_frame((), frame_of(lay_out(kind, 8), kind)) for kind in kinds}
        assert len(found) == 4


class TestOpinions:
    @pytest.mark.parametrize(("state", "found"), [(SafetyState.CLEAR, ()), (SafetyState.FLAGGED, ("concept_03",))])
    def test_taken_off_leave_what_the_checker_said(self, state: SafetyState, found: tuple[str, ...]) -> None:
        for covers, skull, chance in itertools.product(("17 concepts; of CompVis", ""), (0.1, 0.9), (0.1, 0.9)):
            alone = Safety(state, found, covers, (("concept_03", 0.01),))
            forbidden = with_forbidden(alone, [("forbid:gore; red", 0.0), ("forbid:skull", skull)])
            both = with_second_opinion(forbidden, chance)
            assert (both.state is SafetyState.FLAGGED) == bool(found or skull > 0.5 or chance > 0.5)
            assert without_opinions(both) == alone
            assert without_opinions(forbidden) == alone
            assert without_opinions(alone) == alone

    def test_never_turn_unknown_into_anything_else(self) -> None:
        unknown = Safety(SafetyState.UNKNOWN, why="not checked")
        assert with_second_opinion(unknown, 0.0).state is SafetyState.UNKNOWN
        assert without_opinions(with_second_opinion(unknown, 0.0)).state is SafetyState.UNKNOWN
        nan = with_second_opinion(Safety(SafetyState.CLEAR), float("nan"))
        assert without_opinions(nan).state is SafetyState.UNKNOWN
