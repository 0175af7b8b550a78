"""Promise: the current folder is data: no module, settings file or program in it is taken for limner's own.

Of the firings of ``limner serve``, tests/flows/test_serve.py says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from flows.orchestration.prefect_home import EmbeddedServer, prepare
from specs.boundary.children import CODE, run_python
from tests.flows.conftest import registry, world  # noqa: F401 (fixtures)
from tests.security.traps import OWN, plant
from tests.world import ROOT, World, spec_of


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the test, full of packages; the canary's path."""
    monkeypatch.chdir(tmp_path)
    return plant(tmp_path)


def test_the_embedded_server_takes_nothing_from_it(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    server = EmbeddedServer(prepare())
    try:
        server.wait_until_ready()
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(before)
    assert not planted.exists()


def test_the_child_that_opens_a_pickle_takes_nothing_from_it(planted: Path) -> None:
    done = run_python("generator.weights.unpickle", str(planted.parent / "none.bin"), "out", "as is", timeout_s=120)
    assert "none.bin" in done.err
    assert not planted.exists()


def test_the_command_takes_nothing_from_it(planted: Path, world: World) -> None:  # noqa: F811
    world.write(spec_of(["sword"]))
    done = world.run("plan", "spec.yaml")
    assert done.code == 0, done.err
    assert not planted.exists()


def test_a_checkout_puts_its_own_packages_first(tmp_path: Path) -> None:
    """As for `limner.flow` in a worker of Prefect's; where a foreign package was imported before, that is refused."""
    plant(tmp_path)
    shutil.rmtree(tmp_path / "limner")  # the name that is limner's own; an editable install is found after the path
    code = (
        "import sys; sys.path.append({folder!r}); import limner; limner.own_packages_first()\n"
        "import flows; print(flows.__file__)"
    )
    command = [sys.executable, "-P", "-c", code.format(folder=str(tmp_path))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(CODE / "flows" / "__init__.py"), done.stderr
    code = "import sys; sys.path.insert(0, {folder!r}); import flows; sys.path.pop(0); import limner.flow"
    command = [sys.executable, "-P", "-c", code.format(folder=str(tmp_path))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "run limner in a process of its own" in done.stderr


def test_a_wheel_has_one_name_of_its_own_and_works_beside_another_flows(tmp_path: Path) -> None:
    """Built and unpacked as an installer would, beside a foreign `flows`; the starter models are in it."""
    source = tmp_path / "source"
    source.mkdir()
    for name in (*OWN, "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    quickly = {"--build-option": "--compression=stored"}
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(tmp_path)!r}, {quickly})"
    subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, check=True)
    site = tmp_path / "site"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        wheel.extractall(site)
    assert {name.split("/")[0] for name in names} - {"limner"} == {path.name for path in site.glob("*.dist-info")}
    (site / "flows").mkdir()
    (site / "flows" / "__init__.py").write_text("raise SystemExit('foreign')\n")
    spec = {**spec_of(["a"]), "checkpoint": "starter"}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); sys.argv = ['limner', 'plan', 'spec.yaml']\n"
        "import limner.__main__ as m; print(m.__file__); m.main()"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert "2 pictures to make" in done.stdout
