"""``limner keepers --why``: each keeper, the rules it met, what spoke for it, and its runner-up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from catalog.catalog import Catalog
from catalog.provenance import CandidateKey
from catalog.queries.candidate_state import CandidateState
from flows.cli.which_set import SPEC_SUFFIXES, spec_files
from flows.output import console, print_json
from flows.pipeline.planning import present
from flows.pipeline.rendering.tools import tools_for
from flows.pipeline.resolve import ResolvedSpec
from flows.pipeline.selection_context import (
    Judged,
    judged_candidates,
    load_selection_context,
    options,
    reject_library_duplicates,
)
from flows.pipeline.session import permitted
from flows.settings import Settings
from scoring.reasons import reason_code
from scoring.reasons import words as reason_words
from scoring.selection.explain import Explanation, ObjectiveParts, explain
from scoring.verdict import met
from specs.errors import UsageError


def show_why(named: Sequence[str], settings: Settings, *, only_sets: bool, as_json: bool) -> int:
    """``named`` are sets, ``set/asset`` or specs' files; none: all sets. Changes nothing."""
    if not only_sets:
        raise UsageError("--why: got a filter beside it; allowed: sets, set/asset or specs, --library and --json.")
    values = []
    for name in named or [""]:
        set_name, _, asset_id = name.partition("/") if _names_an_asset(name) else (name, "", "")
        for path in spec_files([set_name] if set_name else [], settings, every=not set_name):
            values += _explained(path, asset_id, settings)
    if as_json:
        print_json(values)
        return 0
    out = console()
    for value in values:
        _tell(out, value)
    out.print(
        "quality: scores in standard deviations, weighted; coherence: likeness to the set's look; sameness: doubles; "
        "each as `select` in the spec weighs it.",
        soft_wrap=True,
    )
    return 0


def _names_an_asset(named: str) -> bool:
    return "/" in named and not named.endswith(SPEC_SUFFIXES)


def _explained(path: Path, asset_id: str, settings: Settings) -> list[dict[str, Any]]:
    resolved = permitted(path, settings)
    if asset_id and asset_id not in resolved.plans:
        raise UsageError(
            f"{resolved.spec.set_name}/{asset_id}: no such asset; allowed: {', '.join(list(resolved.plans)[:40])}"
        )
    with Catalog.open(settings.library, create=False) as catalog:
        made = catalog.candidates(resolved.spec.set_name)
        judged = _judged(resolved, made)
        standing = {id_: [item for item in items if item.candidate.is_keeper] for id_, items in judged.items()}
        context = load_selection_context(resolved, catalog, tools_for(resolved, settings).load_scorers)
        judged = reject_library_duplicates(resolved, catalog, judged, standing, context)
        asked = options(resolved, made, judged, standing, context)
        names = catalog.names(item.candidate for items in judged.values() for item in items)
        named = catalog.picture_names({item.candidate.image_sha256 for items in standing.values() for item in items})
    by_person = {item.candidate.image_sha256 for items in standing.values() for item in items if item.by_person}
    asked["options"] = [replace(one, pinned=one.image_sha256 in by_person) for one in asked["options"]]
    kept = {item.candidate.image_sha256 for items in standing.values() for item in items}
    found = explain(chosen=kept, **asked)
    rows = {id_: row for row, id_ in enumerate(resolved.plans)}
    shown = [one for one in found if one.asset_id == asset_id or not asset_id]
    return [
        _value(resolved, one, judged[one.asset_id], names, named)
        for one in sorted(shown, key=lambda one: rows[one.asset_id])
    ]


def _judged(resolved: ResolvedSpec, made: Mapping[str, Mapping[str, CandidateState]]) -> dict[str, list[Judged]]:
    """Every candidate of the present recipe, and keepers of an old one, by the rules in force."""
    found = {}
    for id_, plan in resolved.plans.items():
        jobs = made.get(id_, {})
        now = {candidate.image_sha256: candidate for candidate in present(plan, jobs).values()}
        now |= {candidate.image_sha256: candidate for candidate in jobs.values() if candidate.is_keeper}
        found[id_] = judged_candidates(now.values(), plan.asset.keep)
    return found


def _value(
    resolved: ResolvedSpec,
    one: Explanation,
    judged: Sequence[Judged],
    names: Mapping[CandidateKey, str],
    named: Mapping[str, str],
) -> dict[str, Any]:
    by_hash = {item.candidate.image_sha256: item for item in judged}
    mine = by_hash[one.chosen.image_sha256]
    rejected = Counter(reason_code(reason) for item in judged for reason in item.reasons)
    keep = resolved.plans[one.asset_id].asset.keep
    return {
        "set": resolved.spec.set_name,
        "asset": one.asset_id,
        "decided_by": mine.candidate.decided_by,
        "passed": one.passed,
        "candidates": len(judged),
        "rejected": dict(sorted(rejected.items())),
        "keeper": _part_value(one.chosen, mine, names, keep_words=met(mine.card, keep)),
        "runner_up": None
        if one.runner_up is None
        else {
            **_part_value(one.runner_up, by_hash[one.runner_up.image_sha256], names, ()),
            "too_like_id": named.get(one.runner_up.too_like or ""),
        },
    }


def _part_value(
    parts: ObjectiveParts, item: Judged, names: Mapping[CandidateKey, str], keep_words: Sequence[str]
) -> dict[str, Any]:
    scores = {"aesthetic": item.card.aesthetic, "adherence": item.card.adherence}
    value = {"id": names[item.candidate.key], "number": item.candidate.number, **asdict(parts), "scores": scores}
    return {**value, "met": list(keep_words)} if keep_words else value


def _tell(out: Any, value: Mapping[str, Any]) -> None:
    keeper, runner = value["keeper"], value["runner_up"]
    table = Table(title=f"{value['set']}/{value['asset']}: kept by {value['decided_by']}", title_justify="left")
    for column in ("", "picture", "aesthetic", "adherence", "quality", "coherence", "sameness", "total"):
        table.add_column(column, no_wrap=True, justify="left" if column in ("", "picture") else "right")
    for name, parts in (("keeper", keeper), ("runner-up", runner)):
        if parts is not None:
            numbers = [f"{parts[part]:+.2f}" for part in ("quality", "coherence", "sameness", "total")]
            scores = ["" if score is None else f"{score:.2f}" for score in parts["scores"].values()]
            table.add_row(name, f"#{parts['id'].partition('#')[2]}", *scores, *numbers)
    out.print(table)
    rejected = ", ".join(f"{count} {reason_words(reason)}" for reason, count in value["rejected"].items())
    words = [f"{value['passed']} of {value['candidates']} candidates passed" + (f" ({rejected})" if rejected else "")]
    words += [f"met: {'; '.join(keeper['met'])}"] if keeper.get("met") else []
    words += ["no other passed"] if runner is None else []
    if runner and runner["too_like"]:
        words.append(f"the runner-up is too like the keeper {runner['too_like_id'] or 'of another set'}")
    out.print("  " + ". ".join(words), markup=False)
