"""Archive: reads releases from archive.db, and saves each with all its rows in one transaction.

`Archive.save` decides whether a release is new, revised or unchanged. `ReleaseWriter` writes the
rows, and derived_data.py computes further data from them. Data that depends only on the release
(state, hash, index terms, near-duplicate keys) can be prepared in other processes: see
`prepare_release`.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from sqlite_utils import Database

from archive.attachments import Attachments, AttachmentText, TextExtraction, extract_text
from archive.changes.comparison import Diff, compare
from archive.changes.history import RELEASE_CHAIN_CTE
from archive.database.captures import Captures
from archive.database.count_tables import fill_counts
from archive.database.frontier import Frontier, Hosts, PaginationCursors
from archive.database.models import (
    LIST_FIELDS,
    PART_FIELDS,
    PART_TABLES,
    STATE_FIELDS,
    Capture,
    Release,
    hash_state,
    parse_state,
    to_state,
)
from archive.database.redaction import Takedowns
from archive.database.removals import Removals, fill_continues_as
from archive.database.schema import migrate
from archive.database.sqlite_files import (
    ArchiveError,
    ProgressCallback,
    map_in_order,
    open_writable,
    sqlite_errors,
    write_transaction,
)
from archive.store.derived_data import DerivedData, SavedRevision, compute_derived
from archive.times import now, to_iso

STORED_SQL = f"""
    select r.id as release_id, r.url, r.added, coalesce(r.last_checked, r.added) as last_checked,
      r.removed_at, r.moved_to,
      v.id as revision_id, v.seen, v.cause, v.hash, v.parser_version, v.capture as capture_id,
      c.sha256, iif(c.observer is null, c.url, null) as captured_url, n.sha256 as newest_sha256,
      (select max(last_seen) from removals
        where release = r.id and ended is null and kind <> 'moved') as missed,
      v.takedown, {", ".join(map("v.{}".format, (*STATE_FIELDS, *LIST_FIELDS)))}
    from releases r join revisions v on v.release = r.id left join captures c on c.id = v.capture
      left join captures n on n.id = r.capture
"""
# the last row: at the URL that a release's current state was read at
CANDIDATES_CONDITION = """
    v.id = r.revision and (r.id = :release or r.url in (:url, :other) or r.url = (
      select c.url from releases o join revisions s on s.id = o.revision
        join captures c on c.id = s.capture where o.id = :release))
"""
TEXT_FIELDS = ("title", "lead", "body")
BULK_CACHE = 64_000  # KB of memory for SQLite's pages while many releases are saved
MAX_REVERT_CANDIDATES = 20  # revisions with the same text that are compared completely
# names of what a survey found of an agency, as in its table of agencies.toml
SURVEY_KEYS = ("tried", "verdict", "read", "judged", "right", "seen")
NON_EDIT_CAUSES = ("first", "parser")  # causes of revisions that are not edits by the agency


class SaveResult(Enum):
    NEW = "new"
    REVISED = "revised"
    REPARSED = "reparsed"  # the same page was parsed with a different result
    UNCHANGED = "unchanged"
    MISSING = "missing"  # something else was found at the URL
    QUARANTINED = "quarantined"  # see archive.database.quarantined_pages


class Archive(AbstractContextManager["Archive"]):
    """A context manager for an archive.db, opened for writing and migrated to the newest schema.

    Unless `rebuild_stale` is False, derived data that was computed with other versions of the rules
    is recomputed on opening. This takes a few seconds per thousand releases.
    """

    def __init__(self, path: Path | str, *, rebuild_stale: bool = True) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise ArchiveError(self.path, f"there is no folder {self.path.parent}")
        with sqlite_errors(self.path, "cannot be opened as an archive"):
            # without implicit transactions: see `transaction`
            self.db = Database(open_writable(self.path))
            migrate(self.db, self.path)
        self.frontier = Frontier(self.db)
        self.hosts = Hosts(self.db)
        self.cursors = PaginationCursors(self.db)
        self.removals = Removals(self.db)
        self.attachments = Attachments(self.db)
        self.takedowns = Takedowns(self.db, self.path)
        self.derived = DerivedData(self.db, self.takedowns)
        self.writer = ReleaseWriter(self.db, self.takedowns, self.derived)
        if rebuild_stale:
            self.derived.recompute_stale()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()

    def recompute(self, progress: ProgressCallback = lambda *_: None, *, processes: int = 0) -> int:
        """Recompute all derived data, counts and `continues_as`. An interrupted run is continued.

        Returns the number of releases whose derived data was written.
        """
        with self.transaction():
            fill_counts(self.db)
            fill_continues_as(self.db)
        return self.derived.recompute_all(progress, processes=processes)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written in the block, or roll it back if the block raises an error.

        Only the outermost block commits.
        """
        connection = self.db.conn
        if connection.in_transaction:
            yield
            return
        with write_transaction(connection):
            yield

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Open a transaction for saving many releases.

        The search index is written only at the end of the transaction.
        """
        self.db.execute(f"pragma cache_size = -{BULK_CACHE}")
        with self.transaction(), self.derived.index.batch():
            yield

    def add_agency(
        self,
        slug: str,
        *,
        name: str,
        home: str,
        name_en: str | None = None,
        org_number: str | None = None,
        survey: Mapping[str, Any] | None = None,
    ) -> None:
        """Store an agency, or update its stored columns.

        survey: the result of surveying the agency's site, with the keys in SURVEY_KEYS.
        """
        facts = {
            "slug": slug,
            "name": name,
            "name_en": name_en,
            "org_number": org_number,
            "home": home,
            **{f"survey_{key}": (survey or {}).get(key) for key in SURVEY_KEYS},
        }
        columns = ", ".join(facts)
        excluded = ", ".join(f"excluded.{column}" for column in facts)
        # An unchanged agency must cost nothing; sqlite-utils' upsert even creates a table to test
        # what SQLite can do
        with self.transaction():
            self.db.execute(
                f"insert into agencies ({columns}) values ({', '.join('?' * len(facts))})"
                f" on conflict (slug) do update set ({columns}) = ({excluded})"
                f" where ({columns}) is not ({excluded})",
                [*facts.values()],
            )

    def add_capture(self, capture: Capture, template: bytes | None = None) -> int:
        """Store a capture whose bytes are already in captures.db, and return the capture's id.

        template: the fingerprint of the page's template (scraper.ingest.edit_or_redesign), or None
            if it is unknown.
        """
        digest = None
        if template is not None:
            digest = hashlib.sha256(template).hexdigest()
            self.db.execute(
                "insert or ignore into templates (digest, fingerprint) values (?, ?)",
                [digest, template],
            )
        row = {
            "url": capture.url,
            "seen": to_iso(capture.seen),
            "status": capture.status,
            "headers": json.dumps(dict(capture.headers), ensure_ascii=False),
            "sha256": capture.sha256,
            "bytes": capture.bytes,
            "template": digest,
            "observer": capture.observer,
        }
        added = self.db.execute(
            "insert into captures (url, seen, status, headers, sha256, bytes, observer, template)"
            " values (:url, :seen, :status, :headers, :sha256, :bytes, :observer,"
            " (select id from templates where digest = :template))",
            row,
        )
        return cast("int", added.lastrowid)

    def store_attachment_text(
        self, file_id: int, text: AttachmentText, extracted_at: datetime
    ) -> None:
        """Store and index the text of an attachment, unless a takedown covers it."""
        with self.transaction():
            self.attachments.store_text(file_id, text, extracted_at)
            self.derived.index.index_file(file_id)

    def extract_missing_texts(
        self,
        captures: Captures,
        *,
        agency: str | None = None,
        withheld: bool = False,
        seconds: float = math.inf,
        progress: ProgressCallback = lambda *_: None,
        processes: int = 0,
    ) -> TextExtraction:
        """Extract the texts of attachments whose text is missing or was extracted by earlier rules.

        Each text is stored immediately. The returned object says how many texts were extracted, and
        which files could not be read.

        agency, withheld: passed on to `Attachments.list_files_to_read`.
        seconds: once this time has passed, no further file is read.
        processes: the number of files that are read at once, each in a separate process. If 0,
            files are read one by one.
        """
        end = time.monotonic() + seconds
        files, extraction = (
            self.attachments.list_files_to_read(agency=agency, withheld=withheld),
            TextExtraction(),
        )
        bodies = (
            (file_id, captures.try_read(sha256))
            for file_id, sha256 in takewhile(lambda _: time.monotonic() < end, files)
        )
        with closing(
            map_in_order(
                bodies, _extract_text, to_payload=itemgetter(1), processes=processes, threads=True
            )
        ) as extracted:
            for done, ((file_id, _), text) in enumerate(extracted, 1):
                if isinstance(text, ArchiveError):
                    extraction.findings.append(text)
                else:
                    self.store_attachment_text(file_id, text, now())
                    extraction.files += 1
                    extraction.empty += text.problem is None and not text.letters
                    extraction.problems += text.problem is not None
                progress("files", done, len(files))
        return extraction

    def has_capture(self, url: str, sha256: str) -> bool:
        sql = "select exists (select 1 from captures where sha256 = ? and url = ?)"
        return bool(self.db.execute(sql, [sha256, url]).fetchone()[0])

    def get_template(self, sha256: str) -> bytes | None:
        """Return the template fingerprint of a page by its SHA-256, or None if it is unknown."""
        sql = (
            "select t.fingerprint from captures c join templates t on t.id = c.template where"
            " c.sha256 = ? limit 1"
        )
        row = self.db.execute(sql, [sha256]).fetchone()
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
        """Store a release that the archive read at `seen_at`. Its agency must already be stored.

        If the release is new or differs from its stored state, a revision is added. Otherwise, only
        the check is recorded. Raises ArchiveError, which names the table and the key, if the
        release cannot be written.

        cause: why a new revision differs from the previous one (`source` or `parser`). With
            `parser`, a revision is stored even if nothing visible differs. The first revision that
            the archive reads has the cause `first`, even if readings of collections precede it
            (archive.store.collection_readings).
        capture_id: the capture from which the release was parsed.
        parser_version: the version of the parser.
        previous: the state that this one follows, if it is not the state stored under the release's
            URL, as after a move.
        prepared: the result of `prepare_release` from another process.
        """
        prepared = prepared or prepare_release(release, with_features=False)
        provenance = {
            "cause": cause,
            "capture": capture_id,
            "parser_version": parser_version,
            "seen": to_iso(seen_at),
        }
        with self.transaction():
            try:
                row = self.db.execute(
                    "select id, hash, first_seen is null from releases where url = ?", [release.url]
                ).fetchone()
                if row is None:
                    self.writer.insert_first(prepared, {**provenance, "cause": "first"})
                    return SaveResult.NEW
                stored = self.get(release.url) if row[1] != prepared.hash or row[2] else None
                if stored is None or not is_new_or_changed(prepared, stored):
                    self.mark_checked(row[0], seen_at)
                    return SaveResult.UNCHANGED
                cause = self.writer.insert_revision(
                    stored, prepared.state, provenance, previous or stored
                )
            except sqlite3.IntegrityError as error:
                raise ArchiveError(
                    self.path, str(error), table="releases", key=release.url
                ) from error
        return SaveResult.REPARSED if cause in NON_EDIT_CAUSES else SaveResult.REVISED

    def get(self, url: str) -> StoredRelease | None:
        """Return the current state of the release at a canonical URL, or None if there is none."""
        return self._find_stored("r.url = ? and v.id = r.revision", [url])

    def get_latest(self, release_id: int) -> StoredRelease | None:
        """Return the current state of a release or, if it was removed, its last state.

        Returns None if there is no such release.
        """
        return self._find_stored("r.id = ? and v.id = r.revision", [release_id])

    def get_first(self, release_id: int) -> StoredRelease | None:
        """Return the state in which the archive first read a release, or None if it never read
        it.
        """
        first = (
            "r.id = ? and v.id = (select min(id) from revisions where release = r.id"
            " and cause <> 'import')"
        )
        return self._find_stored(first, [release_id])

    def list_candidates(self, release_id: int | None, url: str, other: str) -> list[StoredRelease]:
        """Return the current state of a release, and of each other release with one of its
        addresses.

        The other releases are those at `url`, at `other`, and at the URL where the current state of
        the given release was captured.
        """
        values = {"release": release_id, "url": url, "other": other}
        return list(self._list_stored(CANDIDATES_CONDITION, values))

    def _find_stored(self, condition: str, values: list[Any]) -> StoredRelease | None:
        return next(self._list_stored(condition, values), None)

    def _list_stored(self, condition: str, values: Any) -> Iterator[StoredRelease]:
        """Yield stored states that meet an SQL condition on `r` (releases) and `v` (revisions)."""
        # not by sqlite-utils' query(), which opens and releases a savepoint
        cursor = self.db.execute(f"{STORED_SQL} where {condition}", values)
        names = [column[0] for column in cursor.description]
        for found in cursor:
            shown = dict(zip(names, found, strict=True))
            withheld = {}
            if shown["takedown"] is not None:
                withheld = self.takedowns.withheld.get_state(shown["revision_id"])
            row = {**shown, **withheld}
            columns = {name: row[name] for name in StoredRelease.__slots__ if name != "state"}
            yield StoredRelease(**columns, state=parse_state(row))

    def get_revision(self, revision_id: int) -> StoredRelease:
        found = self._find_stored("v.id = ?", [revision_id])
        assert found is not None  # noqa: S101 - for the type checker
        return found

    def find_release_id(self, url: str) -> int | None:
        row = self.db.execute("select id from releases where url = ?", [url]).fetchone()
        return row[0] if row else None

    def get_url(self, release_id: int) -> str | None:
        row = self.db.execute("select url from releases where id = ?", [release_id]).fetchone()
        return row[0] if row else None

    def get_dates(self, release_id: int) -> tuple[str, str | None, str | None]:
        """Return when a release was added, and its stated publication and update times."""
        found: tuple[str, str | None, str | None] = self.db.execute(
            "select added, published, updated from releases where id = ?", [release_id]
        ).fetchone()
        return found

    def change_url(self, release_id: int, url: str, seen_at: datetime) -> None:
        """Set a release's URL to `url`, because its stored URL belongs to another release."""
        self.writer.update("releases", release_id, {"url": url})
        self.derived.refresh(release_id)
        self.frontier.mark_stored(url, release_id, seen_at)

    def set_capture(self, release_id: int, capture_id: int) -> None:
        """Set a release's newest capture. This is called if only the design of its page has
        changed.
        """
        self.writer.update("releases", release_id, {"capture": capture_id})

    def set_next_check(self, release_id: int, next_check: datetime) -> None:
        self.writer.update("releases", release_id, {"next_check": to_iso(next_check)})

    def mark_checked(
        self, release_id: int, seen_at: datetime, next_check: datetime | None = None
    ) -> None:
        """Record that a release was found unchanged, and when to check it next.

        next_check: if None, the planned time of the next check is left unchanged.
        """
        self.db.execute(
            "update releases set last_checked = ?, checks = checks +"
            " 1, next_check = coalesce(?, next_check) where id = ?",
            [to_iso(seen_at), to_iso(next_check), release_id],
        )


def _extract_text(body: bytes | ArchiveError) -> AttachmentText | ArchiveError:
    return body if isinstance(body, ArchiveError) else extract_text(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """A stored state of a release, including content that has been taken down."""

    release_id: int
    url: str
    added: str  # when it was first read, or imported
    last_checked: str  # or `added`, if the archive never read it
    removed_at: str | None
    moved_to: int | None
    missed: str | None  # the last check that did not find it, if it is missing
    revision_id: int
    seen: str  # when the state was read
    cause: str
    hash: str
    parser_version: str | None  # the parser that it was parsed by
    capture_id: int | None
    captured_url: str | None  # where its bytes were fetched, at the agency
    sha256: str | None  # hash of the bytes it was parsed from
    newest_sha256: str | None  # hash of the page's newest bytes, in its current design
    state: dict[str, Any]

    @property
    def is_current(self) -> bool:
        """Return whether the release is neither removed nor merged into another one."""
        return self.removed_at is None and self.moved_to is None

    def was_missed_after(self, moment: datetime) -> bool:
        """Return whether the release is missing, and a check after `moment` did not find it."""
        return self.missed is not None and self.missed > str(to_iso(moment))


def is_new_or_changed(prepared: PreparedRelease, stored: StoredRelease | None) -> bool:
    """Return whether a release is new or has changed, compared with its stored state.

    A release that has only been imported so far counts as new. The order of the tags does not
    matter.
    """
    return stored is None or stored.cause == "import" or not has_same_text(prepared, stored)


def has_same_text(prepared: PreparedRelease, stored: StoredRelease) -> bool:
    """Return whether a release equals a stored state, except for the order of its tags."""
    state, stored_tags = prepared.state, stored.state["tags"]
    if stored_tags is None or sorted(state["tags"]) != sorted(stored_tags):
        return prepared.hash == stored.hash
    return hash_state({**state, "tags": stored_tags}) == stored.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRelease:
    """A release that is ready to be saved.

    features: the derived data (compute_derived). If None, it is computed when needed.
    """

    release: Release
    state: dict[str, Any]
    hash: str
    features: Mapping[str, Any] | None = None  # see compute_derived


def prepare_release(release: Release, *, with_features: bool = True) -> PreparedRelease:
    """Compute all data that depends only on the release.

    with_features: whether to also compute the derived data (compute_derived).
    """
    state = to_state(release)
    features = compute_derived(state) if with_features else None
    return PreparedRelease(release=release, state=state, hash=hash_state(state), features=features)


def _build_upsert_sql(table: str) -> str:
    # a row keeps its id while its position stays the same
    columns = dict.fromkeys(("release", "position", *PART_FIELDS[table]))
    marks = ", ".join(f":{name}" for name in columns)
    sets = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return (
        f"insert into {table} ({', '.join(columns)}) values ({marks})"
        f" on conflict (release, position) do update set {sets}"
    )


UPSERT_PART_SQL = {table: _build_upsert_sql(table) for table in PART_TABLES}


class ReleaseWriter:
    """Writes the rows of releases, of revisions and of their parts. No method commits.

    This class uses its own SQL, because it is on the hot path of a crawl: sqlite-utils takes 40 to
    120 µs longer per row.
    """

    def __init__(self, db: Database, takedowns: Takedowns, derived: DerivedData) -> None:
        self.db = db
        self.takedowns = takedowns
        self.derived = derived

    def insert_first(self, prepared: PreparedRelease, provenance: dict[str, Any]) -> int:
        """Insert a release with its first revision, and return the id of the revision."""
        release, state, digest = prepared.release, prepared.state, prepared.hash
        seen_at = None if provenance["cause"] == "import" else provenance["seen"]
        identity = {
            "agency": release.agency,
            "url": release.url,
            "added": provenance["seen"],
            "first_seen": seen_at,
            "last_checked": seen_at,
        }
        columns = {name: state[name] for name in STATE_FIELDS}
        release_id = self.insert("releases", {**identity, **columns, "hash": digest})
        revision_id = self.insert(
            "revisions",
            {
                **provenance,
                **columns,
                **lists_to_json(state),
                "release": release_id,
                "hash": digest,
            },
        )
        own_capture = None if provenance["cause"] == "import" else provenance["capture"]
        self.update("releases", release_id, {"revision": revision_id, "capture": own_capture})
        self.upsert_parts(release_id, state)
        saved = SavedRevision(
            release_id=release_id,
            revision_id=revision_id,
            state=state,
            previous=None,
            is_change=False,
            is_current=True,
            replaced=None,
            is_new=True,
        )
        self.derived.write(saved, prepared.features or compute_derived(state))
        return revision_id

    def insert_revision(
        self,
        stored: StoredRelease,
        state: Mapping[str, Any],
        provenance: dict[str, Any],
        previous: StoredRelease,
    ) -> str:
        """Insert a state that the archive read, make it current, and return its stored cause.

        The new revision follows `previous`, unless `previous` is from a collection. A state without
        visible differences is stored with the cause `parser`, never as an edit (`source`).
        """
        release_id = stored.release_id
        before = next((each for each in (previous, stored) if each.cause != "import"), None)
        shown, _ = self.takedowns.redact_for_display(release_id, state)
        shown_before = None
        if before is not None:
            shown_before, _ = self.takedowns.redact_for_display(release_id, before.state)
        computed = compute_derived(shown, shown_before)
        row = {**provenance, "cause": "first"}
        if before is not None:
            row["cause"] = _choose_cause(provenance["cause"], before, state, computed["changes"])
            row["reverts_to"] = self._find_reverted(before, release_id, state, row["cause"])
        self.db.execute(
            "update revisions set last_seen = r.last_checked, checks = r.checks from releases r"
            " where revisions.id = ? and r.id = ?",
            [stored.revision_id, release_id],
        )
        revision_id = self.insert_version(release_id, state, row, before)
        current: dict[str, Any] = {"checks": 0}
        # an unchanged capture was only parsed again, so the release was not checked
        if provenance["capture"] is None or provenance["capture"] != stored.capture_id:
            current |= {"last_checked": provenance["seen"], "capture": provenance["capture"]}
        if stored.cause == "import":
            current["first_seen"] = provenance["seen"]
        self.update("releases", release_id, current)
        saved = SavedRevision(
            release_id=release_id,
            revision_id=revision_id,
            state=shown,
            previous=shown_before,
            is_change=row["cause"] in ("source", "import"),
            is_current=True,
            replaced=self.make_current(release_id, revision_id),
        )
        self.derived.write(saved, computed)
        return str(row["cause"])

    def _find_reverted(
        self, before: StoredRelease, release_id: int, state: Mapping[str, Any], cause: str
    ) -> int | None:
        """Return the id of the earlier revision that a new state restores, or None if there is
        none.

        before: the state that the new one follows.
        """
        identical = self.find_identical(release_id, hash_state(state))
        if identical is None and cause == "source" and not self.takedowns.list_active(release_id):
            return self.find_same_text(release_id, state, except_id=before.revision_id)
        return identical

    def insert_version(
        self,
        release_id: int,
        state: Mapping[str, Any],
        provenance: Mapping[str, Any],
        previous: StoredRelease | None,
    ) -> int:
        """Insert a revision, and return its id. Its derived data is not written.

        If a takedown covers the release, only the parts that may be shown are written to
        archive.db.
        """
        shown, takedown_id = self.takedowns.redact_for_display(release_id, state)
        row = {
            **provenance,
            **{name: shown[name] for name in STATE_FIELDS},
            **lists_to_json(shown),
            **(link_to_previous(previous, state) if previous else {}),
            "release": release_id,
            "hash": hash_state(state),
            "takedown": takedown_id,
        }
        revision_id = self.insert("revisions", row)
        if takedown_id is not None:
            full_row = {**state, **lists_to_json(state)}
            self.takedowns.withheld.add_state(revision_id, full_row)
        return revision_id

    def make_current(self, release_id: int, revision_id: int) -> dict[str, Any] | None:
        """Make a revision the current one of its release, and return the previous current state.

        Returns None if the revision is already current. Derived data is not written.
        """
        sql = (
            "select v.* from releases r join revisions v on v.id in (r.revision, :revision)"
            " where r.id = :release"
        )
        values = {"release": release_id, "revision": revision_id}
        rows = {row["id"]: row for row in self.db.query(sql, values)}
        row = rows.pop(revision_id)
        if not rows:
            return None
        columns = {name: row[name] for name in (*STATE_FIELDS, "hash")}
        self.update("releases", release_id, {**columns, "revision": revision_id})
        self.replace_parts(release_id, parse_state(row))
        return parse_state(rows.popitem()[1])

    def find_identical(self, release_id: int, digest: str) -> int | None:
        """Return the id of the earliest revision with the given hash, or None if there is none.

        Only revisions of the given release are searched. Imported revisions are ignored.
        """
        sql = (
            f"{RELEASE_CHAIN_CTE} select min(id) from revisions where release in chain and"
            f" hash = :hash and cause <> 'import'"
        )
        (revision_id,) = self.db.execute(sql, {"release": release_id, "hash": digest}).fetchone()
        return cast("int | None", revision_id)

    def find_same_text(
        self, release_id: int, state: Mapping[str, Any], *, except_id: int
    ) -> int | None:
        """Return the id of the earliest revision that differs from a state at most in layout.

        Returns None if the release has no such revision. Imported revisions are ignored.
        """
        sql = f"""
            {RELEASE_CHAIN_CTE} select * from revisions where release in chain and takedown is null
              and cause <> 'import' and id <> :except_id
              and title = :title and lead is :lead and body = :body order by id
                limit {MAX_REVERT_CANDIDATES}
        """
        values = {
            "release": release_id,
            "except_id": except_id,
            **{name: state[name] for name in TEXT_FIELDS},
        }
        rows = self.db.query(sql, values)
        for row in rows:
            if all(change.kind == "layout" for change in compare(parse_state(row), state).changes):
                return cast("int", row["id"])
        return None

    def replace_parts(self, release_id: int, state: Mapping[str, Any]) -> None:
        """Replace the tags, questions and other parts of a release with the parts of a state."""
        self.db.execute("delete from release_tags where release = ?", [release_id])
        self.upsert_parts(release_id, state)
        for name in PART_TABLES:
            self.db.execute(
                f"delete from {name} where release = ? and position > ?",
                [release_id, len(state[name])],
            )

    def upsert_parts(self, release_id: int, state: Mapping[str, Any]) -> None:
        """Insert or update the tags, questions and other parts of a release.

        The rows of parts that exist only in an earlier state are kept.
        """
        if state["tags"]:
            tags = json.dumps(state["tags"], ensure_ascii=False)
            self.db.execute(
                "insert or ignore into tags (name) select value from json_each(?) order by key",
                [tags],
            )
            self.db.execute(
                "insert into release_tags (release, tag) select ?, t.id from json_each(?) j"
                " join tags t on t.name = j.value order by j.key",
                [release_id, tags],
            )
        for name in PART_TABLES:
            rows = [
                {**part, "release": release_id, "position": position}
                for position, part in enumerate(state[name], 1)
            ]
            if rows:
                self.db.conn.executemany(UPSERT_PART_SQL[name], rows)

    def insert(self, table: str, row: dict[str, Any]) -> int:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        key = self.db.execute(f"insert into {table} ({names}) values ({marks})", row).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def update(self, table: str, row_id: int, row: dict[str, Any]) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in row)
        self.db.execute(f"update {table} set {sets} where id = :id", {**row, "id": row_id})


def lists_to_json(state: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a map from columns of the `revisions` table to a state's lists, as JSON.

    A list that was not recorded is None.
    """
    return {
        name: None if state[name] is None else json.dumps(state[name], ensure_ascii=False)
        for name in LIST_FIELDS
    }


def link_to_previous(previous: StoredRelease, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns by which a revision with this state refers to the previous revision."""
    return {
        "previous": previous.revision_id,
        "update_date_changed": int(previous.state["updated"] != state["updated"]),
    }


def _choose_cause(cause: str, before: StoredRelease, state: Mapping[str, Any], shown: Diff) -> str:
    """Return `cause`, but `parser` instead of `source` if nothing visible differs from `before`.

    shown: the changes in content that is not taken down.
    """
    if cause == "source" and not shown.changes and not compare(before.state, state).changes:
        return "parser"
    return cause
