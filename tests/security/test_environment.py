"""Promise: of variables and settings files, what the README names counts, and nothing else runs, writes or delays."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows.orchestration.prefect_address import ask_users_server
from flows.orchestration.prefect_home import EmbeddedServer, prepare
from flows.settings import from_environment
from specs.boundary.children import ask, configure_libraries, kept_variables
from specs.errors import LimnerError, UsageError
from tests.flows.conftest import registry, world  # noqa: F401 (fixtures)
from tests.security.traps import set_traps
from tests.world import ROOT, World, spec_of


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment and the folder as they were."""
    before, folder = dict(os.environ), Path.cwd()
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(before)


def settings_in_a_child(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What Prefect's settings are once limner has prepared them, in a process that starts in ``folder``."""
    code = (
        "import limner\nlimner.own_packages_first()\nfrom specs.boundary.children import keep_known_variables\n"
        "keep_known_variables()\n"
        "from flows.orchestration.prefect_home import prepare\nhome = prepare()\nimport prefect\n"
        "from prefect.settings import get_current_settings, Settings\n"
        "for found in (get_current_settings(), Settings()):\n"
        "    assert str(found.home) == str(home), found.home\n"
        "    assert 'prefect/logging' in str(found.logging.config_path), found.logging.config_path\n"
        "    assert str(home) in found.server.database.connection_url.get_secret_value()\n"
        "    assert not found.plugins.enabled and not found.server.ephemeral.enabled\n"
        "    assert 'root' not in (found.logging.extra_loggers or [])\n"
        "print('as limner says')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr


def test_prefects_settings_are_limners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary, variables = set_traps(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert settings_in_a_child(tmp_path, monkeypatch) == "as limner says"
    for name in variables:
        monkeypatch.delenv(name)
    assert settings_in_a_child(tmp_path, monkeypatch) == "as limner says", "the dot files alone"
    assert not canary.exists()


class Answering(BaseHTTPRequestHandler):
    """Answers every GET with the status that the server's class attribute names."""

    status, asked = 200, 0

    def do_GET(self) -> None:
        """One answer."""
        type(self).asked += 1
        self.send_response(self.status)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def answering() -> Iterator[tuple[str, type[Answering]]]:
    """An HTTP server on loopback; its address, and what it answers."""
    kind = type("OwnAnswering", (Answering,), {})
    server = HTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api", kind
    server.shutdown()
    server.server_close()


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


class TestPrefectApiUrl:
    def test_that_does_not_answer_is_told_before_anything_is_rendered(self, world: World) -> None:  # noqa: F811
        world.write(spec_of(["sword"]))
        url = f"http://127.0.0.1:{free_port()}/api"
        began = time.monotonic()
        done = world.run("produce", "spec.yaml", PREFECT_API_URL=url)
        assert done.code == 1
        assert done.err.startswith(f"PREFECT_API_URL: no Prefect server answers at {url}")
        assert len(done.err.splitlines()) == 1
        assert not list(world.library.glob("objects/*/*"))
        assert time.monotonic() - began < 60
        (world.folder / "spec.yaml").write_text(world.spec.read_text() + "schedule: {every_s: 60}\n")
        assert "PREFECT_API_URL" in world.run("serve", "spec.yaml", PREFECT_API_URL=url).err

    def test_that_is_no_address_is_a_usage_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for text in (
            "localhost:4200",
            "ftp://host/api",
            "http://",
            "http://[::1",
            "http://a b/",
            "http://h:99999/",
            "x",
        ):
            monkeypatch.setenv("PREFECT_API_URL", text)
            with pytest.raises(UsageError, match="PREFECT_API_URL") as refused:
                ask_users_server()
            assert repr(text) in str(refused.value)

    @pytest.mark.parametrize(
        ("status", "says"), [(200, ""), (404, ""), (401, "PREFECT_API_KEY"), (503, "status 503"), (302, "status 302")]
    )
    def test_says_what_it_answers(
        self, status: int, says: str, answering: tuple[str, type[Answering]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url, kind = answering
        kind.status = status
        monkeypatch.setenv("PREFECT_API_URL", url)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "someone:secret")
        if not says:
            ask_users_server()
        else:
            with pytest.raises(LimnerError, match=says) as refused:
                ask_users_server()
            assert url in str(refused.value)
            assert "secret" not in str(refused.value)
        assert kind.asked == 1, "no redirection is followed with a password"

    def test_that_speaks_no_http_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer() -> None:
                connection, _ = listener.accept()
                connection.recv(100)
                connection.sendall(b"SSH-2.0-x\r\n")
                connection.close()

            threading.Thread(target=answer, daemon=True).start()
            monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/api")
            with pytest.raises(LimnerError, match="no Prefect server answers"):
                ask_users_server()


class TestProxies:
    def test_loopback_never_goes_through_one(
        self, answering: tuple[str, type[Answering]], restored: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By limner's own request, and by httpx as Prefect's client uses it."""
        import httpx

        url, kind = answering
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("NO_PROXY", "example.org")
        configure_libraries()
        assert os.environ["NO_PROXY"].split(",") == ["example.org", "127.0.0.1", "localhost", "::1"]
        assert ask(url, {}, timeout_s=5) == 200
        assert httpx.Client().get(url).status_code == 200
        assert kind.asked == 2

    def test_the_embedded_server_needs_none(self, restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setenv("ALL_PROXY", "a proxy that nobody can parse")
        server = EmbeddedServer(prepare())
        try:
            assert "ALL_PROXY" not in os.environ
        finally:
            server.stop()


class TestAChildThatDies:
    def test_is_told_at_once_with_its_last_lines(self, restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setattr("specs.boundary.children._START", "import sys; sys.exit('no such thing as a server')")
        server = EmbeddedServer(prepare())
        began = time.monotonic()
        try:
            with pytest.raises(LimnerError, match="exit code 1") as told:
                server.wait_until_ready()
        finally:
            server.stop()
        assert time.monotonic() - began < 60
        assert "no such thing as a server" in str(told.value)

    def test_takes_its_folder_with_it(self, restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        home = prepare()
        server = EmbeddedServer(home)
        process = server.process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()  # as the kernel does when the owner is killed
        process.wait(timeout=60)
        assert not home.exists()


def test_no_program_is_run(tmp_path: Path) -> None:
    """Where the standard library would ask ``uname`` and ``file``, and Prefect ``git``, of what the path leads to."""
    for name in ("uname", "file", "git", "sh"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/canary\n")
        (tmp_path / name).chmod(0o755)
    code = (
        "from pathlib import Path\nfrom specs.reading.load import load_spec\n"
        "from flows.cli.commands.maintenance.doctor import _python\n"
        "from flows.settings import Settings\nprint(_python(Settings(Path('library'))))\n"
        "from flows.orchestration.prefect_home import prepare\nprepare()\nimport platform\nplatform.architecture()\n"
        "from flows.orchestration.deployments import deployment\n"
        "made = deployment(load_spec(Path('spec.yaml')), Path('/spec.yaml'), Settings(Path('library')), '')\n"
        "print(made._get_deployment_version_info(made.version_type))\n"
    )
    spec = spec_of(["sword"], checkpoint="starter", schedule={"every_s": 60})
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "prefect:simple" in done.stdout, done.stderr
    assert not (tmp_path / "canary").exists()


def test_a_number_that_python_would_not_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python refuses to read more than 4,300 digits, by a ValueError."""
    monkeypatch.setenv("LIMNER_THREADS", "9" * 5000)
    with pytest.raises(UsageError, match=r"LIMNER_THREADS: got '9+…'; allowed: a whole number of at most 9 digits"):
        from_environment()


def test_a_terminal_wider_than_any_is_none() -> None:
    """By a width of 400 digits rich's bars ended in an OverflowError."""
    assert kept_variables({"COLUMNS": "9" * 400, "LINES": "-1"}) == {}
    assert kept_variables({"COLUMNS": "120"}) == {"COLUMNS": "120"}


def test_an_output_that_is_not_utf_8_is_written(tmp_path: Path) -> None:
    """Letters that it does not know are spelled out, and JSON stays JSON."""
    spec = spec_of(["sword"], checkpoint="starter", style={"prompt": "caf\u00e9 {subject} \U0001f5e1"})
    (tmp_path / "spec.yaml").write_text(json.dumps(spec, ensure_ascii=False), encoding="utf-8")
    said = [
        subprocess.run(
            [sys.executable, "-P", "-m", "limner", "plan", "spec.yaml", "--prompts", *more],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=False,
        )
        for more in ((), ("--json",))
    ]
    assert [done.returncode for done in said] == [0, 0], said
    assert b"caf\\xe9" in said[0].stdout
    assert "caf\u00e9" in str(json.loads(said[1].stdout))
