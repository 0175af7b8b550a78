"""``make bench``: ``python -m benchmarks.run [NAME…]``; figures go to ``benchmarks/results``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.record import record

BENCHMARKS = {
    "throughput": ["-m", "benchmarks.throughput", "--pictures", "100", "--rounds", "2"],
    "scale": ["-m", "benchmarks.scale", "--pictures", "30000"],
    "select": ["-m", "benchmarks.select"],
    "review": ["-m", "benchmarks.review", "--candidates", "100", "30000", "100000"],
    "rescore_math": ["-m", "benchmarks.rescore_math"],
}

if __name__ == "__main__":
    record(BENCHMARKS, Path(__file__).parent / "results")
