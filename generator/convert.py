"""A pickle of tensors → safetensors: the one place where a pickle is opened, and never in this process.

A pickle can run code. It is opened in a process of its own (isolated Python, nothing but torch and safetensors), with
``weights_only=True``, mapped to the CPU (some were saved from a GPU). What needs more than that is not opened at all.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from specs.errors import LimnerError

TIMEOUT_S = 1800
PARTS = {  # what diffusers and transformers call the same weights as a pickle and as safetensors
    "diffusion_pytorch_model.bin": "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin": "model.safetensors",
}
_SCRIPT = """
import sys
import torch
from safetensors.torch import save_file
state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
state = state.get("state_dict", state) if isinstance(state, dict) else state
if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
    sys.exit(f"holds a {type(state).__name__}, not a dictionary of tensors")
if sys.argv[3] == "float32":
    state = {k.removeprefix("module."): v.float() for k, v in state.items() if v.is_floating_point()}
save_file({k: v.detach().clone().contiguous() for k, v in state.items()}, sys.argv[2], metadata={"format": "pt"})
"""


class ConversionError(LimnerError):
    """A file that cannot be converted; the message says which and why."""


def unpickle(source: Path, target: Path, *, float32: bool = False) -> None:
    """Write the tensors in ``source`` to ``target`` as safetensors, as they are or as float32 without integers.

    Raises ConversionError when there is no such file, or when it holds anything but tensors.
    """
    if not source.is_file():
        raise ConversionError(f"{source}: no such file; give the .bin, .pt or .pth file that its authors publish")
    words = [str(source.absolute()), str(target.absolute()), "float32" if float32 else "as is"]
    command = [sys.executable, "-I", "-W", "ignore", "-c", _SCRIPT, *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{source}: not read within {TIMEOUT_S} s; is it a weights file?") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
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
