"""Finds near-duplicates (pairs of releases with almost the same text) with MinHash.

The two releases are from different agencies or from the same one. Releases from the same agency are
on two sites (its own and that of a press wire, distinguished by host), or at two addresses of one
site.

Two texts are near-duplicates if they share at least 60% of their shingles (runs of five words) and
are at most two weeks apart. The time limit excludes recurring texts (a council's next meeting, a
yearly reminder), which share more than 60% of their shingles with earlier texts. Texts of at least
100 words that are identical are near-duplicates at any distance in time. In texts of fewer than 40
words, most shingles come from greetings and dates, so such texts have to be identical and close in
time. Texts of fewer than 12 words are never compared. On one site, many texts are written on the
model of the previous one, so two such texts have to share 90% of their shingles and all figures.

Candidates are found by MinHash bands. Of the pairs of texts that share 60% of their shingles, 98%
have a band in common. Nearly all pairs that share 70% do, but only one in 60 of the pairs that
share 10%.
"""

from __future__ import annotations

import re
import sqlite3
import struct
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from rensa import RMinHash
from sqlite_utils import Database

from archive.i18n import SWEDISH_TIME
from archive.times import Month, parse_time, to_timezone

# Shingles and MinHash
# words; with as many false pairs, 3 or 4 miss more copies that were shortened or introduced
SHINGLE_LENGTH = 5
MAX_WORDS = 20_000  # per text; further words are ignored
BAND_COUNT = 16
ROWS_PER_BAND = 3
MINHASH_SEED = 1
# raise the first number when anything in this module changes a key or a pair
DUPLICATES_VERSION = f"1 rensa-{RMinHash.ALGORITHM_VERSION}"
WORD = re.compile(r"\w+")
# soft hyphens and the like, which may be inside words
IGNORED_CHARACTERS = "\u00ad\u200b\u200c\u200d\u2060\ufeff"

# Which texts are near-duplicates
MIN_SIMILARITY = 0.6  # share of all shingles of two texts
MAX_DAYS_APART = 14
MIN_WORDS = 12
MIN_SHINGLED_WORDS = 40  # shorter texts have to be identical
MIN_TIMELESS_WORDS = 100  # minimum for identical texts at any distance in time
# of two texts on one site; tried on 10,737 releases: 5 pairs, all of them copies
MIN_OWN_SIMILARITY = 0.9
# by which these are found: of texts that share 90 %, 995 of 1,000 have one of them in common
OWN_BANDS = 5
MAX_OWN_CANDIDATES = 10  # texts of the same agency compared with each text
# texts of others compared with each text: those that share the most keys with it
MAX_CANDIDATES = 50
NO_LIMIT = 2**63 - 1  # a larger id than that of any release

# Numbers in minhash_bands
# the last 16 bits of a key are a day, so that one range of keys finds the texts of some weeks
DAY_RANGE = 2**16
EPOCH_DAY = date(1970, 1, 1).toordinal()

DUPLICATES_SQL = """
    select o.id, o.title, o.language, o.agency, a.name, a.name_en,
      o.published, o.updated, o.added, o.url,
      o.revision, j.similarity
    from near_duplicates j join releases o on o.id = j.other join agencies a on a.slug = o.agency
    where j.release = ? and o.moved_to is null
"""
# The beginning of r.url up to its path; "https://" has eight characters.
ORIGIN_SQL = "substr(r.url, 1, 8 + instr(substr(r.url, 9), '/'))"

KeyRange = tuple[int, int, int]  # band, lowest and highest value


def find_duplicates(connection: sqlite3.Connection, release: int) -> list[dict[str, Any]]:
    """Return the near-duplicates of a release, one per agency, in the order of publication.

    For the release's own agency, one per host is returned. If an agency or host has several
    near-duplicates, the most similar one is chosen or, if several are about equally similar, the
    one closest in time. In each result, `earlier` is true if both releases state a date and the
    near-duplicate was certainly published earlier.
    """
    sql = "select published, updated, added, agency from releases where id = ?"
    own = connection.execute(sql, [release]).fetchone()
    if own is None:
        return []
    day = to_day_number(*own[:3])

    def similarity_key(duplicate: dict[str, Any]) -> tuple[float, int, float, int]:
        days = abs(
            to_day_number(duplicate["published"], duplicate["updated"], duplicate["added"]) - day
        )
        return round(duplicate["similarity"], 1), -days, duplicate["similarity"], -duplicate["id"]

    def publication_key(duplicate: dict[str, Any]) -> tuple[date, str, str, int]:
        when = parse_time(duplicate["published"] or duplicate["updated"] or duplicate["added"])
        assert when is not None  # noqa: S101 - `added` is never null
        # on the same day, releases with a time of day come first
        hour = f"{to_timezone(when, SWEDISH_TIME):%H:%M:%S}" if isinstance(when, datetime) else "~"
        return _to_local_day(when), hour, duplicate["added"], duplicate["id"]

    duplicates = sorted(Database(connection).query(DUPLICATES_SQL, [release]), key=similarity_key)
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for duplicate in duplicates:
        duplicate["earlier"] = is_earlier(duplicate["published"], own[0])
        duplicate["host"] = urlsplit(duplicate["url"]).hostname or ""
        best[duplicate["agency"], duplicate["host"] if duplicate["agency"] == own[3] else ""] = (
            duplicate
        )
    return sorted(best.values(), key=publication_key)


def is_earlier(published: str | None, than: str | None) -> bool:
    """Return whether a time is certainly before another.

    Return False if either time is None. Also return False if the order is unknown: if both are on
    the same day and one has no time of day, or if one is a month that contains the other.

    >>> [is_earlier(day, "2024-05-28T09:30:00+02:00") for day in ("2024-05-28", "2024-05-27")]
    [False, True]
    """
    first, second = parse_time(published), parse_time(than)
    if first is None or second is None:
        return False
    if isinstance(first, Month) or isinstance(second, Month):
        return f"{first:%Y-%m}" < f"{second:%Y-%m}"
    if isinstance(first, datetime) and isinstance(second, datetime):
        return first < second
    return _to_local_day(first) < _to_local_day(second)


def _to_local_day(when: datetime | date) -> date:
    return to_timezone(when, SWEDISH_TIME).date() if isinstance(when, datetime) else when


class NearDuplicates:
    """Reads and writes the tables minhash_bands and near_duplicates.

    No method commits: wrap calls in `Archive.transaction`.
    """

    def __init__(self, db: Database) -> None:
        self.db = db

    def update_release(
        self,
        release_id: int,
        state: Mapping[str, Any],
        keys: BandKeys,
        replaced: Mapping[str, Any] | None = None,
        *,
        is_new: bool = False,
    ) -> None:
        """Store a release's keys and near-duplicates. Its row in `releases` must already be stored.

        keys: the keys of the release's text (build_band_keys).
        replaced: the state from which the stored keys were computed. If it is None, no keys are
            stored yet, and the release is compared only with releases that have smaller ids. This
            is sufficient for a new release, and when the keys of all releases are rewritten in the
            order of their ids.
        is_new: whether the release has just been added, so that it has no stored near-duplicates.
        """
        agency, url, added = self.db.execute(
            "select agency, url, added from releases where id = ?", [release_id]
        ).fetchone()
        day = _find_day(state, added)
        if replaced is not None:
            old_keys = build_band_keys(join_state_text(replaced))
            self.db.conn.executemany(
                "delete from minhash_bands where band = ? and value = ? and release = ?",
                _list_key_rows(release_id, old_keys, _find_day(replaced, added)),
            )
        self.db.conn.executemany(
            "insert or ignore into minhash_bands (band, value, release) values (?, ?, ?)",
            _list_key_rows(release_id, keys, day),
        )
        before = release_id if replaced is None else NO_LIMIT
        ranges = _list_ranges(keys, day)
        find = partial(_find_candidates, self.db, agency=agency, except_id=release_id)
        elsewhere = find(ranges, before=before, origins=_list_origins(url))
        own = find(ranges[:OWN_BANDS], before=before, limit=MAX_OWN_CANDIDATES)
        pairs = self._find_pairs(join_state_text(state), day, elsewhere, own)
        if pairs or not is_new:
            self._replace_pairs(release_id, pairs, before)

    def _find_pairs(
        self, text: str, day: int, elsewhere: Sequence[int], own: Sequence[int]
    ) -> dict[int, float]:
        """Return the near-duplicates among the candidates, each with its similarity.

        elsewhere: candidates on other sites.
        own: candidates on the release's own site.
        """
        others = dict.fromkeys([*elsewhere, *own])
        shingled = _shingle_text(text) if others else ShingledText([], frozenset())
        pairs: dict[int, float] = {}
        for other_id in others:
            other_text, other_day = self._read_text_and_day(other_id)
            close_in_time = abs(day - other_day) <= MAX_DAYS_APART
            similarity = _compare_texts(shingled, other_text, close_in_time=close_in_time)
            if similarity and (
                other_id in elsewhere or _is_own_copy(shingled, other_text, similarity)
            ):
                pairs[other_id] = similarity
        return pairs

    def _replace_pairs(self, release_id: int, pairs: Mapping[int, float], before: int) -> None:
        """Replace a release's stored near-duplicates that have ids below `before` with `pairs`."""
        self.db.execute(
            "delete from near_duplicates"
            " where (release = ?1 and other < ?2) or (other = ?1 and release < ?2)",
            [release_id, before],
        )
        rows = [(release_id, other, similarity) for other, similarity in pairs.items()]
        rows += [(other, release_id, similarity) for other, similarity in pairs.items()]
        self.db.conn.executemany(
            "insert into near_duplicates (release, other, similarity) values (?, ?, ?)", rows
        )

    def delete_keys(self) -> None:
        """Delete the keys of all releases, so that they can be written again.

        The stored near-duplicates of a release are kept until its keys are written.
        """
        self.db.execute("delete from minhash_bands")

    def find_same_text(self, text: str, agency: str) -> list[tuple[int, float]]:
        """Return the id and similarity of each of an agency's releases whose text is almost the
        same as the given one.

        The most similar releases come first. Releases of any date are found.
        """
        shingled = _shingle_text(text)
        ranges = [_key_range(band, key) for band, key in build_band_keys(text).band_keys]
        found = [
            (other, _compare_texts(shingled, self._read_text_and_day(other)[0]))
            for other in _find_candidates(self.db, ranges, agency)
        ]
        similar = [(other, similarity) for other, similarity in found if similarity]
        return sorted(similar, key=lambda pair: (-pair[1], pair[0]))

    def _read_text_and_day(self, release_id: int) -> tuple[ShingledText, int]:
        sql = "select title, lead, body, published, updated, added from releases where id = ?"
        title, lead, body, *dates = self.db.execute(sql, [release_id]).fetchone()
        return _shingle_text(join_text_fields(title, lead, body)), to_day_number(*dates)


def _list_key_rows(release_id: int, keys: BandKeys, day: int) -> list[tuple[int, int, int]]:
    """Return the rows of minhash_bands for the text of a release."""
    return [(band, key * DAY_RANGE + day, release_id) for band, key in keys.band_keys]


def _find_day(state: Mapping[str, Any], added: str) -> int:
    return to_day_number(state["published"], state["updated"], added)


def _list_ranges(keys: BandKeys, day: int) -> list[KeyRange]:
    """List the ranges of keys for texts with a date near the given day.

    For a long text, the range for the key of the whole text covers all dates.
    """
    low, high = max(day - MAX_DAYS_APART, 0), min(day + MAX_DAYS_APART, DAY_RANGE - 1)
    ranges = [(band, key * DAY_RANGE + low, key * DAY_RANGE + high) for band, key in keys.band_keys]
    if keys.is_long:
        ranges[0] = _key_range(*keys.band_keys[0])
    return ranges


def _is_own_copy(first: ShingledText, second: ShingledText, similarity: float) -> bool:
    """Return whether two similar texts on one site are copies, not notices of a recurring event."""
    figures = [sorted(word for word in text.words if word[0].isdigit()) for text in (first, second)]
    return similarity >= MIN_OWN_SIMILARITY and figures[0] == figures[1]


def _find_candidates(
    db: Database,
    ranges: list[KeyRange],
    agency: str,
    *,
    except_id: int = 0,
    before: int = NO_LIMIT,
    origins: Sequence[str] = (),
    limit: int | None = None,
) -> list[int]:
    """Return the ids of an agency's releases with keys in the given ranges.

    Releases with the most keys in the ranges come first.

    before: find only releases with smaller ids.
    origins: the URL prefixes of one of the agency's sites (_list_origins). If given, releases on
        all other sites are returned instead, including those of other agencies.
    """
    if not ranges:
        return []
    condition = "r.agency = ?"
    if origins:
        condition = f"(r.agency <> ? or {ORIGIN_SQL} not in (?, ?, ?, ?))"
    rows = db.execute(
        f"with ranges (band, low, high) as (values {', '.join(['(?, ?, ?)'] * len(ranges))}),"
        " found as ( select b.release, count(*) as shared from ranges g cross join minhash_bands b"
        " on b.band = g.band and b.value between g.low and g.high and b.release < ?"
        " and b.release <> ? group by b.release)"
        # in this order, or all releases of the agency would be read
        " select f.release from found f cross join releases r on r.id = f.release"
        f" where {condition} order by f.shared desc, f.release desc limit ?",
        [
            *(number for numbers in ranges for number in numbers),
            before,
            except_id,
            agency,
            *origins,
            limit or MAX_CANDIDATES,
        ],
    )
    return [row[0] for row in rows.fetchall()]


def _list_origins(url: str) -> list[str]:
    """Return the possible URL prefixes of a URL's site: http and https, with and without www.

    >>> _list_origins("https://www.skog.example/nyheter/1")[:2]
    ['http://skog.example/', 'https://skog.example/']
    """
    host = urlsplit(url).netloc.removeprefix("www.")
    return [f"{scheme}://{www}{host}/" for www in ("", "www.") for scheme in ("http", "https")]


def _compare_texts(
    first: ShingledText, second: ShingledText, *, close_in_time: bool = True
) -> float | None:
    """Return the similarity (0-1) of two texts, or None if they are not near-duplicates."""
    if first.words == second.words:
        return 1.0 if close_in_time or len(first.words) >= MIN_TIMELESS_WORDS else None
    if first.is_short or second.is_short or not close_in_time:
        return None
    similarity = jaccard_similarity(first.shingles, second.shingles)
    return round(similarity, 3) if similarity >= MIN_SIMILARITY else None


def jaccard_similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the share of two texts' shingles that occur in both texts, from 0 (none) to 1 (all).

    >>> jaccard_similarity(frozenset("abc"), frozenset("bcd"))
    0.5
    """
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared) if shared else 0.0


def _key_range(band: int, key: int) -> KeyRange:
    return band, key * DAY_RANGE, key * DAY_RANGE + DAY_RANGE - 1


def to_day_number(published: str | None, updated: str | None, added: str) -> int:
    """Return a release's date as the number of days since 1 January 1970.

    This is the first of these dates that is known: the stated publication date, the stated update
    date, and the date on which the release was added.

    >>> to_day_number(None, "1970-01-03T10:00:00+01:00", "2024-01-01T00:00:00+00:00")
    2
    """
    stated = (published or updated or added)[:10]
    day = date.fromisoformat(stated if len(stated) > 7 else f"{stated}-01").toordinal() - EPOCH_DAY
    return min(max(day, 0), DAY_RANGE - 1)


def join_text_fields(title: str, lead: str | None, body: str) -> str:
    return "\n\n".join(filter(None, (title, lead, body)))


def join_state_text(state: Mapping[str, Any]) -> str:
    return join_text_fields(state["title"], state["lead"], state["body"])


@dataclass(frozen=True, slots=True)
class ShingledText:
    words: Sequence[str]
    shingles: frozenset[str]

    @property
    def is_short(self) -> bool:
        return len(self.words) < MIN_SHINGLED_WORDS


@dataclass(frozen=True, slots=True)
class BandKeys:
    """The keys of a text, each with its band.

    is_long: whether the key of the whole text matches texts of any date.
    """

    band_keys: list[tuple[int, int]]
    is_long: bool


def build_band_keys(text: str) -> BandKeys:
    """Return a key of the whole text and, unless the text is short, the keys of its shingles.

    A text with fewer than MIN_WORDS words has no keys.
    """
    shingled = _shingle_text(text)
    if len(shingled.words) < MIN_WORDS:
        return BandKeys([], is_long=False)
    keys = [
        hash_words(shingled.words),
        *([] if shingled.is_short else hash_bands(shingled.shingles)),
    ]
    return BandKeys(list(enumerate(keys)), is_long=len(shingled.words) >= MIN_TIMELESS_WORDS)


def _shingle_text(text: str) -> ShingledText:
    words = split_text_words(text)
    return ShingledText(words, build_shingles(words))


def split_text_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation.

    >>> split_text_words("– Nu öpp\u00adnar fyren, säger Ada.")
    ['nu', 'öppnar', 'fyren', 'säger', 'ada']
    """
    plain = unicodedata.normalize("NFKC", text)
    for mark in IGNORED_CHARACTERS:
        if mark in plain:
            plain = plain.replace(mark, "")
    return WORD.findall(plain.casefold())[:MAX_WORDS]


def build_shingles(words: Sequence[str], length: int = SHINGLE_LENGTH) -> frozenset[str]:
    """Return the distinct runs of `length` consecutive words.

    >>> sorted(build_shingles("en två tre fyra fem sex".split()))
    ['en två tre fyra fem', 'två tre fyra fem sex']
    """
    return frozenset(map(" ".join, zip(*(words[start:] for start in range(length)), strict=False)))


def hash_words(words: Sequence[str]) -> int:
    return _to_signed_int32(zlib.crc32(" ".join(words).encode()))


def hash_bands(shingles: frozenset[str]) -> list[int]:
    """Return one signed 32-bit key per band. Similar texts have some of these keys in common."""
    hashed = RMinHash(num_perm=BAND_COUNT * ROWS_PER_BAND, seed=MINHASH_SEED)
    hashed.update(list(shingles))
    slots = hashed.digest()
    # packed in one byte order, so that all machines get the same keys
    signature = struct.pack(f"<{len(slots)}I", *slots)
    width = 4 * ROWS_PER_BAND
    return [
        _to_signed_int32(zlib.crc32(signature[at : at + width]))
        for at in range(0, len(signature), width)
    ]


def _to_signed_int32(number: int) -> int:
    """Convert an unsigned 32-bit number to the signed number with the same bits.

    SQLite stores the signed number in 4 bytes.

    >>> _to_signed_int32(2**32 - 1), _to_signed_int32(5)
    (-1, 5)
    """
    return number - 2**32 if number >= 2**31 else number
