"""A Prefect server of the user's own: the variables that name it, and whether it answers."""

from __future__ import annotations

import base64
import os
from urllib.parse import urlsplit

from specs.boundary.children import ask
from specs.errors import LimnerError, UsageError

VARIABLES = ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING")
ANSWER_TIMEOUT_S = 5.0


def ask_users_server() -> None:
    """Return when no server is named by PREFECT_API_URL, or when it answers: to be asked before anything is rendered.

    Raises UsageError for an address that is none, LimnerError when nothing answers there within some seconds, or when
    it refuses the key or password.
    """
    url = os.environ.get("PREFECT_API_URL", "")
    if not url:
        return
    _check(url)
    try:
        status = ask(url.rstrip("/") + "/admin/version", _authorization(), ANSWER_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise LimnerError(_unreachable(url, str(getattr(error, "reason", error)))) from None
    if status in (401, 403):
        raise LimnerError(
            f"PREFECT_API_URL: {url} refused the request ({status}); allowed: a server that lets you in. Set "
            "PREFECT_API_KEY (Prefect Cloud) or PREFECT_API_AUTH_STRING (your own server)."
        )
    if status >= 500 or 300 <= status < 400:
        raise LimnerError(_unreachable(url, f"status {status}"))


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        fits = False
    if not fits or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(
            f"PREFECT_API_URL: got {url!r}; allowed: the address of a Prefect server's API, such as "
            "http://127.0.0.1:4200/api. Correct it, or unset it: limner then starts a server of its own."
        )


def _authorization() -> dict[str, str]:
    """As Prefect's own client sends it: the password as basic authentication, else the key as a bearer token."""
    if auth := os.environ.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"}
    if key := os.environ.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    return {}


def _unreachable(url: str, why: str) -> str:
    return (
        f"PREFECT_API_URL: no Prefect server answers at {url} ({why}). Start it, correct the variable, or unset it: "
        "limner then starts a server of its own."
    )


def stopped_answering(error: Exception) -> LimnerError:
    """What to tell when the server failed during a run."""
    url, reason = os.environ.get("PREFECT_API_URL", ""), (str(error).splitlines() or [""])[0]
    return LimnerError(
        f"PREFECT_API_URL: {url} stopped answering ({type(error).__name__}: {reason}). Pictures already made are "
        "recorded; run the same command again once the server answers."
    )
