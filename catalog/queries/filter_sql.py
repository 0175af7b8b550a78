"""A Filter as SQL conditions on candidates as they stand, and the errors for names that the library does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, func, or_, select
from sqlalchemy.orm import aliased

from catalog.database.schema import (
    AssetRow,
    CandidateRow,
    CheckpointRow,
    ImageRow,
    JobRow,
    Registration,
    RightsRow,
    ScorecardRow,
    SetRow,
)
from catalog.errors import NotFoundError
from catalog.objects.areas import Area
from catalog.queries.candidates import PERSON, POLICY
from catalog.queries.filter import Filter
from catalog.writes.annotations import counts, standing_tags
from scoring.deciders import Decider, as_person
from specs.values.checks import listed, near, show

Condition = ColumnElement[bool]


def conditions(connection: Connection, wanted: Filter) -> list[Condition]:
    """What to add to the ``where`` of a query made with ``queries.standing``.

    All exact but state ``kept``, which lets through whatever the verdict that counts keeps: whether it is a keeper,
    safety and pixels included, ``is_keeper`` says. NotFoundError for a set, tag, asset, checkpoint or licence that the
    library does not have, with those that it has.
    """
    return [
        *_of_names(connection, wanted),
        *_of_rights(connection, wanted),
        *_of_verdicts(wanted),
        *_of_scores(wanted),
        *_of_state(wanted.state),
    ]


def matching(patterns: Sequence[str], names: Iterable[str], what: str) -> list[str]:
    """The names that any of the patterns matches. NotFoundError for a pattern that matches none."""
    names = sorted(set(names))
    found: set[str] = set()
    for pattern in patterns:
        form = re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern))
        hits = {name for name in names if form.fullmatch(name)}
        if not hits:
            raise _unknown(what, pattern, names)
        found |= hits
    return sorted(found)


def _unknown(what: str, got: str, names: Sequence[str]) -> NotFoundError:
    mean = near(got, names)
    there = listed(names) or f"there is no {what} yet"
    return NotFoundError(
        f"{what}: got {show(got)}, which the library does not have; allowed: {there}"
        + (f"; did you mean {mean}?" if mean else ".")
    )


def _of_names(connection: Connection, wanted: Filter) -> list[Condition]:
    found: list[Condition] = []
    sets: list[str] | None = None
    if wanted.sets:
        sets = matching(wanted.sets, connection.execute(select(SetRow.set_name)).scalars(), "set")
        found.append(CandidateRow.set_name.in_(sets))
    if wanted.assets:
        found.append(_of_assets(connection, wanted.assets, sets))
    if not wanted.former:
        row = aliased(AssetRow)
        same = (row.set_name == CandidateRow.set_name) & (row.asset_id == CandidateRow.asset_id)
        found.append(select(row.in_spec).where(same).scalar_subquery())
    known = counts(connection) if wanted.tags else {}
    for tag in wanted.tags:
        if tag not in known:
            raise _unknown("tag", tag, list(known))
        tagged = standing_tags().subquery()
        found.append(CandidateRow.candidate_id.in_(select(tagged.c.candidate_id).where(tagged.c.tag == tag)))
    if wanted.text:
        has = JobRow.prompt.icontains(wanted.text, autoescape=True)
        found.append(CandidateRow.job_id.in_(select(JobRow.job_id).where(has)))
    return found


def _of_assets(connection: Connection, patterns: Sequence[str], sets: list[str] | None) -> Condition:
    """Asset ids are a-z, 0-9 and -, so that LIKE, which knows no case, means the same as the pattern."""
    ids = select(AssetRow.asset_id).distinct()
    names = connection.execute(ids if sets is None else ids.where(AssetRow.set_name.in_(sets))).scalars().all()
    matching(patterns, names, "asset")
    forms = [pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for pattern in patterns]
    forms = [form.replace("*", "%").replace("?", "_") for form in forms]
    return or_(*(CandidateRow.asset_id.like(form, escape="\\") for form in forms))


def _of_rights(connection: Connection, wanted: Filter) -> list[Condition]:
    found: list[Condition] = []
    if wanted.checkpoints:
        names = connection.execute(
            select(CheckpointRow.name).join(
                Registration, Registration.checkpoint_sha256 == CheckpointRow.checkpoint_sha256
            )
        ).scalars()
        chosen = select(CheckpointRow.checkpoint_sha256).where(
            CheckpointRow.name.in_(matching(wanted.checkpoints, names, "checkpoint"))
        )
        found.append(_registered(Registration.checkpoint_sha256.in_(chosen)))
    if wanted.licences or wanted.use or wanted.commercial:
        rows = connection.execute(select(RightsRow.rights_sha256, RightsRow.value)).all()
        decisions = {row.rights_sha256: json.loads(row.value) for row in rows}
        known = {value["licence"] for value in decisions.values()}
        licences = matching(wanted.licences, known, "licence") if wanted.licences else known
        fit = [
            sha256
            for sha256, value in decisions.items()
            if value["licence"] in licences
            and wanted.use in ("", value["use"])
            and (value["may_export_commercially"] or not wanted.commercial)
        ]
        found.append(_registered(Registration.rights_sha256.in_(fit)))
    return found


def _registered(condition: Condition) -> Condition:
    return CandidateRow.registration_sha256.in_(select(Registration.registration_sha256).where(condition))


def _of_verdicts(wanted: Filter) -> list[Condition]:
    found: list[Condition] = []
    reasons: Any = func.coalesce(PERSON.reasons, POLICY.reasons, "[]", type_=String)
    if wanted.reasons:
        begun = [f'"{reason}{end}' for reason in wanted.reasons for end in ('"', ":")]  # outscored:<picture> too
        found.append(or_(*(reasons.contains(one, autoescape=True) for one in begun)))
    if wanted.decided_by:
        by: Any = func.coalesce(PERSON.decided_by, POLICY.decided_by, "", type_=String)
        a_person = wanted.decided_by == Decider.PERSON
        found.append(by.startswith(as_person(""), autoescape=True) if a_person else by == wanted.decided_by)
    at: Any = func.coalesce(PERSON.at, POLICY.at, CandidateRow.made_at)
    if wanted.since:
        found.append(at >= wanted.since)
    if wanted.until:
        found.append(at < wanted.until)
    return found


def _of_scores(wanted: Filter) -> list[Condition]:
    found: list[Condition] = []
    if wanted.min_aesthetic is not None:
        found.append(ScorecardRow.aesthetic >= wanted.min_aesthetic)
    if wanted.min_adherence is not None:
        found.append(ScorecardRow.adherence >= wanted.min_adherence)
    return found


def _of_state(state: str) -> list[Condition]:
    keep: Any = func.coalesce(PERSON.keep, POLICY.keep)
    if state == "kept":
        return [keep]
    if state == "rejected":
        return [keep == False]  # noqa: E712 (SQL)
    if state == "waiting":
        return [PERSON.keep.is_(None)]
    unclear = or_(ScorecardRow.safety != "clear", ImageRow.area != Area.OBJECTS)
    return [unclear] if state == "unclear" else []
