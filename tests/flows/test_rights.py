"""Whose word the rights of weights are, from the registry to the record, and that no file of a user's lends them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from specs.checkpoint import SHIPPED
from specs.registry.registry import STARTER_FILE
from tests.flows.conftest import Limner
from tests.flows.standing import make
from tests.world import World, spec_of


def test_other_files_under_a_shipped_name_are_refused_before_anything_is_made(world: World, judge: Limner) -> None:
    other = Path(shutil.copytree(STARTER_FILE.parent / "image", world.folder / "image"))
    config = other / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    (world.folder / "checkpoints.yaml").write_text("checkpoints:\n  starter: {source: {folder: image}}\n")
    world.write(spec_of(("sword",), checkpoint="starter"))
    done = judge("plan", "spec.yaml")
    assert done.code == 1
    assert f"as {SHIPPED} says" in done.err
    assert "another name" in done.err


def test_a_record_and_the_list_say_whose_word_the_licence_and_the_files_are(world: World, judge: Limner) -> None:
    world.write(spec_of(("sword",), candidates=1))
    make(world.spec)
    word = re.compile(re.escape(str(world.registry)) + r":\d+")
    for value in (
        judge("show", "tiny-set/sword#0", "--json").json["checkpoint"],
        judge("checkpoints", "tiny", "--json").json,
    ):
        assert word.fullmatch(value["licence_from"])
        assert word.fullmatch(value["files_from"])
        assert value["status"] == "declared"
    assert f"files_from: {SHIPPED}\n" in judge("checkpoints", "starter").out
    assert f"licence_from: {world.registry}:" in judge("show", "tiny-set/sword#0").out


def test_what_a_user_made_from_refused_weights_renders_nothing(world: World, judge: Limner) -> None:
    own = yaml.safe_load(world.registry.read_text())["checkpoints"]["tiny"] | {"parents": ["novelai-leak"]}
    (world.folder / "checkpoints.yaml").write_text(yaml.safe_dump({"checkpoints": {"own": own}}))
    world.write(spec_of(("sword",), checkpoint="own", rights={"accept_unknown": "we bought it"}))
    done = judge("plan", "spec.yaml", "--json")
    assert done.json["obstacles"][0].startswith("own was made from novelai-leak, which is refused: ")
    assert done.json["up_to_date"] == 0
