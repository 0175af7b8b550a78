"""The best linear 16×-code of the drawings, installed as the encoder's starting weights.

A random encoder of 16× needs hours to learn what principal components know at once (Karhunen–Loève, level by level:
2 × 2 neighbours are stacked, rotated and cut, four times). Every step is one stride-2 convolution of the real encoder;
its residual branches start at zero, and its last GroupNorm and SiLU are made transparent: constant channels fix the
norm's gain, and ``silu(x) − silu(−x) = x`` undoes the activation. Training may then bend it wherever that helps.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float32]
LATENT_CHANNELS = 32
_KEPT = (32, 64, LATENT_CHANNELS)
_REFERENCE = 30.0
_LOG_VARIANCE = -6.0


@dataclass(frozen=True)
class LinearCode:
    """Per level a matrix (kept, 4 × kept before) and a bias (kept,); the first level only stacks 2 × 2 × RGB."""

    matrices: tuple[Array, ...]
    biases: tuple[Array, ...]

    def encode(self, pixels: NDArray[np.uint8]) -> Array:
        """(B, side, side, 3) uint8 → (B, 32, side/16, side/16) float32."""
        levels = stacked(pixels.astype(np.float32) / 127.5 - 1)
        for matrix, bias in zip(self.matrices, self.biases, strict=True):
            levels = stacked(levels) @ matrix.T + bias
        return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))


def stacked(values: Array) -> Array:
    """(B, H, W, C) → (B, H/2, W/2, 4C): 2 × 2 neighbours side by side, row by row."""
    b, h, w, c = values.shape
    return values.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(b, h // 2, w // 2, 4 * c)


def fit(pixels: NDArray[np.uint8]) -> LinearCode:
    """Principal components of every level; the last level's spreads are evened out to their square roots."""
    levels = stacked(pixels.astype(np.float32) / 127.5 - 1)
    matrices, biases = [], []
    for depth, kept in enumerate(_KEPT):
        rows = stacked(levels)
        flat = rows.reshape(-1, rows.shape[-1])
        mean = flat.mean(0)
        spread, axes = np.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
        matrix = axes[:, ::-1][:, :kept].T
        if depth == len(_KEPT) - 1:
            matrix = matrix / spread[::-1][:kept, None] ** 0.25
        matrices.append(matrix.astype(np.float32))
        biases.append((-matrix @ mean).astype(np.float32))
        levels = rows @ matrices[-1].T + biases[-1]
    return LinearCode(tuple(matrices), tuple(biases))


@torch.no_grad()
def install(code: LinearCode, vae: AutoencoderKL) -> None:
    """Give the encoder weights that compute the code (to 1 %), with a small fixed variance."""
    encoder = vae.encoder
    for block in [*(r for b in encoder.down_blocks for r in b.resnets), *encoder.mid_block.resnets]:
        _clear(block.conv2)
        if block.conv_shortcut is not None:
            _pass_on(block.conv_shortcut)
    _pass_on(encoder.conv_in)
    _set_level(encoder.down_blocks[0].downsamplers[0].conv, np.eye(12, dtype=np.float32), np.zeros(12, np.float32))
    for block, matrix, bias in zip(encoder.down_blocks[1:3], code.matrices, code.biases, strict=False):
        _set_level(block.downsamplers[0].conv, matrix, bias)
    last = encoder.down_blocks[3].downsamplers[0].conv
    _set_level(
        last, np.concatenate([code.matrices[2], -code.matrices[2]]), np.concatenate([code.biases[2], -code.biases[2]])
    )
    _set_end(vae, last)


def _bias_of(conv: nn.Conv2d) -> torch.Tensor:
    if conv.bias is None:
        raise ValueError("the linear code needs convolutions with a bias; this one has none")
    return conv.bias


def _clear(conv: nn.Conv2d) -> None:
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(_bias_of(conv))


def _pass_on(conv: nn.Conv2d) -> None:
    """Make a convolution copy its input channels to the first output channels."""
    _clear(conv)
    middle = conv.kernel_size[0] // 2
    for channel in range(conv.in_channels):
        conv.weight[channel, channel, middle, middle] = 1


def _set_level(conv: nn.Conv2d, matrix: Array, bias: Array) -> None:
    """A stride-2 convolution whose upper left 2 × 2 taps are a matrix over stacked neighbours."""
    kept, width = matrix.shape[0], matrix.shape[1] // 4
    _clear(conv)
    taps = torch.from_numpy(matrix.reshape(kept, 2, 2, width).transpose(0, 3, 1, 2).copy())
    conv.weight[:kept, :width, :2, :2] = taps
    _bias_of(conv)[:kept] = torch.from_numpy(bias)


def _set_end(vae: AutoencoderKL, last: nn.Conv2d) -> None:
    """Reference channels before the norm, and the sum of ± pairs after the activation."""
    encoder, pairs = vae.encoder, 2 * LATENT_CHANNELS
    free = last.out_channels - pairs
    _bias_of(last)[pairs:] = _REFERENCE * torch.tensor([1.0, -1.0]).repeat(free // 2)
    gain = _REFERENCE * (free / last.out_channels) ** 0.5
    nn.init.ones_(encoder.conv_norm_out.weight)
    nn.init.zeros_(encoder.conv_norm_out.bias)
    _clear(encoder.conv_out)
    for channel in range(LATENT_CHANNELS):
        encoder.conv_out.weight[channel, channel, 1, 1] = gain
        encoder.conv_out.weight[channel, channel + LATENT_CHANNELS, 1, 1] = -gain
    encoder.conv_out.bias[LATENT_CHANNELS:] = _LOG_VARIANCE
    _pass_on(vae.quant_conv)
    _pass_on(vae.post_quant_conv)


def save(code: LinearCode, path: Path) -> None:
    """Keep the code beside the checkpoints."""
    named = {f"matrix{i}": matrix for i, matrix in enumerate(code.matrices)}
    named |= {f"bias{i}": bias for i, bias in enumerate(code.biases)}
    np.savez(path, allow_pickle=False, **named)


def load(path: Path) -> LinearCode:
    """The code that `save` wrote."""
    kept = np.load(path)
    levels = range(len(_KEPT))
    return LinearCode(tuple(kept[f"matrix{i}"] for i in levels), tuple(kept[f"bias{i}"] for i in levels))
