"""What scorers are to a run: pixels go in, scorecards come out. ``scoring.scorers`` has the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scoring.clip.embedding import Clip
    from scoring.safety.forbidden import Forbidden
    from scoring.scorers import Measured

Pixels = NDArray[np.uint8]


class Scorers(Protocol):
    """What ``scoring.scorers.Scorers`` offers."""

    def measure(
        self, pixels: Pixels, finite: Sequence[bool], asset_ids: Sequence[str], image_sha256s: Sequence[str]
    ) -> list[Measured]:
        """One Measured a picture."""
        ...

    def embed(self, pixels: Pixels) -> NDArray[np.float32]:
        """One unit row a picture."""
        ...

    @property
    def failures(self) -> Mapping[str, str]:
        """What went wrong with scorers of others, by their names."""
        ...

    @property
    def clip(self) -> Clip | None:
        """The CLIP; None where the set does without."""
        ...

    @property
    def texts(self) -> NDArray[np.float32]:
        """(T, D): each different prompt of the set once, as the CLIP reads it."""
        ...

    @property
    def own(self) -> Mapping[str, int]:
        """Asset id → the row of its prompt."""
        ...

    @property
    def forbidden(self) -> Forbidden | None:
        """The concepts that the set forbids, as the CLIP's text half reads them."""
        ...
