"""Which keys a configuration file may hold, and which values: an allow-list.

A file is parsed once and compared key by key; whatever is not listed is refused with its place, so that no setting of
a checkpoint's own reaches a library that would interpret it. Nothing here opens a file.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specs.errors import LimnerError

SHOWN_CHARACTERS = 80
# What transformers writes, or once wrote, with every configuration: of text generation, of training, of other tasks.
TRANSFORMERS_KEYS = """
_name_or_path _attn_implementation_autoset transformers_version architectures dtype torch_dtype return_dict
output_hidden_states output_attentions torchscript use_bfloat16 tf_legacy_loss pruned_heads tie_word_embeddings
tie_encoder_decoder chunk_size_feed_forward is_encoder_decoder is_decoder cross_attention_hidden_size
add_cross_attention decoder_start_token_id sep_token_id prefix finetuning_task id2label label2id task_specific_params
problem_type tokenizer_class max_length min_length do_sample early_stopping num_beams num_beam_groups
diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size
encoder_no_repeat_ngram_size bad_words_ids num_return_sequences output_scores return_dict_in_generate
forced_bos_token_id forced_eos_token_id remove_invalid_values exponential_decay_length_penalty suppress_tokens
begin_suppress_tokens dropout initializer_factor initializer_range
""".split()  # noqa: SIM905 (a paragraph of words reads better than a list of quotes)


@dataclass(frozen=True, slots=True)
class Value:
    """What one key may hold: ``allowed`` says it in words, ``fits`` decides; ``fix`` ends the message.

    ``keys`` and ``required``: those of an object, each checked in turn.
    """

    allowed: str
    fits: Callable[[Any], bool]
    fix: str = ""
    keys: Mapping[str, Value] = field(default_factory=dict)
    required: tuple[str, ...] = ()


Keys = Mapping[str, Value]


def whole(low: int, high: int) -> Value:
    """An integer from ``low`` to ``high``; true and 2.0 are none."""
    return Value(f"a whole number from {low:,} to {high:,}", lambda value: type(value) is int and low <= value <= high)


def number(low: float, high: float) -> Value:
    """A finite number from ``low`` to ``high``."""

    def fits(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high and math.isfinite(value)

    return Value(f"a number from {low:g} to {high:g}", fits)


def flag() -> Value:
    """true or false."""
    return Value("true or false", lambda value: type(value) is bool)


def only(*values: Any, fix: str = "") -> Value:
    """One of these, of the same type (1 is not true)."""
    words = ", ".join(value if isinstance(value, str) and value else json.dumps(value) for value in values)
    return Value(words, lambda given: any(type(given) is type(value) and given == value for value in values), fix)


def text(pattern: str, allowed: str, fix: str = "") -> Value:
    """A string that matches the whole ``pattern``; ``allowed`` says which in words."""
    matches = re.compile(pattern)
    return Value(allowed, lambda value: isinstance(value, str) and matches.fullmatch(value) is not None, fix)


def several(item: Value, least: int, most: int) -> Value:
    """A list of ``least`` to ``most`` such items."""
    count = f"{least:,}" if least == most else f"{least:,} to {most:,}"

    def fits(value: Any) -> bool:
        return isinstance(value, list) and least <= len(value) <= most and all(map(item.fits, value))

    return Value(f"a list of {count}, each {item.allowed}", fits)


def either(*choices: Value) -> Value:
    """What any of these allows (none of them an object)."""
    return Value(
        " or ".join(choice.allowed for choice in choices), lambda given: any(one.fits(given) for one in choices)
    )


def optional(value: Value) -> Value:
    """The same, or null."""
    return Value(
        f"{value.allowed}, or null",
        lambda given: given is None or value.fits(given),
        value.fix,
        value.keys,
        value.required,
    )


def section(keys: Keys, required: tuple[str, ...] = ()) -> Value:
    """An object of these keys."""
    return Value("an object", lambda value: isinstance(value, dict), keys=keys, required=required)


def unread() -> Value:
    """A key that published files hold and that limner never reads or hands on: any value."""
    return Value("anything", lambda _: True)


def check_keys(value: Mapping[str, Any], keys: Keys, path: Path, *, required: tuple[str, ...] = ()) -> None:
    """Compare a parsed file with its allow-list; LimnerError names the file, the place in it, and what is allowed."""
    _check_object(value, Value("an object", bool, keys=keys, required=required), path, "")


def _check_object(value: Mapping[str, Any], wanted: Value, path: Path, place: str) -> None:
    for key, given in value.items():
        where = place + (key if re.fullmatch(r"[A-Za-z0-9_]{1,60}", key) else shown(key))
        if key not in wanted.keys:
            near = difflib.get_close_matches(key[:60], wanted.keys, n=1)
            raise LimnerError(
                f"{path}: {where}: got a key that limner does not know ({shown(given)}); allowed: "
                f"{', '.join(sorted(wanted.keys))}{f'; did you mean {near[0]}?' if near else ''}. Remove the key if "
                "the files work without it"
            )
        _check_value(given, wanted.keys[key], path, where)
    for key in wanted.required:
        if key not in value:
            raise LimnerError(f"{path}: {place}{key}: got nothing; allowed: {wanted.keys[key].allowed}")


def _check_value(given: Any, wanted: Value, path: Path, where: str) -> None:
    if not wanted.fits(given):
        fix = f". {wanted.fix}" if wanted.fix else ""
        raise LimnerError(f"{path}: {where}: got {shown(given)}; allowed: {wanted.allowed}{fix}")
    if isinstance(given, dict) and wanted.keys:
        _check_object(given, wanted, path, f"{where}.")


def shown(value: Any) -> str:
    """A value in a few words: JSON when it is small, else its beginning."""
    if isinstance(value, list | dict):
        return reprlib.repr(value)
    words = json.dumps(value)
    return words if len(words) <= SHOWN_CHARACTERS else f"{words[: SHOWN_CHARACTERS - 1]}…"
