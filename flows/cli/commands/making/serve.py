"""``limner serve``: every spec with a schedule becomes a Prefect deployment, run here until stopped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from catalog.database.library_folder import is_there
from flows.cli.options import BatchSize, Checkpoints, Device, Library, SpecFiles
from flows.orchestration.prefect_address import ask_users_server
from flows.orchestration.prefect_home import EmbeddedServer, prepare
from flows.settings import Settings, from_environment
from specs.boundary.children import CODE
from specs.commands import limner
from specs.errors import UsageError
from specs.reading.load import load_spec
from specs.spec import Spec


def command(
    specs: SpecFiles,
    library: Library = None,
    device: Device = None,
    batch_size: BatchSize = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for each firing.")] = False,
) -> int:
    """Regenerate the specs by their schedules until stopped: only what is new or short of keepers, each time."""
    settings = from_environment(
        library=library, device=device, batch_size=batch_size, checkpoints=tuple(checkpoints), wait=False
    )
    return serve_specs(specs, settings, as_json=as_json)


def serve_specs(paths: Sequence[Path], settings: Settings, *, as_json: bool = False) -> int:
    """Check every spec, start (or find) a Prefect server, and fire the schedules until Ctrl-C.

    Each firing is a process of its own that reads the spec anew. Two firings of one set never run at once: Prefect
    drops the second, and the set's lock would stop it anyway.
    """
    specs = [_scheduled(path) for path in paths]
    _no_set_twice(specs)
    is_there(settings.library)
    absolute, settings = [(spec, Path(spec.path).resolve()) for spec in specs], _absolute(settings)
    ask_users_server()
    settings.library.mkdir(parents=True, exist_ok=True)
    home = prepare()
    server = EmbeddedServer(home)
    try:
        server.wait_until_ready()
        with _firings_from(home):
            _serve(absolute, settings, "json" if as_json else "lines")
    finally:
        server.stop()
    return 0


@contextmanager
def _firings_from(home: Path) -> Iterator[None]:
    """What Prefect's runner starts begins in an empty folder, and finds limner by its own name alone.

    The runner starts ``python -m prefect.engine`` in this process's working folder; Prefect there reads its dot files
    and puts the folder first on the path.
    """
    before = Path.cwd()
    folder = home / "firings"
    folder.mkdir()
    os.environ["PYTHONSAFEPATH"] = "1"
    if (CODE / "limner").is_dir():  # a checkout, which need not be installed
        os.environ["PYTHONPATH"] = str(CODE)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _absolute(settings: Settings) -> Settings:
    return replace(
        settings,
        library=settings.library.absolute(),
        checkpoints=tuple(path.absolute() for path in settings.checkpoints),
        hub_cache=settings.hub_cache.absolute() if settings.hub_cache else None,
    )


def _serve(specs: Sequence[tuple[Spec, Path]], settings: Settings, tell: str) -> None:
    from prefect import serve

    from flows.orchestration.deployments import deployment

    for spec, _ in specs:
        print(f"{spec.set_name}: {_when(spec)} (next firings read {spec.path} anew)", file=sys.stderr)
    serve(*[deployment(spec, path, settings, tell) for spec, path in specs], print_starting_message=False)


def _scheduled(path: Path) -> Spec:
    spec = load_spec(path)
    if spec.schedule is None:
        raise UsageError(
            f'{path}: got a spec without a schedule; allowed: one with, for example, schedule: {{cron: "0 2 * * *", '
            f"timezone: Europe/London}}. Add it, or run: {limner('produce', path)}"
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
