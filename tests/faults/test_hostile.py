"""A sample of the campaign of ``hostile.py``: inputs and folders do no harm; each harm is seen; nothing is left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import tiny
from tests.faults.hostile import HARMS, Judge, folders_and_specs
from tests.faults.hostile_child import Places, images, run
from tests.faults.hostile_commands import commands
from tests.security.calls import Calls
from tests.security.hostile_environments import surroundings
from tests.security.hostile_files import CANARY

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian package strace)")


@pytest.mark.campaign
@needs_strace
def test_a_sample_of_hostile_inputs_does_no_harm() -> None:
    judge = Judge()
    for attempt in folders_and_specs(["--seed", "3", "--inputs", "12", "--folders", "0", "--known"]):
        judge.attempt(*attempt)
    assert judge.violations == []
    assert judge.figures["spec"].attempts == 12


@pytest.mark.campaign
def test_a_sample_of_hostile_image_checkpoints_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As planning reads them; the campaign loads them too."""
    places, judge = Places(tmp_path), Judge()
    monkeypatch.setenv(CANARY, str(places.canary))
    good = {"sd1": tiny.build("sd1", tmp_path / "good")}
    for one in run("image checkpoint", images(places, good, seed=3, load=False), 30, places):
        judge.attempt(one, Calls(), ())
    assert judge.violations == []
    assert judge.figures["image checkpoint"].refused > 10


def test_every_command_has_words_for_what_it_needs() -> None:
    """A new one joins the campaign by itself, or says which argument it has that no other has."""
    assert {"plan", "keepers", "serve"} <= {words[0] for words in commands()}


def test_there_are_sixty_environments_of_different_names() -> None:
    assert len({one.name for one in surroundings()}) == len(surroundings()) == 60


def test_each_harm_is_seen() -> None:
    """By what an attempt's process says of it, and by its calls."""
    calm = {
        "kind": "x",
        "name": "y",
        "ran": False,
        "said": "",
        "code": 0,
        "cpu_s": 0.1,
        "wall_s": 0.1,
        "grown_mib": 1.0,
    }
    harmful = [
        ({"ran": True}, Calls()), ({}, Calls(connections=["192.0.2.1"])), ({}, Calls(programs=["/usr/bin/git"])),
        ({}, Calls(changed=[Path("/home/x")])), ({"said": "Traceback (most recent call last)"}, Calls()),
        ({"code": -9}, Calls()), ({"cpu_s": 11.0}, Calls()), ({"grown_mib": 1025.0}, Calls()),
    ]  # fmt: skip
    judge = Judge()
    judge.attempt(calm, Calls(changed=[Path("/library/a")]), [Path("/library")])
    assert judge.violations == []
    for change, calls in harmful:
        judge.attempt(calm | change, calls, [Path("/library")])
    assert judge.figures["x"].harms == dict.fromkeys(HARMS, 1)
