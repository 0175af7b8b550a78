"""Prefect's part: the flow ``produce`` and the task ``shard``, decorators on plain functions and nothing else.

Importing this file imports Prefect. Tasks take names and numbers, never pixels; Prefect's state is never the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from catalog.errors import BusyError
from flows.orchestration.artifacts import advance, begin, publish
from flows.orchestration.firings import fired
from flows.pipeline.failures import Failure, may_pass
from flows.pipeline.rendering.render_worker import Shard, ShardReport
from flows.pipeline.rendering.renderer import InterruptedRunError
from flows.pipeline.session import Session, Summary, open_session, session_here
from flows.settings import Settings
from specs.boundary.children import configure_libraries
from specs.errors import LimnerError
from specs.reading.load import load_spec


def _worth_retrying(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """A trouble of the machine may pass; what a user must fix, an interrupt, or a fault in the code will not."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and may_pass(error)


@task(
    name="shard",
    task_run_name="shard {number}",
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=_worth_retrying,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def make_shard(spec: str, settings: dict[str, Any], number: int, entries: list[tuple[str, int]]) -> ShardReport:
    """Make what is missing of a shard: ``entries`` are (asset id, candidate number)."""
    session = session_here(Path(spec), Settings.from_parameters(settings))
    return session.worker.submit(session.shard(number, entries)).result()


@flow(
    name="produce",
    task_runner=ThreadPoolTaskRunner(max_workers=3),  # type: ignore[arg-type]  # two shards in the line, one waiting
    persist_result=False,
)
def produce(spec: str, settings: dict[str, Any] | None = None, tell: str = "") -> dict[str, Any]:
    """Make, score and choose what is missing of a spec; returns the summary of ``limner produce --json``.

    With ``settings["wait"]`` false, a set that another run holds is left alone: ``{"set": …, "skipped": …}``.
    ``tell``: lines or json; a firing of ``limner serve`` then says what comes of it on standard output.
    """
    make = partial(_produce, spec, settings or {})
    if not tell:
        return make()
    due = flow_run.scheduled_start_time or datetime.now(UTC)
    return fired(Path(spec), make, due, as_json=tell == "json")


def _produce(spec: str, settings: dict[str, Any]) -> dict[str, Any]:
    configure_libraries(online=bool(settings.get("online")))
    try:
        with open_session(Path(spec), Settings.from_parameters(settings)) as session:
            return asdict(make_set(session, spec, settings))
    except BusyError as busy:
        get_run_logger().warning("skipped: %s", busy)
        return {"set": load_spec(Path(spec)).set_name, "skipped": str(busy)}


def make_set(session: Session, spec: str, settings: dict[str, Any]) -> Summary:
    """Round after round until nothing is left to make, or something failed."""
    session.judge_and_select()
    progress = begin(session)
    while shards := session.shards():
        reports, failures = make_round(shards, spec, settings, partial(advance, session, progress))
        session.finish_round(reports, failures)
        if failures:
            break
    summary = session.finish()
    publish(session, summary)
    return summary


def make_round(
    shards: list[Shard], spec: str, settings: dict[str, Any], after_each: Callable[[], None]
) -> tuple[list[ShardReport], list[Failure]]:
    """One task a shard; (reports, what failed, after its retries). What a user must fix is raised."""
    futures = [make_shard.submit(spec, settings, shard.number, shard.pairs) for shard in shards]
    reports, failures = [], []
    for shard, future in zip(shards, futures, strict=True):
        try:
            reports.append(future.result())
            after_each()
        except (LimnerError, InterruptedRunError):
            raise
        except Exception as error:
            failures.append(Failure.of(error, len(shard.entries)))
            get_run_logger().error("shard %s failed", shard.number, exc_info=error)
    return reports, failures
