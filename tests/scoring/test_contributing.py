"""The scorer of CONTRIBUTING: its very words make one that is found, asked for, measured and judged."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from scoring.plugins import load_others, measure_others, names, other_identities
from tests.specs.making import GOOD, load

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a scorer")[2].partition("\n## ")[0]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The package, laid out as an installer leaves it; the name of its scorer."""
    code, project = (re.search(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL) for kind in ("python", "toml"))
    assert code
    assert project
    value = tomllib.loads(project[1])["project"]
    ((group, points),) = value["entry-points"].items()
    ((name, target),) = points.items()
    (tmp_path / f"{target.partition(':')[0]}.py").write_text(code[1])
    facts = tmp_path / f"{value['name'].replace('-', '_')}-{value['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {value['name']}\nVersion: {value['version']}\n")
    (facts / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, target.partition(":")[0], raising=False)
    return str(name)


def test_is_at_most_thirty_lines() -> None:
    code = re.findall(r"```(?:python|toml)\n(.*?)```", SECTION, re.DOTALL)
    assert sum(len(block.splitlines()) for block in code) <= 30


def test_is_found_and_measures(installed: str) -> None:
    assert installed in names()
    assert other_identities([installed]) == ((installed, "limner-brightness==1.0:limner_brightness:make"),)
    scorers = load_others([installed], "cpu")
    pixels = np.stack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)])
    assert measure_others(scorers, pixels, ["dark", "light"]) == [((installed, 0.0),), ((installed, 1.0),)]


def test_is_asked_for_in_a_spec_as_it_says(installed: str, tmp_path: Path) -> None:
    rule = re.search(r"`(keep: \{.*?\}\})`", SECTION)
    assert rule
    spec = load(tmp_path, GOOD.replace("assets:", f"{rule[1]}\nassets:"))
    assert [name for name, _ in spec.keep.extra] == [installed]
