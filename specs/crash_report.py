"""An error that nobody foresaw: its traceback in a file, and one sentence for people."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime


def write_crash_report(error: BaseException, doing: str) -> str:
    """Write the traceback, what was being done and the versions to a new file that only its owner reads; returns the
    sentence that names it. Nothing of the environment's variables is written."""
    what = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:300] if str(error).strip() else 'no message'}"
    report = "".join(
        [
            f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}  {doing}\n",
            f"Python {platform.python_version()} on {platform.platform()}, {sys.executable}\n\n",
            *traceback.format_exception(error),
        ]
    )
    try:
        handle, path = tempfile.mkstemp(prefix="limner-", suffix=".traceback.txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(report)
    except OSError as refused:
        return f"{what}. This is a fault in limner, please report it; its traceback could not be written ({refused})."
    return f"{what}. This is a fault in limner, please report it with {path}, which has the traceback."
