"""Texts to a CLIP's token ids: by open_clip's own vocabulary, or by the one in the CLIP's folder.

A folder's vocabulary is data: entries and merges of a byte-pair encoding in CLIP's layout, from ``tokenizer.json``, or
from ``vocab.json`` and ``merges.txt`` where there is none. The code around it is transformers' ``CLIPTokenizer``, made
in memory: ``AutoTokenizer`` and ``from_pretrained``, which run code and ask the hub, are never called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scoring.clip.config import CONFIG_FILE, SIMPLE_VOCABULARY, ClipConfig
from scoring.errors import ScorerError
from scoring.folder import ScorerFolder
from specs.boundary.config_keys import Value, check_keys, either, flag, only, optional, section, shown, text, unread
from specs.boundary.files import parse_json
from specs.errors import LimnerError

MOST_BYTES = 8 * 2**20
MOST_TOKENS = 500_000
_CLIPS = "Only a tokenizer in CLIP's layout (BPE, <|startoftext|>, <|endoftext|>) is read"
_TOKEN = either(
    text(r"(?s).{1,64}", "a token"),
    Value("an AddedToken", lambda value: isinstance(value, dict) and isinstance(value.get("content"), str)),
)
SETTINGS: Mapping[str, Value] = {
    "tokenizer_class": only("CLIPTokenizer", "CLIPTokenizerFast", fix=_CLIPS),
    "backend": only("tokenizers", fix=_CLIPS),
    **dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), _TOKEN),
    "model_max_length": unread(),  # the CLIP's context_length is what counts
    "do_lower_case": only(True),
    "add_prefix_space": only(False),
    "errors": only("replace"),
    "split_special_tokens": only(False),
    "clean_up_tokenization_spaces": flag(),
    "added_tokens_decoder": unread(),  # the specials again, by id: these are looked up in the vocabulary
    "extra_special_tokens": only({}, [], None),
    "additional_special_tokens": only([], None),
    "is_local": flag(),
    "local_files_only": flag(),
    **dict.fromkeys(("name_or_path", "special_tokens_map_file", "processor_class"), unread()),
}
MODEL: Mapping[str, Value] = {
    "type": only("BPE", fix=_CLIPS),
    "dropout": only(None),
    "unk_token": optional(_TOKEN),
    "continuing_subword_prefix": only("", None),
    "end_of_word_suffix": only("</w>", fix=_CLIPS),
    "fuse_unk": only(False),
    "byte_fallback": only(False),
    "ignore_merges": only(False),
    "vocab": Value("an object of tokens and their ids", lambda value: isinstance(value, dict)),
    "merges": Value("a list of pairs", lambda value: isinstance(value, list)),
}


def _chain(kinds: Sequence[str], inside: str = "") -> Value:
    """A part of tokenizer.json that limner makes itself: allowed when it is CLIP's, by the types of its steps."""

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        steps = value.get(inside) if inside and value.get("type") == "Sequence" else [value]
        return isinstance(steps, list) and [s.get("type") if isinstance(s, dict) else None for s in steps] == [*kinds]

    return Value(f"CLIP's ({', '.join(kinds)})", fits, _CLIPS)


def _cut(*others: str) -> Value:
    """Truncation or padding, which limner sets itself: allowed on the right alone."""
    return optional(section({"direction": only("Right", fix=_CLIPS), **dict.fromkeys(others, unread())}))


TOKENIZER: Mapping[str, Value] = {
    "version": only("1.0"),
    "truncation": _cut("max_length", "strategy", "stride"),
    "padding": _cut("strategy", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token"),
    "added_tokens": unread(),  # the specials, which tokenizer_config.json names
    "normalizer": _chain(("NFC", "Replace", "Lowercase"), "normalizers"),
    "pre_tokenizer": _chain(("Split", "ByteLevel"), "pretokenizers"),
    "post_processor": _chain(("RobertaProcessing",)),
    "decoder": optional(_chain(("ByteLevel",))),
    "model": section(MODEL, ("vocab", "merges")),
}


def build_tokenizer(folder: ScorerFolder, config: ClipConfig) -> Callable[[Sequence[str]], torch.Tensor]:
    """A function of T texts that gives (T, context_length) int64 ids; raises ScorerError."""
    from open_clip.tokenizer import SimpleTokenizer

    length = config.text["context_length"]
    if config.own_tokenizer:
        tokenizer, last = _own(folder, length, config.clean or "whitespace")
    else:
        tokenizer, last = SimpleTokenizer(context_length=length, clean=config.clean or "lower"), SIMPLE_VOCABULARY - 1
    _check_ids(folder, config, tokenizer, last)
    return tokenizer


def _check_ids(folder: ScorerFolder, config: ClipConfig, tokenizer: Any, last: int) -> None:
    """Every id has a row of the text tower, and the tower pools where the tokenizer says that a text ends."""
    place = f"{folder.label}: {folder.path / CONFIG_FILE}: model_cfg.text_cfg"
    if last >= config.text["vocab_size"]:
        raise ScorerError(f"{place}.vocab_size: got {config.text['vocab_size']}; allowed: at least {last + 1}, as the "
                          "tokenizer has so many tokens")  # fmt: skip
    end = tokenizer.eot_token_id
    if config.text["pool_type"] == "eos" and config.text["eos_id"] != end:
        raise ScorerError(f"{place}.eos_id: got {config.text['eos_id']}; allowed: {end}, the tokenizer's own")
    if config.text["pool_type"] == "argmax" and end != last:
        raise ScorerError(
            f"{place}.pool_type: got argmax, with a tokenizer whose highest id {last} is not its end of text {end}; "
            "allowed: eos"
        )


@dataclass(frozen=True, slots=True)
class _Own:
    """A folder's vocabulary, called as open_clip's ``HFTokenizer`` calls one: cleaned, cut and filled to a length."""

    tokenizer: Any
    clean: Callable[[str], str]
    length: int

    @property
    def eot_token_id(self) -> int:
        return int(self.tokenizer.eos_token_id)

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        cleaned = [self.clean(text) for text in texts]
        found = self.tokenizer(
            cleaned, return_tensors="pt", max_length=self.length, padding="max_length", truncation=True
        )
        ids: torch.Tensor = found.input_ids
        return ids


def _own(folder: ScorerFolder, length: int, clean: str) -> tuple[_Own, int]:
    from open_clip.tokenizer import get_clean_fn
    from transformers import CLIPTokenizer

    settings = folder.json("tokenizer_config.json", SETTINGS) if folder.has("tokenizer_config.json") else {}
    specials = {
        name: _content(settings.get(name), "<|startoftext|>" if name == "bos_token" else "<|endoftext|>")
        for name in ("bos_token", "eos_token", "pad_token", "unk_token")
    }
    with folder.errors():
        vocabulary, merges, source = _vocabulary(folder)
        _check_vocabulary(vocabulary, merges, f"{folder.path / source}")
        for name, token in specials.items():
            if token not in vocabulary:
                raise LimnerError(f"{folder.path / source}: {name} {token!r}: got no such token; allowed: one of these")
        try:
            tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=length, **specials)
        except Exception as error:
            raise LimnerError(f"{folder.path / source}: got a vocabulary that makes no tokenizer ({error})") from error
    return _Own(tokenizer, get_clean_fn(clean), length), max(vocabulary.values())


def _content(token: Any, default: str) -> str:
    """A special token's text: a string, or an object that holds it."""
    return default if token is None else str(token["content"] if isinstance(token, dict) else token)


def _vocabulary(folder: ScorerFolder) -> tuple[dict[str, int], list[tuple[str, str]], str]:
    """Tokens with their ids, the pairs that merge, and the file that holds them: tokenizer.json when it is there."""
    if folder.has("tokenizer.json"):
        path = folder.path / "tokenizer.json"
        value = parse_json(folder.bytes("tokenizer.json", MOST_BYTES), path)
        check_keys(value, TOKENIZER, path, required=("model",))
        model = value["model"]
        return model["vocab"], [_pair(merge, f"{path}") for merge in model["merges"]], "tokenizer.json"
    vocabulary = parse_json(folder.bytes("vocab.json", MOST_BYTES), folder.path / "vocab.json")
    try:
        lines = folder.bytes("merges.txt", MOST_BYTES).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise LimnerError(f"{folder.path / 'merges.txt'}: got bytes that are not UTF-8 ({error})") from None
    pairs = [line for line in lines if line.strip() and not line.startswith("#version")]
    return vocabulary, [_pair(line, f"{folder.path / 'merges.txt'}") for line in pairs], "vocab.json"


def _pair(merge: Any, place: str) -> tuple[str, str]:
    parts = merge.split() if isinstance(merge, str) else merge
    if not (isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts)):
        raise LimnerError(f"{place}: merges: got {shown(merge)}; allowed: two tokens each")
    return parts[0], parts[1]


def _check_vocabulary(vocabulary: dict[str, Any], merges: Sequence[tuple[str, str]], place: str) -> None:
    """Every token has an id of its own, and every merge is of known tokens and makes one."""
    ids = set(vocabulary.values()) if all(type(number) is int for number in vocabulary.values()) else set()
    if not vocabulary or len(ids) != len(vocabulary) or not 0 <= min(ids) <= max(ids) < MOST_TOKENS:
        raise LimnerError(
            f"{place}: vocab: got {len(vocabulary):,} tokens; allowed: each with its own id, a whole number from 0 "
            f"to {MOST_TOKENS - 1:,}"
        )
    for first, second in merges:
        if not {first, second, first + second} <= vocabulary.keys():
            raise LimnerError(f"{place}: merges: got {shown([first, second])}; allowed: two tokens that make a third")
