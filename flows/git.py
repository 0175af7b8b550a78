"""Which commit of its repository a spec came from."""

from __future__ import annotations

import subprocess
from pathlib import Path

from catalog.provenance import GitState

TIMEOUT_S = 10


def git_state(files: list[Path]) -> GitState | None:
    """The commit that the first file's repository is at, and whether any of the files differs from it.

    None outside a repository, before its first commit, or where git is not installed.
    """
    folder = files[0].resolve().parent
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=all", "--", *(str(f.resolve()) for f in files))
    return GitState(commit.strip(), dirty=changes is None or bool(changes.strip()))


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
