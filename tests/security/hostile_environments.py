"""60 hostile environments by name: variables, dot files, working folders, git configurations.

Each is a ``Surroundings``: variables, and files below a folder that holds ``work`` (the working folder, with a spec and
a library), ``home`` and ``trap`` (programs and modules that write the canary). ``{trap}`` is the program, ``{root}``
that folder. Variables that act on Python before limner starts belong to whoever controls the shell; they are set when
Python runs, so that what limner starts, and libraries that read them, would obey them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.security.hostile_repositories import REPOSITORIES
from tests.security.hostile_variables import LIBRARIES, PEOPLE, PREFECT, PROGRAMS, PYTHON
from tests.security.traps import LOGGING, OTHERS, OWN

CODE = "open({canary!r}, 'a').write(__file__ + chr(10))\n"
SHELL = "#!/bin/sh\necho $0 >> {canary}\n"
NAMES = """
git sh bash gs less more vi cc gcc g++ clang ld ldconfig nvcc nvidia-smi rocminfo uname hostname lscpu sysctl file which
id whoami stty tput xdg-open www-browser firefox open curl wget ssh pip python python3 uv node ffmpeg convert
"""
STANDARD = ("json", "typing", "random", "secrets", "re", "os", "site", "logging", "sqlite3", "hashlib", "numpy", "PIL")
Make = Callable[[Path, "Traps"], object]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``files``: path below the root → text, which may name ``{trap}`` and ``{root}``, or what makes it."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str | Make] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traps:
    """Programs and modules below ``root/trap`` that write ``root/canary``."""

    root: Path

    @property
    def canary(self) -> Path:
        return self.root / "canary"

    @property
    def program(self) -> Path:
        return self.root / "trap" / "program"

    def fill(self, text: str) -> str:
        """``text`` with its places named."""
        for name, place in {"{trap}": self.program, "{root}": self.root, "{canary}": self.canary}.items():
            text = text.replace(name, str(place))
        return text

    def script(self, path: Path) -> None:
        """A program that writes the canary."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SHELL.format(canary=self.canary))
        path.chmod(0o755)

    def module(self, path: Path) -> None:
        """A module that does."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE.format(canary=str(self.canary)))

    def package(self, path: Path) -> None:
        """A package of it, and modules that are started by name."""
        for name in ("__init__", "__main__", "tasks", "prefect_server", "flow", "engine", "cli", "unpickle"):
            self.module(path / f"{name}.py")


def surround(one: Surroundings, root: Path) -> dict[str, str]:
    """Make the files below ``root``, and the variables."""
    traps = Traps(root)
    traps.script(traps.program)
    for name in (*STANDARD, "trap", "sitecustomize", "usercustomize"):
        traps.module(root / "trap" / f"{name}.py")
    for path, content in one.files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            place.write_text(traps.fill(content))
        else:
            content(place, traps)
    return {name: traps.fill(value) for name, value in one.variables.items()}


def _packages(names: tuple[str, ...]) -> Make:
    return lambda folder, traps: [traps.package(folder / name) for name in names] and None


def _modules(folder: Path, traps: Traps) -> None:
    for name in STANDARD:
        traps.module(folder / f"{name}.py")


def _programs(folder: Path, traps: Traps) -> None:
    for name in NAMES.split():
        traps.script(folder / name)


def _module(path: Path, traps: Traps) -> None:
    traps.module(path)


def _logging(path: Path, traps: Traps) -> None:
    path.write_text(LOGGING.format(canary=str(traps.canary)))


def _fifo(path: Path, _: Traps) -> None:
    os.mkfifo(path)


SITE = "home/.local/lib/python3.11/site-packages"
FSMONITOR = "[core]\n\tfsmonitor = {trap}\n\tpager = {trap}\n\thooksPath = {root}/trap\n[alias]\n\tstatus = !{trap}\n"
HOMES: Mapping[str, Mapping[str, str | Make]] = {
    "git's": {"home/.gitconfig": FSMONITOR, "home/.config/git/config": FSMONITOR},
    "Python's": {f"{SITE}/usercustomize.py": _module, f"{SITE}/x.pth": "import trap\n", "home/.pythonrc.py": _module,
                 "home/.pdbrc": "import trap\n"},
    "Prefect's": {"home/.prefect/profiles.toml": 'active = "x"\n[profiles.x]\nPREFECT_HOME = "{root}/stolen"\n',
                  "home/.prefect/.env": "PREFECT_HOME={root}/stolen\n"},
    "the hub's": {"home/.cache/huggingface/token": "hf_x", "home/.cache/huggingface/modules/trap.py": _module,
                  "home/.cache/huggingface/hub/models--a--b/refs/main": "../../.."},
    "libraries'": {"home/.config/matplotlib/matplotlibrc": "backend: module://trap\n", "home/.netrc": _fifo,
                   "home/.config/pip/pip.conf": "[global]\nindex-url = http://192.0.2.1\n", "home/.curlrc": "url=x\n"},
    "pipes": {"home/.env": _fifo, "home/.gitconfig": _fifo, "home/.prefect": _fifo, "home/.cache": _fifo},
}  # fmt: skip
ENV = "".join(f"{name}={value}\n" for table in PREFECT.values() for name, value in table.items())
WORK: Mapping[str, Mapping[str, str | Make]] = {
    "limner's own names": {"work": _packages(OWN)},
    "libraries' names": {"work": _packages(OTHERS)},
    "the standard library's names": {"work": _modules},
    "programs": {"work": _programs},
    ".env": {"work/.env": ENV, "work/logging.yml": _logging},
    "Prefect's files": {"work/prefect.toml": 'home = "{root}/stolen"\n[logging]\nconfig_path = "{root}/work/l.yml"\n',
                        "work/prefect.yaml": "build: [{run: {trap}}]\n", "work/.prefectignore": _fifo},
    "a project's files": {"work/pyproject.toml": '[tool.prefect]\nhome = "{root}/stolen"\n', "work/setup.cfg": "[x]\n",
                          "work/alembic.ini": "[alembic]\nscript_location = {root}/trap\n",
                          "work/conftest.py": _module},
    "broken files": {"work/.env": "\0\xff", "work/prefect.toml": "[" * 9000, "work/pyproject.toml": "\0"},
    "pipes": {"work/.env": _fifo, "work/prefect.toml": _fifo, "work/pyproject.toml": _fifo,
              "work/checkpoints.yaml": _fifo},
    "a site": {"work/x.pth": "import trap\n", "work/pyvenv.cfg": "home = {root}/trap\n", "work/python._pth": "trap\n"},
}  # fmt: skip


def surroundings() -> list[Surroundings]:
    """All of them, the calm one left out."""
    return list(_each())


def _each() -> Iterator[Surroundings]:
    tables = {"Python": PYTHON, "Prefect": PREFECT, "libraries": LIBRARIES, "programs": PROGRAMS, "people": PEOPLE}
    for kind, table in tables.items():
        files = WORK[".env"] if table is PREFECT else {}
        yield from (Surroundings(f"variables: {kind}: {name}", value, files) for name, value in table.items())
    for kind, places in (("home", HOMES), ("working folder", WORK), ("repository", REPOSITORIES)):
        yield from (Surroundings(f"{kind}: {name}", {}, value) for name, value in places.items())
    yield Surroundings("programs on the path", {"PATH": "{root}/path:" + os.environ["PATH"]}, {"path": _programs})


def together(every: Sequence[Surroundings]) -> list[Surroundings]:
    """The same in as few as can be, each of several none of which sets what another does; limner's own alone."""
    found: list[list[Surroundings]] = []
    for one in every:
        alone = any(name.startswith("LIMNER_") for name in one.variables)
        group = None if alone else next((group for group in found if _fits(one, group)), None)
        if group is None:
            found.append(group := [])
        group.append(one)
    return [
        Surroundings(
            " + ".join(one.name for one in group),
            {name: value for one in group for name, value in one.variables.items()},
            {path: content for one in group for path, content in one.files.items()},
        )
        for group in found
    ]


def _fits(one: Surroundings, group: Sequence[Surroundings]) -> bool:
    return not any(_sets(one) & _sets(other) or "LIMNER_" in "".join(other.variables) for other in group)


def _sets(one: Surroundings) -> set[str]:
    """Variables, and places two folders down; what lies at home needs a home."""
    places = {"/".join(path.split("/")[:2]) for path in one.files}
    return {*one.variables, *places, *({"HOME"} if any(place.startswith("home") for place in places) else ())}
