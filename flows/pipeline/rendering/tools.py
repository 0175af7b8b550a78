"""What loads torch, behind functions that import it when called."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.database.locks import holding, user_lock
from flows.pipeline.rendering.renderer import InterruptedRunError, RenderedBatch, Renderer
from flows.pipeline.resolve import LocatedWeights, ResolvedSpec
from flows.settings import Settings
from generator.candidate import Batch
from specs.checkpoint import Checkpoint
from specs.job import Job

if TYPE_CHECKING:
    from flows.pipeline.rendering.scorers import Scorers
    from generator.environment import Setting
    from generator.weights.loading import LoadedModel


# One fixed shape a kind of device, so that a picture's scores do not depend on what it is scored with.
SCORED_AT_ONCE = {"cpu": 4, "mps": 8, "cuda": 16}


@dataclass(frozen=True)
class Tools:
    """How a session gets its renderer, its scorers, and its turn on the device."""

    load_renderer: Callable[[], Renderer]
    load_scorers: Callable[[], Scorers]
    slot: Callable[[], AbstractContextManager[object]]


def tools_for(resolved: ResolvedSpec, settings: Settings) -> Tools:
    """The real ones."""
    return Tools(
        load_renderer=partial(_load_renderer, resolved, settings),
        load_scorers=partial(_load_scorers, resolved, settings),
        slot=partial(device_slot, settings),
    )


@contextmanager
def device_slot(settings: Settings) -> Iterator[None]:
    """One batch at a time on a device: by the Prefect concurrency limit that the settings name, else by a file lock.

    The lock is one for each device and user, whatever library a run works for and however it names the device.
    """
    if settings.gpu_slot:
        from prefect.concurrency.sync import concurrency

        with concurrency(settings.gpu_slot, strict=True):
            yield
        return
    from generator.environment import device_id

    with holding(user_lock(f"device-{device_id(settings.device)}")):
        yield


class DiffusersRenderer:
    """A loaded model as the render worker wants it."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model

    @property
    def on_cpu(self) -> bool:
        """Whether the pictures are rendered by the processor."""
        return self.model.setting.kind == "cpu"

    def batch_size(self, job: Job) -> int:
        """By the device's memory, the architecture and the job's size."""
        from generator.environment import default_batch_size

        architecture = self.model.checkpoint.architecture
        return default_batch_size(self.model.setting, architecture, job.width_px, job.height_px)

    def render(self, batch: Batch, stopping: threading.Event) -> RenderedBatch:
        """Render a batch; stops between two steps when asked to."""
        from generator.environment import execution
        from generator.sampling.diffusion import render

        def step(_done: int, _of: int) -> None:
            if stopping.is_set():
                raise InterruptedRunError

        began = time.monotonic()
        rendered = render(self.model, batch, progress=step)
        ran_on = execution(self.model.setting, rendered.batch_size)
        return RenderedBatch(batch.jobs, rendered.pixels, rendered.finite, ran_on, time.monotonic() - began)


def _load_renderer(resolved: ResolvedSpec, settings: Settings) -> Renderer:
    from generator.weights.loading import load

    assert resolved.image.folder is not None
    return DiffusersRenderer(load(resolved.image.checkpoint, resolved.image.folder, _setting(settings)))


def _load_scorers(resolved: ResolvedSpec, settings: Settings) -> Scorers:
    from scoring.scorers import load_scorers

    prompts: Mapping[str, str] = {asset.asset_id: asset.prompt for asset in resolved.spec.assets}
    setting = _setting(settings)
    return load_scorers(
        clip=_pair(resolved.scorers["clip"]),
        aesthetic=_pair(resolved.scorers["aesthetic"]),
        safety=_pair(resolved.scorers["safety"]),
        prompts=prompts,
        setting=setting,
        forbid=resolved.spec.forbid,
        batch_size=SCORED_AT_ONCE[setting.kind],
        frames=resolved.frames,
        second_opinion=_pair(resolved.scorers["second_opinion"]),
        others=resolved.other_scorers,
    )


def _pair(weights: LocatedWeights | None) -> tuple[Checkpoint, Path] | None:
    if weights is None or weights.folder is None:
        return None
    return weights.checkpoint, weights.folder


def _setting(settings: Settings) -> Setting:
    from generator.environment import choose_setting

    return choose_setting(settings.device, settings.dtype, settings.batch_size, settings.low_memory, settings.threads)
