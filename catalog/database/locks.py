"""Locks that the kernel takes back when a process dies, however it dies: ``flock`` on files in ``library/locks``.

    set-<name>.lock     one run of a set at a time
    runs/<run id>.lock  held while a run lives: whose claims still count
    objects.lock        shared while files and their rows are written, exclusive while files are removed
    write.lock          the queue of those who want to write to the catalog: first come, first served

and, outside any library, in a folder of the user's own below the temporary folder (``user_lock``):

    device-<id>.lock    one batch at a time on a device

Lock files are never removed while somebody may wait on them. A forked child does not keep its parent's locks.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from catalog.database.rows import now
from catalog.errors import BusyError, StorageError

_held: weakref.WeakSet[Lock] = weakref.WeakSet()


class Lock:
    """One hold on a lock file. ``release`` may be called twice; a dead process has released."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock; False when somebody else has it and ``wait`` is False. OSError where locks do not exist."""
        fd = _open(self.path)
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES) and not wait:
                return False
            raise
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        _held.add(self)
        return True

    def sign(self) -> None:
        """Write who holds it, for those who come later; only words, the lock itself is the kernel's."""
        assert self._fd is not None
        who = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, json.dumps(who).encode(), 0)

    def release(self) -> None:
        """Give the lock back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        _held.discard(self)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return fd
    except OSError as error:
        raise StorageError(
            f"{path}: cannot open the lock file: {error.strerror}; allowed: a library folder that you may write to; "
            "check its owner, its rights and the space left."
        ) from error


def _forget_after_fork() -> None:
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forget_after_fork)


@contextlib.contextmanager
def holding(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock for a few milliseconds, after waiting for it in the kernel's queue.

    On file systems without ``flock`` it holds nothing: SQLite's own locks still keep the catalog whole.
    """
    lock = Lock(path)
    try:
        lock.take(shared=shared)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def set_lock(
    library: Path, set_name: str, *, wait: bool, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold a set for a run. When another run has it: BusyError, or tell ``on_wait`` once who it is, and wait."""
    lock = Lock(library / "locks" / f"set-{set_name}.lock")
    told = False
    while not lock.take(wait=False):
        holder = holder_of(lock.path)
        if not wait:
            raise BusyError(
                f"set {set_name}: another run has it ({holder}); allowed: one run of a set at a time; "
                "wait for it or stop it, then run this again: what it made is reused."
            )
        if on_wait and not told:
            on_wait(holder)
            told = True
        time.sleep(0.1)
    lock.sign()
    try:
        yield
    finally:
        lock.release()


def holder_of(path: Path) -> str:
    """``process 123 on host since …`` as the lock file says, or ``a process that did not sign``."""
    try:
        who = json.loads(path.read_text())
        return f"process {who['pid']} on {who['host']} since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that did not sign"


def user_lock(name: str) -> Path:
    """The path of a lock that all runs of this user on this machine share, in a folder of the user's own.

    The folder lies in the temporary folder, where others may write too: LimnerError unless it is a real folder of this
    user that nobody else may write to.
    """
    folder = Path(tempfile.gettempdir()) / f"limner-{os.getuid()}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be made ({error.strerror}); allowed: a temporary folder (TMPDIR) that you may write to."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise StorageError(
            f"{folder}: got a folder that is not yours alone; allowed: one that you own and only you may write to. "
            "Remove it, or set TMPDIR to a folder of yours."
        )
    return folder / f"{name}.lock"


def run_lock(library: Path, run_id: str) -> Lock:
    """The lock of a run, not yet taken."""
    return Lock(library / "locks" / "runs" / f"{run_id}.lock")


def is_alive(library: Path, run_id: str) -> bool:
    """Does a process still hold this run's lock?"""
    lock = run_lock(library, run_id)
    if not lock.path.exists():
        return False
    if lock.take(shared=True, wait=False):
        lock.release()
        return False
    return True
