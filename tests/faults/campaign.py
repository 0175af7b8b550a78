"""``make faults``: every long campaign, whole, one after the other; each one's figures go to ``tests/faults/results``.

``python -m tests.faults.campaign [NAME…]`` runs some of them. A result file begins with the command and the date.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
CAMPAIGNS = {
    "kills": ["-m", "tests.faults.kills", "--kills", "200"],
    "store_crash": ["-m", "tests.faults.store_crash", "--all"],
    "store_disk": ["-m", "tests.faults.store_disk", "--all"],
    "store_flips": ["-m", "tests.faults.store_flips", "--all"],
    "store_writers": ["-m", "tests.faults.store_writers", "--all"],
}


def run(name: str) -> bool:
    """Run one campaign, store what it printed; False when it found a violation."""
    words = CAMPAIGNS[name]
    print(f"{name} …", flush=True)
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=False)
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(f"python {' '.join(words)}\n{date}\n\n{done.stdout}", encoding="utf-8")
    print(done.stdout, flush=True)
    return done.returncode == 0


def main() -> None:
    """Run the campaigns that are named, or all."""
    names = sys.argv[1:] or list(CAMPAIGNS)
    unknown = set(names) - set(CAMPAIGNS)
    if unknown:
        sys.exit(f"got {', '.join(sorted(unknown))}; allowed: {', '.join(CAMPAIGNS)}")
    failed = [name for name in names if not run(name)]
    sys.exit(f"violations in: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
