"""The starter CLIP's embeddings of drawings, for the trainings and figures of this folder."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch.nn import functional
from transformers import CLIPTokenizer

from starter.train_clip import CLIP_FOLDER, EMBEDDING_DIM, configuration, normalised
from starter.train_text import tokens_of


def load_clip(folder: Path = CLIP_FOLDER) -> tuple[open_clip.CLIP, CLIPTokenizer]:
    """The committed CLIP in float32, in evaluation mode, and its tokenizer."""
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    settings = configuration(len(tokenizer))
    clip = open_clip.CLIP(EMBEDDING_DIM, settings["vision_cfg"], settings["text_cfg"])
    weights = load_file(folder / "open_clip_model.safetensors")
    clip.load_state_dict({name: value.float() for name, value in weights.items()})
    return clip.eval(), tokenizer


@torch.no_grad()
def embed_pictures(clip: open_clip.CLIP, pictures: Iterable[NDArray[np.uint8]], batch: int = 64) -> torch.Tensor:
    """Pictures (side, side, 3) uint8 → (N, 256) float32, L2-normalised."""
    rows, made = list(pictures), []
    for start in range(0, len(rows), batch):
        made.append(clip.encode_image(normalised(np.stack(rows[start : start + batch]))))
    return functional.normalize(torch.cat(made).float(), dim=1)


@torch.no_grad()
def embed_texts(clip: open_clip.CLIP, tokenizer: CLIPTokenizer, texts: list[str], batch: int = 512) -> torch.Tensor:
    """Texts → (N, 256) float32, L2-normalised."""
    parts = [clip.encode_text(tokens_of(tokenizer, texts[i : i + batch])) for i in range(0, len(texts), batch)]
    return functional.normalize(torch.cat(parts).float(), dim=1)
