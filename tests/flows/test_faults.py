"""Memory that ran out, and exceptions that nobody foresaw: one line each, an exit code, and a report to send."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer

from flows.cli.app import INTERRUPTED, ending
from flows.faults import memory_sentence
from flows.pipeline.failures import Failure
from tests.world import World

HELPS = "--batch-size 1"
NO_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has 79 GiB"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"
    ),
    RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    OSError(12, "Cannot allocate memory"),
]


def ended_by(error: BaseException) -> int:
    """The exit code of a command, with options for memory, that ends with ``error``."""

    def fails(batch_size: int | None = None) -> int:
        raise error

    with pytest.raises(typer.Exit) as stopped:
        ending(fails)(batch_size=None)
    return stopped.value.exit_code


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: f"{type(error).__name__} {error}"[:40])
def test_memory_that_ran_out_is_one_line_that_says_what_and_what_helps(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where another exception was raised over it."""
    wrapped = RuntimeError("a module could not be imported")
    wrapped.__cause__ = error
    for one in (error, wrapped):
        assert ended_by(one) == 1
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert told.startswith(f"Memory ran out: {type(error).__name__}")
        assert HELPS in told


def test_a_shard_without_memory_says_what_helps() -> None:
    """The same words at the end of a run whose pictures failed."""
    for error in NO_MEMORY[:3]:
        assert HELPS in Failure.of(error, 4).sentence()
    assert HELPS not in Failure.of(RuntimeError("CUDA error: an illegal access"), 4).sentence()


@pytest.mark.parametrize("error", [ValueError("no device"), RuntimeError("CUDA error"), KeyError("size")], ids=repr)
def test_other_exceptions_are_not_about_memory(error: Exception) -> None:
    assert memory_sentence(error) == ""


def test_a_limit_too_small_for_torch_is_named(world: World) -> None:
    """The real thing: the address space is too small for torch's libraries."""
    shell = 'ulimit -v 1500000; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *world.command("doctor")],
        cwd=world.folder,
        env=world.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ulimit -v" in done.stdout, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr


def test_an_unforeseen_exception_is_one_line_and_a_report_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Readable by its user alone; a second one has a file of its own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_dontshow")
    monkeypatch.setattr(sys, "argv", ["limner", "keepers", "a b"])
    for number in (1, 2):
        error = ValueError("bad hf_dontshow at\nhttp://ada:secret@host/")
        assert ended_by(error) == 1
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert "ValueError: bad $HF_TOKEN at http://…@host/" in told
        assert len(list(tmp_path.iterdir())) == number
        report = Path(re.findall(r"with (\S+\.txt)", told)[0])
        assert stat.S_IMODE(report.stat().st_mode) == 0o600
        text = report.read_text(encoding="utf-8")
        assert "limner keepers 'a b'" in text
        assert "raise error" in text
        assert "torch: " in text
        assert "dontshow" not in text + told
        assert "secret" not in text + told


def test_a_report_that_cannot_be_written_leaves_the_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert ended_by(ValueError("bad")) == 1
    assert re.search(r"No report could be written .* test_faults.py:\d+\.", capsys.readouterr().err)


def test_ctrl_c_is_one_line_and_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_by(KeyboardInterrupt()) == INTERRUPTED
    assert capsys.readouterr().err == "Interrupted. What was recorded stays; run the same command to go on.\n"
