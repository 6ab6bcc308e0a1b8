"""Near-duplicate releases across agencies (MinHash).

How alike two texts are, by the runs of five words they share, and keys by which alike texts find each other.

The keys are MinHash bands: of texts that share 60 % of their runs 98 in 100 have a key in common, of those
that share 70 % practically all, of those that share a tenth one in 60.

Joint texts: the same or nearly the same release at several agencies; and what says the same at one agency.

Two texts are joint where they share 60 % of their runs of five words and stand within two weeks of each other:
what recurs (a council's next meeting, a yearly reminder) shares more than that with what stood months before.
The same 100 words throughout are joint at any distance. Under 40 words a greeting and a date make most of the
runs: such texts must be the same throughout and near in time, and under 12 they say too little to tell.

Who else published what a release says: one release of each other agency, first publisher first.
"""

from __future__ import annotations

import re
import sqlite3
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rensa import RMinHash
from sqlite_utils import Database

from archive.dates import Month, parse_time, to_timezone
from archive.i18n import SWEDISH_TIME

SHINGLE_LENGTH = 5  # words; at the same number of false pairs, runs of 3 or 4 miss more copies with an intro or a cut
MAX_WORDS = 20_000  # words of a text that are looked at
BAND_COUNT, ROWS_PER_BAND, MINHASH_SEED = 16, 3, 1
CODE_VERSION = 1  # raise it when anything in this file changes a key
KEY_VERSION = 10 * CODE_VERSION + int(RMinHash.ALGORITHM_VERSION)  # keys made under other rules are no match for these
WORD = re.compile(r"\w+")
IGNORED_CHARACTERS = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphens and the like, inside words


def split_text_words(text: str) -> list[str]:
    """A text's words, small letters, without signs and spaces.

    >>> split_text_words("– Nu öpp\u00adnar fyren, säger Ada.")
    ['nu', 'öppnar', 'fyren', 'säger', 'ada']
    """
    plain = unicodedata.normalize("NFKC", text)
    for mark in IGNORED_CHARACTERS:
        if mark in plain:
            plain = plain.replace(mark, "")
    return WORD.findall(plain.casefold())[:MAX_WORDS]


def build_shingles(words: Sequence[str], length: int = SHINGLE_LENGTH) -> frozenset[str]:
    """Each run of so many words once.

    >>> sorted(build_shingles("en två tre fyra fem sex".split()))
    ['en två tre fyra fem', 'två tre fyra fem sex']
    """
    return frozenset(map(" ".join, zip(*(words[start:] for start in range(length)), strict=False)))


def jaccard_similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """The share of all runs that stand in both (Jaccard): 0 nothing, 1 the same.

    >>> jaccard_similarity(frozenset("abc"), frozenset("bcd"))
    0.5
    """
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared) if shared else 0.0


def hash_words(words: Sequence[str]) -> int:
    """A key that only the same words have, 32 bits, signed."""
    return to_signed_int32(zlib.crc32(" ".join(words).encode()))


def hash_bands(shingles: frozenset[str]) -> list[int]:
    """A key for each of the 16 bands, 32 bits, signed: texts that share much share some, each in its band."""
    hashed = RMinHash(num_perm=BAND_COUNT * ROWS_PER_BAND, seed=MINHASH_SEED)
    hashed.update(list(shingles))
    slots = hashed.digest()
    signature = struct.pack(f"<{len(slots)}I", *slots)  # in one byte order on every machine
    width = 4 * ROWS_PER_BAND
    return [to_signed_int32(zlib.crc32(signature[at : at + width])) for at in range(0, len(signature), width)]


def to_signed_int32(number: int) -> int:
    """An unsigned 32-bit number as the signed one of the same bits: SQLite keeps it in four bytes.

    >>> to_signed_int32(2**32 - 1), to_signed_int32(5)
    (-1, 5)
    """
    return number - 2**32 if number >= 2**31 else number


MIN_SIMILARITY = 0.6  # of the runs that two texts have between them; figures beside RUN in shingles.py
MAX_DAYS_APART = 14  # days
MIN_WORDS, MIN_SHINGLED_WORDS, MIN_TIMELESS_WORDS = 12, 40, 100  # words
MAX_CANDIDATES = 50  # texts compared at one look-up: those with the most keys in common
FIRST_BAND = 100 * KEY_VERSION  # the whole text's band; those of other rules have other numbers
LAST_BAND = FIRST_BAND + BAND_COUNT
DAY_RANGE = 2**16  # a key's last 16 bits are a day, so that one range of keys finds the texts of some weeks
EPOCH_DAY = date(1970, 1, 1).toordinal()
ReleaseTextRow = tuple[
    str, str | None, str, str | None, str | None, str
]  # title, lead, body, published, updated, first_seen


@dataclass(frozen=True, slots=True)
class ShingledText:
    """What a release says, ready to be compared."""

    words: Sequence[str]
    shingles: frozenset[str]

    @property
    def is_short(self) -> bool:
        return len(self.words) < MIN_SHINGLED_WORDS

    def band_keys(self) -> list[tuple[int, int]]:
        """Each band with its key: the whole text's, and where it is long enough those by which alike texts meet."""
        if len(self.words) < MIN_WORDS:
            return []
        keys = [hash_words(self.words), *([] if self.is_short else hash_bands(self.shingles))]
        return list(enumerate(keys, FIRST_BAND))


@dataclass(frozen=True, slots=True)
class BandKeys:
    """What a text is found by: each band with its key, and whether it is long; worked out without the archive."""

    band_keys: list[tuple[int, int]]
    is_long: bool


class NearDuplicates:
    """The tables minhash_bands and near_duplicates. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def update_release(
        self, release_id: int, agency: str, text: str, band_keys: BandKeys | None = None, *, is_new: bool = False
    ) -> None:
        """Make a release known by its text as it stands now, and pair it with those of other agencies.

        Its row must be written: its dates are read there. Pairs of an earlier text go, unless it is `new` and has
        none. Its keys stay: a release found by them is compared as it stands. `keys`: the text's, where they are
        known already.
        """
        known = band_keys or build_band_keys(text)
        day = self.db.execute(
            "select published, updated, first_seen from releases where id = ?", [release_id]
        ).fetchone()
        day = to_day_number(*day)
        if not is_new:
            self._delete_pairs(release_id)
        if not known.band_keys:
            return
        self.db.conn.executemany(
            "insert or ignore into minhash_bands (band, value, release) values (?, ?, ?)",
            [(band, key * DAY_RANGE + day, release_id) for band, key in known.band_keys],
        )
        low, high = max(day - MAX_DAYS_APART, 0), min(day + MAX_DAYS_APART, DAY_RANGE - 1)
        ranges = [(band, key * DAY_RANGE + low, key * DAY_RANGE + high) for band, key in known.band_keys]
        if known.is_long:
            ranges[0] = key_range(*known.band_keys[0])
        others = find_candidates(self.db, ranges, "<>", agency)
        told = shingle_text(text if others else "")
        for other in others:
            held, held_day = self._read_text_and_day(other)
            alike = compare_texts(told, held, close_in_time=abs(day - held_day) <= MAX_DAYS_APART)
            if alike is not None:
                self.db.conn.executemany(
                    "insert into near_duplicates (release, other, similarity) values (?, ?, ?)",
                    [(release_id, other, alike), (other, release_id, alike)],
                )

    def find_same_text(self, text: str, agency: str) -> list[tuple[int, float]]:
        """Releases of one agency that say what a text says, whenever they stood: (id, likeness), the likest first."""
        told = shingle_text(text)
        ranges = [key_range(band, key) for band, key in told.band_keys()]
        found = [
            (other, compare_texts(told, self._read_text_and_day(other)[0]))
            for other in find_candidates(self.db, ranges, "=", agency)
        ]
        return sorted(((other, alike) for other, alike in found if alike), key=lambda pair: (-pair[1], pair[0]))

    def reindex_batch(self, after_id: int = 0, limit: int = 500) -> int | None:
        """Note the releases that follow the id `after`, at most so many; gives the last one's id, None at the end.

        For an archive older than these tables, or whose keys were made under other rules (shingles.RULES): a
        pass begins at 0, and then throws such keys away.
        """
        if after_id == 0:
            self.db.execute("delete from minhash_bands where band not between ? and ?", [FIRST_BAND, LAST_BAND])
        rows = self.db.execute(
            "select id, agency, title, lead, body from releases where id > ? order by id limit ?", [after_id, limit]
        ).fetchall()
        for release, agency, *parts in rows:
            self.update_release(release, agency, join_text_fields(*parts))
        return rows[-1][0] if rows else None

    def reindex_all(self) -> None:
        """A whole pass of `renew`."""
        last: int | None = 0
        while last is not None:
            last = self.reindex_batch(last)

    def is_stale(self) -> bool:
        """Whether keys of other rules are held: their releases are not found until `renew` has passed over them."""
        row = self.db.execute(
            "select exists (select 1 from minhash_bands where band < ?) or exists"
            " (select 1 from minhash_bands where band > ?)",
            [FIRST_BAND, LAST_BAND],
        ).fetchone()
        return bool(row[0])

    def _delete_pairs(self, release_id: int) -> None:
        """Take a release's pairs out, from both sides."""
        self.db.execute(
            "delete from near_duplicates where other = ?1 and release in"
            " (select other from near_duplicates where release = ?1)",
            [release_id],
        )
        self.db.execute("delete from near_duplicates where release = ?", [release_id])

    def _read_text_and_day(self, release_id: int) -> tuple[ShingledText, int]:
        """What a release says now, and its day."""
        row: ReleaseTextRow = self.db.execute(
            "select title, lead, body, published, updated, first_seen from releases where id = ?", [release_id]
        ).fetchone()
        return shingle_text(join_text_fields(*row[:3])), to_day_number(*row[3:])


def find_candidates(db: Database, ranges: list[tuple[int, int, int]], operator: str, agency: str) -> list[int]:
    """Releases with a key in one of the ranges (band, lowest, highest), those with the most first.

    `which`: "=" of the agency, "<>" of others.
    """
    if not ranges:
        return []
    rows = db.execute(
        f"with ranges (band, low, high) as (values {', '.join(['(?, ?, ?)'] * len(ranges))}), found as ("
        " select b.release, count(*) as shared from ranges g cross join minhash_bands b"
        " on b.band = g.band and b.value between g.low and g.high group by b.release)"
        f" select f.release from found f join releases r on r.id = f.release where r.agency {operator} ?"
        " order by f.shared desc, f.release desc limit ?",
        [*(number for numbers in ranges for number in numbers), agency, MAX_CANDIDATES],
    )
    return [row[0] for row in rows.fetchall()]


def compare_texts(first: ShingledText, second: ShingledText, *, close_in_time: bool = True) -> float | None:
    """How alike two texts are, 0-1, where that makes them one release; `near`: they stand near in time."""
    if first.words == second.words:
        return 1.0 if close_in_time or len(first.words) >= MIN_TIMELESS_WORDS else None
    if first.is_short or second.is_short or not close_in_time:
        return None
    alike = jaccard_similarity(first.shingles, second.shingles)
    return round(alike, 3) if alike >= MIN_SIMILARITY else None


def key_range(band: int, key: int) -> tuple[int, int, int]:
    """A key on any day."""
    return band, key * DAY_RANGE, key * DAY_RANGE + DAY_RANGE - 1


def shingle_text(text: str) -> ShingledText:
    """A text's words and their runs."""
    words = split_text_words(text)
    return ShingledText(words, build_shingles(words))


def build_band_keys(text: str) -> BandKeys:
    """What a text is found by."""
    told = shingle_text(text)
    return BandKeys(told.band_keys(), len(told.words) >= MIN_TIMELESS_WORDS)


def join_text_fields(title: str, lead: str | None, body: str) -> str:
    """All that a release says."""
    return "\n\n".join(filter(None, (title, lead, body)))


def to_day_number(published: str | None, updated: str | None, first_seen: str) -> int:
    """The day a release belongs to, counted from 1970: as it says itself, else when it was first seen.

    >>> to_day_number(None, "1970-01-03T10:00:00+01:00", "2024-01-01T00:00:00+00:00")
    2
    """
    told = (published or updated or first_seen)[:10]
    day = date.fromisoformat(told if len(told) > 7 else f"{told}-01").toordinal() - EPOCH_DAY
    return min(max(day, 0), DAY_RANGE - 1)


DUPLICATES_SQL = """
    select o.id, o.title, o.language, o.agency, a.name, a.name_en, o.published, o.updated, o.first_seen, j.similarity
    from near_duplicates j join releases o on o.id = j.other join agencies a on a.slug = o.agency
    where j.release = ? and o.moved_to is null
"""


@dataclass(frozen=True, slots=True)
class DuplicateRelease:
    """The same or nearly the same text at another agency; named as a list of releases names its rows."""

    id: int
    title: str
    language: str | None
    agency: str
    name: str
    name_en: str | None
    published: str | None
    updated: str | None
    first_seen: str
    similarity: float  # 0-1; 1 where the words are the same
    earlier: bool = False  # by both agencies' own words it was published before the release it is compared with


def find_duplicates(connection: sqlite3.Connection, release: int) -> list[DuplicateRelease]:
    """Who else published a release. Of an agency that did so more than once: the likest, then the nearest in time."""
    own = connection.execute("select published, updated, first_seen from releases where id = ?", [release]).fetchone()
    if own is None:
        return []
    day = to_day_number(*own)
    chosen: dict[str, DuplicateRelease] = {}
    for row in connection.execute(DUPLICATES_SQL, [release]).fetchall():
        found = DuplicateRelease(*(*row, is_earlier(row[6], own[0])))
        held = chosen.get(found.agency)
        if held is None or similarity_sort_key(found, day) < similarity_sort_key(held, day):
            chosen[found.agency] = found
    return sorted(chosen.values(), key=publication_sort_key)


def similarity_sort_key(duplicate: DuplicateRelease, day: int) -> tuple[float, int, float, int]:
    """How far a publication is from a release: in its text by tenths, then in days."""
    days = abs(to_day_number(duplicate.published, duplicate.updated, duplicate.first_seen) - day)
    return -round(duplicate.similarity, 1), days, -duplicate.similarity, duplicate.id


def publication_sort_key(duplicate: DuplicateRelease) -> tuple[date, str, str, int]:
    """First publisher first; of a day those that tell the hour, then as they were seen."""
    when = parse_time(duplicate.published or duplicate.updated or duplicate.first_seen)
    assert when is not None  # noqa: S101 - first_seen is never null
    hour = f"{to_timezone(when, SWEDISH_TIME):%H:%M:%S}" if isinstance(when, datetime) else "~"
    return to_local_day(when), hour, duplicate.first_seen, duplicate.id


def is_earlier(published: str | None, than: str | None) -> bool:
    """Whether one time lies before another for certain: a day alone leaves the hour open, a month alone the day.

    >>> is_earlier("2024-05-28", "2024-05-28T09:30:00+02:00"), is_earlier("2024-05-27", "2024-05-28T09:30:00+02:00")
    (False, True)
    """
    one, other = parse_time(published), parse_time(than)
    if one is None or other is None:
        return False
    if isinstance(one, Month) or isinstance(other, Month):
        return f"{one:%Y-%m}" < f"{other:%Y-%m}"
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one < other
    return to_local_day(one) < to_local_day(other)


def to_local_day(when: datetime | date) -> date:
    """The day in Sweden."""
    return to_timezone(when, SWEDISH_TIME).date() if isinstance(when, datetime) else when
