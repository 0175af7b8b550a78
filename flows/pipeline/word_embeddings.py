"""Words as the CLIPs of a library embed them, for the review page. Torch is imported at the first word, not before."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.review.views.pages import checkpoint_on_record
from flows.cli.commands.making.reproduce import recorded_weights
from flows.settings import Settings

if TYPE_CHECKING:
    from scoring.clip.embedding import Clip


@dataclass(frozen=True, slots=True)
class _OnCpu:
    """One text takes a fraction of a second there, and the device is left to ``produce``."""

    device: str = "cpu"


@dataclass(eq=False)
class WordEmbedder:
    """Loads a CLIP when words are first searched for among its pictures, from where its record says the weights are."""

    catalog: Catalog
    settings: Settings
    _clips: dict[str, Clip] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, clip_id: str, words: str) -> NDArray[np.float32]:
        """(D,) float32, L2-normalised. LimnerError when these very weights are not at hand."""
        with self._lock:
            if clip_id not in self._clips:
                self._clips[clip_id] = self._load(clip_id)
            return np.asarray(self._clips[clip_id].embed_texts([words])[0])

    def _load(self, clip_id: str) -> Clip:
        value = checkpoint_on_record(self.catalog, clip_id)
        checkpoint, folder = recorded_weights(value, clip_id, self.settings)
        from scoring.clip.embedding import load_clip

        return load_clip(checkpoint, folder, _OnCpu(), text_batch=1)
