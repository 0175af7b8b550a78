"""What ``limner serve`` prints of each firing: that it began, what came of it, and when the next one is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from specs.counted import counted
from specs.errors import LimnerError
from specs.fault_report import cause
from specs.reading.load import load_spec
from specs.values.cron import next_firing


def fired(path: Path, make: Callable[[], dict[str, Any]], due: datetime, *, as_json: bool) -> dict[str, Any]:
    """Run a firing and print a line at its beginning and its end, also where it fails; its error is raised again.

    With ``as_json`` each line is an object: ``spec``, ``event`` (began, finished, skipped, failed), ``at``, at the end
    ``next``, and ``summary`` as of ``produce --json``, ``skipped`` or ``error``. ``due``: when it was to begin.
    """
    _tell(path, "began", {}, as_json=as_json)
    try:
        summary = make()
    except Exception as error:
        text = str(error) if isinstance(error, LimnerError) else cause(error)
        _tell(path, "failed", {"error": text, "next": _next(path, due)}, as_json=as_json)
        raise
    what = {"skipped": summary["skipped"]} if "skipped" in summary else {"summary": summary}
    _tell(path, "skipped" if "skipped" in summary else "finished", what | {"next": _next(path, due)}, as_json=as_json)
    return summary


def _next(path: Path, due: datetime) -> str | None:
    """When the schedule fires next, as its spec has it now; None where it cannot be read, or never."""
    try:
        schedule = load_spec(path).schedule
    except LimnerError:
        return None
    moment = next_firing(schedule, due) if schedule else None
    return moment.isoformat(timespec="seconds") if moment else None


def _tell(path: Path, event: str, more: Mapping[str, Any], *, as_json: bool) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    if as_json:
        print(json.dumps({"spec": str(path), "event": event, "at": at, **more}), flush=True)
        return
    said = more.get("error") or more.get("skipped") or _sentence(more.get("summary"))
    then = f"; next firing {more['next'] or 'not known'}" if "next" in more else ""
    print(f"{at} {path}: {event}{': ' if said else ''}{said}{then}", flush=True)


def _sentence(summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        return ""
    failed = "".join(f"; {one['cause']}" for one in summary["failures"])
    return (
        f"{counted(summary['generated'], 'picture')} made, {summary['kept']} kept, {summary['failed']} failed{failed}"
    )
