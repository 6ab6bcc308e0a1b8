"""Exports captures as a WACZ file (Web Archive Collection Zipped 1.1.1).

ReplayWeb.page can show such a file in a browser. The file contains:

    archive/data.warc.gz
    indexes/index.cdx.gz and index.idx (ZipNum)
    pages/pages.jsonl
    datapackage.json and its digest

The records are written directly into the ZIP file. The files in the ZIP file are stored without
further compression, so that a reader can request single records by their byte range. Two exports of
the same captures are identical.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sqlite3
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote, urlsplit
from zipfile import ZipFile, ZipInfo

from archive.database.captures import Captures
from archive.database.sqlite_files import ProgressCallback, sqlite_errors
from archive.evidence.verification import open_archive
from archive.evidence.warc import WITHHELD_CAPTURES_SQL, WarcExport, format_warc_date, write_records

WARC_PATH, INDEX_PATH, BLOCKS_PATH = (
    "archive/data.warc.gz",
    "indexes/index.cdx.gz",
    "indexes/index.idx",
)
INDEX_BLOCK_LINES = 1_024  # index lines that a reader decompresses to find one
SURT_SAFE = "/%:@!$&'()*+,;=~?[]|"  # characters that are not escaped in a key
DEFAULT_PORTS = {"http": 80, "https": 443}
PAGES_SQL = f"""
    select c.id, c.url, c.seen, v.title, max(v.id) from revisions v join captures c
      on c.id = v.capture
    where c.id not in ({WITHHELD_CAPTURES_SQL}) group by c.id order by c.id
"""


class MemberWriter:
    """Writes a file inside a ZIP file, and computes its size and SHA-256."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out, self.size, self.sha256 = out, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.size += len(data)
        return self.out.write(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self.out.flush()


class WaczFile(AbstractContextManager["WaczFile"]):
    """A context manager that writes a WACZ file. datapackage.json is added on exit."""

    def __init__(self, target: Path, title: str, created: str) -> None:
        self.zip, self.title, self.created = ZipFile(target, "w"), title, created
        self.resources: list[dict[str, Any]] = []

    def __exit__(self, error_type: object, *_: object) -> None:
        if error_type is None:
            self.write_descriptions()
        self.zip.close()

    @contextmanager
    def add(self, path: str) -> Iterator[MemberWriter]:
        member = ZipInfo(path)  # dated 1980, so that two exports are equal
        member.external_attr = 0o644 << 16
        with self.zip.open(member, "w", force_zip64=True) as out:
            writer = MemberWriter(out)
            yield writer
        name, sha256 = path.rpartition("/")[2], writer.sha256.hexdigest()
        self.resources.append(
            {"name": name, "path": path, "hash": f"sha256:{sha256}", "bytes": writer.size}
        )

    def write_descriptions(self) -> None:
        """Write datapackage.json, and write its hash to datapackage-digest.json."""
        package = {
            "profile": "data-package",
            "wacz_version": "1.1.1",
            "title": self.title,
            "software": "Myndighetsarkivet",
            "created": self.created,
            "resources": list(self.resources),
        }
        for name, content in (("datapackage.json", package), ("datapackage-digest.json", {})):
            described = content or {"path": "datapackage.json", "hash": self.resources[-1]["hash"]}
            with self.add(name) as out:
                out.write(json.dumps(described, ensure_ascii=False, indent=1).encode() + b"\n")


def export_wacz(
    path: Path,
    target: Path,
    title: str,
    created: str,
    progress: ProgressCallback = lambda *_: None,
    *,
    processes: int = 0,
) -> WarcExport:
    """Write a WACZ file with all captures that may be published, and return the counts.

    If there are no such captures, the number of records is 0. Raises ArchiveError if the archive or
    its captures.db cannot be read; the file is then incomplete.

    created: the creation time to write in the file (ISO 8601, UTC).
    processes: the number of threads that compress records.
    """
    with (
        sqlite_errors(path, table="captures"),
        closing(open_archive(path)) as db,
        Captures(path, readonly=True) as captures,
    ):
        db.execute("begin")  # records and pages are those of one state of the archive
        db.execute("create temp table cdx (line text primary key) without rowid")
        (omitted,) = db.execute(
            f"select count(*) from captures where id in ({WITHHELD_CAPTURES_SQL})"
        ).fetchone()
        export = WarcExport(omitted=omitted)
        with WaczFile(target, title, created) as wacz:
            with wacz.add(WARC_PATH) as out:
                records = write_records(
                    db, captures, cast(IO[bytes], out), export, gzip=True, processes=processes
                )
                unwritten = _index_records(db, records, out, progress)
            _write_index(db, wacz)
            with wacz.add("pages/pages.jsonl") as out:
                _write_pages(db, out, unwritten)
    return export


def _index_records(
    db: sqlite3.Connection,
    records: Iterable[dict[str, Any]],
    out: MemberWriter,
    progress: ProgressCallback,
) -> set[int]:
    """Insert an index line into temp.cdx for each record as it is written.

    Returns the ids of the captures for which no record was written.
    """
    unwritten: set[int] = set()
    for number, row in enumerate(records, 1):
        if row["offset"] is None:
            unwritten.add(row["id"])
        else:
            db.execute(
                "insert or ignore into temp.cdx values (?)", [_format_index_line(row, out.tell())]
            )
        progress("captures", number, row["total"])
    return unwritten


def _format_index_line(row: Mapping[str, Any], end: int) -> str:
    """Format the CDXJ line of a capture.

    end: the position in the WARC file at which the capture's record ends.
    """
    media_type = json.loads(row["headers"]).get("content-type", "").partition(";")[0].strip()
    fields = {
        "url": row["url"],
        "digest": f"sha256:{row['sha256']}",
        "mime": (media_type or "application/octet-stream")
        if row["first"] is None
        else "warc/revisit",
        "offset": str(row["offset"]),
        "length": str(end - row["offset"]),
        "status": str(row["status"]),
        "filename": Path(WARC_PATH).name,
    }
    return (
        f"{_build_surt(row['url'])}"
        f" {_format_timestamp(row['seen'])}"
        f" {json.dumps(fields, ensure_ascii=False)}"
    )


def _format_timestamp(moment: str) -> str:
    """Format a time for CDX files.

    >>> _format_timestamp("2026-03-02T09:00:00+01:00")
    '20260302080000'
    """
    return re.sub(r"\D", "", format_warc_date(moment))


def _build_surt(url: str) -> str:
    """Return a URL's key for a CDX file: the reversed host, the path and the sorted query.

    The key is in lower case.

    >>> _build_surt("https://www.Fyr.example:8443/A/?b=2&a=1#c"), _build_surt("https://fyr.example")
    ('example,fyr:8443)/a?a=1&b=2', 'example,fyr)/')
    """
    parts = urlsplit(url.lower())
    host = re.sub(r"^www\d*\.", "", parts.hostname or "")
    port = f":{parts.port}" if parts.port not in (None, DEFAULT_PORTS.get(parts.scheme)) else ""
    path = quote(parts.path.rstrip("/") or "/", safe=SURT_SAFE)
    query = quote("&".join(sorted(parts.query.split("&"))), safe=SURT_SAFE)
    host = host.encode("idna").decode() if not host.isascii() else host
    return (
        f"{','.join(reversed(host.split('.')))}{port}){path}{f'?{query}' if query else ''}".lower()
    )


def _write_index(db: sqlite3.Connection, wacz: WaczFile) -> None:
    """Write the sorted CDXJ index in compressed blocks, and an index of these blocks (ZipNum)."""
    lines = db.execute("select line from temp.cdx order by line")
    name = Path(INDEX_PATH).name
    blocks = [f"!meta 0 {json.dumps({'format': 'cdxj-gzip-1.0', 'filename': name})}"]
    with wacz.add(INDEX_PATH) as out:
        while block := lines.fetchmany(INDEX_BLOCK_LINES):
            data = gzip.compress("".join(f"{line}\n" for (line,) in block).encode(), mtime=0)
            fields = {
                "offset": out.tell(),
                "length": len(data),
                "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
                "filename": name,
            }
            blocks.append(f"{' '.join(block[0][0].split(' ')[:2])} {json.dumps(fields)}")
            out.write(data)
    with wacz.add(BLOCKS_PATH) as out:
        out.write("".join(f"{line}\n" for line in blocks).encode())


def _write_pages(db: sqlite3.Connection, out: MemberWriter, unwritten: Container[int]) -> None:
    """Write the list of captured pages that contain versions of releases, each with the title of
    its version.

    unwritten: ids of captures that have no record. Their pages are left out.
    """
    out.write(b'{"format": "json-pages-1.0", "id": "pages", "title": "Myndighetsarkivet"}\n')
    for key, url, seen, title, _ in db.execute(PAGES_SQL):
        if key not in unwritten:
            page = {"id": str(key), "url": url, "ts": format_warc_date(seen), "title": title}
            out.write(json.dumps(page, ensure_ascii=False).encode() + b"\n")
