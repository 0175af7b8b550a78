"""A new library starts from the empty Prefect database that the install made."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from prefect.server.database.dependencies import provide_database_interface

from flows.orchestration import prefect_database


def _revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_the_install_made_the_installed_prefects_own_empty_database(tmp_path: Path) -> None:
    """`make install` made it, at the newest revision that the installed Prefect knows: no migration is left to run."""
    migrations = provide_database_interface().orm.versions_dir
    newest = ScriptDirectory(str(migrations.parent.parent), version_locations=[str(migrations)]).get_current_head()
    prefect_database.place(tmp_path)
    placed = tmp_path / prefect_database.NAME
    assert _revision(placed) == newest
    with closing(sqlite3.connect(placed)) as database:
        assert database.execute("SELECT count(*) FROM flow_run").fetchone() == (0,)


def test_a_database_in_use_is_never_replaced(tmp_path: Path) -> None:
    """A library's own state stays, byte for byte, and nothing is left beside it."""
    (tmp_path / prefect_database.NAME).write_bytes(b"somebody's runs")
    prefect_database.place(tmp_path)
    assert (tmp_path / prefect_database.NAME).read_bytes() == b"somebody's runs"
    assert [path.name for path in tmp_path.iterdir()] == [prefect_database.NAME]


def test_without_one_prefect_is_left_to_migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An install by other means has none: nothing is placed, and a run takes the longer way."""
    monkeypatch.setattr("sys.prefix", str(tmp_path / "elsewhere"))
    prefect_database.place(tmp_path)
    assert not (tmp_path / prefect_database.NAME).exists()
    shutil.rmtree(tmp_path)
