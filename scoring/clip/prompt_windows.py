"""Prompts longer than a CLIP reads at once → windows of whole words, embedded apart and averaged. Torch-free.

A CLIP's text half reads L tokens (77 for the published ones), start and end included, and drops the rest. A longer
prompt is cut between words into windows of at most L − 2 tokens; its embedding is the mean of the windows' unit
embeddings, each counted by its tokens, made a unit again: "Embedding texts that are longer than the model's maximum
context length" (OpenAI Cookbook, 2023, https://cookbook.openai.com/examples/embedding_long_inputs). A prompt of one
window keeps the embedding that it always had, to the last bit.
"""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.prompts.tokenizer import backend_of, load_tokenizer
from scoring.errors import ScorerError
from specs.boundary.files import read_json

Vectors = NDArray[np.float32]
WINDOWS_KIND = "limner.windows/1"  # raise when what a long prompt's embedding is changes
CONFIG_FILE = "open_clip_config.json"
DEFAULT_LENGTH = 77
OPEN_CLIP_MERGES = 49152 - 256 - 2  # those of its file that its tokenizer reads
MOST_SETTINGS_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a prompt, and how many tokens it is."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class PromptWindows:
    """How one CLIP reads prompts; ``count`` gives a text's tokens, without start and end, at most ``most`` at once."""

    count: Callable[[str], int]
    most: int
    _known: dict[str, tuple[Window, ...]] = field(default_factory=dict, compare=False, repr=False)

    def of(self, prompt: str) -> tuple[Window, ...]:
        """The windows of a prompt, at least one; where one is enough it is the prompt as it is."""
        found = self._known.get(prompt)
        if found is None:
            found = self._known[prompt] = self._cut(prompt)
        return found

    def are_long(self, prompts: Iterable[str]) -> bool:
        """Whether any of the prompts needs more than one window."""
        return any(len(self.of(prompt)) > 1 for prompt in prompts)

    def _cut(self, prompt: str) -> tuple[Window, ...]:
        tokens = self.count(prompt)
        if tokens <= self.most:
            return (Window(prompt, tokens),)
        windows, words, total = [], list[str](), 0
        for word, size in self._pieces(prompt):
            if words and total + size > self.most:
                windows.append(Window(" ".join(words), total))
                words, total = [], 0
            words.append(word)
            total += size
        return (*windows, Window(" ".join(words), total))

    def _pieces(self, prompt: str) -> Iterable[tuple[str, int]]:
        """Words with their tokens, which add up because no token spans white space; a word too long is halved."""
        waiting = prompt.split()[::-1]
        while waiting:
            word = waiting.pop()
            size = self.count(word)
            if size <= self.most or len(word) < 2:
                yield word, min(size, self.most)
            else:
                waiting += [word[len(word) // 2 :], word[: len(word) // 2]]


def load_windows(folder: Path) -> PromptWindows:
    """Of the CLIP in ``folder`` (an open_clip repository's files): by its own tokenizer, or the one of open_clip.

    Raises LimnerError where its configuration or its tokenizer cannot be read.
    """
    path = folder / CONFIG_FILE
    config: Any = read_json(path, MOST_SETTINGS_BYTES)
    for key in ("model_cfg", "text_cfg"):
        config = config.get(key, {}) if isinstance(config, dict) else {}
    length = config.get("context_length", DEFAULT_LENGTH) if isinstance(config, dict) else None
    if type(length) is not int or not 3 <= length <= 10**5:
        raise ScorerError(f"{path}: model_cfg.text_cfg.context_length: got {length!r}; allowed: 3 to 100,000")
    if config.get("hf_tokenizer_name"):
        tokenizer = load_tokenizer(folder)
        return PromptWindows(lambda text: len(tokenizer.ids(text)), length - 2)
    backend = _open_clip_backend()
    return PromptWindows(lambda text: len(backend.encode(text, add_special_tokens=False).ids), length - 2)


@cache
def _open_clip_backend() -> Any:
    """CLIP's published vocabulary, from the file that open_clip brings (without importing it, which loads torch)."""
    found = importlib.util.find_spec("open_clip")
    if found is None or not found.submodule_search_locations:
        raise ScorerError("open_clip is not installed; allowed: open-clip-torch, as `pip install limner` brings it")
    lines = gzip.decompress((Path(found.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz").read_bytes())
    pairs = [line.split() for line in lines.decode("utf-8").split("\n")[1 : OPEN_CLIP_MERGES + 1]]
    merges = [(left, right) for left, right in pairs]
    letters = _byte_letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return backend_of({token: number for number, token in enumerate(tokens)}, merges, "<|endoftext|>")


def _byte_letters() -> list[str]:
    """The printable letter that stands for each byte (Radford et al., ``bytes_to_unicode``)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + at) for at in range(256 - len(printable))]


def embed_whole(prompts: Sequence[str], windows: PromptWindows, embed: Callable[[Sequence[str]], Vectors]) -> Vectors:
    """T prompts → (T, D) unit rows; ``embed`` gives those of texts of one window each, (W, D) float32."""
    cut = [windows.of(prompt) for prompt in prompts]
    rows = embed([window.text for parts in cut for window in parts])
    found, start = np.empty((len(prompts), rows.shape[1]), np.float32), 0
    for at, parts in enumerate(cut):
        own = rows[start : start + len(parts)]
        found[at] = own[0] if len(parts) == 1 else _mean(own, [window.tokens for window in parts])
        start += len(parts)
    return found


def _mean(rows: Vectors, tokens: Sequence[int]) -> Vectors:
    mean = np.average(rows.astype(np.float64), axis=0, weights=np.maximum(tokens, 1))
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, np.float32)


def windows_identity(folder: Path | None, prompts: Iterable[str]) -> str:
    """What a scorecard says of prompts cut into windows: WINDOWS_KIND where some prompt of the set is, else "".

    All cards of such a set depend on it, because each picture is ranked among all prompts. ``folder`` None: "".
    """
    if folder is None:
        return ""
    distinct = set(prompts)
    return WINDOWS_KIND if load_windows(folder).are_long(distinct) else ""
