"""Every command of the command line, one after the other in one process, in an environment; one JSON line a command.

    python -P hostile_commands.py FOLDER FIRST COMMAND…

``hostile.py`` starts it under strace, in the working folder below FOLDER. The variables of FOLDER's ``variables.json``
are set again before each command, as a user's shell has them: limner forgets what it does not keep. The commands are
those of the app itself, so a new one joins by being there; FIRST is the number of the one that the fresh process meets.
``serve`` and ``review``, which never end, are interrupted once they have said where they are.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

# What stands for each argument, by how the help names it.
ARGUMENTS: dict[str, list[str]] = {
    "SPEC": ["spec.yaml"], "SPEC…": ["spec.yaml"], "ID": ["tiny-set/sword#0"], "SET": ["tiny-set"],
    "[SET]": ["tiny-set"], "[SET…]": ["tiny-set"], "[NAME]": [], "TAG…": ["seen"], "TEXT": ["a note"],
    "DIR": ["copy"], "FILE": ["weights.bin"],
}  # fmt: skip
OPTIONS: dict[str, list[str]] = {"reject": ["--why", "off_style"], "review": ["--no-open"], "rescore": ["--decode"]}
HEAVY = ("produce", "reproduce", "rescore", "convert", "doctor")  # they load torch or start Prefect
OWN = ("serve",)  # of Prefect a process has but one server: these have a process of their own, and load as much
ENDLESS = {"review": "Ctrl-C ends it", "serve": "every "}  # what they say when they have begun
WRITTEN = ("copy", "weights")  # below the working folder: what the commands are told to write


def commands() -> list[list[str]]:
    """The words of each command."""
    from flows.cli.app import load_command
    from flows.cli.commands import COMMANDS

    return [[name, *_arguments(load_command(name)), *OPTIONS.get(name, [])] for name in COMMANDS]


def _arguments(command: Any) -> list[str]:
    words = []
    for one in command.params:
        if one.param_type_name == "argument":
            if one.metavar not in ARGUMENTS:
                raise LookupError(f"{command.name}: {one.metavar}: say in ARGUMENTS what stands for it")
            words += ARGUMENTS[one.metavar]
    return words


def meet(words: list[str], said: Path) -> int:
    """Run one; its output goes to ``said``. The exit code, 70 where an exception came out."""
    from limner.__main__ import main

    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.argv = ["limner", *words]
    over = threading.Event()
    if words[0] in ENDLESS:
        threading.Thread(target=_interrupt, args=(ENDLESS[words[0]], said, over), daemon=True).start()
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 70
    finally:
        over.set()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _interrupt(begun: str, said: Path, over: threading.Event) -> None:
    until = time.monotonic() + 120
    while begun not in said.read_text(errors="replace") and time.monotonic() < until:
        if over.wait(0.1):
            return
    if not over.wait(1.5):
        os.kill(os.getpid(), signal.SIGINT)


def _cpu_s() -> float:
    return sum(os.times()[:4])


def main() -> None:
    """Those named on the command line."""
    root, first, only = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    sys.path.insert(0, str(Path(__file__).parents[2]))
    out = os.fdopen(os.dup(1), "w")
    variables = json.loads((root / "variables.json").read_text())
    os.environ.pop("PYTHONPATH", None)
    from tests.security.calls import mark

    every = [words for words in commands() if words[0] in only]
    first %= len(every)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for words in [*every[first:], *every[:first]]:
        os.environ |= variables
        mark(words[0])
        began, cpu_s = time.monotonic(), _cpu_s()
        code = meet(words, root / "said")
        mark("")
        value = {
            "mark": words[0],
            "name": " ".join(words),
            "code": code,
            "said": (root / "said").read_text(errors="replace")[-20_000:],
            "cpu_s": _cpu_s() - cpu_s,
            "wall_s": time.monotonic() - began,
            "grown_mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            "ran": (root / "canary").exists(),
        }
        print(json.dumps(value), file=out, flush=True)


if __name__ == "__main__":
    main()
