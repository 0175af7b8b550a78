"""What every test shares: no hub, no home, no settings of the person who runs the tests, one thread a process."""

from __future__ import annotations

import os
import sys

import pytest

from tests import samples

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for name in [name for name in os.environ if name.startswith(("LIMNER_", "PREFECT_"))]:
    del os.environ[name]

assert "numpy" not in sys.modules  # it reads this once, as torch does; a second thread spins beside the other worker
os.environ["OMP_NUM_THREADS"] = "1"

LONG = ("flows", "faults", "security", "scoring")  # folders whose files take a minute: else one worker ends alone


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--whole``: see samples.py."""
    parser.addoption("--whole", action="store_true", help="Take the whole of what `make test` takes a sample of.")


def pytest_configure(config: pytest.Config) -> None:
    """Before any file of tests is read."""
    samples.whole = config.getoption("whole")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; with ``--no-loadscope-reorder`` the workers take them in this order."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)
