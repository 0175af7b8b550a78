"""Re-derive every hash of a library and say what does not hold. Writes nothing, unless asked to tidy or to mend.

What is found: every changed byte of ``catalog.sqlite`` while its seal is fresh (see ``seal.py``), and otherwise every
change that alters what the catalog says; every picture that is missing, truncated, altered, misplaced or not ours.
Files that no row speaks of (a crash may leave some) are counted, not complained of.

Not covered, because they can be made again: ``cache/``, ``locks/``, ``prefect/``, ``sheets/``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalog.backup.other_catalogs import spoken_of
from catalog.database import migrate
from catalog.database.library_folder import FILE, damaged, is_there, trace
from catalog.database.seal import Seal, file_seal, raw, read_seal, seal_path, visiting, wrong
from catalog.database.sqlite import open_engine
from catalog.errors import CatalogError, DamagedError, LibraryMissingError, NewerLibraryError, StorageError
from catalog.integrity import check_files, check_rows, trash
from catalog.integrity import repair as mend
from catalog.integrity.check_files import Kept
from catalog.integrity.check_rows import CatalogState
from catalog.integrity.problems import Problem
from catalog.integrity.snapshot import UNREADABLE, snapshot
from catalog.integrity.trash import Collected
from specs.errors import UsageError

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What ``verify`` found. ``rows`` and ``files`` were checked; ``unreferenced`` files belong to nothing.

    ``seal`` is ``fresh`` (every byte of the catalog is accounted for), ``stale`` (written since, or killed: what the
    catalog says is accounted for, its idle bytes are not) or ``broken``. ``collected`` and ``mended`` say what was
    done; ``not_collected`` why nothing was, where that was asked.
    """

    rows: int
    files: int
    problems: tuple[Problem, ...]
    unreferenced: int
    seal: str
    collected: Collected = field(default_factory=Collected)
    not_collected: str = ""
    mended: tuple[str, ...] = ()

    @property
    def removed(self) -> int:
        """Files that went to the trash."""
        return self.collected.moved

    @property
    def checked(self) -> int:
        """Rows and files together."""
        return self.rows + self.files


def verify(
    library: Path, *, gc: bool = False, yes: bool = False, repair: bool = False, progress: Progress | None = None
) -> Report:
    """Check a library. ``repair`` repairs what it can and checks again. ``gc`` moves files that belong to nothing to
    the trash, where no problem was found; ``yes``: also when that is most of what is there (see ``trash.py``).

    ``progress`` is told (files checked, files in all). Raises LibraryMissingError, NewerLibraryError, StorageError.
    """
    library = library.absolute()
    if not _is_there(library):
        raise LibraryMissingError(
            f"{library}: no library here (no {FILE}); allowed: a folder that limner made; name it with --library or "
            "LIMNER_LIBRARY."
        )
    report = examine(library, library / FILE, progress)
    mended: tuple[str, ...] = ()
    if repair:
        mended = mend.repair(library, report.problems)
        report = examine(library, library / FILE, progress)
    report = replace(report, mended=mended)
    return _collected(library, report, yes) if gc else report


def _is_there(library: Path) -> bool:
    try:
        return is_there(library) or (library / FILE).is_file()
    except DamagedError:
        return True  # to be reported


def _collected(library: Path, report: Report, yes: bool) -> Report:
    """The report of a library after ``--gc``."""
    if report.problems:
        why = "nothing was moved or deleted: --gc needs a library without problems; --repair first, or restore a backup"
        return replace(report, not_collected=f"{library}: {len(report.problems)} problems; {why}.")
    try:
        done = trash.collect(library, yes=yes)
    except UsageError as error:
        return replace(report, not_collected=str(error))
    return replace(report, collected=done, unreferenced=report.unreferenced - done.moved)


def examine(
    library: Path,
    path: Path,
    progress: Progress | None = None,
    *,
    decoded: bool = True,
    scratch: Path | None = None,
) -> Report:
    """Check the catalog at ``path``, whose seal lies beside it, and the library's pictures against it.

    ``decoded``: pictures are decoded too, and their pixels hashed; else their bytes alone are. ``scratch``: where the
    catalog is copied to (see ``snapshot.py``).
    """
    problems: list[Problem] = []
    try:
        found = _rows_of(path, problems, scratch)
        checked = check_files.check(library, found.kept, progress, spoken_of(library), decoded=decoded)
        moved = check_rows.changed_since(path, found.kept or {}, [_sha256(one) for one in checked.problems])
    except OSError as error:
        raise StorageError(
            f"{error.filename or path}: cannot be read: {error.strerror}; check the disk and the folder's rights."
        ) from error
    problems += (one for one in checked.problems if _sha256(one) not in moved)
    return Report(found.rows, checked.files, tuple(problems), checked.unreferenced, found.seal)


def _rows_of(path: Path, problems: list[Problem], scratch: Path | None) -> _Rows:
    try:
        is_there(path.parent)
    except DamagedError as error:
        problems.append(Problem("altered" if path.exists() else "missing", FILE, str(error)))
        return _Rows(0, "broken", None)
    sealed, exists = read_seal(path), seal_path(path).exists()  # first: a catalog is never older than its seal
    with visiting(path), snapshot(path, scratch) as copy:
        if check_rows.is_empty(copy) and (beside := trace(path.parent)):
            problems.append(Problem("altered", FILE, str(damaged(path.parent, "is empty", beside))))
            return _Rows(0, "broken", None)
        return _examine_rows(copy, sealed, exists, problems)


def _sha256(problem: Problem) -> str:
    return Path(problem.what).stem


@dataclass(frozen=True, slots=True)
class _Rows:
    """``kept``: what the rows say of the pictures' files; None when they could not be read."""

    rows: int
    seal: str
    kept: dict[str, Kept] | None


def _examine_rows(copy: Path, seal: Seal | None, exists: bool, problems: list[Problem]) -> _Rows:
    """Check the copy: first that SQLite can read it (an interrupted write is rolled back here), then seal and rows."""
    try:
        now = check_rows.state(copy)
    except UNREADABLE as error:
        problems.append(Problem("altered", FILE, f"SQLite cannot read it: {error}"))
        return _Rows(0, "broken", None)
    state = _check_seal(copy, seal, exists, now, problems)
    if now is None and not exists and check_rows.is_empty(copy):
        return _Rows(0, state, {})
    engine = open_engine(copy)
    try:
        migrate.bring_up(engine, copy)
        count, kept, found = check_rows.check(engine)
        problems += found
    except (CatalogError, *UNREADABLE) as error:
        if isinstance(error, NewerLibraryError) and state != "broken":
            raise
        problems.append(Problem("altered", FILE, str(error).replace(str(copy), FILE)))
        return _Rows(0, state, None)
    finally:
        engine.dispose()
    return _Rows(count, state, kept)


def _check_seal(
    copy: Path, seal: Seal | None, exists: bool, state: CatalogState | None, problems: list[Problem]
) -> str:
    name = seal_path(copy).name
    if seal is None and not exists and not (state and state.writes):
        return "stale"  # a library that is just being made
    if seal is None:
        kind, detail = ("altered", "the seal is not what was written") if exists else ("missing", "the seal is gone")
        problems.append(Problem(kind, name, detail))
        return "broken"
    if state is None:
        return "stale"
    if detail := wrong(seal, state.writes, state.schema, state.made_at):
        problems.append(Problem("altered", FILE, detail))
        return "broken"
    if seal.age(state.writes, state.schema) < 0:
        return "stale"
    with raw(copy) as fd:
        now = file_seal(fd, seal.writes, seal.schema, seal.made_at)
    if now == seal:
        return "fresh"
    detail = f"{now.bytes} bytes hash to {now.sha256[:12]}; sealed were {seal.bytes} that hash to {seal.sha256[:12]}"
    problems.append(Problem("altered", FILE, detail))
    return "broken"
