"""The flow ``produce`` under a name that is limner's alone, for Prefect's workers: ``limner.flow.produce``.

A worker imports it by this name from wherever it works; ``flows`` there may be somebody else's folder.
"""

from __future__ import annotations

from limner import own_packages_first

own_packages_first()

from flows.produce import produce  # noqa: E402 (found by the line above)

__all__ = ["produce"]
