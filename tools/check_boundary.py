"""Hold the trust boundary: two files alone open what limner was handed, start programs, and set libraries up.

    python tools/check_boundary.py

Every use of a name in GUARDED outside of ALLOWED is an error: by import, by attribute, by call, under whatever name it
was imported. So is a line of ALLOWED that allows nothing any more. The whole file is read as a syntax tree; nothing is
imported. What the tree cannot show (a name put together from parts) is no accident, and left to review.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("specs", "generator", "scoring", "catalog", "flows", "limner")
BOUNDARY = ("specs/boundary/files.py", "specs/boundary/children.py")

MODULES = {  # importing one of them, or a module below, is a use of it
    "subprocess": "children",
    "multiprocessing": "children",
    "pty": "children",
    "concurrent.futures.ProcessPoolExecutor": "children",
    "asyncio.create_subprocess_exec": "children",
    "asyncio.create_subprocess_shell": "children",
    "runpy": "code",
    "code": "code",
    "pickle": "pickles",
    "cPickle": "pickles",
    "dill": "pickles",
    "cloudpickle": "pickles",
    "joblib": "pickles",
    "shelve": "pickles",
    "marshal": "pickles",
    "urllib.request": "network",
    "http.client": "network",
    "ftplib": "network",
    "smtplib": "network",
    "requests": "network",
    "aiohttp": "network",
    "httpx": "network",
    "webbrowser": "browser",
    "huggingface_hub": "hub",
    "dotenv": "settings files",
    "tomllib": "settings files",
    "configparser": "settings files",
    "xml.etree": "XML",
    "xml.dom": "XML",
    "xml.parsers": "XML",
    "xml.sax.make_parser": "XML",
    "logging.config": "settings files",
    "torch.serialization": "pickles",
}
ATTRIBUTES = {  # module, and what of it is a use
    "os": "system popen fork forkpty posix_spawn posix_spawnp startfile execl execle execlp execlpe execv execve "
          "execvp execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe",
    "PIL.Image": "open",
    "torch": "load hub",
    "torch.jit": "load",
    "numpy": "load fromfile",
    "yaml": "load load_all safe_load safe_load_all full_load full_load_all unsafe_load unsafe_load_all parse scan "
            "compose compose_all Loader FullLoader UnsafeLoader CLoader CFullLoader CUnsafeLoader",
    "importlib": "import_module reload",
    "importlib.util": "spec_from_file_location module_from_spec",
    "socket": "create_connection",
}  # fmt: skip
METHODS = {  # whatever they are called on
    "from_pretrained": "libraries' loaders",
    "from_single_file": "libraries' loaders",
    "from_config": "libraries' loaders",
    "hf_hub_download": "hub",
    "snapshot_download": "hub",
    "create_model_and_transforms": "libraries' loaders",
    "create_model_from_pretrained": "libraries' loaders",
    "load_state_dict_from_url": "network",
    "load_plugin": "code",
}
BUILTINS = ("eval", "exec", "compile", "__import__", "breakpoint", "input")

ALLOWED = {  # file, name → why
    # started by children.run_python, in a process of its own
    ("generator/weights/unpickle.py", "torch.load"): "weights_only=True",
    ("generator/weights/pinning.py", "huggingface_hub"): "fetches pinned revisions, with --online alone",
    # a fixed address on loopback, or installed code
    ("flows/cli/app.py", "importlib.import_module"): "limner's own commands, from the table of them",
    (
        "flows/cli/commands/choosing/review.py",
        "webbrowser",
    ): "the browser of the user's choice, at the page's own address",
    ("flows/cli/commands/making/produce.py", "httpx"): "names the errors of Prefect's own client",
    ("flows/orchestration/artifacts.py", "PIL.Image.open"): "the contact sheet that limner has just drawn",
    # files of limner's own making, checked by their hash
    ("flows/pipeline/contact_sheet.py", "PIL.Image.open"): "pictures of the library",
    ("generator/pictures/png.py", "PIL.Image.open"): "pictures of the library, as PNG alone",
    ("catalog/review/views/thumbs.py", "PIL.Image.open"): "pictures of the library",
}


FLAGS = {"allow_pickle": False, "trust_remote_code": False, "shell": False, "weights_only": True}  # the only safe value


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a guarded name."""

    file: str
    line: int
    name: str


def main() -> int:
    """Print every use that is not allowed as ``file:line: name``; exit code 1 when there is one."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    uses = [use for path in paths for use in check(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))]
    wrong = [use for use in uses if use.file not in BOUNDARY and (use.file, use.name) not in ALLOWED]
    for use in wrong:
        print(
            f"{use.file}:{use.line}: {use.name}: use {' or '.join(BOUNDARY)}, or name the file in {Path(__file__).name}"
        )
    stale = sorted(set(ALLOWED) - {(use.file, use.name) for use in uses})
    for file, name in stale:
        print(f"{Path(__file__).name}: ALLOWED names {name} in {file}, which does not use it: remove the line")
    return 1 if wrong or stale else 0


def check(text: str, file: str) -> list[Use]:
    """Every use of a guarded name in a file's text."""
    tree = ast.parse(text, file)
    known = dict(_imported(tree))
    found = {Use(file, line, name) for node in ast.walk(tree) for line, name in _uses(node, known)}
    return sorted(found, key=lambda use: (use.line, use.name))


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Local name → the dotted name that it stands for, wherever in the file it is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _uses(node: ast.AST, known: dict[str, str]) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        yield from ((node.lineno, name) for alias in node.names for name in _guarded(alias.name))
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from ((node.lineno, name) for alias in node.names for name in _guarded(f"{node.module}.{alias.name}"))
    elif isinstance(node, ast.Attribute):
        yield from ((node.lineno, name) for name in _guarded(_dotted(node, known)))
        if node.attr in METHODS:
            yield node.lineno, node.attr
    elif isinstance(node, ast.Name) and node.id in BUILTINS and node.id not in known:
        yield node.lineno, node.id
    elif isinstance(node, ast.Call):
        yield from ((node.lineno, name) for name in _called(node, known))


def _called(node: ast.Call, known: dict[str, str]) -> Iterator[str]:
    for keyword in node.keywords:
        if keyword.arg in FLAGS and getattr(keyword.value, "value", None) is not FLAGS[keyword.arg]:
            yield f"{keyword.arg}="
    if isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) > 1:
        name = node.args[1]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield from _guarded(f"{_dotted(node.args[0], known)}.{name.value}")


def _dotted(node: ast.AST, known: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return known.get(node.id, "?")  # a variable of the file's own, whatever its name
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, known)}.{node.attr}"
    return "?"


def _guarded(dotted: str) -> Iterator[str]:
    """The guarded name that a dotted name is, or lies below."""
    parts = dotted.split(".")
    for end in range(1, len(parts) + 1):
        if ".".join(parts[:end]) in MODULES:
            yield ".".join(parts[:end])
            return
    owner, _, name = dotted.rpartition(".")
    if name in ATTRIBUTES.get(owner, "").split():
        yield dotted


if __name__ == "__main__":
    sys.exit(main())
