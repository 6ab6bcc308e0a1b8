"""Import of releases from another collection: `python -m archive import FILE.jsonl[.gz] --agency SLUG`.

Imported releases are stored with the cause `import`. They are neither new nor edited, so no feed and no register shows
them as such. Importing a file again changes nothing. Text that the archive has read from the agency's own page is never
replaced. archive/importer/FORMAT.md describes the format; errors name line and field.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from archive.database import ArchiveError, ProgressCallback, map_in_order, open_readonly
from archive.dates import to_iso
from archive.importer.records import FieldError, parse_release, parse_url_field
from archive.models import IMPORT_PREFIX, Release
from archive.redaction import TAKEDOWN_KINDS
from archive.store import Archive, PreparedRelease, SaveResult, prepare_release
from archive.urls import strip_www

# Reading the file
GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 20_000_000  # of one line

# Writing
LINES_PER_TRANSACTION = 200
FIRST_CHECK_AFTER = timedelta(days=1)  # until the first of the imported releases is checked
CHECK_SPREAD_DAYS = 90  # over which the checks are spread, so that no site gets them all at once

NumberedLine = tuple[int, "bytes | LineError"]


class LineError(ArchiveError):
    """A line that cannot be imported; names file, line and field."""

    def __init__(self, file: Path | str, line: int, field: str | None, problem: str) -> None:
        self.arguments = file, line, field, problem
        self.line, self.field = line, field
        super().__init__(file, problem, table=f"line {line}", key=field)

    def __reduce__(self) -> tuple[type[LineError], tuple[Path | str, int, str | None, str]]:
        """Pickle by the arguments of the constructor."""
        return LineError, self.arguments


@dataclass(slots=True, kw_only=True)
class ImportResult:
    """Counts of an import; each line is new, revised, unchanged, already_crawled, withheld, or in errors."""

    lines: int = 0  # without blank ones
    new: int = 0
    revised: int = 0  # imported before, and different now
    unchanged: int = 0  # stored already, as in the file
    already_crawled: int = 0  # read differently from the agency's own page, and left unchanged
    withheld: int = 0  # hidden or redacted by the archive they come from, and left out
    withheld_elsewhere: list[int] = field(default_factory=list)  # ids of releases stored here that are withheld there
    without_body: int = 0  # of new and revised: without body
    unknown_fields: Counter[str] = field(default_factory=Counter)  # field → number of lines
    # (host, agency that the host belongs to) → number of releases, of those whose host is another agency's
    foreign_hosts: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[LineError] = field(default_factory=list)
    stopped: bool = False  # by should_stop, before the end of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedLine:
    """A line's release, ready to be saved, and the names of its fields that are not imported."""

    prepared: PreparedRelease
    unknown_fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
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
    host_owners: host without www → slug; releases whose host is another agency's are imported, and counted.
    should_stop: asked before each transaction. Raises ArchiveError if the agency is not stored, or if the file is
    truncated; what came before that is kept.
    """
    is_stored = archive.db.execute("select 1 from agencies where slug = ?", [agency]).fetchone()
    if not is_stored:
        known = ", ".join(row[0] for row in archive.db.execute("select slug from agencies order by 1"))
        raise ArchiveError(archive.path, f"is not held; held are: {known or 'none'}", table="agencies", key=agency)
    result, parser_version = ImportResult(), f"{IMPORT_PREFIX}{file.name}"

    def report_bytes(read: int, size: int) -> None:
        if progress:
            progress(file.name, read, size)

    batches = batch_lines(iter_import_lines(file, report_bytes))
    prepare = partial(prepare_lines, file, agency, archive.path)
    with closing(map_in_order(batches, prepare, to_payload=list, processes=processes)) as prepared_batches:
        for _, lines in prepared_batches:
            if lines and should_stop():
                result.stopped = True
                break
            with archive.bulk():
                for number, line in lines:
                    result.lines += 1
                    try:
                        if isinstance(line, LineError):
                            raise line
                        if isinstance(line, WithheldLine):
                            record_withheld_line(archive, line, result)
                            continue
                        import_release(archive, line.prepared, imported_at, parser_version, result)
                        host = strip_www(urlsplit(line.prepared.release.url).hostname or "")
                        if (owner := (host_owners or {}).get(host, agency)) != agency:
                            result.foreign_hosts[host, owner] += 1
                    except LineError as error:
                        result.errors.append(error)
                    except FieldError as error:
                        result.errors.append(LineError(file, number, error.field, str(error)))
                    else:
                        result.unknown_fields.update(line.unknown_fields)
    return result


def iter_import_lines(file: Path, progress: Callable[[int, int], None] | None = None) -> Iterator[NumberedLine]:
    """Yield number and bytes of each line that is not blank.

    If a line is too long, there is an error in place of the bytes. Raises ArchiveError if the file is truncated,
    OSError if it cannot be opened. progress: called with the bytes read and the size of the file.
    """
    size = file.stat().st_size
    with file.open("rb") as raw:
        is_gzip = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        stream: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_gzip else raw
        with closing(stream):
            for number, line in enumerate(iter_raw_lines(file, stream), 1):
                if len(line) > MAX_LINE_BYTES:
                    yield number, LineError(file, number, None, f"is longer than {MAX_LINE_BYTES} bytes")
                elif line.strip():
                    yield number, line
                if progress and number % 100 == 0:
                    progress(raw.tell(), size)


def iter_raw_lines(file: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream's lines; one longer than MAX_LINE_BYTES is cut one byte above the limit."""
    number = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            yield line
            while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):  # skip the rest of it
                line = stream.readline(MAX_LINE_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ArchiveError(file, f"cannot be unpacked after line {number}: {error}") from error


def batch_lines(lines: Iterator[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """Yield lines in batches of a transaction; if the file is truncated, the lines before that come first."""
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
    file: Path, agency: str, archive: Path, batch: list[NumberedLine]
) -> list[tuple[int, PreparedLine | WithheldLine | LineError]]:
    """Return each line as a release ready to be saved, or what is wrong with it; writes nothing."""
    with closing(open_readonly(archive)) as archive_db:
        return [(number, prepare_line(file, agency, archive_db, number, line)) for number, line in batch]


def prepare_line(
    file: Path, agency: str, archive_db: sqlite3.Connection, number: int, line: bytes | LineError
) -> PreparedLine | WithheldLine | LineError:
    """Prepare one line; the text of a URL that is stored already is analysed only if it differs."""
    row = line if isinstance(line, LineError) else parse_line(file, number, line)
    if isinstance(row, LineError):
        return row
    if row.get("takedown") in TAKEDOWN_KINDS.values():
        return WithheldLine(url=read_withheld_url(row))
    try:
        release, unknown_fields = parse_release(row, agency)
    except FieldError as error:
        return LineError(file, number, error.field, str(error))
    is_stored = archive_db.execute("select 1 from releases where url = ?", [release.url]).fetchone()
    return PreparedLine(
        prepared=prepare_release(release, with_features=is_stored is None), unknown_fields=unknown_fields
    )


def parse_line(file: Path, number: int, line: bytes) -> dict[str, Any] | LineError:
    """Return a line's JSON object, or what is wrong with it."""
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return LineError(file, number, None, f"is not UTF-8: {error.reason} at byte {error.start}")
    except (json.JSONDecodeError, RecursionError) as error:
        return LineError(file, number, None, f"is not JSON: {error}")
    if not isinstance(row, dict):
        return LineError(file, number, None, f"is no JSON object but {type(row).__name__}")
    return row


def read_withheld_url(row: Mapping[str, Any]) -> str:
    """Return the canonical URL of a line, or its URL as it is if it is invalid."""
    try:
        return parse_url_field(row, "url")
    except FieldError:
        return str(row.get("url"))


def import_release(
    archive: Archive, prepared: PreparedRelease, imported_at: datetime, parser_version: str, result: ImportResult
) -> None:
    """Save a release, or count why it is not saved."""
    release = prepared.release
    stored = archive.db.execute("select id, agency from releases where url = ?", [release.url]).fetchone()
    stored = stored or find_moved_release(archive, release.url)
    if stored is None:
        archive.save(release, seen_at=imported_at, cause="import", parser_version=parser_version, prepared=prepared)
        schedule_first_check(archive, release, imported_at)
        result.new += 1
        result.without_body += not release.body
        return
    key, agency = stored
    if agency != release.agency:
        raise FieldError("url", f"{release.url} is held as a release of {agency}")
    states = archive.db.execute("select cause, hash from revisions where release = ?", [key]).fetchall()
    if any(known_hash == prepared.hash for _, known_hash in states):
        result.unchanged += 1
    elif any(cause != "import" for cause, _ in states):
        result.already_crawled += 1
    elif (
        archive.save(release, seen_at=imported_at, cause="import", parser_version=parser_version, prepared=prepared)
        is SaveResult.UNCHANGED
    ):
        result.unchanged += 1
    else:
        result.revised += 1
        result.without_body += not release.body


def find_moved_release(archive: Archive, url: str) -> tuple[int, str] | None:
    """Return id and agency of the release that has moved from a URL, or None."""
    found: tuple[int, str] | None = archive.db.execute(
        "select r.id, r.agency from frontier f join releases r on r.id = f.release where f.url = ?", [url]
    ).fetchone()
    return found


def schedule_first_check(archive: Archive, release: Release, imported_at: datetime) -> None:
    """Mark a release's URL as stored in the frontier, and schedule its first check.

    The day depends on the URL, so that the checks of many releases are spread out.
    """
    release_id = archive.find_release_id(release.url)
    assert release_id is not None  # noqa: S101 - saved a line above
    archive.db.execute(
        "insert or ignore into frontier (url, agency, role, state, first_seen, release)"
        " values (?, ?, 'release', 'stored', ?, ?)",
        [release.url, release.agency, to_iso(imported_at), release_id],
    )
    archive.set_next_check(
        release_id,
        imported_at + FIRST_CHECK_AFTER + timedelta(days=zlib.crc32(release.url.encode()) % CHECK_SPREAD_DAYS),
    )


def record_withheld_line(archive: Archive, line: WithheldLine, result: ImportResult) -> None:
    """Count a withheld line, and note the release if it is stored here."""
    result.withheld += 1
    key = archive.find_release_id(line.url)
    if key is not None:
        result.withheld_elsewhere.append(key)
