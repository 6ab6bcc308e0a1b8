"""Readings of collections: which texts another collection had of a release, and when it read them.

A reading whose text the archive has is a row of `observations`; other texts are stored as revisions
with the cause `import`. Of each collection, the revisions follow each other in the order in which
it read them, whatever the order of the imports: what a reading in between changes is written anew.
They never follow what the archive read, with one exception: if a collection's first text is one
that the archive has read, this revision stands for it.

A reading whose time is unknown has no place in this order: its revision follows none, and none
follows it. As soon as the collection's reading of the same text is imported with a time, the
observation gets this time, and the revision its place.

What the archive has read itself stays current. Until it has read a release, the newest reading of a
collection is current. A revision's `seen` is the time of the import, because manifests cover it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from archive.database.models import IMPORT_PREFIX
from archive.store.releases import (
    PreparedRelease,
    SaveResult,
    StoredRelease,
    has_same_text,
    link_to_previous,
)
from archive.times import to_iso

if TYPE_CHECKING:
    from archive.store.releases import Archive

READINGS_SQL = """
    select o.id, ifnull(o.seen, ''), o.revision, v.hash from observations o
    join revisions v on v.id = o.revision
    where v.release = ? and o.observer = ? order by o.seen, o.id
"""
READ_TEXT_SQL = "select min(id) from revisions where release = ? and hash = ? and cause <> 'import'"
# of readings at the same time, that of the last collection by name; without times, the last import
NEWEST_SQL = """
    select o.revision from observations o join revisions v on v.id = o.revision
    join observers x on x.id = o.observer where v.release = ?
    order by o.seen desc, iif(o.seen is null, o.id, 0) desc, x.name desc, o.id desc limit 1
"""


class _Reading(NamedTuple):
    id: int
    seen: str  # "": unknown
    revision: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection of which releases are imported."""

    id: int  # in `observers`
    name: str

    def describe_origin(self, imported_at: datetime) -> dict[str, Any]:
        """Return the columns of an imported revision that say where it is from."""
        origin = f"{IMPORT_PREFIX}{self.name}"
        times = {"seen": to_iso(imported_at), "capture": None}
        return {"cause": "import", "parser_version": origin, **times}


def add_collection(archive: Archive, name: str, url: str | None = None) -> Collection:
    """Store a collection, or find the stored one; a URL replaces the stored one."""
    with archive.transaction():
        archive.db.execute(
            "insert into observers (kind, name, url) values ('collection', :name, :url)"
            " on conflict (kind, name) do update set url = :url where :url is not null",
            {"name": name, "url": url},
        )
    sql = "select id from observers where kind = 'collection' and name = ?"
    (key,) = archive.db.execute(sql, [name]).fetchone()
    return Collection(id=key, name=name)


def save_reading(
    archive: Archive,
    prepared: PreparedRelease,
    collection: Collection,
    seen: datetime | date | None,
    imported_at: datetime,
    *,
    release_id: int | None = None,
) -> SaveResult | None:
    """Store what a collection had of a release when it read it at `seen` (None: unknown).

    release_id: the stored release, or None if it is new. Returns NEW, REVISED if the text is
    another version, or UNCHANGED if it is stored; None if it is not stored, because the archive has
    read another text and it is not known when the collection read this one.
    """
    with archive.transaction():
        if release_id is None:
            origin = collection.describe_origin(imported_at)
            revision = archive.writer.insert_first(prepared, origin)
            _observe(archive, revision, collection, to_iso(seen))
            return SaveResult.NEW
        if seen is None and _is_read(archive, release_id):
            sql = "select exists (select 1 from revisions where release = ? and hash = ?)"
            (is_known,) = archive.db.execute(sql, [release_id, prepared.hash]).fetchone()
            return SaveResult.UNCHANGED if is_known else None
        readings = _CollectionReadings(archive, release_id, collection, imported_at)
        result, replaced = readings.add(prepared, to_iso(seen)), None
        if not _is_read(archive, release_id):
            (newest,) = archive.db.execute(NEWEST_SQL, [release_id]).fetchone()
            replaced = archive.writer.make_current(release_id, newest)
        if replaced or readings.has_changed:
            archive.derived.refresh(release_id, replaced)
        return result


def _is_read(archive: Archive, release_id: int) -> bool:
    """Return whether the archive itself has read a release.

    When it first found the text of an import unchanged is not known of checks by earlier versions
    of the software, which only counted them.
    """
    sql = "select first_seen is not null or checks > 0 from releases where id = ?"
    return bool(archive.db.execute(sql, [release_id]).fetchone()[0])


def _observe(archive: Archive, revision: int, collection: Collection, seen: str | None) -> None:
    row = {"revision": revision, "observer": collection.id, "seen": seen}
    archive.writer.insert("observations", row)


class _CollectionReadings:
    """The readings of a release by a collection: those with a time in its order, and the others."""

    def __init__(
        self, archive: Archive, release_id: int, collection: Collection, imported_at: datetime
    ) -> None:
        self.archive, self.release_id = archive, release_id
        self.collection = collection
        self.origin = collection.describe_origin(imported_at)
        rows = archive.db.execute(READINGS_SQL, [release_id, collection.id]).fetchall()
        readings = [_Reading(*row) for row in rows]
        self.readings = [reading for reading in readings if reading.seen]
        self.undated = [reading for reading in readings if not reading.seen]
        self.has_changed = False  # whether revisions are new, or follow other ones than before

    def add(self, prepared: PreparedRelease, seen: str | None) -> SaveResult:
        """Add a reading, and return REVISED if its text is another version, else UNCHANGED."""
        if seen is None:
            return self._add_undated(prepared)
        same_time = [reading for reading in self.readings if reading.seen == seen]
        if self._find_text(prepared, same_time):
            return SaveResult.UNCHANGED
        place = bisect_right(self.readings, seen, key=lambda reading: reading.seen)
        neighbours = self.readings[max(place - 1, 0) : place + 1]
        if same := self._find_text(prepared, neighbours):
            _observe(self.archive, same.revision, self.collection, seen)
            return SaveResult.UNCHANGED
        return self._insert(prepared, seen, place)

    def _add_undated(self, prepared: PreparedRelease) -> SaveResult:
        if self._find_text(prepared, [*self.undated, *self.readings]):
            return SaveResult.UNCHANGED
        revision = self._insert_version(prepared.state, None)
        _observe(self.archive, revision, self.collection, None)
        self.has_changed = True
        return SaveResult.REVISED

    def _find_text(
        self, prepared: PreparedRelease, readings: Sequence[_Reading]
    ) -> _Reading | None:
        """Return the first of some readings that has a text, or None."""
        return next((each for each in readings if self._is_text_of(prepared, each)), None)

    def _is_text_of(self, prepared: PreparedRelease, reading: _Reading) -> bool:
        if reading.hash == prepared.hash:
            return True
        return has_same_text(prepared, self.archive.get_revision(reading.revision))

    def _insert(self, prepared: PreparedRelease, seen: str, place: int) -> SaveResult:
        """Insert a reading whose text differs from those before and after it."""
        before = self.readings[place - 1] if place else None
        self.has_changed = True
        result = SaveResult.UNCHANGED
        if undated := self._find_text(prepared, self.undated):
            revision = undated.revision
            self.archive.writer.update("observations", undated.id, {"seen": seen})
            if before is not None:
                stored = self.archive.get_revision(undated.revision)
                self._set_previous(stored, before.revision)
        else:
            found = None if before else self._find_read_text(prepared)
            if found is None:
                found = self._insert_version(prepared.state, before and before.revision)
                result = SaveResult.REVISED
            revision = found
            _observe(self.archive, revision, self.collection, seen)
        if rest := self.readings[place:]:
            self._let_follow(rest, revision, before)
        return result

    def _find_read_text(self, prepared: PreparedRelease) -> int | None:
        """Return the first revision with a text that the archive has read, or None."""
        values = [self.release_id, prepared.hash]
        (revision,) = self.archive.db.execute(READ_TEXT_SQL, values).fetchone()
        return cast("int | None", revision)

    def _insert_version(self, state: Mapping[str, Any], previous: int | None) -> int:
        before = None if previous is None else self.archive.get_revision(previous)
        return self.archive.writer.insert_version(self.release_id, state, self.origin, before)

    def _let_follow(self, rest: Sequence[_Reading], previous: int, before: _Reading | None) -> None:
        """Let the readings after an inserted one follow its revision.

        They need a revision of their own if theirs is that of the reading before, too, or was read
        by the archive.
        """
        first = self.archive.get_revision(rest[0].revision)
        is_shared = before is not None and before.revision == first.revision_id
        if not is_shared and first.cause == "import":
            self._set_previous(first, previous)
            return
        copy = self._insert_version(first.state, previous)
        moved = [reading for reading in rest if reading.revision == first.revision_id]
        for reading in moved:
            self.archive.writer.update("observations", reading.id, {"revision": copy})
        if len(moved) < len(rest):
            self._set_previous(self.archive.get_revision(rest[len(moved)].revision), copy)

    def _set_previous(self, stored: StoredRelease, previous: int) -> None:
        row = link_to_previous(self.archive.get_revision(previous), stored.state)
        self.archive.writer.update("revisions", stored.revision_id, row)
