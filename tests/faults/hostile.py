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
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from limner import PACKAGES
from tests.faults.hostile_child import Places
from tests.faults.hostile_commands import HEAVY, WRITTEN, commands
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


class Judge:
    """Counts by kind, and keeps what each violation was."""

    def __init__(self) -> None:
        self.figures: dict[str, Figures] = defaultdict(Figures)
        self.violations: list[str] = []
        self.calm_s = 0.0  # what the costliest command takes in a calm environment

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


def folders_and_specs(judge: Judge, words: Sequence[str]) -> None:
    """Those of ``hostile_child``, with its options."""
    with tempfile.TemporaryDirectory(prefix="limner-hostile-") as name:
        places = Places(Path(name).resolve())
        (places.root / "tmp").mkdir()
        child = ["-m", "tests.faults.hostile_child", str(places.root), *words]
        _judge_child(judge, child, ROOT, {**os.environ, **ALONE}, places.root, places.may_change)


def environments(judge: Judge, number: int, only: Sequence[str] = ()) -> None:
    """This many, each met by every command, or ``only`` by these.

    Commands that load models or start Prefect meet several environments at once, none of which sets what another sets.
    """
    names = only or [words[0] for words in commands()]
    heavy, light = [name for name in names if name in HEAVY], [name for name in names if name not in HEAVY]
    chosen = surroundings()[:number]
    with tempfile.TemporaryDirectory(prefix="limner-hostile-") as name:
        folder = Path(name).resolve()
        template = _template(folder / "template")
        judge.calm_s = _meet(judge, folder, template, 0, Surroundings("calm"), names)
        for count, one in enumerate(chosen):
            _meet(judge, folder, template, count, one, light)
        for count, one in enumerate(together(chosen) if heavy else []):
            _meet(judge, folder, template, count, one, heavy)


def _meet(judge: Judge, folder: Path, template: Path, count: int, one: Surroundings, names: Sequence[str]) -> float:
    """One environment, met by these commands; the CPU seconds of the costliest."""
    root = folder / "world"
    shutil.copytree(template, root, symlinks=True)
    variables = surround(one, root)
    (root / "variables.json").write_text(json.dumps(variables))
    early = {name: value for name, value in variables.items() if not name.startswith("PYTHON") or name in EARLY}
    work = root / "work"
    may_change = [root / "tmp", root / "said", work / "library", *(work / name for name in WRITTEN)]
    plain = {**_plain(root), "LIMNER_CHECKPOINTS": str(template / "models" / "checkpoints.yaml")}
    words = [str(CHILD), str(root), str(count), *names]
    kind = "environment" if one.name != "calm" else "calm environment"
    most = _judge_child(judge, words, work, {**plain, **early}, root, may_change, kind=kind, place=one.name)
    shutil.rmtree(root)
    return most


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


def _judge_child(
    judge: Judge, words: Sequence[str], cwd: Path, environment: Mapping[str, str], root: Path,
    may_change: Sequence[Path], *, kind: str = "", place: str = "",
) -> float:  # fmt: skip
    """Run one process under strace; judge every attempt that it prints a line of, and that it came to its end.

    Returns the CPU seconds of the costliest.
    """
    log = root / "calls"
    done = subprocess.run(
        [*traced(log), sys.executable, "-P", "-B", *words], cwd=cwd, env=dict(environment), capture_output=True,
        text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        judge.violations.append(f"{kind} {place}: ended with {done.returncode}: {done.stderr[-2000:]}")
    calls, most = read(log, cwd), 0.0
    for line in done.stdout.splitlines():
        one = json.loads(line)
        one = {
            "kind": kind,
            "calm_s": judge.calm_s if kind == "environment" else 0.0,
            **one,
            "name": f"{place}: {one['name']}" if place else one["name"],
        }
        judge.attempt(one, calls.get(one["mark"], Calls()), may_change)
        most = max(most, one["cpu_s"])
    return most


def main() -> None:
    """Print the figures; exit 1 when anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=None, help="specs with their tables and pictures; all without it")
    parser.add_argument("--folders", type=int, default=300, help="of image checkpoints, and as many of scorers")
    parser.add_argument("--environments", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    judge = Judge()
    inputs = [] if options.inputs is None else ["--inputs", str(options.inputs)]
    folders_and_specs(judge, [*inputs, "--folders", str(options.folders), "--seed", str(options.seed)])
    if options.environments:
        environments(judge, options.environments)
    report(judge)


def report(judge: Judge) -> None:
    """One line a kind, and one a violation."""
    for kind, found in judge.figures.items():
        harms = ", ".join(f"{count} {harm}" for harm, count in found.harms.items())
        most = f"{found.most_cpu_s:.1f} s of CPU ({found.most_wall_s:.1f} s by the clock)"
        print(f"{kind}: {found.attempts} attempts, {found.refused} refused; {harms}; at most {most}, ", end="")
        print(f"{found.most_grown_mib:.0f} MiB more memory")
    print(f"{len(judge.violations)} violations", *judge.violations, sep="\n")
    sys.exit(1 if judge.violations else 0)


if __name__ == "__main__":
    main()
