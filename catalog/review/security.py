"""Who may ask the review server: whoever holds this launch's token, by its own name, from its own page. Nobody else.

Another page in the same browser can make requests to loopback, and by DNS rebinding under a name of its own. So: the
Host is one of ours; the token is in a cookie that is HttpOnly and SameSite=Strict; a write has our Origin and is JSON,
which no form can send. What goes out forbids every script, style and picture but our own.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READS = ("GET", "HEAD")
MOST_BYTES = 64 * 1024  # of a request's body
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
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

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self.token = app, token
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
        """What is said at the door; None lets the request in."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self.hosts:
            return _refuse(421, "this server answers to the address that `limner review` printed, and to no other")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refuse(403, "asked by another site")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if scope["path"] == "/" and scope["method"] == "GET" and given and self._is_ours(given[0]):
            welcome = RedirectResponse("/", status_code=303)
            welcome.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
            return welcome
        if not self._is_ours(cookie_parser(headers.get("cookie", "")).get(self.cookie, "")):
            return _refuse(403, "no token: open the whole address that `limner review` printed, token included")
        return None if scope["method"] in READS else self._write(headers)

    def _write(self, headers: Headers) -> Response | None:
        if headers.get("origin") != f"http://{headers['host']}":
            return _refuse(403, "a write must come from the review page itself (Origin)")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _refuse(415, "a write is JSON (Content-Type: application/json)")
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return _refuse(413, f"a write says its length, at most {MOST_BYTES} bytes")
        return None

    def _is_ours(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self.token.encode())


def _refuse(status: int, why: str) -> Response:
    return PlainTextResponse(f"Refused: {why}.\n", status_code=status)
