"""A seeded sample of the campaign of kills: see kills.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.campaign
def test_a_killed_run_resumes_to_what_an_undisturbed_one_gives() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kills", "--kills", "2", "--pictures", "24", "--seed", "1"],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert figures["violations"] == []
    assert figures["kills"] == 2
