"""A tokenizer's folder is data: what is not CLIP's tokenizer, whole and of its text encoder, is refused with its place.

Nothing of it runs, is followed elsewhere, or is read without bound; refused at once, before any library sees it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from generator.prompts.chunks import load_tokenizers
from generator.prompts.tokenizer import load_tokenizer
from generator.prompts.tokenizer_files import SETTINGS
from specs.errors import LimnerError
from tests.tokenizers import STARTER, write_full, write_tiny

Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tokenizer's folder of this test's own."""
    return write_tiny(tmp_path / "tokenizer")


def settings(**changes: Any) -> Change:
    """tokenizer_config.json with these keys."""

    def change(folder: Path) -> None:
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def vocabulary(**changes: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "vocab.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def without(token: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / "vocab.json"
        path.write_text(json.dumps({key: id_ for key, id_ in json.loads(path.read_text()).items() if key != token}))

    return change


def written(name: str, data: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(data)


def removed(*names: str) -> Change:
    return lambda folder: [(folder / name).unlink() for name in names]


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def piped(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def huge(name: str) -> Change:
    """A gigabyte that takes no room: a sparse file."""

    def change(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(2**30)

    return change


def linked(name: str, target: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return change


def a_folder(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return change


def cut_short(name: str) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-40])


REFUSED: dict[str, tuple[Change, str]] = {
    "empty": (emptied, r"vocab.json: missing \(got 'an empty folder'\); allowed: vocab.json with merges.txt"),
    "no merges": (removed("merges.txt"), r"merges.txt: missing \(got '.*vocab.json'\)"),
    "no vocabulary": (removed("vocab.json"), "vocab.json: missing"),
    "no folder": (lambda folder: shutil.rmtree(folder), "got no such folder"),
    "vocabulary cut short": (cut_short("vocab.json"), "vocab.json: not JSON"),
    "settings cut short": (cut_short("tokenizer_config.json"), "tokenizer_config.json: not JSON"),
    "merges cut within a line": (written("merges.txt", b"#version: 0.2\ns w\nsw"), "merges.txt:3: got 'sw'; allowed"),
    "merges of another vocabulary": (written("merges.txt", b"#version: 0.2\nz z</w>\n"), "got 'z z</w>', which vocab"),
    "merges of three": (written("merges.txt", b"s w o\n"), "merges.txt:1: got 's w o'"),
    "merges that are no UTF-8": (written("merges.txt", b"\xff\xfe"), "merges.txt: got bytes that are not UTF-8"),
    "a vocabulary that is a list": (written("vocab.json", b"[]"), "vocab.json: got a JSON list"),
    "an empty vocabulary": (written("vocab.json", b"{}"), "vocab.json: got 0 tokens"),
    "an id that is text": (vocabulary(sword="7"), "vocab.json: 'sword': got '7'; allowed: a whole number"),
    "an id that is true": (vocabulary(sword=True), "got true; allowed: a whole number"),
    "an id below 0": (vocabulary(sword=-1), "got -1; allowed: a whole number"),
    "an id of 10^12": (vocabulary(sword=10**12), "allowed: a whole number from 0 to 499,999"),
    "two tokens of one id": (vocabulary(sword=3), r"got \d+ tokens with \d+ ids"),
    "no start": (without("<|startoftext|>"), r"bos_token: got a vocabulary of \d+ tokens without '<|startoftext|>'"),
    "no end": (without("<|endoftext|>"), r"e?os_token: got a vocabulary|unk_token: got a vocabulary"),
    "padding that is no token": (settings(pad_token="[PAD]"), "pad_token: got a vocabulary .* without '.PAD.'"),
    "code": (settings(auto_map={"AutoTokenizer": ["x.T", None]}), "auto_map: got .* limner never runs code"),
    "trust": (settings(trust_remote_code=True), "trust_remote_code: got true; allowed: .* limner never runs code"),
    "another class": (settings(tokenizer_class="LlamaTokenizer"), "tokenizer_class: got .*CLIPTokenizer"),
    "another class in a list": (settings(tokenizer_class=["CLIPTokenizer"]), "tokenizer_class: got "),
    "a key that nobody knows": (settings(post_hook="os.system"), "post_hook: got a key that limner does not know"),
    "a file elsewhere": (settings(tokenizer_file="/etc/passwd"), "tokenizer_file: got"),
    "files elsewhere": (settings(fast_tokenizer_files=["../x.json"]), "fast_tokenizer_files: got"),
    "further special tokens": (settings(extra_special_tokens=["<x>"]), "extra_special_tokens: got"),
    "case kept": (settings(do_lower_case=False), "do_lower_case: got false; allowed: true"),
    "a length of 2": (settings(model_max_length=2), "model_max_length: got 2; allowed"),
    "a length that is text": (settings(model_max_length="77"), "model_max_length: got"),
    "a token that is a number": (settings(bos_token=7), "bos_token: got 7; allowed: a token"),
    "a token with a stray key": (settings(bos_token={"content": "a", "x": 1}), "bos_token: got"),
    "added tokens with another id": (
        settings(added_tokens_decoder={"3": {"content": "<|endoftext|>"}}),
        "<.endoftext.>': got the id 3; allowed: 223",
    ),
    "added tokens without an id": (settings(added_tokens_decoder={"x": {"content": "a"}}), "added_tokens_decoder: 'x'"),
    "a million added tokens": (
        settings(added_tokens_decoder={str(n): {"content": str(n)} for n in range(10_001)}),
        "got 10,001 tokens; allowed: at most 10,000",
    ),
    "special tokens that bring code": (
        written("special_tokens_map.json", b'{"\\u0061uto_map": {"AutoTokenizer": "x.T"}}'),
        "special_tokens_map.json: auto_map: got .* limner never runs code",
    ),
    "added_tokens.json with text for an id": (written("added_tokens.json", b'{"<x>": "9"}'), "'<x>': got '9'"),
    "tokenizer.json of another kind": (
        written("tokenizer.json", b'{"model": {"type": "Unigram", "vocab": [], "merges": []}}'),
        r"tokenizer.json: model\.(type|vocab): got",
    ),
    "tokenizer.json without a model": (written("tokenizer.json", b"{}"), "tokenizer.json: model: got nothing"),
    "tokenizer.json that differs": (
        written("tokenizer.json", b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}'),
        "got a tokenizer.json that differs from vocab.json and merges.txt",
    ),
    "deep nesting": (written("tokenizer_config.json", b'{"a":' * 20_000), "tokenizer_config.json: not JSON"),
    **{f"{name} is a FIFO": (piped(name), f"{name}: got a FIFO") for name in ("vocab.json", "tokenizer_config.json")},
    "merges.txt is a FIFO": (piped("merges.txt"), "merges.txt: got a FIFO"),
    "added_tokens.json is a FIFO": (piped("added_tokens.json"), "added_tokens.json: got a FIFO"),
    "tokenizer.json is a FIFO": (piped("tokenizer.json"), "tokenizer.json: got a FIFO"),
    "vocab.json of 1 GB": (huge("vocab.json"), "vocab.json: got more than 33,554,432 bytes"),
    "merges.txt of 1 GB": (huge("merges.txt"), "merges.txt: got more than"),
    "tokenizer.json of 1 GB": (huge("tokenizer.json"), "tokenizer.json: got more than"),
    "settings of 1 GB": (huge("tokenizer_config.json"), "tokenizer_config.json: got more than 1,048,576 bytes"),
    "vocab.json is a device": (linked("vocab.json", "/dev/zero"), "vocab.json: got a device"),
    "merges.txt leads nowhere": (linked("merges.txt", "nowhere"), "merges.txt: got a link to nothing"),
    "settings that lead nowhere": (linked("special_tokens_map.json", "nowhere"), "got a link to nothing"),
    "vocab.json is a folder": (a_folder("vocab.json"), "vocab.json: got a folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_at_once_with_its_place(folder: Path, case: str) -> None:
    change, message = REFUSED[case]
    change(folder)
    began = time.monotonic()
    with pytest.raises(LimnerError, match=message) as error:
        load_tokenizer(folder)
    assert time.monotonic() - began < 5
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", [*SETTINGS, "unheard_of", "init_kwargs"])
@pytest.mark.parametrize("value", [{"a": {"b": []}}, "hf-hub:x/y", -(10**40), [None], float("nan")], ids=str)
def test_no_value_of_any_setting_is_a_traceback(folder: Path, key: str, value: object) -> None:
    before = load_tokenizer(folder).ids("a silver sword!")
    settings(**{key: value})(folder)
    with suppress(LimnerError):  # anything else would fail the test
        assert load_tokenizer(folder).ids("a silver sword!") == before


@pytest.mark.parametrize("name", ["vocab.json", "tokenizer_config.json"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_json_cut_anywhere_is_refused(folder: Path, name: str, share: float) -> None:
    whole = (folder / name).read_bytes().rstrip()
    (folder / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(LimnerError, match=f"{name}: not JSON"):
        load_tokenizer(folder)


class TestAgainstTheTextEncoder:
    """Every id has an embedding, and start and end are those of the text encoder."""

    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        for name in ("tokenizer", "text_encoder"):
            shutil.copytree(STARTER / name, tmp_path / "image" / name, ignore=shutil.ignore_patterns("*.safetensors"))
        return tmp_path / "image"

    @staticmethod
    def encoder(checkpoint: Path, **changes: Any) -> None:
        path = checkpoint / "text_encoder" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def test_the_starter_is_whole(self, checkpoint: Path) -> None:
        assert load_tokenizers("sd1", checkpoint).chunk_tokens == 30

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"vocab_size": 1087}, "ids up to 1,087; allowed: at most 1,086, because .*config.json says vocab_size"),
            ({"vocab_size": "1088"}, "vocab_size: got '1088'; allowed: a whole number"),
            ({"vocab_size": None}, "vocab_size: got nothing"),
            ({"max_position_embeddings": 2}, "max_position_embeddings: got 2; allowed: a whole number from 3"),
            ({"max_position_embeddings": 10**9}, "max_position_embeddings: got 1000000000"),
            ({"bos_token_id": 5}, "bos_token_id: got 5; allowed: 1086, as the tokenizer in"),
            ({"eos_token_id": 5}, "eos_token_id: got 5; allowed: 1087, as the tokenizer in"),
        ],
    )
    def test_another_text_encoder_is_refused(self, checkpoint: Path, changes: dict[str, Any], message: str) -> None:
        self.encoder(checkpoint, **changes)
        with pytest.raises(LimnerError, match=message):
            load_tokenizers("sd1", checkpoint)

    def test_the_ids_that_old_configurations_hold_are_no_fault(self, checkpoint: Path) -> None:
        self.encoder(checkpoint, bos_token_id=0, eos_token_id=2)
        load_tokenizers("sd1", checkpoint)

    def test_another_tokenizer_is_refused(self, checkpoint: Path) -> None:
        shutil.rmtree(checkpoint / "tokenizer")
        write_full(checkpoint / "tokenizer")
        with pytest.raises(LimnerError, match="ids up to 49,407; allowed: at most 1,087"):
            load_tokenizers("sd1", checkpoint)
