"""What the illustrator promises."""

import numpy as np
import pytest

from starter.captions import GROUND_PHRASES, STYLE_PHRASES, caption, plain_caption
from starter.draw.colours import COLOURS
from starter.draw.grounds import GROUNDS
from starter.draw.scene import Figure, Scene, draw, held_out, random_scene, training_pair, training_scene
from starter.draw.styles import STYLES
from starter.draw.subjects import SUBJECTS
from starter.harms import TAUGHT, UNSEEN, WORDS


def scene_of(subject: str, **changes: object) -> Scene:
    settings: dict[str, object] = {"figures": (Figure(subject, "red"),), "ground": "plain", "style": "flat"}
    return Scene(**({"framed": False, "seed": 1} | settings | changes))  # type: ignore[arg-type]


class TestThereIsEnoughToDraw:
    def test_at_least_48_subjects_12_colours_10_grounds_and_4_styles(self) -> None:
        assert len(SUBJECTS) >= 48
        assert len(COLOURS) >= 12
        assert len(GROUNDS) >= 10
        assert len(STYLES) >= 4

    def test_a_third_of_all_combinations_is_never_trained_on(self) -> None:
        every = [held_out(Figure(s, c), g) for s in SUBJECTS for c in COLOURS for g in GROUNDS]
        assert 0.31 < np.mean(every) < 0.36
        scenes = [*(training_scene(seed) for seed in range(300)), *(training_pair(seed) for seed in range(300))]
        assert not any(held_out(figure, scene.ground) for scene in scenes for figure in scene.figures)

    def test_a_pair_is_two_things_and_of_all_scenes_one_in_sixteen(self) -> None:
        assert all(len({f.subject for f in training_pair(seed).figures}) == 2 for seed in range(50))
        assert 0.04 < np.mean([len(random_scene(seed).figures) == 2 for seed in range(2000)]) < 0.085


class TestADrawingIsItsScene:
    def test_the_same_scene_gives_the_same_pixels(self) -> None:
        for seed in range(20):
            assert draw(random_scene(seed)).tobytes() == draw(random_scene(seed)).tobytes()

    def test_another_seed_gives_another_form(self) -> None:
        for subject in SUBJECTS:
            assert draw(scene_of(subject)).tobytes() != draw(scene_of(subject, seed=2)).tobytes()

    @pytest.mark.parametrize("style", STYLES)
    def test_every_subject_shows_its_colour_in_every_style(self, style: str) -> None:
        for subject in SUBJECTS:
            pixels = np.asarray(draw(scene_of(subject, style=style))).astype(int)
            red = (pixels[..., 0] > pixels[..., 1] + 40) & (pixels[..., 0] > pixels[..., 2] + 40)
            assert red.mean() > 0.015, f"{subject} in {style}: {red.mean():.3f} of the picture is red"

    @pytest.mark.parametrize("ground", GROUNDS)
    def test_a_ground_leaves_the_subject_to_be_seen(self, ground: str) -> None:
        for colour in COLOURS:
            pixels = np.asarray(draw(scene_of("heart", figures=(Figure("heart", colour),), ground=ground))).astype(int)
            assert np.abs(np.diff(pixels, axis=1)).max() > 40, f"{colour} on {ground} has no edge"


class TestACaptionSaysWhatIsThere:
    def test_subjects_and_a_word_for_the_ground_are_always_in_it(self) -> None:
        for seed in range(500):
            scene = random_scene(seed)
            text = caption(scene, np.random.default_rng(seed))
            assert all(figure.subject in text for figure in scene.figures)
            assert any(phrase.removeprefix("on ") in text for phrase in GROUND_PHRASES[scene.ground])

    def test_the_fixed_wording(self) -> None:
        assert plain_caption("axe", "orange", "sea") == "an orange axe on a sea background"

    def test_every_ground_and_style_has_several_phrases(self) -> None:
        assert set(GROUND_PHRASES) == set(GROUNDS)
        assert set(STYLE_PHRASES) == set(STYLES)
        assert min(len(p) for p in (*GROUND_PHRASES.values(), *STYLE_PHRASES.values())) >= 3


class TestHarms:
    @pytest.mark.parametrize("name", TAUGHT | UNSEEN)
    def test_a_harm_changes_the_picture_but_not_its_size(self, name: str) -> None:
        picture = draw(random_scene(3))
        spoiled = (TAUGHT | UNSEEN)[name](picture, np.random.default_rng(0), 0.7)
        assert spoiled.size == picture.size
        assert spoiled.tobytes() != picture.tobytes()

    def test_every_taught_harm_has_its_words(self) -> None:
        assert set(WORDS) == set(TAUGHT)
