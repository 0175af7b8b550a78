"""An image checkpoint's folder is data: nothing in it runs, and plan refuses in words what no model is made of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from generator.environment import choose_setting
from generator.weights.hashes import HashMemory
from generator.weights.loading import load
from generator.weights.pinning import pin
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError
from tests import tiny
from tests.generator.conftest import entry
from tests.security.hostile_files import CANARY, LYING, NO_FILES, NO_JSON, holes, plant_code, plant_pickles

UNET = "unet/diffusion_pytorch_model.safetensors"
CONFIGS = ("model_index.json", "unet/config.json", "vae/config.json", "text_encoder/config.json",
           "scheduler/scheduler_config.json")  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SD 1.x folder."""
    return tiny.build("sd1", tmp_path_factory.mktemp("good") / "sd1")


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """One of this test's own."""
    return Path(shutil.copytree(good, tmp_path / "sd1"))


def pinned(folder: Path) -> Checkpoint:
    """What ``plan`` asks of a folder."""
    return pin(entry("sd1", folder), folder, HashMemory(folder.parent / "hashes.json"))


def change(path: Path, **keys: Any) -> None:
    """Change keys of a configuration file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


@pytest.mark.parametrize("path", CONFIGS)
@pytest.mark.parametrize(
    "text",
    [
        '{"auto_map": {"AutoModel": "evil.Model"}, ',
        '{"\\u0061uto_map": {"AutoModel": "evil.Model"}, ',
        '{"trust_remote_code": true, ',
        '{"_attn_implementation": "https://example.org/kernel", ',
    ],
)
def test_a_key_that_asks_for_code_or_the_network_is_refused(folder: Path, path: str, text: str) -> None:
    """By what the file says once it is parsed, however it is spelled."""
    whole = (folder / path).read_text().lstrip()
    (folder / path).write_text(text + whole[1:])
    with pytest.raises(LimnerError, match="got a key that limner does not know"):
        pinned(folder)


def test_code_and_pickles_that_lie_there_are_not_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three folders deep or beside the weights under a name that libraries prefer."""
    monkeypatch.setenv(CANARY, str(tmp_path / "canary"))
    for part in ("", "unet", "vae", "text_encoder"):
        plant_code(folder / part)
        plant_pickles(folder / part)
    shutil.copy(folder / "unet" / "a.bin", folder / "unet" / "diffusion_pytorch_model.bin")
    load(pinned(folder), folder, choose_setting("cpu", threads=1))
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("text_encoder/config.json", {"num_hidden_layers": 10**7}),
        ("text_encoder/config.json", {"hidden_size": 10**9}),
        ("text_encoder/config.json", {"num_attention_heads": 0}),
        ("unet/config.json", {"norm_num_groups": 0}),
        ("unet/config.json", {"block_out_channels": [2**40, 64]}),
        ("unet/config.json", {"block_out_channels": "wide"}),
        ("unet/config.json", {"down_block_types": ["../../evil"]}),
        ("unet/config.json", {"cross_attention_dim": float("nan")}),
        ("vae/config.json", {"block_out_channels": []}),
        ("vae/config.json", {"scaling_factor": 1e400}),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": 10**9}),
        ("scheduler/scheduler_config.json", {"trained_betas": {}}),
        ("scheduler/scheduler_config.json", {"beta_schedule": "exec"}),
        ("model_index.json", {"unet": ["evil", "Model"]}),
    ],
)
def test_a_value_out_of_range_is_named_with_its_file(folder: Path, path: str, keys: dict[str, Any]) -> None:
    """Before anything is built, so that no size costs memory."""
    change(folder / path, **keys)
    with pytest.raises(LimnerError, match=rf"{path}: .*{next(iter(keys))}.*allowed"):
        pinned(folder)


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("path", [UNET, "unet/config.json", "model_index.json"])
def test_what_is_no_file_is_named_at_once(folder: Path, path: str, kind: str) -> None:
    """A FIFO would be waited for, a device read for ever."""
    (folder / path).unlink()
    NO_FILES[kind](folder / path)
    with pytest.raises(LimnerError, match=Path(path).parts[0]):
        pinned(folder)


@pytest.mark.parametrize("path", CONFIGS)
@pytest.mark.parametrize("kind", NO_JSON)
def test_a_configuration_that_is_none_is_named(folder: Path, path: str, kind: str) -> None:
    """Cut, too deep, too large, of other bytes, or of another program."""
    (folder / path).write_bytes(NO_JSON[kind])
    with pytest.raises(LimnerError, match=path):
        pinned(folder)


@pytest.mark.parametrize("kind", LYING)
def test_weights_that_lie_about_themselves_are_refused_by_plan(folder: Path, kind: str) -> None:
    """By their header alone, or by how it begins."""
    (folder / UNET).write_bytes(LYING[kind])
    with pytest.raises(LimnerError, match="unet"):
        pinned(folder)


def test_what_the_file_is_instead_is_said(folder: Path) -> None:
    """A page that was saved instead, a pointer of Git LFS, a copy that was interrupted."""
    (folder / UNET).write_bytes(b"\n<!DOCTYPE html><title>Log in</title>" + bytes(400))
    with pytest.raises(LimnerError, match="got a web page"):
        pinned(folder)
    (folder / UNET).write_bytes(LYING["lfs"])
    with pytest.raises(LimnerError, match="got a Git LFS pointer"):
        pinned(folder)
    holes(folder / UNET)
    with pytest.raises(LimnerError, match="are stored"):
        pinned(folder)
