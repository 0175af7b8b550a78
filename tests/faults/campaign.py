"""``make faults``: ``python -m tests.faults.campaign [NAME…]``, every campaign whole; figures go to ``results``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.record import record

CAMPAIGNS = {
    "samples": ["-m", "pytest", "--whole", "tests/scoring"],
    "kills": ["-m", "tests.faults.kills", "--kills", "200"],
    "unchecked": ["-m", "tests.faults.unchecked", "--pictures", "1000"],
    "store_crash": ["-m", "tests.faults.store_crash", "--all"],
    "store_disk": ["-m", "tests.faults.store_disk", "--all"],
    "store_flips": ["-m", "tests.faults.store_flips", "--all"],
    "store_writers": ["-m", "tests.faults.store_writers", "--all"],
    "deciders": ["-m", "tests.faults.deciders", "--all"],
    "backups": ["-m", "tests.faults.backups", "--all"],
    "hostile": ["-m", "tests.faults.hostile", "--folders", "300", "--environments", "60"],
    "never_less": ["-m", "tests.faults.never_less", "--sequences", "1000"],
}

if __name__ == "__main__":
    record(CAMPAIGNS, Path(__file__).parent / "results")
