"""Each firing of ``limner serve`` says that it began, what came of it, and when the next one is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.orchestration.firings import fired
from specs.errors import LimnerError
from tests.world import World, spec_of

DUE = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
NEXT = "2026-11-28T02:00:00+00:00"
SUMMARY = {"set": "tiny-set", "generated": 4, "kept": 2, "failed": 1, "failures": [{"cause": "OSError: disk"}]}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    schedule = {"cron": "0 2 * * *", "timezone": "UTC"}
    return World(tmp_path, tmp_path / "none").write(spec_of(["sword"], schedule=schedule))


@pytest.mark.parametrize(
    ("result", "event", "more"),
    [
        (SUMMARY, "finished", {"summary": SUMMARY}),
        ({"set": "tiny-set", "skipped": "process 7"}, "skipped", {"skipped": "process 7"}),
        (LimnerError("no weights"), "failed", {"error": "no weights"}),
        (ValueError("odd"), "failed", {"error": "ValueError: odd"}),
    ],
    ids=["finished", "skipped", "cannot", "fault"],
)
def test_tells_its_outcome_and_the_next_firing(
    result: Any, event: str, more: dict[str, Any], spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As lines for people, as one JSON object a line for scripts; an error is told and raised again."""

    def make() -> dict[str, Any]:
        if isinstance(result, Exception):
            raise result
        return dict(result)

    for as_json in (True, False):
        if isinstance(result, Exception):
            with pytest.raises(type(result)):
                fired(spec, make, DUE, as_json=as_json)
        else:
            assert fired(spec, make, DUE, as_json=as_json) == result
        began, ended = capsys.readouterr().out.splitlines()
        if as_json:
            assert json.loads(began)["event"] == "began"
            value = json.loads(ended)
            assert {name: value[name] for name in ("event", "next", *more)} == {"event": event, "next": NEXT, **more}
        else:
            assert began.endswith(f"{spec}: began")
            assert f": {event}: " in ended
            assert ended.endswith(f"; next firing {NEXT}")
