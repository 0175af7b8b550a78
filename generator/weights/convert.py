"""A pickle of tensors → safetensors. A pickle can run code: it is opened in a process of its own, ``unpickle.py``.

What needs more than ``weights_only=True`` is not opened at all.
"""

from __future__ import annotations

from pathlib import Path

from specs.boundary.children import run_python
from specs.boundary.files import has_file
from specs.errors import LimnerError

TIMEOUT_S = 1800
PARTS = {  # what diffusers and transformers call the same weights as a pickle and as safetensors
    "diffusion_pytorch_model.bin": "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin": "model.safetensors",
}


class ConversionError(LimnerError):
    """A file that cannot be converted; the message says which and why."""


def unpickle(source: Path, target: Path, *, float32: bool = False) -> None:
    """Write the tensors in ``source`` to ``target`` as safetensors, as they are or as float32 without integers.

    Raises ConversionError when there is no such file, or when it holds anything but tensors.
    """
    if not has_file(source):
        raise ConversionError(f"{source}: no such file; give the .bin, .pt or .pth file that its authors publish")
    words = [str(source.absolute()), str(target.absolute()), "float32" if float32 else "as is"]
    try:
        done = run_python("generator.weights.unpickle", *words, timeout_s=TIMEOUT_S)
    except TimeoutError as error:
        raise ConversionError(f"{source}: not read within {TIMEOUT_S} s; is it a weights file?") from error
    if done.code:
        said = (done.err.strip().splitlines() or ["no message"])[-1]
        raise ConversionError(
            f"{source}: cannot be read as weights only: {said[:300]}; "
            "files that need more than weights_only=True are not opened: ask its authors for safetensors"
        )


def convert_part(source: Path, to: Path | None = None) -> Path:
    """The weights of one part of a diffusers folder, ``unet/diffusion_pytorch_model.bin`` say, as safetensors.

    Written beside the source under the name that loading looks for, or into the folder ``to``; returns the new file.
    """
    name = PARTS.get(source.name, source.with_suffix(".safetensors").name)
    target = (to or source.parent) / name
    if target.exists():
        raise ConversionError(f"{target}: is there already; remove it first, or name another folder with --to")
    target.parent.mkdir(parents=True, exist_ok=True)
    unpickle(source, target)
    return target
