"""Promise: two files alone open what limner was handed and start programs; `make lint` finds every other call."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from specs.boundary.children import (
    ALWAYS,
    KEPT_PREFIXES,
    KEPT_VARIABLES,
    child_environment,
    kept_variables,
    run_python,
    start_python,
)
from tests.world import ROOT
from tools.check_boundary import ALLOWED, BOUNDARY, check

PLANTED = {
    "import subprocess": "subprocess",
    "from subprocess import run as go": "subprocess",
    "def f():\n    import subprocess as s\n    s.run(['x'])": "subprocess",
    "import os\nos.system('x')": "os.system",
    "from os import execv as go": "os.execv",
    "import os as o\no.spawnl(0, 'x')": "os.spawnl",
    "import os\ngo = os.popen": "os.popen",
    "import os\ngetattr(os, 'system')('x')": "os.system",
    "import multiprocessing": "multiprocessing",
    "import multiprocessing.pool": "multiprocessing",
    "from concurrent.futures import ProcessPoolExecutor": "concurrent.futures.ProcessPoolExecutor",
    "import asyncio\nasyncio.create_subprocess_exec('x')": "asyncio.create_subprocess_exec",
    "import pickle": "pickle",
    "from cloudpickle import loads": "cloudpickle",
    "from PIL import Image\nImage.open('x')": "PIL.Image.open",
    "from PIL import Image as Picture\nPicture.open('x')": "PIL.Image.open",
    "import PIL.Image\nPIL.Image.open('x')": "PIL.Image.open",
    "from PIL.Image import open as look": "PIL.Image.open",
    "import torch\ntorch.load('x')": "torch.load",
    "import torch as t\nt.hub.load('x')": "torch.hub",
    "from torch import load": "torch.load",
    "import torch\ntorch.load('x', weights_only=False)": "weights_only=",
    "import numpy as np\nnp.load('x')": "numpy.load",
    "import numpy as np\nf(allow_pickle=True)": "allow_pickle=",
    "model.from_pretrained('x')": "from_pretrained",
    "Pipeline.from_single_file('x')": "from_single_file",
    "f('x', trust_remote_code=flag)": "trust_remote_code=",
    "import yaml\nyaml.load('x', Loader=yaml.Loader)": "yaml.load",
    "import yaml as y\ny.safe_load('x')": "yaml.safe_load",
    "from yaml import unsafe_load": "yaml.unsafe_load",
    "import urllib.request": "urllib.request",
    "from urllib import request": "urllib.request",
    "import urllib.parse, urllib.request as u": "urllib.request",
    "from http.client import HTTPConnection": "http.client",
    "import httpx": "httpx",
    "import webbrowser": "webbrowser",
    "eval('1')": "eval",
    "def f():\n    exec('x')": "exec",
    "run = eval": "eval",
    "__import__('x')": "__import__",
    "import importlib\nimportlib.import_module('x')": "importlib.import_module",
    "import tomllib": "tomllib",
    "import runpy": "runpy",
    "import xml.etree.ElementTree as ET": "xml.etree",
    "f(shell=True)": "shell=",
}
HARMLESS = [
    "import os\nos.environ.get('x'); os.replace('a', 'b')",
    "import re\nre.compile('x')",
    "import numpy as np\nnp.frombuffer(b'')",
    "from pathlib import Path\nPath('x').open()",
    "import torch\ntorch.load_nothing",
    "from urllib.parse import quote",
    "model.eval()",
    "f(allow_pickle=False, trust_remote_code=False, shell=False, weights_only=True)",
    "import yaml\nyaml.dump({}, Dumper=yaml.SafeDumper)",
]


@pytest.mark.parametrize("text", PLANTED)
def test_a_planted_call_is_found(text: str) -> None:
    assert PLANTED[text] in [use.name for use in check(text, "flows/planted.py")]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_is_not(text: str) -> None:
    assert check(text, "flows/planted.py") == []


def test_the_project_passes_and_a_planted_file_does_not(tmp_path: Path) -> None:
    """The check as `make lint` runs it: over the project, then over a copy with one call more and one less."""
    command = [sys.executable, "-P", "tools/check_boundary.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
    for folder in ("specs", "generator", "scoring", "catalog", "flows", "limner", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=lambda _, names: [n for n in names if "." in n[:-3]])
    (tmp_path / "catalog" / "planted.py").write_text("\nimport subprocess\n")
    (tmp_path / "generator" / "weights" / "unpickle.py").write_text("")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "catalog/planted.py:2: subprocess" in done.stdout
    assert "ALLOWED names torch.load in generator/weights/unpickle.py" in done.stdout


def test_makefile_runs_it() -> None:
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    assert "tools/check_boundary.py" in lint
    assert not set(BOUNDARY) & {file for file, _ in ALLOWED}


class TestChildren:
    def test_get_a_whole_environment_and_nothing_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "GIT_DIR", "PREFECT_HOME", "TORCH_LOGS", "OTEL_X"):
            monkeypatch.setenv(name, "hostile")
        monkeypatch.setenv("LIMNER_DEVICE", "cpu")
        found = child_environment({"OWN": "1"})
        assert "hostile" not in found.values()
        assert found["LIMNER_DEVICE"] == "cpu"
        assert found["OWN"] == found["PYTHONSAFEPATH"] == found["HF_HUB_OFFLINE"] == "1"
        known = KEPT_VARIABLES | set(ALWAYS) | {"OWN", "PYTHONSAFEPATH", "PYTHONUTF8"}
        offline = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"}
        assert {name for name in found if not name.startswith(("LC_", "LIMNER_"))} <= known | offline

    def test_take_no_module_from_the_working_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("flows", "specs", "json", "typing", "runpy"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        child = start_python("flows.git.commit", folder=tmp_path)
        child.communicate(timeout=60)
        assert child.returncode == 0
        assert not (tmp_path / "canary").exists()

    def test_that_fail_or_take_too_long_are_told(self, tmp_path: Path) -> None:
        failed = run_python("flows.there_is_none", timeout_s=60)
        assert failed.code == 1
        assert "there_is_none" in failed.err
        with pytest.raises(TimeoutError, match=r"flows\.git"):
            run_python("flows.git.commit", timeout_s=0.01)


def test_the_readme_names_every_variable_that_is_read() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Environment")[2].partition("\n## ")[0]
    assert set(KEPT_VARIABLES) <= set(re.findall(r"`(\w+)`", table))
    assert {f"`{prefix}*`" for prefix in KEPT_PREFIXES if prefix != "LIMNER_"} <= set(table.split())
    assert kept_variables({"PREFECT_LOGGING_LEVEL": "x", "LC_ALL": "C", "LIMNER_X": "1"}) == {
        "LC_ALL": "C", "LIMNER_X": "1",
    }  # fmt: skip
