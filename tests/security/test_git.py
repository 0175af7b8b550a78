"""Promise: a repository's settings run nothing; commit and differing specs are those that git itself would name."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from catalog.provenance import GitState
from flows.git.commit import git_state

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories of these tests")


def git(folder: Path, *words: str, **environment: str) -> str:
    """Run git as a user with no settings of their own would."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    names = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in {"NAME": "a", "EMAIL": "a@b.c"}.items()
    }
    done = subprocess.run(
        ["git", "-C", folder, *words], env={**own, **names, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def repository(folder: Path, *options: str) -> Path:
    """A repository with one commit; returns its spec."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", *options)
    spec = folder / "sets" / "spec.yaml"
    spec.parent.mkdir()
    spec.write_text("set: one\n")
    (folder / "sets" / "rows.csv").write_text("id\na\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return spec


class TestStates:
    @pytest.mark.parametrize("options", [(), ("--object-format=sha256",)], ids=["sha1", "sha256"])
    @pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
    def test_are_those_that_git_tells(self, options: tuple[str, ...], packed: bool, tmp_path: Path) -> None:
        spec = repository(tmp_path / "clone", *options)
        rows = spec.with_name("rows.csv")
        for number in range(30):  # so that trees are stored as deltas
            (spec.parent / f"other-{number}.yaml").write_text(f"set: other-{number}\n" * 20)
            git(tmp_path / "clone", "add", ".")
            git(tmp_path / "clone", "commit", "-q", "-m", "more")
        if packed:
            git(tmp_path / "clone", "gc", "-q")
            assert not list((tmp_path / "clone" / ".git" / "refs" / "heads").iterdir())
        head = git(tmp_path / "clone", "rev-parse", "HEAD")
        assert git_state([spec, rows]) == GitState(head, dirty=False)
        rows.write_text("id\nb\n")
        assert git_state([spec, rows]) == GitState(head, dirty=True)
        assert git_state([spec]) == GitState(head, dirty=False)
        git(tmp_path / "clone", "add", ".")  # staged, yet not committed
        assert git_state([spec, rows]) == GitState(head, dirty=True)
        new = spec.with_name("new.yaml")
        new.write_text("set: new\n")
        assert git_state([new]) == GitState(head, dirty=True)

    def test_of_deltas_by_hash_and_by_offset(self, tmp_path: Path) -> None:
        spec = repository(tmp_path / "clone")
        for number in range(40):
            (spec.parent / f"{number:04d}.yaml").write_text(str(number))
        git(tmp_path / "clone", "add", ".")
        git(tmp_path / "clone", "commit", "-q", "-m", "many")
        spec.write_text("set: two\n")
        git(tmp_path / "clone", "commit", "-q", "-a", "-m", "two")
        for by_offset in ("true", "false"):
            git(tmp_path / "clone", "-c", f"repack.useDeltaBaseOffset={by_offset}", "repack", "-q", "-a", "-d", "-f")
            lines = git(tmp_path / "clone", "verify-pack", "-v", *map(str, tmp_path.rglob("*.idx"))).splitlines()
            assert any(line.split()[1:2] == ["tree"] and len(line.split()) == 7 for line in lines), "no delta of a tree"
            assert git_state([spec]) == GitState(git(tmp_path / "clone", "rev-parse", "HEAD"), dirty=False)

    def test_of_work_trees_borrowed_objects_and_detached_heads(self, tmp_path: Path) -> None:
        spec = repository(tmp_path / "clone")
        head = git(tmp_path / "clone", "rev-parse", "HEAD")
        git(tmp_path / "clone", "worktree", "add", "-q", "../tree", "-b", "side")
        git(tmp_path, "clone", "-q", "--shared", "clone", "borrower")
        git(tmp_path / "borrower", "checkout", "-q", "--detach")
        for folder in ("tree", "borrower"):
            assert git_state([tmp_path / folder / "sets" / "spec.yaml"]) == GitState(head, dirty=False), folder
        link = tmp_path / "link.yaml"
        link.symlink_to(spec)
        assert git_state([link]) == GitState(head, dirty=False)
        assert git_state([spec, tmp_path / "elsewhere.csv"]) == GitState(head, dirty=True)

    def test_of_line_ends_and_of_large_files_stored_elsewhere(self, tmp_path: Path) -> None:
        import hashlib

        spec = repository(tmp_path / "clone")
        rows = spec.with_name("rows.csv")
        large = b"id,subject\n" + b"a,b\n" * 1000
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(large).hexdigest()}\n"
        rows.write_text(pointer + f"size {len(large)}\n")
        git(tmp_path / "clone", "commit", "-q", "-a", "-m", "large")
        spec.write_bytes(b"set: one\r\n")
        rows.write_bytes(large)
        state = git_state([spec, rows])
        assert state is not None
        assert not state.dirty
        rows.write_bytes(large + b"c,d\n")
        assert git_state([rows]) == GitState(state.commit, dirty=True)

    def test_there_is_none_outside_or_before_the_first_commit_or_where_nothing_can_be_read(
        self, tmp_path: Path
    ) -> None:
        spec = tmp_path / "spec.yaml"
        spec.write_text("set: one\n")
        assert git_state([spec]) is None
        git(tmp_path, "init", "-q")
        assert git_state([spec]) is None
        head = tmp_path / ".git" / "HEAD"
        for text in (
            "",
            "ref: refs/heads/../../../../etc/passwd",
            "ref: /etc/passwd",
            "\0\xff",
            "ref: refs/heads/x" * 900,
        ):
            head.write_text(text, encoding="latin-1")
            assert git_state([spec]) is None, text[:40]
        (tmp_path / ".git" / "refs" / "heads" / "round").write_text("ref: refs/heads/round")
        head.write_text("ref: refs/heads/round")
        assert git_state([spec]) is None
        head.unlink()
        os.mkfifo(head)
        assert git_state([spec]) is None, "a FIFO is not waited for"

    def test_of_a_damaged_repository_are_never_clean(self, tmp_path: Path) -> None:
        spec = repository(tmp_path / "clone")
        head = git(tmp_path / "clone", "rev-parse", "HEAD")
        git(tmp_path / "clone", "gc", "-q")
        pack = next(tmp_path.rglob("*.pack"))
        pack.chmod(0o600)
        whole = pack.read_bytes()
        for position in range(12, len(whole) - 20, 7):
            pack.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
            assert git_state([spec]) in (GitState(head, dirty=True), GitState(head, dirty=False))
        pack.write_bytes(whole[:40])
        assert git_state([spec]) == GitState(head, dirty=True)


class TestSettings:
    def test_run_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """fsmonitor, hooks, filters of each kind, a credential helper, an alias, ssh, an included file, variables."""
        spec = repository(tmp_path / "clone")
        head = git(tmp_path / "clone", "rev-parse", "HEAD")
        canary, trap = tmp_path / "canary", tmp_path / "trap"
        trap.write_text(f"#!/bin/sh\necho ran >> {canary}\ncat\n")
        trap.chmod(0o755)
        (spec.parent / ".gitattributes").write_text("* filter=trap diff=trap text\n")
        with (tmp_path / "clone" / ".git" / "config").open("a") as config:
            config.write(
                f"[core]\n\tfsmonitor = {trap}\n\thooksPath = {tmp_path}\n\tsshCommand = {trap}\n\tpager = {trap}\n"
                f'[filter "trap"]\n\tclean = {trap}\n\tsmudge = {trap}\n\tprocess = {trap}\n\trequired = true\n'
                f'[diff "trap"]\n\ttextconv = {trap}\n\tcommand = {trap}\n[diff]\n\texternal = {trap}\n'
                f"[credential]\n\thelper = !{trap}\n[alias]\n\tstatus = !{trap}\n[gpg]\n\tprogram = {trap}\n"
            )
        hook = tmp_path / "clone" / ".git" / "hooks" / "post-index-change"
        hook.parent.mkdir(exist_ok=True)
        shutil.copy(trap, hook)
        for name in ("GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "GIT_EXEC_PATH", "GIT_PAGER"):
            monkeypatch.setenv(name, str(trap))
        spec.touch()  # so that git would read it anew, through the filter
        state = git_state([spec])
        assert not canary.exists()
        assert state == GitState(head, dirty=False)
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
        assert git_state([spec]) == GitState(head, dirty=False)

    def test_are_not_needed_where_git_is_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = repository(tmp_path / "clone")
        head = git(tmp_path / "clone", "rev-parse", "HEAD")
        monkeypatch.setenv("PATH", str(tmp_path))
        assert git_state([spec]) == GitState(head, dirty=False)
