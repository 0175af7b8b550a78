"""The way to the page, in a real browser: a private file, a ticket that works once, no error in the console."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.review.chromium import CHROMIUM
from tests.review.conftest import WORLD
from tests.review.serving import ROOT, served, start

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make packages`")


def test_the_browser_is_opened_by_a_private_file_that_is_gone_once_it_was_used(
    browser: Browser, library: Path, tmp_path: Path
) -> None:
    opener, opened = tmp_path / "opener", tmp_path / "opened"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new && mv {opened}.new {opened}\n')
    opener.chmod(0o700)
    command = [sys.executable, "-P", "-m", "limner", "review", "--as", "ada", "--library", str(library)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BROWSER": f"{opener} %s"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        printed = re.search(r"ticket=(\S+)", process.stdout.readline())
        for _ in range(300):
            if opened.exists():
                break
            time.sleep(0.1)
        address = opened.read_text()
        page_file = Path(unquote(urlsplit(address).path))
        assert address.startswith("file:///")
        assert "ticket" not in address, "what everybody sees in the process list"
        assert stat.S_IMODE(page_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(page_file.parent.stat().st_mode) == 0o700
        assert printed
        assert printed.group(1) not in page_file.read_text(), "each address has a ticket of its own"
        page = browser.new_page()
        page.goto(address)
        expect(page.get_by_role("link", name=WORLD.set_name).first).to_be_visible()
        assert "ticket" not in page.url
        assert not page_file.exists()
        page.close()
    finally:
        process.terminate()
        process.wait(30)


def test_a_used_address_explains_and_no_page_has_a_console_error(browser: Browser, library: Path) -> None:
    with served(library) as serving:
        context = browser.new_context()
        page, troubles = context.new_page(), []
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(serving.address)
        page.wait_for_url(serving.home + "/")
        for path in ("/", f"/sets/{WORLD.set_name}", f"/sets/{WORLD.set_name}/item-000", "/search?words=x"):
            page.goto(serving.home + path)
        assert troubles == []
        page.goto(serving.home + "/sets/none")
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        stranger = browser.new_context().new_page()
        stranger.goto(serving.address)
        expect(stranger.get_by_text("used already")).to_be_visible()
        expect(stranger.get_by_text("Press Enter in the terminal")).to_be_visible()
        if shots := os.environ.get("LIMNER_SCREENSHOTS"):
            page.screenshot(path=f"{shots}/error.png")
            stranger.screenshot(path=f"{shots}/used.png")
        context.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_however_it_ends_no_file_is_left(library: Path, tmp_path: Path, number: signal.Signals) -> None:
    serving = start(library, options=(), TMPDIR=str(tmp_path), BROWSER="true %s")
    for _ in range(100):
        if list(tmp_path.glob("limner-review-*/open.html")) and _answers(serving.home):
            break
        time.sleep(0.1)
    serving.process.send_signal(number)
    assert serving.process.wait(30) in (0, -number)
    assert list(tmp_path.glob("limner-review-*")) == []


def _answers(home: str) -> bool:
    try:
        return httpx.get(home).status_code == 403
    except httpx.HTTPError:
        return False
