"""Exports captures as a WARC file (ISO 28500:2017, WARC/1.1) for web archives and their tools."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from uuid import NAMESPACE_URL, uuid5

from sqlite_utils import Database
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive.database.captures import Captures
from archive.database.redaction import IS_FILE_WITHHELD_SQL
from archive.database.sqlite_files import (
    ArchiveError,
    ProgressCallback,
    map_in_order,
    sqlite_errors,
)
from archive.evidence.verification import open_archive

WARC_VERSION = "WARC/1.1"
WARCINFO_FIELDS = {
    "software": "Myndighetsarkivet",
    "format": "WARC File Format 1.1",
    "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
    "description": "Responses as they were received, without content coding and with only those"
    " header fields that are"
    " evidence; Content-Length is the length without content coding",
}
TAKEN_DOWN_RELEASES_SQL = "select id from releases where takedown is not null"
WITHHELD_CAPTURES_SQL = (  # all responses from the URLs of releases that have been taken down
    f"select id from captures where url in (select url from frontier where release in"
    f" ({TAKEN_DOWN_RELEASES_SQL})"
    f" union select url from releases where id in ({TAKEN_DOWN_RELEASES_SQL})"
    # a page behind a redirect has another address
    " union select c.url from captures c join revisions v on v.capture = c.id"
    f" where v.release in ({TAKEN_DOWN_RELEASES_SQL}))"
    # a record of a press wire has another URL than its release
    f" union select capture from quarantine where url in (select url from frontier where release in"
    f" ({TAKEN_DOWN_RELEASES_SQL})) and capture is not null"
    " union select n.capture from attachment_versions n join attachment_files f on f.id = n.file"
    f" where {IS_FILE_WITHHELD_SQL}"
    " union select capture from revisions where takedown is not null and capture is not null"
    " union select o.capture from observations o join revisions v on v.id = o.revision"
    f" where v.release in ({TAKEN_DOWN_RELEASES_SQL}) and o.capture is not null"
    + "".join(
        f" union select capture from {table} where {column} in"
        f" ({TAKEN_DOWN_RELEASES_SQL}) and capture is not null"
        for table, column in (
            ("releases", "id"),
            ("removals", "release"),
            ("quarantine", "release"),
        )
    )
)
AGENCY_CAPTURES_SQL = (  # captures of one agency's revisions, attachments and removals
    "select o.capture from observations o join revisions v on v.id = o.revision"
    " join releases r on r.id = v.release where r.agency = :agency union "
    "select n.capture from attachment_versions n join attachment_links l on l.url = n.url"
    " join releases r on r.id = l.release where r.agency = :agency union "
    "select v.capture from revisions v join releases r on r.id = v.release where r.agency = :agency"
    " union select m.capture from removals m join releases r on"
    " r.id = m.release where r.agency = :agency"
)
QUARANTINED_CAPTURES_SQL = (  # of pages that were never stored as a version
    "select capture from quarantine q where capture is not null"
    " and not exists (select 1 from revisions where capture = q.capture)"
)


def select_exportable_captures(columns: str) -> str:
    """Return the start of a SELECT of the captures that may be published.

    It ends with a `where` condition, to which callers can append further conditions with `and`. The
    condition excludes captures that takedowns withhold, and captures that only the quarantine uses.
    """
    return (
        f"select {columns} from captures where id not in ({WITHHELD_CAPTURES_SQL})"
        f" and id not in ({QUARANTINED_CAPTURES_SQL})"
    )


EXPORTED_CAPTURES_SQL = f"""
    with exported as ({select_exportable_captures("id, sha256")} {{condition}}),
    numbered as (select id, min(id) over (partition by sha256) as first, count(*) over () as total
      from exported)
    select c.*, n.total, f.id as first, f.url as first_url, f.seen as first_seen
    from numbered n join captures c on c.id = n.id left join captures f on f.id = n.first
      and n.first < n.id
    order by c.id
"""


@dataclass(slots=True, kw_only=True)
class WarcExport:
    """The counts and findings of an export.

    Each finding reports a capture whose bytes could not be read. Such captures are not in the file.
    """

    responses: int = 0
    omitted: int = 0  # captures left out because of takedowns
    revisits: int = 0  # captures with the same bytes as an earlier one
    findings: list[ArchiveError] = field(default_factory=list)


def export_warc(
    path: Path,
    target: Path,
    agency: str | None = None,
    progress: ProgressCallback = lambda *_: None,
) -> WarcExport:
    """Write the captures that may be published to a WARC file, and return the counts.

    The file is written under a temporary name and is renamed once it is complete. It is gzipped if
    its name ends with .gz. Two exports of the same captures are identical. Raises ArchiveError if
    the archive cannot be read or has no such captures, and OSError if the file cannot be written.

    agency: if given, write only the captures of this agency's releases.
    """
    if not target.parent.is_dir():
        raise ArchiveError(target, f"there is no folder {target.parent}")
    part = target.with_name(f"{target.name}.part")
    try:
        with (
            sqlite_errors(path, table="captures"),
            closing(open_archive(path)) as db,
            Captures(path, readonly=True) as captures,
            part.open("wb") as out,
        ):
            (omitted,) = db.execute(
                f"select count(*) from captures where id in ({WITHHELD_CAPTURES_SQL})"
            ).fetchone()
            export = WarcExport(omitted=omitted)
            done = 0
            for done, row in enumerate(
                write_records(
                    db, captures, out, export, gzip=target.suffix == ".gz", agency=agency
                ),
                1,
            ):
                progress("captures", done, row["total"])
        if not done:
            problem = f"there are none of releases of {agency}" if agency else "there are none"
            raise ArchiveError(path, problem, table="captures")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return export


def write_records(
    db: sqlite3.Connection,
    captures: Captures,
    out: IO[bytes],
    export: WarcExport,
    *,
    gzip: bool,
    agency: str | None = None,
    processes: int = 0,
) -> Iterator[dict[str, Any]]:
    """Write the WARC records to a stream, and yield the row of each capture.

    The first record describes the file. A row's `offset` is the position of its record, or None if
    the capture has no record because its bytes cannot be read.

    processes: the number of threads that compress records.
    """
    condition = f"and id in ({AGENCY_CAPTURES_SQL})" if agency else ""
    rows = Database(db).query(EXPORTED_CAPTURES_SQL.format(condition=condition), {"agency": agency})
    # also of revisits, which must not refer to missing bytes
    bodies = ((row, captures.try_read(row["sha256"])) for row in rows)
    encode = partial(_encode_record, gzip=gzip)
    with closing(
        map_in_order(bodies, encode, to_payload=tuple, processes=processes, threads=True)
    ) as records:
        for number, ((row, body), record) in enumerate(records):
            if number == 0:
                writer = WARCWriter(out, gzip=gzip, warc_version=WARC_VERSION)
                writer.write_record(_build_warcinfo_record(writer, row))
            row["offset"] = None
            if isinstance(body, ArchiveError):
                export.findings.append(body)
            else:
                export.responses += row["first"] is None
                export.revisits += row["first"] is not None
                row["offset"] = out.tell()
                out.write(record)
            yield row


def _encode_record(capture: tuple[dict[str, Any], bytes | ArchiveError], *, gzip: bool) -> bytes:
    """Encode a response record, or a revisit record if an earlier record has the same bytes.

    Returns b"" if the bytes cannot be read.
    """
    row, body = capture
    if isinstance(body, ArchiveError):
        return b""
    encoded = BytesIO()
    writer = WARCWriter(encoded, gzip=gzip, warc_version=WARC_VERSION)
    headers = {"WARC-Record-ID": _build_record_id(row), "WARC-Date": format_warc_date(row["seen"])}
    digest = f"sha256:{row['sha256']}"
    if row["first"] is None:
        record = writer.create_warc_record(
            row["url"],
            "response",
            payload=BytesIO(body),
            length=len(body),
            warc_headers_dict={**headers, "WARC-Payload-Digest": digest},
            http_headers=_build_http_headers(row),
        )
    else:
        first = {
            "id": row["first"],
            "url": row["first_url"],
            "seen": row["first_seen"],
            "sha256": row["sha256"],
        }
        record = writer.create_revisit_record(
            row["url"],
            digest,
            first["url"],
            format_warc_date(first["seen"]),
            http_headers=_build_http_headers(row),
            warc_headers_dict={**headers, "WARC-Refers-To": _build_record_id(first)},
        )
    writer.write_record(record)
    return encoded.getvalue()


def _build_warcinfo_record(writer: WARCWriter, row: dict[str, Any]) -> ArcWarcRecord:
    """Build the record that describes the file.

    Its date is the date of the first capture, so that repeated exports are identical.
    """
    lines = "".join(f"{name}: {value}\r\n" for name, value in WARCINFO_FIELDS.items()).encode()
    warc_headers = {
        "WARC-Record-ID": f"<urn:uuid:{uuid5(NAMESPACE_URL, f'warcinfo {_build_record_id(row)}')}>",
        "WARC-Type": "warcinfo",
        "WARC-Date": format_warc_date(row["seen"]),
        "Content-Type": "application/warc-fields",
    }
    head = StatusAndHeaders("", list(warc_headers.items()), protocol=WARC_VERSION)
    return writer.create_warc_record(
        "", "warcinfo", payload=BytesIO(lines), length=len(lines), warc_headers=head
    )


def _build_record_id(row: dict[str, Any]) -> str:
    """Return a record id that is the same in every export of a capture."""
    name = " ".join(str(row[part]) for part in ("id", "url", "seen", "sha256"))
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, name)}>"


def _build_http_headers(row: dict[str, Any]) -> StatusAndHeaders:
    """Build the status line and the header fields of a capture.

    Content-Length is the length of the stored bytes.
    """
    status = row["status"]
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    fields = {**json.loads(row["headers"]), "content-length": row["bytes"]}
    # a line break in a value would end the header block
    lines = [(name.title(), " ".join(str(value).split())) for name, value in fields.items()]
    return StatusAndHeaders(f"{status} {phrase}".strip(), lines, protocol="HTTP/1.1")


def format_warc_date(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
