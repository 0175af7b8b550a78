"""Who may ask: nobody without a session, under another name, from another page. Routes find themselves."""

from __future__ import annotations

import itertools
import re
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from catalog.catalog import Catalog
from catalog.review.security import Guard
from catalog.review.tickets import VALID_S, Tickets
from tests.review.conftest import HOME, PORT, WORLD, Tab, admitted, application, client_of

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


class TestWithoutASession:
    """Every route, whatever the method."""

    def test_every_route_is_refused(self, stranger: TestClient, catalog: Catalog) -> None:
        for route in routes(catalog):
            for method in route.methods or ():
                answer = stranger.request(method, address(route), headers={"Origin": HOME, **JSON}, content="{}")
                assert answer.status_code == 403, (method, route.path)

    def test_a_wrong_ticket_is_none_and_a_ticket_is_no_cookie(self, stranger: TestClient, guard: Guard) -> None:
        ticket = guard.tickets.issue()
        for wrong in ("", "x", ticket[:-1], ticket + "x", ticket.swapcase(), "é"):
            assert stranger.get("/", params={"ticket": wrong}).status_code == 403
        for given in ("", "x", quote("é"), ticket):
            assert stranger.get("/", headers={"Cookie": f"limner_{PORT}={given}"}).status_code == 403
        assert stranger.get("/", params={"ticket": ticket}).status_code == 200

    def test_a_ticket_gives_a_session_once_that_the_address_never_had(self, stranger: TestClient, guard: Guard) -> None:
        ticket = guard.tickets.issue()
        answer = stranger.get("/", params={"ticket": ticket})
        cookie = answer.headers["set-cookie"]
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        assert ticket not in cookie + answer.text
        assert stranger.get("/").status_code == 200
        late = client_of(guard).get("/", params={"ticket": ticket}, headers={"Accept": "text/html"})
        assert late.status_code == 403
        assert "press enter" in late.text.lower(), "it says how to get in"

    def test_who_has_a_session_may_open_a_used_address_again(self, guard: Guard) -> None:
        client, ticket = admitted(guard), guard.tickets.issue()
        for _ in range(2):
            assert client.get("/", params={"ticket": ticket}).headers["location"] == "/"
        assert client_of(guard).get("/", params={"ticket": ticket}).status_code == 200, "which uses none up"

    def test_a_ticket_ends_by_itself(self) -> None:
        moments = iter([0.0, VALID_S - 1, 0.0, VALID_S + 1])
        tickets = Tickets(lambda: next(moments))
        assert tickets.redeem(tickets.issue())
        assert not tickets.redeem(tickets.issue())

    def test_no_two_launches_share_a_session(self, catalog: Catalog) -> None:
        one, other = admitted(application(catalog)), client_of(application(catalog))
        cookies = {"Cookie": f"limner_{PORT}={one.cookies[f'limner_{PORT}']}"}
        assert other.get("/", headers=cookies).status_code == 403


class TestForeigners:
    """With a session's cookie, as another page in the same browser would have it if cookies were all."""

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
