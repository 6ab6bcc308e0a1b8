"""Checks bytes and states against their hashes, and rows against other rows and manifests."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from archive.attachments import extract_text
from archive.database.captures import (
    FOREIGN_MESSAGE,
    Captures,
    compute_sha256,
    open_captures,
    read_capture_body,
)
from archive.database.count_tables import find_wrong_counts
from archive.database.models import (
    LIST_FIELDS,
    PART_FIELDS,
    PART_TABLES,
    STATE_FIELDS,
    hash_state,
    parse_state,
)
from archive.database.redaction import IS_FILE_WITHHELD_SQL, WithheldStore, restore_withheld_row
from archive.database.sqlite_files import (
    ArchiveError,
    ProgressCallback,
    check_version,
    open_readonly,
    sqlite_errors,
)
from archive.evidence.manifest import (
    COVERED_TABLES,
    MANIFEST_FIELDS,
    Manifest,
    find_newest_manifest,
    format_manifest,
    format_manifest_line,
    format_manifest_part,
    iter_part_ranges,
    iter_stored_rows,
    read_manifests,
)
from archive.evidence.time_stamps import StampError, check_stamp
from archive.times import to_iso

VERIFIED_TABLES = ("captures", "revisions", "releases", "attachment_versions", "manifests")
ROWS_PER_QUERY = 1000  # ids read by one query
RELEASES_WITHOUT_CHANGES_SQL = (
    "select id from releases r where not exists (select 1 from changefeed d where d.release = r.id)"
)
# per release: whether its columns match those of its current revision, and that revision's lists
CURRENT_SQL = (
    "select r.id, r.revision, v.release is r.id and"
    f" {' and '.join(f'r.{name} is v.{name}' for name in (*STATE_FIELDS, 'hash'))},"
    f" {', '.join(f'v.{name}' for name in LIST_FIELDS)}"
    " from releases r left join revisions v on v.id = r.revision where r.id between ? and ?"
)
TAGS_SQL = (
    "select x.release, t.name from release_tags x join tags t on t.id = x.tag where x.release"
    " between ? and ?"
)
PARTS_SQL = (
    "select release, {names} from {table} where release between ? and ? order by release, position"
)
ATTACHMENT_CHECKS = (  # table, keys of its wrong rows, what is wrong
    (
        "attachment_versions",
        "select n.id from attachment_versions n join attachment_files f on f.id = n.file"
        " join captures c on c.id = n.capture where c.sha256 <> f.sha256 or c.bytes <> f.bytes",
        "its capture is not that of its file",
    ),
    (
        "attachment_versions",
        "select id from attachment_versions n where previous is not"
        " (select max(id) from attachment_versions x where x.url = n.url and x.id < n.id)"
        " or (previous is null) <> (cause = 'first')",
        "it does not follow the version before it",
    ),
    (
        "attachment_files",
        "select id from attachment_files f where not exists"
        " (select 1 from attachment_versions where file = f.id)",
        "no version has it",
    ),
    (
        "attachment_files",
        "select id from attachment_files f where extracted is null"
        " and exists (select 1 from attachment_pages where file = f.id)",
        "it has pages, although its text was not read or is withheld",
    ),
    (
        "attachment_files",
        "select id from attachment_files f where extracted is not null and letters <>"
        " (select coalesce(sum(letters), 0) from attachment_pages where file = f.id)",
        "its number of letters is not that of its pages",
    ),
    (
        "attachment_files",
        f"select id from attachment_files f where extracted is not null and {IS_FILE_WITHHELD_SQL}",
        "its text is stored, although a release that links to it is taken down",
    ),
    (
        "attachment_links",
        "select release || ' ' || l.url from attachment_links l join releases r on r.id = l.release"
        " where l.takedown is not r.takedown",
        "its takedown is not that of the release",
    ),
)

# an archive that is not yet updated has a person for each spelling of a name
SPELLINGS = (
    {"speaker": "p.name", "person": "p.id"},
    {"speaker": "q.speaker", "person": "ifnull(p.same_as, p.id)"},
)
QUOTES_SQL = """
    select q.id, q.field, q.spans, q.text, {speaker}, v.release is q.release
      and p.agency is iif(p.id, r.agency, null),
      json_object('title', v.title, 'lead', v.lead, 'body', v.body)
    from quotes q left join revisions v on v.id = q.revision left join releases r
      on r.id = q.release
    left join people p on p.id = q.person where q.id between ? and ?
"""
REFERENCES_SQL = """
    select d.id, d.position, d.text, v.release is d.release,
      case d.field when 'title' then v.title when 'lead' then v.lead when 'body' then v.body end
    from document_references d left join revisions v on v.id = d.revision
    where d.id between ? and ?
"""
UNQUOTED_PEOPLE_SQL = (
    "select slug from people p where not exists (select 1 from quotes where person = {person})"
)
# releases whose continues_as is not where their moves lead
WRONG_ENDS_SQL = """
    with recursive step(id, last) as (select id, moved_to from releases where moved_to is not null
      union select step.id, r.moved_to from step join releases r on r.id = step.last
        where r.moved_to is not null)
    select r.id from step join releases r on r.id = step.id left join releases e on e.id = step.last
      where e.moved_to is null and r.continues_as is not step.last
    union all select id from releases where moved_to is null and continues_as is not null
"""
CheckResults = Iterator[ArchiveError | None]  # one item per check: its fault, or None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """The result of a verification. Each finding names the file, the table and the key."""

    counts: dict[str, int]  # number of rows in each table, and of blobs
    uncovered: int  # number of captures and revisions since the newest manifest
    newest_manifest: Manifest | None
    findings: list[ArchiveError] = field(default_factory=list)


def verify(
    path: Path,
    *,
    since: str | None = None,
    texts: bool = False,
    roots: Path | None = None,
    progress: ProgressCallback = lambda *_: None,
) -> VerificationReport:
    """Check a whole archive without changing it.

    Raises ArchiveError if the file cannot be opened as an archive.

    since: the digest of an earlier manifest, kept outside the archive. If no manifest has this
        digest, this is reported as a finding. If there are no findings, everything that the earlier
        manifest covers is unchanged.
    texts: whether to also extract the text of each attachment again (about half a second per file).
    roots: a PEM file with certificates. One of these must have issued the certificate of each time
        stamp.
    """
    try:
        with closing(open_archive(path)) as db, open_captures(path) as captures:
            verifier = Verifier(path=path, db=db, captures=captures, texts=texts, roots=roots)
            return verifier.run(since, progress)
    except sqlite3.Error as error:
        raise ArchiveError(path, str(error)) from error


def open_archive(path: Path) -> sqlite3.Connection:
    """Open an archive for reading. Raises ArchiveError if it does not have the current schema."""
    if not path.is_file():
        raise ArchiveError(path, "is not a file" if path.exists() else "no such file")
    with sqlite_errors(path, "cannot be opened as an archive"):
        db = open_readonly(path)
        # Bytes that are not UTF-8 must become a finding, not an exception.
        db.text_factory = lambda text: text.decode(errors="backslashreplace")
        check_version(db, path)
        existing = {
            name for (name,) in db.execute("select name from sqlite_master where type = 'table'")
        }
    if missing := [
        table for table in (*VERIFIED_TABLES, "changefeed", "month_counts") if table not in existing
    ]:
        db.close()
        raise ArchiveError(
            path,
            f"has no table {missing[0]}: it is no archive, or must"
            f" be updated (by a crawl, or serve)",
        )
    return db


@dataclass(slots=True, kw_only=True)
class Verifier:
    """Checks an archive that is open for reading."""

    path: Path
    db: sqlite3.Connection
    captures: Captures | None
    texts: bool  # whether the texts of attachments are read again
    roots: Path | None = None  # certificates, one of which must have issued each stamp's

    def run(self, since: str | None, progress: ProgressCallback) -> VerificationReport:
        """Run all checks.

        If damage to the file stops a check, the damage is reported as a finding, and the remaining
        checks still run.
        """
        newest = find_newest_manifest(self.db)
        counts = {table: self.count(table) for table in VERIFIED_TABLES}
        uncovered = sum(
            self.count(table, newest.last_id_of(table) if newest else 0) for table in COVERED_TABLES
        )
        report = VerificationReport(counts=counts, uncovered=uncovered, newest_manifest=newest)
        for what, total, check in self.list_checks(report):
            # each check reads one state of the archive, even while a crawl writes
            self.db.execute("begin")
            try:
                for done, finding in enumerate(check, 1):
                    progress(what, done, total)
                    if finding:
                        report.findings.append(finding)
            except sqlite3.Error as error:
                report.findings.append(
                    ArchiveError(self.path, f"cannot be read to its end: {error}", table=what)
                )
            except ArchiveError as error:
                report.findings.append(error)
            finally:
                self.db.execute("commit")
        if since and not read_manifests(self.db, "digest = ?", since):
            report.findings.append(self.fault("manifests", since, "no manifest has this digest"))
        return report

    def list_checks(self, report: VerificationReport) -> list[tuple[str, int, CheckResults]]:
        """Return, for each check, its subject, the number of items to check, and an iterator over
        the results.

        Files that are missing, or belong to another archive, are reported as findings and not
        checked further.
        """
        counts = report.counts
        checks: list[tuple[str, int, CheckResults]] = [
            ("integrity", 1, _check_database_file(self.path))
        ]
        if self.captures and self.captures.is_foreign:
            report.findings.append(ArchiveError(self.captures.path, FOREIGN_MESSAGE, table="blobs"))
            # otherwise, each blob of the wrong file would be reported as missing
            self.captures = None
        elif self.captures:
            try:
                counts["blobs"] = self.captures.count()
            except ArchiveError as error:
                counts["blobs"] = 0
                report.findings.append(error)
            checks += [
                ("integrity", 1, _check_database_file(self.captures.path)),
                ("blobs", counts["blobs"], _check_blobs(self.captures)),
                ("captures", counts["captures"], self.check_captures(self.captures)),
            ]
        elif counts["captures"] or counts["manifests"]:
            problem = f"no such file; {counts['captures']} captures refer to it"
            report.findings.append(
                ArchiveError(Captures.path_beside(self.path), problem, table="blobs")
            )
        withheld_file = WithheldStore(self.path).path
        (withheld,) = self.db.execute(
            "select count(*) from revisions where takedown is not null"
        ).fetchone()
        if withheld and not withheld_file.is_file():
            problem = (
                f"no such file; {withheld} versions that are taken down cannot be checked"
                f" (snapshots lack it)"
            )
            report.findings.append(ArchiveError(withheld_file, problem, table="states"))
        return [
            *checks,
            (
                "revisions",
                counts["revisions"],
                self.check_revisions(has_withheld_file=withheld_file.is_file()),
            ),
            ("releases", counts["releases"], self.check_releases()),
            ("quotes", self.count("quotes"), self.check_quotes()),
            *self.list_reference_checks(),
            ("attachments", len(ATTACHMENT_CHECKS), self.check_attachments()),
            *(
                [("texts of attachments", self.count("attachment_files"), self.check_texts())]
                if self.texts
                else []
            ),
            ("changefeed", 1, self.check_changefeed()),
            ("moves", 1, self.check_moves()),
            ("counted", 1, self.check_counts()),
            ("manifests", counts["manifests"], self.check_manifest_chain()),
            *self.list_stamp_checks(),
        ]

    def fault(self, table: str, key: object, problem: str) -> ArchiveError:
        return ArchiveError(self.path, problem, table=table, key=str(key))

    def count(self, table: str, after_id: int = 0) -> int:
        condition = f" where id > {after_id}" if after_id else ""
        return int(self.db.execute(f"select count(*) from {table}{condition}").fetchone()[0])

    def iter_id_ranges(self, table: str) -> Iterator[tuple[int, int]]:
        """Yield ranges of ROWS_PER_QUERY ids as (first, last), so that each query stays short."""
        end = self.db.execute(f"select coalesce(max(id), 0) from {table}").fetchone()[0]
        for first in range(1, end + 1, ROWS_PER_QUERY):
            yield first, first + ROWS_PER_QUERY - 1

    def check_captures(self, captures: Captures) -> CheckResults:
        """Check that the bytes of each capture are stored and have the right length."""
        sql = "select id, sha256, bytes from captures where id between ? and ?"
        for id_range in self.iter_id_ranges("captures"):
            for key, sha256, length in self.db.execute(sql, id_range).fetchall():
                size = captures.size(sha256)
                if size is None:
                    yield self.fault("captures", key, f"its bytes {sha256} are missing")
                elif size != length:
                    yield self.fault(
                        "captures", key, f"its size is {length} bytes, but {size} bytes are stored"
                    )
                else:
                    yield None

    def check_revisions(self, *, has_withheld_file: bool) -> CheckResults:
        """Check each revision's hash against its state.

        A redacted state is restored from withheld.db, if that exists.
        """
        names = ("id", "hash", "takedown", *STATE_FIELDS, *LIST_FIELDS)
        condition = "" if has_withheld_file else "and takedown is null"
        sql = f"select {', '.join(names)} from revisions where id between ? and ? {condition}"
        for id_range in self.iter_id_ranges("revisions"):
            for values in self.db.execute(sql, id_range):
                row = dict(zip(names, values, strict=True))
                try:
                    state_hash = hash_state(parse_state(restore_withheld_row(self.db, row)))
                except (
                    ValueError,
                    TypeError,
                    AttributeError,
                    LookupError,
                ) as error:  # not JSON, or not text
                    yield self.fault("revisions", row["id"], f"its state cannot be read: {error}")
                except ArchiveError as error:  # withheld.db cannot be read
                    yield error
                else:
                    matches = state_hash == row["hash"]
                    yield (
                        None
                        if matches
                        else self.fault("revisions", row["id"], "its hash is not that of its state")
                    )

    def check_releases(self) -> CheckResults:
        """Compare each release and its parts with its current revision."""
        for id_range in self.iter_id_ranges("releases"):
            tags: dict[int, list[str]] = defaultdict(list)
            for release, name in self.db.execute(TAGS_SQL, id_range):
                tags[release].append(name)
            parts = {name: self.read_parts_by_release(name, id_range) for name in PART_TABLES}
            for row in self.db.execute(CURRENT_SQL, id_range).fetchall():
                release, revision, same, stored_tags, *stored_parts = row
                differing = [] if same else ["releases"]
                if not _is_list_stored(stored_tags, tags[release], ordered=False):
                    differing.append("release_tags")
                for name, text in zip(PART_TABLES, stored_parts, strict=True):
                    if not _is_list_stored(text, parts[name][release]):
                        differing.append(name)
                if not differing:
                    yield None
                for table in differing:
                    yield self.fault(
                        table, release, f"differs from its current revision {revision}"
                    )

    def read_parts_by_release(
        self, table: str, id_range: tuple[int, int]
    ) -> dict[int, list[dict[str, Any]]]:
        """Return the rows of a part table (questions, images …) as a map from each release's id to
        its rows.

        The rows have the form in which revisions store them.
        """
        parts: dict[int, list[dict[str, Any]]] = defaultdict(list)
        names = PART_FIELDS[table]
        for release, *values in self.db.execute(
            PARTS_SQL.format(names=", ".join(names), table=table), id_range
        ):
            parts[release].append(dict(zip(names, values, strict=True)))
        return parts

    def check_quotes(self) -> CheckResults:
        """Check that each quotation is at its stored position, and that the version contains the
        speaker's name.
        """
        columns = self.db.execute("select name from pragma_table_info('quotes')").fetchall()
        names = SPELLINGS[("speaker",) in columns]
        for id_range in self.iter_id_ranges("quotes"):
            for key, name, spans, words, speaker, is_linked, texts in self.db.execute(
                QUOTES_SQL.format(**names), id_range
            ).fetchall():
                state = {field: text or "" for field, text in json.loads(texts).items()}
                places = " ".join(
                    state.get(name, "")[start:end] for start, end in json.loads(spans)
                )
                if not is_linked:
                    yield self.fault("quotes", key, "its version or person is not of its release")
                elif places.split() != words.split():
                    yield self.fault("quotes", key, "its words are not in its version")
                elif speaker and speaker not in " ".join(" ".join(state.values()).split()):
                    yield self.fault(
                        "quotes", key, "its version does not print the name of its speaker"
                    )
                else:
                    yield None
        for (slug,) in self.db.execute(UNQUOTED_PEOPLE_SQL.format(**names)):
            yield self.fault("people", slug, "no quote has it")

    def list_reference_checks(self) -> list[tuple[str, int, CheckResults]]:
        """Return a list with the check of references, or [] if the archive does not have the table
        of references yet.
        """
        table = "document_references"
        if not self.db.execute("select 1 from sqlite_master where name = ?", [table]).fetchone():
            return []
        return [(table, self.count(table), self.check_references())]

    def check_references(self) -> CheckResults:
        """Check that each reference is at its stored place in its version.

        References in questions and captions are not checked.
        """
        for id_range in self.iter_id_ranges("document_references"):
            for key, position, words, is_linked, text in self.db.execute(
                REFERENCES_SQL, id_range
            ).fetchall():
                if not is_linked:
                    problem = "its version is not of its release"
                elif text and not unicodedata.normalize("NFC", text).startswith(words, position):
                    problem = "its words are not in its version"
                else:
                    yield None
                    continue
                yield self.fault("document_references", key, problem)

    def check_attachments(self) -> CheckResults:
        """Check that attachment versions agree with captures, that files agree with their pages,
        and that links agree with takedowns.
        """
        for table, sql, problem in ATTACHMENT_CHECKS:
            for (key,) in self.db.execute(sql):
                yield self.fault(table, key, problem)
            yield None

    def check_texts(self) -> CheckResults:
        """Extract the text of each file again, and compare it with the stored text."""
        for id_range in self.iter_id_ranges("attachment_files"):
            sql = (
                "select id, sha256 from attachment_files where extracted is not null and id"
                " between ? and ?"
            )
            for file_id, sha256 in self.db.execute(sql, id_range).fetchall():
                pages = self.db.execute(
                    "select page, text from attachment_pages where file = ?", [file_id]
                ).fetchall()
                try:
                    found = extract_text(read_capture_body(self.captures, sha256))
                except ArchiveError as error:
                    yield error
                    continue
                matches = sorted(pages) == [(page.number, page.text) for page in found.pages]
                yield (
                    None
                    if matches
                    else self.fault(
                        "attachment_pages",
                        file_id,
                        "the text is not what is read from the file now",
                    )
                )

    def check_changefeed(self) -> CheckResults:
        """Report each release that has no entry in the change feed. Mirrors would miss such a
        release.
        """
        for (release,) in self.db.execute(RELEASES_WITHOUT_CHANGES_SQL):
            yield self.fault("changefeed", release, "the release has no entry")

    def check_moves(self) -> CheckResults:
        """Report each release whose `continues_as`, the stored end of its chain of moves, is wrong.

        An archive that has not been migrated yet does not have this column.
        """
        columns = self.db.execute("select name from pragma_table_info('releases')").fetchall()
        if ("continues_as",) not in columns:
            return
        for (release,) in self.db.execute(WRONG_ENDS_SQL):
            problem = (
                "continues_as is not where its moves lead (python -m archive reindex mends it)"
            )
            yield self.fault("releases", release, problem)

    def check_counts(self) -> CheckResults:
        """Report each stored count that is missing, superfluous or wrong."""
        for table, key, problem in find_wrong_counts(self.db):
            yield self.fault(table, key, f"{problem} (python -m archive reindex recounts)")

    def check_manifest_chain(self) -> CheckResults:
        """Check each manifest, oldest first, and the rows that it covers."""
        previous = None
        for manifest in read_manifests(self.db):
            yield from self.check_manifest(manifest, previous)
            yield None
            previous = manifest

    def list_stamp_checks(self) -> list[tuple[str, int, CheckResults]]:
        """Return a list with the check of time stamps, or [] if the archive does not have the table
        of time stamps yet.
        """
        if not Database(self.db).table("time_stamps").exists():
            return []
        return [("time stamps", self.count("time_stamps"), self.check_time_stamps())]

    def check_time_stamps(self) -> CheckResults:
        """Check that each stamp is a signed response for its manifest and has the stored time."""
        sql = """
            select s.id, s.manifest, m.digest, s.stamped, s.response from time_stamps s
              left join manifests m on m.day = s.manifest order by s.id
        """
        for key, day, digest, stored, response in self.db.execute(sql):
            problem = f"there is no manifest of {day}" if digest is None else None
            try:
                content = b64decode(response, validate=True)
                stamped = to_iso(check_stamp(content, digest, self.roots)) if digest else stored
                problem = problem or (
                    f"stamped is {stored}, but {stamped} in it" if stamped != stored else None
                )
            except (StampError, ValueError) as error:
                problem = f"it is not proved for the manifest of {day}: {error}"
            yield self.fault("time_stamps", key, problem) if problem else None

    def check_manifest(
        self, manifest: Manifest, previous: Manifest | None
    ) -> Iterator[ArchiveError]:
        """Check a manifest's text against its row, the previous manifest and the covered rows."""

        def fault(problem: str) -> ArchiveError:
            return self.fault("manifests", manifest.day, problem)

        if manifest.previous != (previous.digest if previous else None):
            expected = (
                f"the previous one, of {previous.day}, has {previous.digest}"
                if previous
                else "it is the first"
            )
            yield fault(f"previous is {manifest.previous}, but {expected}")
        try:
            text = json.loads(read_capture_body(self.captures, manifest.digest))
        except ArchiveError as error:
            yield fault(f"its text cannot be read: {error}")
            yield from self._check_lost_manifest(manifest, previous)
            return
        for name in MANIFEST_FIELDS:
            if text[name] != getattr(manifest, name):
                yield fault(f"{name} is {getattr(manifest, name)}, but {text[name]} in its text")
        last_ids = {table: text[f"{table}_to"] for table in COVERED_TABLES}
        if list(_iter_stated_ranges(text["parts"])) != list(iter_part_ranges(previous, last_ids)):
            yield fault("it does not begin where the previous one ends")
        for part in text["parts"]:
            yield from self._check_part_text(manifest.day, part)
            yield from self.check_manifest_part(manifest.day, part)

    def _check_part_text(self, day: str, part: dict[str, Any]) -> Iterator[ArchiveError]:
        """Report a manifest part whose text is not stored, even if the text could be reproduced
        from the rows.
        """
        if self.captures and part["sha256"] not in self.captures:
            problem = f"the text of a part is missing: {part['sha256']}"
            yield self.fault("manifests", day, problem)

    def _check_lost_manifest(
        self, manifest: Manifest, previous: Manifest | None
    ) -> Iterator[ArchiveError]:
        """Check that the digest of a manifest whose text is lost matches the rows that the manifest
        covers.
        """
        try:
            if self.recompute_digest(manifest, previous) == manifest.digest:
                return
            problem = f"its digest {manifest.digest} is not that of its row and the rows it covers"
        except ArchiveError as error:  # withheld.db cannot be read
            problem = f"its digest cannot be compared with the rows it covers: {error}"
        yield self.fault("manifests", manifest.day, problem)

    def recompute_digest(self, manifest: Manifest, previous: Manifest | None) -> str | None:
        """Recompute the digest of a manifest whose text is lost.

        Returns None if a row cannot be read.
        """
        last_ids = {table: manifest.last_id_of(table) for table in COVERED_TABLES}
        try:
            parts = [
                {
                    table: [first, end],
                    "sha256": compute_sha256(format_manifest_part(self.db, table, first, end)),
                }
                for table, first, end in iter_part_ranges(previous, last_ids)
            ]
        except (ValueError, TypeError):
            return None
        return compute_sha256(
            format_manifest({name: getattr(manifest, name) for name in MANIFEST_FIELDS}, parts)
        )

    def check_manifest_part(self, day: str, part: dict[str, Any]) -> Iterator[ArchiveError]:
        """Report the rows of a manifest part that differ from the part's text, are missing, or were
        added later.

        Rows whose state withheld.db cannot restore are skipped here; `check_revisions` reports
        them.
        """
        table = next(name for name in COVERED_TABLES if name in part)
        first, end = part[table]
        current_lines, unreadable = self._format_current_lines(table, first, end)
        if not unreadable and compute_sha256(b"".join(current_lines.values())) == part["sha256"]:
            return
        try:
            text = read_capture_body(self.captures, part["sha256"])
        except ArchiveError as error:
            state = (
                "cannot be compared with it"
                if unreadable
                else "differ from it; it is unknown which of them"
            )
            yield self.fault("manifests", day, f"rows {first} to {end} of {table} {state}: {error}")
            return
        manifest_lines = {
            json.loads(line)[table.removesuffix("s")]: line
            for line in text.splitlines(keepends=True)
        }
        for key in unreadable & manifest_lines.keys():
            manifest_lines[key] = current_lines[key]  # it cannot be compared
        for key, problem in _compare_lines(day, manifest_lines, current_lines):
            yield self.fault(table, key, problem)

    def _format_current_lines(
        self, table: str, first: int, end: int
    ) -> tuple[dict[int, bytes], set[int]]:
        """Return a map from the id of each row to its line, and the ids of the rows whose state
        withheld.db cannot restore.

        A line is b"" if its row cannot be read.
        """
        lines: dict[int, bytes] = {}
        unreadable = set()
        for row in iter_stored_rows(self.db, table, first, end):
            lines[row["id"]] = b""
            try:
                lines[row["id"]] = format_manifest_line(table, restore_withheld_row(self.db, row))
            except (ValueError, TypeError):  # reported by check_revisions
                continue
            except ArchiveError:
                unreadable.add(row["id"])
        return lines, unreadable


def _check_database_file(path: Path) -> CheckResults:
    """Run SQLite's integrity check and check all foreign keys."""
    try:
        with closing(open_readonly(path)) as db:
            for (problem,) in db.execute("pragma integrity_check"):
                yield None if problem == "ok" else ArchiveError(path, problem, table="integrity")
            for table, row, parent, number in db.execute("pragma foreign_key_check").fetchall():
                columns = {
                    key[0]: key[3] for key in db.execute(f"pragma foreign_key_list({table})")
                }
                problem = f"{columns[number]} refers to no row of {parent}"
                yield ArchiveError(
                    path, problem, table=table, key=None if row is None else str(row)
                )
    except sqlite3.Error as error:
        yield ArchiveError(path, f"cannot be read to its end: {error}", table="integrity")


def _check_blobs(captures: Captures) -> CheckResults:
    for sha256 in captures:
        try:
            captures.read(sha256)
        except ArchiveError as error:
            yield error
        else:
            yield None


def _is_list_stored(stored_json: str | None, current: list[Any], *, ordered: bool = True) -> bool:
    """Return whether a revision's list equals the current list.

    A list that was not recorded counts as equal.

    >>> _is_list_stored('["b", "a"]', ["a", "b"], ordered=False)
    True
    >>> _is_list_stored("[", []), _is_list_stored(None, [])
    (False, True)
    """
    if stored_json is None:
        return True
    try:
        stored = json.loads(stored_json)
        return bool(stored == current if ordered else sorted(stored) == sorted(current))
    except (ValueError, TypeError):  # not JSON, or not a list
        return False


def _iter_stated_ranges(parts: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int, int]]:
    """Yield the table, first id and last id of each part in a manifest's text."""
    for part in parts:
        for table in COVERED_TABLES:
            if table in part:
                yield (table, *part[table])


def _compare_lines(
    day: str, manifest_lines: Mapping[int, bytes], current_lines: Mapping[int, bytes]
) -> Iterator[tuple[int, str]]:
    for key in sorted({*manifest_lines, *current_lines}):
        if key not in current_lines:
            yield key, f"is missing; the manifest of {day} covers it"
        elif key not in manifest_lines:
            yield key, f"was inserted after the manifest of {day}, which covers its id"
        elif current_lines[key] != manifest_lines[key]:
            changed = _list_changed_names(manifest_lines[key], current_lines[key])
            yield key, f"differs from the manifest of {day}: {changed}"


def _list_changed_names(manifest_line: bytes, current_line: bytes) -> str:
    """Return the names of the values that differ between a row's manifest line and its current
    line.

    Returns "it cannot be read" if the current line is b"".
    """
    if not current_line:
        return "it cannot be read"
    before, after = json.loads(manifest_line), json.loads(current_line)
    return ", ".join(name for name in before if before[name] != after.get(name))
