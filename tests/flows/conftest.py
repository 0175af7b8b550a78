"""The whole path on tiny models: one build, one Prefect server a session; a fresh folder and library a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.orchestration.prefect_home import EmbeddedServer, prepare
from tests.forked import Forking
from tests.world import Finished, World, build_models


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny models, built once; the file that names them."""
    return build_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[dict[str, str]]:
    """A real Prefect server for the session; commands find it by these variables and start none of their own."""
    server = EmbeddedServer(prepare())
    server.wait_until_ready()
    yield {name: os.environ[name] for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")}
    server.stop()


@pytest.fixture(scope="session")
def forking() -> Iterator[Forking]:
    """A process that has imported torch and its kin, for tests of what a process of limner's does."""
    opened = Forking()
    yield opened
    opened.close()


@pytest.fixture
def world(tmp_path: Path, registry: Path) -> World:
    """An empty folder with the tiny models registered."""
    return World(tmp_path, registry)


Limner = Callable[..., Finished]


@pytest.fixture
def limner(judge: Limner, prefect_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Limner]:
    """Run the command line in this process, where torch is loaded once for all tests.

    Prefect reads the address of its server once a process, perhaps before this server was there: it is told again.
    """
    from prefect import settings

    for name, value in prefect_server.items():
        monkeypatch.setenv(name, value)
    with settings.temporary_settings({getattr(settings, name): value for name, value in prefect_server.items()}):
        yield judge


@pytest.fixture
def judge(world: World, monkeypatch: pytest.MonkeyPatch) -> Limner:
    """The same for commands that render nothing, and need no Prefect."""
    for name, value in world.environment().items():
        if name.startswith("LIMNER_") or name == "COLUMNS":
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.folder)

    def run(*words: str) -> Finished:
        from flows.cli.app import app

        result = CliRunner().invoke(app, list(words), catch_exceptions=False)
        return Finished(result.exit_code, result.stdout, result.stderr)

    return run
