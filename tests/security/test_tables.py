"""Promise: no spec, table or reference picture costs more than seconds, or gives anything but errors with places."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from specs.errors import LimnerError
from specs.reading.load import load_spec
from tests.security.hostile_tables import hostile


@pytest.mark.parametrize(("name", "files"), hostile(), ids=[name for name, _ in hostile()])
def test_a_hostile_input_is_refused_soon(
    name: str, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    for file, data in files.items():
        (tmp_path / file).write_bytes(data)
    start = time.process_time()
    with pytest.raises(LimnerError) as caught:
        load_spec(tmp_path / "spec.yaml")
    assert "; allowed: " in str(caught.value)
    assert time.process_time() - start < 10, "seconds of this process alone"
    assert not (tmp_path / "canary").exists()


def test_a_sheet_of_empty_rows_costs_no_memory(tmp_path: Path) -> None:
    files = dict(hostile())["xlsx: empty rows"]
    for file, data in files.items():
        (tmp_path / file).write_bytes(data)
    tracemalloc.start()
    with pytest.raises(LimnerError):
        load_spec(tmp_path / "spec.yaml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20
