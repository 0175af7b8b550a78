"""Who may ask: nobody without this launch's token, under another name, from another page. Routes find themselves."""

from __future__ import annotations

import itertools
import re
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from catalog.catalog import Catalog
from tests.review.conftest import HOME, PORT, TOKEN, WORLD, Tab, application

JSON = {"Content-Type": "application/json"}
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "application/json-x")
ORIGINS = (
    "null",
    "http://evil.example",
    f"http://localhost:{PORT}",
    f"https://127.0.0.1:{PORT}",
    "http://127.0.0.1",
    "",
)
HOSTS = ("evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.evil.example:{PORT}", "")


def routes(catalog: Catalog) -> list[Route]:
    """Every route that the application has, found by asking it."""
    app = application(catalog).app
    assert isinstance(app, Starlette)
    found = [route for route in app.routes if isinstance(route, Route)]
    assert len(found) == len(app.routes) > 10, "only plain routes, so that nothing escapes these tests"
    return found


def address(route: Route, value: str = "x") -> str:
    """The route's address with ``value`` for each of its parameters."""
    return re.sub(r"\{[^}]*\}", lambda _: value, route.path)


def writing(catalog: Catalog) -> list[str]:
    """Every address that writes."""
    found = [address(route) for route in routes(catalog) if (route.methods or set()) - {"GET", "HEAD"}]
    assert {"/verdicts", "/undo"} <= set(found)
    return found


class TestWithoutTheToken:
    """Every route, whatever the method."""

    def test_every_route_is_refused(self, stranger: TestClient, catalog: Catalog) -> None:
        for route in routes(catalog):
            for method in route.methods or ():
                answer = stranger.request(method, address(route), headers={"Origin": HOME, **JSON}, content="{}")
                assert answer.status_code == 403, (method, route.path)

    def test_a_wrong_or_old_token_is_none(self, stranger: TestClient) -> None:
        for token in ("", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é"):
            assert stranger.get("/", params={"token": token}).status_code == 403
            stranger.cookies.clear()
            cookie = f"limner_{PORT}={quote(token)}"
            assert stranger.get("/", headers={"Cookie": cookie}).status_code == 403

    def test_the_printed_address_gives_a_cookie_and_loses_the_token(self, stranger: TestClient) -> None:
        answer = stranger.get(f"/?token={TOKEN}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert stranger.get("/").status_code == 200


class TestForeigners:
    """With the token's cookie, as another page in the same browser would have it if cookies were all."""

    def test_a_foreign_host_is_refused_on_every_route(self, tab: Tab, catalog: Catalog) -> None:
        for route, host in itertools.product(routes(catalog), HOSTS):
            for method in route.methods or ():
                headers = {"Host": host, "Origin": f"http://{host}", **JSON}
                assert tab.client.request(method, address(route), headers=headers, content="{}").status_code == 421

    def test_every_write_of_a_foreign_page_or_a_form_is_refused(self, tab: Tab, catalog: Catalog) -> None:
        before = catalog.provenance(WORLD.key(0)).value
        for path in writing(catalog):
            for origin in ORIGINS:
                headers = {**JSON, **({"Origin": origin} if origin else {})}
                assert tab.client.post(path, headers=headers, content="{}").status_code == 403, (path, origin)
            for kind in FORMS:
                headers = {"Origin": HOME, **({"Content-Type": kind} if kind else {})}
                assert tab.client.post(path, headers=headers, content="{}").status_code == 415, (path, kind)
            for site in ("cross-site", "same-site"):
                headers = {"Origin": HOME, "Sec-Fetch-Site": site, **JSON}
                assert tab.client.post(path, headers=headers, content="{}").status_code == 403, (path, site)
        assert catalog.provenance(WORLD.key(0)).value == before

    def test_nothing_is_written_by_reading(self, tab: Tab, catalog: Catalog) -> None:
        for path in writing(catalog):
            assert tab.get(path).status_code == 405

    def test_too_much_is_refused_before_it_is_read(self, tab: Tab) -> None:
        assert tab.post("/verdicts", {"note": "x" * 70_000}).status_code == 413

    def test_a_body_that_is_no_decision_is_explained(self, tab: Tab, catalog: Catalog) -> None:
        bodies = ("", "[]", "nonsense", "null", '{"candidate": 1}', "[" * 30_000, '{"seen": true}')
        for path, body in itertools.product(writing(catalog), bodies):
            answer = tab.client.post(path, headers={"Origin": HOME, **JSON}, content=body)
            assert answer.status_code == 400
            assert "allowed" in answer.json()["error"]


def test_every_answer_forbids_foreign_scripts_styles_frames_and_sniffing(tab: Tab, catalog: Catalog) -> None:
    for route in routes(catalog):
        headers = tab.get(address(route)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
