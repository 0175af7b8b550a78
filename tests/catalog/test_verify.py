"""``verify``: what it finds, what it leaves alone, what it mends. (``tests/faults/store_flips.py``: at random.)"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from catalog.catalog import Catalog
from catalog.database import seal
from catalog.database.locks import holding
from catalog.database.rows import row_sha256
from catalog.database.schema import VerdictRow
from catalog.errors import LibraryMissingError
from catalog.integrity.verify import verify
from tests.catalog.factory import World, by_person, candidates, card, measure_again

ROOT = Path(__file__).parents[2]
KILLED = """
import os, sys
from pathlib import Path
from catalog.catalog import Catalog
from tests.catalog.factory import World
catalog = Catalog.open(Path(sys.argv[1]), create=False)
catalog.record(World().records(2, 9))
os._exit(9)
"""


@pytest.fixture(scope="module")
def nine(registered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of ``closed``, made once."""
    folder = shutil.copytree(registered, tmp_path_factory.mktemp("nine") / "library")
    with Catalog.open(folder, create=False) as catalog:
        catalog.record(World().records(9))
    return folder


@pytest.fixture
def closed(nine: Path, library: Path) -> Path:
    """A sealed library with nine pictures."""
    return shutil.copytree(nine, library)


class TestAHealthyLibrary:
    def test_has_no_problem_and_every_byte_accounted_for(self, closed: Path) -> None:
        report = verify(closed)
        assert (report.problems, report.unreferenced, report.seal, report.files) == ((), 0, "fresh", 9)
        assert report.checked == report.rows + 9

    def test_is_not_written_to_not_even_beside_the_catalog(self, closed: Path) -> None:
        before = _state(closed)
        for path in (closed, *closed.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)
        verify(closed)
        for path in (closed, *closed.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        assert _state(closed) == before

    def test_can_be_checked_while_it_is_written_to(self, closed: Path, world: World) -> None:
        with Catalog.open(closed, create=False) as catalog:
            catalog.record(world.records(3, 9))
            report = verify(closed)
            assert (report.problems, report.seal, report.files) == ((), "stale", 12)
            catalog.record(world.records(3, 12))
            catalog.append([(world.key(12), by_person(world.record(12), True))])
        assert (verify(closed).problems, verify(closed).seal) == ((), "fresh")

    def test_a_killed_process_leaves_no_problem_and_the_next_one_seals(self, closed: Path) -> None:
        subprocess.run([sys.executable, "-c", KILLED, str(closed)], cwd=ROOT, check=False)
        report = verify(closed)
        assert (report.problems, report.seal, report.files) == ((), "stale", 11)
        Catalog.open(closed, create=False).close()
        assert verify(closed).seal == "fresh"

    def test_an_interrupted_write_is_rolled_back_in_a_copy(self, closed: Path, tmp_path: Path) -> None:
        """A journal that nobody owns lies beside the catalog, as after a kill in the middle of a commit."""
        connection = sqlite3.connect(closed / "catalog.sqlite", isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE half (x)")
        connection.executemany("INSERT INTO half VALUES (?)", [(b"x" * 3000,)] * 50)
        torn = tmp_path / "torn"
        shutil.copytree(closed, torn)
        connection.rollback()
        connection.close()
        assert (torn / "catalog.sqlite-journal").stat().st_size > 0
        assert (torn / "catalog.sqlite").read_bytes() != (closed / "catalog.sqlite").read_bytes()
        before = _state(torn)
        report = verify(torn)
        assert (report.problems, report.seal) == ((), "fresh")
        assert _state(torn) == before

    def test_a_library_that_is_just_being_made_has_no_problem(self, library: Path) -> None:
        library.mkdir()
        sqlite3.connect(library / "catalog.sqlite").close()
        (library / "catalog.sqlite").touch()
        assert verify(library).problems == ()
        Catalog.open(library, create=True).close()
        (library / "catalog.seal").unlink()
        assert verify(library).problems == ()

    def test_a_place_without_a_library_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(LibraryMissingError):
            verify(tmp_path)


class TestFiles:
    @pytest.mark.parametrize(
        ("damage", "kind"),
        [
            (lambda path: path.unlink(), "missing"),
            (lambda path: path.write_bytes(path.read_bytes()[:-1]), "truncated"),
            (lambda path: path.write_bytes(b""), "truncated"),
            (lambda path: path.write_bytes(_flipped(path.read_bytes(), 700)), "altered"),
            (lambda path: path.write_bytes(path.read_bytes() + b"x"), "altered"),
            (lambda path: _encode_anew(path), "altered"),
            (lambda path: _move_to_quarantine(path), "misplaced"),
            (lambda path: _swap_for_link(path), "missing"),
        ],
        ids=["deleted", "cut", "emptied", "flipped", "lengthened", "encoded anew", "moved", "linked"],
    )
    def test_each_damage_is_found_and_mended(
        self, closed: Path, world: World, damage: Callable[[Path], None], kind: str
    ) -> None:
        sha256 = world.record(4).candidate.image_sha256
        damage(closed / "objects" / sha256[:2] / f"{sha256}.png")
        found = [problem for problem in verify(closed).problems if problem.kind != "extra"]
        assert [(problem.kind, Path(problem.what).stem) for problem in found] == [(kind, sha256)]
        report = verify(closed, repair=True, gc=True)
        assert (report.problems, report.unreferenced, report.seal) == ((), 0, "fresh")
        with Catalog.open(closed, create=False) as catalog:
            catalog.record([world.record(4)])
            assert catalog.picture(sha256) == world.record(4).png
            assert len(candidates(catalog)) == 9

    def test_what_repair_takes_away_is_put_aside(self, closed: Path, world: World) -> None:
        sha256 = world.record(4).candidate.image_sha256
        path = closed / "objects" / sha256[:2] / f"{sha256}.png"
        path.write_bytes(b"half a sword")
        (closed / "objects" / "holiday.jpg").write_bytes(b"sunshine")
        mended = verify(closed, repair=True).mended
        assert (closed / "lost" / path.name).read_bytes() == b"half a sword"
        assert (closed / "lost" / "holiday.jpg").read_bytes() == b"sunshine"
        assert any("marked as lost; `limner produce` makes it again" in line for line in mended)

    def test_files_of_file_browsers_are_no_problem(self, closed: Path) -> None:
        (closed / "objects" / ".DS_Store").write_bytes(b"x")
        assert verify(closed).problems == ()


class TestTidying:
    def test_unreferenced_files_are_counted_then_removed(self, closed: Path, world: World) -> None:
        with Catalog.open(closed, create=False) as catalog:
            stray = catalog.objects.put(b"a picture whose row never came")
            catalog.objects.put(world.record(0).png, "quarantine")
            (closed / "tmp" / "object-half").write_bytes(b"ha")
        assert (verify(closed).unreferenced, verify(closed).problems) == (3, ())
        assert catalog.objects.path(stray).exists()
        report = verify(closed, gc=True)
        assert (report.removed, report.unreferenced, verify(closed).unreferenced) == (3, 0, 0)
        assert verify(closed).problems == ()

    def test_a_file_whose_row_is_about_to_come_is_not_removed(self, closed: Path, world: World) -> None:
        """Recording holds ``objects.lock``, shared; tidying waits until it may have it alone."""
        script = (
            "import sys, pathlib\n"
            "from catalog.integrity.trash import collect\n"
            "print('tidying', flush=True)\n"
            "collect(pathlib.Path(sys.argv[1]))\n"
        )
        with Catalog.open(closed, create=False) as catalog:
            with holding(closed / "locks" / "objects.lock", shared=True):
                sha256 = catalog.objects.put(world.record(9).png)
                command = [sys.executable, "-c", script, str(closed)]
                tidying = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
                assert tidying.stdout is not None
                assert tidying.stdout.readline() == b"tidying\n"
                with pytest.raises(subprocess.TimeoutExpired):
                    tidying.wait(2)
                assert catalog.objects.path(sha256).exists()
                catalog.record([world.record(9)])
            assert tidying.wait(60) == 0
            tidying.stdout.close()
            assert catalog.picture(sha256) == world.record(9).png


class TestRows:
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE candidates SET made_at = '2020-01-01T00:00:00.000000Z' WHERE number = 1",
            "UPDATE candidates SET seconds = 9.5",
            "UPDATE images SET bytes = bytes + 1",
            "UPDATE images SET state = 'dropped'",
            "UPDATE specs SET text = 'set: other'",
            "UPDATE jobs SET seed = seed + 1",
            "UPDATE rights_decisions SET value = replace(value, 'true', 'false')",
            "UPDATE embeddings SET vector = zeroblob(16)",
            "UPDATE registrations SET git_dirty = 1",
            "UPDATE sets SET title = 'Other'",
            "UPDATE library SET writes = 0",
            "UPDATE assets SET in_spec = 0",
            "DELETE FROM scorecards",
            "DELETE FROM embeddings WHERE rowid = 3; UPDATE candidates SET seconds = 1",
            "UPDATE verdicts SET keep = 1 - keep",
            "UPDATE verdicts SET note = 'so said Ada'",
            "DELETE FROM verdicts WHERE number = 1",
            "UPDATE scorecards SET aesthetic = 9.9",
            "DELETE FROM jobs",
            "DROP INDEX ix_candidates_job_id",
            "CREATE TABLE extra (x)",
            "PRAGMA user_version = 0",
        ],
    )
    def test_a_change_by_another_program_is_found(self, closed: Path, world: World, change: str) -> None:
        """Also by one who takes the triggers away first and puts them back; also when the seal is stale."""
        with Catalog.open(closed, create=False) as catalog:
            records = world.records(9)
            catalog.append([(record.key, by_person(record, True)) for record in records])
            for record in records[:2]:
                measure_again(catalog, record.key, card(record.candidate.image_sha256, 8.0))
        _tamper(closed, change)
        sealed = verify(closed)
        assert sealed.problems
        (closed / "catalog.seal").unlink()
        beyond_the_seal = [problem for problem in verify(closed).problems if problem.what != "catalog.seal"]
        assert beyond_the_seal

    def test_a_verdict_that_was_hashed_anew_breaks_its_chain(self, closed: Path, world: World) -> None:
        with Catalog.open(closed, create=False) as catalog:
            catalog.append([(world.key(0), by_person(world.record(0), False))])
        row = {"candidate_id": world.key(0).candidate_id, "number": 1}
        connection = sqlite3.connect(closed / "catalog.sqlite")
        connection.row_factory = sqlite3.Row
        found = connection.execute(
            "SELECT * FROM verdicts WHERE candidate_id = ? AND number = 1", [row["candidate_id"]]
        )
        values = {**dict(found.fetchone()), "note": "forged"}
        values = {**values, "keep": bool(values["keep"]), "by_person": bool(values["by_person"])}
        connection.close()
        forged = row_sha256(VerdictRow.__tablename__, values)
        where = f"WHERE candidate_id = '{row['candidate_id']}' AND number = 1"
        _tamper(closed, f"UPDATE verdicts SET note = 'forged', row_sha256 = '{forged}' {where}")
        (closed / "catalog.seal").unlink()
        assert ("missing", f"verdicts {row['candidate_id']} 2") in [
            (one.kind, one.what) for one in verify(closed).problems
        ]

    def test_an_altered_row_is_never_sealed_over(self, closed: Path) -> None:
        _tamper(closed, "UPDATE candidates SET seconds = 9.5")
        assert verify(closed, repair=True).seal == "broken"

    def test_damaged_indexes_are_built_anew(self, closed: Path) -> None:
        connection = sqlite3.connect(closed / "catalog.sqlite")
        connection.execute("PRAGMA writable_schema = ON")
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'ix_candidates_job_id'").fetchone()
        connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'ix_candidates_job_id'", [sql.replace("job_id)", "made_at)")]
        )
        connection.commit()
        connection.close()
        connection = sqlite3.connect(closed / "catalog.sqlite")
        connection.execute("REINDEX ix_candidates_job_id")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'ix_candidates_job_id'", [sql])
        connection.commit()
        connection.close()
        assert verify(closed).problems
        report = verify(closed, repair=True)
        assert (report.problems, report.seal) == ((), "fresh")


class TestTheSeal:
    def test_idle_bytes_count_too(self, closed: Path) -> None:
        path = closed / "catalog.sqlite"
        data = path.read_bytes()
        at = data.rindex(b"\0" * 64)
        path.write_bytes(_flipped(data, at))
        (problem,) = verify(closed).problems
        assert (problem.kind, problem.what) == ("altered", "catalog.sqlite")
        assert verify(closed, repair=True).problems == ()

    def test_an_older_catalog_under_a_newer_seal_is_noticed(self, closed: Path, world: World) -> None:
        old = (closed / "catalog.sqlite").read_bytes()
        with Catalog.open(closed, create=False) as catalog:
            catalog.record(world.records(1, 9))
        (closed / "catalog.sqlite").write_bytes(old)
        assert any("it is an older copy" in problem.detail for problem in verify(closed).problems)

    def test_a_large_file_is_sealed_in_parts_each_of_which_counts(self, tmp_path: Path) -> None:
        path = tmp_path / "large"
        path.write_bytes(b"")
        size = 2 * seal.PART + 5
        places = (0, seal.PART - 1, seal.PART, 2 * seal.PART, size - 1)
        with path.open("r+b") as file:
            assert seal.file_seal(file.fileno(), 7, 3).bytes == 0
            file.truncate(size)
            whole = seal.file_seal(file.fileno(), 7, 3)
            parts = [hashlib.sha256(bytes(length)).digest() for length in (seal.PART, seal.PART, 5)]
            assert whole == seal.Seal(7, 3, size, hashlib.sha256(b"".join(parts)).hexdigest())
            assert seal.file_seal(file.fileno(), 7, None).sha256 == hashlib.sha256(bytes(size)).hexdigest()
            seen = {whole.sha256}
            for place in places:
                os.pwrite(file.fileno(), b"\1", place)
                seen.add(seal.file_seal(file.fileno(), 7, 3).sha256)
                os.pwrite(file.fileno(), b"\0", place)
        assert len(seen) == 1 + len(places)

    def test_a_large_file_is_sealed_by_a_process_that_is_ending(self, tmp_path: Path) -> None:
        """A worker seals at its exit, when Python starts no threads any more."""
        path = tmp_path / "large"
        with path.open("wb") as file:
            file.truncate(2 * seal.PART + 5)
        script = (
            "import atexit, sys\n"
            "from catalog.database import seal\n"
            "file = open(sys.argv[1], 'rb')\n"
            "atexit.register(lambda: print(seal.file_seal(file.fileno(), 7, 3).sha256))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        with path.open("rb") as file:
            assert (done.stdout.strip(), done.stderr) == (seal.file_seal(file.fileno(), 7, 3).sha256, "")

    def test_the_last_to_close_seals_for_all(self, closed: Path, world: World) -> None:
        first, second = (Catalog.open(closed, create=False) for _ in range(2))
        first.record(world.records(1, 9))
        first.close()
        assert verify(closed).seal == "stale"
        second.close()
        assert verify(closed).seal == "fresh"

    def test_sealing_costs_nobody_a_lock(self, closed: Path, world: World) -> None:
        """Closing a file drops all of a process's locks on it: not while another catalog of this process writes."""
        with Catalog.open(closed, create=False) as writer, writer.engine.connect() as connection:
            connection.exec_driver_sql("UPDATE sets SET title = title")
            Catalog.open(closed, create=False).close()
            verify(closed)
            other = sqlite3.connect(closed / "catalog.sqlite", timeout=0)
            script = (
                "import sqlite3, sys\n"
                "c = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)\n"
                "try: c.execute('BEGIN IMMEDIATE'); print('got it')\n"
                "except sqlite3.OperationalError as error: print(error)\n"
            )
            path = str(closed / "catalog.sqlite")
            done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
            assert done.stdout == "database is locked\n"
            other.close()
            connection.rollback()


def _tamper(library: Path, change: str) -> None:
    """Change rows behind the triggers' back, and put the triggers back as they were."""
    connection = sqlite3.connect(library / "catalog.sqlite", isolation_level=None)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.executescript(change)
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def _encode_anew(path: Path) -> None:
    """The same pixels in another file, which is whole and says nothing of where it comes from."""
    with Image.open(path) as picture:
        picture.load()
    other = PngInfo()
    other.add_text("Author", "somebody else")
    picture.save(path, "PNG", pnginfo=other)


def _move_to_quarantine(path: Path) -> None:
    target = path.parents[2] / "quarantine" / path.parent.name / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)


def _swap_for_link(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    elsewhere = path.parents[3] / "elsewhere.png"
    elsewhere.write_bytes(data)
    path.symlink_to(elsewhere)


def _state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")
    }
