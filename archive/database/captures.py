"""captures.db: response bodies as they were received, each stored once under its SHA-256.

    blobs   sha256; size in bytes; data, a zstd frame; base, the blob that it is compressed
            against, or null
    bases   host, blob: the pages that other pages of the host are compressed against
    refused_bodies, refused_pages   pages that could not be read, kept for a limited time
                                    (refused_pages.py)

The pages of a site are mostly alike, so a page is compressed against a base: a page of the same
host. A host can have several bases, for example one per template, or one for the old and one for
the new design. A base is not compressed against another base, so at most two rows are read to
decompress a blob.

captures.db is beside archive.db, and is never served. It is committed before archive.db. It has the
application_id of its archive.db, so that a swapped file is detected.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from archive.database.sqlite_files import (
    SCHEMA_VERSION,
    ArchiveError,
    check_version,
    open_readonly,
    open_writable,
    read_file_id,
    sqlite_errors,
    write_transaction,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

logger = logging.getLogger(__name__)

CAPTURES_FILE = "captures.db"
PAGE_SIZE = 16384  # bytes; rows of about 2 kB would leave a third of a smaller page empty
CAPTURES_SCHEMA = (  # created in one transaction, because two processes may create the file at once
    "begin immediate",
    "create table if not exists blobs (id integer primary key,"
    " sha256 text not null unique, size integer not null,"
    " base integer references blobs(id), data blob not null)",
    "create table if not exists bases (host text not null,"
    " blob integer not null references blobs(id),"
    " primary key (host, blob)) without rowid",
    "create table if not exists refused_bodies (sha256 text primary key, size integer not null,"
    " base integer references blobs(id), stored integer not null, data blob not null)",
    "create index if not exists idx_refused_bodies_stored on refused_bodies (stored)",
    "create table if not exists refused_pages (id integer primary key, agency text not null,"
    " url text not null, address text not null, record_url text, fetched text not null,"
    " status integer not null, headers text not null, sha256 text not null, reason text not null,"
    " unique (url, fetched))",
    "create index if not exists idx_refused_pages_fetched on refused_pages (fetched)",
    "create index if not exists idx_refused_pages_sha256 on refused_pages (sha256)",
    f"pragma user_version = {SCHEMA_VERSION}",
    "commit",
)
LOST_MESSAGE = (
    "is lost: the archive refers to"
    " captures in it; restore it"
    " from a backup, or begin a new one: scrapy crawl news -s NEW_CAPTURES=True"
)
FOREIGN_MESSAGE = (
    "belongs to another archive; restore the archive's own file (each archive needs its own folder)"
)
HAS_REFUSED_SQL = "select 1 from sqlite_master where name = 'idx_refused_pages_sha256'"
HAS_CAPTURES_SQL = "select exists (select 1 from captures) or exists (select 1 from manifests)"
EVIDENCE_HEADERS = (  # header fields that show how a response was received; cookies are never kept
    *(
        "date",
        "content-type",
        "content-language",
        "content-location",
        "location",
        "etag",
        "last-modified",
        "expires",
    ),
    *("age", "cache-control", "link", "x-robots-tag", "retry-after", "via", "server"),
    "memento-datetime",  # of a response by a web archive: when it captured the page
)

# Compression and its caches
# level 9 saves 3 % on real pages in 1.3 times the time, level 15 saves 8 % in ten times
COMPRESSION_LEVEL = 6
QUICK_LEVEL = 1  # about a seventh larger, in a quarter of the time
MIN_BASE_BYTES = 8  # zstd makes no use of a shorter one
DICTIONARY_MAGIC = b"\x37\xa4\x30\xec"  # RFC 8878, 5
MAX_WINDOW_LOG = 31  # zstd's own limit, 27, is less than large files with their base need
# largest cached base; its dictionary takes several times as much memory
MAX_CACHED_BASE_BYTES = 500_000
MAX_CACHE_BYTES = 64_000_000  # all cached bases together

# When a page becomes a base, and when it is compressed against one
MAX_BASES_PER_HOST = 4  # bases in use at a time
BASE_SIZE_RANGE = range(2_000, 1_000_000)  # bytes; larger pages are compressed alone
# a page compressed against a base must be smaller than this share of the page compressed alone
MAX_BASE_RATIO = 0.4
QUICK_RATIO_MARGIN = 0.8  # factor of MAX_BASE_RATIO for sizes estimated by a quick compression
# further bases allowed per page after the first few; without a limit, a site of long texts would
# add one for each page
NEW_BASES_PER_PAGE = 1 / 16
# pages of a host that share one measurement by quick compression, because they compress about
# equally well
PAGES_PER_ESTIMATE = 16
MAX_SHARE_ESTIMATE = 0.3  # upper limit for the measured share of a page's bytes


class Captures(AbstractContextManager["Captures"]):
    """The captures.db beside an archive.db; a context manager.

    A missing file is created, unless `readonly` is set. If the archive refers to captures, a
    missing file has been lost, and a new one is created only if `begin_new` is set.

    Raises ArchiveError, which names the file, the table and the key, if the file is lost, belongs
    to another archive, or cannot be opened, written or read. If a file opened `readonly` belongs to
    another archive or is damaged, each read raises the error.
    """

    def __init__(self, archive: Path, *, readonly: bool = False, begin_new: bool = False) -> None:
        self.path = self.path_beside(archive)
        self._bases: OrderedDict[int, bytes] = OrderedDict()
        self._hosts: dict[str, HostBases] = {}
        archive_id, has_captures = read_archive_facts(archive)
        is_lost = has_captures and not readonly and not begin_new
        if is_lost and not self.path.is_file():
            raise ArchiveError(self.path, LOST_MESSAGE)
        try:
            self._db = (
                open_readonly(self.path)
                if readonly
                else open_writable(self.path, page_size=PAGE_SIZE)
            )
            exists, file_id = self._read_file_facts(readonly=readonly)
            if is_lost and not exists:
                raise ArchiveError(self.path, LOST_MESSAGE)
            if not readonly:
                self._create_tables(0 if file_id else archive_id, exists=exists)
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be opened: {error}") from error
        self.is_foreign = archive_id > 0 and file_id not in (0, archive_id)
        if self.is_foreign and not readonly:
            self.close()
            raise ArchiveError(self.path, FOREIGN_MESSAGE)

    def _read_file_facts(self, *, readonly: bool) -> tuple[bool, int]:
        """Return whether the file has tables, and the id of its archive.

        If the file is damaged and was opened `readonly`, no error is raised until bytes are read
        from it, so that `verify` can continue.
        """
        try:
            return check_version(self._db, self.path), read_file_id(self._db)
        except sqlite3.DatabaseError:
            if not readonly:
                raise
            return True, 0

    def _create_tables(self, new_id: int, *, exists: bool) -> None:
        """Create missing tables, and give the file the id of its archive if it has none.

        A file made by an older version may already contain all tables except the newest ones.
        """
        is_current = exists and bool(self._db.execute(HAS_REFUSED_SQL).fetchone())
        for sql in () if is_current else CAPTURES_SCHEMA:
            self._db.execute(sql)
        if new_id:
            self._db.execute(f"pragma application_id = {new_id}")

    @staticmethod
    def path_beside(archive: Path) -> Path:
        return archive.with_name(CAPTURES_FILE)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def store_body(self, body: bytes, host: str) -> str:
        """Store bytes received from `host`, and return their SHA-256 in hex.

        The bytes are committed on return, or at the end of a `transaction` block. `host` is "" for
        bytes that the archive itself produced.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        if sha256 not in self:
            self._write(sha256, body, host)
        return sha256

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything that was stored in the block when the block ends, or nothing if the
        block raises.
        """
        try:
            with write_transaction(self._db):
                yield
        except BaseException:
            self._hosts.clear()  # the cached bases may include some that were rolled back
            self._bases.clear()
            raise

    def read(self, sha256: str) -> bytes:
        """Return the bytes with this SHA-256.

        Raises ArchiveError if they are missing or damaged.
        """
        rows = self.query("select size, base, data from blobs where sha256 = ?", sha256)
        if not rows:
            raise ArchiveError(self.path, "is not stored", table="blobs", key=sha256)
        return self.decompress_body(sha256, *rows[0])

    def try_read(self, sha256: str) -> bytes | ArchiveError:
        """Return the bytes with this SHA-256, or an ArchiveError if they are missing or damaged."""
        try:
            return self.read(sha256)
        except ArchiveError as error:
            return error

    def compress_body(self, body: bytes, host: str) -> tuple[int | None, bytes, bool]:
        """Compress a page of a host, and return the result of `HostBases.compress_page`."""
        bases = self._host_bases(host)
        return bases.compress_page(body, lambda key: self._try_read_base(key, host))

    def decompress_body(self, sha256: str, size: int, base: int | None, data: bytes) -> bytes:
        return self._decompress(
            sha256, size, data, None if base is None else self._read_base(base, sha256)
        )

    def size(self, sha256: str) -> int | None:
        """Return the number of bytes stored under a SHA-256, or None if nothing is stored under
        it.
        """
        rows = self.query("select size from blobs where sha256 = ?", sha256)
        return rows[0][0] if rows else None

    def __contains__(self, sha256: str) -> bool:
        return self.size(sha256) is not None

    def count(self) -> int:
        """Return the number of blobs.

        (There is no `__len__`, because an empty file would then be false.)
        """
        return int(self.query("select count(*) from blobs")[0][0])

    def __iter__(self) -> Iterator[str]:
        """Yield the SHA-256 of every blob, in the order in which the blobs were stored. No
        transaction is kept open.
        """
        last = 0
        while rows := self.query(
            "select id, sha256 from blobs where id > ? order by id limit 1000", last
        ):
            yield from (sha256 for _, sha256 in rows)
            last = rows[-1][0]

    def _write(self, sha256: str, body: bytes, host: str) -> None:
        if host:
            base, data, becomes_base = self.compress_body(body, host)
        else:
            base, data, becomes_base = None, compress(body), False
        transaction = nullcontext() if self._db.in_transaction else self.transaction()
        with sqlite_errors(self.path, table="blobs", key=sha256), transaction:
            written = self._db.execute(
                "insert or ignore into blobs (sha256, size, base, data) values (?, ?, ?, ?)",
                [sha256, len(body), base, data],
            )
            # another process stored it first, or it is not a base
            if not written.rowcount or not becomes_base:
                return
            key = int(written.lastrowid or 0)
            self._db.execute("insert into bases (host, blob) values (?, ?)", [host, key])
        self._cache_base(key, body)
        bases = self._host_bases(host)
        bases.base_ids = [key, *bases.base_ids][:MAX_BASES_PER_HOST]

    def _host_bases(self, name: str) -> HostBases:
        if name not in self._hosts:
            rows = self.query(
                "select blob from bases where host = ? order by blob desc limit ?",
                name,
                MAX_BASES_PER_HOST,
            )
            # at least one more base may be added, in case the site was rebuilt
            credit = max(1, MAX_BASES_PER_HOST - len(rows))
            self._hosts[name] = HostBases(
                base_ids=[blob for (blob,) in rows], new_base_credit=credit
            )
        return self._hosts[name]

    def _try_read_base(self, base_id: int, host: str) -> bytes | None:
        try:
            return self._read_base(base_id, None)
        except ArchiveError:  # a damaged base must not prevent storing new pages
            logger.exception("%s: a base of %s cannot be read and is not used", self.path, host)
            return None

    def _read_base(self, base_id: int, needed_by: str | None) -> bytes:
        """Return the bytes of a base. The bytes are checked the first time they are read.

        needed_by: the SHA-256 of the blob that is compressed against the base, for the error
            message.
        """
        if base_id in self._bases:
            self._bases.move_to_end(base_id)
            return self._bases[base_id]
        rows = self.query(
            "select sha256, size, data from blobs where id = ? and base is null", base_id
        )
        if not rows:
            raise ArchiveError(
                self.path,
                f"its base {base_id} is missing or has a base itself",
                table="blobs",
                key=needed_by,
            )
        sha256, size, data = rows[0]
        self._cache_base(base_id, self._decompress(sha256, size, data))
        return self._bases[base_id]

    def _cache_base(self, base_id: int, body: bytes) -> None:
        self._bases[base_id] = body
        while sum(map(len, self._bases.values())) > MAX_CACHE_BYTES and len(self._bases) > 1:
            self._bases.popitem(last=False)

    def query(self, sql: str, *values: object) -> list[Any]:
        """Run a statement, and return its rows. Raises ArchiveError if that fails."""
        if self.is_foreign:
            raise ArchiveError(self.path, FOREIGN_MESSAGE)
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(self.path, str(error), table="blobs") from error

    def _decompress(self, sha256: str, size: int, data: bytes, base: bytes | None = None) -> bytes:
        try:
            body = decompress(data, size, base)
        except (zstd.ZstdError, TypeError, ValueError) as error:
            raise ArchiveError(
                self.path, f"is damaged: {error}", table="blobs", key=sha256
            ) from error
        if hashlib.sha256(body).hexdigest() != sha256:
            raise ArchiveError(
                self.path, "is damaged: its bytes have another SHA-256", table="blobs", key=sha256
            )
        return body


def read_archive_facts(archive: Path) -> tuple[int, bool]:
    """Return the id of an archive.db, and whether it refers to captures.

    Returns (0, False) if the file cannot be read.
    """
    try:
        with closing(open_readonly(archive)) as db:
            return read_file_id(db), bool(db.execute(HAS_CAPTURES_SQL).fetchone()[0])
    except sqlite3.Error:  # the file does not exist yet, or the error is reported when it is opened
        return 0, False


def find_captures_problem(archive: Path) -> ArchiveError | None:
    """Return an error if captures.db is lost or unreadable, or belongs to another archive.
    Otherwise, return None.
    """
    path = Captures.path_beside(archive)
    if not path.is_file():
        is_lost = read_archive_facts(archive)[1]
        return (
            ArchiveError(path, "is lost: the archive refers to captures in it") if is_lost else None
        )
    try:
        with Captures(archive, readonly=True) as captures:
            captures.count()
    except ArchiveError as error:
        return error
    return None


def select_evidence_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the header fields that count as evidence, with lower-case names in a fixed order.

    >>> headers = {"Set-Cookie": "id=7", "ETag": '"a1"', "Date": "Mon, 03 Jun 2024 08:15:00 GMT"}
    >>> select_evidence_headers(headers)
    {'date': 'Mon, 03 Jun 2024 08:15:00 GMT', 'etag': '"a1"'}
    """
    lower_case = {name.lower(): value for name, value in headers.items()}
    return {name: lower_case[name] for name in EVIDENCE_HEADERS if name in lower_case}


@dataclass(slots=True, kw_only=True)
class HostBases:
    """The bases against which the pages of one host are compressed, and how many more bases may be
    added.
    """

    base_ids: list[int]  # most recently used base first
    new_base_credit: float  # number of new bases allowed
    compressed_share: float = 1.0  # share of a page's bytes that is left after a quick compression
    estimates_left: int = 0  # number of further pages for which `compressed_share` is used

    def compress_page(
        self, body: bytes, read_base: Callable[[int], bytes | None]
    ) -> tuple[int | None, bytes, bool]:
        """Compress a page against a base of its host, or by itself.

        Returns the id of the base (None if the page is compressed by itself), the frame, and
        whether the page becomes a base.

        `read_base` returns a base's bytes, or None if they cannot be read. Compressing a page by
        itself at the full level is the most expensive step. It is skipped if a quick compression of
        this page, or of a recent page, shows that a frame compressed against a base is small
        enough.
        """
        self.new_base_credit += NEW_BASES_PER_PAGE
        max_frame_size = (
            QUICK_RATIO_MARGIN * MAX_BASE_RATIO * self._estimate_size(body)
            if self.base_ids
            else 0.0
        )
        best = self._find_best_base(body, read_base, max_frame_size)
        if best is None or len(best[1]) >= max_frame_size:
            plain = compress(body)
            frame_size = None if best is None else len(best[1])
            if self._needs_new_base(body, plain, frame_size):
                self.new_base_credit -= 1
                return None, plain, True
            if best is None or len(best[1]) >= len(plain):
                return None, plain, False
        self.base_ids.remove(best[0])
        self.base_ids.insert(0, best[0])
        return *best, False

    def _needs_new_base(self, body: bytes, plain: bytes, frame_size: int | None) -> bool:
        """Return whether a page becomes a base.

        Three conditions must be met: the page compresses well by itself, it compresses poorly
        against the host's best base (or the host has no base), and another base may be added for
        the host.
        """
        # a page of text that no base fits has a new design, unlike an image or a few words
        is_text = len(body) in BASE_SIZE_RANGE and len(plain) < len(body) / 2
        is_unlike = frame_size is None or frame_size >= MAX_BASE_RATIO * len(plain)
        return is_text and is_unlike and self.new_base_credit >= 1

    def _find_best_base(
        self, body: bytes, read_base: Callable[[int], bytes | None], max_frame_size: float
    ) -> tuple[int, bytes] | None:
        """Return the id of the best base and the frame compressed against that base.

        Returns None if no base can be used. The best base is the first one with a frame below
        `max_frame_size`, or else the one with the smallest frame.
        """
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
        if not self.estimates_left:
            frame = zstd.compress(body, QUICK_LEVEL)
            self.compressed_share = min(MAX_SHARE_ESTIMATE, len(frame) / max(1, len(body)))
            self.estimates_left = PAGES_PER_ESTIMATE
        self.estimates_left -= 1
        return self.compressed_share * len(body)


def compress(body: bytes, base: bytes | None = None) -> bytes:
    """Compress bytes into a zstd frame. Passages that also occur in `base` take almost no space.

    >>> page = bytes(range(256)) * 9
    >>> len(compress(page + b"!", page)) < len(compress(page + b"!")) < len(page)
    True
    """
    if base is None or len(base) < MIN_BASE_BYTES:
        return zstd.compress(body, COMPRESSION_LEVEL)
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: COMPRESSION_LEVEL,
        # spans body and base
        zstd.CompressionParameter.window_log: max(10, (len(body) + len(base)).bit_length()),
    }
    build = (
        _build_dictionary if len(base) <= MAX_CACHED_BASE_BYTES else _build_dictionary.__wrapped__
    )
    dictionary = build(base)
    # zstd would read a base that begins as its own dictionaries do as one of these
    is_raw = not base.startswith(DICTIONARY_MAGIC)
    return zstd.compress(
        body,
        options=options,
        zstd_dict=dictionary.as_digested_dict if is_raw else dictionary.as_prefix,
    )


@lru_cache(maxsize=4)  # some megabytes each; successive pages of a site share one
def _build_dictionary(base: bytes) -> zstd.ZstdDict:
    """Return a reusable dictionary with the content of a base."""
    return zstd.ZstdDict(base, is_raw=True)


def decompress(frame: bytes, size: int, base: bytes | None = None) -> bytes:
    """Decompress a zstd frame.

    Raises ZstdError or ValueError if the frame is damaged or does not contain `size` bytes.

    >>> decompress(compress(b"abc", b"abcabc"), 3, b"abcabc")
    b'abc'
    """
    declared_size = zstd.get_frame_info(frame).decompressed_size
    if declared_size != size:  # checked before so much memory is allocated
        raise ValueError(f"holds {declared_size} bytes, not {size}")
    prefix = None
    if base is not None and len(base) >= MIN_BASE_BYTES:
        prefix = zstd.ZstdDict(base, is_raw=True).as_prefix
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
    decompressor = zstd.ZstdDecompressor(prefix, options)
    body = decompressor.decompress(frame)
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("is not one whole frame")
    return body


def compute_sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def compute_file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_captures(path: Path) -> Captures | nullcontext[None]:
    """Open an archive's captures.db as a context manager.

    The context manager yields None if there is no such file.
    """
    return Captures(path, readonly=True) if Captures.path_beside(path).is_file() else nullcontext()


def read_capture_body(captures: Captures | None, sha256: str) -> bytes:
    """Return the bytes with a SHA-256.

    Raises ArchiveError if they are missing or damaged, or if there is no captures.db.
    """
    if captures is None:
        raise ArchiveError("captures.db", "no such file", key=sha256)
    return captures.read(sha256)
