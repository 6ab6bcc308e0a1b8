"""Content-addressed response bodies (zstd, per-host base).

Bytes as zstd frames, alone or against other bytes much like them (a page of the same site).

Which pages of a host its others are compressed against: its templates, and the old design beside the new.

captures.db: the bytes as they came, each once under its SHA-256, compressed against a page of the same host.

    blobs   sha256 · size, in bytes · data, a zstd frame · base, the blob it is compressed against, null: none
    bases   host, blob: the pages that others of the host are compressed against

A site's pages are mostly the same page. A base has no base itself, so that a blob is read with two rows at
most; a host has several. The file lies beside archive.db, is written and committed first, and is never served.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import zstandard

from archive.database import SCHEMA_VERSION, ArchiveError, check_version, open_readonly, open_writable

COMPRESSION_LEVEL = 6  # 9 saves 3 % of stored real pages at 1.3 times the time, 15 saves 8 % at ten times
QUICK_LEVEL = 1
MAX_CACHED_BASE_BYTES = 500_000  # bytes of a page; its compressor takes several times as many


def compress(body: bytes, base: bytes | None = None) -> bytes:
    """A frame of some bytes; with a base, only what is not in it takes room.

    >>> page = bytes(range(256)) * 9
    >>> len(compress(page + b"!", page)) < len(compress(page + b"!")) < len(page)
    True
    """
    if base is None:
        return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(body)
    make = (
        build_compressor if len(base) <= MAX_CACHED_BASE_BYTES else build_compressor.__wrapped__
    )  # a large one is not held on to
    return make(base, max(10, (len(body) + len(base)).bit_length())).compress(body)  # a window over both


@lru_cache(maxsize=4)  # some megabytes each; where pages of a site follow each other its base is digested once
def build_compressor(base: bytes, window: int) -> zstandard.ZstdCompressor:
    """A compressor against a base, ready for many pages."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        COMPRESSION_LEVEL, source_size=len(base), dict_size=len(base), window_log=window, write_content_size=1
    )
    dictionary = build_dictionary(base)
    dictionary.precompute_compress(compression_params=parameters)
    return zstandard.ZstdCompressor(compression_params=parameters, dict_data=dictionary)


def estimate_compressed_size(body: bytes) -> int:
    """About how large some bytes are alone: a little more than `compress` makes of them, at a quarter of the time."""
    return len(zstandard.ZstdCompressor(level=QUICK_LEVEL).compress(body))


def decompress(frame: bytes, size: int, base: bytes | None = None) -> bytes:
    """What `compress` was given. zstandard.ZstdError or ValueError where the frame is not one of `size` bytes.

    >>> decompress(compress(b"abc", b"abcabc"), 3, b"abcabc")
    b'abc'
    """
    told = zstandard.get_frame_parameters(frame).content_size
    if told != size:  # checked first, for as much memory is taken
        raise ValueError(f"holds {told} bytes, not {size}")
    known = None if base is None else build_dictionary(base)
    return zstandard.ZstdDecompressor(dict_data=known).decompress(frame)


def build_dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    """A base as it is, not trained."""
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


MAX_BASES_PER_HOST = 4  # in use at a time
MAX_BASE_RATIO = 0.4  # of the plain compression; a base that saves less is another design's
QUICK_RATIO_MARGIN = (
    0.8  # of what is worth while as a quick compression tells, which is a seventh or so above the plain
)
NEW_BASES_PER_PAGE = 1 / 16  # new bases a page, once there are some: on a site of long texts none ever saves so much
PAGES_PER_ESTIMATE = (
    16  # pages until it is tried again how well a host's pages compress by themselves: they are much alike
)
MAX_SHARE_ESTIMATE = (
    0.3  # of a page's bytes, taken for granted: what compresses worse is told from the plain compression
)
BASE_SIZE_RANGE = range(2_000, 1_000_000)  # bytes of a base; larger pages are compressed alone


@dataclass(slots=True, kw_only=True)
class HostBases:
    """The bases of one host, while a captures.db is open."""

    base_ids: list[int]  # the one that served last first
    new_base_credit: float  # new bases that may begin
    compressed_share: float = 1.0  # of a page's bytes that are left of it alone, quickly compressed
    estimates_left: int = 0  # further pages for which `share` is good enough

    @classmethod
    def from_ids(cls, base_ids: list[int]) -> HostBases:
        """A host with the bases it has in the file; one may always begin, for the site may have been built anew."""
        return cls(base_ids=base_ids[:MAX_BASES_PER_HOST], new_base_credit=max(1, MAX_BASES_PER_HOST - len(base_ids)))

    def compress_page(self, body: bytes, read_base: Callable[[int], bytes | None]) -> tuple[int | None, bytes, bool]:
        """Base and frame of a page (None: it is held alone), and whether it is a base from now on.

        `read` gives a base's bytes; None where they cannot be had. The plain compression is the dearest of all: it
        is made only where a quick one, of this page or one shortly before, does not tell that a base serves.
        """
        self.new_base_credit += NEW_BASES_PER_PAGE
        enough = QUICK_RATIO_MARGIN * MAX_BASE_RATIO * self._estimate_size(body) if self.base_ids else 0.0
        best = self._find_best_base(body, read_base, enough)
        if best is None or len(best[1]) >= enough:
            plain = compress(body)
            # text that no base serves begins a design; a picture or a few words do not
            text = len(body) in BASE_SIZE_RANGE and len(plain) < len(body) / 2
            if text and (best is None or len(best[1]) >= MAX_BASE_RATIO * len(plain)) and self.new_base_credit >= 1:
                self.new_base_credit -= 1
                return None, plain, True
            if best is None or len(best[1]) >= len(plain):
                return None, plain, False
        self.base_ids.remove(best[0])
        self.base_ids.insert(0, best[0])
        return *best, False

    def _find_best_base(
        self, body: bytes, read_base: Callable[[int], bytes | None], max_frame_size: float
    ) -> tuple[int, bytes] | None:
        """The base that serves best, or the first whose frame is small `enough`, with that frame."""
        best: tuple[int, bytes] | None = None
        for key in self.base_ids if len(body) < BASE_SIZE_RANGE.stop else ():
            base = read_base(key)
            frame = None if base is None else compress(body, base)
            if frame is not None and (best is None or len(frame) < len(best[1])):
                best = key, frame
                if len(frame) < max_frame_size:
                    break
        return best

    def _estimate_size(self, body: bytes) -> float:
        """About how large a quick compression would be."""
        if not self.estimates_left:
            self.compressed_share, self.estimates_left = (
                min(MAX_SHARE_ESTIMATE, estimate_compressed_size(body) / max(1, len(body))),
                PAGES_PER_ESTIMATE,
            )
        self.estimates_left -= 1
        return self.compressed_share * len(body)

    def add_base(self, base_id: int) -> None:
        """A page is a base from now on."""
        self.base_ids = [base_id, *self.base_ids][:MAX_BASES_PER_HOST]


logger = logging.getLogger(__name__)
CAPTURES_FILE = "captures.db"
MAX_CACHE_BYTES = 64_000_000  # bytes of bases held in memory
PAGE_SIZE = 16384  # rows of some 2 kB would leave a third of a smaller page empty
EVIDENCE_HEADERS = (  # header fields that tell when, where and as what an answer came; never a cookie
    "date",
    "content-type",
    "content-language",
    "content-location",
    "location",
    "etag",
    "last-modified",
    "expires",
    "age",
    "cache-control",
    "link",
    "x-robots-tag",
    "retry-after",
    "via",
    "server",
)
CAPTURES_SCHEMA = (  # one transaction, for two processes may create the file at once
    "begin immediate",
    "create table if not exists blobs (id integer primary key, sha256 text not null unique, size integer not null,"
    " base integer references blobs(id), data blob not null)",
    "create table if not exists bases (host text not null, blob integer not null references blobs(id),"
    " primary key (host, blob)) without rowid",
    f"pragma user_version = {SCHEMA_VERSION}",
    "commit",
)


class Captures:
    """The captures.db beside an archive.db; made where it is not there yet. Use as a context manager.

    ArchiveError names file, table and key of what cannot be opened, written or read.
    """

    def __init__(self, archive: Path, *, readonly: bool = False) -> None:
        self.path = self.path_beside(archive)
        self._bases: OrderedDict[int, bytes] = OrderedDict()
        self._hosts: dict[str, HostBases] = {}
        try:
            self._db = open_readonly(self.path) if readonly else open_writable(self.path, page_size=PAGE_SIZE)
            is_created = self._check_version(readonly=readonly)
            for sql in () if readonly or is_created else CAPTURES_SCHEMA:
                self._db.execute(sql)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be opened: {error}") from error

    def _check_version(self, *, readonly: bool) -> bool:
        try:
            return check_version(self._db, self.path)
        except sqlite3.DatabaseError:
            if not readonly:
                raise
            return True  # a damaged file is reported by each read, so that `verify` goes on

    @staticmethod
    def path_beside(archive: Path) -> Path:
        """Where the captures of an archive are."""
        return archive.with_name(CAPTURES_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; each blob was committed when it was kept."""
        self._db.close()

    def store_body(self, body: bytes, host: str) -> str:
        """Hold bytes that a host sent ("": our own), committed on return, or `together`; gives their SHA-256 (hex)."""
        sha256 = hashlib.sha256(body).hexdigest()
        if sha256 not in self:
            self._write(sha256, body, host)
        return sha256

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is kept inside is committed at its end, all of it or nothing."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            self._hosts.clear()  # they know bases that are not there now
            self._bases.clear()
            raise
        self._db.execute("commit")

    def read(self, sha256: str) -> bytes:
        """The bytes under a SHA-256, which are hashed again."""
        rows = self._query("select size, base, data from blobs where sha256 = ?", sha256)
        if not rows:
            raise ArchiveError(self.path, "is not held", table="blobs", key=sha256)
        size, base, data = rows[0]
        return self._decompress(sha256, size, data, None if base is None else self._read_base(base, sha256))

    def size(self, sha256: str) -> int | None:
        """The number of the bytes under a SHA-256; None where it is not held."""
        rows = self._query("select size from blobs where sha256 = ?", sha256)
        return rows[0][0] if rows else None

    def __contains__(self, sha256: str) -> bool:
        return self.size(sha256) is not None

    def count(self) -> int:
        """How many blobs there are (no `len`: an empty file would be no captures at all to an `if`)."""
        return int(self._query("select count(*) from blobs")[0][0])

    def __iter__(self) -> Iterator[str]:
        """Every SHA-256, in the order they came; no transaction is held open meanwhile."""
        last = 0
        while rows := self._query("select id, sha256 from blobs where id > ? order by id limit 1000", last):
            yield from (sha256 for _, sha256 in rows)
            last = rows[-1][0]

    def _write(self, sha256: str, body: bytes, host: str) -> None:
        if host:
            base, data, begins = self._host_bases(host).compress_page(body, lambda key: self._try_read_base(key, host))
        else:
            base, data, begins = None, compress(body), False
        try:
            key = self._insert([sha256, len(body), base, data], host if begins else None)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, str(error), table="blobs", key=sha256) from error
        if key and begins:
            self._cache_base(key, body)
            self._host_bases(host).add_base(key)

    def _insert(self, row: list[object], host: str | None) -> int | None:
        """A new blob, and a base of a host where one is named; None where another process was first."""
        if self._db.in_transaction:
            return self._insert_row(row, host)
        self._db.execute("begin immediate")
        try:
            key = self._insert_row(row, host)
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")
        return key

    def _insert_row(self, row: list[object], host: str | None) -> int | None:
        written = self._db.execute("insert or ignore into blobs (sha256, size, base, data) values (?, ?, ?, ?)", row)
        key = written.lastrowid if written.rowcount else None
        if key and host is not None:
            self._db.execute("insert into bases (host, blob) values (?, ?)", [host, key])
        return key

    def _host_bases(self, name: str) -> HostBases:
        if name not in self._hosts:
            rows = self._query(
                "select blob from bases where host = ? order by blob desc limit ?", name, MAX_BASES_PER_HOST
            )
            self._hosts[name] = HostBases.from_ids([blob for (blob,) in rows])
        return self._hosts[name]

    def _try_read_base(self, base_id: int, host: str) -> bytes | None:
        try:
            return self._read_base(base_id, None)
        except ArchiveError:  # what is damaged must not keep out what is new
            logger.exception("%s: a base of %s is passed over", self.path, host)
            return None

    def _read_base(self, base_id: int, needed_by: str | None) -> bytes:
        """A base's bytes, hashed when first read; `wanted` is the blob that needs it."""
        if base_id in self._bases:
            self._bases.move_to_end(base_id)
            return self._bases[base_id]
        rows = self._query("select sha256, size, data from blobs where id = ? and base is null", base_id)
        if not rows:
            raise ArchiveError(self.path, f"its base {base_id} is missing or none", table="blobs", key=needed_by)
        sha256, size, data = rows[0]
        self._cache_base(base_id, self._decompress(sha256, size, data))
        return self._bases[base_id]

    def _cache_base(self, base_id: int, body: bytes) -> None:
        self._bases[base_id] = body
        while sum(map(len, self._bases.values())) > MAX_CACHE_BYTES and len(self._bases) > 1:
            self._bases.popitem(last=False)

    def _query(self, sql: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(self.path, str(error), table="blobs") from error

    def _decompress(self, sha256: str, size: int, data: bytes, base: bytes | None = None) -> bytes:
        try:
            body = decompress(data, size, base)
        except (zstandard.ZstdError, TypeError, ValueError) as error:
            raise ArchiveError(self.path, f"is damaged: {error}", table="blobs", key=sha256) from error
        if hashlib.sha256(body).hexdigest() != sha256:
            raise ArchiveError(self.path, "is damaged: its bytes have another SHA-256", table="blobs", key=sha256)
        return body


def select_evidence_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Of an answer's header fields those that are evidence, under lower-case names, in one order.

    >>> select_evidence_headers({"Set-Cookie": "id=7", "ETag": '"a1"', "Date": "Mon, 03 Jun 2024 08:15:00 GMT"})
    {'date': 'Mon, 03 Jun 2024 08:15:00 GMT', 'etag': '"a1"'}
    """
    found = {name.lower(): value for name, value in headers.items()}
    return {name: found[name] for name in EVIDENCE_HEADERS if name in found}
