"""Hostile folders, specs and environments: nothing of them runs, connects, writes elsewhere, costs much or is a bug.

    python -m tests.faults.hostile --folders 300 --environments 60

Folders of image checkpoints and of scorers, drawn by the seed from every key of every configuration × {code, network,
path, size, type} and files that lie (``--folders 5000``: all); every key of a spec and of a registry likewise, tables,
reference pictures, YAML; 60 environments (variables, dot files, working folders, git configurations) × every command.
All under strace, which tells what they connect to, change and start. Per attempt: 0 canaries run, 0 connections beyond
loopback, 0 programs started, 0 changes outside the library, the temporary folder and what the command names, 0
tracebacks, at most 10 s of a processor (in an environment, more than the costliest command takes in a calm one, which
loads torch and starts Prefect) and 1 GiB more memory than before. Python is no program here, nor is ldconfig, which
CUDA's own package asks for the C library.
"""

from __future__ import annotations

import argparse
import compileall
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from limner import PACKAGES
from tests.faults.hostile_child import Places
from tests.faults.hostile_commands import HEAVY, OWN, WRITTEN, commands
from tests.faults.isolated import UNCAUGHT
from tests.security.calls import Calls, read, traced
from tests.security.hostile_environments import Surroundings, surround, surroundings, together
from tests.world import ROOT, World, build_models, spec_of

MOST_CPU_S = 10.0  # of processors, since others may use the machine too
MOST_GROWN_MIB = 1024.0
ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
CHILD = Path(__file__).with_name("hostile_commands.py")
EARLY = ("PYTHONIOENCODING", "PYTHONTZPATH")  # of Python's own what limner keeps, or a library reads when imported


@dataclass
class Figures:
    """Of one kind of attempt: how many there were, how they ended, the most that one cost."""

    attempts: int = 0
    refused: int = 0
    harms: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HARMS, 0))
    most_cpu_s: float = 0.0
    most_wall_s: float = 0.0
    most_grown_mib: float = 0.0


Harm = Callable[[dict[str, Any], list[str], Calls], object]
HARMS: dict[str, Harm] = {
    "canaries run": lambda one, _, __: one["ran"],
    "connections": lambda _, __, calls: calls.connections,
    "programs started": lambda _, __, calls: calls.programs,
    "changes elsewhere": lambda _, outside, __: outside,
    "tracebacks": lambda one, _, __: "Traceback (most recent" in one["said"] or one["code"] == UNCAUGHT,
    "killed": lambda one, _, __: one["code"] < 0,
    "over 10 s": lambda one, _, __: one["cpu_s"] > MOST_CPU_S + one.get("calm_s", 0.0),
    "over 1 GiB": lambda one, _, __: one["grown_mib"] > MOST_GROWN_MIB,
}


Attempt = tuple[dict[str, Any], Calls, Sequence[Path]]  # what its process said, its calls, what it may change


class Judge:
    """Counts by kind, and keeps what each violation was."""

    def __init__(self) -> None:
        self.figures: dict[str, Figures] = defaultdict(Figures)
        self.violations: list[str] = []

    def attempt(self, one: dict[str, Any], calls: Calls, may_change: Sequence[Path]) -> None:
        """Count one: ``one`` is what its process said of it."""
        figures = self.figures[one["kind"]]
        figures.attempts += 1
        figures.refused += one["code"] != 0
        figures.most_cpu_s = max(figures.most_cpu_s, one["cpu_s"])
        figures.most_wall_s = max(figures.most_wall_s, one["wall_s"])
        figures.most_grown_mib = max(figures.most_grown_mib, one["grown_mib"])
        outside = calls.outside(tuple(may_change))
        for harm, happened in HARMS.items():
            if happened(one, outside, calls):
                figures.harms[harm] += 1
                self.violations.append(
                    f"{one['kind']}: {one['name']}: {harm}: code {one['code']}, {one['cpu_s']:.1f} s of CPU, "
                    f"{one['grown_mib']:.0f} MiB, {calls.connections} {calls.programs} {outside[:4]} "
                    f"{one['said'][-1500:] if harm == 'tracebacks' else ''}"
                )


def folders_and_specs(words: Sequence[str]) -> Iterator[Attempt]:
    """Those of ``hostile_child``, with its options."""
    with tempfile.TemporaryDirectory(prefix="limner-hostile-") as name:
        places = Places(Path(name).resolve())
        (places.root / "tmp").mkdir()
        child = ["-m", "tests.faults.hostile_child", str(places.root), *words]
        yield from _child(child, ROOT, {**os.environ, **ALONE, "PYTHONPATH": str(ROOT)}, places.root, places.may_change)


def environments(number: int, only: Sequence[str] = ()) -> Iterator[Attempt]:
    """A calm one, then this many, each met by every command, or ``only`` by these.

    Commands that load models or start Prefect meet several environments at once, none of which sets what another sets.
    """
    names = [words[0] for words in commands() if not only or words[0] in only]
    light, heavy = [name for name in names if name not in (*HEAVY, *OWN)], [name for name in names if name in HEAVY]
    alone = [[name] for name in names if name in OWN]
    chosen = surroundings()[:number]
    with tempfile.TemporaryDirectory(prefix="limner-hostile-") as name, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(name).resolve()
        template = _template(folder / "template")
        calm = _meet(folder, template, 0, Surroundings("calm"), [*light, *heavy])
        most_s = max(one["cpu_s"] for one, _, _ in calm)
        groups = [(one, light) for one in chosen if light]
        groups += [(one, some) for one in together(chosen) for some in (heavy, *alone) if some]
        meet = [pool.submit(_meet, folder, template, count, *group) for count, group in enumerate(groups)]
        for found in itertools.chain([calm], (done.result() for done in as_completed(meet))):
            yield from (({**one, "calm_s": most_s}, calls, may_change) for one, calls, may_change in found)


def _meet(folder: Path, template: Path, count: int, one: Surroundings, names: Sequence[str]) -> list[Attempt]:
    """One environment, met by these commands."""
    root = folder / f"world-{count}"
    shutil.copytree(template, root, symlinks=True, ignore=shutil.ignore_patterns("models"))
    variables = surround(one, root)
    (root / "variables.json").write_text(json.dumps(variables))
    early = {name: value for name, value in variables.items() if not name.startswith("PYTHON") or name in EARLY}
    work = root / "work"
    may_change = [root / "tmp", root / "said", work / "library", *(work / name for name in WRITTEN)]
    plain = {**_plain(root), "LIMNER_CHECKPOINTS": str(template / "models" / "checkpoints.yaml")}
    words = [str(CHILD), str(root), str(count), *names]
    found = list(_child(words, work, {**plain, **early}, root, may_change, place=one.name))
    shutil.rmtree(root)
    return found


def _plain(root: Path) -> dict[str, str]:
    """The variables that every environment has."""
    return {
        "PATH": os.environ["PATH"], "HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "USER": "ada",
        "LIMNER_DEVICE": "cpu", "LIMNER_THREADS": "1", "LIMNER_BATCH_SIZE": "2", "LANG": "C.UTF-8", **ALONE,
    }  # fmt: skip


def _template(root: Path) -> Path:
    """A folder as each environment has it: a spec of two assets, of which a library has one already; models beside."""
    for name in ("work", "home", "tmp"):
        (root / name).mkdir(parents=True)
    for package in PACKAGES:  # else children of limner's write these files, which are Python's own
        compileall.compile_dir(ROOT / package, quiet=2)
    (root / "work" / "weights.bin").write_bytes(b"no weights")
    world = World(root / "work", build_models(root / "models"))
    for assets in (["sword"], ["sword", "potion"]):
        world.write(spec_of(assets, schedule={"every_s": 86400}))
        if assets == ["sword"]:
            done = world.run("produce", "spec.yaml")
            assert done.code == 0, done.err
    return root


def _child(
    words: Sequence[str], cwd: Path, environment: Mapping[str, str], root: Path, may_change: Sequence[Path],
    *, place: str = "",
) -> Iterator[Attempt]:  # fmt: skip
    """Run one process under strace: every attempt that it prints a line of; its own end is one too, where it failed."""
    log = root / "calls"
    done = subprocess.run(
        [*traced(log), sys.executable, "-P", "-B", *words], cwd=cwd, env=dict(environment), capture_output=True,
        text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    calls = read(log, cwd)
    kind = "calm environment" if place == "calm" else "environment"
    for line in done.stdout.splitlines():
        one = json.loads(line)
        yield {"kind": kind, **one, "name": f"{place}: {one['name']}"}, calls.get(one["mark"], Calls()), may_change
    if done.returncode:
        ended = {"kind": kind, "name": f"{place}: all", "code": UNCAUGHT, "said": done.stderr, "ran": False}
        yield {**ended, "cpu_s": 0.0, "wall_s": 0.0, "grown_mib": 0.0}, Calls(), may_change


def main() -> None:
    """Print the figures; exit 1 when anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=None, help="specs with their tables and pictures; all without it")
    parser.add_argument("--folders", type=int, default=300, help="of image checkpoints, and as many of scorers")
    parser.add_argument("--environments", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    judge, began = Judge(), time.monotonic()
    inputs = [] if options.inputs is None else ["--inputs", str(options.inputs)]
    words = [*inputs, "--folders", str(options.folders), "--seed", str(options.seed)]
    surrounded = environments(options.environments) if options.environments else ()
    for attempt in itertools.chain(folders_and_specs(words), surrounded):
        judge.attempt(*attempt)
    report(judge)
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if judge.violations else 0)


def report(judge: Judge) -> None:
    """One line a kind, and one a violation."""
    for kind, found in judge.figures.items():
        harms = ", ".join(f"{count} {harm}" for harm, count in found.harms.items())
        most = f"{found.most_cpu_s:.1f} s of CPU ({found.most_wall_s:.1f} s by the clock)"
        print(f"{kind}: {found.attempts} attempts, {found.refused} refused; {harms}; at most {most}, ", end="")
        print(f"{found.most_grown_mib:.0f} MiB more memory")
    print(f"{len(judge.violations)} violations", *judge.violations, sep="\n")


if __name__ == "__main__":
    main()
