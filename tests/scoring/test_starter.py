"""The judgement on held-out drawings with the starter's own CLIP: a sample of what ``make bench`` measures in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import likeness
from benchmarks.drawn import HELD_OUT, Picture
from benchmarks.recognise import deck
from benchmarks.starter_clip import starter_clip
from scoring.clip.embedding import Clip
from scoring.safety.forbidden import make_forbidden
from starter.captions import plain_caption
from starter.draw.scene import Figure, draw, random_scene

COUNT = 40


@pytest.fixture(scope="module")
def clip() -> Clip:
    return starter_clip(batch_size=20)


def test_a_changed_copy_is_the_same_picture_and_the_words_drawn_again_are_another(clip: Clip) -> None:
    found = likeness.measure(clip, COUNT)
    assert min(found[name] for name in likeness.CHANGES) >= 0.98
    assert found["same subject"] <= 0.02
    assert found["drawn again"] <= 0.03


def test_a_forbidden_skull_is_seen_whatever_its_colour_and_ground(clip: Clip) -> None:
    scenes = [random_scene(HELD_OUT + number) for number in range(COUNT)]
    others = [scene for scene in scenes if "skull" not in {figure.subject for figure in scene.figures}]
    skulls = [replace(one, figures=(Figure("skull", one.figures[0].colour),)) for one in scenes[: COUNT // 2]]
    looked = make_forbidden(["skull"], [plain_caption(*words) for words in deck()], clip.embed_texts, clip.logit_scale)
    assert looked is not None

    def seen(pictures: list[Picture]) -> float:
        rows = looked.measure(clip.embed(np.stack(pictures)).astype(np.float16))
        return float(np.mean([row[0][1] > 0.5 for row in rows]))

    assert seen([np.asarray(draw(scene)) for scene in skulls]) >= 0.98
    assert seen([np.asarray(draw(scene)) for scene in others]) <= 0.03
