"""``limner produce``: the run as a terminal sees it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from flows.cli.options import AsJson, BatchSize, Checkpoints, Device, Dtype, Library, LowMemory, Online, SpecFiles
from flows.orchestration.prefect_address import ask_users_server, stopped_answering
from flows.orchestration.prefect_home import EmbeddedServer, prepare
from flows.output import print_json
from flows.pipeline.failures import Failure
from flows.pipeline.rendering.render_worker import Shard
from flows.pipeline.rendering.renderer import InterruptedRunError
from flows.pipeline.rendering.tools import tools_for
from flows.pipeline.session import MakeTools, Session, Summary, open_session
from flows.progress import ProgressBar
from flows.settings import Settings, from_environment
from specs.errors import LimnerError

HEAD_START_S = 30.0


def command(
    specs: SpecFiles,
    library: Library = None,
    device: Device = None,
    dtype: Dtype = None,
    batch_size: BatchSize = None,
    low_memory: LowMemory = False,
    checkpoints: Checkpoints = [],  # noqa: B006 (typer copies it)
    online: Online = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Fail if another run holds the set.")] = False,
    fail_on_holes: Annotated[
        bool, typer.Option("--fail-on-holes", help="Exit code 1 when an asset is short of keepers.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Make, score and choose what is missing of the specs, and say where it is."""
    settings = from_environment(
        library=library,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        low_memory=low_memory or None,
        checkpoints=tuple(checkpoints),
        online=online or None,
        wait=False if no_wait else None,
    )
    return produce_specs(specs, settings, as_json=as_json, fail_on_holes=fail_on_holes)


def produce_specs(
    paths: Sequence[Path],
    settings: Settings,
    *,
    as_json: bool,
    fail_on_holes: bool = False,
    make_tools: MakeTools = tools_for,
) -> int:
    """Produce each spec in turn. One spec prints one JSON object, several a list.

    Exit code 1 when a picture failed, or, with ``fail_on_holes``, when an asset is short of keepers.
    """
    servers: list[EmbeddedServer] = []
    summaries: list[Summary] = []
    try:
        for path in paths:
            summaries.append(_produce_one(path, settings, servers, make_tools, as_json=as_json))
    finally:
        for server in servers:
            server.stop()
        if as_json and summaries:
            values = [asdict(summary) for summary in summaries]
            print_json(values[0] if len(paths) == 1 else values)
    return int(any(summary.failed or (fail_on_holes and summary.holes) for summary in summaries))


def _produce_one(
    path: Path, settings: Settings, servers: list[EmbeddedServer], make_tools: MakeTools, *, as_json: bool
) -> Summary:
    bar = ProgressBar(path.stem, 0)
    opened = open_session(path, settings, progress=bar, on_wait=_say_who_holds(path), make_tools=make_tools)
    with opened as session, _interruptible(session):
        for warning in session.resolved.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        session.judge_and_select()
        shards = session.shards()
        if not shards:
            summary = session.finish()
        else:
            if not servers:
                ask_users_server()
            with bar:
                _first_pictures(
                    session, shards[0], server_to_come=not servers and not os.environ.get("PREFECT_API_URL")
                )
                summary = _through_prefect(path, settings, servers)
        for warning in summary.warnings:
            print(warning, file=sys.stderr)
        for failure in summary.failures:
            print(Failure(**failure).sentence(), file=sys.stderr)
        if not as_json:
            from flows.cli.commands.making.run_report import print_run

            print_run(session, summary)
        return summary


def _first_pictures(session: Session, shard: Shard, *, server_to_come: bool) -> None:
    """Make a good start before Prefect takes its share of the machine; raise at once what a user must mend.

    A starting server is seconds of work, and a renderer on the CPU slows down threefold beside it, since its threads
    wait for one another at every layer: better one after the other. Slow pictures do not keep Prefect waiting for long.
    """
    future = session.worker.submit(shard)
    session.worker.under_way.wait()
    if server_to_come and session.worker.on_cpu:
        wait([future], timeout=HEAD_START_S)
    error = future.exception() if future.done() else None
    if isinstance(error, LimnerError):
        raise error


def _through_prefect(path: Path, settings: Settings, servers: list[EmbeddedServer]) -> Summary:
    if not servers:
        servers.append(EmbeddedServer(prepare()))
    import httpx

    from flows.produce import produce  # takes as long as the server's start, which goes on meanwhile

    servers[0].wait_until_ready()
    try:
        return Summary(**produce(str(path), settings.to_parameters()))
    except InterruptedRunError:
        raise KeyboardInterrupt from None
    except httpx.HTTPError as error:
        raise stopped_answering(error) from None


def _say_who_holds(path: Path) -> Callable[[str], None]:
    def say(holder: str) -> None:
        print(f"{path}: another run of this set is at work ({holder}); waiting for it.", file=sys.stderr)

    return say


@contextmanager
def _interruptible(session: Session) -> Iterator[None]:
    """Ctrl-C and SIGTERM stop the line at its next step and end the run in order; a second one ends it at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        if session.worker.stopping.is_set():
            os._exit(128 + number)
        session.worker.interrupt()
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
