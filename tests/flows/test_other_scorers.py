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


def test_planning_refuses_unknown_names_and_imports_no_package(
    world: World, judge: Limner, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path_factory.mktemp("site")
    (installed / "bright.py").write_text("raise SystemExit('imported')")
    facts = installed / "bright-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bright\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[limner.scorers]\nbrightness = bright:make\n")
    monkeypatch.syspath_prepend(str(installed))
    write(world, min_scores={"brightnes": 0.3, "brightness": 0.2})
    done = judge("plan", "spec.yaml")
    assert done.code == 2
    assert (
        "spec.yaml: keep.min_scores: got 'brightnes'; allowed: the scorers that are installed (brightness, odd)"
        in done.err
    )
    assert "did you mean 'brightness'?" in done.err
    row = spec_of(("sword", "potion"))["assets"][1] | {"keep": {"min_scores": {"none-such": 1}}}
    world.write(spec_of(("sword",), assets=[spec_of(("sword",))["assets"][0], row]))
    assert ":31:3: keep.min_scores: got 'none-such'" in judge("plan", "spec.yaml").err
    write(world, min_scores={"brightness": 0.2})
    assert judge("plan", "spec.yaml").code == 0
