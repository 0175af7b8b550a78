"""``limner review`` and what it does by command: keep, reject, undo. The page stands on ``catalog/review``."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide, undo
from catalog.review.views.values import REASONS, Tile
from flows.output import print_json
from flows.settings import Settings
from specs.errors import UsageError

if TYPE_CHECKING:
    from catalog.review.tickets import Tickets

LOOPBACK = "127.0.0.1"
NAME_LENGTH = 100


def the_person(given: str | None) -> str:
    """Who decides: as given, else ``LIMNER_PERSON``, else the login name. UsageError for no name."""
    name = given if given is not None else os.environ.get("LIMNER_PERSON", "")
    if not name and given is None:
        with contextlib.suppress(KeyError, OSError):
            name = getpass.getuser()
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise UsageError(f"--as: got {name[:40]!r}; allowed: a name of 1 to {NAME_LENGTH} letters.")
    return name


def keep_one(id_: str, settings: Settings, *, why: str, override: bool, person: str | None, as_json: bool) -> int:
    """``limner keep``."""
    with Catalog.open(settings.library, create=False) as catalog:
        candidate_id = catalog.find(id_).candidate_id
        decision = Decision(candidate_id, True, the_person(person), note=why, override=override)
        return _tell(decide(catalog, decision), as_json)


def reject_one(id_: str, settings: Settings, *, why: str, person: str | None, as_json: bool) -> int:
    """``limner reject``: a named reason stands for itself, anything else is a note."""
    if not why.strip():
        raise UsageError(f"--why: got nothing; allowed: a note, or one of {', '.join(REASONS)}.")
    named = why.strip().replace(" ", "_")
    reason, note = (named, "") if named in REASONS else ("other", why)
    with Catalog.open(settings.library, create=False) as catalog:
        candidate_id = catalog.find(id_).candidate_id
        return _tell(decide(catalog, Decision(candidate_id, False, the_person(person), (reason,), note)), as_json)


def undo_one(id_: str, settings: Settings, *, person: str | None, as_json: bool) -> int:
    """``limner undo``."""
    with Catalog.open(settings.library, create=False) as catalog:
        return _tell(undo(catalog, catalog.find(id_).candidate_id, the_person(person)), as_json)


def _tell(tile: Tile, as_json: bool) -> int:
    if as_json:
        print_json(
            {
                "id": tile.name,
                "image_sha256": tile.image_sha256,
                "standing": tile.word,
                "keeper": tile.is_keeper,
                "decided_by": tile.decided_by,
                "reasons": list(tile.reasons),
                "note": tile.note,
            }
        )
    else:
        by = f" by {tile.decided_by}" if tile.decided_by else ""
        print(f"{tile.name} ({tile.image_sha256[:12]}): {tile.word}{by}")
    return 0


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
            with contextlib.suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
        reading.join()  # it reads the catalog that is closed next
    return 0


def _more_addresses(home: str, tickets: Tickets) -> None:
    for _line in sys.stdin:
        print(f"{home}?ticket={tickets.issue()}", flush=True)


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
