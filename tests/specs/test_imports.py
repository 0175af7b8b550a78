"""Importing specs does nothing: no torch, no file read, nothing printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
opened = []
def hook(event, args):
    if event == "open" and isinstance(args[0], str) and not args[0].endswith((".py", ".pyc", ".so")):
        opened.append(args[0])
    if event in ("socket.connect", "subprocess.Popen"):
        opened.append(event.replace(".", " "))
import pydantic, pydantic_core, yaml, zoneinfo, csv, zipfile, yaml._yaml
import pydantic.json_schema, pydantic._internal._generate_schema
sys.addaudithook(hook)
import pkgutil, specs
for module in pkgutil.iter_modules(specs.__path__):
    __import__(f"specs.{module.name}")
print([path for path in opened if path.endswith((".yaml", ".json", ".csv")) or "specs" in path or "." not in path])
heavy = [name for name in ("torch", "numpy", "diffusers", "openpyxl", "sqlalchemy", "prefect") if name in sys.modules]
print(heavy)
"""


def test_importing_every_module_reads_no_file_and_imports_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (run.stderr, run.stdout) == ("", "[]\n[]\n")


def test_the_folder_keeps_its_promised_shape() -> None:
    for path in sorted((ROOT / "specs").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith('"""'), f"{path.name} says first what it is for"
        assert len(text.splitlines()) <= 400, path.name
