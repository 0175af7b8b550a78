"""Prefect kept inside the library: its settings, and an embedded server that cannot outlive the run.

Must be imported, and ``prepare`` called, before Prefect itself is imported: Prefect reads its settings at import.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from flows.prefect_database import place
from specs.errors import LimnerError

START_TIMEOUT_S = 120.0  # a fresh database takes 10 to 35 s on a small machine


def prepare(library: Path) -> None:
    """Point Prefect's state into the library and switch its telemetry off. What the user has set stays."""
    home = (library / "prefect").resolve()
    home.mkdir(parents=True, exist_ok=True)
    place(home)
    defaults = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(int(START_TIMEOUT_S)),
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # errors are told once, in our words, without tracebacks
        "PREFECT_CLI_COLORS": "false",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


class EmbeddedServer:
    """A Prefect API server on loopback behind a one-time password, started in the background, dead with its owner.

    The child holds the read end of a pipe and leaves when the pipe closes, so even ``kill -9`` of the owner ends it.
    With ``PREFECT_API_URL`` set by the user no server is started.
    """

    def __init__(self, library: Path) -> None:
        self.log_path = library / "prefect" / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.started_here = not os.environ.get("PREFECT_API_URL")
        if self.started_here:
            self._start()

    def _start(self) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        password = secrets.token_urlsafe(24)
        os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")  # nobody reads the logs of this server
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        os.environ["PREFECT_API_AUTH_STRING"] = f"limner:{password}"
        child = {
            **os.environ,
            "PREFECT_SERVER_API_AUTH_STRING": f"limner:{password}",
            "PREFECT_UI_ENABLED": "false",
            "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
            "OMP_NUM_THREADS": "1",
        }
        child.pop("PREFECT_API_URL")
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.prefect_server", str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=child,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is for the run, which then closes the pipe
            )
        listener.close()

    def wait_until_ready(self) -> None:
        """Return once the API answers; raise LimnerError with the log's path when it does not."""
        if self.process is None:
            return
        deadline = time.monotonic() + START_TIMEOUT_S
        url = os.environ["PREFECT_API_URL"] + "/health"
        while time.monotonic() < deadline and self.process.poll() is None:
            if _answers(url):
                return
            time.sleep(0.05)
        raise LimnerError(
            f"Prefect's embedded server did not start within {START_TIMEOUT_S:.0f} s; its log is {self.log_path}. "
            "Pictures already made are recorded; run the same command again, or set PREFECT_API_URL to your own server."
        )

    def stop(self) -> None:
        """End the server; takes at most a few seconds, then it is killed."""
        if self.process is None:
            return
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        os.environ.pop("PREFECT_API_URL", None)
        os.environ.pop("PREFECT_API_AUTH_STRING", None)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        return error.code in (401, 403)  # up, and asking for the password
    except OSError:
        return False
