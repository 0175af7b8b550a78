"""``limner stats``: the library in numbers. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from catalog.catalog import Catalog
from catalog.queries.statistics import Stats, stats
from flows.cli.options import AsJson, Library
from flows.output import console, print_json
from flows.settings import Settings, from_environment
from scoring.deciders import Decider

WORDS = {True: "yes", False: "no", None: "unknown"}
TAGS_SHOWN = 20


def command(library: Library = None, as_json: AsJson = False) -> int:
    """The library in numbers: sets, holes, keepers, reasons, safety, checkpoints, disk, agreement with persons."""
    return show_stats(from_environment(library=library), as_json=as_json)


def show_stats(settings: Settings, *, as_json: bool) -> int:
    """``limner stats``."""
    with Catalog.open(settings.library, create=False) as catalog:
        found = stats(catalog)
    if as_json:
        print_json({"library": str(settings.library), **stats_value(found)})
    else:
        _print(found, settings)
    return 0


def stats_value(found: Stats) -> dict[str, Any]:
    """``stats --json``, the library's path aside."""
    value = asdict(found)
    sets, agreement = found.sets, found.agreement
    return {
        "totals": {
            "sets": len(sets),
            "assets": sum(one.assets for one in sets),
            "holes": sum(one.holes for one in sets),
            "candidates": found.candidates,
            "keepers": sum(one.keepers for one in sets),
            "former_keepers": sum(one.former_keepers for one in sets),
            "waiting": sum(one.waiting for one in sets),
            "undecided": found.undecided,
            "bytes": sum(found.bytes_on_disk.values()),
        },
        **{name: value[name] for name in value if name not in ("candidates", "undecided")},
        "sets": [{"set": one.pop("set_name"), **one} for one in value["sets"]],
        "reasons": dict(_by_number(found)),
        "agreement": {**asdict(agreement), "compared": agreement.compared, "rate": agreement.rate},
    }


def _by_number(found: Stats) -> list[tuple[str, dict[str, int]]]:
    return sorted(found.reasons.items(), key=lambda item: (-sum(item[1].values()), item[0]))


def _print(found: Stats, settings: Settings) -> None:
    out = console()
    total = stats_value(found)["totals"]
    print(
        f"{settings.library}: {total['sets']} sets, {total['assets']} assets, {total['holes']} holes; "
        f"{total['candidates']} candidates, {total['keepers']} keepers; {size(total['bytes'])}"
    )
    rows = (
        [s.set_name, s.use, s.assets, s.holes, s.candidates, s.older, s.keepers, s.former_keepers, s.waiting]
        for s in found.sets
    )
    former = "of former assets"
    names = (
        "set",
        "use",
        "assets",
        "holes",
        "candidates",
        "of older recipes",
        "keepers",
        former,
        "waiting for a person",
    )
    _table(out, names, rows, left=2)
    _table(out, ("checkpoint", "licence", "origin", "commercial", "candidates", "keepers"), (
        [c.name, c.licence, c.status, WORDS[c.commercial], c.candidates, c.keepers] for c in found.checkpoints
    ), left=4)  # fmt: skip
    _table(out, ("verdict", "by policy", "by person"), [
        ["keepers", found.keepers_by[Decider.POLICY], found.keepers_by[Decider.PERSON]],
        ["rejected", found.rejected_by[Decider.POLICY], found.rejected_by[Decider.PERSON]],
    ])  # fmt: skip
    _table(out, ("reason of rejection", "by policy", "by person"), (
        [name, by[Decider.POLICY], by[Decider.PERSON]] for name, by in _by_number(found)
    ))  # fmt: skip
    _print_lines(found)


def _print_lines(found: Stats) -> None:
    print("safety      " + (", ".join(f"{n} {state}" for state, n in found.safety.items())))
    print("pictures    " + ", ".join(f"{n} {state}" for state, n in found.pictures.items()))
    print("on disk     " + ", ".join(f"{area} {size(n)}" for area, n in found.bytes_on_disk.items() if n))
    print("rendered    " + (", ".join(f"{s:.1f} s on {name}" for name, s in found.device_seconds.items()) or "nothing"))
    tags = sorted(((n, tag) for tag, n in found.tags.items() if n), key=lambda item: (-item[0], item[1]))
    if tags:
        more = f", and {len(tags) - TAGS_SHOWN} more" if len(tags) > TAGS_SHOWN else ""
        print("tags        " + ", ".join(f"{tag} {n}" for n, tag in tags[:TAGS_SHOWN]) + more)
    agreement = found.agreement
    if agreement.rate is None:
        print("agreement   nobody has judged what a policy has judged")
        return
    print(
        f"agreement   of {agreement.compared} that a policy and a person judged they agree on {agreement.rate:.0%}; "
        f"only the person keeps {agreement.only_person_keeps}, only the policy {agreement.only_policy_keeps}"
    )


def _table(out: Console, names: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> None:
    table = Table()
    for index, name in enumerate(names):
        table.add_column(name, justify="left" if index < left else "right")
    for row in rows:
        table.add_row(*map(str, row))
    if table.row_count:
        out.print(table)


def size(count: int) -> str:
    """Bytes for people: 1.5 MiB."""
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
