"""A scorer of others that fails says so: once, on standard error and in --json, by its name and package."""

from __future__ import annotations

from typing import Any

import pytest

from scoring import plugins as others
from tests.flows.conftest import Limner
from tests.flows.standing import make
from tests.world import World, spec_of

KEEP = {"min_scores": {"odd": 0.3}}


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(pixels: Any, prompts: Any) -> list[float]:
        raise ZeroDivisionError("no light at all")

    monkeypatch.setitem(others.BUILT_IN, "odd", lambda device: fail)


def write(world: World, **keep: Any) -> None:
    value = spec_of(("sword", "potion"))
    world.write({**value, "keep": {**value["keep"], **keep}})


def check(warnings: list[str]) -> None:
    assert len(warnings) == 1
    assert "scorer 'odd' (limner:odd): ZeroDivisionError: no light at all" in warnings[0]
    assert "stays unmeasured" in warnings[0]


def test_a_run_tells_it_once_for_all_its_pictures_and_leaves_the_score_unmeasured(world: World, limner: Limner) -> None:
    write(world, **KEEP)
    done = limner("produce", "spec.yaml", "--json")
    check(done.json["warnings"])
    assert done.err.count("ZeroDivisionError") == 1
    assert done.json["generated"] == 4
    assert done.json["kept"] == 0


def test_a_rescore_tells_it_too(world: World, judge: Limner) -> None:
    write(world)
    make(world.spec)
    write(world, **KEEP)
    done = judge("rescore", "spec.yaml", "--decode", "--json")
    check(done.json["warnings"])
    assert done.err.count("ZeroDivisionError") == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda pixels, prompts: [1.0], "it gave 1 numbers for 2 pictures"),
        (lambda pixels, prompts: [1.0, float("nan")], "1 of its 2 answers are not finite"),
        (lambda pixels, prompts: exit(3), "SystemExit: 3"),
        (lambda pixels, prompts: ["dark", "light"], "ValueError"),
    ],
)
def test_every_way_to_fail_is_put_in_words(answer: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    failures: dict[str, str] = {}
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    for _ in range(2):
        others.measure_others({"odd": answer}, pixels, ["dark", "light"], failures)
    assert list(failures) == ["odd"]
    assert words in failures["odd"]
