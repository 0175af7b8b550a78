"""Standard output: for people by rich, for scripts as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

WIDTH_IN_PIPES = 140


def console() -> Console:
    """Standard output, without colours where nobody looks, and wide enough for whole words in a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_IN_PIPES)


def print_json(value: Any) -> None:
    """One JSON value, readable; ASCII alone, so that it is the same bytes in every encoding."""
    print(json.dumps(value, indent=2))
