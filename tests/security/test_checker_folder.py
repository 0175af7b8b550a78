"""A safety checker's folder runs no code, makes no connection, and is refused before any picture unless it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from scoring.errors import ScorerError
from scoring.safety.checker import load_checker
from tests.security.attempts import Outcome, attempt, hashed
from tests.security.hostile_cases import Case, setting
from tests.security.hostile_files import plant_code, plant_pickles
from tests.security.hostile_scorers import Good, cases

SAMPLE = 80
PUBLISHED_EXTRAS = {"_name_or_path": "CompVis/x", "_commit_hash": None, "torch_dtype": "float32", "dropout": 0.0,
                    "id2label": {"0": "LABEL_0"}, "pruned_heads": {}, "transformers_version": "4.21.3"}  # fmt: skip


class Cpu:
    device = "cpu"


def test_generated_folders_are_explained_or_harmless(good: Good, tmp_path: Path, canary: Path) -> None:
    for number, case in enumerate(cases(seed=12, roles=("safety",))[:SAMPLE]):
        folder = tmp_path / str(number)
        assert not attempt(case, good, folder, canary).harm, case.name
        shutil.rmtree(folder)


def run(good: Good, tmp_path: Path, spoil: Callable[[Path], None]) -> Outcome:
    return attempt(Case("one", "safety", spoil), good, tmp_path / "safety", tmp_path / "canary")


@pytest.mark.parametrize(
    ("file", "keys", "value"),
    [
        ("config.json", ("auto_map",), {"AutoModel": "evil.Tok"}),
        ("config.json", ("vision_config", "num_hidden_layers"), 10**7),
        ("config.json", ("vision_config", "hidden_size"), 2.0),
        ("config.json", ("vision_config", "hidden_act"), "evil"),
        ("config.json", ("vision_config", "_attn_implementation"), "evil/kernels"),
        ("config.json", ("vision_config",), [1]),
        ("preprocessor_config.json", ("image_std",), [0, 0, 0]),
        ("preprocessor_config.json", ("image_mean",), [1]),
        ("preprocessor_config.json", ("size",), {"height": "224"}),
        ("concepts.json", ("concepts",), 3),
        ("concepts.json", ("concepts",), [{"nom": "skull"}]),
    ],
)
def test_a_wrong_setting_is_named(good: Good, tmp_path: Path, file: str, keys: tuple[str, ...], value: Any) -> None:
    found = run(good, tmp_path, setting(file, keys, value))
    assert not found.harm
    assert f"{file}: {'.'.join(keys)}: got " in found.refused
    assert "allowed: " in found.refused


def test_what_published_files_hold_beside_it_is_taken(good: Good, tmp_path: Path) -> None:
    def spoil(folder: Path) -> None:
        for key, value in PUBLISHED_EXTRAS.items():
            for place in ((), ("vision_config",), ("text_config",)):
                setting("config.json", (*place, key), value)(folder)
        setting("config.json", ("text_config_dict",), {"hidden_size": 768})(folder)
        plant_pickles(folder)
        plant_code(folder)

    found = run(good, tmp_path, spoil)
    assert not found.harm
    assert not found.refused
    assert sorted(set(found.opened)) == ["config.json", "model.safetensors", "preprocessor_config.json"]


def test_a_tower_that_its_settings_do_not_describe_is_refused_at_load(good: Good, tmp_path: Path) -> None:
    found = run(good, tmp_path, setting("config.json", ("vision_config", "intermediate_size"), 128))
    assert "mlp.fc1" in found.refused
    assert "allowed by config.json" in found.refused


def test_weights_that_were_swapped_after_they_were_hashed_are_refused(good: Good, tmp_path: Path) -> None:
    folder = good.copy("safety", tmp_path / "safety")
    checkpoint = hashed("safety", folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["concept_embeds_weights"] += 1
    (folder / "model.safetensors").unlink()
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ScorerError, match="It changed since"):
        load_checker(checkpoint, folder, None, Cpu())
