"""Archive: saves and reads releases, each with all its rows in one transaction of archive.db.

`Archive.save` decides whether a release is new, revised or unchanged. `ReleaseWriter` writes the
rows. Whatever depends only on the release (state, hash, index terms, near-duplicate keys) can be
prepared before, in other processes: see `prepare_release`.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, cast

from sqlite_utils import Database

from archive.attachments import Attachments, AttachmentText, TextExtraction, extract_text
from archive.changes.comparison import Diff, compare
from archive.changes.history import RELEASE_CHAIN_CTE
from archive.database.captures import Captures
from archive.database.count_tables import fill_count_tables
from archive.database.frontier import Frontier, Hosts, PaginationCursors
from archive.database.models import (
    LIST_FIELDS,
    PART_TABLES,
    STATE_FIELDS,
    Capture,
    Release,
    hash_state,
    parse_state,
    to_state,
)
from archive.database.redaction import Takedowns
from archive.database.removals import Removals
from archive.database.schema import migrate
from archive.database.sqlite_files import (
    ArchiveError,
    ProgressCallback,
    open_writable,
    sqlite_errors,
    write_transaction,
)
from archive.quotes import Quote, find_quotes, write_quotes
from archive.search.near_duplicates import (
    BandKeys,
    NearDuplicates,
    build_band_keys,
    join_text_fields,
)
from archive.search.search_index import IndexTerms, SearchIndex, extract_terms
from archive.times import now, to_iso

STORED_SQL = f"""
    select r.id as release_id, v.id as revision_id, v.cause, v.hash, v.parser_version,
      v.capture as capture_id,
      c.sha256, n.sha256 as newest_sha256,
        v.takedown, {", ".join(map("v.{}".format, (*STATE_FIELDS, *LIST_FIELDS)))}
    from releases r join revisions v on v.release = r.id left join captures c on c.id = v.capture
      left join captures n on n.id = r.capture
"""
TEXT_FIELDS = ("title", "lead", "body")
MAX_REVERT_CANDIDATES = 20  # revisions with the same text that are compared completely
TextFeatures = tuple[IndexTerms, BandKeys, list[Quote]]  # derived from a state's text
NON_EDIT_CAUSES = ("first", "parser")  # causes of revisions that are not edits by the agency


class SaveResult(Enum):
    NEW = "new"
    REVISED = "revised"
    REPARSED = "reparsed"  # the same page was parsed with a different result
    UNCHANGED = "unchanged"
    MISSING = "missing"  # something else was found at the URL
    QUARANTINED = "quarantined"  # see archive.database.quarantined_pages


class Archive(AbstractContextManager["Archive"]):
    """An archive.db, opened for writing and migrated to the newest schema. Use as a context
    manager.

    A search index made by another lemmatiser version is rebuilt at once (about a second per
    thousand releases), unless `rebuild_stale` is False.
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
        self.writer = ReleaseWriter(self.db, self.takedowns)
        self.writer.index.initialise()
        # result of the previous call of _prepare_once
        self._last_prepared: PreparedRelease | None = None
        if rebuild_stale and self.writer.index.describe_fault():
            self.writer.index.rebuild()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()

    def rebuild_index(self, progress: ProgressCallback = lambda *_: None) -> int:
        """Rebuild search index, near-duplicates and counts, and return the number of releases."""
        number = self.writer.index.rebuild(progress)
        with self.transaction():
            self.writer.near_duplicates.reindex()
            fill_count_tables(self.db)
        return number

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written in the block, or roll it back if it raises.

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
        """Open a transaction for saving many releases, which writes the shared vocabulary only
        once.
        """
        with self.transaction(), self.writer.index.batch_vocabulary():
            yield

    def add_agency(
        self,
        slug: str,
        *,
        name: str,
        home: str,
        name_en: str | None = None,
        org_number: str | None = None,
    ) -> None:
        facts = {
            "slug": slug,
            "name": name,
            "name_en": name_en,
            "org_number": org_number,
            "home": home,
        }
        # An unchanged agency must cost nothing; sqlite-utils' upsert even creates a table to test
        # what SQLite can do
        with self.transaction():
            self.db.execute(
                "insert into agencies (slug, name, name_en, org_number, home)"
                " values (:slug, :name,"
                " :name_en, :org_number,"
                " :home) on conflict (slug) do update set"
                " name = excluded.name, name_en = excluded.name_en, org_number ="
                " excluded.org_number,"
                " home = excluded.home where (name, name_en, org_number, home)"
                " is not (excluded.name, excluded.name_en, excluded.org_number, excluded.home)",
                facts,
            )

    def add_capture(self, capture: Capture, template: bytes | None = None) -> int:
        """Store a capture whose bytes are already in captures.db, and return its id.

        template: the fingerprint of the page's template (scraper.ingest.edit_or_redesign); None if
        unknown.
        """
        template_id = None
        if template is not None:
            digest = hashlib.sha256(template).hexdigest()
            self.db.execute(
                "insert or ignore into templates (digest, fingerprint) values (?, ?)",
                [digest, template],
            )
            (template_id,) = self.db.execute(
                "select id from templates where digest = ?", [digest]
            ).fetchone()
        row = {
            "url": capture.url,
            "seen": to_iso(capture.seen),
            "status": capture.status,
            "headers": json.dumps(dict(capture.headers), ensure_ascii=False),
            "sha256": capture.sha256,
            "bytes": capture.bytes,
            "template": template_id,
        }
        return self.writer.insert("captures", row)

    def store_attachment_text(
        self, file_id: int, text: AttachmentText, extracted_at: datetime
    ) -> None:
        """Store and index the text of an attachment, unless a takedown covers it."""
        with self.transaction():
            self.attachments.store_text(file_id, text, extracted_at)
            self.writer.index.index_file(file_id)

    def extract_missing_texts(
        self,
        captures: Captures,
        *,
        agency: str | None = None,
        withheld: bool = False,
        seconds: float = math.inf,
        progress: ProgressCallback = lambda *_: None,
    ) -> TextExtraction:
        """Extract the texts of stored files that have none, and store each at once.

        agency, withheld: as for `Attachments.list_files_without_text`. seconds: after this time, no
        other file is read.
        """
        end = time.monotonic() + seconds
        files, extraction = (
            self.attachments.list_files_without_text(agency=agency, withheld=withheld),
            TextExtraction(),
        )
        for done, (file_id, sha256) in enumerate(files, 1):
            if time.monotonic() >= end:
                break
            try:
                text = extract_text(captures.read(sha256))
            except ArchiveError as error:
                extraction.findings.append(error)
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
        """Return the template fingerprint of the page stored under a SHA-256, or None if none is
        known.
        """
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
        """Store a release as seen at `seen_at`: as new, as a new revision if it differs, else only
        as checked.

        cause: why a new revision differs (`source`, or `parser`, which is also used if nothing
        visible differs). A first revision has the cause `first` unless it is an `import`.
        capture_id: the capture it was parsed from. parser_version: the parser it was parsed by.
        previous: the state it follows, if not the one stored under its URL (after a move).
        prepared: the result of `prepare_release`, from another process. The agency must already be
        stored. Raises ArchiveError, with table and key, if the release cannot be written.
        """
        prepared = prepared or self._prepare_once(release)
        provenance = {
            "cause": cause,
            "capture": capture_id,
            "parser_version": parser_version,
            "seen": to_iso(seen_at),
        }
        with self.transaction():
            try:
                row = self.db.execute(
                    "select id, hash from releases where url = ?", [release.url]
                ).fetchone()
                if row is None:
                    self.writer.insert_first(prepared, provenance)
                    return SaveResult.NEW
                stored = self._find_changed(row[1], prepared)
                if stored is None:
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
        """Return the current state of the release with a canonical URL, or None."""
        return _find_stored(self.db, self.takedowns, "r.url = ? and v.id = r.revision", url)

    def get_latest(self, release_id: int) -> StoredRelease | None:
        """Return the current state of a release (its last one, if it was removed), or None."""
        return _find_stored(self.db, self.takedowns, "r.id = ? and v.id = r.revision", release_id)

    def get_first(self, release_id: int) -> StoredRelease | None:
        """Return the state in which a release was first read, or None."""
        first = "r.id = ? and v.id = (select min(id) from revisions where release = r.id)"
        return _find_stored(self.db, self.takedowns, first, release_id)

    def find_release_id(self, url: str) -> int | None:
        row = self.db.execute("select id from releases where url = ?", [url]).fetchone()
        return row[0] if row else None

    def get_url(self, release_id: int) -> str | None:
        return self._read_text("select url from releases where id = ?", release_id)

    def get_dates(self, release_id: int) -> tuple[str, str | None, str | None]:
        """Return when a release was first seen, and its stated times of publication and update."""
        found: tuple[str, str | None, str | None] = self.db.execute(
            "select first_seen, published, updated from releases where id = ?", [release_id]
        ).fetchone()
        return found

    def get_last_checked(self, release_id: int) -> str:
        return str(self._read_text("select last_checked from releases where id = ?", release_id))

    def get_capture_url(self, capture_id: int | None) -> str | None:
        return self._read_text("select url from captures where id = ?", capture_id)

    def _read_text(self, sql: str, key: object) -> str | None:
        row = self.db.execute(sql, [key]).fetchone()
        return row[0] if row else None

    def is_new_or_changed(self, release: Release, prepared: PreparedRelease | None = None) -> bool:
        """Return whether a release is new, or differs from the stored one."""
        digest = self._read_text("select hash from releases where url = ?", release.url)
        return (
            digest is None
            or self._find_changed(digest, prepared or self._prepare_once(release)) is not None
        )

    def _find_changed(self, digest: str, prepared: PreparedRelease) -> StoredRelease | None:
        stored = None if digest == prepared.hash else self.get(prepared.release.url)
        return (
            None if stored is None or _has_only_reordered_tags(prepared.state, stored) else stored
        )

    def _prepare_once(self, release: Release) -> PreparedRelease:
        if self._last_prepared is None or self._last_prepared.release is not release:
            self._last_prepared = prepare_release(release, with_features=False)
        return self._last_prepared

    def change_url(self, release_id: int, url: str, seen_at: datetime) -> None:
        """Set a release's URL to `url`, because its stored URL turned out to belong to another
        release.
        """
        self.writer.update("releases", release_id, {"url": url})
        self.frontier.mark_stored(url, release_id, seen_at)

    def set_capture(self, release_id: int, capture_id: int) -> None:
        """Set a release's newest capture, if its page has a new design but the release is
        unchanged.
        """
        self.writer.update("releases", release_id, {"capture": capture_id})

    def set_next_check(self, release_id: int, next_check: datetime) -> None:
        self.writer.update("releases", release_id, {"next_check": to_iso(next_check)})

    def mark_checked(
        self, release_id: int, seen_at: datetime, next_check: datetime | None = None
    ) -> None:
        """Store that a release was found unchanged, and when to check it next (None: as
        planned).
        """
        self.db.execute(
            "update releases set last_checked = ?, checks = checks +"
            " 1, next_check = coalesce(?, next_check) where id = ?",
            [to_iso(seen_at), to_iso(next_check), release_id],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """A stored state of a release, including content that has been taken down."""

    release_id: int
    revision_id: int
    cause: str
    hash: str
    parser_version: str | None  # the parser that it was parsed by
    capture_id: int | None
    sha256: str | None  # hash of the bytes it was parsed from
    newest_sha256: str | None  # hash of the page's newest bytes, in its current design
    state: dict[str, Any]


def _find_stored(
    db: Database, takedowns: Takedowns, condition: str, value: object
) -> StoredRelease | None:
    """Return the state that meets a condition on `r` (releases) and `v` (revisions), or None."""
    row = next(db.query(f"{STORED_SQL} where {condition}", [value]), None)
    if row is None:
        return None
    if row["takedown"] is not None:
        row |= takedowns.withheld.get_state(row["revision_id"])
    columns = {name: row[name] for name in StoredRelease.__slots__ if name != "state"}
    return StoredRelease(**columns, state=parse_state(row))


def _has_only_reordered_tags(state: Mapping[str, Any], stored: StoredRelease) -> bool:
    """Return whether a state differs from the stored one only in the order of its tags."""
    tags, stored_tags = state["tags"], stored.state["tags"]
    if stored_tags is None or tags == stored_tags or sorted(tags) != sorted(stored_tags):
        return False
    return hash_state({**state, "tags": stored_tags}) == stored.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRelease:
    """A release ready to be saved. If `features` is None, they are extracted only when needed."""

    release: Release
    state: dict[str, Any]
    hash: str
    features: TextFeatures | None = None


def prepare_release(release: Release, *, with_features: bool = True) -> PreparedRelease:
    """Compute everything that depends only on the release."""
    state = to_state(release)
    features = _extract_text_features(state) if with_features else None
    return PreparedRelease(release=release, state=state, hash=hash_state(state), features=features)


def _extract_text_features(state: Mapping[str, Any]) -> TextFeatures:
    return extract_terms(state), build_band_keys(join_state_text(state)), find_quotes(state)


def join_state_text(state: Mapping[str, Any]) -> str:
    return join_text_fields(state["title"], state["lead"], state["body"])


class ReleaseWriter:
    """Writes rows of releases, revisions and their parts. No method commits: `Archive.save` does.

    It uses its own SQL, because this is the hot path of a crawl: sqlite-utils takes 40 to 120 µs
    longer per row.
    """

    def __init__(self, db: Database, takedowns: Takedowns) -> None:
        self.db = db
        self.takedowns = takedowns
        self.near_duplicates = NearDuplicates(db)
        self.index = SearchIndex(db)

    def insert_first(self, prepared: PreparedRelease, provenance: dict[str, Any]) -> None:
        release, state, digest, seen_at = (
            prepared.release,
            prepared.state,
            prepared.hash,
            provenance["seen"],
        )
        identity = {
            "agency": release.agency,
            "url": release.url,
            "first_seen": seen_at,
            "last_checked": seen_at,
        }
        columns = {name: state[name] for name in STATE_FIELDS}
        cause = "import" if provenance["cause"] == "import" else "first"
        release_id = self.insert("releases", {**identity, **columns, "hash": digest})
        revision_id = self.insert(
            "revisions",
            {
                **provenance,
                **columns,
                **lists_to_json(state),
                "release": release_id,
                "cause": cause,
                "hash": digest,
            },
        )
        self.update(
            "releases", release_id, {"revision": revision_id, "capture": provenance["capture"]}
        )
        self.upsert_parts(release_id, state)
        terms, band_keys, quotes = prepared.features or _extract_text_features(state)
        write_quotes(self.db, revision_id, quotes)
        self.index.index_release(release_id, terms)
        self.near_duplicates.update_release(
            release_id, release.agency, join_state_text(state), band_keys, is_new=True
        )

    def insert_revision(
        self,
        stored: StoredRelease,
        state: Mapping[str, Any],
        provenance: dict[str, Any],
        previous: StoredRelease,
    ) -> str:
        """Insert a revision after `previous`, make it the current one of `stored`, and return its
        cause.

        A state without visible differences is never stored as an edit (`source`), but with the
        cause `parser`. If the release is covered by a takedown, only what may be shown is written
        to archive.db.
        """
        digest, full_state = hash_state(state), dict(state)
        state, takedown_id = self.takedowns.redact_for_display(stored.release_id, full_state)
        columns = {name: state[name] for name in STATE_FIELDS}
        state_before, _ = self.takedowns.redact_for_display(stored.release_id, previous.state)
        diff = compare(state_before, state)
        if (
            provenance["cause"] == "source"
            and not diff.changes
            and not compare(previous.state, full_state).changes
        ):
            provenance = {**provenance, "cause": "parser"}
        reverts_to = self.find_identical(stored.release_id, digest)
        if reverts_to is None and provenance["cause"] == "source" and takedown_id is None:
            reverts_to = self.find_same_text(
                stored.release_id, state, except_id=previous.revision_id
            )
        self.db.execute(
            "update revisions set last_seen = r.last_checked, checks = r.checks from releases r"
            " where revisions.id = ? and r.id = ?",
            [stored.revision_id, stored.release_id],
        )
        row = {
            "release": stored.release_id,
            "previous": previous.revision_id,
            "reverts_to": reverts_to,
            "update_date_changed": int(previous.state["updated"] != state["updated"]),
            "importance": diff.importance,
            **build_change_columns(diff),
            "hash": digest,
            "takedown": takedown_id,
        }
        revision_id = self.insert(
            "revisions", {**provenance, **columns, **lists_to_json(state), **row}
        )
        if takedown_id is not None:
            full_row = full_state | lists_to_json(full_state)
            full_row |= build_change_columns(compare(previous.state, full_state))
            self.takedowns.withheld.add_state(revision_id, full_row)
        current = {"revision": revision_id, "hash": digest, "checks": 0}
        # an unchanged capture was only parsed again, so the release was not checked
        if provenance["capture"] is None or provenance["capture"] != stored.capture_id:
            current |= {"last_checked": provenance["seen"], "capture": provenance["capture"]}
        self.update("releases", stored.release_id, {**columns, **current})
        if provenance["cause"] == "source":
            self.index.index_edit(revision_id, state_before, state)
        self.index.index_versions_of(stored.release_id)
        shown_before, _ = self.takedowns.redact_for_display(stored.release_id, stored.state)
        self.update_derived(stored.release_id, state, shown_before)
        return str(provenance["cause"])

    def find_identical(self, release_id: int, digest: str) -> int | None:
        """Return the id of a release's earliest revision with a given hash, or None."""
        sql = (
            f"{RELEASE_CHAIN_CTE} select min(id) from revisions where release in chain and"
            f" hash = :hash"
        )
        (revision_id,) = self.db.execute(sql, {"release": release_id, "hash": digest}).fetchone()
        return cast("int | None", revision_id)

    def find_same_text(
        self, release_id: int, state: Mapping[str, Any], *, except_id: int
    ) -> int | None:
        """Return the id of a release's earliest revision that differs from a state at most in its
        layout, or None.

        The hashes of such states differ if the site was redesigned, or the parser changed, in
        between.
        """
        sql = f"""
            {RELEASE_CHAIN_CTE} select * from revisions where release in chain and takedown is null
              and id <> :except_id
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

    def update_derived(
        self,
        release_id: int,
        state: Mapping[str, Any],
        previous_state: Mapping[str, Any] | None = None,
    ) -> None:
        """Update the rows derived from a release's current state: parts, quotes, search index,
        near-duplicates.
        """
        self.db.execute("delete from release_tags where release = ?", [release_id])
        self.upsert_parts(release_id, state)
        for name in PART_TABLES:
            self.db.execute(
                f"delete from {name} where release = ? and position > ?",
                [release_id, len(state[name])],
            )
        terms, band_keys, quotes = _extract_text_features(state)
        (revision_id,) = self.db.execute(
            "select revision from releases where id = ?", [release_id]
        ).fetchone()
        write_quotes(self.db, revision_id, quotes)
        self.index.index_release(release_id, terms, previous_state)
        agency = self.db.execute(
            "select agency from releases where id = ?", [release_id]
        ).fetchone()[0]
        self.near_duplicates.update_release(release_id, agency, join_state_text(state), band_keys)

    def upsert_parts(self, release_id: int, state: Mapping[str, Any]) -> None:
        """Insert or update tags, questions and other parts.

        Surplus rows of an earlier state are kept.
        """
        for tag in state["tags"]:
            self.db.execute("insert or ignore into tags (name) values (?)", [tag])
            self.db.execute(
                "insert into release_tags (release, tag) select ?, id from tags where name = ?",
                [release_id, tag],
            )
        for name in PART_TABLES:
            for position, part in enumerate(state[name], 1):
                # a row keeps its id while its position stays the same
                row = {**part, "release": release_id, "position": position}
                names, marks = ", ".join(row), ", ".join(f":{column}" for column in row)
                sets = ", ".join(f"{column} = excluded.{column}" for column in row)
                self.db.execute(
                    f"insert into {name} ({names}) values ({marks})"
                    f" on conflict (release, position) do update set {sets}",
                    row,
                )

    def insert(self, table: str, row: dict[str, Any]) -> int:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        key = self.db.execute(f"insert into {table} ({names}) values ({marks})", row).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def update(self, table: str, row_id: int, row: dict[str, Any]) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in row)
        self.db.execute(f"update {table} set {sets} where id = :id", {**row, "id": row_id})


def lists_to_json(state: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a state's lists as columns of revisions.

    A list that was not read at the time is None.
    """
    return {
        name: None if state[name] is None else json.dumps(state[name], ensure_ascii=False)
        for name in LIST_FIELDS
    }


def build_change_columns(diff: Diff) -> dict[str, str]:
    changes = json.dumps([asdict(change) for change in diff.changes], ensure_ascii=False)
    return {"summary": diff.summary("sv"), "summary_en": diff.summary("en"), "changes": changes}
