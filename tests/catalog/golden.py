"""Write the golden dump of the present schema: once a release, before the next revision begins.

python -m tests.catalog.golden
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from catalog.catalog import Catalog
from catalog.database.genuine import APPLICATION_ID
from catalog.database.migrate import HEAD
from catalog.queries.filter import Filter
from tests.catalog.factory import World, by_person

TARGET = Path(__file__).parents[1] / "golden" / "catalog" / f"{HEAD:04d}.sql"


def main() -> None:
    """Two pictures, one of them kept by a person, tagged and noted; a saved search; as SQL."""
    world = World()
    with tempfile.TemporaryDirectory() as folder:
        with Catalog.open(Path(folder) / "library", create=True) as catalog:
            world.register(catalog)
            records = world.records(2)
            catalog.record(records)
            catalog.append([(records[1].key, by_person(records[1], True, note="the handle!"))])
            catalog.tag(records[1].key.candidate_id, ["hero", "reprint"], "person:ada")
            catalog.tag(records[1].key.candidate_id, ["reprint"], "person:ada", remove=True)
            catalog.note(records[1].key.candidate_id, "mind the bleed", "person:ada")
            catalog.save_search("heroes", Filter(tags=("hero",)), "person:ada")
        connection = sqlite3.connect(Path(folder) / "library" / "catalog.sqlite")
        lines = [f"PRAGMA application_id = {APPLICATION_ID};", f"PRAGMA user_version = {HEAD};", *connection.iterdump()]
        connection.close()
    TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
