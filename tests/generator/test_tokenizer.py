"""The tokenizer that limner builds gives the ids of transformers' own, text for text, and says what it lacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from transformers import CLIPTokenizer

from generator.prompts.chunks import load_tokenizers
from generator.prompts.tokenizer import ClipTokenizer, load_tokenizer
from specs.errors import LimnerError
from tests.tokenizers import MARKS, PUBLISHED, STARTER, write_full, write_tiny

HARD = {
    "plain": "a silver sword on a night background",
    "empty": "",
    "space alone": " \t\r\n ",
    "padding as text": "!",
    "padding within": "wow! a sword!! (!)",
    "japanese": "月夜に光る銀の剣、羊皮紙の背景",
    "korean in parts": "한글 한",
    "devanagari": "क्षत्रिय तलवार",
    "emoji": "⚔️ sword 👩‍🚀 🏴‍☠️",
    "combining marks": "e\u0301pe\u0301e Épée é\u0323\u0302",
    "ligatures": "ﬁre ß ﬀ Ⅷ ①²½ ㎡",
    "case that depends on place": "ΟΔΥΣΣΕΥΣ ΑΣ ς İstanbul DŽ ǅ",
    "control characters": "a\x00b\x07c\x1b[31m red",
    "spaces of all kinds": "a\u00a0b\u3000c\u2028d\x85e\u200bf\ufeffg",
    "a very long word": "sword" * 2000,
    "one letter, often": "x " * 500,
    "numbers": "12345 3.14 1,000 -7 0x1F ٣ ৪",
    "apostrophes": "it's don't we'll I'D you'RE they've ''s ’s",
    "an added token": "an <ink style> sword, <ink  style> <ink",
    "punctuation": "(sword:1.2), [x], {a|b} <lora:x:1> -- ... \\( \\)",
    "special tokens as text": "<|endoftext|> sword <|startoftext|>",
    "special tokens in capitals": "a <|EndOfText|> b",
    "special tokens within words": "sword<|endoftext|>red<|startoftext",
    "private use and beyond": "\ue000 \ufffe \U0010ffff",
}


def legacy(folder: Path) -> Path:
    """Stable Diffusion 2's and SDXL's second: the padding is "!", said in special_tokens_map.json."""
    marks = {key: value for key, value in MARKS.items() if key != "__type"}
    special = {"bos_token": {**marks, "content": "<|startoftext|>"}, "pad_token": "!", "unk_token": "<|endoftext|>"}
    write_full(folder, {key: value for key, value in PUBLISHED.items() if key != "pad_token"})
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    return folder


def listed(folder: Path) -> Path:
    """As transformers 4.34 and later write it: the special tokens by id."""
    marks = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "special": True}
    decoder = {"0": "!", "49406": "<|startoftext|>", "49407": "<|endoftext|>"}
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    added = {number: {**marks, "content": content} for number, content in decoder.items()}
    rest = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "additional_special_tokens": []}
    return write_full(folder, {**rest, **names, "pad_token": "!", "added_tokens_decoder": added})


def added(folder: Path) -> Path:
    """With a token of a textual inversion."""
    write_full(folder)
    (folder / "added_tokens.json").write_text(json.dumps({"<ink style>": 49408}))
    return folder


def one_file(folder: Path) -> Path:
    """tokenizer.json alone, as transformers 5 saves it."""
    CLIPTokenizer.from_pretrained(legacy(folder / "old"), local_files_only=True).save_pretrained(folder / "new")
    for name in ("vocab.json", "merges.txt"):
        (folder / "new" / name).unlink(missing_ok=True)
    return folder / "new"


FOLDERS: dict[str, Callable[[Path], Path]] = {
    "starter": lambda _: STARTER / "tokenizer",
    "tiny": write_tiny,
    "tiny, padded with !": lambda folder: write_tiny(folder, "!"),
    "published for SD 1.5": write_full,
    "published for SD 2": legacy,
    "published for SDXL": listed,
    "with an added token": added,
    "tokenizer.json alone": one_file,
}


@pytest.fixture(scope="module")
def pair_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[ClipTokenizer, Any]]:
    """A folder's name → limner's tokenizer of it and transformers'."""

    @cache
    def both(name: str) -> tuple[ClipTokenizer, Any]:
        folder = FOLDERS[name](tmp_path_factory.mktemp("tokenizer"))
        return load_tokenizer(folder), CLIPTokenizer.from_pretrained(folder, local_files_only=True)

    return both


Pair = Callable[[str], tuple[ClipTokenizer, Any]]


class TestEqualToTransformers:
    @pytest.mark.parametrize("name", FOLDERS)
    def test_ids_of_every_hard_text(self, pair_of: Pair, name: str) -> None:
        ours, theirs = pair_of(name)
        expected = {what: list(theirs(text, add_special_tokens=False).input_ids) for what, text in HARD.items()}
        assert {what: ours.ids(text) for what, text in HARD.items()} == expected
        assert {what: list(ours.read(text).ids) for what, text in HARD.items()} == expected

    @pytest.mark.parametrize("name", FOLDERS)
    def test_start_end_padding_unknown_and_length(self, pair_of: Pair, name: str) -> None:
        ours, theirs = pair_of(name)
        assert (ours.bos_id, ours.eos_id, ours.pad_id, ours.unk_id, ours.model_max_length) == (
            theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id, theirs.unk_token_id, theirs.model_max_length
        )  # fmt: skip

    def test_sd1_pads_with_the_end_and_sd2_with_an_exclamation_mark(self, pair_of: Pair) -> None:
        assert pair_of("published for SD 1.5")[0].pad_id == 49407
        assert pair_of("published for SD 2")[0].pad_id == 0

    def test_an_added_token_is_one_token(self, pair_of: Pair) -> None:
        ours, _ = pair_of("with an added token")
        assert ours.ids("a <ink style> sword")[1] == 49408
        assert ours.read("a <ink style> sword").ids[1] == 49408
        assert ours.size == 49409


class TestText:
    @pytest.mark.parametrize("text", ["\ud800", "sword \udcff", "\udfff\ud800"])
    def test_half_of_a_surrogate_pair_is_refused(self, pair_of: Pair, text: str) -> None:
        with pytest.raises(LimnerError, match=r"half of a surrogate pair; allowed: Unicode text") as error:
            pair_of("starter")[0].read(text)
        assert str(error.value).isprintable()  # quoted as escapes

    @pytest.mark.parametrize(
        ("name", "text", "outside"),
        [
            ("starter", "a silver sword on a night background", ()),
            ("starter", "a mighty sword, glowing 剣 ⚔ 7", ("mighty", "glowing", "剣", "⚔")),
            ("starter", "MIGHTY mighty Sword", ("MIGHTY", "mighty")),
            ("published for SD 1.5", "a mighty sword, glowing 剣 ⚔ 7 antidisestablishmentarianism", ()),
            ("tiny", "a silver sword 剣", ("剣",)),
        ],
    )
    def test_words_outside_the_vocabulary_are_named(
        self, pair_of: Pair, name: str, text: str, outside: tuple[str, ...]
    ) -> None:
        assert pair_of(name)[0].read(text).outside == outside


class TestChunks:
    def test_of_the_starter(self) -> None:
        known = load_tokenizers("sd1", STARTER)
        assert known.chunk_tokens == 30
        assert [known.measure(text).chunks for text in ("", "x " * 30, "x " * 31, "x " * 480, "x " * 481)] == [
            1, 1, 2, 16, 17
        ]  # fmt: skip

    def test_no_torch(self) -> None:
        code = (
            "import sys; from pathlib import Path; from generator.prompts.chunks import load_tokenizers\n"
            f"load_tokenizers('sd1', Path({str(STARTER)!r})).measure('a sword')\n"
            "assert not {'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
