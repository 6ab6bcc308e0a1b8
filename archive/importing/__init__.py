"""Takes over what another collection holds: `python -m archive import FILE.jsonl[.gz] --agency SLUG`.

Its releases are kept with the cause `import`. They are neither new nor edited: no feed and no register tells of
them. A second run over the same file changes nothing. What the archive has read from the agency's own page stands:
another collection's text is never put over it. FORMAT.md tells what a line holds.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from archive.errors import ArchiveError
from archive.importing.lines import Line, LineError, read_lines
from archive.importing.rows import FieldError, to_release
from archive.records import Release
from archive.state import state_hash, to_state
from archive.store import Archive
from archive.times import to_text

BATCH = 200  # lines a transaction
REST = timedelta(days=1)  # before the first of them is looked at
SPREAD = 90  # days over which they are then looked at, so that no site is asked for all at once

Watch = Callable[[str, int, int], None]


@dataclass(slots=True, kw_only=True)
class Import:
    """What came of a file. Every line is in one of new, revised, unchanged, standing, errors."""

    lines: int = 0  # those that are not blank
    new: int = 0
    revised: int = 0  # taken over before and different now
    unchanged: int = 0  # held already, as it is in the file
    standing: int = 0  # read from the agency's own page otherwise, and left so
    textless: int = 0  # of new and revised: those with a title and no more
    left: Counter[str] = field(default_factory=Counter)  # fields that the archive has no place for, by lines
    errors: list[LineError] = field(default_factory=list)


def import_file(archive: Archive, file: Path, agency: str, seen: datetime, watch: Watch | None = None) -> Import:
    """Take over a file's releases of one agency, which must be held already, at the moment `seen`.

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

    for batch in to_batches(read_lines(file, told)):
        with archive.transaction():
            for number, row in batch:
                done.lines += 1
                try:
                    if isinstance(row, LineError):
                        raise row
                    release, left = to_release(row, agency)
                    take_over(archive, release, seen, reader, done)
                except LineError as error:
                    done.errors.append(error)
                except FieldError as error:
                    done.errors.append(LineError(file, number, error.field, str(error)))
                else:
                    done.left.update(left)
    return done


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


def take_over(archive: Archive, release: Release, seen: datetime, reader: str, done: Import) -> None:
    """Keep one release, or count why it is not kept."""
    held = archive.db.execute("select id, agency from releases where url = ?", [release.url]).fetchone()
    held = held or find_renamed(archive, release.url)
    if held is None:
        archive.save(release, seen=seen, cause="import", reader=reader)
        settle(archive, release, seen)
        done.new += 1
        done.textless += not release.body
        return
    key, agency = held
    if agency != release.agency:
        raise FieldError("url", f"{release.url} is held as a release of {agency}")
    digest = state_hash(to_state(release))
    states = archive.db.execute("select cause, hash from revisions where release = ?", [key]).fetchall()
    if any(known == digest for _, known in states):
        done.unchanged += 1
    elif any(cause != "import" for cause, _ in states):
        done.standing += 1
    else:
        archive.save(release, seen=seen, cause="import", reader=reader)
        done.revised += 1
        done.textless += not release.body


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
