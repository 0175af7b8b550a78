"""Which candidate of an asset is looked at first: the keeper that stands, else the runner-up, else the first."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from catalog.objects.areas import ImageState
from catalog.queries.candidate_state import CandidateState
from catalog.queries.rules import Asset, keep_rules
from catalog.writes.places import by_strength
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


def _may_be_chosen(candidate: CandidateState, rules: KeepRules) -> bool:
    too_like = TOO_LIKE in map(reason_code, json.loads(candidate.policy_reasons))  # only the choice knows the others
    free = candidate.state == ImageState.PRESENT and not candidate.by_person and not too_like
    return free and not judge(candidate.scorecard, rules)
