"""``verify --gc``: what belongs to nothing goes to a trash, what is referred to never does, and most only when told."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.integrity.trash import DAYS, STAMP
from catalog.integrity.verify import verify
from tests.catalog.factory import World
from tests.faults.holdings import fingerprint


@pytest.fixture
def closed(catalog: Catalog, world: World) -> Path:
    """A library with nine pictures, and one whose row never came."""
    catalog.record(world.records(9))
    catalog.objects.put(world.record(20).png)
    catalog.close()
    return catalog.library


def _stray(library: Path, world: World) -> Path:
    sha256 = world.record(20).candidate.image_sha256
    return library / "objects" / sha256[:2] / f"{sha256}.png"


def _picture(library: Path, world: World, number: int) -> Path:
    sha256 = world.record(number).candidate.image_sha256
    return library / "objects" / sha256[:2] / f"{sha256}.png"


def _age(library: Path, days: int) -> None:
    for folder in (library / "trash").iterdir():
        at = datetime.now(UTC) - timedelta(days=days)
        os.utime(folder.rename(folder.with_name(at.strftime(STAMP))), (at.timestamp(), at.timestamp()))


def test_a_file_of_nobodys_is_moved_and_the_report_says_where(closed: Path, world: World) -> None:
    stray = _stray(closed, world)
    data = stray.read_bytes()
    report = verify(closed, gc=True)
    done = report.collected
    assert (done.moved, done.moved_bytes, done.emptied, done.held, report.unreferenced) == (1, len(data), 0, 1, 0)
    assert (closed / done.trash / stray.relative_to(closed)).read_bytes() == data
    assert not stray.exists()


def test_the_trash_is_emptied_by_a_later_run_and_only_of_what_is_old(closed: Path) -> None:
    verify(closed, gc=True)
    assert (verify(closed, gc=True).collected.emptied, verify(closed, gc=True).collected.held) == (0, 1)
    _age(closed, DAYS - 1)
    assert verify(closed, gc=True).collected.emptied == 0
    _age(closed, DAYS + 1)
    assert (verify(closed, gc=True).collected.emptied, list((closed / "trash").iterdir())) == (1, [])


def test_what_a_row_refers_to_again_stays_in_the_trash_and_repair_puts_it_back(closed: Path, world: World) -> None:
    """An older catalog was in place when the trash was filled; then the right one came back."""
    picture = _picture(closed, world, 4)
    shutil.copytree(closed, closed.with_name("good"))
    verify(closed, gc=True)
    (folder,) = (closed / "trash").iterdir()
    place = folder / picture.relative_to(closed)
    place.parent.mkdir(parents=True, exist_ok=True)
    picture.rename(place)
    _age(closed, DAYS + 1)
    report = verify(closed, gc=True, yes=True)
    assert [problem.kind for problem in report.problems] == ["missing"]
    assert "nothing was moved or deleted" in report.not_collected
    assert any("put back" in line for line in verify(closed, repair=True).mended)
    assert (picture.exists(), verify(closed).problems) == (True, ())


def test_a_picture_marked_as_lost_is_never_deleted_and_comes_back(closed: Path, world: World) -> None:
    picture = _picture(closed, world, 4)
    data = picture.read_bytes()
    picture.unlink()
    verify(closed, repair=True)
    picture.write_bytes(data)
    report = verify(closed, gc=True, yes=True)
    assert (report.collected.moved, picture.exists()) == (1, True)  # the stray one went
    assert any("put back" in line for line in verify(closed, repair=True).mended)
    with Catalog.open(closed, create=False) as catalog:
        assert catalog.picture(picture.stem) == data


def test_nothing_is_collected_beside_a_problem(closed: Path, world: World) -> None:
    _picture(closed, world, 4).unlink()
    before = fingerprint(closed)
    report = verify(closed, gc=True, yes=True)
    assert "1 problems; nothing was moved or deleted" in report.not_collected
    assert fingerprint(closed) == before


def test_more_than_half_is_only_moved_and_deleted_when_told(closed: Path, world: World) -> None:
    """As with the catalog of a library that is nearly empty beside another one's pictures."""
    (closed / "catalog.sqlite").unlink()
    (closed / "catalog.seal").unlink()
    for name in ("objects", "quarantine"):
        (closed / name).rename(closed.parent / name)
    with Catalog.open(closed, create=True) as catalog:
        world.register(catalog)
    for name in ("objects", "quarantine"):
        shutil.rmtree(closed / name, ignore_errors=True)
        (closed.parent / name).rename(closed / name)
    before = fingerprint(closed)
    report = verify(closed, gc=True)
    assert report.problems == ()
    assert "would move 10 files" in report.not_collected
    assert "more than half" in report.not_collected
    assert fingerprint(closed) == before
    assert verify(closed, gc=True, yes=True).collected.moved == 10
    _age(closed, DAYS + 1)
    assert "would delete 10 files" in verify(closed, gc=True).not_collected
    assert verify(closed, gc=True, yes=True).collected.emptied == 10


@pytest.mark.parametrize("name", ["catalog.sqlite.before-0003", "catalog.sqlite.saved", "former/catalog.sqlite"])
def test_pictures_of_another_catalog_in_the_folder_are_somebodys(closed: Path, world: World, name: str) -> None:
    """The newer catalog lies beside the older one: what only it knows is not collected."""
    newer = closed.with_name("newer")
    shutil.copytree(closed, newer)
    with Catalog.open(newer, create=False) as catalog:
        catalog.record([world.record(20)])
    (closed / name).parent.mkdir(exist_ok=True)
    shutil.copy(newer / "catalog.sqlite", closed / name)
    report = verify(closed, gc=True, yes=True)
    assert (report.unreferenced, report.collected.moved, _stray(closed, world).exists()) == (0, 0, True)


def test_a_damaged_copy_of_the_catalog_keeps_the_trash_from_being_emptied(closed: Path) -> None:
    verify(closed, gc=True)
    _age(closed, DAYS + 1)
    data = (closed / "catalog.sqlite").read_bytes()
    (closed / "catalog.sqlite.saved").write_bytes(data[: len(data) // 2])
    done = verify(closed, gc=True, yes=True).collected
    assert (done.emptied, done.held) == (0, 1)
    assert done.kept == ("catalog.sqlite.saved cannot be read: nothing was deleted",)
