"""``limner clusters``: which candidates are the same picture, by perceptual hash and embedding together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from catalog.catalog import Catalog
from catalog.provenance import CandidateKey
from catalog.queries.candidate_state import CandidateState
from flows.cli.options import AsJson, EverySet, Library, SetsOrSpecs
from flows.cli.which_set import set_names
from flows.output import console, print_json
from flows.settings import Settings, from_environment
from scoring.likeness.clusters import MAX_BITS, MIN_COSINE, cluster, near_duplicates

GROUPS_SHOWN = 24


def command(
    sets: SetsOrSpecs = [],  # noqa: B006
    every: EverySet = False,
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """List the candidates that are the same picture, within the sets named and across them."""
    return show_clusters(sets, from_environment(library=library), every=every, as_json=as_json)


def show_clusters(named: Sequence[str], settings: Settings, *, every: bool, as_json: bool) -> int:
    """Several sets are compared with each other too."""
    with Catalog.open(settings.library, create=False) as catalog:
        names = set_names(named, settings, catalog, every=every)
        candidates = [one for name in names for jobs in catalog.candidates(name).values() for one in jobs.values()]
        found = same_pictures(catalog, names, candidates)
        named_so = catalog.names(one for group in found for one in group)
        groups = [_value(group, named_so) for group in found]
    if as_json:
        print_json(groups)
        return 0
    out = console()
    table = Table(show_lines=True)
    table.add_column("group", justify="right")
    table.add_column("pictures", justify="right")
    table.add_column("these are the same picture (* keeper)", overflow="fold")
    for number, group in enumerate(groups[:GROUPS_SHOWN], 1):
        words = ", ".join(f"{one['id']} {one['image_sha256'][:8]}{'*' if one['keeper'] else ''}" for one in group)
        table.add_row(str(number), str(len(group)), words)
    if groups:
        out.print(table)
    if len(groups) > GROUPS_SHOWN:
        out.print(f"… and {len(groups) - GROUPS_SHOWN} more groups (--json lists all)")
    several = sum(sum(one["keeper"] for one in group) > 1 for group in groups)
    out.print(
        f"{len(candidates)} candidates of {', '.join(names)}: {len(groups)} groups of the same picture"
        + (f"; in {several} of them more than one is kept (keep: max_likeness prevents it)" if several else ""),
        soft_wrap=True,
    )
    return 0


def same_pictures(
    catalog: Catalog, set_names: Sequence[str], candidates: Sequence[CandidateState]
) -> list[list[CandidateState]]:
    """Groups of two or more, in the order of the candidates.

    Pictures without an embedding of the sets' commonest CLIP are the same only as the very same file.
    """
    by_picture: dict[str, list[CandidateState]] = {}
    for candidate in candidates:
        by_picture.setdefault(candidate.image_sha256, []).append(candidate)
    pictures = list(by_picture)
    hashes = catalog.phashes(pictures)
    clip_ids = {catalog.embeddings(name).clip_id for name in set_names}
    pairs: list[tuple[int, int]] = []
    for clip_id in sorted(clip_ids - {""}):
        vectors = catalog.vectors(pictures, clip_id)
        rows = [row for row, picture in enumerate(pictures) if picture in vectors]
        if rows:
            embeddings = np.stack([vectors[pictures[row]] for row in rows])
            found = near_duplicates([hashes[pictures[row]] for row in rows], embeddings, MAX_BITS, MIN_COSINE)
            pairs += [(rows[one], rows[other]) for one, other in found]
    together = cluster(len(pictures), pairs)
    grouped = {row for rows in together for row in rows}
    alone = [(row,) for row, picture in enumerate(pictures) if len(by_picture[picture]) > 1 and row not in grouped]
    groups = sorted([*together, *alone])
    return [[one for row in rows for one in by_picture[pictures[row]]] for rows in groups]


def _value(group: Sequence[CandidateState], names: Mapping[CandidateKey, str]) -> list[dict[str, Any]]:
    return [
        {
            "id": names[one.key],
            "image_sha256": one.image_sha256,
            "keeper": one.is_keeper,
        }
        for one in group
    ]
