"""The one CLIP pass of a candidate: pixels and texts to unit vectors, by open_clip's classes, from a local folder.

Imports torch.

``scoring.clip.config`` reads the configuration, ``scoring.clip.model`` builds and fills the module,
``scoring.clip.tokenizer`` the tokenizer. OpenAI's weights need QuickGELU and nothing says so when the configuration
forgets it: we look for their marks and refuse.

Preprocessing is open_clip's own evaluation transform (resize the shorter side by Pillow's bicubic, centre crop,
normalise), on batches and on the device; the resized bytes are Pillow's own (see ``scoring.clip.resample``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.clip.config import CONFIG_FILE, ClipConfig, read_config
from scoring.clip.model import WEIGHT_FILES, build_model
from scoring.clip.prompt_windows import PromptWindows, embed_whole, load_windows
from scoring.clip.resample import FRACTION_BITS, Reduction, reduction
from scoring.clip.tokenizer import build_tokenizer
from scoring.errors import ScorerError
from scoring.folder import folder_of
from specs.boundary.tensor_file import Header
from specs.checkpoint import Checkpoint

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]
TEXT_BATCH = 32
HOW_TO_GET = (
    f"needs {CONFIG_FILE} and {WEIGHT_FILES[0]}, as open_clip's hub repositories hold them; fetch the registry's entry "
    "with --online, or name a folder that has both"
)
_PREPARED_WIDTHS = {512, 640, 768}  # embedding widths that OpenAI published


class DeviceSetting(Protocol):
    """What the scorers need of ``generator.environment.DeviceSetting``: the device they run on."""

    @property
    def device(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Preprocess:
    """open_clip's evaluation transform: square side in pixels, mean and standard deviation of each channel (0–1)."""

    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __call__(self, pixels: Pixels, device: torch.device, *, half_down: bool = False) -> torch.Tensor:
        """(B, H, W, 3) uint8 → (B, 3, size, size) float32 on ``device``; ``half_down`` crops as transformers does."""
        steps = reduction(pixels.shape[1], pixels.shape[2], self.size_px, half_down=half_down)
        exact = torch.device("cpu") if device.type == "mps" else device  # MPS has no float64
        values = reduced(torch.from_numpy(np.ascontiguousarray(pixels)).to(exact).permute(0, 3, 1, 2), steps)
        values = values.to(torch.float32).to(device)
        mean = torch.tensor(self.mean, dtype=torch.float32, device=device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, dtype=torch.float32, device=device).view(1, 3, 1, 1)
        return values.div_(255).sub_(mean).div_(std)


def reduced(values: torch.Tensor, steps: Reduction) -> torch.Tensor:
    """(B, C, H, W) 8-bit values → (B, C, size, size) float64 that hold Pillow's 8-bit values."""
    values = values.to(torch.float64)
    across = torch.from_numpy(steps.across.T.copy()).to(values.device)
    down = torch.from_numpy(steps.down).to(values.device)
    return _pass(_pass(down @ values) @ across) if steps.down_first else _pass(down @ _pass(values @ across))


def _pass(sums: torch.Tensor) -> torch.Tensor:
    """Fixed-point sums → 8-bit values, rounded half up and clipped, as after each pass of Pillow's resampler."""
    return sums.add_(1 << (FRACTION_BITS - 1)).div_(1 << FRACTION_BITS).floor_().clamp_(0, 255)


@dataclass(eq=False)
class Clip:
    """A loaded CLIP. ``dim`` is D; ``weights_sha256s`` are of the files that hold its weights."""

    clip_id: str
    name: str
    model: Any
    tokenizer: Any
    windows: PromptWindows
    preprocess: Preprocess
    dim: int
    logit_scale: float
    weights_sha256s: tuple[str, ...]
    device: torch.device
    batch_size: int = 8
    text_batch: int = TEXT_BATCH
    _texts: dict[str, Vectors] = field(default_factory=dict)

    def embed(self, pixels: Pixels) -> Vectors:
        """(B, H, W, 3) uint8 → (B, D) float32, L2-normalised.

        Every forward has ``batch_size`` rows (short ones are padded), so a row never depends on its neighbours.
        """
        check_pixels(pixels)
        rows = [
            self._forward(pixels[start : start + self.batch_size]) for start in range(0, len(pixels), self.batch_size)
        ]
        return np.concatenate(rows) if rows else np.zeros((0, self.dim), np.float32)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """T texts → (T, D) float32, L2-normalised, each read whole (see ``scoring.clip.prompt_windows``)."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return embed_whole(texts, self.windows, self._embed_windows)

    def _embed_windows(self, texts: Sequence[str]) -> Vectors:
        """Texts of one window each; each different one is encoded once in this object's life."""
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        for start in range(0, len(new), self.text_batch):
            part = new[start : start + self.text_batch]
            tokens = self.tokenizer([*part, *[""] * (self.text_batch - len(part))]).to(self.device)
            with torch.inference_mode():
                rows = self.model.encode_text(tokens, normalize=True).float().cpu().numpy()
            self._texts.update(zip(part, rows, strict=False))
        return np.stack([self._texts[text] for text in texts])

    def _forward(self, pixels: Pixels) -> Vectors:
        count = len(pixels)
        padded = np.concatenate([pixels, np.repeat(pixels[-1:], self.batch_size - count, axis=0)])
        with torch.inference_mode():
            rows = self.model.encode_image(self.preprocess(padded, self.device), normalize=True)
        return np.asarray(rows[:count].float().cpu().numpy(), dtype=np.float32)


def check_pixels(pixels: Pixels) -> None:
    """Raise ValueError unless ``pixels`` is (B, H, W, 3) uint8."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise ValueError(f"pixels must be (B, H, W, 3) uint8; got {pixels.shape} {pixels.dtype}")


def load_clip(
    checkpoint: Checkpoint, folder: Path, setting: DeviceSetting, batch_size: int = 8, text_batch: int = TEXT_BATCH
) -> Clip:
    """Load the CLIP in ``folder`` (the files of an open_clip hub repository), in float32; raises ScorerError.

    Never downloads, never runs code of the folder, never gives random weights; ``checkpoint.files`` must be hashed
    (they give its identity), and what is loaded is compared with those hashes. ``batch_size`` and ``text_batch``: rows
    of every forward, and so part of what its last bits are.
    """
    clip_id = checkpoint.weights_id
    files = folder_of(checkpoint, folder, "CLIP", HOW_TO_GET)
    config = read_config(files)
    name = files.first(WEIGHT_FILES)
    model, header = build_model(files, name, config)
    _check_gelu(files.path / name, config, header, model, files.label)
    return Clip(
        clip_id=clip_id,
        name=checkpoint.name,
        model=model.to(setting.device),
        tokenizer=build_tokenizer(files, config),
        windows=load_windows(folder),
        preprocess=Preprocess(config.size_px, config.mean, config.std),
        dim=config.embed_dim,
        logit_scale=float(model.logit_scale.exp().detach()),
        weights_sha256s=tuple(file.sha256 for file in checkpoint.files if file.path == name),
        device=torch.device(setting.device),
        batch_size=batch_size,
        text_batch=text_batch,
    )


def _check_gelu(path: Path, config: ClipConfig, header: Header, model: Any, label: str) -> None:
    """Refuse OpenAI's weights under a configuration that forgets QuickGELU.

    Their marks: the word itself in the configuration or the file's metadata, or weights that are all halves (OpenAI
    trained in float16) in one of the widths that OpenAI published. Saying ``"quick_gelu": false`` outright settles it.
    """
    if config.quick_gelu is not None:
        return
    words = config.words + repr(header.metadata).lower()
    weight = next((tensor for name, tensor in model.state_dict().items() if name == "visual.proj"), None)
    halves = weight is not None and bool((weight == weight.half().float()).all())
    if "openai" in words or (halves and config.embed_dim in _PREPARED_WIDTHS):
        raise ScorerError(
            f"{label}: {path} looks like OpenAI's weights, which need QuickGELU, and {path.parent / CONFIG_FILE} "
            'does not say; add "quick_gelu": true to model_cfg (open_clip names such models ViT-L-14-quickgelu), '
            'or "quick_gelu": false if these weights were trained without it'
        )
