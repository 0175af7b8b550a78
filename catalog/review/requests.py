"""What a request asks for, checked: every refusal says what came and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.requests import Request

from catalog.errors import NotFoundError
from catalog.review.views.values import BY, STATES, Sought, Wanted
from catalog.writes.annotations import check_tag
from specs.errors import UsageError

_NUMBER = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256(request: Request) -> str:
    """The hash in the address."""
    given = str(request.path_params["sha256"])
    if not _SHA256.fullmatch(given):
        raise NotFoundError(f"{given[:80]!r}: is no picture; allowed: 64 hex digits.")
    return given


def page_number(request: Request) -> int:
    """``page``, from 1."""
    given = request.query_params.get("page", "1")
    if not given.isascii() or not given.isdecimal() or len(given) > 9:
        raise UsageError(f"page: got {given[:40]!r}; allowed: a whole number from 1.")
    return int(given)


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    """The text, if it is one of these."""
    if text not in allowed:
        raise UsageError(f"got {text[:40]!r}; allowed: {', '.join(allowed)}.")
    return text


def least(request: Request, name: str) -> float | None:
    """A number that a score should reach; None when the field is empty."""
    given = request.query_params.get(name, "").strip()
    if not given:
        return None
    if not _NUMBER.fullmatch(given):
        raise UsageError(f"{name}: got {given[:40]!r}; allowed: a number such as 5.5, or nothing.")
    return float(given)


def day(request: Request, name: str) -> str:
    """A day as YYYY-MM-DD; '' when the field is empty."""
    given = request.query_params.get(name, "").strip()
    try:
        return date.fromisoformat(given).isoformat() if given else ""
    except ValueError as error:
        raise UsageError(f"{name}: got {given[:40]!r}; allowed: a day such as 2026-01-31, or nothing.") from error


def wanted(request: Request, sorts: tuple[str, ...], sort: str) -> Wanted:
    """The filter and the order; ``sort`` when the address names none."""
    query = request.query_params
    return Wanted(
        state=one_of(query.get("state", "all"), STATES),
        reason=query.get("reason", "").strip().replace(" ", "_"),
        min_aesthetic=least(request, "aesthetic"),
        min_adherence=least(request, "adherence"),
        since=day(request, "since"),
        until=day(request, "until"),
        tags=tuple(check_tag(tag) for tag in query.get("tags", "").replace(",", " ").split()),
        sort=one_of(query.get("sort") or sort, sorts),
        folded=one_of(query.get("fold", "yes"), ("yes", "no")) == "yes",
        unfolded=query.get("open", ""),
        page=page_number(request),
    )


def sought(request: Request) -> Sought:
    """What is searched for."""
    query = request.query_params
    return Sought(
        words=query.get("words", "").strip()[:200],
        by=one_of(query.get("by", ""), ("", *BY)),
        like=query.get("like", ""),
        set_name=query.get("set", ""),
        clip=query.get("clip", ""),
        saved=query.get("saved", ""),
    )


async def json_object(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object."""
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"body: got no JSON ({error}); allowed: a JSON object.") from error
    if not isinstance(value, dict):
        raise UsageError("body: got no object; allowed: a JSON object.")
    return value


def text(value: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text of the object."""
    return str(_of(value, name, str, default))


def truth(value: Mapping[str, Any], name: str, default: bool | None = None) -> bool:
    """A truth value of the object."""
    return bool(_of(value, name, bool, default))


def number(value: Mapping[str, Any], name: str) -> int:
    """A whole number of the object."""
    if isinstance(value.get(name), bool):
        raise UsageError(f"{name}: got a truth value; allowed: a whole number.")
    return int(_of(value, name, int, None))


def texts(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts of the object."""
    found = _of(value, name, list, [])
    if not all(isinstance(item, str) for item in found):
        raise UsageError(f"{name}: got other things than texts; allowed: a list of texts.")
    return tuple(found)


def _of(value: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    found = value.get(name, default)
    if not isinstance(found, kind):
        raise UsageError(f"{name}: got {type(found).__name__}; allowed: {kind.__name__}.")
    for text_ in found if isinstance(found, list) else [found]:
        if isinstance(text_, str) and not _is_text(text_):
            raise UsageError(f"{name}: got half a character ({text_[:40]!a}); allowed: whole characters. Type it anew.")
    return found


def _is_text(value: str) -> bool:
    """Not so with a surrogate that stands alone, which JSON can spell and no file can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
