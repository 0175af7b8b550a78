"""Tickets: what an address carries instead of the session's own secret. Each opens the page once, within minutes.

An address is seen by others: in the process list, in a browser's history, in a chat. What it carried is worth nothing
once it was used; the session is another random value, in a cookie that the address never had.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

VALID_S = 600.0
BYTES = 32


class Tickets:
    """Thread-safe. ``clock`` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._open: dict[str, tuple[float, Callable[[], None]]] = {}

    def issue(self, when_used: Callable[[], None] = lambda: None) -> str:
        """A new ticket, URL-safe; ``when_used`` is called when it opens the page."""
        ticket = secrets.token_urlsafe(BYTES)
        with self._lock:
            self._open[ticket] = (self._clock() + VALID_S, when_used)
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Whether the ticket opens the page now; it never does again."""
        with self._lock:
            ends, when_used = self._open.pop(ticket, (float("-inf"), lambda: None))
        if self._clock() > ends:
            return False
        when_used()
        return True
