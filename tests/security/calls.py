"""What the processes of an attempt did, read off their system calls: connections, files changed, programs started.

``traced`` is the beginning of a command line; ``read`` gives what its log says. A process that makes many attempts one
after the other says where one begins by ``mark``, a call that fails and leaves its name in the log.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CONNECTING = "connect,sendto,sendmsg,sendmmsg"
STARTING = "execve,execveat"
CHANGING = (
    "creat,open,openat,openat2,mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,"
    "symlinkat,truncate,chmod,fchmodat,chown,lchown,fchownat,mknod,mknodat,setxattr,utimensat"
)
ADDRESS = re.compile(r"""sa_family=(AF_INET6?),.*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"\)""")
CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|\?)(?:<(.*?)>)?")
PLACE = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
PLAIN_PROGRAMS = (
    Path(sys.executable).resolve(),
    Path("/sbin/ldconfig").resolve(),
)  # CUDA's package asks it
MARK = "/limner-attempt/"
HARMLESS = ("/dev/null", "/dev/tty", "/proc/", "/dev/shm/sem.")  # what is written there stays nowhere; semaphores


@dataclass
class Calls:
    """Addresses beyond loopback, paths that were changed, programs started other than PLAIN_PROGRAMS."""

    connections: list[str] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)

    def outside(self, folders: tuple[Path, ...]) -> list[str]:
        """What was changed outside of these folders, each once."""
        return sorted(
            {str(path) for path in self.changed if not any(path.is_relative_to(folder) for folder in folders)}
        )


def traced(log: Path) -> list[str]:
    """The beginning of a command line whose calls, and those of its children, go to ``log``."""
    calls = f"trace={CONNECTING},{STARTING},{CHANGING}"
    return ["strace", "-f", "--seccomp-bpf", "-y", "-qq", "-e", "signal=none", "-e", calls, "-o", str(log)]


def mark(name: str) -> None:
    """Say in the log that an attempt begins here."""
    try:
        os.unlink(f"{MARK}{name}")  # noqa: PTH108 (one call, whatever pathlib may do)
    except FileNotFoundError:
        return


def read(log: Path, folder: Path) -> dict[str, Calls]:
    """The calls of each attempt by its mark; before the first one ``""``. Relative names are taken from ``folder``."""
    found, now = {"": Calls()}, ""
    for line in _whole_lines(log):
        if (call := CALL.search(line)) is None:
            continue
        name, words, answer, opened = call.groups()
        if name == "unlink" and MARK in words:
            now = words.strip('"').removeprefix(MARK)
            found.setdefault(now, Calls())
        elif name in CONNECTING.split(","):
            address = ADDRESS.search(words)
            if address and not (address[2].startswith("127.") or address[2] == "::1"):
                found[now].connections.append(address[2])
        elif not answer.startswith("-"):
            _note(found[now], name, words, opened, folder)
    return found


def _note(calls: Calls, name: str, words: str, opened: str | None, folder: Path) -> None:
    """One successful call that starts a program or changes a file."""
    places = [Path(base or folder) / path for base, path in PLACE.findall(words)]
    if name in STARTING.split(","):
        if places and places[0].resolve() not in PLAIN_PROGRAMS:
            calls.programs.append(str(places[0]))
        return
    if name in ("open", "openat", "openat2"):
        if not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)", words):
            return
        places = [Path(opened)] if opened else places
    for place in places:
        path = Path(os.path.normpath(place))
        if not str(path).startswith(HARMLESS):
            calls.changed.append(path)


def _whole_lines(log: Path) -> Iterator[str]:
    """Lines of the log, those joined that another thread's call came between."""
    begun: dict[str, str] = {}
    with log.open(errors="replace") as lines:
        for line in lines:
            pid, _, rest = line.rstrip("\n").partition(" ")
            if rest.endswith("<unfinished ...>"):
                begun[pid] = rest.removesuffix("<unfinished ...>")
            elif "resumed>" in rest and rest.lstrip().startswith("<..."):
                yield begun.pop(pid, "") + rest.partition("resumed>")[2]
            else:
                yield rest
