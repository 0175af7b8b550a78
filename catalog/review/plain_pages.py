"""Pages for who has no session: plain HTML with a style of its own, since the page's files are not for them."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response

STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}"
    "code{font-size:1.05em;padding:.1em .3em;border:1px solid #8888;border-radius:4px}"
)
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
FORBIDDEN = 403
WAY_IN = (
    "Press Enter in the terminal where <code>limner review</code> runs: it prints a new address. "
    "Or stop it there with Ctrl-C and start it again."
)


def refused(status: int, why: str, headers: Headers) -> Response:
    """Why a request is refused: for the page's own script as JSON, for people as a page that says how to get in."""
    if not wants_page(headers):
        return JSONResponse({"error": why}, status_code=status)
    way_in = f"<p>{WAY_IN}</p>" if status == FORBIDDEN else ""
    return HTMLResponse(_page("limner: refused", f"<h1>{escape(why)}</h1>{way_in}"), status_code=status)


def wants_page(headers: Headers) -> bool:
    """Whether a person's browser asks for a page; pictures and the page's own script do not."""
    return "text/html" in headers.get("accept", "")


def welcome() -> Response:
    """Goes on to the page by itself. A redirect would still count as asked by the site that the link was on, and a
    browser sends no SameSite=Strict cookie for such."""
    return HTMLResponse(sends_to("/"))


def sends_to(address: str) -> str:
    """A page that goes on to an address by itself."""
    to = escape(address, quote=True)
    refresh = f'<meta http-equiv="refresh" content="0; url={to}">'
    return _page("limner", f'<p><a href="{to}">To the review page</a></p>', refresh)


def _page(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f"{head}<title>{title}</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
