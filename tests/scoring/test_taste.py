"""Taste and calibration: what a person's verdicts teach, and how honestly that is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scoring.calibration import as_text, calibrate, draw_png
from scoring.errors import TasteError
from scoring.scorecard import Safety, SafetyState, Scorecard
from scoring.taste.learn import learn_taste, questions
from scoring.taste.preference import learn_preference
from specs.spec import KeepRules

CURATORS, VERDICTS, DIM = 8, 60, 64


def curator(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of some few underlying qualities, a hidden linear preference, and verdicts with 10 % noise."""
    rng = np.random.default_rng(seed)
    qualities = rng.normal(size=(1500, DIM)) * 0.5 ** np.arange(DIM)
    embeds = qualities + 0.02 * rng.normal(size=(1500, DIM)) + rng.normal(size=DIM)
    liked = qualities @ rng.normal(size=DIM) > 0
    return embeds / np.linalg.norm(embeds, axis=1, keepdims=True), liked, liked ^ (rng.random(1500) < 0.1)


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
        for row in range(50):
            others = np.delete(np.arange(50), row)
            found = learn_preference(embeds[others], said[others], embeds)
            truly.append(float((embeds[row] - found.mean) @ found.weight + found.bias))
        assert np.corrcoef(left_out, truly)[0, 1] > 0.98
        assert np.mean(np.sign(left_out) == np.sign(truly)) >= 0.96

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
            "adherence aesthetic along calibrate cells clusters concepts convert crossing defects errors forbid heads"
        )
        names += " heads identity likeness objective others preference regions rescore resample scorecard search select"
        names += " taste verdict"
        code = "".join(f"import scoring.{name}\n" for name in names.split())
        code += "import sys; assert not {'torch', 'open_clip', 'transformers'} & set(sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
