"""The production line: render → encode and score → record, one thread each, so that the device never waits for a disk.

Two batches at most wait between the stages, whatever the size of the set: memory stays flat. A shard is a list of
entries; ``submit`` is idempotent, and a shard that failed can be submitted again: only what is missing is made.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field

from flows.pipeline.planning import PlannedCandidate
from flows.pipeline.rendering.recorder import Recorder
from flows.pipeline.rendering.renderer import InterruptedRunError, RenderedBatch, Renderer
from generator.batching import batch_key, make_batches
from specs.errors import LimnerError


@dataclass(frozen=True, slots=True)
class Shard:
    """The unit of a Prefect task: seconds to minutes of work."""

    number: int
    entries: tuple[PlannedCandidate, ...]

    @property
    def pairs(self) -> list[tuple[str, int]]:
        """(asset id, candidate number) of each entry: what a task is told."""
        return [(entry.asset_id, entry.number) for entry in self.entries]


@dataclass
class ShardReport:
    """What became of a shard's entries."""

    generated: int = 0
    reused: int = 0
    waiting: list[PlannedCandidate] = field(default_factory=list)  # another live run is making these jobs


@dataclass(frozen=True, slots=True)
class _End:
    """The last thing of a shard; it passes the recording thread after all of the shard's pictures."""

    future: Future[ShardReport]
    outcome: ShardReport | BaseException


class RenderWorker:
    """Starts with the first shard; ``close`` waits for what is under way, ``interrupt`` drops what is not recorded."""

    def __init__(
        self,
        load_renderer: Callable[[], Renderer],
        recorder: Recorder,
        slot: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._load_renderer, self._recorder, self._slot = load_renderer, recorder, slot
        self._shards: queue.SimpleQueue[tuple[Shard, Future[ShardReport]] | None] = queue.SimpleQueue()
        self._rendered: queue.Queue[
            tuple[RenderedBatch, dict[str, list[PlannedCandidate]], ShardReport] | _End | None
        ] = queue.Queue(2)
        self._futures: dict[int, Future[ShardReport]] = {}
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self.under_way = threading.Event()  # the first batch is stored, or the first shard is done or has failed
        self.on_cpu = False  # known once it is under way
        self._loaded = threading.Event()
        self._broken: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._render_all, name="limner-paint", daemon=True),
            threading.Thread(target=self._record_all, name="limner-record", daemon=True),
        ]

    def submit(self, shard: Shard) -> Future[ShardReport]:
        """Queue a shard, or return the future of the one with its number that is queued or done."""
        with self._lock:
            known = self._futures.get(shard.number)
            if known is not None and not (known.done() and known.exception()):
                return known
            if not self._futures:
                for thread in self._threads:
                    thread.start()
            future: Future[ShardReport] = Future()
            if self.stopping.is_set():
                future.set_exception(InterruptedRunError())
                return future
            self._futures[shard.number] = future
            self._shards.put((shard, future))
            return future

    def close(self) -> None:
        """Finish what was submitted and end the threads."""
        if self._futures:
            self._shards.put(None)
            for thread in self._threads:
                thread.join()

    def interrupt(self) -> None:
        """Stop at the next step; every open future raises ``InterruptedRunError``. Does not wait."""
        self.stopping.set()
        self._shards.put(None)
        self.under_way.set()

    # the painting thread

    def _render_all(self) -> None:
        renderer: Renderer | None = None
        while (item := self._shards.get()) is not None:
            shard, future = item
            try:
                self._check_stop()
                if renderer is None:
                    renderer = self._load_renderer()
                    self.on_cpu = renderer.on_cpu
                    self._loaded.set()
                self._rendered.put(_End(future, self._render(renderer, shard)))
            except BaseException as error:  # to the future: whoever waits for the shard decides
                self._rendered.put(_End(future, error))
                self._loaded.set()
        self._loaded.set()
        self._rendered.put(None)

    def _render(self, renderer: Renderer, shard: Shard) -> ShardReport:
        by_job: dict[str, list[PlannedCandidate]] = defaultdict(list)
        for entry in shard.entries:
            by_job[entry.job.job_id].append(entry)
        report = ShardReport()
        claim = self._recorder.claim(list(by_job))
        for job_id, picture in claim.made.items():
            report.reused += self._recorder.reuse(picture, by_job[job_id])
        report.waiting = [entry for job_id in claim.others for entry in by_job[job_id]]
        jobs = [by_job[job_id][0].job for job_id in claim.mine]
        for batch in make_batches(jobs, renderer.batch_size(jobs[0])) if jobs else []:
            self._check_stop()
            with self._slot():
                rendered = renderer.render(batch, self.stopping)
            self._rendered.put((rendered, {job.job_id: by_job[job.job_id] for job in rendered.jobs}, report))
        return report

    def _check_stop(self) -> None:
        if self.stopping.is_set():
            raise InterruptedRunError
        if self._broken is not None:
            raise self._broken

    # the recording thread

    def _record_all(self) -> None:
        with ThreadPoolExecutor(2, thread_name_prefix="limner-encode") as pool:
            self._loaded.wait()  # imports of torch in two threads at once trip over one another
            if self._rendered.empty():
                self._warm_up()
            while (item := self._rendered.get()) is not None:
                if isinstance(item, _End):
                    self._resolve(item)
                elif self._broken is None:
                    self._record(item, pool)

    def _warm_up(self) -> None:
        """Load the scorers while the first batch renders; an error shows again, and is told, when they are needed."""
        with suppress(Exception):
            self._recorder.load()

    def _record(
        self, item: tuple[RenderedBatch, dict[str, list[PlannedCandidate]], ShardReport], pool: ThreadPoolExecutor
    ) -> None:
        rendered, entries, report = item
        try:
            report.generated += self._recorder.record(rendered, entries, pool)
            self.under_way.set()
        except BaseException as error:
            self._broken = error

    def _resolve(self, end: _End) -> None:
        error = self._broken or (end.outcome if isinstance(end.outcome, BaseException) else None)
        if error is not None:
            end.future.set_exception(error)
        elif isinstance(end.outcome, ShardReport):
            end.future.set_result(end.outcome)
        self.under_way.set()
        if not isinstance(self._broken, LimnerError):
            self._broken = None  # a retry may do better; a full disk or a lost library will not


def make_shards(entries: Sequence[PlannedCandidate], pictures: int, first_number: int = 0) -> list[Shard]:
    """Entries in shards of one render shape each, at most ``pictures`` jobs; equal jobs share a shard."""
    groups: dict[tuple[object, ...], dict[str, list[PlannedCandidate]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        groups[batch_key(entry.job)][entry.job.job_id].append(entry)
    shards: list[Shard] = []
    for by_job in groups.values():
        lists = list(by_job.values())
        for start in range(0, len(lists), pictures):
            flat = tuple(entry for same in lists[start : start + pictures] for entry in same)
            shards.append(Shard(first_number + len(shards), flat))
    return shards
