"""Choosing keepers: the best of all choices for small sets, deterministic, explained; places first, doubles never."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from benchmarks.fill import crowd, former, gap, most_places
from benchmarks.select import deck as two_looks
from benchmarks.select import mean_of
from scoring.selection.objective import make_objective
from scoring.selection.select import Choice, Option, filled, select
from specs.spec import SelectionWeights
from tests import samples


def deck(assets: int, each: int, seed: int, dim: int = 8, spread: float = 1.0) -> list[Option]:
    rng = np.random.default_rng(seed)
    subjects = rng.normal(size=(assets, dim))
    return [
        Option(
            f"asset-{asset}", f"{asset:032x}{number:032x}", float(rng.normal(5, 1)), float(rng.normal(0.3, 0.03)),
            subjects[asset] + spread * rng.normal(size=dim),
        )
        for asset in range(assets)
        for number in range(each)
    ]  # fmt: skip


def wanted(assets: int, count: int = 1) -> dict[str, int]:
    return {f"asset-{asset}": count for asset in range(assets)}


def brute_force(options: list[Option], places: dict[str, int], limit: float | None) -> float:
    """The best value of all choices, by trying every one."""
    objective = make_objective(options, places, SelectionWeights(), limit, None)
    options = [
        [
            pick
            for size in range(places[asset] + 1)
            for pick in itertools.combinations(range(rows.start, rows.stop), size)
        ]
        for asset, rows in objective.blocks.items()
    ]
    choices = (list(itertools.chain(*option)) for option in itertools.product(*options))
    return max(objective.value(chosen) for chosen in choices if chosen)


@pytest.fixture(scope="module")
def crowded() -> Choice:
    """What is chosen of a set too large for the exact search whose limit binds."""
    one = crowd(21)
    return select(one.options, one.wanted, one.weights, one.limit)


class TestItIsTheBestOfAllChoices:
    @pytest.mark.parametrize("seed", range(samples.size(60, 200)))
    def test_equal_to_brute_force_on_a_small_set(self, seed: int) -> None:
        rng = random.Random(seed)
        assets, each, count = rng.choice([(2, 5, 2), (3, 4, 2), (2, 4, 2), (4, 5, 1), (4, 3, 1), (3, 5, 1), (2, 2, 1)])
        options = deck(assets, each, seed, spread=rng.choice([0.05, 0.4, 1.0]))
        limit = rng.choice([None, 0.9, 0.99])
        choice = select(options, wanted(assets, count), SelectionWeights(), limit)
        objective = make_objective(options, wanted(assets, count), SelectionWeights(), limit, None)
        rows = [
            row
            for row, one in enumerate(objective.options)
            if one.image_sha256 in {p.image_sha256 for p in choice.picks}
        ]
        assert choice.exact
        assert objective.value(rows) == pytest.approx(brute_force(options, wanted(assets, count), limit), abs=1e-3)

    def test_large_sets_come_close_to_it(self) -> None:
        options = deck(60, 40, 1, dim=32)
        choice = select(options, wanted(60), SelectionWeights())
        greedy = select(options, wanted(60), SelectionWeights(coherence=0, sameness=0))
        assert not choice.exact
        assert (choice.mean_coherence or 0) > (greedy.mean_coherence or 0)
        assert len(choice.picks) == 60

    def test_a_deck_of_one_look_costs_at_most_2_percent_of_quality(self) -> None:
        options = two_looks(100, 100, 64, seed=0)
        names = {one.asset_id: 1 for one in options}
        choice, alone = (
            select(options, names, weights)
            for weights in (SelectionWeights(), SelectionWeights(coherence=0, sameness=0))
        )
        assert (choice.mean_coherence or 0) > (alone.mean_coherence or 0) + 0.5
        for score in ("aesthetic", "adherence"):
            assert mean_of(choice, options, score) >= 0.98 * mean_of(alone, options, score)


class TestItIsDeterministic:
    @pytest.mark.parametrize("shape", [(3, 4), (30, 20)])
    def test_the_order_of_the_entrants_does_not_matter(self, shape: tuple[int, int]) -> None:
        options = deck(*shape, seed=3)
        shuffled = options[:]
        random.Random(0).shuffle(shuffled)
        assert select(options, wanted(shape[0]), SelectionWeights()) == select(
            shuffled, wanted(shape[0]), SelectionWeights()
        )

    def test_nor_where_limits_of_likeness_bind(self, crowded: Choice) -> None:
        one = crowd(21)
        assert not crowded.exact
        assert select(one.options[::-1], one.wanted, one.weights, one.limit) == crowded


class TestPlacesComeFirst:
    def test_as_many_as_wanted_and_no_more(self) -> None:
        choice = select(deck(4, 5, 0), wanted(4, 2), SelectionWeights())
        assert [pick.asset_id for pick in choice.picks] == [f"asset-{asset}" for asset in range(4) for _ in range(2)]
        assert choice.short == ()

    def test_what_is_missing_is_said(self) -> None:
        choice = select(deck(2, 1, 0), {"asset-0": 2, "asset-1": 1, "asset-9": 1}, SelectionWeights())
        assert choice.short == (("asset-0", 1), ("asset-9", 1))

    def test_nothing_gives_nothing(self) -> None:
        assert select([], {"a": 1}, SelectionWeights()).short == (("a", 1),)


class TestFillingComesBeforeBeauty:
    def test_as_many_places_as_integer_programming_fills(self) -> None:
        before = 0
        for seed in range(16):
            objective = crowd(seed, most_assets=24, most_each=6).objective()
            most = most_places(objective)
            before += len(former(objective).chosen()) < most
            assert len(filled(objective).chosen()) == most, seed
        assert before >= 3, "these sets are easy"

    def test_twelve_assets_of_thirteen_motifs_are_all_filled(self) -> None:
        for seed in range(10):
            rng = np.random.default_rng(seed)
            motif = np.concatenate([rng.permutation(13)[:12], rng.integers(13, size=36)]).reshape(4, 12)
            options = [
                Option(f"asset-{asset}", f"{number:064x}", rng.normal(), None, np.eye(13)[motif[number, asset]])
                for asset in range(12)
                for number in range(4)
            ]  # fmt: skip
            choice = select(options, wanted(12), SelectionWeights(), 0.9)
            assert (len(choice.picks), choice.short) == (12, ())

    def test_a_further_search_finds_hardly_more_beauty_and_no_double_is_chosen(self, crowded: Choice) -> None:
        objective = crowd(21).objective()
        picked = {pick.image_sha256 for pick in crowded.picks}
        rows = np.array([row for row, one in enumerate(objective.options) if one.image_sha256 in picked])
        assert objective.value(rows.tolist()) > objective.value(former(objective).chosen()) + 1
        assert gap(objective, rows.tolist(), 1, longer=1) <= 0.005
        assert not np.triu(objective.banned(objective.likeness(objective.embeds(rows), rows), rows, rows), 1).any()


class TestDoublesAreNeverBothChosen:
    def test_two_assets_whose_best_are_one_picture(self) -> None:
        same = np.array([1.0, 0.0, 0.0])
        options = [
            Option("a", "a1" * 32, 9.0, None, same), Option("a", "a2" * 32, 1.0, None, np.array([0.0, 1.0, 0.0])),
            Option("b", "b1" * 32, 9.0, None, same), Option("b", "b2" * 32, 5.0, None, np.array([0.0, 0.0, 1.0])),
        ]  # fmt: skip
        choice = select(options, {"a": 1, "b": 1}, SelectionWeights(), 0.95)
        assert {pick.image_sha256 for pick in choice.picks} == {"a1" * 32, "b2" * 32}
        assert dict(choice.passed_over)["b1" * 32] == "too_like:" + "a1" * 32
        assert "too like another keeper" in choice.picks[1].why

    def test_when_only_doubles_are_left_the_place_stays_empty(self) -> None:
        same = np.array([1.0, 0.0])
        choice = select(
            [Option("a", "a" * 64, 9, None, same), Option("b", "b" * 64, 8, None, same)],
            {"a": 1, "b": 1},
            SelectionWeights(),
            0.9,
        )
        assert len(choice.picks) == 1
        assert choice.short == (("b", 1),)

    def test_pinned_pictures_stay_whatever_they_are_like(self) -> None:
        same = np.array([1.0, 0.0])
        options = [Option("a", "a" * 64, 1, None, same, pinned=True),
                    Option("b", "b" * 64, 1, None, same, pinned=True),
                    Option("a", "c" * 64, 9, None, np.array([0.0, 1.0]))]  # fmt: skip
        choice = select(options, {"a": 1, "b": 1}, SelectionWeights(), 0.5)
        assert {pick.image_sha256 for pick in choice.picks} == {"a" * 64, "b" * 64}
        assert "kept before" in choice.picks[0].why


class TestTheDeckLooksLikeOneDeck:
    def test_between_equals_the_shared_style_wins(self) -> None:
        ink, paint = np.array([0.0, 0.0, 0.0, 0.3]), np.array([0.0, 0.0, 0.0, -0.3])
        subjects = np.eye(4)[:3]
        options = [
            Option(
                f"asset-{place}",
                f"{place}{style}" * 32,
                5.0 + (0.01 if (place + style) % 2 else 0),
                None,
                subject + look,
            )
            for place, subject in enumerate(subjects)
            for style, look in enumerate((ink, paint))
        ]
        chosen = {pick.image_sha256[1] for pick in select(options, wanted(3), SelectionWeights(coherence=5.0)).picks}
        assert len(chosen) == 1

    def test_references_pull_towards_their_style(self) -> None:
        options = [
            Option("a", "a" * 64, 5, None, np.array([1.0, 0.0])),
            Option("a", "b" * 64, 5, None, np.array([0.0, 1.0])),
        ]
        choice = select(options, {"a": 1}, SelectionWeights(), references=np.array([[0.0, 1.0]]))
        assert choice.picks[0].image_sha256 == "b" * 64


class TestEveryChoiceIsExplained:
    def test_the_runner_up_is_named_with_what_it_lacked(self) -> None:
        choice = select([Option("a", "a" * 64, 7, 0.3), Option("a", "b" * 64, 5, 0.3)], {"a": 1}, SelectionWeights())
        assert choice.picks[0].runner_up == "b" * 64
        assert choice.picks[0].why == "of 2 that passed: against the runner-up bbbbbbbbbbbb, quality +2.00"
        assert dict(choice.passed_over) == {"b" * 64: "outscored:" + "a" * 64}

    def test_nan_scores_and_missing_embeddings_do_no_harm(self) -> None:
        options = [Option("a", "a" * 64, float("nan"), None, np.full(3, np.nan)), Option("a", "b" * 64)]
        assert len(select(options, {"a": 1}, SelectionWeights()).picks) == 1
