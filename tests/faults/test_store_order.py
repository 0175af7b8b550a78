"""A power cut forgets what was not synced: so the order of the calls is a promise too. File first, then one commit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.store_child import BATCH, BEFORE
from tests.faults.store_faults import ROOT, copy_of, scene

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian package strace)")


def test_every_file_and_its_name_are_on_disk_before_the_commit() -> None:
    with scene() as folder:
        calls = _calls(copy_of(folder), folder / "calls.log")
    commit = next(n for n, (name, path, _) in enumerate(calls) if name == "unlink" and path.endswith("-journal"))
    renamed = [(n, path, to) for n, (name, path, to) in enumerate(calls) if name == "rename" and "/objects/" in to]
    assert len(renamed) == BATCH
    for at, temporary, target in renamed:
        assert _synced(calls, temporary, 0, at), f"renamed before it was synced: {target}"
        for where in (Path(target).parent, Path(target).parents[1]):
            assert _synced(calls, str(where), at, commit), f"committed before its name was synced: {target}"
    syncs = [n for n, (name, path, _) in enumerate(calls[:commit]) if "sync" in name and "catalog.sqlite" in path]
    assert len(syncs) >= 2, "the journal and the catalog are synced before the journal goes"
    assert min(syncs) > max(at for at, _, _ in renamed)


def _synced(calls: list[tuple[str, str, str]], path: str, start: int, end: int) -> bool:
    return any("sync" in name and found == path for name, found, _ in calls[start:end])


def _calls(library: Path, log: Path) -> list[tuple[str, str, str]]:
    """(call, path, second path) of the child's syncs, renames and unlinks, in order."""
    child = [sys.executable, "-B", "-m", "tests.faults.store_child", str(library), str(BEFORE), str(BATCH)]
    traced = "trace=fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
    subprocess.run(
        ["strace", "-f", "-y", "-qq", "-e", traced, "-o", str(log), *child], cwd=ROOT, check=True, capture_output=True
    )
    calls = []
    for line in log.read_text().splitlines():
        name = re.sub(r"at2?$", "", line.split(maxsplit=1)[1].split("(")[0])
        paths = [path for path in re.findall(r'[<"]([^<>"]+)[>"]', line) if path.startswith("/")]
        paths = [path for path in paths if path.startswith(str(library))] or [""]
        calls.append((name, paths[0], paths[-1]))
    return calls
