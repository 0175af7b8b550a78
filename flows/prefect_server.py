"""The embedded Prefect server's process: ``python -m flows.prefect_server FD`` serves on an inherited socket.

It leaves as soon as its standard input closes, which the kernel does when the owner dies in whatever way.
"""

from __future__ import annotations

import os
import sys
import threading


def leave_with_owner() -> None:
    """Block until standard input ends, then leave at once: the state here is disposable."""
    while os.read(0, 1024):
        pass
    os._exit(0)


def main() -> None:
    """Serve Prefect's API on the socket whose descriptor is the first argument."""
    os.nice(10)  # orchestration waits, pictures do not
    threading.Thread(target=leave_with_owner, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app(), fd=int(sys.argv[1]), log_level="error", lifespan="on")


if __name__ == "__main__":
    main()
