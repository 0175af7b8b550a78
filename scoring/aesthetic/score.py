"""The aesthetic score: how well people would rate a picture, as a head on its CLIP embedding predicts it.

Published heads, both on L2-normalised OpenAI CLIP ViT-L/14 image embeddings:

- LAION v1, ``sa_0_4_vit_l_14_linear`` (LAION-AI/aesthetic-predictor, MIT): one linear layer; layout ``linear``.
- "improved", ``sac+logos+ava1-l14-linearMSE`` (christophschuhmann/improved-aesthetic-predictor, Apache-2.0):
  768 → 1024 → 128 → 64 → 16 → 1 with dropout and no activation; layout ``mlp``.

What they were trained on (SAC, LOGOS, AVA) is photographs and early generated pictures: a preference of that crowd,
not a measure of quality. ``limner calibrate`` shows how a set's scores lie; ``scoring.taste.learn`` learns one's own.
"""

from __future__ import annotations

from pathlib import Path

from scoring.aesthetic.heads import Head, load_head
from scoring.errors import ScorerError
from specs.boundary.files import has_folder
from specs.checkpoint import Checkpoint

HOW_TO_GET = (
    "put head.safetensors and config.json there; `limner convert` makes both from a published .pth file, "
    "or say `scoring: {aesthetic: none}` in the spec to do without"
)


def load_aesthetic(checkpoint: Checkpoint, folder: Path, clip_sha256s: tuple[str, ...], dim: int) -> Head:
    """The head in ``folder``, checked against the loaded CLIP (hashes of its weights files, width of its embedding).

    Raises ScorerError when the folder is missing or damaged, ScorerMismatchError when the head belongs to another CLIP.
    """
    if not has_folder(folder):
        raise ScorerError(f"aesthetic head {checkpoint.name!r}: no folder {folder}; {HOW_TO_GET}")
    head = load_head(folder, checkpoint.name, checkpoint.files)
    head.check_clip(clip_sha256s, dim)
    return head
