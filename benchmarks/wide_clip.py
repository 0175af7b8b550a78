"""A CLIP whose text tower is as large as ViT-L/14's, with random weights: for timing, it knows nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from specs.checkpoint import Checkpoint
from tests.tiny_scorers import checkpoint

DIM, LAYERS, HEADS, CONTEXT, VOCABULARY = 768, 12, 12, 77, 49408
VISION = {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 8}


def build_clip(folder: Path) -> Checkpoint:
    """Write it into ``folder`` in open_clip's layout."""
    import open_clip

    text = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": DIM, "heads": HEADS, "layers": LAYERS}
    config = {"embed_dim": DIM, "quick_gelu": True, "vision_cfg": VISION, "text_cfg": text}
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    folder.mkdir(parents=True)
    whole = {"model_cfg": config, "preprocess_cfg": {"mean": mean, "std": std}}
    (folder / "open_clip_config.json").write_text(json.dumps(whole), encoding="utf-8")
    model = open_clip.CLIP(**config)
    tensors = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "open_clip_model.safetensors")
    return checkpoint("wide-clip", "open-clip", folder)
