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
    """One JSON value, readable; in ASCII where the output is not UTF-8."""
    print(json.dumps(value, ensure_ascii=sys.stdout.encoding.lower() != "utf-8", indent=2))


def counted(number: int, noun: str) -> str:
    """``1 picture``, ``2 pictures``, ``1,000 pictures``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
