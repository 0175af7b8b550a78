"""The review page on large libraries, timed at the server: ``python -m benchmarks.review --candidates 30000 100000``.

``limner review`` runs as a process of its own; times are those of an HTTP client on the same machine, rendering and
transfer included. The CLIP has a text tower of the size of ViT-L/14's and random weights; embeddings are (768,).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

from benchmarks.large_library import DECIDED, EACH, fill
from benchmarks.wide_clip import build_clip
from catalog.provenance import CandidateKey
from specs.checkpoint import Checkpoint
from tests.catalog.factory import World
from tests.review.serving import Serving, start

GOALS_MS = {"first_page": 300, "verdict": 50, "text_search": 200, "word_search": 300}
GOAL_START_S = 3.0
ROUNDS = 20
WORDS = ("a silver sword", "a red potion", "parchment", "a wooden shield", "a crown of thorns", "night", "old map")


def measure(folder: Path, candidates: int, clip: Checkpoint) -> dict[str, Any]:
    """Every figure of a library of this size, by name; times in ms but where the name says s."""
    library = folder / f"library-{candidates}"
    world = fill(library, candidates, clip)
    began = time.perf_counter()
    serving = start(library)
    try:
        with serving.client() as client:
            client.get("/").raise_for_status()
            figures: dict[str, Any] = {"candidates": candidates, "start_s": round(time.perf_counter() - began, 2)}
            figures |= _ask(client, world, serving)
    finally:
        serving.process.terminate()
        serving.process.wait(60)
    return figures


def _ask(client: httpx.Client, world: World, serving: Serving) -> dict[str, Any]:
    of_set = f"/sets/{world.set_name}"
    asset = f"{of_set}/item-{world.assets // 2:03d}"
    figures: dict[str, Any] = {"first_page_cold": _once(client, of_set)}
    figures["asset_page_cold"] = _once(client, asset)
    figures["holes_cold"] = _once(client, f"{of_set}?show=holes")
    figures["first_page"] = _often(lambda _: client.get(of_set))
    figures["last_page"] = _often(lambda _: client.get(f"{of_set}?page=999999"))
    figures["holes"] = _often(lambda _: client.get(f"{of_set}?show=holes"))
    figures["asset_page"] = _often(lambda _: client.get(asset))
    figures["all_by_score"] = _often(lambda _: client.get(f"/search?set={world.set_name}&sort=aesthetic&aesthetic=6"))
    figures["verdict"] = _verdicts(client, world)
    figures["holes_after_a_verdict"] = _after_a_verdict(client, world, f"{of_set}?show=holes")
    figures["totals_after_a_verdict"] = _after_a_verdict(client, world, f"/pulse?set={world.set_name}")
    figures["text_search"] = _often(lambda n: client.get("/search", params={"words": f"item-{n} table"}))
    figures["torch_before_the_first_word_search"] = _has_torch(serving)
    figures["word_search_first_s"] = round(_word_search(client, "warm up") / 1000, 2)
    figures["torch_after_it"] = _has_torch(serving)
    figures["word_search"] = _often(lambda n: client.get("/search", params=_words(f"{WORDS[n % len(WORDS)]} {n}")))
    figures["more_like_this"] = _often(lambda n: client.get("/search", params={"like": _ids(world)[n]}))
    pages = {"set": of_set, "asset": asset, "search": "/search?words=table"}
    figures["elements"] = {name: _elements(client.get(path).text) for name, path in pages.items()}
    figures["resident_mib"] = _resident_mib(serving)
    return figures


def _once(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return round(1000 * (time.perf_counter() - began), 1)


def _often(ask: Callable[[int], httpx.Response]) -> dict[str, float]:
    """Median and worst of a number of answers, in ms."""
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        answer = ask(number)
        times.append(1000 * (time.perf_counter() - began))
        answer.raise_for_status()
        assert 'class="trouble"' not in answer.text, answer.text
    return {"median": round(statistics.median(times), 1), "worst": round(max(times), 1)}


def _ids(world: World) -> list[str]:
    """Candidates that nobody has decided on."""
    found = []
    for number in (number for number in range(2 * ROUNDS) if number % DECIDED):
        plan = world.plans[number // EACH]
        found.append(CandidateKey(world.set_name, plan.asset.asset_id, plan.job(number % EACH).job_id).candidate_id)
    return found[:ROUNDS]


def _decisions(world: World) -> Iterator[dict[str, Any]]:
    for id_ in _ids(world):
        yield {"candidate": id_, "image": "", "seen": 0, "keep": False, "reasons": ["off_style"], "note": ""}


def _verdicts(client: httpx.Client, world: World) -> dict[str, float]:
    decisions = list(_decisions(world))
    return _often(lambda n: client.post("/verdicts", json=decisions[n]))


def _after_a_verdict(client: httpx.Client, world: World, path: str) -> dict[str, float]:
    """What the page asks again when something was written."""
    times = []
    for number in range(ROUNDS):
        value = list(_decisions(world))[number]
        client.post("/verdicts", json={**value, "seen": _seen(client, value["candidate"]), "keep": number % 2 == 0})
        times.append(_once(client, path))
    return {"median": round(statistics.median(times), 1), "worst": round(max(times), 1)}


def _seen(client: httpx.Client, candidate_id: str) -> int:
    text = client.get(f"/candidates/{candidate_id}").text
    return int(text.partition('data-seen="')[2].partition('"')[0])


def _words(text: str) -> dict[str, str]:
    return {"words": text, "by": "picture"}


def _word_search(client: httpx.Client, text: str) -> float:
    client.timeout = httpx.Timeout(120)
    began = time.perf_counter()
    answer = client.get("/search", params=_words(text))
    assert 'class="trouble"' not in answer.text, answer.text
    return 1000 * (time.perf_counter() - began)


def _has_torch(serving: Serving) -> bool:
    return "libtorch" in Path(f"/proc/{serving.process.pid}/maps").read_text()


def _resident_mib(serving: Serving) -> float:
    lines = Path(f"/proc/{serving.process.pid}/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024, 1)


def _elements(html: str) -> int:
    """How many elements a page has; its script adds none."""
    count = 0

    class Counter(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            nonlocal count
            count += 1

    Counter().feed(html)
    return count


def missed(figures: dict[str, Any]) -> list[str]:
    """Goals that a library's figures miss, in words."""
    found = [
        f"{name}: median {figures[name]['median']} ms, goal {goal} ms"
        for name, goal in GOALS_MS.items()
        if figures[name]["median"] > goal
    ]
    if figures["first_page_cold"] > GOALS_MS["first_page"]:
        found.append(f"first_page_cold: {figures['first_page_cold']} ms, goal {GOALS_MS['first_page']} ms")
    if figures["start_s"] > GOAL_START_S:
        found.append(f"start: {figures['start_s']} s, goal {GOAL_START_S} s")
    return found


def main() -> None:
    """Print the figures of each size as JSON, then which goals are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, nargs="+", default=[100, 30_000, 100_000])
    sizes = parser.parse_args().candidates
    with tempfile.TemporaryDirectory(prefix="limner-review-") as folder:
        clip = build_clip(Path(folder) / "clip")
        every = [measure(Path(folder), size, clip) for size in sizes]
    json.dump(every, sys.stdout, indent=2)
    lines = [f"{figures['candidates']}: {line}" for figures in every for line in missed(figures)]
    print("\n\nGoals missed:", "; ".join(lines) or "none")


if __name__ == "__main__":
    main()
