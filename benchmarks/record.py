"""Run long measurements one after the other, and keep what each printed under its command and the date."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path


def record(commands: Mapping[str, Sequence[str]], results: Path) -> None:
    """Run the commands that the command line names (all without names); exit 1 when one fails."""
    names = sys.argv[1:] or list(commands)
    unknown = set(names) - set(commands)
    if unknown:
        sys.exit(f"got {', '.join(sorted(unknown))}; allowed: {', '.join(commands)}")
    failed = [name for name in names if not _run(name, commands[name], results)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def _run(name: str, words: Sequence[str], results: Path) -> bool:
    print(f"{name} …", flush=True)
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=False)
    results.mkdir(parents=True, exist_ok=True)
    head = f"python {' '.join(words)}\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores\n\n"
    (results / f"{name}.txt").write_text(head + done.stdout, encoding="utf-8")
    print(done.stdout, flush=True)
    return done.returncode == 0
