"""A spec's schedule as a Prefect deployment. Importing this file imports Prefect."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect._internal.versioning import VersionType
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.schedules import Cron, Interval, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.produce import produce
from flows.settings import Settings
from specs.spec import Spec

ENTRYPOINT = "limner.flow.produce"  # a name that is nobody else's, wherever Prefect's worker imports it


def deployment(spec: Spec, path: Path, settings: Settings, tell: str) -> Any:
    """The deployment of one set, named after it: its schedule, its parameters, one run at a time.

    ``path`` of the spec and those in ``settings`` must be absolute. ``tell``: as ``produce`` takes it.
    """
    assert spec.schedule is not None
    schedule: Schedule
    if spec.schedule.cron:
        schedule = Cron(spec.schedule.cron, timezone=spec.schedule.timezone)
    else:
        schedule = Interval(timedelta(seconds=spec.schedule.interval_s or 0), timezone=spec.schedule.timezone)
    made: Any = produce.to_deployment(
        name=spec.set_name,
        schedule=schedule,
        parameters={"spec": str(path), "settings": settings.to_parameters(), "tell": tell},
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        description=f"limner: {spec.title or spec.set_name}",
        entrypoint_type=EntrypointType.MODULE_PATH,
        version_type=VersionType.SIMPLE,  # else Prefect runs git to find one out
    )
    made.entrypoint = ENTRYPOINT
    return made
