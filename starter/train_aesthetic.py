"""Train the aesthetic head on what harms a picture. ``python -m starter.train_aesthetic``.

LAION's improved layout (Schuhmann 2022): an MLP on the L2-normalised CLIP embedding, score 1–10. A clean drawing is
an 8.5, and a taught harm takes it down to between 6 and 1.5 by its strength; above all, a drawing must beat
its harmed copy. Samples of the image model lie between 3 and 8, by how surely the teacher (``starter.train_judge
--teacher``) names the subject that was asked for: a half-formed thing could be several.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from starter.captions import plain_caption
from starter.dataset import FACETS, Drawings, prepare
from starter.embedding import embed_pictures, load_clip
from starter.harms import TAUGHT
from starter.sampling import load_pipeline, sampled
from starter.train_clip import CLIP_FOLDER, EMBEDDING_DIM
from starter.train_judge import halved, load_judge, teacher_file
from starter.train_text import IMAGE_FOLDER
from starter.training import Trainer, begin, parser

AESTHETIC_FOLDER = Path(__file__).parent / "aesthetic"
_CLEAN = 8.5


class Head(nn.Module):
    """LAION's ``improved-aesthetic-predictor`` MLP; Dropout holds the odd places in ``layers``."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(EMBEDDING_DIM, 1024),
            nn.Dropout(0.2),
            nn.Linear(1024, 128),
            nn.Dropout(0.2),
            nn.Linear(128, 64),
            nn.Dropout(0.1),
            nn.Linear(64, 16),
            nn.Linear(16, 1),
        )

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """(B, 256) L2-normalised → (B,) scores."""
        return self.layers(embeddings).squeeze(1)  # type: ignore[no-any-return]


def harmed_pictures(drawings: Drawings, count: int) -> tuple[list[NDArray[np.uint8]], list[float]]:
    """Taught harms of every strength on the first drawings, with their scores."""
    pictures, scores = [], []
    for row in range(count):
        rng = np.random.default_rng([row, 8])
        name, strength = str(rng.choice(list(TAUGHT))), float(rng.uniform(0, 1))
        pictures.append(np.asarray(TAUGHT[name](Image.fromarray(drawings.pixels[row]), rng, strength)))
        scores.append(6 - 4.5 * strength)
    return pictures, scores


def own_samples(count: int, work: Path) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Samples of the image model and the subjects asked for; a sixth of them from too few steps, to be poor on purpose.

    Kept under ``work`` for as long as the denoiser is the same.
    """
    rng, poor = np.random.default_rng(77), count // 6
    wanted = [tuple(str(rng.choice(FACETS[f])) for f in ("subject", "colour", "ground")) for _ in range(count)]
    denoiser = hashlib.sha256((IMAGE_FOLDER / "unet" / "diffusion_pytorch_model.safetensors").read_bytes())
    path = work / f"own-samples-{count}-{denoiser.hexdigest()[:12]}.npy"
    if not path.exists():
        prompts = [plain_caption(subject, colour, ground) for subject, colour, ground in wanted]
        pipeline, seeds = load_pipeline(IMAGE_FOLDER), list(range(50_000, 50_000 + count))
        hasty = sampled(pipeline, prompts[:poor], seeds[:poor], num_inference_steps=5, guidance_scale=1.5)
        np.save(path, np.stack([*hasty, *sampled(pipeline, prompts[poor:], seeds[poor:])]))
    return list(np.load(path)), [subject for subject, _, _ in wanted]


@torch.no_grad()
def sureness(work: Path, pictures: list[NDArray[np.uint8]], subjects: list[str]) -> torch.Tensor:
    """The teacher's log-odds (N,) of the subject that was asked for."""
    teacher = load_judge(teacher_file(work))
    logits = [teacher(halved(np.stack(pictures[i : i + 64])))["subject"] for i in range(0, len(pictures), 64)]
    own = torch.cat(logits).double().softmax(1)[range(len(pictures)), [FACETS["subject"].index(s) for s in subjects]]
    return torch.logit(own, eps=1e-9)


def main() -> None:
    """Train and save the head with the hash of the CLIP that it reads."""
    options = parser(main.__doc__ or "", steps=1500, batch=256, learning_rate=1e-3)
    options.add_argument("--drawings", type=int, default=9000)
    options.add_argument("--samples", type=int, default=2400)
    chosen = options.parse_args()
    run = begin("aesthetic", chosen)
    run.checkpoint.unlink(missing_ok=True)
    drawings = prepare(run.work, "train")
    clip, _ = load_clip()
    pictures, scores = harmed_pictures(drawings, chosen.drawings)
    samples, subjects = own_samples(chosen.samples, run.work)
    ranks = sureness(run.work, samples, subjects).argsort().argsort() / len(samples)
    seen = Seen(
        clean=embed_pictures(clip, drawings.pixels[: chosen.drawings]),
        harmed=embed_pictures(clip, pictures),
        harmed_scores=torch.tensor(scores),
        samples=embed_pictures(clip, samples),
        sample_scores=(3 + 5 * ranks).float(),
    )
    train(Trainer(run, Head(), weight_decay=0.05), seen)


@dataclass(frozen=True)
class Seen:
    """Embeddings (N, 256) of drawings and of their harmed copies, row by row, (M, 256) of samples; scores 1–10."""

    clean: torch.Tensor
    harmed: torch.Tensor
    harmed_scores: torch.Tensor
    samples: torch.Tensor
    sample_scores: torch.Tensor


def train(trainer: Trainer, seen: Seen) -> None:
    """A third of each batch is samples, the rest pairs; then save."""
    for step in range(trainer.step, trainer.run.steps):
        rng, third = np.random.default_rng([trainer.run.seed, step]), trainer.run.batch // 3
        pairs, rows = (rng.integers(0, len(kind), third) for kind in (seen.clean, seen.samples))
        guess = trainer.module(torch.cat([seen.clean[pairs], seen.harmed[pairs], seen.samples[rows]]))
        clean, harmed, sample = guess.split(third)
        beaten = functional.softplus(harmed - clean).mean()
        scale = functional.smooth_l1_loss(clean, torch.full_like(clean, _CLEAN))
        scale = scale + functional.smooth_l1_loss(harmed, seen.harmed_scores[pairs])
        agreed = functional.smooth_l1_loss(sample, seen.sample_scores[rows])
        parts = {"pairs_right": (clean > harmed).float().mean().item(), "samples_off_by": agreed.item()}
        trainer.update(3 * beaten + 0.1 * scale + agreed, parts)
    head = trainer.averaged()
    AESTHETIC_FOLDER.mkdir(exist_ok=True)
    save_file({name: value.half() for name, value in head.state_dict().items()}, AESTHETIC_FOLDER / "model.safetensors")
    clip_sha256 = hashlib.sha256((CLIP_FOLDER / "open_clip_model.safetensors").read_bytes()).hexdigest()
    config: dict[str, object] = {"architecture": "aesthetic-head", "layout": "mlp", "clip": clip_sha256}
    config |= {"embedding_dim": EMBEDDING_DIM, "scale": [1, 10]}
    (AESTHETIC_FOLDER / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
