"""What Prefect's page shows of a run, where a server keeps it; nothing is sent where nobody can look."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from tests.flows.conftest import Limner
from tests.world import World, spec_of


def runs_of(set_name: str) -> list[tuple[str, list[str]]]:
    """(name, tags) of the flow runs that have the set's name as a tag."""
    with get_client(sync_client=True) as client:
        return [(run.name, run.tags) for run in client.read_flow_runs() if set_name in run.tags]


def artifact_keys(set_name: str) -> set[str]:
    """Keys of the artifacts that are published of a set."""
    with get_client(sync_client=True) as client:
        found = client.request("POST", "/artifacts/filter", json={}).json()
    return {str(one["key"]) for one in found if set_name in str(one["key"])}


def test_a_run_is_named_tagged_and_published_where_somebody_can_look(world: World, limner: Limner) -> None:
    spec = {**spec_of(("sword",)), "set": "looked-at"}
    world.write(spec)
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: True}):
        assert limner("produce", "spec.yaml").code == 0
    ((name, tags),) = runs_of("looked-at")
    assert name.startswith("looked-at: 2 made, ")
    assert {"looked-at", spec["checkpoint"]} <= set(tags)
    kinds = ("progress", "changes", "keepers", "sheet")
    assert artifact_keys("looked-at") == {f"limner-looked-at-{what}" for what in kinds}


def test_nothing_is_published_to_the_embedded_server(world: World, limner: Limner) -> None:
    world.write({**spec_of(("sword",)), "set": "unseen"})
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        assert limner("produce", "spec.yaml").code == 0
    assert runs_of("unseen") == []
    assert artifact_keys("unseen") == set()
