"""Hold the layout: no circle of imports, no crowded folder, no long file, no two public classes of one name.

    python tools/check_layout.py

Imports for type checking, and those within functions, count like all others. Files are read as syntax trees; nothing
is imported.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("specs", "generator", "scoring", "catalog", "flows")
MOST_FILES = 14  # of a folder, __init__.py not counted; with more it is two folders
MOST_LINES = 400
LONG = {"catalog/database/schema.py": "the tables, all in one place"}


def main() -> int:
    """Print what is amiss, one line each; exit code 1 when there is something."""
    files = {str(path.relative_to(ROOT)): path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))}
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    trees = {name: ast.parse(text, name) for name, text in texts.items()}
    found = [*crowded(trees), *long(texts), *circles(trees), *same_names(trees)]
    print("\n".join(found) or f"{len(files)} files: no circle, no crowded folder, no long file, no name twice")
    return 1 if found else 0


def crowded(files: Mapping[str, object]) -> Iterator[str]:
    """Folders of too many files."""
    counts = Counter(str(Path(name).parent) for name in files if not name.endswith("__init__.py"))
    for folder, count in counts.items():
        if count > MOST_FILES and Path(folder).name != "versions":
            yield f"{folder}: {count} files; allowed: {MOST_FILES}. Make two folders of it"


def long(texts: Mapping[str, str]) -> Iterator[str]:
    """Files of too many lines."""
    for name, text in texts.items():
        lines = text.count("\n")
        if lines > MOST_LINES and name not in LONG:
            yield f"{name}: {lines} lines; allowed: {MOST_LINES}. Make two files of it, each about one thing"


def circles(trees: Mapping[str, ast.AST]) -> Iterator[str]:
    """The first circle of files that import each other."""
    modules = {_module(name): tree for name, tree in trees.items()}
    graph = {module: set(_imports(tree, modules)) - {module} for module, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"circle of imports: {' ← '.join(error.args[1])}. Put what both need into a file of its own"


def same_names(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """Public classes that share their name."""
    homes = defaultdict(list)
    for name, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(f"{name}:{node.lineno}")
    for name, places in sorted(homes.items()):
        if len(places) > 1:
            yield f"class {name}: {', '.join(places)}; allowed: one class a name. Name each by what it is"


def _module(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _imports(tree: ast.AST, modules: Mapping[str, object]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            below = {f"{node.module}.{alias.name}" for alias in node.names} & modules.keys()
            yield from below or (node.module,)


if __name__ == "__main__":
    sys.exit(main())
