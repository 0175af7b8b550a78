"""Train the aesthetic head on what harms a picture. ``python -m starter.train_aesthetic``.

LAION's improved layout (Schuhmann 2022): an MLP on the L2-normalised CLIP embedding, score 1–10. A clean drawing is
an 8.5; a taught harm takes it down to between 6 and 1.5 by its strength; samples of the image model lie between, by how
surely the CLIP names what was asked for among all subjects: a half-formed thing could be several.
"""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from transformers import CLIPTokenizer

from starter.captions import plain_caption
from starter.dataset import FACETS, Drawings, prepare
from starter.embedding import embed_pictures, embed_texts, load_clip
from starter.harms import TAUGHT
from starter.sampling import load_pipeline, sampled
from starter.train_clip import CLIP_FOLDER, EMBEDDING_DIM
from starter.train_text import IMAGE_FOLDER
from starter.training import Trainer, batches, begin, parser

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


def own_samples(count: int) -> tuple[list[NDArray[np.uint8]], list[tuple[str, str, str]]]:
    """Samples of the image model and their words; a quarter of them from too few steps, to be poor on purpose."""
    rng = np.random.default_rng(77)
    wanted = [tuple(str(rng.choice(FACETS[f])) for f in ("subject", "colour", "ground")) for _ in range(count)]
    prompts = [plain_caption(*words) for words in wanted]
    pipeline, seeds, poor = load_pipeline(IMAGE_FOLDER), list(range(50_000, 50_000 + count)), count // 4
    pictures = list(sampled(pipeline, prompts[poor:], seeds[poor:]))
    hasty = list(sampled(pipeline, prompts[:poor], seeds[:poor], num_inference_steps=5, guidance_scale=1.5))
    return hasty + pictures, wanted  # type: ignore[return-value]


def sureness(
    clip: open_clip.CLIP, tokenizer: CLIPTokenizer, seen: torch.Tensor, wanted: list[tuple[str, str, str]]
) -> torch.Tensor:
    """Log-odds (N,) of the subject asked for among all subjects, in the same colour, on the same ground."""
    facets = [FACETS[facet] for facet in ("subject", "colour", "ground")]
    texts = embed_texts(clip, tokenizer, [plain_caption(*words) for words in itertools.product(*facets)])
    places = [[words.index(word) for words, word in zip(facets, asked, strict=True)] for asked in wanted]
    subject, colour, ground = torch.tensor(places).T
    rivals = texts.view(*(len(words) for words in facets), -1)[:, colour, ground].transpose(0, 1)  # (N, subjects, 256)
    chances = (clip.logit_scale.exp() * torch.einsum("nsd,nd->ns", rivals, seen)).softmax(1).double()
    return torch.logit(chances[range(len(seen)), subject].detach(), eps=1e-9)


def main() -> None:
    """Train and save the head with the hash of the CLIP that it reads."""
    options = parser(main.__doc__ or "", steps=1500, batch=256, learning_rate=1e-3)
    options.add_argument("--drawings", type=int, default=6000)
    options.add_argument("--samples", type=int, default=2000)
    chosen = options.parse_args()
    run = begin("aesthetic", chosen)
    run.checkpoint.unlink(missing_ok=True)
    drawings = prepare(run.work, "train")
    clip, tokenizer = load_clip()
    pictures, scores = harmed_pictures(drawings, chosen.drawings)
    embeddings = [embed_pictures(clip, pictures), embed_pictures(clip, drawings.pixels[: chosen.drawings])]
    scores += [_CLEAN] * chosen.drawings
    if chosen.samples:
        samples, wanted = own_samples(chosen.samples)
        embeddings.append(embed_pictures(clip, samples))
        ranks = sureness(clip, tokenizer, embeddings[-1], wanted).argsort().argsort() / len(wanted)
        scores += (3 + 5 * ranks).tolist()
    train(Trainer(run, Head(), weight_decay=0.05), torch.cat(embeddings), torch.tensor(scores))


def train(trainer: Trainer, embeddings: torch.Tensor, scores: torch.Tensor) -> None:
    """Least squares on embeddings (N, 256) and scores (N,), then save."""
    for rows in batches(trainer.run, len(scores), trainer.step):
        guess = trainer.module(embeddings[rows])
        error = functional.smooth_l1_loss(guess, scores[rows])
        trainer.update(error, {"off_by": (guess - scores[rows]).abs().mean().item()})
    head = trainer.averaged()
    AESTHETIC_FOLDER.mkdir(exist_ok=True)
    save_file({name: value.half() for name, value in head.state_dict().items()}, AESTHETIC_FOLDER / "model.safetensors")
    clip_sha256 = hashlib.sha256((CLIP_FOLDER / "open_clip_model.safetensors").read_bytes()).hexdigest()
    config: dict[str, object] = {"architecture": "aesthetic-head", "layout": "mlp", "clip": clip_sha256}
    config |= {"embedding_dim": EMBEDDING_DIM, "scale": [1, 10]}
    (AESTHETIC_FOLDER / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
