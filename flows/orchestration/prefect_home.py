"""Prefect's surroundings: the whole of its settings, and an embedded server that cannot outlive the run.

``prepare`` must be called before Prefect itself is imported: Prefect reads its settings at import. They are set here,
all of them, but for the address and the password of a server of the user's own. Neither the rest of a user's shell,
nor a file in the working folder, nor one in the library counts.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import socket
import tempfile
import time
from pathlib import Path

from flows.orchestration.prefect_address import VARIABLES as USER_VARIABLES
from flows.orchestration.prefect_settings import settings
from specs.boundary.children import (
    PROXY_VARIABLES,
    Child,
    ask,
    ask_no_programs,
    configure_libraries,
    end_child,
    read_no_settings_files,
    start_python,
)
from specs.errors import LimnerError

START_TIMEOUT_S = 120.0  # a fresh database takes 10 to 35 s on a small machine
LOG_LINES = 12


def prepare() -> Path:
    """Set Prefect's settings for this process and its children; returns its folder: temporary, empty, of this process.

    Raises LimnerError where no temporary folder can be made.
    """
    home = _temporary_folder()
    for name in [name for name in os.environ if name.startswith("PREFECT") and name not in USER_VARIABLES]:
        del os.environ[name]
    os.environ |= settings(home)
    configure_libraries(online=os.environ.get("HF_HUB_OFFLINE") == "0")
    read_no_settings_files()
    ask_no_programs()
    return home


def _temporary_folder() -> Path:
    try:
        home = Path(tempfile.mkdtemp(prefix="limner-prefect-"))
    except OSError as error:
        raise LimnerError(
            f"Prefect needs a temporary folder: got {error.strerror or error}; allowed: one that you may write to. "
            "Free some space there, or set TMPDIR to another folder."
        ) from None
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


class EmbeddedServer:
    """A Prefect API server on loopback behind a one-time password, started in the background, dead with its owner.

    The child holds the read end of a pipe and leaves when the pipe closes, so even ``kill -9`` of the owner ends it;
    it takes ``home``, the folder that ``prepare`` returned, with it. With ``PREFECT_API_URL`` set by the user no server
    is started.
    """

    def __init__(self, home: Path) -> None:
        self.log_path = home / "server.log"
        self.process: Child | None = None
        self.started_here = not os.environ.get("PREFECT_API_URL")
        if self.started_here:
            self._start(home)

    def _start(self, home: Path) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        auth = f"limner:{secrets.token_urlsafe(24)}"
        for name in PROXY_VARIABLES:  # nothing but loopback is asked from now on; a proxy cannot even be misspelled
            os.environ.pop(name, None)
        os.environ.pop("PREFECT_API_KEY", None)
        os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"  # nobody reads the logs of this server
        child = {
            **settings(home),
            "PREFECT_SERVER_API_AUTH_STRING": auth,
            "PREFECT_UI_ENABLED": "false",
            "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
            "OMP_NUM_THREADS": "1",
        }
        with self.log_path.open("wb") as log:
            self.process = start_python(
                "flows.orchestration.prefect_server",
                str(listener.fileno()),
                folder=home,
                environment=child,
                output=log,
                descriptors=[listener.fileno()],
            )
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        os.environ["PREFECT_API_AUTH_STRING"] = auth
        listener.close()

    def wait_until_ready(self) -> None:
        """Return once the API answers. Raises LimnerError with the log's last lines when it does not, or has died."""
        if self.process is None:
            return
        deadline = time.monotonic() + START_TIMEOUT_S
        url = os.environ["PREFECT_API_URL"] + "/health"
        while time.monotonic() < deadline and self.process.poll() is None:
            if _answers(url):
                return
            time.sleep(0.05)
        code = self.process.returncode
        what = f"did not answer within {START_TIMEOUT_S:.0f} s" if code is None else f"ended with exit code {code}"
        raise LimnerError(
            f"Prefect's embedded server {what}; its last lines: {self._last_lines()}\n"
            "Pictures already made are recorded; run the same command again, or set PREFECT_API_URL to your own server."
        )

    def _last_lines(self) -> str:
        try:
            lines = self.log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LOG_LINES:]
        except OSError:
            lines = []
        return "".join(f"\n    {line}" for line in lines) or "none"

    def stop(self) -> None:
        """End the server; takes at most a few seconds, then it is killed."""
        if self.process is None:
            return
        end_child(self.process, within_s=3)
        self.process = None
        os.environ.pop("PREFECT_API_URL", None)
        os.environ.pop("PREFECT_API_AUTH_STRING", None)


def _answers(url: str) -> bool:
    try:
        return ask(url, {}, timeout_s=2) in (200, 401, 403)  # 401, 403: up, and asking for the password
    except OSError:
        return False
