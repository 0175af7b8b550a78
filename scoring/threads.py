"""One CPU thread for scoring: beside a renderer, and the same numbers whoever asks.

Imports torch.

A float sum depends on how it is cut up among threads, so that scores would depend on the number of cores. And a second
team of OpenMP threads makes libgomp count more threads than there are cores: the renderer's own then go to sleep at
each of its thousand barriers a picture, which costs it a third of its speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it this thread's CPU arithmetic is not shared out; also a decorator."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
