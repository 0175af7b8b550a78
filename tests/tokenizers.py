"""Tokenizer folders for the tests: the tiny models' own, the starter's, and one with CLIP's full vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

STARTER = Path(__file__).parent.parent / "starter" / "image"
MARKS = {"__type": "AddedToken", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
# tokenizer_config.json as Stable Diffusion 1.5 publishes it
PUBLISHED: Mapping[str, Any] = {
    "add_prefix_space": False,
    "bos_token": {**MARKS, "content": "<|startoftext|>"},
    "do_lower_case": True,
    "eos_token": {**MARKS, "content": "<|endoftext|>"},
    "errors": "replace",
    "model_max_length": 77,
    "name_or_path": "openai/clip-vit-large-patch14",
    "pad_token": "<|endoftext|>",
    "special_tokens_map_file": "./special_tokens_map.json",
    "tokenizer_class": "CLIPTokenizer",
    "unk_token": {**MARKS, "content": "<|endoftext|>"},
}


@cache
def _full() -> tuple[str, str]:
    """CLIP's 49,408 tokens and 48,894 merges, from the file that open_clip brings."""
    from open_clip.tokenizer import SimpleTokenizer

    known = SimpleTokenizer()
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {names.get(token, token): number for token, number in known.encoder.items()}
    return json.dumps(vocabulary), "\n".join(["#version: 0.2", *map(" ".join, known.bpe_ranks), ""])


def write_full(folder: Path, settings: Mapping[str, Any] = PUBLISHED) -> Path:
    """A tokenizer's folder as Stable Diffusion's checkpoints have it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = _full()
    (folder / "vocab.json").write_text(vocabulary, encoding="utf-8")
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(settings)), encoding="utf-8")
    return folder


def write_tiny(folder: Path, pad: str = "<|endoftext|>") -> Path:
    """The tiny models' tokenizer: vocab.json, merges.txt, tokenizer_config.json."""
    from tests import tiny

    tiny._tokenizer(pad).save_pretrained(folder)
    tiny._write_vocabulary(folder)
    return folder
