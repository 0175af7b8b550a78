"""Which candidate of an asset is looked at first: the keeper that stands, else the runner-up, else the first."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, select, tuple_

from catalog.database.schema import AssetRow, AssetVersion
from catalog.queries.candidate_state import CandidateState
from catalog.writes.places import Asset, by_strength
from scoring.reasons import TOO_LIKE, reason_code
from scoring.verdict import judge
from specs.spec import KeepRules


def first_of(connection: Connection, asset: Asset, ids: Sequence[str], keepers: Collection[str]) -> str:
    """One of these candidates of an asset, '' for none. The runner-up is the strongest that passes the rules of the row
    in force and on which no person has decided."""
    if kept := next((id_ for id_ in ids if id_ in keepers), ""):
        return kept
    rules = keep_rules(connection, [asset]).get(asset, KeepRules())
    ranked = [one.candidate for one in by_strength(connection, asset)] if ids else []
    passing = [one.key.candidate_id for one in ranked if _may_be_chosen(one, rules)]
    return next((id_ for id_ in [*passing, *ids] if id_ in ids), "")


def keep_rules(connection: Connection, assets: Collection[Asset]) -> dict[Asset, KeepRules]:
    """The rules that these assets' rows have now."""
    query = (
        select(AssetRow.set_name, AssetRow.asset_id, AssetVersion.value)
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .where(tuple_(AssetRow.set_name, AssetRow.asset_id).in_(sorted(assets)))
    )
    return {(row[0], row[1]): _rules(json.loads(row[2])["keep"]) for row in connection.execute(query)}


def _may_be_chosen(candidate: CandidateState, rules: KeepRules) -> bool:
    too_like = TOO_LIKE in map(reason_code, json.loads(candidate.policy_reasons))  # only the choice knows the others
    free = candidate.state == "present" and not candidate.by_person and not too_like
    return free and not judge(candidate.scorecard, rules)


def _rules(value: Mapping[str, Any]) -> KeepRules:
    """As they were written: JSON has lists for tuples, and a row of an older limner fewer rules."""
    known = {field.name: value[field.name] for field in fields(KeepRules) if field.name in value}
    defects, extra = known.pop("allow_defects", ()), known.pop("extra", ())
    return KeepRules(**known, allow_defects=tuple(defects), extra=tuple((name, bound) for name, bound in extra))
