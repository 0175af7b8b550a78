"""The process in which a pickle of tensors is opened, started by ``convert.py``; nothing else imports this file.

``weights_only=True`` lets tensors, numbers, strings and containers through, and raises for all else. Its arguments are
the pickle, the safetensors file to write, and ``float32`` or ``as is``.
"""

from __future__ import annotations

import sys

import torch
from safetensors.torch import save_file


def main(source: str, target: str, kind: str) -> None:
    """Write the tensors of ``source`` to ``target``; leaves with a message when it holds anything else."""
    state = torch.load(source, map_location="cpu", weights_only=True)  # some were saved from a GPU
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        sys.exit(f"holds a {type(state).__name__}, not a dictionary of tensors")
    if kind == "float32":
        state = {k.removeprefix("module."): v.float() for k, v in state.items() if v.is_floating_point()}
    save_file({k: v.detach().clone().contiguous() for k, v in state.items()}, target, metadata={"format": "pt"})


if __name__ == "__main__":
    main(*sys.argv[1:])
