"""Near-duplicates of one asset as one tile: the first stands for all, and says how many it stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from catalog.database.rows import fetch
from catalog.database.schema import EmbeddingRow
from catalog.review.views.values import Tile

MOST_FOLDED = 2000  # more candidates than this are shown one by one


def folded(connection: Connection, tiles: Sequence[Tile], unfolded: str = "") -> list[Tile]:
    """The tiles in their order, without those that are the same picture as one before them. Keepers are never hidden,
    nor is what is alike to candidate ``unfolded``.

    Without embeddings nothing is folded: a perceptual hash alone takes too much for the same.
    """
    rows = fetch(connection, EmbeddingRow, "image_sha256", [tile.image_sha256 for tile in tiles])
    clips = Counter(row["clip_id"] for row in rows).most_common(1)  # embeddings of two CLIPs cannot be compared
    if not clips:
        return list(tiles)
    return _without_doubles(
        tiles, {row["image_sha256"]: row for row in rows if row["clip_id"] == clips[0][0]}, unfolded
    )


def _without_doubles(tiles: Sequence[Tile], rows: dict[str, Any], unfolded: str) -> list[Tile]:
    import numpy as np

    from scoring.likeness.clusters import cluster, near_duplicates

    has = [index for index, tile in enumerate(tiles) if tile.image_sha256 in rows]
    flat = np.frombuffer(b"".join(rows[tiles[index].image_sha256]["vector"] for index in has), dtype="<f2")
    vectors = flat.reshape(len(has), -1).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    groups = cluster(len(has), near_duplicates([tiles[index].phash for index in has], vectors))
    hidden: set[int] = set()
    like: dict[int, int] = {}
    for group in groups:
        first, *rest = sorted((has[row] for row in group), key=lambda index: (not tiles[index].is_keeper, index))
        out = [index for index in rest if not tiles[index].is_keeper]
        if unfolded not in [tiles[index].candidate_id for index in (first, *rest)]:
            hidden.update(out)
        like[first] = len(out)
    return [replace(tile, like=like.get(index, 0)) for index, tile in enumerate(tiles) if index not in hidden]
