"""Stores attachments: their files, the versions at each URL, and the text of their pages.

The bytes of a file are a capture, in captures.db. They are not part of a release's state, because
the agency may change a file without changing the release. Each URL has its own versions, with the
times at which they were found.

    attachment_links     each URL that a release links to, or once linked to, and the times of the
                         first and the last check that found the link
    attachment_versions  what was found at a URL: one row for each check that found a changed file
    attachment_edits     the releases that linked to a URL when its file was replaced; the
                         replacement is an edit of each of them
    attachment_files     each file once, by its SHA-256, with the outcome of extracting its text
    attachment_pages     the text of a file, page by page

The frontier row of a URL (with the role `attachment`) says when the URL is fetched next. A file
becomes due whenever a release that links to it is checked, but at most once per MIN_INTERVAL. While
a takedown covers a release, the text of its files is not stored, and their bytes are left out of
everything that is published or exported, even if another release has the same file.

A separate process (attachment_text.py) extracts the text of a PDF, DOCX, XLSX or ODT file. Its
memory, time, output and open files are limited, because an untrusted file may make a parser crash,
loop or run out of memory. If a limit stops the process, the text extracted so far is kept and
marked as incomplete.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sqlite_utils import Database

from archive.changes.field_differences import FileText, describe_change
from archive.database.frontier import FRONTIER_COLUMNS, FrontierEntry
from archive.database.isolated_processes import start_isolated
from archive.database.redaction import IS_FILE_WITHHELD_SQL
from archive.database.sqlite_files import ArchiveError
from archive.times import to_iso

# new releases are checked each hour, but their files change seldom and are large
MIN_INTERVAL = timedelta(days=1)
TEXT_VERSION = "1"  # raise it whenever attachment_text.py reads any file's text differently


@dataclass(frozen=True, slots=True)
class AttachmentVersion:
    """A version of the file at a URL."""

    id: int
    file_id: int
    sha256: str


class Attachments:
    """Reads and writes the tables of attachments. No method commits: wrap calls in
    `Archive.transaction`.
    """

    def __init__(self, db: Database) -> None:
        self.db = db

    def add_links(self, release_id: int, agency: str, seen_at: datetime) -> None:
        """Store the URLs of the files that a release links to, and make them due for fetching.

        A URL that was fetched within MIN_INTERVAL does not become due.
        """
        seen = str(to_iso(seen_at))
        # redacted URLs are stored as marks, which are left out
        urls = self.db.execute(
            "select distinct url from attachments where release = ? and url like 'http%'",
            [release_id],
        ).fetchall()
        file_sql = "select url from frontier where release = ? and file_title is not null"
        for (url,) in self.db.execute(file_sql, [release_id]).fetchall():
            self._add_link(release_id, url, seen_at)
            self._record_file_release(release_id, url, seen_at)
        for (url,) in urls:
            self._add_link(release_id, url, seen_at)
            # a time of fetching that is later than now was written by a wrong clock
            self.db.execute(
                "insert into frontier (url, agency, role, state, first_seen)"
                " values (:url, :agency,"
                " 'attachment', 'due', :seen)"
                " on conflict (url) do update set state = 'due' where role = 'attachment' and"
                " state = 'done' and (fetched <= :before or fetched > :seen)",
                {
                    "url": url,
                    "agency": agency,
                    "seen": seen,
                    "before": to_iso(seen_at - MIN_INTERVAL),
                },
            )

    def _add_link(self, release_id: int, url: str, seen_at: datetime) -> None:
        self.db.execute(
            "insert into attachment_links (release, url, first_seen, last_seen, takedown)"
            " select id, :url, :seen, :seen, takedown from releases where id = :release"
            " on conflict (release, url) do update set last_seen = excluded.last_seen",
            {"release": release_id, "url": url, "seen": to_iso(seen_at)},
        )

    def add_links_of_checked(self, agency: str) -> None:
        """Store the attachment links of an agency's releases that have been checked since this
        method last ran.
        """
        rows = self.db.execute(
            "select r.id, r.last_checked from releases r where r.agency = ? and r.moved_to is null"
            " and exists (select 1 from attachments a where a.release = r.id and not exists"
            " (select 1 from attachment_links l where l.release = r.id and l.url = a.url"
            " and l.last_seen >= r.last_checked))",
            [agency],
        ).fetchall()
        for release_id, checked in rows:
            self.add_links(release_id, agency, datetime.fromisoformat(checked))

    def list_due(
        self, agency: str, now: datetime, limit: int, exclude: Collection[str] = ()
    ) -> list[FrontierEntry]:
        """Return up to `limit` attachments of an agency that are due for fetching and still linked
        from a release.

        URLs in `exclude` are left out.
        """
        rows = self.db.execute(
            f"select {FRONTIER_COLUMNS} from frontier where"
            f" agency = :agency and role ="
            f" 'attachment' and (state = 'due' or (state in ('failed', 'gone', 'rejected') and"
            " (next_due <= :now or fetched > :now)))"
            " and exists (select 1 from attachments where attachments.url = frontier.url)"
            " order by first_seen, rowid limit :limit",
            {"agency": agency, "now": to_iso(now), "limit": limit + len(exclude)},
        )
        return [
            entry for entry in (FrontierEntry(*row) for row in rows) if entry.url not in exclude
        ][:limit]

    def get_version(self, url: str) -> AttachmentVersion | None:
        """Return the newest version of the file at a URL, or None if none has been found there."""
        sql = """
            select v.id, f.id, f.sha256 from attachment_versions v join attachment_files f
              on f.id = v.file
            where v.url = ? order by v.id desc limit 1
        """
        row = self.db.execute(sql, [url]).fetchone()
        return AttachmentVersion(*row) if row else None

    def record_unchanged(self, url: str, seen_at: datetime) -> None:
        """Record that the newest version of the file at a URL was found there again."""
        version = self.get_version(url)
        if version is None:
            raise LookupError(f"{url}: no version is stored")
        self.db.execute(
            "update attachment_versions set last_seen = ?, checks = checks + 1,"
            " missing_since = null, missing_until = null, missing_checks = 0 where id = ?",
            [to_iso(seen_at), version.id],
        )

    def record_missing(self, url: str, seen_at: datetime) -> None:
        """Record that a URL responded with 404 or 410.

        If no file was ever found at the URL, nothing is recorded.
        """
        self.db.execute(
            "update attachment_versions set missing_since ="
            " coalesce(missing_since, :seen),"
            " missing_until = :seen,"
            " missing_checks = missing_checks + 1"
            " where id = (select max(id) from attachment_versions where url = :url)",
            {"url": url, "seen": to_iso(seen_at)},
        )

    def record_version(
        self,
        url: str,
        sha256: str,
        size: int,
        capture_id: int,
        seen_at: datetime,
        *,
        media_type: str | None,
    ) -> AttachmentVersion:
        """Record a file that differs from the newest version at a URL, and return the new version.

        The bytes must be in captures.db. The version's cause is `first`, or `source` if the agency
        replaced an earlier file.
        """
        previous = self.get_version(url)
        self.db.execute(
            "insert or ignore into attachment_files (sha256, bytes, media_type) values (?, ?, ?)",
            [sha256, size, media_type],
        )
        (file_id,) = self.db.execute(
            "select id from attachment_files where sha256 = ?", [sha256]
        ).fetchone()
        version_id = self.db.execute(
            "insert into attachment_versions (url, file, capture,"
            " cause, previous, first_seen, last_seen, checks)"
            " values (:url, :file, :capture, :cause, :previous, :seen, :seen, 1)",
            {
                "url": url,
                "file": file_id,
                "capture": capture_id,
                "cause": "source" if previous else "first",
                "previous": previous.id if previous else None,
                "seen": to_iso(seen_at),
            },
        ).lastrowid
        if previous:
            self.db.execute(
                "insert or ignore into attachment_edits (version,"
                " release) select ?, a.release from attachments a"
                " join releases r on r.id = a.release where a.url = ? and r.moved_to is null",
                [version_id, url],
            )
            self.describe_changes(file_id)
        return AttachmentVersion(int(version_id or 0), file_id, sha256)

    def _record_file_release(self, release_id: int, url: str, seen_at: datetime) -> None:
        """Record the newest capture of a file release as a version of the file.

        A file release is a release that is itself a file.
        """
        sql = """
            select c.id, c.sha256, c.bytes, c.headers from releases r join revisions v
              on v.id = r.revision
            join captures c on c.id = max(coalesce(r.capture, 0), coalesce(v.capture, 0))
              where r.id = ?
        """
        for capture_id, sha256, size, headers in self.db.execute(sql, [release_id]).fetchall():
            version = self.get_version(url)
            if version is not None and version.sha256 == sha256:
                self.record_unchanged(url, seen_at)
            else:
                media_type = json.loads(headers).get("content-type")
                self.record_version(url, sha256, size, capture_id, seen_at, media_type=media_type)

    def describe_changes(self, file_id: int) -> bool:
        """Store how the text changed whenever the file replaced another file, or was itself
        replaced.

        Returns True if any stored value changed.
        """
        changed = False
        rows = self.db.execute(
            "select v.id, p.file, v.file from"
            " attachment_versions v"
            " join attachment_versions p on p.id = v.previous"
            " where v.file = :file or p.file = :file",
            {"file": file_id},
        ).fetchall()
        for version_id, before, after in rows:
            columns = describe_change(self.read_text(before), self.read_text(after))
            sets = ", ".join(f"{name} = :{name}" for name in columns)
            differs = " or ".join(f"{name} is not :{name}" for name in columns)
            written = self.db.execute(
                f"update attachment_versions set {sets} where id = :id and ({differs})",
                {**columns, "id": version_id},
            )
            changed |= written.rowcount > 0
        return changed

    def read_text(self, file_id: int) -> FileText:
        facts = self.db.execute(
            "select kind, letters, problem from attachment_files where id = ?", [file_id]
        )
        kind, letters, problem = facts.fetchone()
        pages = self.db.execute(
            "select text from attachment_pages where file = ? order by page", [file_id]
        )
        return FileText(
            kind=kind, letters=letters, problem=problem, pages=[text for (text,) in pages]
        )

    def needs_text(self, file_id: int) -> bool:
        """Return whether a file's text still has to be extracted with the current rules.

        Returns False if a takedown withholds the text.
        """
        sql = (
            "select (extracted is null or text_version is not ?) and not"
            f" {IS_FILE_WITHHELD_SQL} from attachment_files f where id = ?"
        )
        return bool(self.db.execute(sql, [TEXT_VERSION, file_id]).fetchone()[0])

    def store_text(self, file_id: int, text: AttachmentText, extracted_at: datetime) -> None:
        """Store the text of a file, in place of any earlier text.

        Nothing is stored if a takedown has withheld the text in the meantime.
        """
        sql = f"select {IS_FILE_WITHHELD_SQL} from attachment_files f where id = ?"
        if self.db.execute(sql, [file_id]).fetchone()[0]:
            self._withhold(file_id)
            return
        self._delete_pages(file_id)
        for page in text.pages:
            self.db.execute(
                "insert into attachment_pages (file, page, name,"
                " text, letters, problem) values (?, ?, ?, ?, ?, ?)",
                [file_id, page.number, page.name, page.text, page.letters, page.problem],
            )
        self.db.execute(
            "update attachment_files set kind = ?, pages = ?, letters = ?, problem = ?,"
            " detail = ?, extracted = ?, text_version = ? where id = ?",
            [
                *(text.kind, text.page_count, text.letters, text.problem, text.detail),
                *(to_iso(extracted_at), TEXT_VERSION, file_id),
            ],
        )
        self.describe_changes(file_id)

    def list_files_to_read(
        self, *, agency: str | None = None, withheld: bool = False
    ) -> list[tuple[int, str]]:
        """Return the id and SHA-256 of each file whose text has not been extracted with the current
        rules.

        Files that a takedown covers are left out.

        agency: if given, list only files of this agency's releases.
        withheld: list only files whose text was deleted by a takedown that has since been lifted.
        """
        sql = f"""
            select id, sha256 from attachment_files f
            where (extracted is null or text_version is not :version)
              and not {IS_FILE_WITHHELD_SQL}
              and (:problem is null or problem = :problem)
              and (:agency is null or exists (select 1 from attachment_versions v
                join attachment_links l on l.url = v.url join releases r on r.id = l.release
                where v.file = f.id and r.agency = :agency))
            order by id
        """
        problem = WITHHELD if withheld else None
        values = {"agency": agency, "problem": problem, "version": TEXT_VERSION}
        return self.db.execute(sql, values).fetchall()

    def apply_takedown(self, release_id: int, urls: Iterable[str], takedown: str | None) -> None:
        """Store whether a takedown covers a release's attachment links, and delete the texts of
        covered files.

        Once no takedown covers a file any more, `Archive.extract_missing_texts` can extract its
        text again. A crawl also extracts the text when it next finds the file.

        urls: all URLs that any version of the release links to.
        takedown: `hidden` or `redacted`, or None if no takedown covers the links any more.
        """
        for url in urls:
            self.db.execute(
                "insert into attachment_links (release, url) select :release, :url where exists"
                " (select 1 from frontier where url = :url and role ="
                " 'attachment') on conflict do nothing",
                {"release": release_id, "url": url},
            )
        self.db.execute(
            "update attachment_links set takedown = ? where release = ?", [takedown, release_id]
        )
        files = self.db.execute(
            f"select f.id from attachment_files f where"
            f" extracted is not null and"
            f" {IS_FILE_WITHHELD_SQL}"
            " and exists (select 1 from"
            " attachment_versions v join"
            " attachment_links l on l.url = v.url"
            " where v.file = f.id and l.release = ?)",
            [release_id],
        ).fetchall()
        for (file_id,) in files:
            self._withhold(file_id)

    def _withhold(self, file_id: int) -> None:
        self._delete_pages(file_id)
        self.db.execute(
            "update attachment_files set kind = null, pages = null,"
            " letters = null, problem = ?, detail = null,"
            " extracted = null, text_version = null where id = ?",
            [WITHHELD, file_id],
        )
        self.describe_changes(file_id)  # now without words of the text

    def _delete_pages(self, file_id: int) -> None:
        self.db.execute("delete from attachment_pages where file = ?", [file_id])


@dataclass(slots=True)
class TextExtraction:
    """The results of `Archive.extract_missing_texts`: counts and findings.

    Each finding reports a file whose stored bytes cannot be read.
    """

    files: int = 0  # files that were read
    empty: int = 0  # of these, without any text: scans
    problems: int = 0  # of these, with a problem: no text, or not all of it
    findings: list[ArchiveError] = field(default_factory=list)


WORKER = Path(__file__).with_name("attachment_text.py")
LIMITS = {
    "memory": 512 * 1024 * 1024,  # bytes of address space
    "seconds": 10,  # of processor time
    "output_bytes": 32 * 1024 * 1024,
    "open_files": 16,
    "pages": 500,
    "letters": 2_000_000,
}
# seconds by the clock: many times the processor time, because the process has a low priority
MAX_WAIT = 120
# return codes: no limit ended the process
INTERRUPTIONS = (-signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM)
WITHHELD = "withheld"  # deleted because of a takedown
PROBLEMS = (  # why the text of a file is missing, or is not whole
    "encrypted",  # it needs a password
    "damaged",
    "unsupported",  # it is of another type
    "limits",  # it needs more memory or time than one file may use
    "pages",  # only the first pages were read
    "letters",  # only the first letters were read
    "some_pages",  # single pages could not be read
    WITHHELD,
)


@dataclass(frozen=True, slots=True)
class AttachmentPage:
    """The text of one page of a PDF, one sheet of a workbook, or the whole of another document."""

    number: int  # counted from 1
    text: str
    name: str | None = None
    problem: str | None = None  # why it could not be read

    @property
    def letters(self) -> int:
        return sum(map(str.isalnum, self.text))


@dataclass(frozen=True, slots=True)
class AttachmentText:
    """The text of a file.

    problem: one of PROBLEMS, or None if the text is complete.
    detail: explains the problem, in English.
    """

    kind: str | None = None  # pdf, docx, xlsx or odt; None if the file could not be opened
    page_count: int | None = None  # number of pages in the file, even if fewer were read
    pages: tuple[AttachmentPage, ...] = ()
    problem: str | None = None
    detail: str | None = None

    @property
    def letters(self) -> int:
        """Return the number of letters and digits, which is 0 for a scan without a text layer."""
        return sum(page.letters for page in self.pages)


def extract_text(
    body: bytes, limits: dict[str, int] | None = None, max_wait: float = MAX_WAIT
) -> AttachmentText:
    """Extract the text of a file. Problems with the file are returned, not raised.

    Raises RuntimeError if the process was interrupted from outside, or if it failed for a reason
    unrelated to the file, such as a missing library.

    limits: values that override LIMITS.
    """
    limits = {**LIMITS, **(limits or {})}
    # no pipes, so that the limit of a file's size applies
    with (
        TemporaryFile() as output,
        TemporaryFile() as errors,
    ):
        with start_isolated(
            WORKER,
            limits={
                "AS": limits["memory"],
                "CPU": limits["seconds"],
                "FSIZE": limits["output_bytes"],
                "NOFILE": limits["open_files"],
            },
            settings={"pages": limits["pages"], "letters": limits["letters"]},
            has_packages=True,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            # Ctrl-C ends a crawl after its current requests, and must not end this process
            process_group=0,
        ) as process:
            try:
                process.communicate(body, timeout=max_wait)
            except subprocess.TimeoutExpired:
                process.kill()
        if process.returncode > 0 or process.returncode in INTERRUPTIONS:
            errors.seek(0)
            message = errors.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"{WORKER.name} ended with {process.returncode}: {message}")
        output.seek(0)
        return read_lines(output, process.returncode)


def read_lines(lines: Iterable[bytes], return_code: int) -> AttachmentText:
    """Parse the output of a text worker.

    If the last line is missing, a limit stopped the process, and the problem is `limits`.
    """
    facts: dict[str, Any] = {}
    pages: list[AttachmentPage] = []
    for line in lines:
        if not line.endswith(b"\n"):  # cut by the limit of output
            break
        row = json.loads(line)
        if "page" in row:
            pages.append(AttachmentPage(row["page"], row["text"], row["name"], row["problem"]))
        else:
            facts |= row
    problem, detail = facts.get("problem"), facts.get("detail")
    if problem is None:
        problem, detail = _find_gap(facts, pages, return_code) or (None, detail)
    return AttachmentText(facts.get("kind"), facts.get("pages"), tuple(pages), problem, detail)


def _find_gap(
    facts: Mapping[str, Any], pages: Sequence[AttachmentPage], return_code: int
) -> tuple[str, str | None] | None:
    """Return why an extracted text is incomplete: the problem, and a detail that explains it.

    Returns None if the text is complete.
    """
    if facts.get("end") in ("pages", "letters"):
        return facts["end"], facts.get("detail")
    if "end" not in facts:
        return "limits", f"its process ended with {return_code}"
    problems = [f"page {page.number}: {page.problem}" for page in pages if page.problem]
    return ("some_pages", "; ".join(problems)[:500]) if problems else None
