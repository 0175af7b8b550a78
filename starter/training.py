"""What every training shares: the command line, the schedule, averaged weights, checkpoints, the log and its curve."""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import nn

LOGS = Path(__file__).parent / "logs"


@dataclass(frozen=True)
class Run:
    """One training as asked for on the command line."""

    name: str
    work: Path
    device: torch.device
    steps: int
    batch: int
    learning_rate: float
    seed: int
    init_from: Path | None

    @property
    def checkpoint(self) -> Path:
        """Where weights, averages, optimizer and step are kept between sessions; never committed."""
        return self.work / f"{self.name}.pt"

    def autocast(self) -> torch.autocast:
        """bfloat16 arithmetic; weights stay float32."""
        return torch.autocast(self.device.type, torch.bfloat16)


def parser(description: str, steps: int, batch: int, learning_rate: float) -> argparse.ArgumentParser:
    """The options that every training command has, with this training's defaults."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--work", type=Path, default=Path("build/starter"), help="drawings and checkpoints")
    made.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    made.add_argument("--threads", type=int, default=2, help="CPU threads")
    made.add_argument("--steps", type=int, default=steps)
    made.add_argument("--batch", type=int, default=batch)
    made.add_argument("--learning-rate", type=float, default=learning_rate)
    made.add_argument("--seed", type=int, default=20220916)
    made.add_argument("--init-from", type=Path, help="model folder to start from instead of random weights")
    return made


def begin(name: str, options: argparse.Namespace) -> Run:
    """Seed everything, set the threads, make the work folder."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)
    device = torch.device(options.device)
    return Run(
        name, options.work, device, options.steps, options.batch, options.learning_rate, options.seed, options.init_from
    )


def rate_at(run: Run, step: int, warmup: int = 100) -> float:
    """Learning rate: linear warm-up, then a cosine down to a hundredth."""
    if step < warmup:
        return run.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, run.steps - warmup)
    return run.learning_rate * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * min(done, 1.0)))))


def batches(
    run: Run, count: int, first_step: int, weights: NDArray[np.float64] | None = None
) -> Iterator[NDArray[np.int64]]:
    """Row numbers (batch,) of each step, by ``weights`` (count,) if given; the same step always gets the same rows."""
    reached = np.cumsum(np.ones(count) if weights is None else weights)
    for step in range(first_step, run.steps):
        drawn = np.random.default_rng([run.seed, step]).random(run.batch)
        yield np.searchsorted(reached, drawn * reached[-1], side="right")


class Average:
    """Exponential moving average of a module's weights: what is saved and shipped."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().float().clone() for name, value in module.state_dict().items()}

    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the module's weights; the decay grows with the steps, so that early noise is forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            self.weights[name].lerp_(value.detach().float(), 1 - decay)


@dataclass
class Trainer:
    """A module with its optimizer, average and log, resumable at any saved step."""

    run: Run
    module: nn.Module
    decay: float = 0.999
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        self.module.to(self.run.device)
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, self.run.learning_rate, (0.9, 0.99), 1e-8, self.weight_decay)
        self.average = Average(self.module, self.decay)
        self.step, self.seconds, self.rows = 0, 0.0, list[dict[str, float]]()
        self._since: list[dict[str, float]] = []
        if self.run.checkpoint.exists():
            self._resume()

    def _resume(self) -> None:
        saved: dict[str, Any] = torch.load(self.run.checkpoint, map_location=self.run.device, weights_only=True)
        self.module.load_state_dict(saved["module"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average.weights = saved["average"]
        self.step, self.seconds, self.rows = saved["step"], saved["seconds"], saved["rows"]
        print(f"{self.run.name}: resumed at step {self.step}", flush=True)

    def save(self) -> None:
        """Write the checkpoint and the log, each through a temporary name."""
        state: dict[str, Any] = {"module": self.module.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"average": self.average.weights, "step": self.step, "seconds": self.seconds, "rows": self.rows}
        partial = self.run.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.rename(self.run.checkpoint)
        write_log(self.run.name, self.rows)

    def update(self, loss: torch.Tensor, parts: dict[str, float], log_every: int = 25, save_every: int = 100) -> None:
        """One optimizer step on a loss; logs means and saves in passing."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.run, self.step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.average.update(self.module, self.step)
        self._note(loss, parts, log_every)
        if self.step % save_every == 0 or self.step == self.run.steps:
            self.save()

    def _note(self, loss: torch.Tensor, parts: dict[str, float], log_every: int) -> None:
        now = time.monotonic()
        self.seconds += min(now - getattr(self, "_last", now), 60.0)
        self._last = now
        self._since.append({"loss": loss.item(), **parts})
        if self.step % log_every == 0:
            means = {key: float(np.mean([row[key] for row in self._since])) for key in self._since[0]}
            self.rows.append({"step": self.step, "seconds": round(self.seconds, 1), **means})
            self._since = []
            print(self.run.name, " ".join(f"{key}={value:.5g}" for key, value in self.rows[-1].items()), flush=True)

    def averaged(self) -> nn.Module:
        """The module with the averaged weights loaded, in evaluation mode."""
        self.module.load_state_dict(dict(self.average.weights))
        return self.module.eval()


def write_log(name: str, rows: list[dict[str, float]]) -> None:
    """``logs/<name>.csv`` and its curve ``logs/<name>.png``."""
    if not rows:
        return
    LOGS.mkdir(exist_ok=True)
    with (LOGS / f"{name}.csv").open("w", newline="") as file:
        names = dict.fromkeys(name for row in rows for name in row)  # what is measured may grow between sessions
        writer = csv.DictWriter(file, list(names))
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in rows)
    curve(np.array([row["loss"] for row in rows]), name).save(LOGS / f"{name}.png", optimize=True)


def curve(losses: NDArray[np.float64], title: str) -> Image.Image:
    """The loss over the training, log scale, 480 × 240."""
    picture = Image.new("RGB", (480, 240), "white")
    draw = ImageDraw.Draw(picture)
    logs = np.log10(np.maximum(losses, 1e-9))
    low, high = float(logs.min()), float(logs.max()) + 1e-6
    x = np.linspace(60, 470, len(logs))
    y = 215 - (logs - low) / (high - low) * 190
    draw.rectangle((60, 25, 470, 215), outline="grey")
    draw.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], fill=(42, 92, 205), width=2)
    draw.text((60, 8), f"{title}: loss", fill="black")
    draw.text((4, 22), f"{10**high:.3g}", fill="black")
    draw.text((4, 206), f"{10**low:.3g}", fill="black")
    return picture
