"""The Catalog: the one door to a library. File first, then one transaction; the row is the only completion marker.

library/catalog.sqlite   rows            library/objects/ab/<sha>.png      pictures
library/catalog.seal     see seal.py     library/quarantine/ab/<sha>.png   pictures not measured clear
library/locks/           see locks.py    library/tmp/                      files on their way
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from catalog.database import journal, library_folder, migrate, seal
from catalog.database.library_folder import damaged, is_there, trace
from catalog.database.locks import holding
from catalog.database.schema import CandidateRow
from catalog.database.sqlite import open_engine, reading
from catalog.errors import CatalogError, LibraryMissingError, StorageError
from catalog.objects.areas import Area, ImageState
from catalog.objects.store import Objects, sync_folder
from catalog.provenance import CandidateKey, Embedding, GitState, Provenance, Record, Reuse
from catalog.queries import candidates as queries
from catalog.queries import embeddings as looking
from catalog.queries import listing, lookup, recipes
from catalog.queries import record as show
from catalog.queries.candidate_state import CandidateState, Claim, Embeddings, Keeper, MadeImage, Recorded
from catalog.queries.filter import Filter
from catalog.queries.filter_sql import conditions
from catalog.queries.rules import Asset
from catalog.writes import annotations as remarks  # the plain name is the future import's
from catalog.writes import candidates as record
from catalog.writes import placement, places, register, runs, saved_searches
from catalog.writes.annotations import Remarks
from catalog.writes.runs import Run
from catalog.writes.saved_searches import SavedSearch
from scoring.verdict import Verdict
from specs.canonical import Json, sha256_hex
from specs.checkpoint import Checkpoint
from specs.commands import limner
from specs.differences import Recipe
from specs.registry.rights import RightsDecision
from specs.spec import Spec

FILE = library_folder.FILE


class Catalog:
    """An open library. Threads may share it; processes open their own. Close it, or use it in a ``with`` block."""

    def __init__(self, library: Path) -> None:
        """Use ``open``."""
        self.library = library
        self.objects = Objects(library)
        self.engine = open_engine(library / FILE)
        self._held = seal.opened(library / FILE)

    @classmethod
    def open(cls, library: Path, *, create: bool) -> Catalog:
        """Open a library; create it if asked; migrate an older one after copying it.

        Raises LibraryMissingError, NewerLibraryError, DamagedError (the catalog is gone, empty, an older copy, another
        library's), CatalogError (no catalog of ours), StorageError. Then nothing was written.
        """
        library = library.absolute()
        if not is_there(library) and not create and not (library / FILE).is_file():
            raise LibraryMissingError(
                f"{library}: no library here (no {FILE}); allowed: a folder that limner made; "
                f"name it with --library or LIMNER_LIBRARY, or make one with `{limner('produce', 'SPEC')}`."
            )
        _make_folders(library)
        journal.require_own(library / FILE)
        catalog = cls(library)
        try:
            if catalog._require_mine(seal.read_seal(library / FILE)) != migrate.HEAD:
                migrate.bring_up(catalog.engine, library / FILE)
            seal.ensure(catalog.engine)
        except BaseException:
            catalog._held = False
            seal.closing(catalog.engine, refused=True)
            raise
        return catalog

    def _require_mine(self, sealed: seal.Seal | None) -> int:
        """The schema of the catalog file, which must be ours and this library's newest; 0 for a new one.

        ``sealed`` was read before anything of the catalog.
        """
        path = self.library / FILE
        schema = migrate.revision(self.engine, path)
        if not schema and (beside := trace(self.library)) and not migrate.revision(self.engine, path):
            raise damaged(self.library, "is empty", beside)
        if schema:
            with reading(self.engine) as connection:
                row = connection.exec_driver_sql("SELECT writes, made_at FROM library").one_or_none()
            if row is None:
                raise damaged(self.library, "has no row of its library", "its schema")
            seal.require(path, sealed, int(row[0]), schema, str(row[1]))
        return schema

    def close(self) -> None:
        """Give the connections back, and seal what was written (see ``seal.py``). May be called twice."""
        if self._held:
            self._held = False
            seal.closing(self.engine)

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # what flows hands in

    def register(
        self,
        spec: Spec,
        checkpoint: Checkpoint,
        scorers: Mapping[str, Checkpoint],
        plans: Sequence[register.Planned],
        rights: RightsDecision,
        git: GitState | None,
    ) -> None:
        """Make a set, as this spec has it, the one in force. One transaction; writes nothing when it is so already.

        ``scorers`` by role; every checkpoint with its files hashed.
        """
        rows = register.rows_for(spec, checkpoint, scorers, plans, rights, git)
        with reading(self.engine) as connection:
            if register.is_current(connection, rows):
                return
        with seal.write_transaction(self.engine) as connection:
            register.put(connection, rows)

    def record(self, records: Sequence[Record]) -> Recorded:
        """Put finished candidates on record: their files first, then one transaction for all. Idempotent.

        When this returns, everything is on disk; when it raises, no row of it is.
        """
        for item in records:
            if sha256_hex(item.png) != item.candidate.image_sha256:
                raise CatalogError(
                    f"{item.set_name}/{item.asset_id}#{item.number}: got a file that hashes to "
                    f"{sha256_hex(item.png)[:12]}, not to the candidate's {item.candidate.image_sha256[:12]}."
                )
        with holding(self.library / "locks" / "objects.lock", shared=True):
            with reading(self.engine) as connection:
                known = placement.areas(connection, (item.candidate.image_sha256 for item in records))
            for area in Area:
                kept = [item for item in records if item.keep_pixels]
                blobs = [item.png for item in kept if known.get(item.candidate.image_sha256, item.area) == area]
                if blobs:
                    self.objects.put_all(blobs, area)
            with seal.write_transaction(self.engine) as connection:
                return record.put_records(connection, records)

    def reuse(self, items: Sequence[Reuse]) -> Recorded:
        """Give pictures that are on record to further assets, without rendering. One transaction; idempotent."""
        with seal.write_transaction(self.engine) as connection:
            return record.put_reused(connection, items)

    def append(self, verdicts: Sequence[tuple[CandidateKey, Verdict]]) -> int:
        """Append verdicts, in order, one transaction; returns how many (one equal to the newest is not repeated)."""
        if not verdicts:
            return 0
        with seal.write_transaction(self.engine) as connection:
            return record.append_verdicts(connection, verdicts)

    def record_verdicts(
        self, verdicts: Sequence[tuple[CandidateKey, Verdict]], crowded: Iterable[Asset] = ()
    ) -> list[places.Said]:
        """Append a choice of the policy's, one transaction; returns what was said besides.

        A person may have kept another picture since the choice was made: then that counts, and the policy's keeper
        makes room (see ``places``). So it does in ``crowded`` assets, which have more keepers than places.
        """
        kept = {(key.set_name, key.asset_id) for key, verdict in verdicts if verdict.keep}
        if not verdicts and not (kept := kept | set(crowded)):
            return []
        with seal.write_transaction(self.engine) as connection:
            record.append_verdicts(connection, verdicts)
            return places.settle_where_persons_decided(connection, kept | set(crowded))

    def rescore(self, now: Sequence[CandidateState], embeddings: Sequence[tuple[str, Embedding]] = ()) -> None:
        """Append the scorecards of candidates as they are now (``CandidateState.measured``); one transaction.

        ``embeddings`` (picture, embedding) of a CLIP that has not seen them before. CatalogError, and nothing is
        written, when somebody else has measured one of them since it was read.
        """
        if not now:
            return
        with seal.write_transaction(self.engine) as connection:
            record.put_embeddings(connection, embeddings)
            record.follow_scorecards(connection, now)

    def drop_pixels(self, image_sha256s: Iterable[str]) -> int:
        """Remove the files of pictures that every candidate of theirs rejects; rows first. Returns how many went."""
        with holding(self.library / "locks" / "objects.lock", shared=True):
            with seal.write_transaction(self.engine) as connection:
                wanted = set(image_sha256s)
                wanted -= queries.not_rejected(connection, wanted)
                gone = placement.mark(connection, sorted(wanted), start=ImageState.PRESENT, end=ImageState.DROPPED)
            for row in gone:
                self.objects.delete(row["image_sha256"], row["area"])
        return len(gone)

    def relocate(self, image_sha256s: Iterable[str], area: str) -> int:
        """Move pictures to ``objects`` or ``quarantine``; returns how many moved. At no instant is a file missing."""
        with holding(self.library / "locks" / "objects.lock", shared=True):
            return placement.relocate(self.engine, self.objects, list(image_sha256s), area)

    # what people say

    def tag(self, candidate_id: str, tags: Sequence[str], author: str, *, remove: bool = False) -> tuple[str, ...]:
        """Put tags on a candidate (or take them off) and return those that are on it then; one transaction, on disk.

        ``author`` as ``person:<name>``. What is so already is not repeated. NotFoundError, UsageError (no such tag can
        be); then nothing is written.
        """
        with seal.write_transaction(self.engine) as connection:
            remarks.put_tags(connection, candidate_id, tags, author, not remove)
            return remarks.of(connection, [candidate_id])[candidate_id].tags

    def note(self, candidate_id: str, text: str, author: str) -> None:
        """Append a note on a candidate; on disk when this returns. NotFoundError, UsageError."""
        with seal.write_transaction(self.engine) as connection:
            remarks.put_note(connection, candidate_id, text, author)

    def save_search(self, name: str, wanted: Filter, author: str) -> None:
        """Save a filter under a name, in the place of what was there. UsageError for what cannot be a name."""
        with seal.write_transaction(self.engine) as connection:
            saved_searches.put(connection, name, wanted, author)

    def delete_search(self, name: str, author: str) -> None:
        """Take a saved search away; what it said stays on record. NotFoundError names those that there are."""
        with seal.write_transaction(self.engine) as connection:
            saved_searches.delete(connection, name, author)

    # runs

    def start_run(self, set_name: str, spec_sha256: str) -> Run:
        """Begin a run: its claims count until it is finished or this process ends, however it ends."""
        with holding(self.library / "locks" / "objects.lock", shared=True):  # so that nobody tidies it away
            run = runs.begin(self.library, set_name, spec_sha256)
        with seal.write_transaction(self.engine) as connection:
            runs.put_begun(connection, run)
        return run

    def finish_run(self, run: Run, outcome: str, counts: Mapping[str, Json] | None = None) -> None:
        """End a run: ``outcome`` in a word (finished, interrupted, failed), ``counts`` what it did."""
        with seal.write_transaction(self.engine) as connection:
            runs.put_finished(connection, run, outcome, counts or {})
        run.lock.path.unlink(missing_ok=True)
        run.lock.release()

    def claim(self, job_ids: Sequence[str], run: Run) -> Claim:
        """Claim jobs for a run, so that no other run renders them meanwhile."""
        with seal.write_transaction(self.engine) as connection:
            return runs.claim(connection, self.library, job_ids, run)

    # questions

    def candidates(self, set_name: str) -> Mapping[str, Mapping[str, CandidateState]]:
        """Asset id → job id → candidate as it stands."""
        with reading(self.engine) as connection:
            return listing.candidates(connection, set_name)

    def pictures(self, job_ids: Sequence[str]) -> Mapping[str, MadeImage]:
        """Job id → its picture, in whatever set, for the jobs that have one."""
        with reading(self.engine) as connection:
            return runs.made_images(connection, job_ids)

    def picture(self, image_sha256: str) -> bytes:
        """A picture's file as it is on disk. NotFoundError when it is dropped, lost or unknown."""
        with reading(self.engine) as connection:
            area = placement.area_of(connection, image_sha256)
        try:
            return self.objects.get(image_sha256, area)
        except FileNotFoundError:
            raise placement.missing(self.objects, image_sha256, area) from None

    def keepers(
        self,
        set_name: str | None = None,
        matching: Filter = Filter(),  # noqa: B008 (a frozen value)
    ) -> list[Keeper]:
        """What is kept, of one set or of all, in the order of the rows; ``matching`` narrows further.

        Of assets that the spec no longer has only where ``matching.former``. NotFoundError for a name in ``matching``
        that the library does not have.
        """
        with reading(self.engine) as connection:
            where = conditions(connection, replace(matching, state="kept"))
            if set_name is not None:
                where.append(CandidateRow.set_name == set_name)
            return listing.keepers(connection, self.library, where)

    def names(self, candidates: Iterable[CandidateState]) -> Mapping[CandidateKey, str]:
        """Candidate → what a person calls it, and every command understands."""
        with reading(self.engine) as connection:
            return listing.names(connection, list(candidates))

    def picture_names(self, pictures: Collection[str]) -> Mapping[str, str]:
        """Picture (its hash, or as a note begins it) → what a person calls a candidate that it is of; one that is not
        on record is left out."""
        with reading(self.engine) as connection:
            named = listing.named_pictures(connection, pictures)
        return {picture: found[0].name for picture, found in named.items()}

    def newest_recipes(self, set_name: str, asset_ids: Sequence[str]) -> Mapping[str, Recipe]:
        """Of each of these assets the recipe of the picture that was made last; without pictures it is left out."""
        if not asset_ids:
            return {}
        with reading(self.engine) as connection:
            return recipes.newest_recipes(connection, set_name, asset_ids)

    def remarks(self, candidate_ids: Iterable[str]) -> Mapping[str, Remarks]:
        """Candidate id → its tags and notes, an entry for each id asked for."""
        with reading(self.engine) as connection:
            return remarks.of(connection, candidate_ids)

    def tags(self) -> Mapping[str, int]:
        """Every tag that was ever used → how many candidates it is on now; by name."""
        with reading(self.engine) as connection:
            return remarks.counts(connection)

    def searches(self) -> list[SavedSearch]:
        """The saved searches, by name."""
        with reading(self.engine) as connection:
            return saved_searches.every(connection)

    def search(self, name: str) -> SavedSearch:
        """The saved search of this name. NotFoundError names those that there are."""
        with reading(self.engine) as connection:
            return saved_searches.find(connection, name)

    def embeddings(self, set_name: str, clip_id: str | None = None) -> Embeddings:
        """The embeddings of a set's pictures as one matrix; without ``clip_id`` those of the CLIP that most have."""
        with reading(self.engine) as connection:
            return queries.embeddings(connection, set_name, clip_id)

    def set_paths(self) -> Mapping[str, str]:
        """Every set → the path of its spec as ``produce`` was told it."""
        with reading(self.engine) as connection:
            return looking.set_paths(connection)

    def vectors(self, image_sha256s: Iterable[str], clip_id: str) -> Mapping[str, looking.Vector]:
        """Picture → its embedding by this CLIP, of those that have one."""
        with reading(self.engine) as connection:
            return looking.vectors(connection, image_sha256s, clip_id)

    def phashes(self, image_sha256s: Iterable[str]) -> Mapping[str, str]:
        """Picture → its perceptual hash."""
        with reading(self.engine) as connection:
            return looking.phashes(connection, image_sha256s)

    def kept_elsewhere(self, set_name: str) -> list[str]:
        """The keepers' pictures of all other sets, sorted."""
        with reading(self.engine) as connection:
            return looking.kept_elsewhere(connection, set_name)

    def find(self, text: str) -> CandidateKey:
        """The candidate that a hash prefix, ``set/asset`` or ``set/asset#n`` names. NotFoundError, AmbiguousError."""
        with reading(self.engine) as connection:
            return lookup.find(connection, self.library, text)

    def provenance(self, key: CandidateKey) -> Provenance:
        """The whole record of a candidate."""
        with reading(self.engine) as connection:
            return show.provenance(connection, key)


def _make_folders(library: Path) -> None:
    """The library's folders, on disk. Where everything is there already, nothing is written."""
    folders = [library, *(library / name for name in (*Area, "tmp", "locks", "locks/runs"))]
    if all(folder.is_dir() for folder in folders):
        return
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (library / "locks", library, library.parent):
            sync_folder(folder)
    except OSError as error:
        raise StorageError(
            f"{error.filename or library}: cannot make the library's folders: {error.strerror}; allowed: a folder that "
            "you may write to, on a disk with space; name another with --library or LIMNER_LIBRARY."
        ) from error
