"""One batch at a time on a device, for each user: whatever library a run works for, and however it names the device."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest

from catalog.database.locks import Lock, user_lock
from catalog.errors import StorageError
from flows.pipeline.rendering.tools import device_slot
from flows.settings import Settings
from generator.environment import choose_setting


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, where the lock lies."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_two_libraries_and_two_spellings_of_one_device_exclude_each_other(tmp_path: Path) -> None:
    entered = threading.Event()

    def second() -> None:
        with device_slot(Settings(tmp_path / "two", device=choose_setting("auto").device)):
            entered.set()

    with device_slot(Settings(tmp_path / "one", device="auto")):
        thread = threading.Thread(target=second, daemon=True)
        thread.start()
        assert not entered.wait(0.3), "the second run has to wait for the device"
    assert entered.wait(10)
    thread.join()
    assert not (tmp_path / "one").exists(), "nothing of it is in a library"


def test_the_folder_is_the_users_alone(temporary: Path) -> None:
    path = user_lock("device-cpu")
    assert path.parent.stat().st_mode & 0o077 == 0
    lock = Lock(path)
    assert lock.take(wait=False)
    lock.release()


@pytest.mark.parametrize("kind", ["link", "open", "file"])
def test_a_folder_that_others_could_have_made_is_refused(temporary: Path, tmp_path: Path, kind: str) -> None:
    folder = temporary / f"limner-{os.getuid()}"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    else:
        folder.write_text("")
    with pytest.raises(StorageError, match="not yours alone"):
        user_lock("device-cpu")
