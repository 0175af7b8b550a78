"""The embedded Prefect server's process, started by ``prefect_home``: serves on an inherited socket.

It leaves as soon as its standard input closes, which the kernel does when the owner dies in whatever way, and takes its
folder with it: the state is disposable.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

from flows.orchestration.prefect_database import make_once, place
from specs.boundary.children import ask_no_programs, read_no_settings_files


def leave_with_owner(home: Path) -> None:
    """Block until standard input ends, then remove the folder and leave at once."""
    while os.read(0, 1024):
        pass
    shutil.rmtree(home, ignore_errors=True)
    os._exit(0)


def main() -> None:
    """Serve Prefect's API on the socket whose descriptor is the first argument."""
    os.nice(10)  # orchestration waits, pictures do not
    home = Path(os.environ["PREFECT_HOME"])
    threading.Thread(target=leave_with_owner, args=[home], daemon=True).start()
    make_once()
    place(home)
    read_no_settings_files()
    ask_no_programs()
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app(), fd=int(sys.argv[1]), log_level="error", lifespan="on")


if __name__ == "__main__":
    main()
