"""One run of one spec: the library's lock, what is left, the production line, and the choice of keepers.

A process holds at most one open session a spec and library. ``limner produce`` opens it before Prefect starts and
the flow finds it again; on a worker of somebody else's the flow opens its own.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from catalog.catalog import Catalog
from catalog.database.locks import set_lock
from catalog.provenance import CandidateKey
from catalog.queries.candidate_state import CandidateState
from catalog.writes.runs import Run
from flows.pipeline.contact_sheet import ContactSheet, sheet_of, sheet_path
from flows.pipeline.failures import Failure, merged
from flows.pipeline.judge_and_select import Rechoose, VerdictEntry, judge_and_select, with_verdicts
from flows.pipeline.planning import Candidates, Plan, PlannedCandidate, make_plan
from flows.pipeline.rendering.recorder import Recorder
from flows.pipeline.rendering.render_worker import RenderWorker, Shard, ShardReport, make_shards
from flows.pipeline.rendering.renderer import InterruptedRunError
from flows.pipeline.rendering.tools import Tools, tools_for
from flows.pipeline.resolve import ResolvedSpec, resolve_spec
from flows.pipeline.stale_scorecards import refresh, updated
from flows.progress import ProgressBar
from flows.settings import Settings
from scoring.reasons import REPLACED, RESTORED
from specs.errors import LimnerError

OTHERS_POLL_S = 0.5


class NotAllowedError(LimnerError):
    """Rights or missing weights stop the run before any device time is spent."""


@dataclass
class Summary:
    """``produce --json``'s object, and what the flow run returns."""

    set: str
    generated: int = 0
    reused: int = 0
    kept: int = 0
    rejected: int = 0
    failed: int = 0
    seconds: float = 0.0
    library: str = ""
    warnings: list[str] = field(default_factory=list)
    holes: list[dict[str, Any]] = field(default_factory=list)  # as ``Hole.value`` has them
    failures: list[dict[str, Any]] = field(default_factory=list)  # as ``Failure.value`` has them


@dataclass(frozen=True)
class RescoreResult:
    """What ``Session.rescore`` did: the candidates as they were before, those that were measured anew, the verdicts."""

    before: Candidates
    measured: Mapping[CandidateKey, CandidateState]
    verdicts: Sequence[VerdictEntry]
    warnings: Sequence[str] = ()


@dataclass
class Session:
    """See the module. ``summary`` grows as the run goes; ``before`` is the plan it began with."""

    resolved: ResolvedSpec
    settings: Settings
    catalog: Catalog
    run: Run
    worker: RenderWorker
    progress: ProgressBar
    summary: Summary
    before: Plan
    recorder: Recorder
    began: float = field(default_factory=time.monotonic)
    _shards: list[Shard] | None = None
    _made: Candidates | None = None
    _plan: Plan | None = None
    _next_number: int = 0
    _measured: set[CandidateKey] = field(default_factory=set)  # measured anew since the last choice

    def judge_and_select(self, *, incomplete: bool = False) -> None:
        """Bring stale scores up to date, then judge and choose, once no picture of a round that has begun is missing.

        Keepers are chosen for the whole set together, so choosing earlier would make the choice depend on where a run
        was interrupted. ``incomplete``: pictures are missing because they failed; choose among what there is.
        """
        if fresh := refresh(self.resolved, self.catalog, self.candidates(), self.recorder.load).now:
            self._made, self._plan = updated(self.candidates(), fresh), None
            self._measured |= fresh.keys()
        choosing = incomplete or not self.plan().entries
        if choosing and judge_and_select(
            self.resolved, self.catalog, self.candidates(), self.recorder.load, measured=self._measured
        ):
            self._forget()
        if choosing:
            self._measured = set()

    def rescore(self, *, decode: bool, anew: bool = False) -> RescoreResult:
        """Scorecards, verdicts and keepers by the spec as it is now, of what is made; renders nothing.

        Keepers are chosen anew where the rules in force have not judged yet (``anew``: everywhere), those of persons
        stand; so where nothing changed nothing is written. Raises NeedsPixelsError, before any card is written, when
        pictures must be looked at and ``decode`` is false.
        """
        before, clip = self.candidates(), self.resolved.scorers["clip"]
        stored = self.catalog.embeddings(self.resolved.spec.set_name, clip.checkpoint.weights_id) if clip else None
        fresh = refresh(self.resolved, self.catalog, before, self.recorder.load, decode=decode, stored=stored)
        self._made, self._plan = updated(before, fresh.now), None
        if fresh.looked_at:
            stored = None
        verdicts = judge_and_select(
            self.resolved,
            self.catalog,
            self.candidates(),
            self.recorder.load,
            rechoose=Rechoose.ALL if anew else Rechoose.CHANGED,
            measured=fresh.now.keys(),
            stored=stored,
        )
        besides = any(one.startswith((REPLACED, RESTORED)) for _, verdict in verdicts for one in verdict.reasons)
        if besides or self.resolved.spec.reject_pixels == "drop":
            self._forget()
        else:
            self._made, self._plan = with_verdicts(self.candidates(), verdicts), None
        return RescoreResult(before, fresh.now, verdicts, self.recorder.warnings)

    def shards(self) -> list[Shard]:
        """The shards left in this round; empty when the set is finished. Stable until ``finish_round``."""
        if self._shards is None:
            plan = self.plan()
            self._shards = make_shards(plan.entries, self.settings.shard_pictures, self._next_number)
            self._next_number += len(self._shards)
            new = len(plan.entries)
            if new and self.progress.total < self.progress.done + new:
                self.progress.grow(self.progress.done + new - self.progress.total)
        return self._shards

    def candidates(self) -> Candidates:
        """What is on record of the set, as of the last step of this run."""
        if self._made is None:
            self._made = self.catalog.candidates(self.resolved.spec.set_name)
        return self._made

    def plan(self) -> Plan:
        """What is left to do now."""
        if self._plan is None:
            self._plan = make_plan(self.resolved, self.candidates())
        return self._plan

    def _forget(self) -> None:
        self._made = self._plan = None

    def shard(self, number: int, pairs: Sequence[tuple[str, int]]) -> Shard:
        """A shard from what a task was told."""
        plans = self.resolved.plans
        return Shard(number, tuple(PlannedCandidate(asset_id, n, plans[asset_id].job(n)) for asset_id, n in pairs))

    def finish_round(self, reports: list[ShardReport], failures: Sequence[Failure] = ()) -> None:
        """Count, wait for jobs that other runs are making, settle."""
        self._count(reports)
        self.summary.failed += sum(failure.pictures for failure in failures)
        self.summary.failures += [failure.value() for failure in merged(failures)]
        self._take_over([entry for report in reports for entry in report.waiting])
        self._shards = None
        self._forget()
        self.judge_and_select(incomplete=bool(failures))

    def _count(self, reports: Sequence[ShardReport]) -> None:
        self.summary.generated += sum(report.generated for report in reports)
        self.summary.reused += sum(report.reused for report in reports)

    def _take_over(self, waiting: list[PlannedCandidate]) -> None:
        """Jobs that another live run had claimed: take its pictures, or make them if that run died."""
        while waiting:
            shards = make_shards(waiting, self.settings.shard_pictures, self._next_number)
            self._next_number += len(shards)
            reports = [self.worker.submit(shard).result() for shard in shards]
            self._count(reports)
            waiting = [entry for report in reports for entry in report.waiting]
            if waiting and self.worker.stopping.wait(OTHERS_POLL_S):
                raise InterruptedRunError

    def finish(self) -> Summary:
        """Fill in the summary, and draw the contact sheet where something changed."""
        of_spec = [candidate for id_ in self.resolved.plans for candidate in self.candidates().get(id_, {}).values()]
        self.summary.kept = sum(candidate.is_keeper for candidate in of_spec)
        self.summary.rejected = len(of_spec) - self.summary.kept
        self.summary.warnings = self.recorder.warnings
        self.summary.holes = [asset.hole.value() for asset in self.plan().assets if asset.hole]
        self.summary.seconds = round(time.monotonic() - self.began, 3)
        self.sheet().bring_up()
        return self.summary

    def changes(self) -> list[dict[str, str | int]]:
        """What this run changed, a row an asset: candidates made and keepers before and after."""
        now = {asset.asset_id: asset for asset in self.plan().assets}
        rows: list[dict[str, str | int]] = []
        for before in self.before.assets:
            after = now[before.asset_id]
            if (before.made, before.keepers) != (after.made, after.keepers):
                row: dict[str, str | int] = {
                    "asset": before.asset_id,
                    "was": before.state.value,
                    "is": after.state.value,
                }
                row |= {"made": after.made - before.made, "keepers before": before.keepers, "keepers": after.keepers}
                rows.append(row)
        return rows

    @property
    def sheet_path(self) -> Path:
        """Where the contact sheet goes."""
        return sheet_path(self.resolved.spec, self.settings.library)

    def sheet(self) -> ContactSheet:
        """The contact sheet of the keepers that stand now."""
        return sheet_of(self.resolved.spec, self.candidates(), self.settings.library)


MakeTools = Callable[[ResolvedSpec, Settings], Tools]
_open: dict[tuple[str, str], Session] = {}
_open_lock = threading.RLock()


def _key(spec_path: Path, settings: Settings) -> tuple[str, str]:
    return str(spec_path.resolve()), str(settings.library.resolve())


@contextmanager
def open_session(
    spec_path: Path,
    settings: Settings,
    *,
    progress: ProgressBar | None = None,
    on_wait: Callable[[str], None] | None = None,
    make_tools: MakeTools = tools_for,
) -> Iterator[Session]:
    """The session of this spec and library; the one that is open already, if there is one.

    Raises NotAllowedError when rights or missing weights stand in the way, and ``BusyError`` when another run
    holds the set and ``settings.wait`` is false; otherwise waits, after telling ``on_wait`` who holds it.
    ``make_tools`` may bring another renderer or other scorers (the scale test has a stand-in).
    """
    key = _key(spec_path, settings)
    with _open_lock:
        known = _open.get(key)
    if known is not None:
        yield known
        return
    resolved = permitted(spec_path, settings)
    with (
        Catalog.open(settings.library, create=True) as catalog,
        set_lock(settings.library, resolved.spec.set_name, wait=settings.wait, on_wait=on_wait),
    ):
        session = _begin(resolved, settings, catalog, progress, make_tools(resolved, settings))
        with _open_lock:
            _open[key] = session
        outcome = "failed"
        try:
            yield session
            outcome = "finished"
        except (KeyboardInterrupt, InterruptedRunError):
            outcome = "interrupted"
            raise
        finally:
            if outcome != "finished":
                session.worker.interrupt()
            session.worker.close()
            with _open_lock:
                del _open[key]
            catalog.finish_run(session.run, outcome, asdict(session.summary))


def session_here(spec_path: Path, settings: Settings) -> Session:
    """The session of this process for a task: the flow's own, or, on a worker elsewhere, one without the set's lock.

    The flow holds the lock for all its workers; claims keep them from making a job twice.
    """
    key = _key(spec_path, settings)
    with _open_lock:
        if key not in _open:
            resolved = permitted(spec_path, settings)
            catalog = Catalog.open(settings.library, create=False)
            _open[key] = session = _begin(resolved, settings, catalog, None, tools_for(resolved, settings))
            atexit.register(_leave, session)
        return _open[key]


def _leave(session: Session) -> None:
    """The end of a worker's process: what was begun is recorded, the run ends, the catalog is sealed."""
    try:
        session.worker.close()
        session.summary.warnings = session.recorder.warnings
        for warning in session.summary.warnings:
            print(warning, file=sys.stderr)
        session.catalog.finish_run(session.run, "finished", asdict(session.summary))
    finally:
        session.catalog.close()


def permitted(spec_path: Path, settings: Settings) -> ResolvedSpec:
    """The work of a spec that nothing stands in the way of; raises NotAllowedError with every obstacle."""
    resolved = resolve_spec(spec_path, settings)
    if resolved.obstacles:
        raise NotAllowedError("\n".join(resolved.obstacles))
    return resolved


def _begin(
    resolved: ResolvedSpec, settings: Settings, catalog: Catalog, progress: ProgressBar | None, tools: Tools
) -> Session:
    resolved.register(catalog)
    bar = progress or ProgressBar(resolved.spec.set_name, 0, quiet=True)
    made = catalog.candidates(resolved.spec.set_name)
    before = make_plan(resolved, made)
    run = catalog.start_run(resolved.spec.set_name, resolved.spec.spec_sha256)
    recorder = Recorder(resolved, catalog, run, tools.load_scorers, bar)
    worker = RenderWorker(tools.load_renderer, recorder, tools.slot)
    summary = Summary(resolved.spec.set_name, reused=before.jobs - len(before.entries), library=str(settings.library))
    session = Session(resolved, settings, catalog, run, worker, bar, summary, before, recorder)
    session._made, session._plan = made, before
    return session
