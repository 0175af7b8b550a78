"""Train the judge: a small convolutional classifier on drawings of its own. ``python -m starter.train_judge``.

It names subject, colour, ground and style of a picture. No part of the pipeline uses it; `starter.evaluate` does.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from starter.dataset import FACETS, prepare
from starter.training import Run, Trainer, batches, begin, parser

JUDGE_FILE = Path(__file__).parent / "judge" / "model.safetensors"
_WIDTHS = (24, 48, 96, 160)


class Judge(nn.Module):
    """64 × 64 pixels → logits by facet: four strided stages with a residual block each."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *_WIDTHS)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.block = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(4, w), nn.SiLU(), nn.Conv2d(w, w, 3, 1, 1)) for w in _WIDTHS
        )
        self.heads = nn.ModuleDict({f: nn.Linear(2 * _WIDTHS[-1], len(words)) for f, words in FACETS.items()})

    def stages(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, 64, 64) in [-1, 1] → each stage's features; the last two are (B, 96, 8, 8) and (B, 160, 4, 4)."""
        seen = []
        for down, block in zip(self.down, self.block, strict=True):
            picture = down(picture)
            picture = picture + block(picture)
            seen.append(picture)
        return seen

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, 3, 64, 64) in [-1, 1] → logits by facet."""
        picture = self.stages(picture)[-1]
        flat = torch.cat([picture.mean((2, 3)), picture.amax((2, 3))], dim=1)
        return {facet: head(flat) for facet, head in self.heads.items()}


def halved(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """(B, 128, 128, 3) uint8 → (B, 3, 64, 64) float32 in [-1, 1]."""
    picture = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return functional.avg_pool2d(picture, 2)


def unsettled(picture: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A batch a little blurred, noised, shifted or toned, so that the judge reads pictures that no pen drew."""
    if rng.random() < 0.4:
        soft = functional.avg_pool2d(functional.pad(picture, (1, 1, 1, 1), mode="replicate"), 3, 1)
        picture = torch.lerp(picture, soft, float(rng.random()))
    if rng.random() < 0.4:
        picture = picture + 0.1 * float(rng.random()) * torch.randn_like(picture)
    shift = tuple(int(v) for v in rng.integers(-3, 4, 2))
    return torch.roll(picture, shift, (2, 3)) * float(rng.uniform(0.94, 1.04))


def loss_of(
    judge: Judge, picture: torch.Tensor, labels: torch.Tensor, run: Run
) -> tuple[torch.Tensor, dict[str, float]]:
    """Sum of the four cross-entropies; labels (B, 4)."""
    with run.autocast():
        logits = judge(picture)
    losses = [functional.cross_entropy(logits[f].float(), labels[:, i]) for i, f in enumerate(FACETS)]
    right = {f: (logits[f].argmax(1) == labels[:, i]).float().mean().item() for i, f in enumerate(FACETS)}
    return torch.stack(losses).sum(), right


def load_judge(path: Path = JUDGE_FILE) -> Judge:
    """The committed judge, or the teacher, in evaluation mode."""
    judge = Judge()
    judge.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return judge.eval()


def main() -> None:
    """Train, or go on training, and save: the judge, or with ``--teacher`` its twin that helps to train the CLIP."""
    options = parser(main.__doc__ or "", steps=2500, batch=64, learning_rate=2e-3)
    options.add_argument("--teacher", action="store_true", help="use the training drawings and save under --work")
    chosen = options.parse_args()
    run = begin("teacher" if chosen.teacher else "judge", chosen)
    drawings = prepare(run.work, "train" if chosen.teacher else "judge")
    single = np.flatnonzero([len(scene.figures) == 1 for scene in drawings.scenes])
    labels, judge = drawings.labels(), Judge()
    trainer = Trainer(run, judge)
    for picked in batches(run, len(single), trainer.step):
        rng = np.random.default_rng([run.seed, trainer.step, 4])
        torch.manual_seed(run.seed + trainer.step)
        rows = single[picked]
        picture = unsettled(halved(drawings.pixels[rows]), rng).to(run.device)
        trainer.update(*loss_of(judge, picture, torch.from_numpy(labels[rows]).to(run.device), run))
    trainer.averaged()
    path = teacher_file(run.work) if chosen.teacher else JUDGE_FILE
    path.parent.mkdir(exist_ok=True)
    save_file({name: value.half().cpu() for name, value in judge.state_dict().items()}, path)


def teacher_file(work: Path) -> Path:
    """Where the teacher's weights are kept; they are not committed."""
    return work / "teacher.safetensors"


if __name__ == "__main__":
    main()
