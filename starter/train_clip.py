"""Train the CLIP on drawings and captions. ``python -m starter.train_clip``.

A symmetric contrastive loss whose targets share weight among rows that show the same scene words, plus read-outs of
subject, colour, ground, style and harm from the picture's embedding, and a convolutional teacher
(``starter.train_judge --teacher``, not the judge) whose features the patches learn to guess: it sees shapes long before
a transformer does. All but the CLIP is thrown away afterwards. The text tower starts from the image model's.
"""

import json
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from transformers import CLIPTextModel

from starter.captions import caption
from starter.dataset import FACETS, prepare
from starter.harms import TAUGHT
from starter.tokenizer import CONTEXT_TOKENS, write_tokenizer
from starter.train_judge import Judge, load_judge, teacher_file
from starter.train_text import HARM_WORDS, IMAGE_FOLDER, dressed, tokens_of
from starter.training import Run, Trainer, batches, begin, parser
from starter.twins import clip_text_from_transformers
from starter.vision_start import start_looking

CLIP_FOLDER = Path(__file__).parent / "clip"
EMBEDDING_DIM = 256
_WIDTH = 192
MEAN = STD = (0.5, 0.5, 0.5)


def configuration(vocabulary: int) -> dict[str, object]:
    """The ``model_cfg`` of open_clip_config.json."""
    vision = {"image_size": 128, "layers": 5, "width": _WIDTH, "head_width": 64, "patch_size": 16}
    text = {"context_length": CONTEXT_TOKENS, "vocab_size": vocabulary, "width": 192, "heads": 3, "layers": 2}
    return {
        "embed_dim": EMBEDDING_DIM,
        "vision_cfg": vision,
        "text_cfg": text | {"hf_tokenizer_name": "local", "eos_id": vocabulary - 1, "pad_id": vocabulary - 1},
    }


def new_clip(vocabulary: int) -> open_clip.CLIP:
    """Random weights, but for the text tower."""
    settings = configuration(vocabulary)
    clip = open_clip.CLIP(EMBEDDING_DIM, settings["vision_cfg"], settings["text_cfg"])
    taught = CLIPTextModel.from_pretrained(IMAGE_FOLDER / "text_encoder", dtype=torch.float32)
    clip.load_state_dict(clip_text_from_transformers(taught.state_dict()), strict=False)
    return clip


class Taught(nn.Module):
    """The CLIP with what only training needs: read-outs per facet, and of the teacher's features from the patches."""

    def __init__(self, clip: open_clip.CLIP) -> None:
        super().__init__()
        self.clip = clip
        sizes = {facet: len(words) for facet, words in FACETS.items()} | {"harm": len(HARM_WORDS) + 1}
        self.heads = nn.ModuleDict({facet: nn.Linear(EMBEDDING_DIM, size) for facet, size in sizes.items()})
        self.like_teacher = nn.ModuleList(nn.Linear(_WIDTH, channels) for channels in (96, 160))
        self._tokens = torch.zeros(0)
        clip.visual.transformer.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        self._tokens = output

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Pictures → embeddings (B, 256), and guesses at the teacher's last two stages (B, C, 8, 8), (B, C, 4, 4)."""
        image = self.clip.encode_image(pictures)
        patches = self._tokens[:, 1:].reshape(-1, 8, 8, _WIDTH).permute(0, 3, 1, 2)
        maps = [patches, functional.avg_pool2d(patches, 2)]
        guesses = [f(m.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) for f, m in zip(self.like_teacher, maps, strict=True)]
        return image, guesses


def normalised(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """(B, side, side, 3) uint8 → (B, 3, side, side) float32 as the CLIP wants it."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def loss_of(
    model: Taught, teacher: Judge, pictures: torch.Tensor, tokens: torch.Tensor, labels: torch.Tensor, run: Run
) -> tuple[torch.Tensor, dict[str, float]]:
    """Contrastive loss, read-outs and the teacher's features; labels (B, 5): the four facets and the harm."""
    with run.autocast():
        image, guesses = model(pictures)
        text = model.clip.encode_text(tokens)
        logits = {facet: head(image) for facet, head in model.heads.items()}
        with torch.no_grad():
            known = teacher.stages(functional.avg_pool2d(pictures, 2))[-2:]
    image, text = functional.normalize(image.float(), dim=1), functional.normalize(text.float(), dim=1)
    scores = model.clip.logit_scale.exp().clamp(max=100) * image @ text.T
    told = labels[:, [0, 1, 2, 4]]
    same = (told[:, None] == told[None]).all(2).float()
    share = same / same.sum(1, keepdim=True)
    contrastive = (functional.cross_entropy(scores, share) + functional.cross_entropy(scores.T, share)) / 2
    parts = {f: functional.cross_entropy(logits[f].float(), labels[:, i]) for i, f in enumerate(logits)}
    right = {f: (logits[f].argmax(1) == labels[:, i]).float().mean().item() for i, f in enumerate(logits)}
    off = [functional.mse_loss(g.float(), _even(k.float())) for g, k in zip(guesses, known, strict=True)]
    imitation = torch.stack(off).sum()
    loss = contrastive + 0.5 * torch.stack(list(parts.values())).sum() + parts["subject"] + 2 * imitation
    return loss, {"contrastive": contrastive.item(), "imitation": imitation.item(), **right}


def _even(features: torch.Tensor) -> torch.Tensor:
    """Every channel of (B, C, h, w) with mean 0 and spread 1 over the batch."""
    mean, spread = features.mean((0, 2, 3), keepdim=True), features.std((0, 2, 3), keepdim=True)
    return (features - mean) / (spread + 1e-5)


def main() -> None:
    """Train, or go on training, and save to the clip folder."""
    run = begin("clip", parser(main.__doc__ or "", steps=3000, batch=96, learning_rate=1e-3).parse_args())
    drawings = prepare(run.work, "train")
    labels = drawings.labels()
    tokenizer = write_tokenizer(CLIP_FOLDER)
    clip = new_clip(len(tokenizer))
    start_looking(clip.visual, np.asarray(drawings.pixels[:1500]))
    if run.init_from:
        clip.load_state_dict(load_file(run.init_from / "open_clip_model.safetensors"))
    clip.transformer.requires_grad_(False)  # it reads already; what it says in the common space is still to be learned
    model, teacher = Taught(clip), load_judge(teacher_file(run.work)).to(run.device)
    trainer = Trainer(run, model, weight_decay=0.05)
    for rows in batches(run, len(labels), trainer.step):
        rng = np.random.default_rng([run.seed, trainer.step, 5])
        pixels, harms = _some_harmed(drawings.pixels[rows], rng)
        scenes = [drawings.scenes[row] for row in rows]
        texts = [dressed(caption(scene, rng), harm, rng) for scene, harm in zip(scenes, harms, strict=True)]
        told = np.array([HARM_WORDS.index(harm) + 1 if harm else 0 for harm in harms])
        target = torch.from_numpy(np.column_stack([labels[rows], told])).to(run.device)
        tokens = tokens_of(tokenizer, texts).to(run.device)
        pictures = normalised(pixels).to(run.device)
        trainer.update(*loss_of(model, teacher, pictures, tokens, target, run))
    trainer.averaged()
    save(clip, len(tokenizer))


def _some_harmed(pixels: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[str | None]]:
    """A fifth of the batch (B, side, side, 3) spoiled, and with what."""
    harms: list[str | None] = [None] * len(pixels)
    pixels = np.array(pixels)
    for row in np.flatnonzero(rng.random(len(pixels)) < 0.2):
        harms[row] = name = str(rng.choice(HARM_WORDS))
        pixels[row] = np.asarray(TAUGHT[name](Image.fromarray(pixels[row]), rng, float(rng.uniform(0.2, 1))))
    return pixels, harms


def save(clip: open_clip.CLIP, vocabulary: int) -> None:
    """open_clip's local-dir layout, weights in float16."""
    weights = {name: value.detach().half().contiguous().cpu() for name, value in clip.state_dict().items()}
    save_file({n: w for n, w in weights.items() if n != "attn_mask"}, CLIP_FOLDER / "open_clip_model.safetensors")
    look = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    config = {"model_cfg": configuration(vocabulary), "preprocess_cfg": look}
    (CLIP_FOLDER / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
