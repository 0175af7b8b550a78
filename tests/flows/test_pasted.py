"""The commands that limner prints can be pasted into a shell: they parse, and work on the library of the call."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.catalog import Catalog
from flows.cli.app import app, load_command
from flows.cli.commands import COMMANDS as EVERY
from generator.families.layout import _convert
from specs.commands import TAKES, given, limner
from tests.catalog.factory import World

COMMANDS = {name: load_command(name) for name in EVERY}
PRINTED = re.compile(r"(?<![\w/])limner (?:" + "|".join(COMMANDS) + r")\b[^`;\n]*")
Say = Callable[..., str]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library whose path a shell would take apart."""
    folder = tmp_path / 'it\'s a "box" $HOME 勇者'
    with Catalog.open(folder, create=True) as catalog:
        world = World()
        world.register(catalog)
        catalog.record(world.records(2))
    return folder


@pytest.fixture
def say(library: Path) -> Iterator[Say]:
    """All that a command says."""

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, [*words, "--library", str(library)])
        return result.stdout + result.stderr

    yield run
    given(None, ())


def parsed(line: str) -> tuple[str, dict[str, object]]:
    """The command's name and its parameters, as the command line reads them; fails where it would refuse."""
    name, *words = shlex.split(line)[1:]
    with COMMANDS[name].make_context(name, words) as context:
        return name, context.params


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_options_that_are_repeated_are_those_that_a_command_takes(name: str) -> None:
    options = {parameter.name for parameter in COMMANDS[name].params}
    assert {option for option in ("library", "checkpoints") if option in options} == set(TAKES[name])


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["show", "no picture"], ["keepers"]),
        (["searches"], ["keepers"]),
        (["verify", "--repair"], []),
        (["taste", "tavern-items", "--ask", "1"], ["keep", "reject", "review"]),
        (["taste", "tavern-items"], ["review", "taste"]),
        (["backup", "a 'copy'"], ["keepers"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_printed_command_names_the_library_of_the_call(
    words: list[str], names: list[str], say: Say, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = say(*words)
    found = [parsed(line) for line in PRINTED.findall(re.sub(r"; to restore.*", "", said))]
    assert [name for name, _ in found] == names, said
    wanted = Path("a 'copy'") if words[0] == "backup" else library
    assert {params["library"] for _, params in found} <= {wanted}


def test_a_damaged_picture_is_mended_by_the_command_that_backup_prints(say: Say, library: Path, tmp_path: Path) -> None:
    picture = next(library.glob("objects/*/*.png"))
    picture.chmod(0o600)
    picture.write_bytes(b"not a picture")
    said = say("backup", str(tmp_path / "copy"))
    found = [parsed(line) for line in PRINTED.findall(said)]
    assert [(name, params["repair"], params["library"]) for name, params in found] == [
        ("verify", False, library),
        ("verify", True, library),
    ]


def test_what_was_not_given_is_not_repeated_and_what_is_named_is_not_doubled() -> None:
    given(None, ())
    assert limner("verify") == "limner verify"
    given(Path("a b"), [Path("c d.yaml")])
    assert limner("produce", Path("e f.yaml")) == "limner produce 'e f.yaml' --library 'a b' --checkpoints 'c d.yaml'"
    assert limner("keepers", "--library", "x") == "limner keepers --library x"
    line = PRINTED.findall(_convert(Path("勇者 's.bin"), "safetensors"))[0]
    assert parsed(line)[1]["source"] == Path("勇者 's.bin")
    given(None, ())
