"""Imports releases of another collection: `python -m archive import FILE.jsonl[.gz] --agency SLUG`.

Imported releases are stored with the cause `import`. They are neither new nor edited, so feeds and registers do not
show them as such. Importing a file again changes nothing. Text that the archive has read from the agency's own page is
never replaced.
"""

from __future__ import annotations

import difflib
import gzip
import json
import sqlite3
import tomllib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from archive.captures import Captures
from archive.database import ArchiveError, ProgressCallback, map_in_order, open_readonly
from archive.dates import to_iso
from archive.importer.records import FieldError, parse_release, parse_url_field
from archive.models import IMPORT_PREFIX, Release
from archive.redaction import TAKEDOWN_KINDS
from archive.store import Archive, PreparedRelease, SaveResult, prepare_release
from archive.urls import strip_www

# Reading the file
GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 20_000_000  # per line

# Writing
LINES_PER_TRANSACTION = 200
FIRST_CHECK_AFTER = timedelta(days=1)  # until the first of the imported releases is checked
CHECK_SPREAD_DAYS = 90  # the first checks are spread over these days, so that no site gets them all at once
AGENCY_FIELDS = ("name", "name_en", "org_number", "home")  # columns set from agencies.toml

IS_FILLED_SQL = (
    "select exists (select 1 from releases) or exists (select 1 from crawls) or exists (select 1 from frontier)"
)
STORED_RELEASE_SQL = (  # also finds a release by a URL that it has moved from
    "select id, agency from releases where id = coalesce((select id from releases where url = :url),"
    " (select release from frontier where url = :url))"
)

NumberedLine = tuple[int, "bytes | FieldError"]


class LineError(ArchiveError):
    """A line that cannot be imported. The message names file, line and field."""

    def __init__(self, file: Path, line: int, error: FieldError) -> None:
        self.line, self.field = line, error.field
        super().__init__(file, error.problem, table=f"line {line}", key=error.field)


@dataclass(slots=True, kw_only=True)
class ImportResult:
    """The counts of an import.

    Each line counts as new, revised, unchanged, already_crawled or withheld, or is in errors.
    """

    lines: int = 0  # without blank lines
    new: int = 0
    revised: int = 0  # imported before, but different now
    unchanged: int = 0  # already stored with the same content
    already_crawled: int = 0  # different on the agency's own page, so left unchanged
    withheld: int = 0  # hidden or redacted by the archive they come from, and left out
    withheld_elsewhere: list[int] = field(
        default_factory=list
    )  # ids of stored releases that are withheld in the other archive
    without_body: int = 0  # new and revised lines without a body
    unknown_fields: Counter[str] = field(default_factory=Counter)  # field → number of lines
    # (host, agency that it belongs to) → number of releases at this host of another agency
    foreign_hosts: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[LineError] = field(default_factory=list)
    stopped: bool = False  # by should_stop, before the end of the file


@dataclass(frozen=True, slots=True)
class PreparedLine:
    """A line's release, ready to be saved."""

    prepared: PreparedRelease
    unknown_fields: list[str]  # names of its fields that are not imported


@dataclass(frozen=True, slots=True)
class WithheldLine:
    """A line whose text was taken down by the archive it comes from, and replaced with marks."""

    url: str


def import_file(
    archive: Archive,
    file: Path,
    agency: str,
    imported_at: datetime,
    progress: ProgressCallback | None = None,
    *,
    host_owners: Mapping[str, str] | None = None,
    processes: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> ImportResult:
    """Import a file with releases of one stored agency.

    With `processes`, other processes parse the lines and analyse their text; this one writes, in the order of the file.
    host_owners: host without www → slug; releases whose host is another agency's are imported and counted. should_stop:
    called before each transaction. Raises ArchiveError if the agency is not stored, or if the file is truncated; the
    lines before that are kept.
    """
    agencies = [slug for (slug,) in archive.db.execute("select slug from agencies order by 1")]
    if agency not in agencies:
        problem = f"is not stored; stored agencies: {', '.join(agencies) or 'none'}"
        raise ArchiveError(archive.path, problem, table="agencies", key=agency)
    result, parser_version = ImportResult(), f"{IMPORT_PREFIX}{file.name}"

    def report_bytes(read: int, size: int) -> None:
        if progress:
            progress(file.name, read, size)

    batches = batch_lines(iter_import_lines(file, report_bytes))
    prepare = partial(prepare_lines, agency, archive.path)
    with closing(map_in_order(batches, prepare, to_payload=list, processes=processes)) as prepared_batches:
        for _, lines in prepared_batches:
            if lines and should_stop():
                result.stopped = True
                break
            with archive.bulk():
                for number, line in lines:
                    result.lines += 1
                    try:
                        if isinstance(line, FieldError):
                            raise line
                        if isinstance(line, WithheldLine):
                            result.withheld += 1
                            if release_id := archive.find_release_id(line.url):
                                result.withheld_elsewhere.append(release_id)
                            continue
                        import_release(archive, line.prepared, imported_at, parser_version, result)
                    except FieldError as error:
                        result.errors.append(LineError(file, number, error))
                    else:
                        result.unknown_fields.update(line.unknown_fields)
                        host = strip_www(urlsplit(line.prepared.release.url).hostname or "")
                        if (owner := (host_owners or {}).get(host, agency)) != agency:
                            result.foreign_hosts[host, owner] += 1
    return result


def iter_import_lines(file: Path, progress: Callable[[int, int], None] | None = None) -> Iterator[NumberedLine]:
    """Yield the number and bytes of each non-blank line, or an error instead of the bytes if the line is too long.

    Raises ArchiveError if the file is truncated, OSError if it cannot be opened. progress: called with the bytes read
    and the size of the file.
    """
    size, number = file.stat().st_size, 0
    with file.open("rb") as raw:
        is_gzip = raw.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_gzip else raw
        try:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    while line and not line.endswith(b"\n"):  # skip the rest of the line
                        line = stream.readline(MAX_LINE_BYTES)
                    yield number, FieldError(None, f"is longer than {MAX_LINE_BYTES} bytes")
                elif line.strip():
                    yield number, line
                if progress and number % 100 == 0:
                    progress(raw.tell(), size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ArchiveError(file, f"cannot be unpacked after line {number}: {error}") from error


def batch_lines(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """Yield lines in batches, one per transaction.

    If the file is truncated, the lines read so far are yielded before the error is raised.
    """
    batch: list[NumberedLine] = []
    try:
        for line in lines:
            batch.append(line)
            if len(batch) == LINES_PER_TRANSACTION:
                yield batch
                batch = []
    except ArchiveError:
        yield batch
        raise
    yield batch


def prepare_lines(
    agency: str, archive: Path, batch: list[NumberedLine]
) -> list[tuple[int, PreparedLine | WithheldLine | FieldError]]:
    """Return the number of each line with its prepared release, a WithheldLine, or its error."""
    prepared: list[tuple[int, PreparedLine | WithheldLine | FieldError]] = []
    with closing(open_readonly(archive)) as archive_db:
        for number, line in batch:
            try:
                if isinstance(line, FieldError):
                    raise line
                prepared.append((number, prepare_line(agency, archive_db, parse_line(number, line))))
            except FieldError as error:
                prepared.append((number, error))
    return prepared


def parse_line(number: int, line: bytes) -> dict[str, Any]:
    """Parse a line as a JSON object; raise FieldError if it is not one."""
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise FieldError(None, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise FieldError(None, f"is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise FieldError(None, f"is {type(row).__name__}, not a JSON object")
    return row


def prepare_line(agency: str, archive_db: sqlite3.Connection, row: Mapping[str, Any]) -> PreparedLine | WithheldLine:
    """Parse a line. Its text is analysed here only if its URL is not stored yet."""
    if row.get("takedown") in TAKEDOWN_KINDS.values():
        try:
            return WithheldLine(parse_url_field(row, "url"))
        except FieldError:
            return WithheldLine(str(row.get("url")))
    release, unknown_fields = parse_release(row, agency)
    is_new = archive_db.execute("select 1 from releases where url = ?", [release.url]).fetchone() is None
    return PreparedLine(prepare_release(release, with_features=is_new), unknown_fields)


def import_release(
    archive: Archive, prepared: PreparedRelease, imported_at: datetime, parser_version: str, result: ImportResult
) -> None:
    """Save a release, or count why it is not saved; raise FieldError if its URL is another agency's."""
    release = prepared.release
    stored = archive.db.execute(STORED_RELEASE_SQL, {"url": release.url}).fetchone()
    release_id, agency = stored or (None, release.agency)
    if agency != release.agency:
        raise FieldError("url", f"{release.url} is stored as a release of {agency}")
    states = archive.db.execute("select cause, hash from revisions where release = ?", [release_id]).fetchall()
    if any(known_hash == prepared.hash for _, known_hash in states):
        result.unchanged += 1
        return
    if any(cause != "import" for cause, _ in states):
        result.already_crawled += 1
        return
    saved = archive.save(release, seen_at=imported_at, cause="import", parser_version=parser_version, prepared=prepared)
    if saved is SaveResult.UNCHANGED:
        result.unchanged += 1
        return
    if release_id is None:
        schedule_first_check(archive, release, imported_at)
        result.new += 1
    else:
        result.revised += 1
    result.without_body += not release.body


def schedule_first_check(archive: Archive, release: Release, imported_at: datetime) -> None:
    """Mark a release's URL as stored in the frontier, and schedule its first check.

    The day depends on the URL, so that the checks of many releases are spread out.
    """
    release_id = archive.find_release_id(release.url)
    assert release_id is not None  # noqa: S101 - it was just saved
    archive.db.execute(
        "insert or ignore into frontier (url, agency, role, state, first_seen, release)"
        " values (?, ?, 'release', 'stored', ?, ?)",
        [release.url, release.agency, to_iso(imported_at), release_id],
    )
    days = zlib.crc32(release.url.encode()) % CHECK_SPREAD_DAYS
    archive.set_next_check(release_id, imported_at + FIRST_CHECK_AFTER + timedelta(days=days))


# Other functions of the command


@contextmanager
def open_or_create_archive(path: Path) -> Iterator[Archive]:
    """Open an archive, creating it if needed. A new archive that stays empty is deleted at the end."""
    files = [path, Captures.path_beside(path)]
    new_files = [] if path.exists() else [file for file in files if not file.exists()]
    is_filled = True
    try:
        with Archive(path) as archive:
            try:
                yield archive
            finally:
                (is_filled,) = archive.db.execute(IS_FILLED_SQL).fetchone()
    finally:
        for file in new_files if not is_filled else ():
            for suffix in ("", "-wal", "-shm"):
                file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)


def ensure_agency(archive: Archive, slug: str, agencies_file: Path) -> None:
    """Store an agency from agencies.toml unless it is already stored; raise ArchiveError if it is unknown."""
    stored = {row[0] for row in archive.db.execute("select slug from agencies")}
    if slug in stored:
        return
    listed = read_agencies_file(agencies_file)
    facts = listed.get(slug)
    if not isinstance(facts, dict) or not {"name", "home"} <= facts.keys():
        near = difflib.get_close_matches(slug, stored | listed.keys(), n=3)
        hint = f"; perhaps {', '.join(near)}" if near else ""
        problem = f"is neither stored nor in {agencies_file}{hint}"
        raise ArchiveError(archive.path, problem, table="agencies", key=slug)
    archive.add_agency(slug, **{name: facts[name] for name in AGENCY_FIELDS if name in facts})


def find_host_owners(archive: Archive, agencies_file: Path) -> dict[str, str]:
    """Return the slug of the agency that each host belongs to, for stored and listed agencies."""
    owners: dict[str, str] = {}
    stored = {slug: {"home": home} for slug, home in archive.db.execute("select slug, home from agencies")}
    for slug, facts in (*read_agencies_file(agencies_file).items(), *stored.items()):
        home = urlsplit(str(facts.get("home", ""))).hostname or ""
        owners |= {strip_www(host): slug for host in (home, *facts.get("aliases", ())) if host}
    return owners


def read_agencies_file(path: Path) -> dict[str, Any]:
    """Return the tables of agencies.toml by slug, or an empty dict if there is no such file."""
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ArchiveError(path, f"is not TOML: {error}") from error


def format_import_report(file: Path, result: ImportResult) -> Iterator[str]:
    """Yield the errors, then a summary that counts every line."""
    yield from map(str, result.errors)
    yield (
        f"{file}: {result.lines} lines: {result.new} new, {result.revised} revised, {result.unchanged} unchanged,"
        f" {result.already_crawled} already crawled, {len(result.errors)} errors"
    )
    if result.already_crawled:
        yield f"already crawled: {result.already_crawled} differ from the agency's own page, whose text is kept"
    for (host, owner), number in result.foreign_hosts.most_common():
        yield f"warning: {number} of them are at {host}, which belongs to {owner}: is --agency right?"
    if result.withheld:
        yield f"withheld: {result.withheld} are hidden or redacted in the archive they come from, and left out"
    if result.withheld_elsewhere:
        release_ids = ", ".join(map(str, result.withheld_elsewhere))
        yield f"withheld there, but shown here: releases {release_ids}; the reasons are at /-/takedowns of that archive"
    if result.without_body:
        yield f"without a text: {result.without_body} have a title and no body"
    for name, number in sorted(result.unknown_fields.items()):
        yield f"field {name}: left out in {number} lines, because the archive has no such field"
