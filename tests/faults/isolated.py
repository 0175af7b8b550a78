"""One call in a process of its own: a fork, so that what is imported is there; its time, memory and output."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from specs.errors import LimnerError

MOST_DATA_BYTES = 8 * 2**30  # so that an attempt that takes all there is ends itself and not the machine
UNCAUGHT = 70


@dataclass(frozen=True, slots=True)
class Ended:
    """``code``: as the command line's; negative, the signal; ``said``: both streams; ``grown_mib``: of its memory."""

    code: int
    said: str
    cpu_s: float
    wall_s: float
    grown_mib: float


def isolated(call: Callable[[], object], folder: Path, said: Path, timeout_s: float = 120) -> Ended:
    """Run a call in a fork, in ``folder``, its output to ``said``; a LimnerError is told as limner tells it."""
    sys.stdout.flush()
    sys.stderr.flush()
    began, before = time.monotonic(), _resident_mib()
    pid = os.fork()
    if pid == 0:
        _child(call, folder, said)
    status, usage = _wait(pid, began + timeout_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what it left running
    return Ended(
        code=os.waitstatus_to_exitcode(status),
        said=said.read_text(errors="replace"),
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=time.monotonic() - began,
        grown_mib=max(0.0, usage.ru_maxrss / 1024 - before),
    )


def _resident_mib() -> float:
    """What this process holds now: a fork begins with it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _child(call: Callable[[], object], folder: Path, said: Path) -> None:
    code = UNCAUGHT
    try:
        os.setsid()
        os.chdir(folder)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_DATA_BYTES, MOST_DATA_BYTES))
        call()
        code = 0
    except LimnerError as error:
        print(error, file=sys.stderr)
        code = error.exit_code
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(pid: int, until: float) -> tuple[int, resource.struct_rusage]:
    """Until it has ended; after ``until`` it is killed."""
    pause = 0.0005
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return status, usage
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            return status, usage
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
