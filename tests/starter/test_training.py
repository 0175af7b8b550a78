"""What the trainings promise before any weight is trained."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from starter import linear_code
from starter.dataset import FACETS, shares_of
from starter.draw.scene import Figure, Scene, draw, training_scene
from starter.tokenizer import known_words, learn_merges
from starter.train_all import PLAN, command
from starter.train_clip import contrast, things_in
from starter.train_judge import Judge
from starter.train_unet import betas
from starter.train_vae import new_vae, save
from starter.training import Run, batches, rate_at


def run(tmp_path: Path, steps: int = 10) -> Run:
    return Run("test", tmp_path, torch.device("cpu"), steps, 4, 1e-3, 1, None)


class TestTheLinearCode:
    def test_the_encoder_computes_the_code_that_the_matrices_compute(self) -> None:
        pixels = np.stack([np.asarray(draw(training_scene(seed))) for seed in range(24)])
        code, vae = linear_code.fit(pixels), new_vae()
        linear_code.install(code, vae)
        picture = torch.from_numpy(pixels[:2]).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            mean = vae.encode(picture).latent_dist.mean.numpy()
        expected = code.encode(pixels[:2])
        assert expected.shape == (2, 32, 8, 8)
        assert np.abs(mean - expected).mean() < 0.01 * expected.std()


class TestTheAutoencoder:
    def test_what_is_saved_keeps_the_scale_that_was_measured(self, tmp_path: Path) -> None:
        vae = new_vae()
        vae.register_to_config(scaling_factor=0.5)
        save(vae, tmp_path)
        assert AutoencoderKL.from_pretrained(tmp_path).config.scaling_factor == 0.5


class TestTheSchedule:
    def test_noise_grows_to_forty_times_the_signal(self) -> None:
        kept = np.cumprod(1 - np.array(betas()))
        noise = np.sqrt((1 - kept) / kept)
        assert (np.diff(noise) > 0).all()
        assert 35 < noise[-1] < 45

    def test_the_learning_rate_warms_up_and_ends_near_zero(self, tmp_path: Path) -> None:
        made = run(tmp_path, 1000)
        assert rate_at(made, 0) < rate_at(made, 99) <= 1e-3
        assert rate_at(made, 1000) < 2e-5

    def test_a_resumed_training_sees_the_rows_that_it_would_have_seen(self, tmp_path: Path) -> None:
        whole = [rows.tolist() for rows in batches(run(tmp_path), 100, 0)]
        assert [rows.tolist() for rows in batches(run(tmp_path), 100, 6)] == whole[6:]


class TestTheClipsTargets:
    PAIR = Scene((Figure("sword", "red"), Figure("potion", "blue")), "plain", "flat", False, 1)
    ALONE = Scene((Figure("sword", "red"),), "sea", "flat", False, 2)

    def test_two_things_have_a_half_of_every_word_each(self) -> None:
        for scene, most in ((self.PAIR, 0.5), (self.ALONE, 1.0)):
            subject, colour, ground, style = shares_of(scene)
            assert [float(share.sum()) for share in (subject, colour, ground, style)] == [1.0] * 4
            assert (subject.max(), colour.max(), ground.max()) == (most, most, 1.0)
            assert {FACETS["subject"][i] for i in np.flatnonzero(subject)} == {f.subject for f in scene.figures}

    def test_a_picture_fits_the_names_of_all_that_is_in_it(self) -> None:
        names, shown = things_in([self.PAIR, self.ALONE], coloured=True)
        assert names == ["a blue potion", "a red sword"]
        assert shown.tolist() == [[1, 1], [0, 1]]
        assert things_in([self.PAIR], coloured=False)[0] == ["a potion", "a sword"]

    def test_to_see_both_of_two_things_costs_less_than_to_see_one(self) -> None:
        fits = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        both, first = torch.tensor([[5.0, 5.0, 0.0], [0.0, 0.0, 5.0]]), torch.tensor([[5.0, 0.0, 0.0], [0.0, 0.0, 5.0]])
        assert contrast(both, fits) < contrast(first, fits)


class TestTheVocabulary:
    def test_every_word_of_the_captions_becomes_one_piece(self) -> None:
        words = known_words()
        joined = {"".join(pair) for pair in learn_merges(words)}
        assert {word + "</w>" for word in words if len(word) > 1} <= joined


class TestTheCommands:
    def test_every_stage_is_a_module_of_this_folder(self) -> None:
        for name in PLAN:
            line = command(name, Path("build/starter"), "cpu", 0.5)
            assert (Path(__file__).parents[2] / "starter" / f"{line[2].removeprefix('starter.')}.py").exists()

    def test_the_judge_answers_every_facet(self) -> None:
        answers = Judge()(torch.zeros(1, 3, 64, 64))
        assert {facet: logits.shape[1] for facet, logits in answers.items()} == {
            "subject": 48,
            "colour": 12,
            "ground": 10,
            "style": 4,
        }
