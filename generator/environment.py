"""What to render on, and a record of it: device, dtype, batch size, threads, versions.

Imports torch.

``choose_setting`` decides once, in plain words, from what the machine has; ``configure_determinism`` makes the process
behave accordingly (this is the only place that touches torch's global switches); ``execution`` writes down the stack
that a picture was rendered on, the switches included.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import torch

from generator.candidate import Execution
from generator.families.registry import FAMILIES
from specs.errors import UsageError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PACKAGES = ("diffusers", "isal", "limner", "numpy", "pillow", "safetensors", "tokenizers", "torch", "transformers")

LARGEST_BATCH = {"cuda": 16, "mps": 4, "cpu": 4}


@dataclass(frozen=True, slots=True)
class Setting:
    """What to render on. ``batch_size`` None means: by device memory, architecture and picture size.

    ``memory_gib`` is the device's whole memory, not what is free now: the batch shape is part of what decides the
    bytes of a picture, so it must not depend on what else happens to run.
    """

    device: str  # "cpu", "cuda:0", "mps"
    device_name: str
    dtype: str  # a key of DTYPES
    batch_size: int | None
    low_memory: bool
    threads: int
    memory_gib: float

    @property
    def kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""
        return self.device.split(":")[0]

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as torch's own."""
        return DTYPES[self.dtype]


def choose_setting(
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | None = None,
    low_memory: bool = False,
    threads: int | None = None,
) -> Setting:
    """A setting for this machine: CUDA before MPS before CPU; on CUDA bfloat16 where the card has it, else float16;
    on MPS float16; on CPU float32 (its 16-bit kernels are slower and rounder). Every choice can be overridden.

    Raises UsageError for a device, dtype or number that cannot be.
    """
    name = _device(device)
    if dtype != "auto" and dtype not in DTYPES:
        raise UsageError(f"dtype: got {dtype!r}; allowed are auto, {', '.join(DTYPES)}")
    for what, number in (("batch size", batch_size), ("threads", threads)):
        if number is not None and number < 1:
            raise UsageError(f"{what}: got {number}; 1 or more is allowed")
    return Setting(
        device=name,
        device_name=_device_name(name),
        dtype=_dtype(name) if dtype == "auto" else dtype,
        batch_size=batch_size,
        low_memory=low_memory,
        threads=threads or _cores(),
        memory_gib=_memory_gib(name),
    )


def default_batch_size(setting: Setting, architecture: str, width_px: int, height_px: int) -> int:
    """How many pictures to render at once: the setting's own, or the largest power of two that surely fits.

    A function of the machine and the picture's size alone, so that every run of a set uses one shape.
    """
    if setting.batch_size is not None:
        return setting.batch_size
    family = FAMILIES[architecture]
    width_of_values = 2.0 if setting.dtype == "float32" else 1.0
    picture_gib = family.picture_gib * width_of_values * width_px * height_px / family.native_px**2
    weights_gib = 0.0 if setting.low_memory else family.weights_gib * width_of_values
    fits = int((setting.memory_gib * 0.8 - weights_gib) / picture_gib)
    largest = 1 if setting.low_memory else LARGEST_BATCH[setting.kind]
    size = 1
    while size * 2 <= min(fits, largest):
        size *= 2
    return size


def configure_determinism(setting: Setting) -> None:
    """Make this process render repeatably: threads, no TF32, fixed cuDNN algorithms. Called before weights load."""
    torch.set_num_threads(setting.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False  # it would choose algorithms by stopwatch, another one on another day
    torch.backends.cudnn.deterministic = True
    if setting.kind == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when its first handle is made


def execution(setting: Setting, batch_size: int) -> Execution:
    """The record of the stack that a batch of this padded size is rendered on, as it is now in this process."""
    return Execution(
        device=setting.device,
        device_name=setting.device_name,
        dtype=setting.dtype,
        batch_size=batch_size,
        low_memory=setting.low_memory,
        threads=setting.threads,
        versions=versions(),
        numerics=_numerics(setting.kind),
    )


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """(package, version) of everything that decides pixels or bytes, sorted by name, Python's own among them."""
    found = [("python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            found.append((package, "unknown"))
    return tuple(sorted(found))


def _numerics(kind: str) -> tuple[tuple[str, str], ...]:
    if kind == "cuda":
        return (
            ("cublas_workspace", os.environ.get("CUBLAS_WORKSPACE_CONFIG", "")),
            ("cuda", torch.version.cuda or torch.version.hip or ""),
            ("cudnn", str(torch.backends.cudnn.version())),  # type: ignore[no-untyped-call]
            ("cudnn_deterministic", str(torch.backends.cudnn.deterministic).lower()),
            ("tf32", str(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32).lower()),
        )
    return (("cpu_capability", torch.backends.cpu.get_cpu_capability()),) if kind == "cpu" else ()


def _device(asked: str) -> str:
    if asked == "auto":
        if torch.cuda.is_available():
            return f"cuda:{torch.cuda.current_device()}"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = asked.partition(":")
    if kind == "cpu" and not index:
        return "cpu"
    if kind == "mps" and not index and torch.backends.mps.is_available():
        return "mps"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and (not index or index.isdigit()) and int(index or 0) < count:
        return f"cuda:{index or torch.cuda.current_device()}"
    present = ["auto", "cpu", *(f"cuda:{number}" for number in range(count))]
    present += ["mps"] if torch.backends.mps.is_available() else []
    raise UsageError(f"device: got {asked!r}; this machine has {', '.join(present)}")


@cache
def device_id(asked: str) -> str:
    """What ``choose_setting`` would take for ``asked``, named so that every spelling of one device has one name:
    ``cpu``, ``mps``, or ``cuda-<UUID>``, which CUDA_VISIBLE_DEVICES does not renumber. Raises UsageError likewise.
    """
    device = _device(asked)
    if not device.startswith("cuda"):
        return device
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    return f"cuda-{uuid}" if uuid else device.replace(":", "-")


def _dtype(device: str) -> str:
    if device.startswith("cuda"):
        with torch.cuda.device(device):
            return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return "float16" if device == "mps" else "float32"


def _device_name(device: str) -> str:
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    if device == "mps":
        return platform.processor() or "Apple silicon"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory_gib(device: str) -> float:
    if device.startswith("cuda"):
        return float(torch.cuda.get_device_properties(device).total_memory) / 2**30
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (ValueError, OSError):
        return 8.0


def _cores() -> int:
    """The cores that this process may use, at most 16: torch gains nothing from more on pictures of this size."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 16)
