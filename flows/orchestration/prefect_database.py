"""Prefect's empty database, made once at install: every run's embedded server is spared seconds of migrations.

``python -m flows.orchestration.prefect_database`` has Prefect's own migrations make it, under the environment's
``share/limner``, named by Prefect's version: another Prefect does not find it. Where there is none, the first run makes
it; where it cannot, Prefect migrates from nothing at every run.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from flows.orchestration.prefect_settings import settings
from specs.boundary.children import read_no_settings_files, run_python

NAME = "prefect.db"
MAKING_TIMEOUT_S = 100


def ready_made() -> Path:
    """Where the empty database of the installed Prefect is, or would be."""
    return Path(sys.prefix) / "share" / "limner" / f"prefect-{version('prefect')}.db"


def place(home: Path) -> None:
    """Put a copy at ``home/prefect.db`` if nothing is there; whole at once, whoever else does the same."""
    source = ready_made()
    if (home / NAME).exists() or not source.exists():
        return
    partial = home / f"{NAME}.{os.getpid()}.partial"
    try:
        shutil.copyfile(source, partial)
        with suppress(OSError):  # somebody was first, or a file system without links: then Prefect migrates
            os.link(partial, home / NAME)
    finally:
        partial.unlink(missing_ok=True)


def make_once() -> None:
    """Have it made by a process of its own, where it is missing and the environment may be written to."""
    if not ready_made().exists() and os.access(sys.prefix, os.W_OK):
        with suppress(TimeoutError):
            run_python("flows.orchestration.prefect_database", timeout_s=MAKING_TIMEOUT_S)


def make(path: Path) -> None:
    """Migrate a new database and write it to ``path``, one file without a journal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="limner-prefect-") as home:
        os.environ |= settings(Path(home))
        read_no_settings_files()
        from prefect.server.database.dependencies import provide_database_interface

        asyncio.run(provide_database_interface().create_db())
        whole = Path(home) / "whole.db"
        with closing(sqlite3.connect(Path(home) / NAME)) as database:
            database.execute("VACUUM INTO ?", (str(whole),))
        partial = path.with_suffix(f".{os.getpid()}.partial")
        shutil.copyfile(whole, partial)
        partial.rename(path)


if __name__ == "__main__":
    if not ready_made().exists():
        make(ready_made())
