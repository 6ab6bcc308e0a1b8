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

from archive.database import ArchiveError, open_readonly, open_writable

LEVEL = 6  # 9 saves 3 % of stored real pages at 1.3 times the time, 15 saves 8 % at ten times
QUICK = 1
LARGE = 500_000  # bytes of a page; its compressor takes several times as many


def compress(body: bytes, base: bytes | None = None) -> bytes:
    """A frame of some bytes; with a base, only what is not in it takes room.

    >>> page = bytes(range(256)) * 9
    >>> len(compress(page + b"!", page)) < len(compress(page + b"!")) < len(page)
    True
    """
    if base is None:
        return zstandard.ZstdCompressor(level=LEVEL).compress(body)
    make = find_compressor if len(base) <= LARGE else find_compressor.__wrapped__  # a large one is not held on to
    return make(base, max(10, (len(body) + len(base)).bit_length())).compress(body)  # a window over both


@lru_cache(maxsize=4)  # some megabytes each; where pages of a site follow each other its base is digested once
def find_compressor(base: bytes, window: int) -> zstandard.ZstdCompressor:
    """A compressor against a base, ready for many pages."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, source_size=len(base), dict_size=len(base), window_log=window, write_content_size=1
    )
    dictionary = to_dictionary(base)
    dictionary.precompute_compress(compression_params=parameters)
    return zstandard.ZstdCompressor(compression_params=parameters, dict_data=dictionary)


def quick_size(body: bytes) -> int:
    """About how large some bytes are alone: a little more than `compress` makes of them, at a quarter of the time."""
    return len(zstandard.ZstdCompressor(level=QUICK).compress(body))


def expand(frame: bytes, size: int, base: bytes | None = None) -> bytes:
    """What `compress` was given. zstandard.ZstdError or ValueError where the frame is not one of `size` bytes.

    >>> expand(compress(b"abc", b"abcabc"), 3, b"abcabc")
    b'abc'
    """
    told = zstandard.get_frame_parameters(frame).content_size
    if told != size:  # checked first, for as much memory is taken
        raise ValueError(f"holds {told} bytes, not {size}")
    known = None if base is None else to_dictionary(base)
    return zstandard.ZstdDecompressor(dict_data=known).decompress(frame)


def to_dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    """A base as it is, not trained."""
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


BASES = 4  # in use at a time
WORTH = 0.4  # of the plain compression; a base that saves less is another design's
SURELY = 0.8  # of what is worth while as a quick compression tells, which is a seventh or so above the plain
PACE = 1 / 16  # new bases a page, once there are some: on a site of long texts none ever saves so much
AGAIN = 16  # pages until it is tried again how well a host's pages compress by themselves: they are much alike
MOST = 0.3  # of a page's bytes, taken for granted: what compresses worse is told from the plain compression
SIZE = range(2_000, 1_000_000)  # bytes of a base; larger pages are compressed alone


@dataclass(slots=True, kw_only=True)
class Host:
    """The bases of one host, while a captures.db is open."""

    keys: list[int]  # the one that served last first
    credit: float  # new bases that may begin
    share: float = 1.0  # of a page's bytes that are left of it alone, quickly compressed
    known: int = 0  # further pages for which `share` is good enough

    @classmethod
    def of(cls, keys: list[int]) -> Host:
        """A host with the bases it has in the file; one may always begin, for the site may have been built anew."""
        return cls(keys=keys[:BASES], credit=max(1, BASES - len(keys)))

    def choose(self, body: bytes, read: Callable[[int], bytes | None]) -> tuple[int | None, bytes, bool]:
        """Base and frame of a page (None: it is held alone), and whether it is a base from now on.

        `read` gives a base's bytes; None where they cannot be had. The plain compression is the dearest of all: it
        is made only where a quick one, of this page or one shortly before, does not tell that a base serves.
        """
        self.credit += PACE
        enough = SURELY * WORTH * self._guess(body) if self.keys else 0.0
        best = self._find_best(body, read, enough)
        if best is None or len(best[1]) >= enough:
            plain = compress(body)
            # text that no base serves begins a design; a picture or a few words do not
            text = len(body) in SIZE and len(plain) < len(body) / 2
            if text and (best is None or len(best[1]) >= WORTH * len(plain)) and self.credit >= 1:
                self.credit -= 1
                return None, plain, True
            if best is None or len(best[1]) >= len(plain):
                return None, plain, False
        self.keys.remove(best[0])
        self.keys.insert(0, best[0])
        return *best, False

    def _find_best(self, body: bytes, read: Callable[[int], bytes | None], enough: float) -> tuple[int, bytes] | None:
        """The base that serves best, or the first whose frame is small `enough`, with that frame."""
        best: tuple[int, bytes] | None = None
        for key in self.keys if len(body) < SIZE.stop else ():
            base = read(key)
            frame = None if base is None else compress(body, base)
            if frame is not None and (best is None or len(frame) < len(best[1])):
                best = key, frame
                if len(frame) < enough:
                    break
        return best

    def _guess(self, body: bytes) -> float:
        """About how large a quick compression would be."""
        if not self.known:
            self.share, self.known = min(MOST, quick_size(body) / max(1, len(body))), AGAIN
        self.known -= 1
        return self.share * len(body)

    def begin(self, key: int) -> None:
        """A page is a base from now on."""
        self.keys = [key, *self.keys][:BASES]


logger = logging.getLogger(__name__)
CAPTURES_FILE = "captures.db"
CACHE = 64_000_000  # bytes of bases held in memory
PAGE_SIZE = 16384  # rows of some 2 kB would leave a third of a smaller page empty
EVIDENT = (  # header fields that tell when, where and as what an answer came; never a cookie
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
SCHEMA = (
    "create table if not exists blobs (id integer primary key, sha256 text not null unique, size integer not null,"
    " base integer references blobs(id), data blob not null)",
    "create table if not exists bases (host text not null, blob integer not null references blobs(id),"
    " primary key (host, blob)) without rowid",
)


class Captures:
    """The captures.db beside an archive.db; made where it is not there yet. Use as a context manager.

    ArchiveError names file, table and key of what cannot be opened, written or read.
    """

    def __init__(self, archive: Path, *, readonly: bool = False) -> None:
        self.path = self.beside(archive)
        self._bases: OrderedDict[int, bytes] = OrderedDict()
        self._hosts: dict[str, Host] = {}
        try:
            self._db = open_readonly(self.path) if readonly else open_writable(self.path, page_size=PAGE_SIZE)
            for sql in () if readonly else SCHEMA:
                self._db.execute(sql)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be opened: {error}") from error

    @staticmethod
    def beside(archive: Path) -> Path:
        """Where the captures of an archive are."""
        return archive.with_name(CAPTURES_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; each blob was committed when it was kept."""
        self._db.close()

    def keep(self, body: bytes, host: str) -> str:
        """Hold bytes that a host sent ("": our own), committed on return, or `together`; gives their SHA-256 (hex)."""
        sha256 = hashlib.sha256(body).hexdigest()
        if sha256 not in self:
            self._write(sha256, body, host)
        return sha256

    @contextmanager
    def together(self) -> Iterator[None]:
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
        rows = self._ask("select size, base, data from blobs where sha256 = ?", sha256)
        if not rows:
            raise ArchiveError(self.path, "is not held", table="blobs", key=sha256)
        size, base, data = rows[0]
        return self._expand(sha256, size, data, None if base is None else self._base(base, sha256))

    def size(self, sha256: str) -> int | None:
        """The number of the bytes under a SHA-256; None where it is not held."""
        rows = self._ask("select size from blobs where sha256 = ?", sha256)
        return rows[0][0] if rows else None

    def __contains__(self, sha256: str) -> bool:
        return self.size(sha256) is not None

    def count(self) -> int:
        """How many blobs there are (no `len`: an empty file would be no captures at all to an `if`)."""
        return int(self._ask("select count(*) from blobs")[0][0])

    def __iter__(self) -> Iterator[str]:
        """Every SHA-256, in the order they came; no transaction is held open meanwhile."""
        last = 0
        while rows := self._ask("select id, sha256 from blobs where id > ? order by id limit 1000", last):
            yield from (sha256 for _, sha256 in rows)
            last = rows[-1][0]

    def _write(self, sha256: str, body: bytes, host: str) -> None:
        if host:
            base, data, begins = self._host(host).choose(body, lambda key: self._find_base(key, host))
        else:
            base, data, begins = None, compress(body), False
        try:
            key = self._insert([sha256, len(body), base, data], host if begins else None)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, str(error), table="blobs", key=sha256) from error
        if key and begins:
            self._remember(key, body)
            self._host(host).begin(key)

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

    def _host(self, name: str) -> Host:
        if name not in self._hosts:
            rows = self._ask("select blob from bases where host = ? order by blob desc limit ?", name, BASES)
            self._hosts[name] = Host.of([blob for (blob,) in rows])
        return self._hosts[name]

    def _find_base(self, key: int, host: str) -> bytes | None:
        try:
            return self._base(key, None)
        except ArchiveError:  # what is damaged must not keep out what is new
            logger.exception("%s: a base of %s is passed over", self.path, host)
            return None

    def _base(self, key: int, wanted: str | None) -> bytes:
        """A base's bytes, hashed when first read; `wanted` is the blob that needs it."""
        if key in self._bases:
            self._bases.move_to_end(key)
            return self._bases[key]
        rows = self._ask("select sha256, size, data from blobs where id = ? and base is null", key)
        if not rows:
            raise ArchiveError(self.path, f"its base {key} is missing or none", table="blobs", key=wanted)
        sha256, size, data = rows[0]
        self._remember(key, self._expand(sha256, size, data))
        return self._bases[key]

    def _remember(self, key: int, body: bytes) -> None:
        self._bases[key] = body
        while sum(map(len, self._bases.values())) > CACHE and len(self._bases) > 1:
            self._bases.popitem(last=False)

    def _ask(self, sql: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(self.path, str(error), table="blobs") from error

    def _expand(self, sha256: str, size: int, data: bytes, base: bytes | None = None) -> bytes:
        try:
            body = expand(data, size, base)
        except (zstandard.ZstdError, TypeError, ValueError) as error:
            raise ArchiveError(self.path, f"is damaged: {error}", table="blobs", key=sha256) from error
        if hashlib.sha256(body).hexdigest() != sha256:
            raise ArchiveError(self.path, "is damaged: its bytes have another SHA-256", table="blobs", key=sha256)
        return body


def evident_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Of an answer's header fields those that are evidence, under lower-case names, in one order.

    >>> evident_headers({"Set-Cookie": "id=7", "ETag": '"a1"', "Date": "Mon, 03 Jun 2024 08:15:00 GMT"})
    {'date': 'Mon, 03 Jun 2024 08:15:00 GMT', 'etag': '"a1"'}
    """
    found = {name.lower(): value for name, value in headers.items()}
    return {name: found[name] for name in EVIDENT if name in found}
