"""Whatever standard output, error and input are connected to, a command does its work and ends without a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TextIO

import pytest
import yaml

from catalog.catalog import Catalog
from flows.cli.app import run
from flows.cli.commands import COMMANDS as EVERY
from flows.cli.ends import guarded_ends
from tests.catalog.factory import World as Factory
from tests.world import World, spec_of

ID = "tavern-items/item-000#0"
SPEC = "spec.yaml"
COMMANDS = [  # every command, with a title in Japanese where it prints one; those that render or serve meet an error
    ["--help"],
    ["keepers", "--help"],
    ["produce", SPEC],
    ["plan", "日本.yaml"],
    ["keepers"],
    ["keepers", "--json"],
    ["keepers", "tavern-items", "--why"],
    ["searches"],
    ["tag", ID, "勇者"],
    ["note", ID, "勇者 — ☃"],
    ["stats"],
    ["show", ID],
    ["show", ID, "--json"],
    ["review", "--library", "nowhere", "--no-open"],
    ["keep", ID, "--why", "勇者"],
    ["reject", ID, "--why", "勇者", "--json"],
    ["undo", ID],
    ["reproduce", "nowhere"],
    ["rescore", "tavern-items"],
    ["calibrate", "tavern-items"],
    ["clusters", "tavern-items"],
    ["taste", "tavern-items"],
    ["verify", "--json"],
    ["backup", "勇者"],
    ["checkpoints", "--json"],
    ["convert", "nowhere.bin"],
    ["serve", SPEC],
    ["doctor", "--json"],
    ["no-such-command"],
]


def full() -> TextIO:
    """A disk without space."""
    return Path("/dev/full").open("w", encoding="utf-8")


def left() -> TextIO:
    """A pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", encoding="utf-8")


def in_memory(encoding: str = "utf-8") -> TextIO:
    """A stream whose bytes can be read."""
    return io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)


def written(stream: TextIO) -> str:
    """What a stream of ``in_memory`` got."""
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library and a spec, made once; the commands' changes to it do not matter here."""
    folder = tmp_path_factory.mktemp("ends")
    with Catalog.open(folder / "library", create=True) as catalog:
        world = Factory()
        world.register(catalog)
        catalog.record(world.records(3))
    spec = spec_of(["sword"], title="勇者", checkpoint="nowhere/tiny")
    (folder / SPEC).write_text(yaml.safe_dump(spec), encoding="utf-8")
    return folder


@pytest.fixture
def limner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """A command line between these ends, as the console command runs it; its exit code."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LIMNER_PERSON", "ada")

    def command(words: list[str], out: TextIO | None, err: TextIO | None) -> int:
        monkeypatch.setattr(sys, "argv", ["limner", *words])
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return guarded_ends(run)

    return command


def test_the_sweep_has_every_command() -> None:
    """A new command must join COMMANDS."""
    assert set(EVERY) <= {words[0] for words in COMMANDS}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_any_end_and_any_encoding_takes_every_command(
    words: list[str], limner: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An output that did not arrive is one line and exit code 1, unless its reader left.

    What an encoding cannot hold is escaped and told once, never a question mark; JSON is ASCII.
    """
    usual_out, told = in_memory(), ""
    usual = limner(words, usual_out, in_memory())
    said = bool(written(usual_out))
    assert usual in (0, 1, 2)
    for closing in (lambda: None, full, left):
        err = in_memory()
        lost = said and closing is not left
        with _closed(closing()) as out, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", None)
            assert limner(words, out, err) == (usual or int(lost))
        assert written(err).count("standard output: ") == int(lost)
        told += written(err)
    for closing in (lambda: None, full):
        out = in_memory()
        with _closed(closing()) as nowhere:
            assert limner(words, out, nowhere) == usual
        assert bool(written(out)) == said, "errors are no output"
    for encoding in ("ascii", "cp932"):
        out, err = in_memory(encoding), in_memory(encoding)
        assert limner(words, out, err) == usual
        escaped = "\\u" in written(err) + ("" if "--json" in words else written(out))
        assert written(err).count("are written as escapes") == int(escaped)
        assert words != ["plan", "日本.yaml"] or encoding == "cp932" or "\\u65e5\\u672c.yaml" in written(err)
        told += written(err)
        if "--json" in words and usual == 0:
            assert written(out).isascii()
            json.loads(written(out))
    assert "Traceback" not in told
    assert "A fault of limner" not in told


def _closed(stream: TextIO | None) -> AbstractContextManager[TextIO | None]:
    return nullcontext() if stream is None else stream


def test_descriptors_that_are_closed_are_taken_before_any_file_is_opened(world: World) -> None:
    """Otherwise a picture or the catalog gets the number of standard output, and a library's words."""
    code = (
        "import os, sys\nfrom flows.cli.ends import guarded_ends\n"
        "guarded_ends(lambda: 0)\nsys.exit(open('/dev/zero').fileno() > 2)"
    )
    shell = '"$0" -P -c "$1" <&- >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable, code], env=world.environment(), cwd=world.folder, check=False
    )
    assert done.returncode == 1


def test_a_run_whose_words_cannot_be_written_makes_and_records_everything(
    world: World, prefect_server: dict[str, str], monkeypatch: pytest.MonkeyPatch, limner: Callable[..., int]
) -> None:
    """Standard output is full and standard error too: exit code 1, no picture and no keeper lost."""
    from prefect import settings

    for name, value in {**world.environment(), **prefect_server}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.folder)
    world.write(spec_of(["sword", "shield"]))
    addresses = {getattr(settings, name): value for name, value in prefect_server.items()}
    with settings.temporary_settings(addresses), full() as out, full() as err:
        assert limner(["produce", SPEC], out, err) == 1
    with Catalog.open(world.library, create=False) as catalog:
        assert len(catalog.keepers("tiny-set")) == 2
    assert limner(["verify"], in_memory(), in_memory()) == 0
