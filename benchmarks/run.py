"""``make bench``: every benchmark in turn; figures go to ``benchmarks/results`` with the command and the date."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
BENCHMARKS = {
    "throughput": ["-m", "benchmarks.throughput"],
    "scale": ["-m", "benchmarks.scale", "--pictures", "30000"],
    "select": ["-m", "benchmarks.select"],
    "rescore_math": ["-m", "benchmarks.rescore_math"],
}


def run(name: str) -> bool:
    """Run one benchmark and store what it printed."""
    words = BENCHMARKS[name]
    print(f"{name} …", flush=True)
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=False)
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(f"python {' '.join(words)}\n{date}\n\n{done.stdout}", encoding="utf-8")
    print(done.stdout, flush=True)
    return done.returncode == 0


def main() -> None:
    """Run the benchmarks that are named, or all."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"got {', '.join(sorted(unknown))}; allowed: {', '.join(BENCHMARKS)}")
    failed = [name for name in names if not run(name)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
