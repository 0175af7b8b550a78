"""No address leads out of the library, nor to a file that no hash names; no link in it is followed."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.types import Message, Scope

from catalog.catalog import Catalog
from catalog.review.security import Guard
from tests.review.conftest import PORT, Tab, admitted, application
from tests.review.test_guard import address, routes

PIECES = (
    "..",
    "%2e%2e",
    "..%2f",
    "%2e%2e%2f",
    "..%5c",
    "....//",
    "%252e%252e%252f",
    "/",
    "%00",
    "C:%5c",
    "~",
    "file:%2f%2f",
)
TARGETS = ("etc/passwd", "catalog.sqlite", "app.py", "review.css/../../app.py", "%2fetc%2fpasswd", "secret.png", "")
PAYLOADS = [a * n + b for a, b, n in itertools.product(PIECES, TARGETS, (1, 2, 3, 4, 5, 8))]
SECRETS = (b"root:x:", b"SQLite format", b"SECRET", b"from starlette")
FIELDS = ("words", "set", "like", "saved", "clip", "id", "after", "show", "state", "tags", "open", "name", "page")


def ask(app: Guard, paths: Iterable[str]) -> list[tuple[str, int, bytes]]:
    """(path, status, body) of each address, asked as they are: no client tidies ``..`` away."""

    cookie = f"limner_{PORT}={admitted(app).cookies[f'limner_{PORT}']}"

    async def one(path: str) -> tuple[str, int, bytes]:
        raw, _, query = path.partition("?")
        headers = [(b"host", f"127.0.0.1:{PORT}".encode()), (b"cookie", cookie.encode())]
        scope: Scope = {
            "type": "http", "method": "GET", "path": _unquoted(raw), "raw_path": raw.encode(), "root_path": "",
            "query_string": query.encode(), "headers": headers, "http_version": "1.1", "scheme": "http",
        }  # fmt: skip
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        await app(scope, receive, send)
        return path, told[0]["status"], b"".join(message.get("body", b"") for message in told[1:])

    async def every() -> list[tuple[str, int, bytes]]:
        return [await one(path) for path in paths]

    return asyncio.run(every())


def _unquoted(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path, errors="replace")


def test_five_hundred_payloads_on_every_route_find_nothing(catalog: Catalog, library: Path) -> None:
    (library / "secret.png").write_bytes(b"SECRET")
    assert len(PAYLOADS) >= 500
    every = [route for route in routes(catalog) if "POST" not in (route.methods or ())]
    named = [route for route in every if "{" in route.path]
    plain = [route for route in every if "{" not in route.path]
    assert len(named) >= 8
    paths = [address(route, payload) for route, payload in itertools.product(named, PAYLOADS)]
    paths += [
        f"{route.path}?{FIELDS[number % len(FIELDS)]}={payload}"
        for route in plain
        for number, payload in enumerate(PAYLOADS)
        if number % 5 == 0
    ]
    for path, status, body in ask(application(catalog), paths):
        assert status < 500, path
        assert [secret for secret in SECRETS if secret in body] == [], path


def to_file(link: Path, secret: Path) -> None:
    """A link to a file outside."""
    link.symlink_to(secret)


def relative(link: Path, secret: Path) -> None:
    """The same by a relative path."""
    link.symlink_to(os.path.relpath(secret, link.parent))


def chain(link: Path, secret: Path) -> None:
    """A link to a link."""
    other = link.with_name("other.png")
    other.symlink_to(secret)
    link.symlink_to(other.name)


def into_proc(link: Path, secret: Path) -> None:
    """A file of the process itself."""
    link.symlink_to(f"/proc/self/root{secret}")


def to_folder(link: Path, secret: Path) -> None:
    """A link to a folder."""
    link.symlink_to(secret.parent)


def to_itself(link: Path, secret: Path) -> None:
    """A loop."""
    link.symlink_to(link.name)


def to_nothing(link: Path, secret: Path) -> None:
    """A link that dangles."""
    link.symlink_to(secret.with_name("gone"))


def a_pipe(link: Path, secret: Path) -> None:
    """A pipe, on which a careless reader waits for ever."""
    os.mkfifo(link)


KINDS = (to_file, relative, chain, into_proc, to_folder, to_itself, to_nothing, a_pipe)


@pytest.mark.parametrize("whole_folder", [False, True], ids=["file", "folder"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_links_in_the_library_are_not_followed(
    tab: Tab, library: Path, tmp_path: Path, kind: Callable[[Path, Path], None], whole_folder: bool
) -> None:
    sha256 = tab.tiles()[0].image_sha256
    secret = tmp_path / "outside" / f"{sha256}.png"
    secret.parent.mkdir()
    secret.write_bytes(b"SECRET")
    secret.with_suffix(".webp").write_bytes(b"SECRET")
    tab.get(f"/thumbs/{sha256}")
    thumb = library / "cache" / "thumbs" / sha256[:2] / f"{sha256}.webp"
    picture = library / "objects" / sha256[:2] / f"{sha256}.png"
    for path in (thumb, picture):
        if whole_folder:
            for file in path.parent.iterdir():
                file.unlink()
            path.parent.rmdir()
            kind(path.parent, secret.parent if kind in (to_file, relative, chain, into_proc) else secret)
        else:
            path.unlink()
            kind(path, secret)
    app = application(tab.catalog)
    for area in ("thumbs", "pictures", "quarantine"):
        for path, _, body in ask(app, [f"/{area}/{sha256}", f"/{area}/{quote(sha256.upper())}"]):
            assert b"SECRET" not in body, path
    assert sorted(file.name for file in secret.parent.iterdir()) == [f"{sha256}.png", f"{sha256}.webp"]


def test_a_linked_thumbnail_folder_is_not_written_through(tab: Tab, library: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (library / "cache").mkdir(exist_ok=True)
    (library / "cache" / "thumbs").symlink_to(outside)
    assert tab.get(f"/thumbs/{tab.tiles()[0].image_sha256}").status_code == 500
    assert list(outside.iterdir()) == []
