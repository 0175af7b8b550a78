"""Train the CLIP on drawings and captions. ``python -m starter.train_clip``.

A symmetric contrastive loss whose targets share weight among rows that show the same scene words; the same between
pictures and the things in them, each named on its own, so that both of two things are found in a picture (a third of
the pictures show two); read-outs of subject, colour, ground, style and harm from the picture's embedding; and a
convolutional teacher (``starter.train_judge --teacher``, not the judge) whose features the patches learn to guess: it
sees shapes long before a transformer does. All but the CLIP is thrown away afterwards. The text tower starts from the
image model's.
"""

import json
from dataclasses import dataclass
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
from starter.draw.scene import Scene
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
_PAIRS = 0.5  # drawings of two things, for each other drawing
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


@dataclass(frozen=True)
class Batch:
    """``pictures`` (B, 3, side, side) with their captions' ``tokens``; ``shares``: of each facet's words and of the
    harms, (B, words). ``things`` are the tokens of T names, and ``shown`` (B, T) which of them each picture shows."""

    pictures: torch.Tensor
    tokens: torch.Tensor
    shares: list[torch.Tensor]
    things: torch.Tensor
    shown: torch.Tensor


def loss_of(model: Taught, teacher: Judge, seen: Batch, run: Run) -> tuple[torch.Tensor, dict[str, float]]:
    """Contrastive losses on captions and on names, read-outs and the teacher's features."""
    with run.autocast():
        image, guesses = model(seen.pictures)
        text = model.clip.encode_text(torch.cat([seen.tokens, seen.things]))
        logits = {facet: head(image) for facet, head in model.heads.items()}
        with torch.no_grad():
            known = teacher.stages(functional.avg_pool2d(seen.pictures, 2))[-2:]
    image, text = functional.normalize(image.float(), dim=1), functional.normalize(text.float(), dim=1)
    scores = model.clip.logit_scale.exp().clamp(max=100) * image @ text.T
    subject, colour, ground, _, harm = seen.shares
    told = torch.cat([subject, colour, ground, harm], 1)
    contrastive = contrast(scores[:, : len(seen.tokens)], (told[:, None] == told[None]).all(2).float())
    named = contrast(scores[:, len(seen.tokens) :], seen.shown)
    parts = {
        f: functional.cross_entropy(logits[f].float(), share) for f, share in zip(logits, seen.shares, strict=True)
    }
    right = {
        f: (share.gather(1, logits[f].argmax(1, keepdim=True)) > 0).float().mean().item()
        for f, share in zip(logits, seen.shares, strict=True)
    }
    off = [functional.mse_loss(g.float(), _even(k.float())) for g, k in zip(guesses, known, strict=True)]
    imitation = torch.stack(off).sum()
    loss = contrastive + named + 0.5 * torch.stack(list(parts.values())).sum() + parts["subject"] + 2 * imitation
    return loss, {"contrastive": contrastive.item(), "named": named.item(), "imitation": imitation.item(), **right}


def contrast(scores: torch.Tensor, fits: torch.Tensor) -> torch.Tensor:
    """Cross-entropy both ways (B, T), the weight of a row or column shared evenly among what ``fits`` (0 or 1)."""
    rows = functional.cross_entropy(scores, fits / fits.sum(1, keepdim=True))
    columns = functional.cross_entropy(scores.T, (fits / fits.sum(0, keepdim=True)).T)
    return (rows + columns) / 2


def _even(features: torch.Tensor) -> torch.Tensor:
    """Every channel of (B, C, h, w) with mean 0 and spread 1 over the batch."""
    mean, spread = features.mean((0, 2, 3), keepdim=True), features.std((0, 2, 3), keepdim=True)
    return (features - mean) / (spread + 1e-5)


def main() -> None:
    """Train, or go on training, and save to the clip folder."""
    run = begin("clip", parser(main.__doc__ or "", steps=3000, batch=96, learning_rate=1e-3).parse_args())
    drawings, pairs = prepare(run.work, "train"), prepare(run.work, "pairs")
    scenes = drawings.scenes + pairs.scenes
    shares = [np.concatenate(both) for both in zip(drawings.shares(), pairs.shares(), strict=True)]
    weights = np.repeat(
        [1.0, _PAIRS * len(drawings.scenes) / len(pairs.scenes)], [len(drawings.scenes), len(pairs.scenes)]
    )
    tokenizer = write_tokenizer(CLIP_FOLDER)
    clip = new_clip(len(tokenizer))
    start_looking(clip.visual, np.asarray(drawings.pixels[:1500]))
    if run.init_from:
        clip.load_state_dict(load_file(run.init_from / "open_clip_model.safetensors"))
    clip.transformer.requires_grad_(False)  # it reads already; what it says in the common space is still to be learned
    model, teacher = Taught(clip), load_judge(teacher_file(run.work)).to(run.device)
    trainer = Trainer(run, model, weight_decay=0.05)
    for rows in batches(run, len(scenes), trainer.step, weights):
        rng = np.random.default_rng([run.seed, trainer.step, 5])
        own = [
            drawings.pixels[row] if row < len(drawings.scenes) else pairs.pixels[row - len(drawings.scenes)]
            for row in rows
        ]
        pixels, harms = _some_harmed(np.stack(own), rng)
        told = np.eye(len(HARM_WORDS) + 1, dtype=np.float32)[[HARM_WORDS.index(h) + 1 if h else 0 for h in harms]]
        here = [scenes[row] for row in rows]
        texts = [dressed(caption(scene, rng), harm, rng) for scene, harm in zip(here, harms, strict=True)]
        names, shown = things_in(here, coloured=rng.random() < 0.7)
        seen = Batch(
            pictures=normalised(pixels).to(run.device),
            tokens=tokens_of(tokenizer, texts).to(run.device),
            shares=[torch.from_numpy(share).to(run.device) for share in (*(s[rows] for s in shares), told)],
            things=tokens_of(tokenizer, names).to(run.device),
            shown=torch.from_numpy(shown).to(run.device),
        )
        trainer.update(*loss_of(model, teacher, seen, run))
    trainer.averaged()
    save(clip, len(tokenizer))


def things_in(scenes: list[Scene], *, coloured: bool) -> tuple[list[str], NDArray[np.float32]]:
    """The different things in B scenes, each named in a few words, and (B, T) which of them each scene shows."""
    own = [
        [f"a {figure.colour} {figure.subject}" if coloured else f"a {figure.subject}" for figure in scene.figures]
        for scene in scenes
    ]
    names = sorted({name for some in own for name in some})
    return names, np.array([[name in some for name in names] for some in own], dtype=np.float32)


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
