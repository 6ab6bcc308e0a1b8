"""Imports another collection: `python -m archive import FILE.jsonl[.gz] --agency SLUG`.

Imported releases are stored with the cause `import`. They do not count as new or edited in feeds
and lists of edits. Importing a file again changes nothing. A text that the archive has read from
the agency's own page is never replaced. archive.store.collection_readings describes how readings of
collections are stored.
"""

from __future__ import annotations

import codecs
import difflib
import gzip
import sqlite3
import tomllib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, cast
from urllib.parse import urlsplit

from archive.database.captures import Captures
from archive.database.models import Release
from archive.database.redaction import TAKEDOWN_KINDS
from archive.database.sqlite_files import (
    ArchiveError,
    ProgressCallback,
    map_in_order,
    open_readonly,
    relieve_garbage_collector,
)
from archive.store.collection_readings import Collection, add_collection, save_reading
from archive.store.import_lines import (
    FieldError,
    parse_line,
    parse_reading_time,
    parse_release,
    parse_url_field,
    shorten_message,
)
from archive.store.releases import Archive, PreparedRelease, SaveResult, prepare_release
from archive.times import to_iso
from archive.urls import strip_www

# Reading the file
GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 20_000_000  # per line

# Writing
LINES_PER_TRANSACTION = 200
# of lines in a transaction, so that long lines need little memory and progress is seen
MAX_BATCH_BYTES = 4_000_000
FIRST_CHECK_AFTER = timedelta(days=1)  # until the first checks of imported releases
# the first checks are spread over these days, so that no site gets them all at once
CHECK_SPREAD_DAYS = 90
AGENCY_FIELDS = ("name", "name_en", "org_number", "home")  # columns set from agencies.toml

IS_FILLED_SQL = (
    "select exists (select 1 from releases) or exists (select 1 from crawls) or exists (select"
    " 1 from frontier)"
)
STORED_RELEASE_SQL = (  # also finds a release by a URL that it has moved from
    "select id, agency from releases where id ="
    " coalesce((select id from releases where url = :url),"
    " (select release from frontier where url = :url))"
)

NumberedLine = tuple[int, "bytes | FieldError"]
Outcome = Literal["new", "revised", "unchanged", "already_crawled", "withheld"]
OUTCOMES: dict[SaveResult | None, Outcome] = {
    SaveResult.NEW: "new",
    SaveResult.REVISED: "revised",
    SaveResult.UNCHANGED: "unchanged",
    None: "already_crawled",
}


class LineError(ArchiveError):
    """A line that cannot be imported. The message names the file, the line and the field."""

    def __init__(self, file: Path, line: int, error: FieldError) -> None:
        self.line, self.field = line, error.field
        key = error.field and shorten_message(error.field)
        super().__init__(file, shorten_message(error.problem), table=f"line {line}", key=key)


@dataclass(slots=True, kw_only=True)
class ImportResult:
    """The result of an import, as counts of lines.

    Each line counts as new, revised, unchanged, already_crawled or withheld, or is in `errors`.
    Lines of a transaction that was rolled back are not counted.
    """

    lines: int = 0  # without blank lines
    new: int = 0
    revised: int = 0  # imported before, but different now
    unchanged: int = 0  # already stored with the same content
    # of an unknown time, and different on the agency's own page, so left out
    already_crawled: int = 0
    undated: int = 0  # lines that do not say when the collection read them
    withheld: int = 0  # hidden or redacted by the archive they come from, and left out
    # ids of stored releases that the other archive has withheld since
    withheld_elsewhere: list[int] = field(default_factory=list)
    without_body: int = 0  # new and revised lines without a body
    unknown_fields: Counter[str] = field(default_factory=Counter)  # field → number of lines
    # (host that is not the agency's, slug of the agency that it belongs to, or "") → numbers of the
    # lines
    foreign_hosts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    errors: list[LineError] = field(default_factory=list)
    last_line: int = 0  # the number of the last line that is stored or reported
    stopped: bool = False  # whether `should_stop` ended the import before the end of the file
    failure: ArchiveError | None = None  # what else ended it


# a line's release, when the collection read it and the names of its fields that are not imported;
# or the URL of a release whose text was taken down by the archive that it comes from; or an error
PreparedLine = tuple[PreparedRelease, datetime | date | None, list[str]] | str | FieldError


def import_file(
    archive: Archive,
    file: Path,
    agency: str,
    imported_at: datetime,
    progress: ProgressCallback | None = None,
    *,
    source: str | None = None,
    source_url: str | None = None,
    seen: datetime | date | None = None,
    host_owners: Mapping[str, str] | None = None,
    processes: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
    report_error: Callable[[LineError], None] = lambda _: None,
) -> ImportResult:
    """Import a file with releases of one stored agency.

    Raises ArchiveError if the agency is not stored. If the import ends early for any other reason
    (for example, if the file is truncated or the disk is full), the error is in the result's
    `failure`, and the lines that were already saved are kept.

    source: the collection to which the file belongs. By default, the file is a collection of its
        own.
    seen: when the collection read the releases. It is used for lines that do not state a time.
    host_owners: a map from each host (without www) to the slug of its agency. Releases on a host of
        another agency are imported, but listed in the result.
    processes: the number of other processes that parse lines and analyse text. This process saves
        the lines, in their order in the file.
    should_stop: called before each transaction. If it returns True, the import ends.
    report_error: called with each error, after the transaction.
    """
    agencies = [slug for (slug,) in archive.db.execute("select slug from agencies order by 1")]
    if agency not in agencies:
        problem = f"is not stored; stored agencies: {', '.join(agencies) or 'none'}"
        raise ArchiveError(archive.path, problem, table="agencies", key=agency)
    relieve_garbage_collector()
    result, prepare = ImportResult(), partial(prepare_lines, agency, archive.path, seen)
    collection = add_collection(archive, source or file.name, source_url)
    save = partial(_import_release, archive, collection, imported_at)
    batches = _batch_lines(iter_import_lines(file, progress))
    try:
        with closing(
            map_in_order(
                batches,
                prepare,
                to_payload=list,
                processes=processes,
            )
        ) as prepared_batches:
            for _, lines in prepared_batches:
                if lines and should_stop():
                    result.stopped = True
                    break
                for (number, line), outcome in zip(
                    lines, _save_batch(archive, lines, save), strict=True
                ):
                    result.lines += 1
                    result.last_line = number
                    if isinstance(outcome, FieldError):
                        result.errors.append(LineError(file, number, outcome))
                        report_error(result.errors[-1])
                    else:
                        _count_line(archive, result, (number, line), outcome, host_owners)
    except ArchiveError as error:
        result.failure = error
    except (sqlite3.Error, OSError) as error:
        result.failure = ArchiveError(archive.path, f"the import ended early: {error}")
    return result


def _save_batch(
    archive: Archive,
    lines: Sequence[tuple[int, PreparedLine]],
    save: Callable[[PreparedLine], Outcome | FieldError],
) -> list[Outcome | FieldError]:
    """Save lines in one transaction, and return the outcome of each line.

    If one of them cannot be saved, each line is saved in a transaction of its own. Raises
    sqlite3.Error if no line can be saved, for example because the disk is full.
    """
    try:
        with archive.bulk():
            return [save(line) for _, line in lines]
    except (ArchiveError, sqlite3.IntegrityError, sqlite3.DataError, ValueError) as error:
        if len(lines) == 1:
            return [FieldError(None, f"cannot be saved: {error}")]
    return [outcome for line in lines for outcome in _save_batch(archive, [line], save)]


def _count_line(
    archive: Archive,
    result: ImportResult,
    numbered: tuple[int, PreparedLine],
    outcome: Outcome,
    host_owners: Mapping[str, str] | None,
) -> None:
    """Add a saved or withheld line to the counts and lists of the result."""
    number, line = numbered
    setattr(result, outcome, getattr(result, outcome) + 1)
    if not isinstance(line, tuple):
        if release_id := archive.find_release_id(str(line)):
            result.withheld_elsewhere.append(release_id)
        return
    release, seen, unknown_fields = line[0].release, *line[1:]
    result.undated += seen is None
    result.without_body += outcome in ("new", "revised") and not release.body
    result.unknown_fields.update(unknown_fields)
    host = strip_www(urlsplit(release.url).hostname or "")
    owner = release.agency if host_owners is None else _find_host_owner(host, host_owners)
    if owner != release.agency:
        result.foreign_hosts.setdefault((host, owner), []).append(number)


def _find_host_owner(host: str, host_owners: Mapping[str, str]) -> str:
    """Return the slug of the agency that owns a host or one of its parent domains.

    Returns "" if no such agency is known.

    >>> owners = {"fyr.example": "fyr"}
    >>> _find_host_owner("press.fyr.example", owners), _find_host_owner("a.example", {})
    ('fyr', '')
    """
    while host and host not in host_owners:
        host = host.partition(".")[2]
    return host_owners.get(host, "")


def iter_import_lines(
    file: Path, progress: ProgressCallback | None = None
) -> Iterator[NumberedLine]:
    """Yield the number and the bytes of each non-blank line.

    If a line is too long, a FieldError is yielded instead of its bytes. Raises ArchiveError if the
    file cannot be unpacked, and OSError if it cannot be opened.

    progress: called with the file's name, the number of bytes read and the size of the file.
    """
    size, number = file.stat().st_size, 0
    with file.open("rb") as raw:
        is_gzip = raw.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_gzip else raw
        try:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    line = _skip_rest_of_line(stream, line)
                    yield number, FieldError(None, f"is longer than {MAX_LINE_BYTES} bytes")
                elif line.removeprefix(codecs.BOM_UTF8).strip():
                    yield number, line
                if progress and (number % 100 == 0 or len(line) > MAX_BATCH_BYTES // 10):
                    progress(file.name, raw.tell(), size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ArchiveError(file, f"cannot be unpacked after line {number}: {error}") from error


def _skip_rest_of_line(stream: IO[bytes], line: bytes) -> bytes:
    """Read the rest of a line, and return its last piece (b"" at the end of the file).

    line: the piece that was already read.
    """
    while line and not line.endswith(b"\n"):
        line = stream.readline(MAX_LINE_BYTES)
    return line


def _batch_lines(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """Yield lines in batches, one for each transaction.

    If the file cannot be unpacked to its end, the lines read so far are yielded before the error is
    raised.
    """
    batch: list[NumberedLine] = []
    size = 0
    try:
        for line in lines:
            batch.append(line)
            size += len(line[1]) if isinstance(line[1], bytes) else 0
            if len(batch) == LINES_PER_TRANSACTION or size > MAX_BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except ArchiveError:
        yield batch
        raise
    yield batch


def prepare_lines(
    agency: str, archive: Path, seen: datetime | date | None, batch: list[NumberedLine]
) -> list[tuple[int, PreparedLine]]:
    prepared: list[tuple[int, PreparedLine]] = []
    with closing(open_readonly(archive)) as archive_db:
        for number, line in batch:
            try:
                if isinstance(line, FieldError):
                    raise line
                row = parse_line(line)
                prepared.append((number, _prepare_line(agency, archive_db, seen, row)))
            except FieldError as error:
                prepared.append((number, error))
            except (ValueError, RecursionError) as error:  # one line never ends the import
                prepared.append((number, FieldError(None, f"cannot be read: {error}")))
    return prepared


def _prepare_line(
    agency: str,
    archive_db: sqlite3.Connection,
    seen: datetime | date | None,
    row: Mapping[str, Any],
) -> PreparedLine:
    """Parse the release in a line. If its URL is not stored yet, its text is also analysed.

    Returns the prepared release, the time when the collection read it, and the names of the fields
    that are not imported. If the archive from which the line comes has taken the release down, only
    the release's URL is returned.
    """
    if row.get("takedown") in TAKEDOWN_KINDS.values():
        try:
            return parse_url_field(row, "url")
        except FieldError:
            return ""
    release, unknown_fields = parse_release(row, agency)
    is_new = (
        archive_db.execute("select 1 from releases where url = ?", [release.url]).fetchone() is None
    )
    seen = parse_reading_time(row) or seen
    return prepare_release(release, with_features=is_new), seen, unknown_fields


def _import_release(
    archive: Archive, collection: Collection, imported_at: datetime, line: PreparedLine
) -> Outcome | FieldError:
    """Save the release in a line. Return the outcome, or an error if the release cannot be
    accepted.
    """
    if isinstance(line, str):
        return "withheld"
    if isinstance(line, FieldError):
        return line
    prepared, seen, _ = line
    release = prepared.release
    stored = archive.db.execute(STORED_RELEASE_SQL, {"url": release.url}).fetchone()
    release_id, agency = stored or (None, release.agency)
    if agency != release.agency:
        return FieldError("url", f"{release.url} is stored as a release of {agency}")
    # a day more, because days have no time zone
    if str(seen or "")[:10] > str(imported_at + timedelta(days=1))[:10]:
        return FieldError("seen", f"{seen} has not come yet")
    saved = save_reading(archive, prepared, collection, seen, imported_at, release_id=release_id)
    if saved is SaveResult.NEW:
        schedule_first_check(archive, release, imported_at)
    return OUTCOMES[saved]


def schedule_first_check(archive: Archive, release: Release, imported_at: datetime) -> int:
    """Mark a release's URL as stored in the frontier, and schedule the release's first check.

    Returns the id of the release. The day of the check depends on the URL, so that the checks of
    many releases are spread out.
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
    return release_id


# Other functions of the command


@contextmanager
def open_or_create_archive(path: Path) -> Iterator[Archive]:
    """Open an archive for the `with` block. If it does not exist, it is created first.

    If the archive was created and is still empty at the end of the block, it is deleted.
    """
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
    """Store an agency from agencies.toml, unless it is already stored.

    Raises ArchiveError if the agency is neither stored nor in agencies.toml.
    """
    stored = {row[0] for row in archive.db.execute("select slug from agencies")}
    if slug in stored:
        return
    listed = _read_agencies_file(agencies_file)
    facts = listed.get(slug)
    if not isinstance(facts, dict) or not {"name", "home"} <= facts.keys():
        near = difflib.get_close_matches(slug, stored | listed.keys(), n=3)
        hint = f"; perhaps {', '.join(near)}" if near else ""
        problem = f"is neither stored nor in {agencies_file}{hint}"
        raise ArchiveError(archive.path, problem, table="agencies", key=slug)
    archive.add_agency(slug, **{name: facts[name] for name in AGENCY_FIELDS if name in facts})


def find_host_owners(archive: Archive, agencies_file: Path) -> dict[str, str]:
    """Return a map from each host (without www) to the slug of its agency.

    The map contains the hosts of both the stored agencies and the agencies in agencies.toml.
    """
    owners: dict[str, str] = {}
    stored = {
        slug: {"home": home} for slug, home in archive.db.execute("select slug, home from agencies")
    }
    for slug, facts in (*_read_agencies_file(agencies_file).items(), *stored.items()):
        home = urlsplit(str(facts.get("home", ""))).hostname or ""
        owners |= {strip_www(host): slug for host in (home, *facts.get("aliases", ())) if host}
    return owners


def _read_agencies_file(path: Path) -> dict[str, Any]:
    """Return a map from slugs to the tables of agencies.toml. It is empty if there is no such
    file.
    """
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ArchiveError(path, f"is not TOML: {error}") from error


def format_import_report(file: Path, result: ImportResult) -> Iterator[str]:
    """Yield the lines of a summary in which every line of the file is counted."""
    yield (
        f"{file}: {result.lines} lines: {result.new} new,"
        f" {result.revised} revised, {result.unchanged} unchanged,"
        f" {result.already_crawled} already crawled, {len(result.errors)} errors"
    )
    if result.already_crawled:
        yield (
            f"already crawled: {result.already_crawled} differ from the agency's own page, whose"
            f" text is kept"
        )
    if result.undated:
        yield (
            f"without a reading time: {result.undated} do not say when the collection read them"
            f" (`seen` in the line, or --seen)"
        )
    for (host, owner), lines in sorted(
        result.foreign_hosts.items(), key=lambda item: -len(item[1])
    ):
        problem = (
            f"belongs to {owner}: is --agency right?"
            if owner
            else "belongs to no agency that is known here"
        )
        yield (
            f"warning: {len(lines)} of them are at"
            f" {shorten_message(host)}, which {problem}"
            f" (first: line {lines[0]})"
        )
    if result.withheld:
        yield (
            f"withheld: {result.withheld} are hidden or redacted in the archive they come from,"
            f" and left out"
        )
    if result.withheld_elsewhere:
        release_ids = ", ".join(map(str, result.withheld_elsewhere))
        yield (
            f"withheld there, but shown here: releases {release_ids}; the reasons are at"
            f" /-/takedowns of that archive"
        )
    if result.without_body:
        yield f"without a text: {result.without_body} have a title and no body"
    for name, number in sorted(result.unknown_fields.items()):
        yield f"field {shorten_message(name)}: left out in {number} lines"
    if result.stopped or result.failure:
        yield (
            f"{file}: stored or reported up to line {result.last_line}; the same command"
            f" continues after it"
        )
