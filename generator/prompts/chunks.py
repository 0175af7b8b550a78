"""How many tokens and chunks a prompt needs, known from a checkpoint's small files. Never imports torch.

A chunk is what one pass of a text encoder reads: L tokens (77 for the published models), start and end included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.families.registry import FAMILIES
from generator.prompts.tokenizer import ClipTokenizer, load_tokenizer
from specs.boundary.files import read_json
from specs.errors import LimnerError
from specs.values.checks import show

MOST_CHUNKS = 16  # 1,200 tokens; beyond it a prompt is a mistake, and memory grows with its square
MOST_SETTINGS_BYTES = 2**20
LEGACY_IDS = {"bos_token_id": 0, "eos_token_id": 2}  # what transformers 3 to 4.30 wrote, whatever the vocabulary
ONE = "Copy the tokenizer and the text encoder of one checkpoint."


@dataclass(frozen=True, slots=True)
class PromptSize:
    """``tokens``: of each tokenizer, start and end not counted; ``outside``: words that some vocabulary lacks."""

    tokens: tuple[int, ...]
    chunks: int
    outside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PromptTokenizers:
    """A checkpoint's tokenizers, each with L, the length of its text encoder."""

    pairs: tuple[tuple[ClipTokenizer, int], ...]

    @property
    def chunk_tokens(self) -> int:
        """How many tokens of a prompt a chunk holds: L − 2."""
        return self.pairs[0][1] - 2

    def measure(self, prompt: str) -> PromptSize:
        """Raises LimnerError for text that is no Unicode; never for length (see MOST_CHUNKS)."""
        read = [(tokenizer.read(prompt), length) for tokenizer, length in self.pairs]
        return PromptSize(
            tokens=tuple(len(tokens.ids) for tokens, _ in read),
            chunks=max(len(cut(tokens.ids, length)) for tokens, length in read),
            outside=tuple(dict.fromkeys(word for tokens, _ in read for word in tokens.outside)),
        )


def cut(ids: Sequence[int], length: int) -> list[list[int]]:
    """Token ids in pieces of ``length`` − 2; one empty piece for an empty prompt."""
    size = length - 2
    return [list(ids[start : start + size]) for start in range(0, len(ids), size)] or [[]]


def load_tokenizers(architecture: str, folder: Path) -> PromptTokenizers:
    """The tokenizers of an image checkpoint's folder, each checked against its text encoder's ``config.json``.

    Raises LimnerError where a folder is no tokenizer's (``load_tokenizer``), or where the text encoder has no embedding
    for some token, or other start and end tokens.
    """
    encoders = FAMILIES[architecture].conditioning.encoders
    return PromptTokenizers(
        tuple(_pair(folder / tokenizer, folder / encoder / "config.json") for tokenizer, encoder in encoders)
    )


def check_fit(tokenizer: ClipTokenizer, config: Mapping[str, object], config_path: Path) -> None:
    """LimnerError unless a text encoder's configuration has an embedding for every token, and its start and end."""
    rows = _whole(config, "vocab_size", config_path)
    if tokenizer.size > rows:
        raise LimnerError(
            f"{tokenizer.folder}: got a vocabulary with ids up to {tokenizer.size - 1:,}; allowed: at most "
            f"{rows - 1:,}, because {config_path} says vocab_size {rows:,}. {ONE}"
        )
    for key, id_ in (("bos_token_id", tokenizer.bos_id), ("eos_token_id", tokenizer.eos_id)):
        if config.get(key, id_) not in (id_, LEGACY_IDS[key], None):
            raise LimnerError(
                f"{config_path}: {key}: got {show(config[key])}; allowed: {id_}, as the tokenizer in "
                f"{tokenizer.folder} has it. {ONE}"
            )


def _pair(folder: Path, config_path: Path) -> tuple[ClipTokenizer, int]:
    tokenizer = load_tokenizer(folder)
    config = read_json(config_path, MOST_SETTINGS_BYTES)
    check_fit(tokenizer, config, config_path)
    return tokenizer, min(tokenizer.model_max_length, _whole(config, "max_position_embeddings", config_path))


def _whole(config: Mapping[str, object], key: str, path: Path) -> int:
    value = config.get(key)
    if type(value) is not int or not 3 <= value <= 10**7:
        raise LimnerError(
            f"{path}: {key}: got {show(value)}; allowed: a whole number from 3 to 10,000,000. Copy the checkpoint anew."
        )
    return value
