"""JSON Lines import, parallel preparation.

Reads a JSON Lines file, packed or not, line by line; what cannot be read names its line and field.

Takes over what another collection holds: `python -m archive import FILE.jsonl[.gz] --agency SLUG`.

Its releases are kept with the cause `import`. They are neither new nor edited: no feed and no register tells of
them. A second run over the same file changes nothing. What the archive has read from the agency's own page stands:
another collection's text is never put over it. FORMAT.md tells what a line holds.
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

from archive.database import ArchiveError, map_in_order, open_readonly
from archive.dates import to_iso
from archive.importer.records import FieldError, parse_release, parse_url_field
from archive.models import Release
from archive.redaction import TAKEDOWN_KINDS
from archive.store import Archive, PreparedRelease, SaveResult, prepare_release

GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 20_000_000  # bytes of one line
NumberedLine = tuple[int, "bytes | LineError"]


class LineError(ArchiveError):
    """A line of another collection that cannot be taken over: names file, line and field."""

    def __init__(self, file: Path | str, line: int, field: str | None, problem: str) -> None:
        self.arguments = file, line, field, problem
        self.line, self.field = line, field
        super().__init__(file, problem, table=f"line {line}", key=field)

    def __reduce__(self) -> tuple[type[LineError], tuple[Path | str, int, str | None, str]]:
        """From one process to another."""
        return LineError, self.arguments


def iter_import_lines(file: Path, progress: Callable[[int, int], None] | None = None) -> Iterator[NumberedLine]:
    """Number and bytes of each line; the error in their place where they are too many. Blank lines are left out.

    ArchiveError where the file ends in the middle or is no such file; OSError where it cannot be opened.
    `watch` is told how many bytes of how many are read.
    """
    size = file.stat().st_size
    with file.open("rb") as raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        stream: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
        with closing(stream):
            for number, line in enumerate(iter_raw_lines(file, stream), 1):
                if len(line) > MAX_LINE_BYTES:
                    yield number, LineError(file, number, None, f"is longer than {MAX_LINE_BYTES} bytes")
                elif line.strip():
                    yield number, line
                if progress and number % 100 == 0:
                    progress(raw.tell(), size)


def iter_raw_lines(file: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """A stream's lines; of one that is longer than LONGEST only so much that it shows."""
    number = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            yield line
            while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):  # the rest of it, piece by piece
                line = stream.readline(MAX_LINE_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ArchiveError(file, f"cannot be unpacked after line {number}: {error}") from error


def parse_line(file: Path, number: int, line: bytes) -> dict[str, Any] | LineError:
    """One line's object."""
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return LineError(file, number, None, f"is not UTF-8: {error.reason} at byte {error.start}")
    except (json.JSONDecodeError, RecursionError) as error:
        return LineError(file, number, None, f"is not JSON: {error}")
    if not isinstance(row, dict):
        return LineError(file, number, None, f"is no JSON object but {type(row).__name__}")
    return row


LINES_PER_TRANSACTION = 200  # lines a transaction
FIRST_CHECK_AFTER = timedelta(days=1)  # before the first of them is looked at
CHECK_SPREAD_DAYS = 90  # days over which they are then looked at, so that no site is asked for all at once
ImportProgress = Callable[[str, int, int], None]


@dataclass(slots=True, kw_only=True)
class ImportResult:
    """What came of a file. Every line is in one of new, revised, unchanged, standing, withheld, errors."""

    lines: int = 0  # those that are not blank
    new: int = 0
    revised: int = 0  # taken over before and different now
    unchanged: int = 0  # held already, as it is in the file
    already_crawled: int = 0  # read from the agency's own page otherwise, and left so
    withheld: int = 0  # hidden or redacted by the archive they come from: left out
    withheld_elsewhere: list[int] = field(default_factory=list)  # releases held here that such lines are of
    without_body: int = 0  # of new and revised: those with a title and no more
    unknown_fields: Counter[str] = field(default_factory=Counter)  # fields that the archive has no place for, by lines
    errors: list[LineError] = field(default_factory=list)
    stopped: bool = False  # before its end


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedLine:
    """A line's release, ready to be saved, and the fields of the line that have no place in it."""

    prepared: PreparedRelease
    unknown_fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldLine:
    """A line whose text another archive has taken down, and put marks in its place."""

    url: str


def import_file(
    archive: Archive,
    file: Path,
    agency: str,
    imported_at: datetime,
    progress: ImportProgress | None = None,
    *,
    processes: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> ImportResult:
    """Take over a file's releases of one agency, which must be held already, at the moment `seen`.

    `processes` beside this one read the lines and look up their words; this one writes, in the file's order, until
    it is told to `stop`.
    ArchiveError where the agency is not held, or the file ends in the middle; what came before that is kept.
    """
    found = archive.db.execute("select 1 from agencies where slug = ?", [agency]).fetchone()
    if not found:
        known = ", ".join(row[0] for row in archive.db.execute("select slug from agencies order by 1"))
        raise ArchiveError(archive.path, f"is not held; held are: {known or 'none'}", table="agencies", key=agency)
    done, reader = ImportResult(), f"import/{file.name}"

    def told(read: int, size: int) -> None:
        if progress:
            progress(file.name, read, size)

    batches = batch_lines(iter_import_lines(file, told))
    work = partial(prepare_lines, file, agency, archive.path)
    with closing(map_in_order(batches, work, to_payload=list, processes=processes)) as ready:
        for _, lines in ready:
            if lines and should_stop():
                done.stopped = True
                break
            with archive.bulk():
                for number, line in lines:
                    done.lines += 1
                    try:
                        if isinstance(line, LineError):
                            raise line
                        if isinstance(line, WithheldLine):
                            record_withheld_line(archive, line, done)
                            continue
                        import_release(archive, line.prepared, imported_at, reader, done)
                    except LineError as error:
                        done.errors.append(error)
                    except FieldError as error:
                        done.errors.append(LineError(file, number, error.field, str(error)))
                    else:
                        done.unknown_fields.update(line.unknown_fields)
    return done


def prepare_lines(
    file: Path, agency: str, archive: Path, batch: list[NumberedLine]
) -> list[tuple[int, PreparedLine | WithheldLine | LineError]]:
    """Each line as a release ready to be saved, or what is wrong with it; nothing is written."""
    with closing(open_readonly(archive)) as held:
        return [(number, prepare_line(file, agency, held, number, line)) for number, line in batch]


def prepare_line(
    file: Path, agency: str, archive_db: sqlite3.Connection, number: int, line: bytes | LineError
) -> PreparedLine | WithheldLine | LineError:
    """One of them. The words of what is held already are looked up only once they turn out to differ."""
    row = line if isinstance(line, LineError) else parse_line(file, number, line)
    if isinstance(row, LineError):
        return row
    if row.get("takedown") in TAKEDOWN_KINDS.values():
        return WithheldLine(url=read_withheld_url(row))
    try:
        release, left = parse_release(row, agency)
    except FieldError as error:
        return LineError(file, number, error.field, str(error))
    known = archive_db.execute("select 1 from releases where url = ?", [release.url]).fetchone()
    return PreparedLine(prepared=prepare_release(release, with_features=known is None), unknown_fields=left)


def read_withheld_url(row: Mapping[str, Any]) -> str:
    """The address a line's release would be held under; as the line has it where that is none."""
    try:
        return parse_url_field(row, "url")
    except FieldError:
        return str(row.get("url"))


def batch_lines(lines: Iterator[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """Lines by the transaction; what came before a broken end is handed on before the error is."""
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


def import_release(
    archive: Archive, prepared: PreparedRelease, imported_at: datetime, reader: str, result: ImportResult
) -> None:
    """Keep one release, or count why it is not kept."""
    release = prepared.release
    held = archive.db.execute("select id, agency from releases where url = ?", [release.url]).fetchone()
    held = held or find_moved_release(archive, release.url)
    if held is None:
        archive.save(release, seen_at=imported_at, cause="import", parser_version=reader, prepared=prepared)
        schedule_first_check(archive, release, imported_at)
        result.new += 1
        result.without_body += not release.body
        return
    key, agency = held
    if agency != release.agency:
        raise FieldError("url", f"{release.url} is held as a release of {agency}")
    states = archive.db.execute("select cause, hash from revisions where release = ?", [key]).fetchall()
    if any(known == prepared.hash for _, known in states):
        result.unchanged += 1
    elif any(cause != "import" for cause, _ in states):
        result.already_crawled += 1
    elif (
        archive.save(release, seen_at=imported_at, cause="import", parser_version=reader, prepared=prepared)
        is SaveResult.UNCHANGED
    ):
        result.unchanged += 1
    else:
        result.revised += 1
        result.without_body += not release.body


def record_withheld_line(archive: Archive, line: WithheldLine, result: ImportResult) -> None:
    """Count a line that another archive has taken down, and note whether the release is held here."""
    result.withheld += 1
    key = archive.find_release_id(line.url)
    if key is not None:
        result.withheld_elsewhere.append(key)


def find_moved_release(archive: Archive, url: str) -> tuple[int, str] | None:
    """The release that once stood at an address and stands at another now: its id and agency."""
    found: tuple[int, str] | None = archive.db.execute(
        "select r.id, r.agency from frontier f join releases r on r.id = f.release where f.url = ?", [url]
    ).fetchone()
    return found


def schedule_first_check(archive: Archive, release: Release, imported_at: datetime) -> None:
    """The crawl takes a new one for held, and looks at it by and by: on a day that its address gives."""
    key = archive.find_release_id(release.url)
    assert key is not None  # noqa: S101 - saved a line above
    archive.db.execute(
        "insert or ignore into frontier (url, agency, role, state, first_seen, release)"
        " values (?, ?, 'release', 'stored', ?, ?)",
        [release.url, release.agency, to_iso(imported_at), key],
    )
    archive.set_next_check(
        key, imported_at + FIRST_CHECK_AFTER + timedelta(days=zlib.crc32(release.url.encode()) % CHECK_SPREAD_DAYS)
    )
