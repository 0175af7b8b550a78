"""The command line's three ends: standard output, error and input, whatever they are connected to.

An end may be closed, full, left by its reader, or of an encoding that cannot hold the text. None of that stops a
command: it goes on, what it makes is recorded, and the exit code says whether its words arrived.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

ESCAPING = "limner_escaping"  # the name of our answer to characters that an encoding cannot hold
ASKED_FOR = ("replace", "ignore", "xmlcharrefreplace", "namereplace")  # by PYTHONIOENCODING: the user's own choice


class End(io.RawIOBase):
    """The bytes of a stream. After the first ones that are not taken none is written, and ``error`` says why.

    ``below`` is None where the stream is closed. Nothing is kept back here, so that nothing is left to fail at exit.
    """

    def __init__(self, below: Any, stream: TextIO | None = None) -> None:
        super().__init__()
        self._below = below
        self._stream = stream  # whose end closes what is below
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return self._below is not None and bool(self._below.isatty())

    def fileno(self) -> int:
        """The descriptor below."""
        if self._below is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._below.fileno())

    def write(self, data: Any) -> int:
        """All of ``data``, as far as anybody is told."""
        left = memoryview(data)
        try:
            while self.error is None and left:
                if self._below is None:
                    raise OSError(errno.EBADF, "it is closed")
                taken = self._below.write(left)
                if taken is None:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                left = left[taken:]
        except OSError as error:
            self.error = error
        return len(data)


def guarded_ends(call: Callable[[], int | None]) -> int:
    """Run a command between ends that cannot stop it; returns its exit code, or 1 when its output did not arrive.

    Replaces ``sys.stdout`` and ``sys.stderr`` to the end of the process. A reader that leaves early (``| head -1``)
    has what it wanted: that is no failure.
    """
    _occupy_descriptors()
    escaped: list[str] = []
    codecs.register_error(ESCAPING, _escaping(escaped))
    out, error_end = _end_of(sys.stdout), _end_of(sys.stderr)
    encoding = sys.stdout.encoding if sys.stdout is not None else "utf-8"
    sys.stdout = _text(out, sys.stdout, line_buffering=out.isatty())
    sys.stderr = _text(error_end, sys.stderr, line_buffering=True)
    code = call() or 0
    sys.stdout.flush()
    if escaped:
        print(
            f"The output's encoding, {encoding}, has no {escaped[0]}, and perhaps others: such characters are written "
            "as escapes. For the characters themselves set PYTHONIOENCODING=utf-8.",
            file=sys.stderr,
        )
    if out.error is not None and not isinstance(out.error, BrokenPipeError):
        why = (out.error.strerror or str(out.error)).lower()
        print(
            f"standard output: {why}; not everything could be written there. What the command did stays; run it again "
            "with the output to a terminal or a disk with space.",
            file=sys.stderr,
        )
        return code or 1
    return code


def _end_of(stream: TextIO | None) -> End:
    if stream is None:
        return End(None)
    stream.flush()
    return End(getattr(stream.buffer, "raw", stream.buffer), stream)


def _text(end: End, like: TextIO | None, *, line_buffering: bool) -> io.TextIOWrapper:
    """A text stream onto ``end``, in the encoding of the one that it replaces."""
    errors = like.errors if like is not None and like.errors in ASKED_FOR else ESCAPING
    encoding = like.encoding if like is not None else "utf-8"
    return io.TextIOWrapper(end, encoding, errors, line_buffering=line_buffering)  # type: ignore[arg-type]


def _escaping(met: list[str]) -> Callable[[UnicodeError], tuple[str | bytes, int]]:
    def escape(error: UnicodeError) -> tuple[str | bytes, int]:
        if isinstance(error, UnicodeEncodeError):
            met.append(f"U+{ord(error.object[error.start]):04X}")
        return codecs.backslashreplace_errors(error)

    return escape


def _occupy_descriptors() -> None:
    """Where a descriptor of the three is closed the next file opened would get its number, and a library's words."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
