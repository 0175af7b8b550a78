"""The files of a tokenizer's folder, read and checked key by key: vocabulary, merges, settings, special tokens.

``tokenizer_config.json``, ``special_tokens_map.json`` and ``added_tokens.json`` as transformers writes them (versions
3 to 5); every key that it would interpret is listed with its range, any other is refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tokenizers import AddedToken

from specs.boundary.config_keys import (
    Keys,
    Value,
    check_keys,
    either,
    flag,
    only,
    optional,
    section,
    text,
    unread,
    whole,
)
from specs.boundary.files import has_folder, read_bytes, read_json
from specs.errors import LimnerError
from specs.values.checks import show

MOST_BYTES = 32 * 2**20  # of a vocabulary; CLIP's is 1 MiB, with its merges 2 MiB
MOST_SETTINGS_BYTES = 2**20
MOST_TOKENS = 500_000
MOST_ADDED = 10_000
NO_LENGTH = 10**30  # what transformers writes where no length is known
DEFAULTS = {
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "unk_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
}
COPY = "Copy the tokenizer's folder anew, from where the checkpoint comes"
_CLIPS = "limner reads CLIP's tokenizer alone, as Stable Diffusion 1, 2 and XL have it"
_NO_CODE = Value("a folder without it", lambda _: False, "limner never runs code that comes with a checkpoint")

_FLAGS = {key: flag() for key in ("lstrip", "rstrip", "single_word", "normalized", "special")}
_ADDED: Keys = MappingProxyType({"__type": only("AddedToken"), "content": text("(?s).{1,256}", "a token"), **_FLAGS})
_NAME = text("(?s).{1,256}", "a token")
_NO_TOKEN = Value("a token: text of 1 to 256 characters, or an object with its content", lambda _: False)


def _is_token(value: Any) -> bool:
    if isinstance(value, str):
        return _NAME.fits(value)
    return (
        isinstance(value, dict)
        and "content" in value
        and all(key in _ADDED and _ADDED[key].fits(given) for key, given in value.items())
    )


TOKEN = Value(_NO_TOKEN.allowed, _is_token, COPY)
NAMED = dict.fromkeys(DEFAULTS, TOKEN) | {key: optional(TOKEN) for key in ("sep_token", "cls_token", "mask_token")}
_NONE_MORE = only({}, [], None, fix="limner knows no use for further special tokens")
_UNUSED = """name_or_path special_tokens_map_file processor_class transformers_version clean_up_tokenization_spaces
is_local local_files_only padding_side truncation_side truncation_strategy truncation padding max_length stride
pad_to_multiple_of pad_token_type_id model_input_names use_fast legacy verbose"""
SETTINGS: Keys = MappingProxyType(
    {
        "tokenizer_class": only("CLIPTokenizer", "CLIPTokenizerFast", None, fix=_CLIPS),
        "backend": only("tokenizers", fix=_CLIPS),
        "auto_map": _NO_CODE,
        "trust_remote_code": _NO_CODE,
        "tokenizer_file": only(None, fix="limner reads the files of the folder itself"),
        "fast_tokenizer_files": only(None, [], fix="limner reads the files of the folder itself"),
        **NAMED,
        "model_max_length": either(whole(3, 10**31), Value("10^30 as 1e30", lambda value: value == 1e30)),
        "max_len": whole(3, 10**31),
        "add_prefix_space": only(False, fix=_CLIPS),
        "do_lower_case": only(True, fix=_CLIPS),
        "split_special_tokens": only(False, fix=_CLIPS),
        "add_bos_token": only(True, False),
        "add_eos_token": only(True, False),
        "added_tokens_decoder": Value("an object of ids and tokens", lambda value: isinstance(value, dict)),
        "extra_special_tokens": _NONE_MORE,
        "additional_special_tokens": _NONE_MORE,
        "init_inputs": only([], fix=_CLIPS),
        "chat_template": only(None),
        "errors": only("replace", "strict", "ignore"),  # of decoding, which nothing here does
        # of padding and cutting, which limner does itself, and of where the files came from
        **dict.fromkeys(_UNUSED.split(), unread()),
    }
)
SPECIAL_MAP: Keys = MappingProxyType(
    {**NAMED, "extra_special_tokens": _NONE_MORE, "additional_special_tokens": _NONE_MORE, "auto_map": _NO_CODE}
)
_MODEL: Keys = MappingProxyType(
    {
        "type": only("BPE", fix=_CLIPS),
        "dropout": only(None, fix=_CLIPS),
        "unk_token": optional(_NAME),
        "continuing_subword_prefix": only("", None, fix=_CLIPS),
        "end_of_word_suffix": only("</w>", fix=_CLIPS),
        "fuse_unk": only(False, fix=_CLIPS),
        "byte_fallback": only(False, fix=_CLIPS),
        "ignore_merges": only(False, fix=_CLIPS),
        "vocab": Value("an object of tokens and their ids", lambda value: isinstance(value, dict), COPY),
        "merges": Value("a list of pairs of tokens", lambda value: isinstance(value, list), COPY),
    }
)
# What is unread here limner makes itself, as transformers' CLIPTokenizer does, whatever the file says.
TOKENIZER: Keys = MappingProxyType(
    {
        **dict.fromkeys(
            ("version", "truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"), unread()
        ),
        "added_tokens": Value("a list of tokens", lambda value: isinstance(value, list), COPY),
        "model": section(_MODEL, ("vocab", "merges")),
    }
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``ids``: token → id; ``merges``: pairs, the first to be merged first; ``path``: the file that holds them."""

    ids: dict[str, int]
    merges: list[tuple[str, str]]
    path: Path


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """``named``: key (``bos_token`` …) → token; ``declared``: (id, token) of each that is found before splitting."""

    vocabulary: Vocabulary
    named: Mapping[str, str | AddedToken]
    declared: Sequence[tuple[int, AddedToken]]
    declared_in: Path
    model_max_length: int


def read_files(folder: Path) -> TokenizerFiles:
    """Everything that shapes a tokenizer's ids. Raises LimnerError with file and place."""
    if not has_folder(folder):
        raise LimnerError(f"{folder}: got no such folder; allowed: a tokenizer's folder. {COPY}")
    whole_file = _settings(folder, "tokenizer.json", TOKENIZER, MOST_BYTES)
    vocabulary = _vocabulary(folder, whole_file)
    settings = _settings(folder, "tokenizer_config.json", SETTINGS) or {}
    special = _settings(folder, "special_tokens_map.json", SPECIAL_MAP) or {}
    named: dict[str, Any] = {key: value for key, value in settings.items() if key in NAMED and value is not None}
    if "added_tokens_decoder" in settings:
        declared_in = folder / "tokenizer_config.json"
        declared = _declared(settings["added_tokens_decoder"], declared_in, "added_tokens_decoder")
    else:
        named |= {key: value for key, value in special.items() if key in NAMED and value is not None}
        declared_in, declared = _legacy(folder, whole_file, named)
    by_content = {token.content: token for _, token in declared}
    tokens = {key: _token(value) for key, value in (DEFAULTS | named).items()}
    length = settings.get("model_max_length", settings.get("max_len", NO_LENGTH))
    return TokenizerFiles(
        vocabulary=vocabulary,
        named={key: by_content.get(_content(token), token) for key, token in tokens.items()},
        declared=sorted(declared, key=lambda pair: pair[0]),
        declared_in=declared_in,
        model_max_length=int(length),
    )


def _settings(folder: Path, name: str, keys: Keys, most_bytes: int = MOST_SETTINGS_BYTES) -> dict[str, Any] | None:
    """A checked JSON file; None where there is none."""
    path = folder / name
    if not os.path.lexists(path):
        return None
    value = read_json(path, most_bytes)
    check_keys(value, keys, path, required=("model",) if name == "tokenizer.json" else ())
    return value


def _vocabulary(folder: Path, whole_file: Mapping[str, Any] | None) -> Vocabulary:
    """From ``tokenizer.json``, as transformers reads it first, or from the two older files; both must agree."""
    single = None
    if whole_file is not None:
        path, model = folder / "tokenizer.json", whole_file["model"]
        single = Vocabulary(model["vocab"], _pairs(model["merges"], f"{path}: merges, number "), path)
        _check(single, f"{path}: merges")
    parts = _older_files(folder, needed=single is None)
    if single is not None and parts is not None and (single.ids, single.merges) != (parts.ids, parts.merges):
        raise LimnerError(
            f"{folder}: got a tokenizer.json that differs from vocab.json and merges.txt beside it; allowed: one "
            f"vocabulary. {COPY}, or remove what does not belong to it."
        )
    found = single or parts
    assert found is not None
    return found


def _older_files(folder: Path, *, needed: bool) -> Vocabulary | None:
    """``vocab.json`` and ``merges.txt``; None where they are not needed and one of them is not there."""
    for name in ("vocab.json", "merges.txt"):
        if not os.path.lexists(folder / name):
            if not needed:
                return None
            got = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "an empty folder"
            raise LimnerError(
                f"{folder / name}: missing (got {show(got)}); allowed: vocab.json with merges.txt, or tokenizer.json. "
                f"{COPY}."
            )
    path = folder / "merges.txt"
    try:
        lines = read_bytes(path, MOST_BYTES).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise LimnerError(f"{path}: got bytes that are not UTF-8 ({error.reason}). {COPY}.") from None
    if lines[0].startswith("#version"):
        lines[0] = ""
    merges = _pairs(lines, f"{path}:")
    found = Vocabulary(read_json(folder / "vocab.json", MOST_BYTES), merges, folder / "vocab.json")
    _check(found, f"{path}: merges")
    return found


def _pairs(merges: Sequence[Any], place: str) -> list[tuple[str, str]]:
    """Merges written "left right", or as lists of two; empty lines are none. ``place`` goes before a wrong one's
    number, counted from 1."""
    found = []
    for number, merge in enumerate(merges, 1):
        parts = merge.rstrip("\r").split(" ") if isinstance(merge, str) else merge
        if parts == [""]:
            continue
        try:
            left, right = parts
            found.append((left, right))
            if not left + "" or not right + "":  # a TypeError for what is no text
                raise ValueError
        except (TypeError, ValueError):
            raise LimnerError(f"{place}{number}: got {show(merge)}; allowed: two tokens. {COPY}.") from None
    return found


def _check(vocabulary: Vocabulary, merges: str) -> None:
    """Every token has an id of its own; every merge is of known tokens and makes a known one."""
    ids = vocabulary.ids
    token = next((token for token, id_ in ids.items() if type(id_) is not int or not 0 <= id_ < MOST_TOKENS), None)
    if token is not None:
        raise LimnerError(
            f"{vocabulary.path}: {show(token)}: got {show(ids[token])}; allowed: a whole number from 0 to "
            f"{MOST_TOKENS - 1:,}. {COPY}."
        )
    if not ids or len(set(ids.values())) != len(ids):
        raise LimnerError(
            f"{vocabulary.path}: got {len(ids):,} tokens with {len(set(ids.values())):,} ids; allowed: an id for each, "
            f"no two equal. {COPY}."
        )
    wrong = next(
        (one for one in vocabulary.merges if not (one[0] in ids and one[1] in ids and "".join(one) in ids)), None
    )
    if wrong is not None:
        raise LimnerError(
            f"{merges}: got {show(' '.join(wrong))}, which {vocabulary.path.name} does not hold; allowed: merges and "
            f"vocabulary of one tokenizer. {COPY}."
        )


def _declared(value: Mapping[str, Any], path: Path, where: str) -> list[tuple[int, AddedToken]]:
    """``added_tokens_decoder``: id → token."""
    if len(value) > MOST_ADDED:
        raise LimnerError(f"{path}: {where}: got {len(value):,} tokens; allowed: at most {MOST_ADDED:,}. {COPY}.")
    found = []
    for key, token in value.items():
        if not (key.isdecimal() and key.isascii() and len(key) < 9 and isinstance(token, dict) and _is_token(token)):
            raise LimnerError(f"{path}: {where}: {show(key)}: got {show(token)}; allowed: an id and a token. {COPY}.")
        found.append((int(key), _added(token)))
    return found


def _legacy(
    folder: Path, whole_file: Mapping[str, Any] | None, named: Mapping[str, Any]
) -> tuple[Path, list[tuple[int, AddedToken]]]:
    """Added tokens where ``tokenizer_config.json`` does not list them: ``added_tokens.json``, ``tokenizer.json``."""
    found: dict[int, AddedToken] = {}
    path = folder / "added_tokens.json"
    if os.path.lexists(path):
        special = {_content(_token(value)) for value in named.values()}
        for content, number in read_json(path, MOST_SETTINGS_BYTES).items():
            if not _NAME.fits(content) or not whole(0, MOST_TOKENS - 1).fits(number) or len(found) >= MOST_ADDED:
                raise LimnerError(
                    f"{path}: {show(content)}: got {show(number)}; allowed: up to {MOST_ADDED:,} tokens with their "
                    f"ids. {COPY}."
                )
            found[number] = AddedToken(content, normalized=content not in special, special=content in special)
    if whole_file is not None:
        path = folder / "tokenizer.json"
        for token in whole_file.get("added_tokens", [])[: MOST_ADDED + 1]:
            rest = dict(token) if isinstance(token, dict) else {}
            number = rest.pop("id", None)
            if not _is_token(rest) or not whole(0, MOST_TOKENS - 1).fits(number):
                raise LimnerError(f"{path}: added_tokens: got {show(token)}; allowed: tokens with their ids. {COPY}.")
            found[number] = _added(rest)
    return path, list(found.items())


def _token(value: Any) -> str | AddedToken:
    return value if isinstance(value, str) else _added({**value, "special": True} if "__type" not in value else value)


def _added(value: Mapping[str, Any]) -> AddedToken:
    return AddedToken(**{key: given for key, given in value.items() if key != "__type"})


def _content(token: str | AddedToken) -> str:
    return token if isinstance(token, str) else token.content
