"""``limner review``: the review page, served on loopback. The page itself is in ``catalog/review``."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.catalog import Catalog
from flows.cli.decisions import the_person
from flows.cli.options import Checkpoints, Library, Person
from flows.settings import Settings, from_environment
from specs.errors import UsageError

if TYPE_CHECKING:
    from catalog.review.tickets import Tickets

LOOPBACK = "127.0.0.1"
FOREGROUND_POLL_S = 0.5


def command(
    library: Library = None,
    port: Annotated[int, typer.Option(help="A port on loopback; 0: any that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address, open no browser.")] = False,
    checkpoints: Checkpoints = [],  # noqa: B006
    person: Person = None,
) -> int:
    """Look at the candidates in the browser and decide: keep, reject, undo, compare. On this machine only."""
    settings = from_environment(library=library, checkpoints=tuple(checkpoints))
    return serve_review(settings, port=port, open_browser=not no_open, person=person)


def serve_review(settings: Settings, *, port: int, open_browser: bool, person: str | None) -> int:
    """``limner review``: serve the page on loopback until Ctrl-C. An address opens it once; Enter gives another."""
    import uvicorn

    from catalog.review.app import build
    from catalog.review.search.library_state import Standings
    from catalog.review.tickets import Tickets
    from flows.pipeline.word_embeddings import WordEmbedder

    name, tickets = the_person(person), Tickets()
    with Catalog.open(settings.library, create=False) as catalog, _listening(port) as listener:
        port = listener.getsockname()[1]
        home = f"http://{LOOPBACK}:{port}/"
        standings = Standings(catalog)
        app = build(catalog, name, tickets, port, standings, WordEmbedder(catalog, settings))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", server_header=False)
        )
        print(f"Reviewing {settings.library} as {name}: {home}?ticket={tickets.issue()}", flush=True)
        asking = sys.stdin is not None and sys.stdin.isatty()
        another = "Enter prints another" if asking else "run `limner review` again for another"
        print(f"The address works once, within ten minutes; {another}. Ctrl-C ends it.", file=sys.stderr, flush=True)
        with _browser(home, tickets) if open_browser else contextlib.nullcontext():
            if asking:
                threading.Thread(target=_more_addresses, args=(home, tickets), daemon=True).start()
            reading = standings.warm()
            with _ends_in_order(server), contextlib.suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
        reading.join()  # it reads the catalog that is closed next
    return 0


def _more_addresses(home: str, tickets: Tickets) -> None:
    """Another address for each Enter; in the background nothing is read, so that the shell does not stop the server."""
    while True:
        if os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
            time.sleep(FOREGROUND_POLL_S)
            continue
        try:
            if not sys.stdin.readline():
                return
        except OSError:  # put into the background while it waited
            continue
        print(f"{home}?ticket={tickets.issue()}", flush=True)


@contextlib.contextmanager
def _ends_in_order(server: Any) -> Iterator[None]:
    """A terminal that closes, or SIGTERM, ends the server as Ctrl-C does: the library is closed, no file is left."""

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    handlers: dict[signal.Signals, Any] = {signal.SIGHUP: end, signal.SIGTERM: end}
    handlers[signal.SIGTTIN] = signal.SIG_IGN  # a read from the background then fails, and does not stop the server
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _browser(home: str, tickets: Tickets) -> Iterator[None]:
    """Open the browser by a file that only its owner reads: what a process was started with, everybody can see."""
    from catalog.review.plain_pages import sends_to

    with tempfile.TemporaryDirectory(prefix="limner-review-") as folder:
        page = Path(folder) / "open.html"
        page.touch(mode=0o600)
        address = f"{home}?ticket={tickets.issue(when_used=partial(page.unlink, missing_ok=True))}"
        page.write_text(sends_to(address), encoding="utf-8")
        webbrowser.open(page.as_uri())
        yield


def _listening(port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise UsageError(f"--port: got {port}; allowed: 0 to 65535.")
    # TCP said outright: asyncio turns Nagle's delay off for such sockets alone, and 40 ms an answer is much
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)  # before the address is told: a browser that is faster than the server waits in line
    except OSError as error:
        listener.close()
        raise UsageError(f"--port: got {port} ({error.strerror}); allowed: a port that is free, or 0.") from error
    return listener
