"""Libraries made in a second: a stand-in paints, everything after it is real; no Prefect."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale import STACK, picture_of
from flows.pipeline.rendering.renderer import RenderedBatch
from flows.pipeline.rendering.tools import Tools, tools_for
from flows.pipeline.resolve import ResolvedSpec
from flows.pipeline.session import Summary, open_session
from flows.settings import Settings, from_environment
from generator.candidate import Batch
from specs.job import Job

Pixels = NDArray[np.uint8]
Paint = Callable[[Job], Pixels]


@dataclass
class Renderer:
    """Paints each job by a function of it."""

    paint_one: Paint = picture_of
    on_cpu: bool = True

    def batch_size(self, _: Job) -> int:
        """As a small GPU."""
        return 8

    def render(self, batch: Batch, _stopping: threading.Event) -> RenderedBatch:
        """(n, H, W, 3) pixels."""
        pixels = np.stack([self.paint_one(job) for job in batch.jobs])
        return RenderedBatch(batch.jobs, pixels, (True,) * len(batch.jobs), STACK, 0.0)


def make(
    spec: Path,
    render: Paint = picture_of,
    settings: Settings | None = None,
    change: Callable[[Any], Any] = lambda scorers: scorers,
) -> Summary:
    """What ``limner produce`` does, round after round, without Prefect. ``change`` may break the loaded scorers."""

    def tools(resolved: ResolvedSpec, settings: Settings) -> Tools:
        real = tools_for(resolved, settings)
        return replace(real, load_renderer=lambda: Renderer(render), load_scorers=lambda: change(real.load_scorers()))

    with open_session(spec, settings or from_environment(), make_tools=tools) as session:
        session.judge_and_select()
        while shards := session.shards():
            session.finish_round([session.worker.submit(shard).result() for shard in shards])
        return session.finish()
