"""Refused pages: responses in which no release could be read. They are kept for a limited time, in
case a better parser can read them.

    refused_pages    agency; url, as in the frontier; address, the URL after redirects;
                     record_url, the URL at a press wire; fetched; status; headers; sha256;
                     reason
    refused_bodies   sha256; size in bytes; base, the blob that it is compressed against; stored,
                     the length of the frame; data, a zstd frame, or null if `blobs` has the same
                     bytes

Both are tables of captures.db, beside `blobs`. Refused pages are not rows of `captures` in
archive.db. They are not evidence of anything that the archive shows, and are deleted after some
time. Therefore, no manifest, evidence file, export, dataset or snapshot may contain them, no
visitor's query may read them, and nothing may refer to their bytes. captures.db is not served. A
body is compressed against a page of its host in `blobs`, which is never deleted. The body is never
a base itself, so it can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from archive.database.captures import Captures
from archive.times import to_iso
from archive.urls import canonical_url, strip_www

REFUSED_TABLES = ("refused_pages", "refused_bodies")
REFUSED_COLUMNS = (
    *("agency", "url", "address", "record_url", "fetched", "status", "headers", "reason"),
    "sha256",
)
MIN_LIMIT = 32 * 1024 * 1024  # bytes that are always allowed, because a new captures.db is small

SIZES_SQL = """
    select coalesce(sum(stored), 0), (select page_count from pragma_page_count)
      * (select page_size from pragma_page_size) from refused_bodies
"""
ORPHANS_SQL = """
    delete from refused_bodies where sha256 in (select value from json_each(?))
    and not exists (select 1 from refused_pages p where p.sha256 = refused_bodies.sha256)
"""
# What is kept until the limit is reached: first the oldest and the newest page of each URL, so that
# a page that is different at each fetch does not displace the only one of another release; then the
# newest. A body counts with the first of its pages.
OVERFLOW_SQL = """
    id in (select id from
      (select id, sum(stored) over (order by is_between, fetched desc, id desc) as total from
        (select p.id, is_between, fetched,
            iif(row_number() over best = 1, coalesce(b.stored, 0), 0) as stored
          from (select id, sha256, fetched, row_number() over (partition by url
            order by fetched, id) > 1
              and row_number() over (partition by url
                order by fetched desc, id desc) > 1 as is_between
            from refused_pages) p left join refused_bodies b on b.sha256 = p.sha256
          window best as (partition by p.sha256 order by is_between, p.fetched desc, p.id desc)))
      where total > ?)
"""
# A wrong clock dated some pages in the future: they go with those that were kept after them.
EXPIRED_SQL = """
    fetched <= ? or (fetched > ? and id < (select max(id) from refused_pages where fetched <= ?))
"""
# share of the limit that is left, so that not each further page exceeds it again
OVERFLOW_TARGET = 0.9


class Retention(NamedTuple):
    """The number of days for which refused pages are kept, and the share of captures.db that they
    may take up.

    If either value is 0, no pages are kept.
    """

    days: int = 90
    share: float = 0.2


DEFAULT_RETENTION = Retention()


class RefusedPages:
    """The refused pages in a captures.db. Each method commits."""

    def __init__(self, captures: Captures, retention: Retention = DEFAULT_RETENTION) -> None:
        self.captures, self.retention = captures, retention

    def keep(self, row: Mapping[str, Any], body: bytes, now: datetime) -> None:
        """Store a page, and delete the pages that exceed the limits.

        A page is not stored again if the same response is already stored.

        row: the values of REFUSED_COLUMNS except `sha256`.
        """
        captures, sha256 = self.captures, hashlib.sha256(body).hexdigest()
        with captures.transaction():
            if sha256 not in captures:
                base, data, _ = captures.compress_body(body, urlsplit(row["address"]).netloc)
                sql = "insert or ignore into refused_bodies values (?, ?, ?, ?, ?)"
                captures.query(sql, sha256, len(body), base, len(data), data)
            values = {**row, "sha256": sha256}
            names, marks = ", ".join(values), ", ".join("?" * len(values))
            sql = f"insert or ignore into refused_pages ({names}) values ({marks})"
            captures.query(sql, *values.values())
        self.expire(now)

    def expire(self, now: datetime) -> None:
        """Delete pages that are too old.

        If the remaining pages exceed their maximum share of captures.db, some of them are also
        deleted (see OVERFLOW_SQL).
        """
        days, share = self.retention
        oldest = to_iso(now - timedelta(days=days)) if days and share else "9999"
        self.delete(EXPIRED_SQL, oldest, to_iso(now), oldest)
        ((stored, file_size),) = self.captures.query(SIZES_SQL)
        limit = max(MIN_LIMIT, share * file_size)
        if stored > limit:
            self.delete(OVERFLOW_SQL, OVERFLOW_TARGET * limit)

    def list_pages(self, agency: str, url: str | None = None) -> list[dict[str, Any]]:
        """Return an agency's pages, or only the pages of one URL, oldest first."""
        names = ("id", *REFUSED_COLUMNS)
        condition = "agency = ? and url = ?" if url else "agency = ?"
        sql = f"select {', '.join(names)} from refused_pages where {condition} order by fetched, id"
        rows = self.captures.query(sql, *filter(None, (agency, url)))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def read(self, sha256: str) -> bytes:
        """Return a page's bytes. Raises ArchiveError if they are missing or damaged."""
        sql = "select size, base, data from refused_bodies where sha256 = ?"
        if rows := self.captures.query(sql, sha256):
            return self.captures.decompress_body(sha256, *rows[0])
        return self.captures.read(sha256)

    def delete(self, condition: str, *values: object) -> None:
        """Delete the pages that meet an SQL condition, with their bytes."""
        sql = f"delete from refused_pages where {condition} returning sha256"
        if deleted := self.captures.query(sql, *values):
            self.captures.query(ORPHANS_SQL, json.dumps([sha256 for (sha256,) in deleted]))

    def delete_urls(self, urls: Collection[str]) -> None:
        """Delete the pages at these URLs, and pages with the same final address or bytes.

        If a deleted page also has other URLs, the other pages at those URLs are kept, because a
        site may have redirected all its URLs to one page. `is_at_one_of` compares the URLs.
        """
        rows = self.captures.query("select url, address, sha256 from refused_pages")
        found = json.dumps(
            [value for row in rows if is_at_one_of(row[:2], urls) for value in row[1:]]
        )
        self.delete("exists (select 1 from json_each(?) where value in (address, sha256))", found)

    def empty_log(self) -> bool:
        """Remove deleted bytes from the write-ahead log. Returns whether that succeeded."""
        return not self.captures.query("pragma wal_checkpoint(truncate)")[0][0]


def is_at_one_of(addresses: Collection[str], urls: Collection[str]) -> bool:
    """Return whether a page at these addresses is at one of the URLs.

    An address may differ from the URL in the scheme (http or https) or by a leading `www.`, and may
    have a longer query.
    """
    places = [_split_address(address) for address in addresses]
    return any(
        place == own and asked <= query
        for own, asked in map(_split_address, urls)
        for place, query in places
    )


def _split_address(url: str) -> tuple[tuple[str, str], frozenset[str]]:
    """Return a key for the host and path of a URL, and the set of the parts of its query.

    Spellings that differ only in the scheme, a leading `www.` or a final slash have the same key.
    """
    parts = urlsplit(canonical_url(url))
    return (strip_www(parts.hostname or ""), parts.path.rstrip("/")), frozenset(
        parts.query.split("&")
    ) - {""}
