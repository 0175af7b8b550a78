"""The command line: exit codes, messages without tracebacks, and answers without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.flows.conftest import Limner
from tests.specs.bad_specs import BAD_SPECS, BadSpec
from tests.world import ROOT, World, spec_of

HEAVY = ("torch", "diffusers", "transformers", "open_clip", "prefect", "torchvision")


class TestABadSpec:
    @pytest.mark.parametrize("command", ["plan", "produce"])
    @pytest.mark.parametrize("bad", BAD_SPECS, ids=lambda bad: bad.name)
    def test_gives_exactly_its_message_and_exit_code_2(
        self,
        bad: BadSpec,
        command: str,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        from flows.cli.app import app

        bad.write(world.folder)
        before = sorted(world.folder.iterdir())
        monkeypatch.chdir(world.folder)
        with pytest.raises(SystemExit) as stopped:
            app([command, "bad.yaml"])
        out, err = capsys.readouterr()
        assert stopped.value.code == 2
        assert err.rstrip("\n") == bad.text
        assert out == ""
        assert sorted(world.folder.iterdir()) == before, "a spec that cannot be read makes no library"


class TestAnswersWithoutTorch:
    """`plan`, `keepers`, `show`, `verify`, `checkpoints`, `rescore` and its like, and `--help` import nothing heavy."""

    @pytest.mark.parametrize(
        "words",
        [
            ["--help"],
            ["produce", "--help"],
            ["plan", "spec.yaml"],
            ["keepers", "--json"],
            ["stats"],
            ["tag", "tiny-set/sword#0", "hero"],
            ["note", "tiny-set/sword#0", "fine"],
            ["searches"],
            ["show", "tiny-set/sword#0"],
            ["verify"],
            ["checkpoints"],
            ["keepers", "tiny-set", "--why"],
            ["rescore", "tiny-set"],
            ["calibrate", "tiny-set"],
            ["clusters", "tiny-set"],
        ],
        ids=lambda words: " ".join(words),
    )
    def test_(self, words: list[str], world: World, made: World) -> None:
        code = (
            "import sys\nfrom flows.cli.app import app\n"
            f"try:\n    app({words!r})\nexcept SystemExit as stopped:\n    assert not stopped.code, stopped.code\n"
            f"heavy = set({HEAVY!r}) & set(sys.modules)\nassert not heavy, heavy"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=made.folder,
            env=made.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    @pytest.fixture
    def made(self, world: World, limner: Limner) -> World:
        world.write(spec_of(["sword"]))
        assert limner("produce", "spec.yaml").code == 0
        return world


class TestMistakes:
    """Whatever a user can cause ends with a message and its exit code, never with a traceback."""

    @pytest.mark.parametrize(
        ("words", "code", "says"),
        [
            (["plan", "nowhere.yaml"], 2, "nowhere.yaml"),
            (["keepers"], 2, "limner produce"),
            (["show", "abcd"], 2, "limner produce"),
            (["verify"], 2, "no library here"),
            (["produce", "spec.yaml", "--device", "cuda:9"], 2, "this machine has"),
            (["produce", "spec.yaml", "--dtype", "int8"], 2, "float32"),
            (["produce", "spec.yaml", "--batch-size", "0"], 2, "1 to 256"),
            (["plan", "spec.yaml", "--checkpoints", "missing.yaml"], 2, "missing.yaml"),
            (["checkpoints", "stable-difusion"], 2, "did you mean"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_(self, words: list[str], code: int, says: str, world: World, limner: Limner) -> None:
        world.write(spec_of(["sword"]))
        done = limner(*words)
        assert done.code == code, (done.out, done.err)
        assert says in done.err
        assert "Traceback" not in done.err


class TestHelp:
    def test_pages_are_those_that_the_repository_holds(self) -> None:
        """`make docs` writes them anew after a change of options."""
        from flows.cli.help_pages import pages

        for name, text in pages().items():
            assert (ROOT / "docs" / "commands" / name).read_text(encoding="utf-8") == text, f"{name} is out of date"
