"""A head's folder is data: one named weights file of this folder, known settings, finite numbers, or it is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from scoring.aesthetic.score import load_aesthetic
from scoring.errors import ScorerError
from tests.security.attempts import Outcome, attempt, hashed
from tests.security.hostile_cases import Case, setting
from tests.security.hostile_files import plant_pickles
from tests.security.hostile_scorers import Good, cases
from tests.tiny_scorers import DIM

WEIGHTS = "head.safetensors"
SAMPLE = 150


def run(good: Good, tmp_path: Path, spoil: Callable[[Path], None], role: str = "head") -> Outcome:
    return attempt(Case("one", role, spoil), good, tmp_path / "head", tmp_path / "canary")


@pytest.mark.parametrize("role", ["head", "second"])
def test_generated_folders_are_explained_or_harmless(good: Good, tmp_path: Path, canary: Path, role: str) -> None:
    for number, case in enumerate(cases(seed=13, roles=(role,))[:SAMPLE]):
        folder = tmp_path / str(number)
        assert not attempt(case, good, folder, canary).harm, case.name
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file", "../head/head.safetensors"),
        ("file", "/etc/passwd"),
        ("file", "sub/x.safetensors"),
        ("file", "head.pth"),
        ("file", ["head.safetensors"]),
        ("clip", [[1]]),
        ("clip", "openai"),
        ("scale", [1]),
        ("scale", [1, float("nan")]),
        ("scale", [10, 1]),
        ("scale", "ten"),
        ("embedding_dim", 10**12),
        ("embedding_dim", True),
        ("layout", ["mlp"]),
        ("activation", "evil.Tok"),
        ("architecture", "evil"),
        ("auto_map", {"AutoModel": "evil.Tok"}),
    ],
)
def test_a_wrong_setting_is_named(good: Good, tmp_path: Path, key: str, value: Any) -> None:
    found = run(good, tmp_path, setting("config.json", (key,), value))
    assert not found.harm
    assert f"config.json: {key}: got " in found.refused
    assert "allowed: " in found.refused


def test_two_weights_files_need_a_name_and_the_named_one_alone_is_read(good: Good, tmp_path: Path) -> None:
    def two(folder: Path) -> None:
        shutil.copyfile(folder / WEIGHTS, folder / "other.safetensors")
        plant_pickles(folder)

    def named(folder: Path) -> None:
        two(folder)
        setting("config.json", ("file",), "other.safetensors")(folder)

    assert "exactly one .safetensors" in run(good, tmp_path / "two", two).refused
    found = run(good, tmp_path / "named", named)
    assert not found.refused
    assert sorted(found.opened) == ["config.json", "other.safetensors"]


def test_a_tensor_that_takes_no_part_is_named(good: Good, tmp_path: Path) -> None:
    def spoil(folder: Path) -> None:
        tensors = {**load_file(folder / WEIGHTS), "layers.1.running_mean": np.zeros(4, np.float32)}
        (folder / WEIGHTS).unlink()
        save_file(tensors, folder / WEIGHTS)

    assert "layers.1.running_mean" in run(good, tmp_path, spoil).refused


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_variance_that_is_none_is_refused(good: Good, tmp_path: Path, value: float) -> None:
    def spoil(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        tensors["norm.variance"][3] = value
        (folder / WEIGHTS).unlink()
        save_file(tensors, folder / WEIGHTS)

    assert "every variance above 0" in run(good, tmp_path, spoil, "second").refused


def test_layers_whose_product_would_fill_the_memory_are_refused(good: Good, tmp_path: Path) -> None:
    def spoil(folder: Path) -> None:
        wide = 300_000
        tensors = {"layers.0.weight": (1, DIM), "layers.2.weight": (wide, 1), "layers.4.weight": (1, wide)}
        zeros = {name: np.zeros(shape, np.float32) for name, shape in tensors.items()}
        zeros |= {name.replace("weight", "bias"): np.zeros(shape[0], np.float32) for name, shape in tensors.items()}
        zeros["layers.0.weight"] = np.zeros((1, wide), np.float32)
        (folder / WEIGHTS).unlink()
        save_file(zeros, folder / WEIGHTS)
        setting("config.json", ("layout",), "mlp")(folder)

    found = run(good, tmp_path, spoil)
    assert not found.harm
    assert found.grown_mib < 300
    assert "embedding_dim" in found.refused or "larger than any head" in found.refused


def test_weights_that_were_swapped_after_they_were_hashed_are_refused(good: Good, tmp_path: Path) -> None:
    folder = good.copy("head", tmp_path / "head")
    checkpoint = hashed("head", folder)
    tensors = load_file(folder / WEIGHTS)
    tensors["weight"] += 1
    (folder / WEIGHTS).unlink()
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(ScorerError, match="It changed since"):
        load_aesthetic(checkpoint, folder, (good.clip_sha256,), DIM)
