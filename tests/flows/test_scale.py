"""A sample of `benchmarks/scale.py`: many pictures from a stand-in renderer through everything else, counted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import pytest

from benchmarks.scale import STACK, StandIn, write_spec
from flows.pipeline.rendering.renderer import RenderedBatch
from flows.pipeline.rendering.tools import Tools, tools_for
from flows.pipeline.resolve import ResolvedSpec
from flows.settings import Settings, from_environment
from generator.candidate import Batch
from tests.flows.conftest import Limner
from tests.world import World

PICTURES, A_SHARD, A_BATCH = 320, 64, 16


@dataclass
class Watched(StandIn):
    """The stand-in, noting how many pictures are rendered and not yet on record."""

    in_flight: list[int] = field(default_factory=list)

    def render(self, batch: Batch, stopping: threading.Event) -> RenderedBatch:
        """Render and look."""
        from flows.pipeline.session import _open

        rendered = super().render(batch, stopping)
        self.in_flight.append(self.made - next(iter(_open.values())).progress.done)
        return rendered


class TestManyPictures:
    def test_take_one_task_a_shard_and_a_bounded_place_in_memory(
        self, world: World, limner: Limner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from flows import produce as tasks
        from flows.cli.commands.making.produce import produce_specs

        write_spec(world, PICTURES)
        renderer, submitted = Watched(), []
        submit = tasks.make_shard.submit
        monkeypatch.setattr(tasks.make_shard, "submit", lambda *a, **k: submitted.append(a[2]) or submit(*a, **k))

        def make_tools(resolved: ResolvedSpec, settings: Settings) -> Tools:
            return replace(tools_for(resolved, settings), load_renderer=lambda: renderer)

        assert produce_specs([world.spec], from_environment(), as_json=True, make_tools=make_tools) == 0
        capsys.readouterr()
        assert renderer.made == PICTURES
        assert submitted == list(range(PICTURES // A_SHARD))
        assert max(renderer.in_flight) <= 5 * A_BATCH, "one rendering, two waiting, one being recorded, one to spare"
        again = limner("produce", "spec.yaml", "--json").json
        assert (again["generated"], again["reused"]) == (0, PICTURES)
        record = limner("show", "tiny-set/card-0#0", "--json").json
        assert record["execution"]["device_name"] == STACK.device_name
