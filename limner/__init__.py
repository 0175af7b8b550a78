"""limner's one name in an environment: ``python -m limner``, the command ``limner``, the flow ``limner.flow.produce``.

Its packages (specs, generator, scoring, catalog, flows, starter) have names that other projects use too. A wheel holds
them below ``limner/lib``, a checkout beside this folder; nothing but a process of limner's own finds them by name.
"""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGES = ("specs", "generator", "scoring", "catalog", "flows")


def own_packages_first() -> None:
    """Let ``import specs`` and its like find limner's own packages, before any others of the same names.

    Raises ImportError when this process has imported another project's package of one of these names already.
    """
    here = Path(__file__).resolve().parent
    folder = here / "lib" if (here / "lib").is_dir() else here.parent
    for name in PACKAGES:
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if name in sys.modules and (loaded is None or Path(loaded).resolve().parent.parent != folder):
            raise ImportError(f"limner: {name} is imported from {loaded} already; run limner in a process of its own")
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))
