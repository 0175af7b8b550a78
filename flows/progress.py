"""Live progress on standard error: pictures done, how many pass the rules, pictures a minute, time left."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

QUIET_S = 5.0  # without a terminal, a plain line this often


class ProgressBar:
    """Counts from any thread. On a terminal a bar; in a pipe or a log one plain line every few seconds."""

    def __init__(self, title: str, total: int, *, quiet: bool = False) -> None:
        self.title, self.total, self.done, self.passing = title, total, 0, 0
        self._quiet = quiet
        self._lock = threading.Lock()
        self._began: float | None = None
        self._said = time.monotonic()
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[passing]} pass"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._plain = not quiet and not console.is_terminal
        self._task = self._bar.add_task(title, total=total, passing=0, rate="loading the model")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def add(self, done: int, passing: int) -> None:
        """``done`` more pictures are recorded, ``passing`` of them meet the rules."""
        with self._lock:
            now = time.monotonic()
            self._began = self._began or now
            self.done += done
            self.passing += passing
            rate = f"{60 * self.done / (now - self._began):.0f}/min" if now > self._began else "first picture"
            self._bar.update(self._task, advance=done, passing=self.passing, rate=rate)
            if self._plain and (now - self._said > QUIET_S or self.done == self.total):
                self._said = now
                print(f"{self.title}: {self.done}/{self.total}, {self.passing} pass, {rate}", file=sys.stderr)

    def grow(self, more: int) -> None:
        """Another round of candidates begins."""
        with self._lock:
            self.total += more
            self._bar.update(self._task, total=self.total)

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self._quiet:
            return
        if self._plain:
            print(line, file=sys.stderr)
        else:
            self._bar.console.print(line, highlight=False, markup=False)
