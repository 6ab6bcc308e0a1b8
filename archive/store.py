"""Archive: save, get, revisions, transactions; the stored state of a release; preparation of a release for bulk import.

A state that the archive holds of a release, as it is read back: with what is taken down of it.

What of a release is worked out before anything is written: where many are kept at once, in other processes.

Writes a release's states: a first one, or one more beside the one it follows, with all that belongs to it.

Archive.save: one release into SQLite with everything that belongs to it, in one transaction.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from archive.aggregates import fill_count_tables
from archive.database import ArchiveError, open_writable
from archive.dates import to_iso
from archive.diff import Diff, compare
from archive.duplicates import BandKeys, NearDuplicates, build_band_keys, join_text_fields
from archive.frontier import Frontier, Hosts, PaginationCursors
from archive.models import LIST_FIELDS, PART_TABLES, STATE_FIELDS, Capture, Release, hash_state, parse_state, to_state
from archive.redaction import Takedowns
from archive.removals import Removals
from archive.schema import migrate
from archive.search.index import IndexTerms, SearchIndex, extract_terms

STORED_FIELDS = ("release", "revision", "cause", "hash", "parser_version", "capture", "sha256", "newest")
STORED_COLUMNS = (*STORED_FIELDS, "takedown", *STATE_FIELDS, *LIST_FIELDS)
STORED_SQL = (
    "select r.id, v.id, v.cause, v.hash, v.parser_version, v.capture, c.sha256, n.sha256, v.takedown,"
    f" {', '.join(f'v.{name}' for name in (*STATE_FIELDS, *LIST_FIELDS))}"
    " from releases r join revisions v on v.release = r.id left join captures c on c.id = v.capture"
    " left join captures n on n.id = r.capture"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """A state of a release the archive holds."""

    release: int
    revision: int
    cause: str
    hash: str
    parser_version: str | None  # the rules it was read with
    capture: int | None
    sha256: str | None  # of the bytes it was read from
    newest: str | None  # of the newest bytes kept of the page, which show the design it stands in
    state: dict[str, Any]


def find_stored(db: Database, takedowns: Takedowns, condition: str, value: object) -> StoredRelease | None:
    """The one state for which a condition holds, on `r`, the release, and `v`, its revision."""
    values = db.execute(f"{STORED_SQL} where {condition}", [value]).fetchone()
    if values is None:
        return None
    row = dict(zip(STORED_COLUMNS, values, strict=True))
    if row["takedown"] is not None:
        row |= takedowns.withheld.get_state(row["revision"])
    return StoredRelease(**{name: row[name] for name in STORED_FIELDS}, state=parse_state(row))


def has_only_reordered_tags(state: Mapping[str, Any], stored: StoredRelease) -> bool:
    """Whether a state is the held one with its tags in another order, which tells nothing."""
    tags, known = state["tags"], stored.state["tags"]
    if known is None or tags == known or sorted(tags) != sorted(known):
        return False
    return hash_state({**state, "tags": known}) == stored.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFeatures:
    """What follows from a state's words: its terms in the index, and the keys by which joint texts meet."""

    terms: IndexTerms
    band_keys: BandKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRelease:
    """A release ready to be saved. `words` are None where they are worked out only once they are needed."""

    release: Release
    state: dict[str, Any]
    hash: str
    features: TextFeatures | None = None

    def __reduce__(self) -> tuple[Callable[..., PreparedRelease], tuple[Release, str, TextFeatures | None]]:
        """From one process to another without the state, which is the release once more."""
        return restore_prepared, (self.release, self.hash, self.features)


def restore_prepared(release: Release, digest: str, features: TextFeatures | None) -> PreparedRelease:
    """What another process has prepared."""
    return PreparedRelease(release=release, state=to_state(release), hash=digest, features=features)


def prepare_release(release: Release, *, with_features: bool = True) -> PreparedRelease:
    """All that a release alone tells."""
    state = to_state(release)
    return PreparedRelease(
        release=release,
        state=state,
        hash=hash_state(state),
        features=extract_text_features(state) if with_features else None,
    )


def extract_text_features(state: Mapping[str, Any]) -> TextFeatures:
    """What follows from a state's words."""
    return TextFeatures(
        terms=extract_terms(state),
        band_keys=build_band_keys(join_text_fields(state["title"], state["lead"], state["body"])),
    )


class ReleaseWriter:
    """Rows of releases, revisions and their parts. No method commits: `Archive.save` does."""

    def __init__(self, db: Database, takedowns: Takedowns) -> None:
        self.db = db
        self.takedowns = takedowns
        self.near_duplicates = NearDuplicates(db)
        self.index = SearchIndex(db)

    def insert_first(self, prepared: PreparedRelease, provenance: dict[str, Any]) -> None:
        release, state, digest, moment = prepared.release, prepared.state, prepared.hash, provenance["seen"]
        own = {"agency": release.agency, "url": release.url, "first_seen": moment, "last_checked": moment}
        columns = {name: state[name] for name in STATE_FIELDS}
        cause = "import" if provenance["cause"] == "import" else "first"
        key = self.insert("releases", {**own, **columns, "hash": digest})
        revision = self.insert(
            "revisions",
            {**provenance, **columns, **lists_to_json(state), "release": key, "cause": cause, "hash": digest},
        )
        self.update("releases", key, {"revision": revision, "capture": provenance["capture"]})
        self.upsert_parts(key, state)
        words = prepared.features or extract_text_features(state)
        self.index.index_release(key, words.terms)
        self.near_duplicates.update_release(key, release.agency, join_state_text(state), words.band_keys, is_new=True)

    def insert_revision(
        self, stored: StoredRelease, state: Mapping[str, Any], provenance: dict[str, Any], previous: StoredRelease
    ) -> str:
        """A further state, which closes what was known of the held one's standing; `before` is what it follows.

        Gives its cause: no edit (`source`) is told of in which nothing is found to differ. Of what is taken down only
        what may be shown is written here.
        """
        digest, whole = hash_state(state), state
        state, covering = self.takedowns.redact_for_display(stored.release, whole)
        columns = {name: state[name] for name in STATE_FIELDS}
        told = compare(self.takedowns.redact_for_display(stored.release, previous.state)[0], state)
        if provenance["cause"] == "source" and not told.changes and not compare(previous.state, whole).changes:
            provenance = {**provenance, "cause": "parser"}
        same = self.db.execute(
            "select min(id) from revisions where release = ? and hash = ?", [stored.release, digest]
        ).fetchone()
        self.db.execute(
            "update revisions set last_seen = r.last_checked, checks = r.checks from releases r"
            " where revisions.id = ? and r.id = ?",
            [stored.revision, stored.release],
        )
        row = {
            "release": stored.release,
            "previous": previous.revision,
            "reverts_to": same[0],
            "update_date_changed": int(previous.state["updated"] != state["updated"]),
            "importance": told.importance,
            **build_change_columns(told),
            "hash": digest,
            "takedown": covering,
        }
        revision = self.insert("revisions", {**provenance, **columns, **lists_to_json(state), **row})
        if covering is not None:
            self.takedowns.withheld.add_state(
                revision, {**whole, **lists_to_json(whole), **build_change_columns(compare(previous.state, whole))}
            )
        standing = {"revision": revision, "hash": digest, "checks": 0}
        if (
            provenance["capture"] is None or provenance["capture"] != stored.capture
        ):  # else nobody looked: old bytes were read anew
            standing |= {"last_checked": provenance["seen"], "capture": provenance["capture"]}
        self.update("releases", stored.release, {**columns, **standing})
        self.update_derived(stored.release, state, self.takedowns.redact_for_display(stored.release, stored.state)[0])
        return str(provenance["cause"])

    def update_derived(
        self, release_id: int, state: Mapping[str, Any], previous_state: Mapping[str, Any] | None = None
    ) -> None:
        """All that follows from the state a release stands in: its parts, its words, its copies elsewhere."""
        self.db.execute("delete from release_tags where release = ?", [release_id])
        self.upsert_parts(release_id, state)
        for name in PART_TABLES:
            self.db.execute(f"delete from {name} where release = ? and position > ?", [release_id, len(state[name])])
        words = extract_text_features(state)
        self.index.index_release(release_id, words.terms, previous_state)
        agency = self.db.execute("select agency from releases where id = ?", [release_id]).fetchone()[0]
        self.near_duplicates.update_release(release_id, agency, join_state_text(state), words.band_keys)

    def upsert_parts(self, release_id: int, state: Mapping[str, Any]) -> None:
        """Tags, questions and the like; what a release had beyond them is not taken away."""
        for tag in state["tags"]:
            self.db.execute("insert or ignore into tags (name) values (?)", [tag])
            self.db.execute(
                "insert into release_tags (release, tag) select ?, id from tags where name = ?", [release_id, tag]
            )
        for name in PART_TABLES:
            for position, part in enumerate(state[name], 1):
                self.upsert_part(name, {**part, "release": release_id, "position": position})

    def upsert_part(self, table: str, row: dict[str, Any]) -> None:
        """A question, image or attachment in its place; the id of a place once taken stays."""
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        sets = ", ".join(f"{name} = excluded.{name}" for name in row)
        self.db.execute(
            f"insert into {table} ({names}) values ({marks}) on conflict (release, position) do update set {sets}", row
        )

    def insert(self, table: str, row: dict[str, Any]) -> int:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        key = self.db.execute(f"insert into {table} ({names}) values ({marks})", row).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def update(self, table: str, row_id: int, row: dict[str, Any]) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in row)
        self.db.execute(f"update {table} set {sets} where id = :id", {**row, "id": row_id})


def join_state_text(state: Mapping[str, Any]) -> str:
    """All that a state says."""
    return join_text_fields(state["title"], state["lead"], state["body"])


def lists_to_json(state: Mapping[str, Any]) -> dict[str, str | None]:
    """A state's lists as revisions hold them; one that was not read in its day is NULL."""
    return {name: None if state[name] is None else json.dumps(state[name], ensure_ascii=False) for name in LIST_FIELDS}


def build_change_columns(diff: Diff) -> dict[str, str]:
    """What a state changed, as revisions hold it."""
    changes = json.dumps([asdict(change) for change in diff.changes], ensure_ascii=False)
    return {"summary": diff.summary("sv"), "summary_en": diff.summary("en"), "changes": changes}


NON_EDIT_CAUSES = ("first", "parser")  # causes of states that no agency's edit made


class SaveResult(Enum):
    """What saving a release came to."""

    NEW = "new"
    REVISED = "revised"
    REPARSED = "reparsed"  # the text stands as it did, and is read otherwise now
    UNCHANGED = "unchanged"
    MISSING = "missing"  # something else stood at its address
    QUARANTINED = "quarantined"  # kept aside (archive.quarantine)


class Archive:
    """An archive.db, opened for writing and brought to the newest schema. Use as a context manager.

    A search index made by another lemmatiser is made anew at once (about a second for a thousand releases),
    unless `renew` is False.
    """

    def __init__(self, path: Path | str, *, rebuild_stale: bool = True) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise ArchiveError(self.path, f"there is no folder {self.path.parent}")
        try:
            self.db = Database(open_writable(self.path))  # transactions are ours alone, see `transaction`
            migrate(self.db, self.path)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be opened as an archive: {error}") from error
        self.frontier = Frontier(self.db)
        self.hosts = Hosts(self.db)
        self.cursors = PaginationCursors(self.db)
        self.removals = Removals(self.db)
        self.takedowns = Takedowns(self.db, self.path)
        self.writer = ReleaseWriter(self.db, self.takedowns)
        self._last_prepared: PreparedRelease | None = None  # the release that was asked about last
        if rebuild_stale and self.writer.index.is_stale():
            self.writer.index.rebuild()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; nothing is pending, each transaction has ended."""
        self.db.close()

    def rebuild_index(self, progress: Callable[[str, int, int], None] = lambda *_: None) -> int:
        """Make anew what is made from releases: the search index, keys of joint texts, counts. Gives their number."""
        number = self.writer.index.rebuild(progress)
        with self.transaction():
            if self.writer.near_duplicates.is_stale():
                self.writer.near_duplicates.reindex_all()
            fill_count_tables(self.db)
        return number

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside stands or falls together; nests (the outermost commits)."""
        connection = self.db.conn
        if connection.in_transaction:
            yield
            return
        connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """A transaction in which many releases are saved: what they share is written once. All fall, or stand."""
        with self.transaction(), self.writer.index.batch_vocabulary():
            yield

    def add_agency(
        self, slug: str, *, name: str, home: str, name_en: str | None = None, org_number: str | None = None
    ) -> None:
        """Hold an agency; later calls bring its facts up to date."""
        facts = {"slug": slug, "name": name, "name_en": name_en, "org_number": org_number, "home": home}
        with self.transaction():
            self.db.execute(
                "insert into agencies (slug, name, name_en, org_number, home)"
                " values (:slug, :name, :name_en, :org_number, :home) on conflict (slug) do update set"
                " name = excluded.name, name_en = excluded.name_en, org_number = excluded.org_number,"
                " home = excluded.home where (name, name_en, org_number, home)"
                " is not (excluded.name, excluded.name_en, excluded.org_number, excluded.home)",
                facts,
            )

    def add_capture(self, capture: Capture, template: bytes | None = None) -> int:
        """Store a capture whose bytes are in captures.db already, and return its id.

        template: the fingerprint of the page's template (scraper.redesign); None if it is not known.
        """
        row = {
            "url": capture.url,
            "seen": to_iso(capture.seen),
            "status": capture.status,
            "headers": json.dumps(dict(capture.headers), ensure_ascii=False),
            "sha256": capture.sha256,
            "bytes": capture.bytes,
            "template": None if template is None else self._add_template(template),
        }
        return self.writer.insert("captures", row)

    def _add_template(self, fingerprint: bytes) -> int:
        digest = hashlib.sha256(fingerprint).hexdigest()
        sql = "insert or ignore into templates (digest, fingerprint) values (?, ?)"
        self.db.execute(sql, [digest, fingerprint])
        row: tuple[int] = self.db.execute("select id from templates where digest = ?", [digest]).fetchone()
        return row[0]

    def get_template(self, sha256: str) -> bytes | None:
        """Return the template fingerprint of the page with that SHA-256, or None if it was stored without one."""
        row = self.db.execute(
            "select t.fingerprint from captures c join templates t on t.id = c.template where c.sha256 = ? limit 1",
            [sha256],
        ).fetchone()
        return row[0] if row else None

    def save(
        self,
        release: Release,
        *,
        seen_at: datetime,
        cause: str = "source",
        capture_id: int | None = None,
        parser_version: str | None = None,
        previous: StoredRelease | None = None,
        prepared: PreparedRelease | None = None,
    ) -> SaveResult:
        """Keep a release as it stood at `seen`: a first state, a new state where it differs, or a mere check.

        `cause` names why a new state differs (source; parser, also where nothing differs to a reader); a first state
        is always `first`, an `import` stays one. `capture`: the answer it was read from; `reader`: the rules it was
        read with; `follows`: the state it follows where not the one held under its address (it moved); `prepared`: by
        another process. Its agency must be held already. ArchiveError names table and key of what cannot be written.
        """
        prepared = prepared or self._prepare_once(release)
        with self.transaction():
            try:
                return self._save(
                    prepared,
                    seen_at,
                    {"cause": cause, "capture": capture_id, "parser_version": parser_version},
                    previous,
                )
            except sqlite3.IntegrityError as error:
                raise ArchiveError(self.path, str(error), table="releases", key=release.url) from error

    def _save(
        self, prepared: PreparedRelease, seen_at: datetime, provenance: dict[str, Any], previous: StoredRelease | None
    ) -> SaveResult:
        release, provenance = prepared.release, {**provenance, "seen": to_iso(seen_at)}
        row = self.db.execute("select id, hash from releases where url = ?", [release.url]).fetchone()
        if row is None:
            self.writer.insert_first(prepared, provenance)
            return SaveResult.NEW
        held = self._find_changed(row[1], prepared)
        if held is None:
            self.mark_checked(row[0], seen_at)
            return SaveResult.UNCHANGED
        cause = self.writer.insert_revision(held, prepared.state, provenance, previous or held)
        return SaveResult.REPARSED if cause in NON_EDIT_CAUSES else SaveResult.REVISED

    def get(self, url: str) -> StoredRelease | None:
        """The state that stands now of the release under a canonical URL, if it is held."""
        return find_stored(self.db, self.takedowns, "r.url = ? and v.id = r.revision", url)

    def get_latest(self, release_id: int) -> StoredRelease | None:
        """The state that stands now of a release, or stood last."""
        return find_stored(self.db, self.takedowns, "r.id = ? and v.id = r.revision", release_id)

    def get_first(self, release_id: int) -> StoredRelease | None:
        """The state in which a release was first read."""
        first = "r.id = ? and v.id = (select min(id) from revisions where release = r.id)"
        return find_stored(self.db, self.takedowns, first, release_id)

    def find_release_id(self, url: str) -> int | None:
        """The id of the release held under a canonical URL, if any."""
        row = self.db.execute("select id from releases where url = ?", [url]).fetchone()
        return row[0] if row else None

    def get_url(self, release_id: int) -> str | None:
        """The address a release stands at."""
        row = self.db.execute("select url from releases where id = ?", [release_id]).fetchone()
        return row[0] if row else None

    def get_dates(self, release_id: int) -> tuple[str, str | None, str | None]:
        """When a release was first seen, when it says it was published and updated."""
        found: tuple[str, str | None, str | None] = self.db.execute(
            "select first_seen, published, updated from releases where id = ?", [release_id]
        ).fetchone()
        return found

    def get_last_checked(self, release_id: int) -> str:
        """When a release was last seen standing."""
        return str(self.db.execute("select last_checked from releases where id = ?", [release_id]).fetchone()[0])

    def get_capture_url(self, capture_id: int | None) -> str | None:
        """The address an answer came from."""
        row = self.db.execute("select url from captures where id = ?", [capture_id]).fetchone()
        return row[0] if row else None

    def is_new_or_changed(self, release: Release, prepared: PreparedRelease | None = None) -> bool:
        """Whether a release is new, or stands otherwise than held."""
        row = self.db.execute("select hash from releases where url = ?", [release.url]).fetchone()
        return row is None or self._find_changed(row[0], prepared or self._prepare_once(release)) is not None

    def _find_changed(self, digest: str, prepared: PreparedRelease) -> StoredRelease | None:
        """The state held, with that hash, of a release that stands otherwise; None where it stands so."""
        held = None if digest == prepared.hash else self.get(prepared.release.url)
        return None if held is None or has_only_reordered_tags(prepared.state, held) else held

    def _prepare_once(self, release: Release) -> PreparedRelease:
        """A release's state and hash: a page's are asked for several times in a row."""
        if self._last_prepared is None or self._last_prepared.release is not release:
            self._last_prepared = prepare_release(release, with_features=False)
        return self._last_prepared

    def change_url(self, release_id: int, url: str, seen_at: datetime) -> None:
        """A release was held under an address that is another one's: its own is the one it was read at."""
        self.db.execute("update releases set url = ? where id = ?", [url, release_id])
        self.frontier.mark_stored(url, release_id, seen_at)

    def set_capture(self, release_id: int, capture_id: int) -> None:
        """A capture shows a release unchanged in a new design."""
        self.db.execute("update releases set capture = ? where id = ?", [capture_id, release_id])

    def set_next_check(self, release_id: int, next_check: datetime) -> None:
        """Look at a release again at another time, without having seen it."""
        self.db.execute("update releases set next_check = ? where id = ?", [to_iso(next_check), release_id])

    def mark_checked(self, release_id: int, seen_at: datetime, next_check: datetime | None = None) -> None:
        """Note that a release was looked at and stood as held, and when it is to be looked at again."""
        self.db.execute(
            "update releases set last_checked = ?, checks = checks + 1, next_check = coalesce(?, next_check)"
            " where id = ?",
            [to_iso(seen_at), to_iso(next_check), release_id],
        )
