"""The review page's server: one route, one call. Reads give HTML, writes take and give JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from catalog.catalog import Catalog
from catalog.errors import NotFoundError
from catalog.review import decisions, requests
from catalog.review.decisions import Decision
from catalog.review.faults import Faults
from catalog.review.pictures import Pictures
from catalog.review.search.library_state import Standings
from catalog.review.search.saved import filter_of
from catalog.review.search.search import search
from catalog.review.search.similar import Alike, EmbedText
from catalog.review.security import Guard
from catalog.review.tickets import Tickets
from catalog.review.views import overview, values
from catalog.review.views import pages as reading
from catalog.review.views.values import Found, Page, Tile
from scoring.deciders import as_person
from scoring.reasons import PERSONS, words
from specs.counted import counted
from specs.errors import LimnerError

HERE = Path(__file__).parent
STATIC = {"review.css": "text/css", "review.js": "text/javascript", "icon.svg": "image/svg+xml"}


@dataclass(frozen=True)
class Review:
    """An open library under review by one person; its methods are the routes."""

    catalog: Catalog
    person: str
    pages: Environment
    standings: Standings
    alike: Alike

    def sets(self, request: Request) -> Response:
        """Every set."""
        return self._page(request, "sets.html", sets=reading.sets(self.catalog), searches=self.catalog.searches())

    def a_set(self, request: Request) -> Response:
        """A set at a glance."""
        name, query = request.path_params["set_name"], request.query_params
        show, words = requests.one_of(query.get("show", "all"), values.SHOWN), query.get("words", "")
        line = reading.the_set(self.catalog, name)
        page = overview.overview(self.catalog, self.standings, name, show, words, requests.page_number(request))
        return self._page(request, "set.html", line=line, page=page, show=show, words=words, shown=values.SHOWN)

    def an_asset(self, request: Request) -> Response:
        """An asset's candidates side by side."""
        set_name, asset_id = request.path_params["set_name"], request.path_params["asset_id"]
        wanted = requests.wanted(request, values.SORTS, "number")
        before, after = overview.neighbours(self.catalog, set_name, asset_id)
        page = reading.candidates(self.catalog, set_name, asset_id, wanted)
        return self._page(
            request,
            "asset.html",
            set_name=set_name,
            asset_id=asset_id,
            text=reading.text_of(self.catalog, set_name, asset_id),
            page=page,
            wanted=wanted,
            before=before,
            after=after,
            states=values.STATES,
            sorts=values.SORTS,
        )

    def next_asset(self, request: Request) -> Response:
        """To the next asset that is still to review; to the set when there is none."""
        set_name, asset_id = request.path_params["set_name"], request.query_params.get("after", "")
        reading.the_set(self.catalog, set_name)
        found = overview.next_to_review(self.standings, set_name, asset_id)
        if found and "full" in request.query_params:
            return self._full(set_name, found)
        return RedirectResponse("/sets/" + "/".join(quote(part, safe="") for part in (set_name, found) if part), 303)

    def full(self, request: Request) -> Response:
        """To the candidate of an asset that is to be looked at first, at full size."""
        return self._full(request.path_params["set_name"], request.path_params["asset_id"])

    def _full(self, set_name: str, asset_id: str) -> Response:
        first = reading.first_candidate(self.catalog, set_name, asset_id)
        asset = "/sets/" + "/".join(quote(part, safe="") for part in (set_name, asset_id))
        return RedirectResponse(f"/candidates/{first}" if first else asset, 303)

    def compare(self, request: Request) -> Response:
        """Two to four candidates, large."""
        tiles = reading.compared(self.catalog, request.query_params.getlist("id"))
        keys = dict.fromkeys((tile.set_name, tile.asset_id) for tile in tiles)
        texts = {key: reading.text_of(self.catalog, *key) for key in keys}
        return self._page(request, "compare.html", tiles=tiles, texts=texts)

    def candidate(self, request: Request) -> Response:
        """One candidate at full size, and where it comes from."""
        detail = reading.detail(self.catalog, request.path_params["candidate_id"])
        record = json.dumps(detail.record, ensure_ascii=False, indent=2)
        tile = detail.tile
        before, after = overview.neighbours(self.catalog, tile.set_name, tile.asset_id, missing_ok=True)
        return self._page(request, "candidate.html", detail=detail, record=record, before=before, after=after)

    def search(self, request: Request) -> Response:
        """Candidates of a set or of all: by words in texts, by words in pictures, like a picture; filtered, sorted."""
        sought = requests.sought(request)
        sorts = (*values.SORTS, values.CLOSEST) if sought.by_picture else values.SORTS
        wanted = requests.wanted(request, sorts, sorts[-1] if sought.by_picture else "number")
        trouble, found = "", Found(Page((), 1, 0))
        try:
            found = search(self.catalog, self.standings, self.alike, sought, wanted)
        except LimnerError as error:
            trouble = str(error)
        said = [item for item in request.query_params.multi_items() if item[0] not in ("page", "by", "sort")]
        clips = reading.clip_names(self.catalog, list(self.alike.clips(reading.writes(self.catalog))))
        return self._page(
            request,
            "search.html",
            sought=sought,
            wanted=wanted,
            found=found,
            page=found.page,
            trouble=trouble,
            clips=clips,
            sets=[line.set_name for line in reading.sets(self.catalog)],
            states=values.STATES,
            sorts=sorts,
            like=reading.tile(self.catalog, sought.like),
            searched_by={by: urlencode([*said, ("by", by)]) for by in values.BY},
        )

    def pulse(self, request: Request) -> Response:
        """How many writes there were; with ``set`` and news since ``since``, the set in numbers."""
        writes, set_name = reading.writes(self.catalog), request.query_params.get("set", "")
        value: dict[str, Any] = {"writes": writes}
        if set_name and request.query_params.get("since", "") != str(writes):
            totals = overview.totals(self.catalog, self.standings, set_name)
            value["totals"] = {name: getattr(totals, name) for name in totals.__slots__}
            value["sentence"] = totals.sentence
        return JSONResponse(value)

    def static(self, request: Request) -> Response:
        """The page's own script and style."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise NotFoundError(f"{name[:60]!r}: no such file.")
        return Response((HERE / "static" / name).read_bytes(), media_type=STATIC[name])

    async def decide(self, request: Request) -> Response:
        """Keep or reject."""
        value = await requests.json_object(request)
        decision = Decision(
            candidate_id=requests.text(value, "candidate"),
            keep=requests.truth(value, "keep"),
            person=self.person,
            reasons=requests.texts(value, "reasons"),
            note=requests.text(value, "note", ""),
            seen=requests.number(value, "seen"),
            image_sha256=requests.text(value, "image"),
            override=requests.truth(value, "override", False),
        )
        return _standing(await run_in_threadpool(decisions.decide, self.catalog, decision))

    async def undo(self, request: Request) -> Response:
        """Take the last decision on a candidate back."""
        value = await requests.json_object(request)
        candidate, seen = requests.text(value, "candidate"), requests.number(value, "seen")
        return _standing(await run_in_threadpool(decisions.undo, self.catalog, candidate, self.person, seen))

    async def tag(self, request: Request) -> Response:
        """Put tags on a candidate, or take them off."""
        value = await requests.json_object(request)
        candidate, tags, remove = (
            requests.text(value, "candidate"),
            requests.texts(value, "tags"),
            requests.truth(value, "remove"),
        )
        author = as_person(self.person)
        on = await run_in_threadpool(partial(self.catalog.tag, candidate, tags, author, remove=remove))
        return JSONResponse({"tags": on})

    async def note(self, request: Request) -> Response:
        """Append a note on a candidate."""
        value = await requests.json_object(request)
        candidate, text = requests.text(value, "candidate"), requests.text(value, "text")
        await run_in_threadpool(self.catalog.note, candidate, text, as_person(self.person))
        return JSONResponse({"noted": True})

    async def save_search(self, request: Request) -> Response:
        """Save the search that the address spells, under a name."""
        name = requests.text(await requests.json_object(request), "name")
        wanted = filter_of(requests.sought(request), requests.wanted(request, values.SORTS, "number"))
        await run_in_threadpool(self.catalog.save_search, name, wanted, as_person(self.person))
        return JSONResponse({"name": name})

    async def delete_search(self, request: Request) -> Response:
        """Take a saved search away."""
        name = requests.text(await requests.json_object(request), "name")
        await run_in_threadpool(self.catalog.delete_search, name, as_person(self.person))
        return JSONResponse({"name": name})

    def _page(self, request: Request, name: str, **shown: Any) -> Response:
        query = urlencode([item for item in request.query_params.multi_items() if item[0] != "page"])
        context = {"person": self.person, "query": query, **shown}
        return HTMLResponse(self.pages.get_template(name).render(context))


def routes(review: Review, pictures: Pictures, faults: Faults) -> list[Route]:
    """Every address of the server. A new one is guarded, and tested, by being in this list."""
    reads = {
        "/": review.sets,
        "/sets/{set_name}": review.a_set,
        "/sets/{set_name}/{asset_id}": review.an_asset,
        "/next/{set_name}": review.next_asset,
        "/full/{set_name}/{asset_id}": review.full,
        "/compare": review.compare,
        "/candidates/{candidate_id}": review.candidate,
        "/search": review.search,
        "/pictures/{sha256}": pictures.picture,
        "/quarantine/{sha256}": pictures.quarantined,
        "/thumbs/{sha256}": pictures.thumb,
        "/pulse": review.pulse,
    }
    writes = {
        "/verdicts": review.decide,
        "/undo": review.undo,
        "/tags": review.tag,
        "/notes": review.note,
        "/searches": review.save_search,
        "/searches/delete": review.delete_search,
    }
    return [
        Route("/static/{name}", faults.explained(review.static, of_library=False)),
        *(Route(path, faults.explained(endpoint)) for path, endpoint in reads.items()),
        *(Route(path, faults.explained(endpoint), methods=["POST"]) for path, endpoint in writes.items()),
    ]


def build(
    catalog: Catalog, person: str, tickets: Tickets, port: int, standings: Standings, embed_text: EmbedText
) -> Guard:
    """The whole application, guarded, for a server on loopback at ``port``. ``embed_text`` is called when somebody
    searches pictures by words, and not before."""
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["zip_self"] = lambda words: [(word, word) for word in words]
    pages.filters["counted"] = counted
    pages.filters["reason_words"] = words
    pages.globals["reasons"] = PERSONS
    review = Review(catalog, person, pages, standings, Alike(catalog, embed_text))
    faults = Faults(catalog, person, pages)
    app = Starlette(routes=routes(review, Pictures(catalog), faults), exception_handlers={HTTPException: faults.answer})
    return Guard(app, tickets, port)


def _standing(tile: Tile) -> Response:
    return JSONResponse({"name": tile.name, "word": tile.word, "seen": tile.seen, "keeper": tile.is_keeper})
