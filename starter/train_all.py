"""Make the whole family anew, in order: ``python -m starter.train_all --device cuda``. Resumes where it was stopped."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

# Steps and batches that fill a data-centre GPU for about ten minutes in all; on a CPU give --scale 0.05 and hours.
PLAN: dict[str, tuple[str, ...]] = {
    "dataset": (),
    "train_text": ("--steps", "3000"),
    "train_vae": ("--steps", "8000", "--batch", "32"),
    "train_unet": ("--steps", "30000", "--batch", "256"),
    "train_judge --teacher": ("--steps", "8000", "--batch", "128"),
    "train_clip": ("--steps", "12000", "--batch", "256"),
    "train_judge": ("--steps", "8000", "--batch", "128"),
    "train_aesthetic": (),
    "train_safety": (),
    "evaluate": (),
    "cards": (),
    "pin": (),
}
_WITHOUT_DEVICE = ("dataset", "evaluate", "cards", "pin")


def command(name: str, work: Path, device: str, scale: float) -> list[str]:
    """The command line of one stage."""
    options = list(PLAN[name])
    if "--steps" in options:
        place = options.index("--steps") + 1
        options[place] = str(max(1, round(int(options[place]) * scale)))
    if name not in ("cards", "pin"):
        options += ["--work", str(work)]
    if name not in _WITHOUT_DEVICE:
        options += ["--device", device]
    module, *extra = name.split()
    return [sys.executable, "-m", f"starter.{module}", *extra, *options]


def main() -> None:
    """Run every stage from ``--first`` on; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/starter"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every number of steps")
    parser.add_argument("--first", choices=list(PLAN), default="dataset")
    chosen = parser.parse_args()
    names = list(PLAN)
    for name in names[names.index(chosen.first) :]:
        started = time.monotonic()
        subprocess.run(command(name, chosen.work, chosen.device, chosen.scale), check=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
