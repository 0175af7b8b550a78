"""Where to work and on what: the settings of one command, from its options and ``LIMNER_*`` variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from specs.errors import UsageError
from specs.values.checks import show

DTYPES = ("auto", "float32", "bfloat16", "float16")
DEVICES = "auto, cpu, mps, cuda or cuda:N"
MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Settings:
    """Nothing here says *which* pictures are made; what shapes bytes (device, dtype, batch size) is recorded.

    ``batch_size`` None lets the device decide; ``threads`` None leaves torch's own choice; ``shard_pictures`` is how
    many pictures one Prefect task stands for; ``gpu_slot`` names a Prefect concurrency limit to take around inference.
    """

    library: Path
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int | None = None
    low_memory: bool = False
    threads: int | None = None
    online: bool = False
    checkpoints: tuple[Path, ...] = ()
    hub_cache: Path | None = None
    shard_pictures: int = 64
    gpu_slot: str = ""
    wait: bool = True

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise UsageError(f"--dtype: got {self.dtype!r}; allowed: {', '.join(DTYPES)}.")
        if self.batch_size is not None and not 1 <= self.batch_size <= 256:
            raise UsageError(f"--batch-size: got {self.batch_size}; allowed: 1 to 256.")
        if not 1 <= self.shard_pictures <= 4096:
            raise UsageError(f"LIMNER_SHARD_PICTURES: got {self.shard_pictures}; allowed: 1 to 4096.")

    def to_parameters(self) -> dict[str, Any]:
        """As JSON values, for a Prefect run's parameters; defaults are left out."""
        return {
            name: _plain(value)
            for name, value in asdict(self).items()
            if value != next(f for f in fields(self) if f.name == name).default
        }

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Settings:
        """The inverse of ``to_parameters``; raises UsageError for a name that is no setting."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(parameters) - known)
        if unknown:
            raise UsageError(f"settings: got {', '.join(unknown)}; allowed: {', '.join(sorted(known))}.")
        values = dict(parameters)
        values["library"] = Path(values.get("library", "library"))
        values["checkpoints"] = tuple(Path(path) for path in values.get("checkpoints", ()))
        if values.get("hub_cache"):
            values["hub_cache"] = Path(values["hub_cache"])
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def from_environment(**options: Any) -> Settings:
    """Settings from ``LIMNER_*`` variables, overridden by every option that is not None."""
    environment = os.environ
    values: dict[str, Any] = {
        "library": Path(environment.get("LIMNER_LIBRARY") or "library"),
        "device": environment.get("LIMNER_DEVICE") or "auto",
        "dtype": environment.get("LIMNER_DTYPE") or "auto",
        "batch_size": _whole_number("LIMNER_BATCH_SIZE"),
        "threads": _whole_number("LIMNER_THREADS"),
        "checkpoints": tuple(Path(p) for p in environment.get("LIMNER_CHECKPOINTS", "").split(os.pathsep) if p),
        "shard_pictures": _whole_number("LIMNER_SHARD_PICTURES") or 64,
        "gpu_slot": environment.get("LIMNER_GPU_SLOT", ""),
    }
    values.update({name: value for name, value in options.items() if value not in (None, ())})
    values["library"] = Path(values["library"]).expanduser()
    return Settings(**values)


def _whole_number(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not (text.isdecimal() and len(text) <= MOST_DIGITS):
        raise UsageError(f"{name}: got {show(text)}; allowed: a whole number of at most {MOST_DIGITS} digits.")
    return int(text)
