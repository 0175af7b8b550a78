"""A head's ``config.json``: which keys and values are taken, and which one file of the folder holds the weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoring.errors import ScorerError
from scoring.folder import ScorerFolder
from specs.boundary.config_keys import Value, check_keys, either, number, only, optional, several, text, unread, whole
from specs.errors import LimnerError

CONFIG_FILE = "config.json"
LAYOUTS = ("linear", "mlp", "nsfw-mlp")
MOST_WIDTH = 16_384
HOW_TO_GET = (
    "a head's folder holds config.json and one .safetensors file; `limner convert` makes both of a .pth that its "
    "authors publish"
)
_SHA256 = text(r"[0-9a-f]{64}", "a sha256 of 64 hex digits")
KEYS: Mapping[str, Value] = {
    "architecture": only("aesthetic-head"),
    "layout": only(*LAYOUTS),
    "activation": only("none", "relu"),
    "clip": optional(either(_SHA256, several(_SHA256, 0, 100))),
    "embedding_dim": whole(1, MOST_WIDTH),
    "scale": several(number(-1e6, 1e6), 2, 2),
    "file": optional(
        text(r"[^/\\\x00]{1,240}\.safetensors", "the name of a .safetensors file in this folder, without a path")
    ),
    **dict.fromkeys(("source", "notes", "title", "licence", "version"), unread()),
}


def read_head_config(folder: ScorerFolder) -> dict[str, Any]:
    """The ``config.json`` of a head's folder; raises ScorerError."""
    if not folder.has(CONFIG_FILE):
        raise ScorerError(f"{folder.path / CONFIG_FILE}: missing; {folder.fix}")
    value = folder.json(CONFIG_FILE, KEYS)
    check_head_config(value, folder.path / CONFIG_FILE)
    return value


def check_head_config(config: Mapping[str, Any], path: Path) -> None:
    """Raise ScorerError unless these are the settings of a head; ``path`` is named."""
    try:
        check_keys(config, KEYS, path, required=("layout",))
    except LimnerError as error:
        raise ScorerError(f"{error}; fetch or convert the head again") from None
    low, high = config.get("scale", (0, 1))
    if not low < high:
        raise ScorerError(f"{path}: scale: got {list(config['scale'])}; allowed: the lowest score, then the highest")


def weights_name(folder: ScorerFolder, config: Mapping[str, Any]) -> str:
    """The one ``.safetensors`` of a folder, or the one that config.json names by ``"file"``; raises ScorerError."""
    if config.get("file"):
        return str(config["file"])
    names = sorted(folder.names())
    found = [name for name in names if name.endswith(".safetensors") and not name.startswith(".")]
    if len(found) != 1:
        pickles = ", ".join(name for name in names if name.endswith((".pth", ".pt")))
        fix = f" (turn {pickles} into one with `limner convert`)" if pickles else ""
        raise ScorerError(
            f"{folder.path}: needs exactly one .safetensors file, found {', '.join(found[:10]) or 'none'}{fix}; with "
            'several, name it in config.json: "file": "…"'
        )
    return found[0]
