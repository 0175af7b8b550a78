"""Hostile folders of image checkpoints, generated: every key of every file of every part × five kinds of value.

The good folders are ``tests.tiny``'s, real classes with random weights; ``cases`` gives what spoils each of them.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from generator.families.configurations import TABLES
from generator.families.layout import STEMS
from generator.families.pipeline_keys import SCHEDULER, index_keys
from generator.families.registry import FAMILIES
from generator.prompts.tokenizer_files import SETTINGS, SPECIAL_MAP, TOKENIZER
from tests import tiny
from tests.security.hostile_cases import Case, Key, Spoil, of_files, of_keys, replaced
from tests.security.hostile_files import EVIL, plant_code, plant_pickles

ROLES = ("sd1", "sdxl")  # sd2 differs from sd1 by values alone
CODE_KEYS = ("auto_map", "trust_remote_code", "custom_pipeline", "_class_name", "model_type", "quantization_config",
             "attn_implementation", "adapter_name_or_path", "kernel_config", "unheard_of")  # fmt: skip
ELSEWHERE: Mapping[str, Callable[[Path, Path], object]] = {
    "a link out of the folder": lambda path, kept: path.symlink_to(kept),
    "a link to the root": lambda path, _: path.symlink_to("/"),
    "a link into itself": lambda path, _: path.symlink_to(path.parent),
    "a file": lambda path, _: path.write_bytes(b"{}"),
    "a FIFO": lambda path, _: os.mkfifo(path),
    "a folder of 5,000 files": lambda path, _: [
        path.mkdir(), *((path / f"{number}.json").touch() for number in range(5000)),
    ],
    "nothing": lambda _, __: None,
}  # fmt: skip
SHARDS: Mapping[str, Any] = {
    "path": {"weight_map": {"a": "../../../etc/passwd.safetensors"}},
    "absolute": {"weight_map": {"a": "/dev/zero"}},
    "pickle": {"weight_map": {"a": "a.bin"}},
    "address": {"weight_map": {"a": "https://example.invalid/a.safetensors"}},
    "many": {"weight_map": {str(number): f"{number}.safetensors" for number in range(100_000)}},
    "itself": {"weight_map": {"a": "diffusion_pytorch_model.safetensors.index.json"}},
    "odd": {"weight_map": {"a": ["b"], "\ud800": None}},
    "list": {"weight_map": ["a"]},
    "total": {"metadata": {"total_size": 10**30}, "weight_map": {}},
}


def build(folder: Path) -> Mapping[str, Path]:
    """A good folder of each role."""
    return {role: tiny.build(role, folder / role) for role in ROLES}


def cases(roles: tuple[str, ...] = ROLES) -> Iterator[Case]:
    """Every hostile folder of these roles; of SDXL what it has more than SD 1, and its own networks."""
    for role in roles:
        own = {
            part: kind
            for part, kind in FAMILIES[role].parts.items()
            if role == "sd1" or part not in FAMILIES["sd1"].parts
        }
        yield from of_keys(role, _keys(role, own | {"unet": FAMILIES[role].parts["unet"]}))
        for part, (library, name) in own.items():
            if name not in (None, "CLIPTokenizer"):
                yield from of_files(role, (f"{part}/config.json",), f"{part}/{STEMS[library]}.safetensors")
            yield from (
                Case(f"{role}: {part}: {what}", role, _elsewhere(part, make)) for what, make in ELSEWHERE.items()
            )
        for what, index in SHARDS.items():
            yield Case(f"{role}: shards: {what}", role, _sharded(index))
        yield from _of_tokenizers(role)
        yield Case(f"{role}: code and pickles beside", role, _code_and_pickles)
        yield Case(f"{role}: a pipeline of its own", role, _own_pipeline)


def _keys(role: str, parts: Mapping[str, tuple[str, str | None]]) -> Iterator[Key]:
    """Those of the index, which names all parts, and those of ``parts``."""
    every = [(part, library, name) for part, (library, name) in FAMILIES[role].parts.items()]
    for key in (*index_keys(FAMILIES[role].pipeline, every), *CODE_KEYS):
        yield "model_index.json", (key,)
    for part, (_, name) in parts.items():
        if name is None:
            yield from ((f"{part}/scheduler_config.json", (key,)) for key in (*SCHEDULER, *CODE_KEYS))
        elif name in TABLES:
            yield from ((f"{part}/config.json", (key,)) for key in (*TABLES[name][0], *CODE_KEYS))
        else:
            yield from ((f"{part}/tokenizer_config.json", (key,)) for key in (*SETTINGS, *CODE_KEYS))
            yield from ((f"{part}/special_tokens_map.json", (key,)) for key in SPECIAL_MAP)
            yield from ((f"{part}/added_tokens.json", (key,)) for key in ("<|endoftext|>", "\ud800", "auto_map"))
            yield from ((f"{part}/vocab.json", (key,)) for key in ("a", "<|endoftext|>", "zz"))
            yield from ((f"{part}/tokenizer.json", (key,)) for key in (*TOKENIZER, "auto_map"))
            yield from ((f"{part}/tokenizer.json", ("model", key)) for key in TOKENIZER["model"].keys)


def _of_tokenizers(role: str) -> Iterator[Case]:
    """Merges are the one file that is no JSON."""
    merges = {
        "no pairs": b"#version: 0.2\na b c\n", "unknown": b"zz yy\n", "bytes": b"\xff\xfe", "empty": b"",
        "many": b"a b\n" * 2_000_000, "long": b"a" * 30_000_000, "nulls": b"a \0\n", "large": b"\n" * 40_000_000,
    }  # fmt: skip
    for name, data in merges.items():
        yield Case(f"{role}: merges: {name}", role, replaced("tokenizer/merges.txt", data))
    for name, vocabulary in {
        "equal ids": {"a": 1, "b": 1}, "far ids": {"a": 10**18},
        "wide": {str(number): number for number in range(10**6)},
        "long": {"a" * 10**6: 1},
    }.items():  # fmt: skip
        yield Case(f"{role}: vocabulary: {name}", role, _json("tokenizer/vocab.json", vocabulary))


def _json(name: str, value: Any) -> Spoil:
    return lambda folder: (folder / name).write_text(json.dumps(value), encoding="utf-8") and None


def _elsewhere(part: str, make: Callable[[Path, Path], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        kept = folder.with_name(f"{folder.name}-elsewhere")
        (folder / part).rename(kept)
        make(folder / part, kept)

    return spoil


def _sharded(index: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
        weights.rename(weights.with_name("a.safetensors"))
        _json("unet/diffusion_pytorch_model.safetensors.index.json", index)(folder)

    return spoil


def _code_and_pickles(folder: Path) -> None:
    for part in ("", *(path.name for path in folder.iterdir() if path.is_dir())):
        plant_code(folder / part)
        plant_pickles(folder / part)
    shutil.copy(folder / "unet" / "a.bin", folder / "unet" / "diffusion_pytorch_model.bin")


def _own_pipeline(folder: Path) -> None:
    """As diffusers' custom pipelines are published: code beside the index, whose class the index names."""
    for name, (part, its_class) in itertools.product(("pipeline", "evil"), (("", "Tok"), ("unet", "Tok"))):
        (folder / part / f"{name}.py").write_text(EVIL)
        index = folder / "model_index.json"
        named = {"_class_name": ["pipeline", its_class], part or "more": ["evil", "Tok"]}
        index.write_text(json.dumps(json.loads(index.read_text()) | named))
