"""Promise: no spec, table or reference picture costs more than seconds, or gives anything but errors with places."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from pathlib import Path

import pytest

from generator.weights.pinning import locate
from specs.errors import LimnerError
from specs.prompts.dialects import foreign_syntax
from specs.reading.load import load_spec
from specs.registry.registry import load_registry
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


@pytest.mark.parametrize(
    "text",
    ["x", "__a", "-__b", "[:", "{|", "(", "a++", "1::", "<lora:", "a_-", "--", ")"],
)
def test_no_text_of_a_prompt_costs_more_than_its_length(text: str) -> None:
    """A cell may hold 40,000 letters; where a pattern went back at each of them, that took 15 seconds."""
    start = time.process_time()
    assert len(list(foreign_syntax(text * 60_000))) < 60_000
    assert time.process_time() - start < 10, "seconds of this process alone"


@pytest.mark.parametrize("name", ["a" * 400, "loop", "~nobody-of-that-name/x", "a/" * 3000])
def test_a_name_that_cannot_be_asked_for_is_no_file(name: str, tmp_path: Path) -> None:
    """Longer than a file system takes, a loop of links, a home that is none: of a table, a picture, a folder."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    spec = {"set": "x", "checkpoint": "starter", "picture": {"width_px": 64, "height_px": 64}}
    for change in (
        {"assets": {"from": f"{name[:490]}.csv"}},
        {"assets": [{"id": "a"}], "style": {"references": [f"{name[:490]}.png"]}},
    ):
        (tmp_path / "spec.yaml").write_text(json.dumps({**spec, **change}))
        with pytest.raises(LimnerError, match=r"a file|a path"):
            load_spec(tmp_path / "spec.yaml")
    own = {"architecture": "sd1", "licence": "CC0-1.0", "status": "declared", "source": {"folder": name[:900]}}
    (tmp_path / "checkpoints.yaml").write_text(json.dumps({"checkpoints": {"own": own}}))
    registry = load_registry([tmp_path / "checkpoints.yaml"])
    with pytest.raises(LimnerError, match="no such folder"):
        locate(registry.resolve("own", tmp_path))
    with pytest.raises(LimnerError):
        registry.resolve(f"./{name}", tmp_path)
    with pytest.raises(LimnerError):
        registry.resolve(name, tmp_path)
