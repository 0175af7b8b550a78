"""limner's one name in an environment: ``python -m limner``, the command ``limner``, the flow ``limner.flow.produce``.

Its packages (specs, generator, scoring, catalog, flows, starter) have names that other projects use too. A wheel holds
them below ``limner/lib``, a checkout beside this folder; nothing but a process of limner's own finds them by name.
"""

from __future__ import annotations

import sys
from pathlib import Path


def own_packages_first() -> None:
    """Let ``import specs`` and its like find limner's own packages, before any others of the same names."""
    here = Path(__file__).resolve().parent
    folder = str(here / "lib" if (here / "lib").is_dir() else here.parent)
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
