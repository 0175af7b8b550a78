"""``limner rescore``: scores, verdicts and keepers by the spec as it is now, from what is stored; renders nothing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from catalog.queries.candidate_state import CandidateState
from flows.cli.options import AsJson, Checkpoints, Device, EverySet, Library, SetsOrSpecs
from flows.cli.which_set import spec_files
from flows.output import console, print_json
from flows.pipeline.planning import State
from flows.pipeline.session import RescoreResult, Session, open_session
from flows.settings import Settings, from_environment
from scoring.reasons import in_names, of_picture, pictures_in
from scoring.verdict import explain

ROWS_SHOWN = 24


def command(
    sets: SetsOrSpecs = [],  # noqa: B006 (typer copies it)
    every: EverySet = False,
    decode: Annotated[
        bool, typer.Option("--decode", help="May look at the pictures again, where stored embeddings do not answer.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Choose among all that pass, though the rules are the same.")
    ] = False,
    library: Library = None,
    device: Device = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """Score, judge and choose by the spec as it is now, from stored embeddings. Persons' verdicts stand.

    Where neither the rules nor the scorers changed nothing is written, unless --anew asks for a new choice.
    """
    settings = from_environment(library=library, device=device, checkpoints=tuple(checkpoints))
    return rescore_sets(sets, settings, every=every, decode=decode, anew=anew, as_json=as_json)


@dataclass(frozen=True)
class Change:
    """A picture that became a keeper, or is none any more, with the reasons in a name and in words."""

    candidate: CandidateState
    name: str
    kept: bool
    reasons: tuple[str, ...]
    words: str

    def value(self) -> dict[str, Any]:
        """An object of ``rescore --json``."""
        return {
            "id": self.name,
            "image_sha256": self.candidate.image_sha256,
            "reasons": list(self.reasons),
            "words": self.words,
        }


def rescore_sets(
    named: Sequence[str], settings: Settings, *, every: bool, decode: bool, anew: bool = False, as_json: bool
) -> int:
    """One set after the other; what was done to the earlier ones stays when a later one is refused."""
    with _uncollected():
        paths = spec_files(named, settings, every=every)
        values = [_rescore(path, settings, decode=decode, anew=anew, quiet=as_json) for path in paths]
    if as_json:
        print_json(values[0] if len(named) == 1 else values)
    return 0


@contextmanager
def _uncollected() -> Iterator[None]:
    """Many small values that live to the end: to look for cycles among them again and again takes a second of eight."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _rescore(path: Path, settings: Settings, *, decode: bool, anew: bool, quiet: bool) -> dict[str, Any]:
    def say(holder: str) -> None:
        print(f"{path}: a run of this set is at work ({holder}); waiting for it.", file=sys.stderr)

    with open_session(path, settings, on_wait=say) as session:
        done = session.rescore(decode=decode, anew=anew)
        changes = changes_of(session, done)
        session.sheet().bring_up()
        value = {
            "set": session.resolved.spec.set_name,
            "measured": len(done.measured),
            "judged": len(done.verdicts),
            "newly_kept": [change.value() for change in changes if change.kept],
            "newly_rejected": [change.value() for change in changes if not change.kept],
            "short": [asset.asset_id for asset in session.plan().assets if asset.state is State.SHORT],
            "missing": len(session.plan().entries),
            "warnings": list(done.warnings),
        }
        for warning in done.warnings:
            print(warning, file=sys.stderr)
        if not quiet:
            _tell(value)
        return value


def changes_of(session: Session, done: RescoreResult) -> list[Change]:
    """Who is a keeper now and was none before, and the other way round, in the order of the rows."""
    now = session.candidates()
    said = dict(done.verdicts)
    spoken = {picture for verdict in said.values() for one in verdict.reasons if (picture := of_picture(one))}
    spoken |= {picture for verdict in said.values() for picture in pictures_in(verdict.note)}
    named = session.catalog.picture_names(spoken)
    found: list[tuple[CandidateState, tuple[str, ...], str]] = []
    for asset_id, jobs in done.before.items():
        for job_id, before in sorted(jobs.items(), key=lambda item: item[1].number):
            after = now[asset_id][job_id]
            if before.is_keeper == after.is_keeper:
                continue
            verdict = said.get(after.key)
            reasons = verdict.reasons if verdict else (f"safety_{after.safety.value}",)
            plan = session.resolved.plans.get(asset_id)
            words = in_names(verdict.note, named) if verdict and verdict.keep else ""
            if plan and not words:
                words = "; ".join(explain(reason, after.scorecard, plan.asset.keep, named) for reason in reasons)
            found.append((after, reasons, words))
    names = session.catalog.names(after for after, _, _ in found)
    return [Change(after, names[after.key], after.is_keeper, reasons, words) for after, reasons, words in found]


def _tell(value: dict[str, Any]) -> None:
    out = console()
    table = Table()
    for column in ("picture", "hash", "now"):
        table.add_column(column, no_wrap=True)
    table.add_column("why", overflow="fold")
    rows = [(change, "kept") for change in value["newly_kept"]]
    rows += [(change, "rejected") for change in value["newly_rejected"]]
    for change, word in sorted(rows, key=lambda row: (row[0]["id"], row[1]))[:ROWS_SHOWN]:
        table.add_row(change["id"], change["image_sha256"][:12], word, change["words"])
    if rows:
        out.print(table)
    if len(rows) > ROWS_SHOWN:
        out.print(f"… and {len(rows) - ROWS_SHOWN} more (--json lists all)")
    kept, rejected = len(value["newly_kept"]), len(value["newly_rejected"])
    out.print(
        f"{value['set']}: {value['measured']} scorecards new, {value['judged']} verdicts; "
        f"{kept} newly kept, {rejected} no longer; nothing was rendered."
    )
    if value["short"]:
        out.print(f"  short of keepers: {', '.join(value['short'])}", soft_wrap=True)
    if value["missing"]:
        out.print(f"  limner produce would make {value['missing']} more pictures")
