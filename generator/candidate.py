"""Batch, Execution, Candidate: what was asked of the device in one go, what it ran on, what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specs.canonical import Json, value_sha256
from specs.job import Job


@dataclass(frozen=True, slots=True)
class Batch:
    """1 … ``size`` jobs that one call of the pipeline renders; short batches are padded, so the shape is fixed."""

    jobs: tuple[Job, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Execution:
    """The stack that a picture was rendered on: same job and equal Execution → same bytes.

    ``versions`` are (package, version) sorted by name; ``batch_size`` is the padded batch's fixed size;
    ``numerics`` are the switches that decide how the device rounds (TF32, cuDNN's choice of algorithms, the CPU's
    instruction set), as (name, setting) sorted by name.
    """

    device: str  # "cpu", "cuda:0", "mps"
    device_name: str  # "NVIDIA H200", "AMD EPYC …"
    dtype: str  # "float32", "bfloat16", "float16"
    batch_size: int
    low_memory: bool
    threads: int
    versions: tuple[tuple[str, str], ...]
    numerics: tuple[tuple[str, str], ...] = ()

    def value(self) -> dict[str, Json]:
        """As canonical JSON's value."""
        return {
            "device": self.device,
            "device_name": self.device_name,
            "dtype": self.dtype,
            "batch_size": self.batch_size,
            "low_memory": self.low_memory,
            "threads": self.threads,
            "versions": dict(self.versions),
            "numerics": dict(self.numerics),
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> Execution:
        """The inverse of ``value``."""
        pairs = {name: tuple(sorted(value[name].items())) for name in ("versions", "numerics")}
        return cls(**{**value, **pairs})

    @property
    def stack_sha256(self) -> str:
        """64 hex: equal for equal stacks."""
        return value_sha256("limner.stack/1", self.value())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that a job produced. ``image_sha256`` is of the PNG file's bytes, ``pixels_sha256`` of its pixels."""

    job: Job
    image_sha256: str
    pixels_sha256: str
    width_px: int
    height_px: int
    execution: Execution
    seconds: float  # of device time, its share of the batch; not part of any identity
