"""``limner serve``: every spec with a schedule becomes a Prefect deployment, run here until stopped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from catalog.folders import is_there
from flows.prefect_home import EmbeddedServer, prepare
from flows.settings import Settings
from specs.errors import UsageError
from specs.load import load_spec
from specs.spec import Spec


def serve_specs(paths: Sequence[Path], settings: Settings) -> int:
    """Check every spec, start (or find) a Prefect server, and fire the schedules until Ctrl-C.

    Each firing is a process of its own that reads the spec anew. Two firings of one set never run at once: Prefect
    drops the second, and the set's lock would stop it anyway.
    """
    specs = [_scheduled(path) for path in paths]
    _no_set_twice(specs)
    is_there(settings.library)
    settings.library.mkdir(parents=True, exist_ok=True)
    prepare(settings.library)
    server = EmbeddedServer(settings.library)
    try:
        server.wait_until_ready()
        _serve(specs, settings)
    finally:
        server.stop()
    return 0


def _serve(specs: Sequence[Spec], settings: Settings) -> None:
    from prefect import serve

    from flows.deployments import deployment

    for spec in specs:
        print(f"{spec.set_name}: {_when(spec)} (next firings read {spec.path} anew)", file=sys.stderr)
    serve(*[deployment(spec, settings) for spec in specs], print_starting_message=False)


def _scheduled(path: Path) -> Spec:
    spec = load_spec(path)
    if spec.schedule is None:
        raise UsageError(
            f'{path}: got a spec without a schedule; allowed: one with, for example, schedule: {{cron: "0 2 * * *", '
            f"timezone: Europe/London}}. Add it, or run: limner produce {path}"
        )
    return spec


def _no_set_twice(specs: Sequence[Spec]) -> None:
    seen: dict[str, str] = {}
    for spec in specs:
        if spec.set_name in seen:
            raise UsageError(
                f"{spec.path}: got set {spec.set_name!r}, which {seen[spec.set_name]} also names; allowed: each once."
            )
        seen[spec.set_name] = spec.path


def _when(spec: Spec) -> str:
    assert spec.schedule is not None
    if spec.schedule.cron:
        return f"cron {spec.schedule.cron!r} in {spec.schedule.timezone}"
    return f"every {spec.schedule.interval_s:g} s"
