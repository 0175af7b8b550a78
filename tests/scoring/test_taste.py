"""Taste and calibration: what a person's verdicts teach, and how honestly that is shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from benchmarks.keep_rates import balanced, by_rank, former
from benchmarks.taste import few_qualities
from scoring.calibration import as_text, calibrate, draw_png
from scoring.errors import TasteError
from scoring.scorecard import Safety, SafetyState, Scorecard
from scoring.taste.learn import learn_taste, questions
from scoring.taste.preference import Priors, learn_preference
from scoring.taste.taste_file import load_taste, save_taste
from specs.canonical import sha256_hex
from specs.spec import KeepRules

CURATORS, VERDICTS, DIM = 5, 60, 64


def curator(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of some few underlying qualities, a hidden linear preference, and verdicts with 10 % noise."""
    rng = np.random.default_rng(seed)
    qualities = rng.normal(size=(1500, DIM)) * 0.5 ** np.arange(DIM)
    embeds = qualities + 0.02 * rng.normal(size=(1500, DIM)) + rng.normal(size=DIM)
    liked = qualities @ rng.normal(size=DIM) > 0
    return embeds / np.linalg.norm(embeds, axis=1, keepdims=True), liked, liked ^ (rng.random(1500) < 0.1)


def rare(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings, and the verdicts of somebody who keeps one picture in twenty."""
    embeds, liking = few_qualities(np.random.default_rng(seed))
    heard = liking + 0.3 * liking.std() * np.random.default_rng(seed).normal(size=len(liking))
    return embeds, heard > np.quantile(heard, 0.95)


def asked_of(embeds: np.ndarray, said: np.ndarray) -> list[int]:
    """The first 20, then by tens what ``questions`` asks."""
    rows = list(range(20))
    while len(rows) < VERDICTS:
        rest = np.setdiff1d(np.arange(len(embeds)), rows)
        rows += rest[questions(embeds[rows], said[rows].tolist(), embeds[rest], 10)].tolist()
    return rows


class TestTasteIsLearned:
    @pytest.mark.parametrize("asked", [False, True], ids=["at random", "asked"])
    def test_60_verdicts_reach_85_percent_where_the_stock_score_is_at_chance(self, asked: bool) -> None:
        true, shown, fresh, stock = [], [], [], []
        for seed in range(CURATORS):
            embeds, liked, said = curator(seed)
            rows = asked_of(embeds, said) if asked else list(range(VERDICTS))
            scores = np.random.default_rng(seed + 99).normal(size=VERDICTS).tolist()
            taste = learn_taste(embeds[rows], said[rows].tolist(), scores, embeds)
            rest = np.setdiff1d(np.arange(len(embeds)), rows)
            keeps = taste.score(embeds[rest]) > 0.5
            true.append((keeps == liked[rest]).mean())
            fresh.append((keeps == said[rest]).mean())
            shown.append(taste.agreement)
            stock.append(taste.stock_agreement)
        assert np.mean(true) >= (0.93 if asked else 0.89)
        assert abs(np.mean(shown) - np.mean(fresh)) <= 0.05
        assert abs(np.mean(stock) - 0.5) < 0.08

    def test_of_somebody_who_judges_at_random_nothing_is_claimed(self) -> None:
        shown = []
        for seed in range(CURATORS):
            embeds, _, _ = curator(seed)
            said = np.random.default_rng(seed).random(VERDICTS) < 0.5
            shown.append(learn_taste(embeds[:VERDICTS], said.tolist(), library=embeds).agreement)
        assert np.mean(shown) <= 0.57

    def test_what_is_said_without_a_verdict_is_what_the_others_alone_would_teach(self) -> None:
        embeds, _, said = curator(3)
        left_out = learn_preference(embeds[:50], said[:50], embeds).left_out
        truly = []
        for row in range(0, 50, 2):
            others = np.delete(np.arange(50), row)
            found = learn_preference(embeds[others], said[others], embeds)
            truly.append(float(found.head.liking(embeds[row : row + 1])[0]))
        assert np.corrcoef(left_out[::2], truly)[0, 1] > 0.98
        assert np.mean(np.sign(left_out[::2]) == np.sign(truly)) >= 0.96

    def test_of_somebody_who_keeps_one_in_twenty_it_is_said_and_their_pictures_are_suggested(self) -> None:
        embeds, rarely = rare(4)
        taste = learn_taste(embeds[:240], rarely[:240].tolist(), library=embeds)
        before, _ = former(embeds[:240], rarely[:240], embeds, embeds[240:])
        named = by_rank(taste.score(embeds[240:]))
        assert taste.learned
        assert (taste.auc or 0) > 0.9
        assert rarely[240:][named].mean() > 0.5
        assert named[rarely[240:]].mean() >= 0.55
        assert balanced(named, rarely[240:]) > balanced(before > 0.5, rarely[240:]) + 0.05

    def test_of_random_verdicts_few_are_said_to_have_taught_anything(self) -> None:
        embeds, _, _ = curator(0)
        rng = np.random.default_rng(0)
        said = [rng.permutation(np.arange(60) < 15).tolist() for _ in range(12)]
        assert sum(bool(learn_taste(embeds[:60], one, library=embeds).learned) for one in said) <= 2

    def test_a_liking_of_what_is_near_some_pictures_is_heard_by_kernels(self) -> None:
        rng = np.random.default_rng(1)
        embeds = rng.normal(size=(900, 3))
        liking = -np.linalg.norm(embeds, axis=1)
        said = liking > np.median(liking)
        slope, bent = (
            learn_taste(embeds[:120], said[:120].tolist(), library=embeds, priors=priors)
            for priors in (Priors(reaches=()), Priors())
        )
        right = [((taste.score(embeds[120:]) > 0.5) == said[120:]).mean() for taste in (slope, bent)]
        assert right[0] < 0.65
        assert right[1] > 0.85

    def test_the_interval_lies_about_the_agreement_and_narrows_with_verdicts(self) -> None:
        embeds, _, said = curator(2)
        few, many = (learn_taste(embeds[:count], said[:count].tolist(), library=embeds) for count in (60, 300))
        widths = []
        for taste in (few, many):
            low, high = taste.interval or (1.0, 0.0)
            assert 0 <= low < taste.agreement < high <= 1
            widths.append(high - low)
        assert widths[1] < 0.6 * widths[0]

    def test_a_head_saved_before_kernels_is_read_and_scores_as_it_did(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        mean, weight, rows = rng.normal(size=(3, 8))
        data = save({"mean": mean, "weight": weight, "bias": np.array([0.5])})
        facts = {"sha256": sha256_hex(data), "clip_id": "sha256:1", "verdicts": 60, "agreement": 0.8,
                 "stock_agreement": None, "majority": 0.5}  # fmt: skip
        (tmp_path / "items.safetensors").write_bytes(data)
        (tmp_path / "items.json").write_text(json.dumps(facts))
        found = load_taste(tmp_path, "items")
        assert found is not None
        assert found.taste.score(rows[None])[0] == pytest.approx(
            1 / (1 + np.exp(-((rows - mean) @ weight + 0.5))), abs=1e-6
        )
        assert (found.taste.auc, found.taste.interval) == (None, None)

    def test_a_saved_head_scores_as_the_learned_one(self, tmp_path: Path) -> None:
        embeds, _, said = curator(0)
        taste = learn_taste(embeds[:50], said[:50].tolist())
        save_taste(tmp_path, "items", "sha256:1", taste)
        found = load_taste(tmp_path, "items")
        assert found is not None
        assert np.array_equal(found.taste.score(embeds), taste.score(embeds))
        assert (found.taste.auc, found.taste.interval, found.taste.learned) == (
            taste.auc,
            taste.interval,
            taste.learned,
        )

    def test_questions_are_of_the_unsure_and_apart(self) -> None:
        embeds, _, said = curator(1)
        taste = learn_taste(embeds[:60], said[:60].tolist(), library=embeds)
        asked = questions(embeds[:60], said[:60].tolist(), embeds[60:], 10)
        chances = np.abs(taste.score(embeds[60:]) - 0.5)
        assert len(set(asked)) == 10
        assert chances[asked].max() < np.quantile(chances, 0.06)
        apart = np.linalg.norm(embeds[60:][asked][:, None] - embeds[60:][asked][None], axis=2)[np.triu_indices(10, 1)]
        assert apart.mean() > np.linalg.norm(embeds[60:] - embeds[60:].mean(axis=0), axis=1).mean() * np.sqrt(2)
        assert questions(embeds[:0], [], embeds[:5], 10) == questions(embeds[:0], [], embeds[:5], 5)

    def test_it_is_deterministic(self) -> None:
        embeds, _, said = curator(0)
        one, other = (learn_taste(embeds[:50], said[:50].tolist()) for _ in range(2))
        assert one.agreement == other.agreement
        assert np.array_equal(one.score(embeds), other.score(embeds))

    def test_too_few_verdicts_or_one_kind_only_are_refused(self) -> None:
        embeds, _, said = curator(0)
        with pytest.raises(TasteError, match="got 30 verdicts"):
            learn_taste(embeds[:30], said[:30].tolist())
        with pytest.raises(TasteError, match="8 of each kind"):
            learn_taste(embeds[:60], [True] * 60)


class TestCalibrationShowsWhatThresholdsDo:
    CARDS = tuple(
        Scorecard(f"{n:064x}", 3 + n / 25, 0.2 + n / 1000, 1, None, Safety(SafetyState.CLEAR), (), ())
        for n in range(100)
    )

    def test_where_they_cut_and_what_they_keep(self) -> None:
        found = calibrate(self.CARDS, KeepRules(min_aesthetic=5.0))
        aesthetic = found.spreads[0]
        assert (aesthetic.name, aesthetic.measured, aesthetic.passes, found.kept) == ("aesthetic", 100, 50, 50)
        assert sum(aesthetic.counts) == 100
        assert found.reasons == (("aesthetic_too_low", 50),)

    def test_as_text_and_as_a_picture(self, tmp_path: Path) -> None:
        found = calibrate(self.CARDS, KeepRules(min_aesthetic=5.0))
        assert "cut 5: 50 of 100 pass" in as_text(found)
        draw_png(found, tmp_path / "plot.png")
        with Image.open(tmp_path / "plot.png") as plot:
            assert plot.size[0] == 720

    def test_nothing_measured_gives_no_plot_and_no_crash(self) -> None:
        assert as_text(calibrate([], KeepRules())) == "0 of 0 pictures pass all rules"


class TestNoTorch:
    def test_the_pure_files_import_without_it(self) -> None:
        import subprocess
        import sys

        names = (
            "adherence calibration deciders errors from_embeddings identity plugins reasons scorecard verdict "
            "aesthetic.heads aesthetic.convert clip.config clip.prompt_windows defects.find defects.crossing "
            "defects.frames likeness.hashes likeness.clusters safety.concepts safety.forbidden selection.anneal "
            "selection.explain selection.fill selection.select taste.learn taste.taste_file"
        )
        code = "".join(f"import scoring.{name}\n" for name in names.split())
        code += "import sys; assert not {'torch', 'open_clip', 'transformers'} & set(sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
