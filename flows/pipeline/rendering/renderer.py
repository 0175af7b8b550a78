"""What a renderer is to a run: a batch goes in, pixels come out, and it stops between two steps when asked to."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from generator.candidate import Batch, Execution
from specs.job import Job


class InterruptedRunError(Exception):
    """The run was asked to stop; what was rendered before is recorded."""


@dataclass(frozen=True, slots=True)
class RenderedBatch:
    """What came off the device: ``pixels`` (n, H, W, 3) uint8, ``finite`` per picture, the stack it ran on."""

    jobs: tuple[Job, ...]
    pixels: NDArray[np.uint8]
    finite: tuple[bool, ...]
    execution: Execution
    seconds: float


class Renderer(Protocol):
    """Whatever renders a batch; the real one holds a diffusers pipeline.

    ``on_cpu``: it renders on the cores that everything else needs too.
    """

    @property
    def on_cpu(self) -> bool: ...

    def batch_size(self, job: Job) -> int:
        """The fixed batch shape for jobs of this one's size: a function of the machine and the job alone."""
        ...

    def render(self, batch: Batch, stopping: threading.Event) -> RenderedBatch:
        """Render a batch."""
        ...
