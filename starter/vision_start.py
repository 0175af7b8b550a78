"""Starting weights for the small vision transformer, which would otherwise spend its first hour learning to look.

Patches start as evened principal components; positions as sines and cosines of row and column; attention as in
"Mimetic Initialization of Self-Attention Layers" (Trockman & Kolter 2023), so that a patch first mixes with its like
and its neighbours.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_PATCH_PX = 16


@torch.no_grad()
def start_looking(visual: Any, pixels: NDArray[np.uint8]) -> None:
    """Set the starting weights of an open_clip ``VisionTransformer`` from some drawings (N, 128, 128, 3)."""
    visual.conv1.weight.copy_(0.5 * components(pixels, visual.conv1.weight.shape[0]))
    width, places = visual.positional_embedding.shape[1], visual.positional_embedding.shape[0] - 1
    visual.positional_embedding[1:] = 0.5 * waves(round(places**0.5), width)
    for block in visual.transformer.resblocks:
        imitate(block.attn)


def components(pixels: NDArray[np.uint8], kept: int) -> torch.Tensor:
    """(kept, 3, 16, 16): principal components of patches, divided by their spread."""
    n, grid = len(pixels), pixels.shape[1] // _PATCH_PX
    patches = pixels.reshape(n, grid, _PATCH_PX, grid, _PATCH_PX, 3).transpose(0, 1, 3, 5, 2, 4)
    rows = patches.reshape(n * grid * grid, -1) / np.float32(127.5) - 1
    centred = rows - rows.mean(0)
    spread, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    scaled = (axes / np.sqrt(spread + 0.05))[:, ::-1][:, :kept].T
    return torch.from_numpy(scaled.reshape(kept, 3, _PATCH_PX, _PATCH_PX).astype(np.float32))


def waves(grid: int, width: int) -> torch.Tensor:
    """(grid², width): sines and cosines of the row in one half, of the column in the other."""
    rates = 1 / 30 ** (torch.arange(width // 4) / (width // 4))
    angles = torch.arange(grid)[:, None] * rates
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows, columns = line[:, None].expand(-1, grid, -1), line[None].expand(grid, -1, -1)
    return torch.cat([rows, columns], dim=2).reshape(grid * grid, width)


def imitate(attention: nn.MultiheadAttention) -> None:
    """Queries like keys (W_q W_kᵀ ≈ 0.7 I + noise), values against the stream (W_v W_o ≈ −0.4 I + noise)."""
    width, heads = attention.embed_dim, attention.num_heads
    size = width // heads
    for head in range(heads):
        target = 0.7 * torch.randn(width, width) / width**0.5 + 0.7 * torch.eye(width)
        left, strength, right = torch.linalg.svd(target)
        root = strength[:size].sqrt()
        rows = slice(head * size, (head + 1) * size)
        attention.in_proj_weight[rows] = (left[:, :size] * root).T
        attention.in_proj_weight[width + rows.start : width + rows.stop] = right[:size] * root[:, None]
    target = 0.4 * torch.randn(width, width) / width**0.5 - 0.4 * torch.eye(width)
    left, strength, right = torch.linalg.svd(target)
    attention.out_proj.weight.copy_(left * strength.sqrt())
    attention.in_proj_weight[2 * width :] = right * strength.sqrt()[:, None]
