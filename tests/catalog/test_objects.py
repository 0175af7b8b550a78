"""The store of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.objects.store import Objects
from specs.canonical import sha256_hex


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """A store in a library with its folders."""
    (tmp_path / "library" / "tmp").mkdir(parents=True)
    return Objects(tmp_path / "library")


class TestPutting:
    def test_a_file_lies_under_its_own_hash(self, objects: Objects) -> None:
        sha256 = objects.put(b"a sword")
        assert sha256 == sha256_hex(b"a sword")
        assert (objects.root / "objects" / sha256[:2] / f"{sha256}.png").read_bytes() == b"a sword"
        assert objects.get(sha256) == b"a sword"

    def test_putting_what_is_there_does_not_rewrite_it(self, objects: Objects) -> None:
        sha256 = objects.put(b"a sword")
        before = objects.path(sha256).stat()
        objects.put(b"a sword")
        after = objects.path(sha256).stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("broken", [b"", b"a swo", b"a sword and more"])
    def test_putting_heals_a_file_of_another_size(self, objects: Objects, broken: bytes) -> None:
        sha256 = objects.put(b"a sword")
        objects.path(sha256).write_bytes(broken)
        objects.put(b"a sword")
        assert objects.get(sha256) == b"a sword"

    def test_many_are_put_in_the_order_given(self, objects: Objects) -> None:
        blobs = [b"%d" % number for number in range(20)]
        assert objects.put_all(blobs, "quarantine") == [sha256_hex(blob) for blob in blobs]
        assert sorted(file.sha256 for file in objects.entries("quarantine")) == sorted(map(sha256_hex, blobs))

    def test_nothing_is_left_on_its_way(self, objects: Objects) -> None:
        objects.put_all([b"a", b"b", b"a"])
        assert list((objects.root / "tmp").iterdir()) == []


class TestMovingAndDeleting:
    def test_a_moved_file_is_in_the_other_area_only(self, objects: Objects) -> None:
        sha256 = objects.put(b"a sword")
        objects.move(sha256, "objects", "quarantine")
        assert objects.get(sha256, "quarantine") == b"a sword"
        with pytest.raises(FileNotFoundError):
            objects.get(sha256)

    def test_deleting_twice_is_fine(self, objects: Objects) -> None:
        sha256 = objects.put(b"a sword")
        objects.delete(sha256)
        objects.delete(sha256)
        assert list(objects.entries()) == []


class TestNothingLeadsOutside:
    @pytest.mark.parametrize("name", ["../../etc/passwd", "AB" * 32, "ab", "ab" * 32 + "/x", ""])
    def test_only_hashes_are_names(self, objects: Objects, name: str) -> None:
        with pytest.raises(ValueError, match="not an object"):
            objects.path(name)

    def test_a_linked_area_is_refused(self, objects: Objects, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (objects.root / "objects").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(CatalogError, match="is a link or a file; allowed: a folder"):
            objects.put(b"a sword")
        assert list((tmp_path / "elsewhere").iterdir()) == []
        assert list(objects.entries()) == []

    def test_a_linked_object_is_not_followed_and_not_listed(self, objects: Objects, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"a secret")
        path = objects.path(sha256_hex(b"a sword"))
        path.parent.mkdir(parents=True)
        path.symlink_to(tmp_path / "secret")
        with pytest.raises(CatalogError):
            objects.get(path.stem)
        assert list(objects.entries()) == []
        assert list(objects.foreign_files()) == [path]
        objects.put(b"a sword")
        assert not path.is_symlink()
        assert (tmp_path / "secret").read_bytes() == b"a secret"

    def test_strange_files_are_told_apart(self, objects: Objects) -> None:
        sha256 = objects.put(b"a sword")
        folder = objects.path(sha256).parent
        for name in ("x.png", "0" * 64 + ".png", sha256 + ".jpg"):
            (folder / name).write_bytes(b"")
        os.mkfifo(objects.root / "objects" / "pipe")
        assert len(list(objects.foreign_files())) == 4 - (folder.name == "00")
        assert len(list(objects.entries())) == 1 + (folder.name == "00")
