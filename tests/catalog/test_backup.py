"""``backup``: a library of its own, whole or not there; and nobody else's folder is ever touched.

(``tests/faults/backups.py``: during writes, killed at random, on a full disk.)
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.backup import backup
from catalog.backup.backup import BackedUp, back_up
from catalog.catalog import Catalog
from catalog.database.locks import Lock
from catalog.errors import BusyError, CatalogError, LibraryMissingError, StorageError
from catalog.integrity.verify import verify
from specs.errors import UsageError
from tests.catalog.factory import World, by_person, quarantined
from tests.faults.store_faults import content

ADA = "person:ada"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the backup goes."""
    return tmp_path / "elsewhere" / "backup"


@pytest.fixture
def six(catalog: Catalog, world: World) -> Catalog:
    """An open library with six pictures, one of them in quarantine, and something said of one."""
    records = world.records(6)
    catalog.record([*records[:5], quarantined(records[5])])
    catalog.append([(records[0].key, by_person(records[0], True, note="mine"))])
    catalog.tag(records[0].key.candidate_id, ["hero"], ADA)
    return catalog


class TestABackup:
    def test_is_a_library_with_every_row_and_every_picture(self, six: Catalog, target: Path) -> None:
        done = back_up(six.library, target)
        assert (done.pictures, done.copied, done.removed, done.snapshots) == (6, 6, 0, 1)
        report = verify(target)
        assert (report.problems, report.unreferenced, report.seal, report.rows) == ((), 0, "fresh", done.rows)
        assert content(target) == content(six.library)
        with Catalog.open(target, create=False) as restored:
            mine, theirs = six.keepers(), restored.keepers()
            assert [keeper.path.read_bytes() for keeper in theirs] == [keeper.path.read_bytes() for keeper in mine]
            assert {keeper.path.parents[2] for keeper in theirs} == {target}

    def test_can_be_worked_in_where_the_library_was(self, six: Catalog, target: Path, world: World) -> None:
        back_up(six.library, target)
        six.close()
        shutil.rmtree(six.library)
        shutil.copytree(target, six.library)
        with Catalog.open(six.library, create=False) as restored:
            restored.record(world.records(3, 6))
            assert len(restored.candidates(world.set_name)["item-000"]) == 3
        assert verify(six.library).problems == ()

    def test_writes_nothing_to_the_library(self, six: Catalog, target: Path) -> None:
        before = _state(six.library)
        back_up(six.library, target)
        assert _state(six.library) == before

    def test_repeated_copies_only_what_is_new(self, six: Catalog, target: Path, world: World) -> None:
        back_up(six.library, target)
        assert back_up(six.library, target).copied == 0
        six.record(world.records(2, 6))
        done = back_up(six.library, target)
        assert (done.pictures, done.copied) == (8, 2)
        assert done.copied_bytes == sum(len(record.png) for record in world.records(2, 6))
        assert content(target) == content(six.library)

    def test_repeated_forgets_what_was_dropped_and_follows_what_was_moved(
        self, six: Catalog, target: Path, world: World
    ) -> None:
        back_up(six.library, target)
        moved, dropped = world.record(0).candidate.image_sha256, world.record(3).candidate.image_sha256
        six.relocate([moved], "quarantine")
        assert six.drop_pixels([dropped]) == 1
        done = back_up(six.library, target)
        assert (done.pictures, done.copied, done.removed) == (5, 1, 0), "the former state has them"
        six.tag(world.key(0).candidate_id, ["more"], ADA)
        assert back_up(six.library, target).removed == 2
        assert (verify(target).problems, verify(target).unreferenced) == ((), 0)
        assert (target / "quarantine" / moved[:2] / f"{moved}.png").is_file()

    def test_goes_on_when_pictures_are_dropped_and_moved_under_its_hands(
        self, six: Catalog, target: Path, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After the first picture was copied, the last of the snapshot goes and the last but one moves."""
        monkeypatch.setattr(backup, "AT_ONCE", 1)
        here = sorted(record.candidate.image_sha256 for record in world.records(5))
        late = [sha256 for sha256 in here[1:] if sha256 in {world.record(n).candidate.image_sha256 for n in (3, 4)}]
        moved = next(sha256 for sha256 in here[::-1] if sha256 not in late)

        def meddle(what: str, done: int, _of: int) -> None:
            if what == "copied" and done == 1:
                six.drop_pixels(late)
                six.relocate([moved], "quarantine")

        done = back_up(six.library, target, meddle)
        assert done.snapshots == 2
        assert verify(target).problems == ()
        assert content(target) == content(six.library)

    def test_takes_along_what_was_learned(self, six: Catalog, target: Path) -> None:
        taste = six.library / "taste"
        taste.mkdir()
        (taste / "items.safetensors").write_bytes(b"one")
        (taste / "old.json").write_bytes(b"{}")
        back_up(six.library, target)
        (taste / "items.safetensors").write_bytes(b"two")
        (taste / "old.json").unlink()
        back_up(six.library, target)
        assert {path.name: path.read_bytes() for path in (target / "taste").iterdir()} == {"items.safetensors": b"two"}

    def test_may_be_taken_of_an_older_library_which_stays_old(self, library: Path, target: Path) -> None:
        import sqlite3

        library.mkdir()
        connection = sqlite3.connect(library / "catalog.sqlite")
        golden = Path(__file__).parents[1] / "golden" / "catalog" / "0001.sql"
        connection.executescript(golden.read_text())
        connection.close()
        for record in World().records(2):
            path = library / "objects" / record.candidate.image_sha256[:2]
            path.mkdir(parents=True)
            (path / f"{record.candidate.image_sha256}.png").write_bytes(record.png)
        before = (library / "catalog.sqlite").read_bytes()
        assert back_up(library, target).pictures == 2
        assert (library / "catalog.sqlite").read_bytes() == before
        assert verify(target).problems == ()
        Catalog.open(target, create=False).close()
        assert back_up(library, target).copied == 0, "a look with a newer limner is no work in it"


class TestWhatIsInterrupted:
    def test_is_no_backup_and_the_next_one_goes_on(self, six: Catalog, target: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            back_up(six.library, target, _interrupt_at("checked"))
        assert not (target / "catalog.sqlite").exists()
        with pytest.raises(LibraryMissingError):
            Catalog.open(target, create=False)
        assert back_up(six.library, target).copied == 0
        assert verify(target).problems == ()

    def test_leaves_the_one_before_whole(self, six: Catalog, target: Path, world: World) -> None:
        back_up(six.library, target)
        before = content(target)
        six.record(world.records(2, 6))
        with pytest.raises(KeyboardInterrupt):
            back_up(six.library, target, _interrupt_at("checked"))
        assert (verify(target).problems, content(target)) == ((), before)
        assert _done(back_up(six.library, target)) == (8, 0)

    def test_damage_in_the_library_stops_it_and_leaves_the_one_before_whole(
        self, six: Catalog, target: Path, world: World
    ) -> None:
        back_up(six.library, target)
        before = content(target)
        six.record(world.records(2, 6))
        path = six.objects.path(world.record(7).candidate.image_sha256)
        data = path.read_bytes()
        for damage in (lambda: path.write_bytes(data[:-1] + b"x"), path.unlink):
            damage()
            with pytest.raises(CatalogError, match=r"damaged .* (altered|missing).*limner verify --repair"):
                back_up(six.library, target)
            assert (verify(target).problems, content(target)) == ((), before)

    def test_a_picture_that_went_bad_in_the_backup_is_found_and_copied_again(
        self, six: Catalog, target: Path, world: World
    ) -> None:
        back_up(six.library, target)
        sha256 = world.record(1).candidate.image_sha256
        path = target / "objects" / sha256[:2] / f"{sha256}.png"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(CatalogError, match=r"does not read back.*run this again"):
            back_up(six.library, target)
        assert back_up(six.library, target).copied == 1
        assert verify(target).problems == ()

    def test_a_folder_that_cannot_be_written_to_is_told(self, six: Catalog, target: Path) -> None:
        target.parent.mkdir()
        (target.parent / "file").write_text("")
        with pytest.raises(StorageError, match=r"the backup is not finished.*the library is untouched"):
            back_up(six.library, target.parent / "file" / "backup")


class TestWhereItMayGo:
    @pytest.mark.parametrize("where", [".", "objects", "deep/in/it", ".."])
    def test_not_into_the_library_nor_around_it(self, six: Catalog, where: str) -> None:
        with pytest.raises(UsageError, match=r"is the library .*, lies in it or holds it; allowed: a folder apart"):
            back_up(six.library, six.library / where)

    def test_not_into_a_folder_of_somebody_elses(self, six: Catalog, target: Path) -> None:
        (target / "objects").mkdir(parents=True)
        (target / "objects" / "thesis.txt").write_text("dear diary")
        before = _state(target)
        with pytest.raises(UsageError, match=r"holds files that limner did not put there.*allowed: a folder that"):
            back_up(six.library, target)
        assert _state(target) == before

    def test_not_into_a_library(self, six: Catalog, target: Path) -> None:
        Catalog.open(target, create=True).close()
        with pytest.raises(UsageError, match=r"holds a library and is no backup"):
            back_up(six.library, target)

    def test_not_into_a_file(self, six: Catalog, target: Path) -> None:
        target.parent.mkdir()
        target.write_text("")
        with pytest.raises(UsageError, match="got a file to back up into"):
            back_up(six.library, target)

    def test_not_into_the_backup_of_another_library(self, six: Catalog, target: Path, tmp_path: Path) -> None:
        Catalog.open(tmp_path / "other", create=True).close()
        back_up(tmp_path / "other", target)
        with pytest.raises(UsageError, match=r"is the backup of another library, .*/other; allowed"):
            back_up(six.library, target)
        assert verify(target).problems == ()

    def test_not_into_one_that_somebody_works_in(self, six: Catalog, target: Path, world: World) -> None:
        back_up(six.library, target)
        with Catalog.open(target, create=False) as restored:
            restored.tag(world.key(0).candidate_id, ["precious"], ADA)
        six.record(world.records(1, 6))
        with pytest.raises(UsageError, match="somebody has worked in it as a library"):
            back_up(six.library, target)
        with Catalog.open(target, create=False) as restored:
            assert restored.tags() == {"hero": 1, "precious": 1}

    def test_not_beside_another_one_into_the_same(self, six: Catalog, target: Path) -> None:
        back_up(six.library, target)
        other = Lock(target / "locks" / "backup.lock")
        assert other.take()
        with pytest.raises(BusyError, match=r"another backup into it is running \(process"):
            back_up(six.library, target)
        other.release()

    def test_not_of_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(LibraryMissingError):
            back_up(tmp_path / "nowhere", tmp_path / "backup")


def _interrupt_at(what: str) -> Callable[[str, int, int], None]:
    def tell(now: str, _done: int, _of: int) -> None:
        if now == what:
            raise KeyboardInterrupt

    return tell


def _done(found: BackedUp) -> tuple[int, int]:
    return found.pictures, found.copied


def _state(folder: Path) -> dict[str, object]:
    """Every file but the locks: size, time of change, content."""
    files = (path for path in folder.rglob("*") if path.is_file() and "locks" not in path.parts)
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


class TestItNeverGoesBackwards:
    @pytest.fixture
    def older(self, six: Catalog, target: Path, world: World, tmp_path: Path) -> Path:
        """The library as it was before two more pictures and a verdict, which the backup at ``target`` has."""
        six.close()
        older = tmp_path / "older"
        shutil.copytree(six.library, older)
        with Catalog.open(six.library, create=False) as catalog:
            catalog.record(world.records(2, 6))
            catalog.append([(world.key(6), by_person(world.record(6), True, note="the best"))])
        back_up(six.library, target)
        shutil.rmtree(six.library)
        older.rename(six.library)
        return six.library

    def test_an_older_copy_of_the_library_is_refused_and_nothing_is_changed(self, older: Path, target: Path) -> None:
        before = _state(target)
        with pytest.raises(UsageError, match=r"is newer than .*2 candidates, .*3 verdicts.*--replace-newer") as caught:
            back_up(older, target)
        assert f"copy {target} there" in str(caught.value)
        assert _state(target) == before
        assert verify(target).problems == ()

    def test_one_that_went_another_way_is_refused_too(self, older: Path, target: Path, world: World) -> None:
        with Catalog.open(older, create=False) as catalog:
            for number in range(12):  # more writes than the backup has seen
                catalog.tag(world.key(0).candidate_id, [f"t{number}"], ADA)
        before = _state(target)
        with pytest.raises(UsageError, match="has gone another way than"):
            back_up(older, target)
        assert _state(target) == before

    def test_told_to_replace_it_keeps_that_state_with_its_pictures_for_good(
        self, older: Path, target: Path, world: World
    ) -> None:
        newest = content(target)
        back_up(older, target, replace_newer=True)
        assert content(target) == content(older)
        for number in range(3):
            with Catalog.open(older, create=False) as catalog:
                catalog.tag(world.key(0).candidate_id, [f"t{number}"], ADA)
            back_up(older, target)
        report = verify(target, gc=True, yes=True)
        assert (report.problems, report.unreferenced, report.collected.moved) == ((), 0, 0)
        (state,) = (target / "replaced").iterdir()
        assert content(state) == newest
        for name in ("catalog.sqlite", "catalog.seal"):
            shutil.copy(state / name, target / name)
        assert verify(target).problems == ()
        with Catalog.open(target, create=False) as catalog:
            assert catalog.picture(world.record(7).candidate.image_sha256) == world.record(7).png
        with pytest.raises(UsageError, match="has gone another way"):
            back_up(older, target)

    def test_the_state_before_is_kept_and_can_be_gone_back_to(self, six: Catalog, target: Path, world: World) -> None:
        back_up(six.library, target)
        before = content(target)
        six.drop_pixels([world.record(3).candidate.image_sha256])
        back_up(six.library, target)
        assert back_up(six.library, target).removed == 0, "the same again is no new state"
        assert content(target / "former") == before
        for name in ("catalog.sqlite", "catalog.seal"):
            shutil.copy(target / "former" / name, target / name)
        assert (verify(target).problems, content(target)) == ((), before)
        back_up(six.library, target)
        assert content(target) == content(six.library)

    def test_the_only_copy_of_a_picture_that_the_library_lost_stays(
        self, six: Catalog, target: Path, world: World
    ) -> None:
        back_up(six.library, target)
        sha256 = world.record(1).candidate.image_sha256
        six.objects.path(sha256).unlink()
        six.close()
        verify(six.library, repair=True)
        for number in range(2):
            with Catalog.open(six.library, create=False) as catalog:
                catalog.tag(world.key(0).candidate_id, [f"t{number}"], ADA)
            back_up(six.library, target)
        kept = target / "objects" / sha256[:2] / f"{sha256}.png"
        assert kept.read_bytes() == world.record(1).png
        shutil.copy(kept, six.objects.path(sha256))
        verify(six.library, repair=True)
        with Catalog.open(six.library, create=False) as catalog:
            assert catalog.picture(sha256) == world.record(1).png

    @pytest.mark.parametrize("hurt", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.touch()])
    def test_not_over_a_backup_whose_catalog_is_damaged(
        self, six: Catalog, target: Path, hurt: Callable[[Path], object]
    ) -> None:
        back_up(six.library, target)
        hurt(target / "catalog.sqlite")
        if (target / "catalog.sqlite").exists() and (target / "catalog.sqlite").stat().st_size:
            data = bytearray((target / "catalog.sqlite").read_bytes())
            data[-1] ^= 1
            (target / "catalog.sqlite").write_bytes(bytes(data))
        before = _state(target)
        with pytest.raises(UsageError, match="this backup is no longer as limner left it"):
            back_up(six.library, target, replace_newer=True)
        assert _state(target) == before

    def test_a_damaged_library_is_refused_before_the_backup_is_touched(self, six: Catalog, target: Path) -> None:
        six.close()
        (six.library / "catalog.sqlite").write_bytes(b"")
        with pytest.raises(CatalogError, match="this is damage"):
            back_up(six.library, target)
        assert not target.exists()
