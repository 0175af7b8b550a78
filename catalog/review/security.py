"""Who may ask the review server: whoever holds this launch's session, by its own name, from its own page. Nobody else.

Another page in the same browser can make requests to loopback, and by DNS rebinding under a name of its own. So: the
Host is one of ours; the session is in a cookie that is HttpOnly and SameSite=Strict, and is had for a one-time ticket
(``tickets.py``); a write has our Origin and is JSON, which no form can send. What goes out forbids every script, style
and picture but our own.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.review.plain_pages import STYLE_SOURCE, refused, welcome
from catalog.review.tickets import Tickets

READS = ("GET", "HEAD")
MOST_BYTES = 64 * 1024  # of a request's body
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {STYLE_SOURCE}; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Wraps the application: a request is refused here, or it is ours."""

    def __init__(self, app: ASGIApp, tickets: Tickets, port: int) -> None:
        self.app, self.tickets = app, tickets
        self._session = secrets.token_urlsafe(32)
        self.hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self.cookie = f"limner_{port}"  # cookies know no ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self.answer(scope)
        await (answer or self.app)(scope, receive, send_guarded)

    def answer(self, scope: Scope) -> Response | None:
        """What is said instead of the application; None lets the request in."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self.hosts:
            return refused(
                421, "This server answers to the address that `limner review` printed, and to no other.", headers
            )
        if scope["path"] == "/favicon.ico" and scope["method"] in READS:  # asked for unasked, by pages without an icon
            return Response(status_code=204)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [])
        ours = self._is_ours(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""))
        if scope["path"] == "/" and scope["method"] == "GET" and given:
            return self._admit(given[0], ours, headers)
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return refused(403, "Another site asked for this.", headers)
        if not ours:
            return refused(403, "This browser has no session here.", headers)
        return None if scope["method"] in READS else self._write(headers)

    def _admit(self, ticket: str, ours: bool, headers: Headers) -> Response:
        """The session for a ticket. Whoever has it already loses nothing by an address that was used before."""
        if ours:
            return RedirectResponse("/", status_code=303)
        if not self.tickets.redeem(ticket):
            return refused(403, "This address was used already, or is older than ten minutes.", headers)
        page = welcome()
        page.set_cookie(self.cookie, self._session, httponly=True, samesite="strict", path="/")
        return page

    def _write(self, headers: Headers) -> Response | None:
        if headers.get("origin") != f"http://{headers['host']}":
            return refused(403, "A write must come from the review page itself (Origin).", headers)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return refused(415, "A write is JSON (Content-Type: application/json).", headers)
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return refused(413, f"A write says its length, at most {MOST_BYTES:,} bytes.", headers)
        return None

    def _is_ours(self, session: str) -> bool:
        return secrets.compare_digest(session.encode(), self._session.encode())
