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

from archive.database import ArchiveError, in_order, open_readonly
from archive.dates import to_text
from archive.importer.records import FieldError, read_url, to_release
from archive.models import Release
from archive.redaction import KINDS
from archive.store import Archive, Outcome, Prepared, prepare

GZIP = b"\x1f\x8b"
LONGEST = 20_000_000  # bytes of one line
Line = tuple[int, "bytes | LineError"]


class LineError(ArchiveError):
    """A line of another collection that cannot be taken over: names file, line and field."""

    def __init__(self, file: Path | str, line: int, field: str | None, problem: str) -> None:
        self.told = file, line, field, problem
        self.line, self.field = line, field
        super().__init__(file, problem, table=f"line {line}", key=field)

    def __reduce__(self) -> tuple[type[LineError], tuple[Path | str, int, str | None, str]]:
        """From one process to another."""
        return LineError, self.told


def read_lines(file: Path, watch: Callable[[int, int], None] | None = None) -> Iterator[Line]:
    """Number and bytes of each line; the error in their place where they are too many. Blank lines are left out.

    ArchiveError where the file ends in the middle or is no such file; OSError where it cannot be opened.
    `watch` is told how many bytes of how many are read.
    """
    size = file.stat().st_size
    with file.open("rb") as raw:
        packed = raw.read(len(GZIP)) == GZIP
        raw.seek(0)
        stream: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
        with closing(stream):
            for number, line in enumerate(cut(file, stream), 1):
                if len(line) > LONGEST:
                    yield number, LineError(file, number, None, f"is longer than {LONGEST} bytes")
                elif line.strip():
                    yield number, line
                if watch and number % 100 == 0:
                    watch(raw.tell(), size)


def cut(file: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """A stream's lines; of one that is longer than LONGEST only so much that it shows."""
    number = 0
    try:
        while line := stream.readline(LONGEST + 1):
            number += 1
            yield line
            while len(line) > LONGEST and not line.endswith(b"\n"):  # the rest of it, piece by piece
                line = stream.readline(LONGEST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ArchiveError(file, f"cannot be unpacked after line {number}: {error}") from error


def read_line(file: Path, number: int, line: bytes) -> dict[str, Any] | LineError:
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


BATCH = 200  # lines a transaction
REST = timedelta(days=1)  # before the first of them is looked at
SPREAD = 90  # days over which they are then looked at, so that no site is asked for all at once
ImportProgress = Callable[[str, int, int], None]


@dataclass(slots=True, kw_only=True)
class Import:
    """What came of a file. Every line is in one of new, revised, unchanged, standing, withheld, errors."""

    lines: int = 0  # those that are not blank
    new: int = 0
    revised: int = 0  # taken over before and different now
    unchanged: int = 0  # held already, as it is in the file
    standing: int = 0  # read from the agency's own page otherwise, and left so
    withheld: int = 0  # hidden or redacted by the archive they come from: left out
    covered: list[int] = field(default_factory=list)  # releases held here that such lines are of
    textless: int = 0  # of new and revised: those with a title and no more
    left: Counter[str] = field(default_factory=Counter)  # fields that the archive has no place for, by lines
    errors: list[LineError] = field(default_factory=list)
    stopped: bool = False  # before its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A line's release, ready to be saved, and the fields of the line that have no place in it."""

    prepared: Prepared
    left: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A line whose text another archive has taken down, and put marks in its place."""

    url: str


def import_file(
    archive: Archive,
    file: Path,
    agency: str,
    seen: datetime,
    watch: ImportProgress | None = None,
    *,
    processes: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Import:
    """Take over a file's releases of one agency, which must be held already, at the moment `seen`.

    `processes` beside this one read the lines and look up their words; this one writes, in the file's order, until
    it is told to `stop`.
    ArchiveError where the agency is not held, or the file ends in the middle; what came before that is kept.
    """
    found = archive.db.execute("select 1 from agencies where slug = ?", [agency]).fetchone()
    if not found:
        known = ", ".join(row[0] for row in archive.db.execute("select slug from agencies order by 1"))
        raise ArchiveError(archive.path, f"is not held; held are: {known or 'none'}", table="agencies", key=agency)
    done, reader = Import(), f"import/{file.name}"

    def told(read: int, size: int) -> None:
        if watch:
            watch(file.name, read, size)

    batches = to_batches(read_lines(file, told))
    work = partial(prepare_lines, file, agency, archive.path)
    with closing(in_order(batches, work, send=list, processes=processes)) as ready:
        for _, lines in ready:
            if lines and stop():
                done.stopped = True
                break
            with archive.bulk():
                for number, line in lines:
                    done.lines += 1
                    try:
                        if isinstance(line, LineError):
                            raise line
                        if isinstance(line, Withheld):
                            leave_out(archive, line, done)
                            continue
                        take_over(archive, line.prepared, seen, reader, done)
                    except LineError as error:
                        done.errors.append(error)
                    except FieldError as error:
                        done.errors.append(LineError(file, number, error.field, str(error)))
                    else:
                        done.left.update(line.left)
    return done


def prepare_lines(
    file: Path, agency: str, archive: Path, batch: list[Line]
) -> list[tuple[int, Ready | Withheld | LineError]]:
    """Each line as a release ready to be saved, or what is wrong with it; nothing is written."""
    with closing(open_readonly(archive)) as held:
        return [(number, prepare_line(file, agency, held, number, line)) for number, line in batch]


def prepare_line(
    file: Path, agency: str, held: sqlite3.Connection, number: int, line: bytes | LineError
) -> Ready | Withheld | LineError:
    """One of them. The words of what is held already are looked up only once they turn out to differ."""
    row = line if isinstance(line, LineError) else read_line(file, number, line)
    if isinstance(row, LineError):
        return row
    if row.get("withheld") in KINDS.values():
        return Withheld(url=to_held(row))
    try:
        release, left = to_release(row, agency)
    except FieldError as error:
        return LineError(file, number, error.field, str(error))
    known = held.execute("select 1 from releases where url = ?", [release.url]).fetchone()
    return Ready(prepared=prepare(release, words=known is None), left=left)


def to_held(row: Mapping[str, Any]) -> str:
    """The address a line's release would be held under; as the line has it where that is none."""
    try:
        return read_url(row, "url")
    except FieldError:
        return str(row.get("url"))


def to_batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """Lines by the transaction; what came before a broken end is handed on before the error is."""
    batch: list[Line] = []
    try:
        for line in lines:
            batch.append(line)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except ArchiveError:
        yield batch
        raise
    yield batch


def take_over(archive: Archive, prepared: Prepared, seen: datetime, reader: str, done: Import) -> None:
    """Keep one release, or count why it is not kept."""
    release = prepared.release
    held = archive.db.execute("select id, agency from releases where url = ?", [release.url]).fetchone()
    held = held or find_renamed(archive, release.url)
    if held is None:
        archive.save(release, seen=seen, cause="import", reader=reader, prepared=prepared)
        settle(archive, release, seen)
        done.new += 1
        done.textless += not release.body
        return
    key, agency = held
    if agency != release.agency:
        raise FieldError("url", f"{release.url} is held as a release of {agency}")
    states = archive.db.execute("select cause, hash from revisions where release = ?", [key]).fetchall()
    if any(known == prepared.hash for _, known in states):
        done.unchanged += 1
    elif any(cause != "import" for cause, _ in states):
        done.standing += 1
    elif archive.save(release, seen=seen, cause="import", reader=reader, prepared=prepared) is Outcome.UNCHANGED:
        done.unchanged += 1
    else:
        done.revised += 1
        done.textless += not release.body


def leave_out(archive: Archive, line: Withheld, done: Import) -> None:
    """Count a line that another archive has taken down, and note whether the release is held here."""
    done.withheld += 1
    key = archive.release_id(line.url)
    if key is not None:
        done.covered.append(key)


def find_renamed(archive: Archive, url: str) -> tuple[int, str] | None:
    """The release that once stood at an address and stands at another now: its id and agency."""
    found: tuple[int, str] | None = archive.db.execute(
        "select r.id, r.agency from frontier f join releases r on r.id = f.release where f.url = ?", [url]
    ).fetchone()
    return found


def settle(archive: Archive, release: Release, seen: datetime) -> None:
    """The crawl takes a new one for held, and looks at it by and by: on a day that its address gives."""
    key = archive.release_id(release.url)
    assert key is not None  # noqa: S101 - saved a line above
    archive.db.execute(
        "insert or ignore into frontier (url, agency, role, state, first_seen, release)"
        " values (?, ?, 'release', 'held', ?, ?)",
        [release.url, release.agency, to_text(seen), key],
    )
    archive.postpone(key, seen + REST + timedelta(days=zlib.crc32(release.url.encode()) % SPREAD))
