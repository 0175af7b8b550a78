"""Processes of ``limner WORDS`` that need not import torch and its kin: forked from one that has, ``-m tests.forked``.

That one has not imported Prefect, which reads its settings when it is imported. What it forks has an environment, a
folder, an output and an exit of its own; only ``/proc/PID/environ`` stays the first one's.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO, Any

from tests.world import ROOT, World

LONGEST = 2**20  # bytes of what is told: words, folder, environment


@dataclass
class Forked:
    """A process as ``subprocess`` has them; ``report`` gives its id, and its exit code once it has ended."""

    pid: int
    report: IO[bytes]
    out: IO[str]
    err: IO[str]
    returncode: int | None = None

    def poll(self, within_s: float = 0.0) -> int | None:
        """The exit code (negative: the signal that killed it), or None where it runs on after that time."""
        if self.returncode is None and select.select([self.report], [], [], within_s)[0]:
            self.returncode = int(self.report.readline())
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to it."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it as ``kill -9`` does."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it wrote, once it has ended."""
        assert self.poll(timeout) is not None, f"process {self.pid} has not ended after {timeout:g} s"
        with self.report, self.out, self.err:
            self.out.seek(0)
            self.err.seek(0)
            return self.out.read(), self.err.read()


class Forking:
    """The process that forks; it leaves when ``close`` is called, or this process ends."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([sys.executable, "-m", "tests.forked"], cwd=ROOT, stdin=theirs)
        theirs.close()

    def start(self, world: World, *words: str, **environment: str) -> Forked:
        """``limner WORDS`` in a process of its own."""
        out, err = (os.fdopen(os.memfd_create(name), "w+", encoding="utf-8") for name in ("out", "err"))
        ours, theirs = os.pipe()
        told = {"words": words, "folder": str(world.folder), "environment": {**world.environment(), **environment}}
        socket.send_fds(self.control, [json.dumps(told).encode()], [out.fileno(), err.fileno(), theirs])
        os.close(theirs)
        report = os.fdopen(ours, "rb", buffering=0)
        return Forked(int(report.readline()), report, out, err)

    def close(self) -> None:
        """End it."""
        self.control.close()
        self.process.wait()


def warm_up() -> None:
    """Import what a run imports but for Prefect, without starting a thread: what is forked inherits it."""
    import diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion
    import open_clip
    import torch
    import transformers

    import generator.sampling.diffusion
    import generator.weights.loading
    import scoring.scorers

    assert all((diffusers, open_clip, torch, transformers, generator, scoring))
    torch.set_num_threads(1)


def forked(control: socket.socket) -> list[str]:
    """Fork as ``control`` tells and report who has ended, until it is closed; in a forked process, return its words."""
    reports: dict[int, int] = {}
    ended, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([control, ended], [], [])[0]
        if ended in ready:
            os.read(ended, 4096)
            while reports and (found := os.waitpid(-1, os.WNOHANG))[0]:
                report = reports.pop(found[0])
                os.write(report, b"%d\n" % os.waitstatus_to_exitcode(found[1]))
                os.close(report)
        if control not in ready:
            continue
        said, descriptors, _, _ = socket.recv_fds(control, LONGEST, 3)
        if not said:
            sys.exit()
        out, err, report = descriptors
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            others = [control.detach(), ended, tell, report, *reports.values()]
            return become(json.loads(said), out, err, others)
        reports[pid] = report
        os.write(report, b"%d\n" % pid)
        os.close(out)
        os.close(err)


def become(told: dict[str, Any], out: int, err: int, others: list[int]) -> list[str]:
    """Take on the environment, the folder and the output that a process was told; its words."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, out, err)):
        os.dup2(descriptor, number)
    for descriptor in (nothing, out, err, *others):
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["folder"])
    tempfile.tempdir = None  # found anew by the environment
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return ["limner", *told["words"]]


if __name__ == "__main__":
    from limner import own_packages_first
    from specs.boundary.children import configure_libraries

    own_packages_first()
    configure_libraries()
    warm_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then close the socket
    sys.argv = forked(socket.socket(fileno=os.dup(0)))
    from limner.__main__ import main

    main()
