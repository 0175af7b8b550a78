"""The flow ``produce`` under a name that is limner's alone, for Prefect's workers: ``limner.flow.produce``.

A worker imports it by this name from wherever it works; ``flows`` there may be somebody else's folder. Libraries are
set up before any is imported: offline, until a run's own settings say ``online``.
"""

from __future__ import annotations

from limner import own_packages_first

own_packages_first()

from specs.boundary.children import configure_libraries  # noqa: E402 (found by the line above)

configure_libraries()

from flows.produce import produce  # noqa: E402 (imports Prefect)

__all__ = ["produce"]
