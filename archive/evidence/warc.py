"""Writes captures as a WARC file (ISO 28500:2017, WARC/1.1), which web archives and their tools read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive.captures import Captures
from archive.database import ArchiveError
from archive.evidence.verify import open_archive

WARC_VERSION = "WARC/1.1"
WARCINFO_FIELDS = {
    "software": "Myndighetsarkivet",
    "format": "WARC File Format 1.1",
    "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
    "description": "Answers as they came, with their content coding taken off and, of the header fields, those that"
    " are evidence; Content-Length is ours",
}
TAKEN_DOWN_RELEASES_SQL = "select id from releases where takedown is not null"
WITHHELD_CAPTURES_SQL = (  # every answer from where something stood that is taken down since
    f"select id from captures where url in (select url from frontier where release in ({TAKEN_DOWN_RELEASES_SQL})"
    f" union select url from releases where id in ({TAKEN_DOWN_RELEASES_SQL}))"
    " union select capture from revisions where takedown is not null and capture is not null"
    + "".join(
        f" union select capture from {table} where {column} in ({TAKEN_DOWN_RELEASES_SQL}) and capture is not null"
        for table, column in (("releases", "id"), ("removals", "release"), ("quarantine", "release"))
    )
)
AGENCY_CAPTURES_SQL = (  # what the releases of one agency rest on, and what showed that they were gone
    "select v.capture from revisions v join releases r on r.id = v.release where r.agency = :agency"
    " union select m.capture from removals m join releases r on r.id = m.release where r.agency = :agency"
)


@dataclass(slots=True, kw_only=True)
class WarcExport:
    """What came of an export; each finding names bytes that could not be read and are not in the file."""

    responses: int = 0
    withheld: int = 0  # captures left out, for what was read from them is taken down
    revisits: int = 0  # captures whose bytes are an earlier one's
    findings: list[ArchiveError] = field(default_factory=list)


def export_warc(
    path: Path, target: Path, agency: str | None = None, progress: Callable[[str, int, int], None] = lambda *_: None
) -> WarcExport:
    """Write all captures of an archive, or of one agency's releases; two exports of the same captures agree.

    The file takes its name once it is whole, and is gzipped where that ends with .gz. ArchiveError where the
    archive cannot be read or holds no such captures, OSError where the file cannot be written.
    """
    if not target.parent.is_dir():
        raise ArchiveError(target, f"there is no folder {target.parent}")
    part = target.with_name(f"{target.name}.part")
    with closing(open_archive(path)) as db:
        try:
            total = count_exported_captures(path, db, agency)
            with Captures(path, readonly=True) as captures, part.open("wb") as out:
                writer = WARCWriter(out, gzip=target.suffix == ".gz", warc_version=WARC_VERSION)
                export = WarcExport(withheld=count_withheld_captures(db))
                for done, row in enumerate(iter_exported_captures(db, agency), 1):
                    if done == 1:
                        writer.write_record(build_warcinfo_record(writer, row))
                    write_capture_record(writer, captures, row, export)
                    progress("captures", done, total)
            part.replace(target)
        except sqlite3.Error as error:
            raise ArchiveError(path, str(error), table="captures") from error
        finally:
            part.unlink(missing_ok=True)
    return export


def count_exported_captures(path: Path, db: sqlite3.Connection, agency: str | None) -> int:
    """How many there are to write; none is an error."""
    where = f" where id not in ({WITHHELD_CAPTURES_SQL})" + (f" and id in ({AGENCY_CAPTURES_SQL})" if agency else "")
    found = int(db.execute(f"select count(*) from captures{where}", {"agency": agency}).fetchone()[0])
    if not found:
        problem = f"none of releases of {agency}" if agency else "none are held"
        raise ArchiveError(path, problem, table="captures")
    return found


def count_withheld_captures(db: sqlite3.Connection) -> int:
    """How many captures are left out, whatever the agency."""
    return int(db.execute(f"select count(*) from captures where id in ({WITHHELD_CAPTURES_SQL})").fetchone()[0])


def iter_exported_captures(db: sqlite3.Connection, agency: str | None) -> Iterator[dict[str, Any]]:
    """The captures to write by their ids, each with the first one of the same bytes where that is another."""
    chosen, among = f"with chosen as materialized ({AGENCY_CAPTURES_SQL})", "in (select capture from chosen)"
    cursor = db.execute(
        f"{chosen if agency else ''} select c.*, f.id as first, f.url as first_url, f.seen as first_seen"
        " from captures c left join captures f on f.id = (select min(e.id) from captures e where e.sha256 = c.sha256"
        f" and e.id not in ({WITHHELD_CAPTURES_SQL}) {f'and e.id {among}' if agency else ''}) and f.id < c.id"
        f" where c.id not in ({WITHHELD_CAPTURES_SQL}) {f'and c.id {among}' if agency else ''} order by c.id",
        {"agency": agency},
    )
    names = [name for name, *_ in cursor.description]
    for values in cursor:
        yield dict(zip(names, values, strict=True))


def write_capture_record(writer: WARCWriter, captures: Captures, row: dict[str, Any], export: WarcExport) -> None:
    """A response, or a revisit where the file has the same bytes already."""
    try:
        body = captures.read(row["sha256"])  # a revisit's too: it must not refer to bytes that are not there
    except ArchiveError as error:
        export.findings.append(error)
        return
    if row["first"] is None:
        export.responses += 1
        writer.write_record(build_response_record(writer, row, body))
    else:
        export.revisits += 1
        writer.write_record(build_revisit_record(writer, row))


def build_warcinfo_record(writer: WARCWriter, row: dict[str, Any]) -> ArcWarcRecord:
    """What the file is; dated by its first capture, so that another export is the same."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in WARCINFO_FIELDS.items()).encode()
    own = {"WARC-Record-ID": f"<urn:uuid:{uuid5(NAMESPACE_URL, f'warcinfo {build_record_id(row)}')}>"}
    own |= {
        "WARC-Type": "warcinfo",
        "WARC-Date": format_warc_date(row["seen"]),
        "Content-Type": "application/warc-fields",
    }
    head = StatusAndHeaders("", list(own.items()), protocol=WARC_VERSION)
    return writer.create_warc_record("", "warcinfo", payload=BytesIO(lines), length=len(lines), warc_headers=head)


def build_response_record(writer: WARCWriter, row: dict[str, Any], body: bytes) -> ArcWarcRecord:
    """An answer with its bytes."""
    return writer.create_warc_record(
        row["url"],
        "response",
        payload=BytesIO(body),
        length=len(body),
        warc_headers_dict=build_record_headers(row) | {"WARC-Payload-Digest": f"sha256:{row['sha256']}"},
        http_headers=build_http_headers(row),
    )


def build_revisit_record(writer: WARCWriter, row: dict[str, Any]) -> ArcWarcRecord:
    """An answer with the bytes of an earlier one, to which it refers."""
    first = {"id": row["first"], "url": row["first_url"], "seen": row["first_seen"], "sha256": row["sha256"]}
    return writer.create_revisit_record(
        row["url"],
        f"sha256:{row['sha256']}",
        first["url"],
        format_warc_date(first["seen"]),
        http_headers=build_http_headers(row),
        warc_headers_dict=build_record_headers(row) | {"WARC-Refers-To": build_record_id(first)},
    )


def build_record_headers(row: dict[str, Any]) -> dict[str, str]:
    """What makes two exports of a capture the same record."""
    return {"WARC-Record-ID": build_record_id(row), "WARC-Date": format_warc_date(row["seen"])}


def build_record_id(row: dict[str, Any]) -> str:
    """The same for a capture in every export."""
    name = " ".join(str(row[part]) for part in ("id", "url", "seen", "sha256"))
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, name)}>"


def build_http_headers(row: dict[str, Any]) -> StatusAndHeaders:
    """Status line and header fields, with the length of the bytes as they are kept."""
    status = row["status"]
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    fields = {**json.loads(row["headers"]), "content-length": row["bytes"]}
    # a field's value has no line breaks; one that had would end the record's head
    lines = [(name.title(), " ".join(str(value).split())) for name, value in fields.items()]
    return StatusAndHeaders(f"{status} {phrase}".strip(), lines, protocol="HTTP/1.1")


def format_warc_date(moment: str) -> str:
    """A stored moment as WARC writes it.

    >>> format_warc_date("2024-06-03T10:15:00+02:00")
    '2024-06-03T08:15:00Z'
    """
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
