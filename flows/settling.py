"""Judge and choose: the verdicts of a policy on every asset whose round of candidates is complete.

A keeper is never replaced by itself. One that stands stays while it meets the rules in force and its asset's recipe is
the same; free places are filled from the candidates that pass, all assets of the set chosen together. Verdicts of
persons are not touched, and count before any policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set

from catalog.made import Embeddings
from catalog.provenance import CandidateKey
from catalog.rows import now
from catalog.store import Catalog
from flows.choosing import BY_POLICY, Judged, apart, choose, judged_candidates, look
from flows.planning import Made, present, round_end, standing_keepers
from flows.recording import Scorers
from flows.work import Work
from scoring.select import Choice
from scoring.verdict import Verdict

CHOSEN = "chosen"
STANDS = "keeper_stands"
SUPERSEDED = "recipe_changed"

Said = tuple[CandidateKey, Verdict]


def settle(
    work: Work,
    catalog: Catalog,
    made: Made,
    load_scorers: Callable[[], Scorers],
    *,
    anew: bool = False,
    stored: Embeddings | None = None,
) -> list[Said]:
    """Append what is to be said of what is made; returns the verdicts. Does nothing twice.

    ``anew``: choose among all that pass, as if the policy had kept nothing yet; keepers of persons stand. ``stored``:
    the set's embeddings, where they are at hand. The scorers are loaded only for a style reference that the CLIP has
    never seen.
    """
    judged = {asset_id: list(found) for asset_id, found in _to_judge(work, made, anew=anew)}
    if not judged:
        return []
    standing = {id_: [item for item in found if item.stands(anew=anew)] for id_, found in judged.items()}
    sight = look(work, catalog, load_scorers, stored)
    judged = apart(work, catalog, judged, standing, sight)
    choice = choose(work, made, judged, standing, sight)
    stands = {item.made.key for found in standing.values() for item in found}
    verdicts = list(_verdicts(work, judged, stands, choice))
    verdicts += _superseded(work, made, judged, {pick.asset_id for pick in choice.picks})
    catalog.append(verdicts)
    if work.spec.reject_pixels == "drop":
        of_objects = {
            item.made.image_sha256 for found in judged.values() for item in found if item.made.area == "objects"
        }
        catalog.drop_pixels(verdict.image_sha256 for _, verdict in verdicts if verdict.image_sha256 in of_objects)
    return verdicts


def _to_judge(work: Work, made: Made, *, anew: bool) -> Iterable[tuple[str, list[Judged]]]:
    """Assets whose round is complete and that are unjudged by the rules in force, or short with something to choose;
    ``anew``: all whose round is complete."""
    for asset_id, plan in work.plans.items():
        found = present(plan, made.get(asset_id, {}))
        rules = plan.asset.candidates
        if not found or len(found) < round_end(found, rules.first, rules.at_most):
            continue
        judged = all(candidate.judged_by(work.policies[asset_id]) for candidate in found.values())
        if judged and not anew and standing_keepers(made[asset_id]) >= plan.asset.keep.per_asset:
            continue
        outcome = judged_candidates(found.values(), plan.asset.keep)
        if anew or not judged or any(item.free and not item.made.keep for item in outcome):
            yield asset_id, outcome


def told(made: Made, verdicts: Iterable[Said]) -> Made:
    """What is on record once the policy has said this; no pixels were dropped."""
    said = dict(verdicts)
    return {
        asset_id: {job_id: one.told(verdict) if (verdict := said.get(one.key)) else one for job_id, one in jobs.items()}
        for asset_id, jobs in made.items()
    }


def _verdicts(
    work: Work, judged: Mapping[str, list[Judged]], stands: Set[CandidateKey], choice: Choice
) -> Iterable[Said]:
    """One verdict of the policy per candidate that it has not judged so."""
    chosen = {(pick.asset_id, pick.image_sha256): pick for pick in choice.picks}
    passed_over, at = dict(choice.passed_over), now()
    for asset_id, items in judged.items():
        policy = work.policies[asset_id]
        for item in items:
            sha256, pick = item.made.image_sha256, chosen.get((asset_id, item.made.image_sha256))
            if item.reasons:
                keep, reasons = False, item.reasons
            elif pick:
                keep, reasons = True, (STANDS if item.made.key in stands else CHOSEN,)
            else:
                keep, reasons = False, (passed_over.get(sha256, "not_wanted"),)
            if item.made.judged_by(policy) and (item.by_person or item.made.keep == keep):
                continue
            note = pick.why if keep and pick else ""
            yield item.made.key, Verdict(sha256, keep, reasons, BY_POLICY, policy, at, note)


def _superseded(
    work: Work, made: Made, judged: Mapping[str, list[Judged]], filled: set[str]
) -> Iterable[tuple[CandidateKey, Verdict]]:
    """A policy's keepers of an old recipe make room once the new recipe has one; a person's stay."""
    for asset_id, items in judged.items():
        if asset_id not in filled:
            continue
        current = {item.made.key.job_id for item in items}
        for job_id, candidate in made[asset_id].items():
            if job_id not in current and candidate.is_keeper and candidate.decided_by == BY_POLICY:
                verdict = Verdict(
                    candidate.image_sha256, False, (SUPERSEDED,), BY_POLICY, work.policies[asset_id], now()
                )
                yield candidate.key, verdict
