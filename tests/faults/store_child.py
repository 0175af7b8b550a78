"""The process that the fault campaigns kill: record one batch, say so, close.

python -m tests.faults.store_child LIBRARY START COUNT

It speaks by ``writev``, which no other part uses, so that a fault in ``write`` does not take its voice.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from catalog.catalog import Catalog
from specs.errors import LimnerError
from tests.catalog.factory import World

WORLD = World(assets=2, each=8)
BEFORE = 2  # candidates that are on record before the fault
BATCH = 3  # candidates that the child records
REFUSED = 3  # exit code: a clear error, as a user sees it


def main() -> int:
    """Record, acknowledge on standard output, close."""
    library, start, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    records = WORLD.records(count, start)
    try:
        with Catalog.open(library, create=False) as catalog:
            catalog.record(records)
            os.writev(1, [b"recorded\n"])
    except LimnerError as error:
        os.writev(2, [f"{type(error).__name__}: {error}\n".encode()])
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
