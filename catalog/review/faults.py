"""What is said when a request cannot be answered: a page in the page's own layout, or JSON for its script.

An error that a person can mend says how; whatever else happens is one sentence, and a file with the traceback.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any

from jinja2 import Environment
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from catalog.catalog import FILE, Catalog
from catalog.database.schema import Library
from catalog.database.sqlite import reading
from catalog.errors import CatalogError, NotFoundError
from catalog.review.decisions import ConflictError
from catalog.review.plain_pages import wants_page
from specs.errors import LimnerError, UsageError
from specs.fault_report import cause, report, without_secrets

STATUSES = ((NotFoundError, 404), (ConflictError, 409), (UsageError, 400))
TITLES = {
    404: "Not found",
    405: "Not that way",
    409: "Somebody was faster",
    400: "Not understood",
    500: "That did not work",
}
Endpoint = Callable[[Request], Any]


class Faults:
    """Answers for what goes wrong while ``catalog`` is reviewed by ``person``."""

    def __init__(self, catalog: Catalog, person: str, pages: Environment) -> None:
        self._catalog, self._person, self._pages = catalog, person, pages
        self._opened = self._identity()

    def explained(self, endpoint: Endpoint, *, of_library: bool = True) -> Endpoint:
        """The endpoint with an answer for every error. One ``of_library`` is asked only while the library is the one
        that was opened."""
        waits = inspect.iscoroutinefunction(endpoint)

        @functools.wraps(endpoint)
        async def run(request: Request) -> Response:
            try:
                if of_library:
                    await run_in_threadpool(self._still_there)
                return await (endpoint(request) if waits else run_in_threadpool(endpoint, request))
            except Exception as error:
                return self.answer(request, error)

        return run

    def answer(self, request: Request, error: Exception) -> Response:
        """The error as a page, or as ``{"error": …}``."""
        if isinstance(error, LimnerError):
            status, words = next((code for kind, code in STATUSES if isinstance(error, kind)), 500), str(error)
        elif isinstance(error, HTTPException):
            path = request.url.path[:80]
            status, words = error.status_code, f"{path!r}: got {request.method}; allowed: what the page links to."
        else:
            written = report(error, f"limner review, {request.method} {request.url.path}")
            status, words = 500, f"A fault of limner: {without_secrets(cause(error))}. {written}"
        if not wants_page(request.headers):
            return JSONResponse({"error": words}, status_code=status)
        shown = {"title": TITLES.get(status, "That did not work"), "words": words, "person": self._person}
        return HTMLResponse(self._pages.get_template("error.html").render(shown), status_code=status)

    def _identity(self) -> tuple[object, ...]:
        """The file, and what is in it: the library's moment of making, and its schema."""
        file = os.stat(self._catalog.library / FILE)  # noqa: PTH116 (its errors are told below)
        with reading(self._catalog.engine) as connection:
            made_at = connection.execute(select(Library.made_at)).scalar_one_or_none()
            return file.st_dev, file.st_ino, made_at, connection.exec_driver_sql("PRAGMA user_version").scalar_one()

    def _still_there(self) -> None:
        try:
            now = self._identity()
        except OSError as error:
            raise CatalogError(
                f"{self._catalog.library / FILE}: gone since this page was opened ({error.strerror}); put the library "
                "back, or restore a backup, then stop `limner review` with Ctrl-C and start it again."
            ) from None
        if now[:-1] != self._opened[:-1]:
            raise CatalogError(
                f"{self._catalog.library}: another library has taken its place since this page was opened; nothing "
                "was written to either. Stop `limner review` with Ctrl-C and start it again."
            )
        if now != self._opened:
            raise CatalogError(
                f"{self._catalog.library}: another limner has brought it to schema {now[-1]} since this page was "
                "opened. Stop `limner review` with Ctrl-C and start it again, with that limner."
            )
