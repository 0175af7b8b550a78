"""``limner reproduce``: render a picture again from its record alone, in the recorded batch shape, and compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.objects.areas import ImageState
from flows.cli.options import AsJson, Checkpoints, Device, Library, PictureId
from flows.output import print_json
from flows.pipeline.resolve import registry_for
from flows.settings import Settings, from_environment
from generator.candidate import Batch, Execution
from generator.pictures.images import pixels_sha256, read_png
from generator.weights.hashes import HashMemory
from generator.weights.pinning import locate, pin
from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.errors import LimnerError, UsageError
from specs.job import Job

# Between stacks (another GPU, dtype or library version) rounding differs a little at every step. Pictures that a person
# would call the same lay within these on the schedulers without added noise; levels are of 0–255.
TOLERANCE_MEAN_LEVELS = 2.0
TOLERANCE_MAX_LEVELS = 48


def command(
    id_: PictureId,
    library: Library = None,
    device: Device = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    to: Annotated[Path | None, typer.Option(help="Also write the new picture here.")] = None,
    as_json: AsJson = False,
) -> int:
    """Render a picture again from its record and compare, pixel by pixel. Exit code 1 when it is not the same."""
    settings = from_environment(library=library, device=device, checkpoints=tuple(checkpoints))
    return reproduce_one(id_, settings, to=to, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``reproduce --json``. Differences in levels of 0–255, None when the recorded pixels were dropped or changed size.

    ``identical`` is claimed on the same stack alone; ``pixels_equal`` says whether the hashes agree on any.
    """

    image_sha256: str
    identical: bool
    same_stack: bool
    pixels_equal: bool
    max_difference: int | None
    mean_difference: float | None
    within_tolerance: bool
    tolerance: Mapping[str, float]
    differs: tuple[str, ...]

    @property
    def good(self) -> bool:
        """What the exit code says."""
        return self.identical if self.same_stack else self.within_tolerance


def reproduce_one(id_: str, settings: Settings, *, to: Path | None, as_json: bool) -> int:
    """Render, compare, tell; exit code 1 when the picture could not be reproduced."""
    with Catalog.open(settings.library, create=False) as catalog:
        key = catalog.find(id_)
        record: Mapping[str, Any] = catalog.provenance(key).value
        picture = record["image"]
        present = picture["state"] == ImageState.PRESENT
        data = catalog.picture(picture["image_sha256"]) if present else None
    pixels, execution = _render(record, settings)
    if to is not None:
        _write(pixels, to)
    comparison = compare(record, data, pixels, execution)
    if as_json:
        print_json(asdict(comparison))
    else:
        print(_sentence(comparison))
    return 0 if comparison.good else 1


def compare(
    record: Mapping[str, Any], data: bytes | None, pixels: NDArray[np.uint8], execution: Execution
) -> Comparison:
    """The recorded picture (``data``: its PNG) against ``pixels`` (H, W, 3) rendered now on ``execution``."""
    recorded = _execution(record)
    equal = pixels_sha256(pixels) == record["image"]["pixels_sha256"]
    same_stack = recorded == execution
    largest, mean = (0, 0.0) if equal else _difference(data, pixels)
    within = equal or (
        largest is not None and mean is not None and largest <= TOLERANCE_MAX_LEVELS and mean <= TOLERANCE_MEAN_LEVELS
    )
    return Comparison(
        image_sha256=record["image"]["image_sha256"],
        identical=equal and same_stack,
        same_stack=same_stack,
        pixels_equal=equal,
        max_difference=largest,
        mean_difference=mean,
        within_tolerance=within,
        tolerance={"max_levels": TOLERANCE_MAX_LEVELS, "mean_levels": TOLERANCE_MEAN_LEVELS},
        differs=tuple(_differing(recorded.value(), execution.value())),
    )


def _execution(record: Mapping[str, Any]) -> Execution:
    """The recorded stack, without what was measured of this picture alone."""
    value = {name: v for name, v in record["execution"].items() if name not in ("seconds", "stack_sha256")}
    return Execution.from_value(value)


def _difference(data: bytes | None, pixels: NDArray[np.uint8]) -> tuple[int | None, float | None]:
    if data is None:
        return None, None
    before = read_png(data).pixels
    if before.shape != pixels.shape:
        return None, None
    gap = np.abs(before.astype(np.int16) - pixels.astype(np.int16))
    return int(gap.max()), round(float(gap.mean()), 4)


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += _differing(old, new, f"{prefix}{name}.")
        elif old != new:
            lines.append(f"{prefix}{name}: recorded {old}, here {new}")
    return lines


def _render(record: Mapping[str, Any], settings: Settings) -> tuple[NDArray[np.uint8], Execution]:
    from generator.environment import choose_setting, execution
    from generator.sampling.diffusion import render
    from generator.weights.loading import load

    job = Job.from_recipe(record["job"]["recipe"])
    checkpoint, folder = recorded_weights(record["checkpoint"], job.weights_id, settings)
    recorded = _execution(record)
    device = recorded.device if settings.device == "auto" else settings.device
    try:
        setting = choose_setting(device, recorded.dtype, recorded.batch_size, recorded.low_memory, recorded.threads)
    except UsageError:  # the recorded device is not on this machine: another stack, and the comparison will say so
        setting = choose_setting("auto", recorded.dtype, recorded.batch_size, recorded.low_memory)
    rendered = render(load(checkpoint, folder, setting), Batch((job,), recorded.batch_size))
    return rendered.pixels[0], execution(setting, rendered.batch_size)


def recorded_weights(value: Mapping[str, Any], weights_id: str, settings: Settings) -> tuple[Checkpoint, Path]:
    """The very weights of a checkpoint's record: from the registry under their name, else from where the record says.

    LimnerError when neither place has them.
    """
    registry = registry_for(Path(), settings)
    known = registry.checkpoints.get(value["name"])
    memory = HashMemory(settings.library / "cache" / "hashes.json")
    problems = []
    for checkpoint in (known, _as_recorded(value)):
        if checkpoint is None:
            continue
        try:
            folder = locate(checkpoint, hub_cache=settings.hub_cache, online=settings.online)
            pinned = pin(checkpoint, folder, memory)
        except LimnerError as error:
            problems.append(str(error))
            continue
        if pinned.weights_id == weights_id:
            return pinned, folder
        problems.append(f"{folder}: got weights {pinned.weights_id}; the record needs {weights_id}.")
    raise LimnerError(f"The weights of {value['name']!r} are not at hand:\n" + "\n".join(problems))


def _as_recorded(value: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(
        name=value["name"],
        architecture=value["architecture"],
        source=Source(**value["source"]),
        files=tuple(WeightFile(path, sha256) for path, sha256 in sorted(value["files"].items())),
        licence=value["licence"],
        status=Status(value["status"]),
        commercial=value["commercial"],
        multiple_px=value["multiple_px"],
        native_px=value["native_px"],
    )


def _write(pixels: NDArray[np.uint8], to: Path) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(to, "PNG")


def _sentence(found: Comparison) -> str:
    name = found.image_sha256[:12]
    if found.identical:
        return f"{name}: identical, every pixel, on the same stack."
    if found.max_difference is None:
        how = "the recorded pixels were dropped, so only hashes could be compared, and they differ"
    elif found.pixels_equal:
        how = "no pixel differs"
    else:
        how = f"largest difference {found.max_difference} of 255 levels, mean {found.mean_difference}"
    if found.same_stack:
        return f"{name}: NOT identical on the same stack: {how}."
    verdict = "within" if found.within_tolerance else "NOT within"
    limits = f"{TOLERANCE_MAX_LEVELS} levels at most, {TOLERANCE_MEAN_LEVELS} on average"
    return f"{name}: another stack ({'; '.join(found.differs)}): {how}; {verdict} the tolerance of {limits}."
