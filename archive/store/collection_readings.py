"""Readings: which texts of a release another collection had, and when the collection read them.

If the archive already has the text of a reading, the reading is stored as a row of `observations`.
Other texts are stored as revisions with the cause `import`. The revisions of each collection follow
each other in the order in which the collection read them, regardless of the order of the imports.
If a reading is inserted between others, the affected revisions are rewritten. A revision of a
collection never follows a revision that the archive itself read, with one exception: if the archive
has read a collection's first text, the archive's revision is used for that text.

A reading at an unknown time is not in this order: its revision follows no other revision, and no
other revision follows it. As soon as the collection's reading of the same text is imported with a
time, the observation gets this time, and the revision gets its place in the order.

The archive's own newest reading is always current. Until the archive has read a release, the newest
reading of a collection is current. A revision's `seen` is the time of the import, not of the
reading.

Captures by a web archive are stored in the same way, together with the captured bytes. Their
revisions have no `previous`. Instead, the table `past_edits` records the order of the captured
versions, up to the first version that the archive itself read, and says which differences are edits
by the agency (scraper.ingest.past_versions).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from archive.database.models import IMPORT_PREFIX, PAST_PREFIX
from archive.store.derived_data import ChangedParagraph
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
    select o.id, ifnull(o.seen, ''), o.revision, v.hash, o.capture from observations o
    join revisions v on v.id = o.revision
    where v.release = ? and o.observer = ? order by o.seen, o.id
"""
# which versions follow each other as a web archive captured them; the first one that the archive
# read follows the last one that any of them captured before
STEPS_SQL = """
    with captured as (
      select o.id, o.observer, o.revision, o.seen, v.hash from observations o
      join observers x on x.id = o.observer and x.kind = 'web archive'
      join revisions v on v.id = o.revision where v.release = :release),
    known as (
      select * from captured union all
      select null, (select observer from captured order by seen desc, id desc limit 1), id, seen,
        hash from revisions where id = (select min(id) from revisions
        where release = :release and cause <> 'import') and exists (select 1 from captured)),
    steps as (
      select observer, revision, seen, hash, lag(revision) over times as previous,
        lag(seen) over times as after, lag(hash) over times as previous_hash
      from known window times as (partition by observer order by seen, id))
    select observer, previous, revision, after, seen from steps
    where previous <> revision and previous_hash <> hash
"""
STORED_STEPS_SQL = """
    select p.revision, p.previous from past_edits p join revisions v on v.id = p.revision
    where v.release = ?
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
    capture: int | None


class PastEdit(NamedTuple):
    """Says whether an agency edited its text between a captured version and the next version.

    paragraphs: if not None, only these changed paragraphs count, because the two pages have
        different templates.
    """

    is_edit: bool
    paragraphs: Sequence[ChangedParagraph] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection whose releases are imported, or a web archive that captured release pages."""

    id: int  # in `observers`
    name: str
    is_web_archive: bool = False

    def describe_origin(self, imported_at: datetime, capture: int | None = None) -> dict[str, Any]:
        """Return the columns of an imported revision that say where it comes from."""
        prefix = PAST_PREFIX if self.is_web_archive else IMPORT_PREFIX
        times = {"seen": to_iso(imported_at), "capture": capture}
        return {"cause": "import", "parser_version": f"{prefix}{self.name}", **times}


def add_collection(
    archive: Archive,
    name: str,
    url: str | None = None,
    kind: Literal["collection", "web archive"] = "collection",
) -> Collection:
    """Store a collection or web archive unless it is already stored, and return it.

    A given URL replaces the stored one.
    """
    with archive.transaction():
        archive.db.execute(
            "insert into observers (kind, name, url) values (:kind, :name, :url) on conflict"
            " (kind, name) do update set url = :url where :url is not null and url is not :url",
            {"kind": kind, "name": name, "url": url},
        )
    sql = "select id from observers where kind = ? and name = ?"
    (key,) = archive.db.execute(sql, [kind, name]).fetchone()
    return Collection(id=key, name=name, is_web_archive=kind == "web archive")


def save_reading(
    archive: Archive,
    prepared: PreparedRelease,
    collection: Collection,
    seen: datetime | date | None,
    imported_at: datetime,
    *,
    release_id: int | None = None,
    capture: int | None = None,
) -> SaveResult | None:
    """Store the text of a release that a collection read at `seen` (None if the time is unknown).

    Returns NEW if the release is new, REVISED if the text is a new version, or UNCHANGED if the
    text is already stored. Returns None, and stores nothing, if `seen` is None and the archive
    itself has read the release, but does not have this text.

    release_id: the stored release, or None if it is new.
    capture: the id of a web archive's capture.
    """
    with archive.transaction():
        if release_id is None:
            origin = collection.describe_origin(imported_at, capture)
            revision = archive.writer.insert_first(prepared, origin)
            _observe(archive, revision, collection, to_iso(seen), capture)
            return SaveResult.NEW
        if seen is None and _is_read(archive, release_id):
            sql = "select exists (select 1 from revisions where release = ? and hash = ?)"
            (is_known,) = archive.db.execute(sql, [release_id, prepared.hash]).fetchone()
            return SaveResult.UNCHANGED if is_known else None
        kind = _CapturedReadings if collection.is_web_archive else _CollectionReadings
        readings = kind(archive, release_id, collection, imported_at, capture)
        result, replaced = readings.add(prepared, to_iso(seen)), None
        if not _is_read(archive, release_id):
            (newest,) = archive.db.execute(NEWEST_SQL, [release_id]).fetchone()
            replaced = archive.writer.make_current(release_id, newest)
        if replaced or readings.has_changed:
            archive.derived.refresh(release_id, replaced)
        return result


def _is_read(archive: Archive, release_id: int) -> bool:
    """Return whether the archive itself has read a release.

    The number of checks is also considered: a release that an earlier version of the software
    imported, and then found unchanged, has no time of a first check, although the archive has read
    it.
    """
    sql = "select first_seen is not null or checks > 0 from releases where id = ?"
    return bool(archive.db.execute(sql, [release_id]).fetchone()[0])


def _observe(
    archive: Archive, revision: int, collection: Collection, seen: str | None, capture: int | None
) -> None:
    row = {"revision": revision, "observer": collection.id, "seen": seen, "capture": capture}
    archive.writer.insert("observations", row)


def find_past_edits(
    archive: Archive, release_id: int, judge: Callable[[StoredRelease, StoredRelease], PastEdit]
) -> None:
    """Store which versions of a release follow versions that a web archive captured.

    For each of the later versions, also store whether its difference from the earlier version is an
    edit by the agency.

    judge: decides whether the change from one version to the next is an edit. It is called once for
        each pair of versions.
    """
    with archive.transaction():
        stored = dict(archive.db.execute(STORED_STEPS_SQL, [release_id]).fetchall())
        for step in list(archive.db.query(STEPS_SQL, {"release": release_id})):
            revision, previous = step["revision"], step["previous"]
            if stored.pop(revision, None) == previous:
                sql = (
                    "update past_edits set after = :after, seen = :seen where revision = :revision"
                )
                archive.db.execute(sql, step)
                continue
            after = archive.get_revision(revision)
            found = judge(archive.get_revision(previous), after)
            row = {**step, "is_edit": found.is_edit, "paragraphs": None}
            if found.paragraphs is not None:
                row["paragraphs"] = json.dumps(found.paragraphs)
            archive.db.execute("delete from past_edits where revision = ?", [revision])
            archive.writer.insert("past_edits", row)
            shown, _ = archive.takedowns.redact_for_display(release_id, after.state)
            archive.derived.describe_past_edit(revision, shown)
        for revision in stored:  # it follows no other any more
            archive.db.execute("delete from past_edits where revision = ?", [revision])


class _CollectionReadings:
    """The readings of a release by a collection: dated ones in order, and undated ones."""

    def __init__(
        self,
        archive: Archive,
        release_id: int,
        collection: Collection,
        imported_at: datetime,
        capture: int | None,
    ) -> None:
        self.archive, self.release_id = archive, release_id
        self.collection, self.imported_at, self.capture = collection, imported_at, capture
        rows = archive.db.execute(READINGS_SQL, [release_id, collection.id]).fetchall()
        readings = [_Reading(*row) for row in rows]
        self.readings = [reading for reading in readings if reading.seen]
        self.undated = [reading for reading in readings if not reading.seen]
        self.has_changed = False  # whether revisions are new, or follow other ones than before

    def add(self, prepared: PreparedRelease, seen: str | None) -> SaveResult:
        """Add a reading, and return REVISED if its text is a new version, otherwise UNCHANGED."""
        if seen is None:
            return self._add_undated(prepared)
        same_time = [reading for reading in self.readings if reading.seen == seen]
        if self._find_text(prepared, same_time):
            return SaveResult.UNCHANGED
        place = bisect_right(self.readings, seen, key=lambda reading: reading.seen)
        neighbours = self.readings[max(place - 1, 0) : place + 1]
        if same := self._find_text(prepared, neighbours):
            _observe(self.archive, same.revision, self.collection, seen, self.capture)
            return SaveResult.UNCHANGED
        return self._insert(prepared, seen, place)

    def _add_undated(self, prepared: PreparedRelease) -> SaveResult:
        if self._find_text(prepared, [*self.undated, *self.readings]):
            return SaveResult.UNCHANGED
        revision = self._insert_version(prepared.state, None, self.capture)
        _observe(self.archive, revision, self.collection, None, self.capture)
        self.has_changed = True
        return SaveResult.REVISED

    def _find_text(
        self, prepared: PreparedRelease, readings: Sequence[_Reading]
    ) -> _Reading | None:
        """Return the first of `readings` that has the text of a release, or None if none of them
        has it.
        """
        return next((each for each in readings if self._is_text_of(prepared, each)), None)

    def _is_text_of(self, prepared: PreparedRelease, reading: _Reading) -> bool:
        if reading.hash == prepared.hash:
            return True
        return has_same_text(prepared, self.archive.get_revision(reading.revision))

    def _insert(self, prepared: PreparedRelease, seen: str, place: int) -> SaveResult:
        """Insert a reading whose text differs from the readings before and after it.

        Returns REVISED if the text is a new version, otherwise UNCHANGED.
        """
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
                found = self._insert_version(
                    prepared.state, before and before.revision, self.capture
                )
                result = SaveResult.REVISED
            revision = found
            _observe(self.archive, revision, self.collection, seen, self.capture)
        if rest := self.readings[place:]:
            self._let_follow(rest, revision, before)
        return result

    def _find_read_text(self, prepared: PreparedRelease) -> int | None:
        """Return the archive's own first revision with this text, or None if there is none."""
        values = [self.release_id, prepared.hash]
        (revision,) = self.archive.db.execute(READ_TEXT_SQL, values).fetchone()
        return cast("int | None", revision)

    def _insert_version(
        self, state: Mapping[str, Any], previous: int | None, capture: int | None
    ) -> int:
        before = None if previous is None else self.archive.get_revision(previous)
        origin = self.collection.describe_origin(self.imported_at, capture)
        return self.archive.writer.insert_version(self.release_id, state, origin, before)

    def _let_follow(self, rest: Sequence[_Reading], previous: int, before: _Reading | None) -> None:
        """Make the readings in `rest` follow the revision of an inserted reading.

        The first reading in `rest` gets a new revision if its revision is also used by the reading
        `before`, or was read by the archive itself.

        previous: the revision of the inserted reading.
        before: the reading before the inserted one.
        """
        first = self.archive.get_revision(rest[0].revision)
        is_shared = before is not None and before.revision == first.revision_id
        if not is_shared and first.cause == "import":
            self._set_previous(first, previous)
            return
        copy = self._insert_version(first.state, previous, rest[0].capture)
        moved = [reading for reading in rest if reading.revision == first.revision_id]
        for reading in moved:
            self.archive.writer.update("observations", reading.id, {"revision": copy})
        if len(moved) < len(rest):
            self._set_previous(self.archive.get_revision(rest[len(moved)].revision), copy)

    def _set_previous(self, stored: StoredRelease, previous: int) -> None:
        row = link_to_previous(self.archive.get_revision(previous), stored.state)
        self.archive.writer.update("revisions", stored.revision_id, row)


class _CapturedReadings(_CollectionReadings):
    """The captures of a release by a web archive.

    If the last captures have the same text as the first version that the archive itself read, that
    version is used for these captures.
    """

    def _insert(self, prepared: PreparedRelease, seen: str, place: int) -> SaveResult:
        self.has_changed, result = True, SaveResult.REVISED
        first, later = self.archive.get_first(self.release_id), self.readings[place:]
        if first and not later and has_same_text(prepared, first):
            revision, result = first.revision_id, SaveResult.UNCHANGED
        else:
            revision = self._insert_version(prepared.state, None, self.capture)
        _observe(self.archive, revision, self.collection, seen, self.capture)
        if not place:
            return result
        # a version is not captured before and after another one: then it is stored twice
        before = self.readings[place - 1].revision
        is_first = first is not None and before == first.revision_id
        if is_first:
            self._move_to_copy(before, self.readings[:place])
        elif later and later[0].revision == before:
            self._move_to_copy(before, later)
        return result

    def _move_to_copy(self, revision: int, readings: Sequence[_Reading]) -> None:
        moved = [reading for reading in readings if reading.revision == revision]
        state = self.archive.get_revision(revision).state
        copy = self._insert_version(state, None, moved[0].capture)
        for reading in moved:
            self.archive.writer.update("observations", reading.id, {"revision": copy})
