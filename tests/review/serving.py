"""``limner review`` as a process of its own, as a person starts it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Serving:
    """A running server: its process, and the address that it printed."""

    process: subprocess.Popen[str]
    address: str
    session: list[Any] = field(default_factory=list)  # the cookies of the first browser that entered

    @property
    def home(self) -> str:
        """The address without its ticket."""
        return self.address.partition("/?")[0]

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A browser that opened the printed address."""
        with httpx.Client(base_url=self.home, headers={"Origin": self.home}, timeout=30) as client:
            assert client.get(self.address).status_code == 200
            yield client

    def enter(self, page: Page) -> None:
        """The list of sets, in a session: by the printed address, which works once, then with the session it gave."""
        if self.session:
            page.context.add_cookies(self.session)  # type: ignore[arg-type]
            page.goto(self.home)
        else:
            page.goto(self.address)
            page.wait_for_url(f"{self.home}/")
            self.session.extend(page.context.cookies())


def start(library: Path, *words: str, options: Sequence[str] = ("--no-open",), **variables: str) -> Serving:
    """Start it and read the address."""
    command = [sys.executable, "-P", "-m", "limner", "review", *options, "--as", "ada", "--library", str(library)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    process = subprocess.Popen(
        [*command, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    assert process.stdout is not None
    with process.stdout as output:
        line = output.readline()
    found = re.search(r"http://\S+", line)
    assert found, f"printed {line!r}"
    return Serving(process, found.group())


@contextlib.contextmanager
def served(library: Path) -> Iterator[Serving]:
    """A server that is stopped at the end."""
    serving = start(library)
    try:
        yield serving
    finally:
        serving.process.terminate()
        serving.process.wait(30)
