"""Eight processes write small transactions as fast as they can, two more read: nothing is lost, no lock is shown.

python -m tests.faults.store_writers --all      8 × 1,000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import Catalog
from catalog.integrity.verify import verify
from scoring.verdict import Verdict
from tests.catalog.factory import World, by_person

ROOT = Path(__file__).parents[2]
WORLD = World(assets=2, each=8)
PICTURES = 16
READERS = 2


@dataclass(frozen=True, slots=True)
class Figures:
    """``worst_s``: the longest that one writer waited for one transaction."""

    written: int
    seconds: float
    worst_s: float
    violations: list[str]


def campaign(writers: int, each: int) -> Figures:
    """Let ``writers`` processes append ``each`` verdicts, one a transaction, all to the same few candidates."""
    with tempfile.TemporaryDirectory(prefix="limner-writers-") as folder:
        library = Path(folder) / "library"
        with Catalog.open(library, create=True) as catalog:
            WORLD.register(catalog)
            catalog.record(WORLD.records(PICTURES))
        began = time.monotonic()
        command = [sys.executable, "-m", "tests.faults.store_writers", "--library", str(library)]
        readers = [
            subprocess.Popen([*command, "--read"], cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(READERS)
        ]
        processes = [
            subprocess.Popen(
                [*command, "--writer", str(number), "--each", str(each)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(writers)
        ]
        done = [process.communicate() for process in processes]
        seconds = time.monotonic() - began
        violations = [f"writer: {err[-300:]}" for (_, err), one in zip(done, processes, strict=True) if one.returncode]
        for reader in readers:
            reader.terminate()
            _, err = reader.communicate()
            if "Error" in err:
                violations.append(f"reader: {err[-300:]}")
        worst = max((json.loads(out)["worst_s"] for out, _ in done if out), default=0.0)
        violations += _lost(library, writers, each)
        return Figures(writers * each, seconds, worst, violations)


def _lost(library: Path, writers: int, each: int) -> list[str]:
    with Catalog.open(library, create=False) as catalog:
        records = WORLD.records(PICTURES)
        notes = [
            verdict["note"]
            for record in records
            for verdict in catalog.provenance(record.key).value["verdicts"]  # type: ignore[union-attr, call-overload, index]
            if verdict["note"]
        ]
    wanted = {f"{writer}-{number}" for writer in range(writers) for number in range(each)}
    lost = [f"lost: {sorted(wanted - set(notes))[:5]}"] if wanted != set(notes) or len(notes) != len(wanted) else []
    return [*lost, *(str(problem) for problem in verify(library).problems)]


def _write(library: Path, writer: int, each: int) -> None:
    worst = 0.0
    with Catalog.open(library, create=False) as catalog:
        for number in range(each):
            record = WORLD.record(number % PICTURES)
            began = time.monotonic()
            catalog.append([(record.key, _verdict(record, f"{writer}-{number}"))])
            worst = max(worst, time.monotonic() - began)
    print(json.dumps({"worst_s": worst}))


def _verdict(record: object, note: str) -> Verdict:
    return by_person(record, True, "mine", note=note)  # type: ignore[arg-type]


def _read(library: Path) -> None:
    while True:
        with Catalog.open(library, create=False) as catalog:
            catalog.candidates(WORLD.set_name)
            catalog.keepers()
        time.sleep(0.05)


def main() -> int:
    """Print the figures; exit code 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=Path(__file__).stem)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--library", type=Path)
    parser.add_argument("--writer", type=int)
    parser.add_argument("--each", type=int, default=1000)
    parser.add_argument("--read", action="store_true")
    arguments = parser.parse_args()
    if arguments.read:
        _read(arguments.library)
    if arguments.writer is not None:
        _write(arguments.library, arguments.writer, arguments.each)
        return 0
    figures = campaign(8, arguments.each)
    print(
        f"8 writers, {figures.written} transactions in {figures.seconds:.1f} s, longest wait {figures.worst_s:.2f} s: "
        f"{len(figures.violations)} violations"
    )
    print("\n".join(figures.violations))
    return bool(figures.violations)


if __name__ == "__main__":
    sys.exit(main())
