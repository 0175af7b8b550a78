"""``make bench``: ``python -m benchmarks.run [NAME…]``; figures go to ``benchmarks/results``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.record import record

BENCHMARKS = {
    "throughput": ["-m", "benchmarks.throughput", "--pictures", "200", "--rounds", "2"],
    "scale": ["-m", "benchmarks.scale", "--pictures", "30000"],
    "select": ["-m", "benchmarks.select"],
    "fill": ["-m", "benchmarks.fill", "500"],
    "resample": ["-m", "benchmarks.resample", "500"],
    "rescore": ["-m", "benchmarks.rescore"],
    "review": ["-m", "benchmarks.review", "--candidates", "100", "30000", "100000"],
    "rescore_math": ["-m", "benchmarks.rescore_math"],
    "defects": ["-m", "benchmarks.defects", "300"],
    "likeness": ["-m", "benchmarks.likeness", "400"],
    "recognise": ["-m", "benchmarks.recognise", "4", "3000"],
    "taste": ["-m", "benchmarks.taste", "30", "600"],
    "keep_rates": ["-m", "benchmarks.keep_rates", "2"],
}

if __name__ == "__main__":
    record(BENCHMARKS, Path(__file__).parent / "results")
