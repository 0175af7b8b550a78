"""Kill the process at every call of one commit that changes a file, and see that nothing is lost.

python -m tests.faults.store_crash --all        every call (minutes)
python -m tests.faults.store_crash --sample 8   some of them
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.faults.store_faults import calls_of_child, copy_of, run_child, scene, undisturbed, violations


def campaign(sample: int | None, seed: int = 1) -> tuple[int, int, list[str]]:
    """(points tried, points there are, violations). A point is: killed on entering that call."""
    with scene() as folder:
        calls = calls_of_child(folder)
        expected = undisturbed(folder)
        points = calls if sample is None else random.Random(seed).sample(calls, min(sample, len(calls)))
        found: list[str] = []
        for done, (name, nth) in enumerate(points, 1):
            library = copy_of(folder)
            outcome = run_child(library, f"{name}:signal=KILL:when={nth}")
            if outcome.code == 0:
                found.append(f"{name} {nth}: the child was not killed ({outcome})")
            found += [f"{name} {nth}: {what}" for what in violations(library, outcome, expected)]
            _tell(f"\r{done}/{len(points)} {len(found)} violations")
    _tell("\n")
    return len(points), len(calls), found


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(text, end="", file=sys.stderr, flush=True)


def main() -> int:
    """Print the figures; exit code 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=Path(__file__).stem)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--all", action="store_true")
    how.add_argument("--sample", type=int)
    arguments = parser.parse_args()
    tried, total, found = campaign(None if arguments.all else arguments.sample)
    print(f"killed at {tried} of {total} calls that change a file: {len(found)} violations")
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
