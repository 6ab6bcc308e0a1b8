"""Keeps columns of releases in memory, for filtering, sorting and counting results."""

from __future__ import annotations

import asyncio
import heapq
import json
import sqlite3
from array import array
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from itertools import compress
from operator import itemgetter
from threading import Thread
from typing import Any, TypeVar, cast

from archive.database.sqlite_files import RunQuery, build_connection_runner, run_without_waiting
from archive.language.reference_patterns import format_reference
from archive.search.search_index import NO_VALUE, WAS_EDITED_SQL

CODED_COLUMNS = ("agency", "kind", "year", "questions", "attachments", "edited")
LISTED_COLUMNS = ("tag", "speaker", "reference")  # facets with several values per release
NO_FILTERS: Mapping[str, Iterable[str]] = {}
LOG_BATCH = 2_000  # changefeed entries, or releases, to read at a time
LAST_CHANGE_SQL = "select ifnull(max(id), 0) as entry from changefeed"
LAST_RELEASE_SQL = "select ifnull(max(release), 0) as release from release_facets"
# read from an index, because in a row of `releases` these columns come after the texts
_COLUMNS_SQL = f"""
    select c.release, l.agency, coalesce(l.kind, '{NO_VALUE}') as kind,
      coalesce(substr(l.sort_day, 1, 4), '{NO_VALUE}') as year, iif(l.questions > 0,
        'yes', 'no') as questions,
      cast(julianday(coalesce(l.sort_day, substr(l.sort_date, 1, 10))) + 0.5 as integer) as day,
      cast(substr(replace(replace(replace(l.sort_date,
        '-', ''), 'T', ''), ':', '') || '00000000000000', 1, 14)
        as integer) as newest,
      iif(exists (select 1 from attachments where release = c.release), 'yes', 'no') as attachments,
      iif({WAS_EDITED_SQL.format(release="c.release")}, 'yes', 'no') as edited,
      (select json_group_array(tag) from release_tags where release = c.release) as tag,
      (select json_group_array(distinct q.person) from releases r indexed by idx_releases_times
        join quotes q on q.revision = r.revision
        where r.id = c.release and q.person is not null) as speaker,
      (select json_group_array(distinct d.type || ' ' || d.number)
        from releases r indexed by idx_releases_times
        join document_references d on d.revision = r.revision where r.id = c.release) as reference
    from changed c left join release_facets l on l.release = c.release order by c.release
"""
CHANGED_RELEASES_SQL = f"""
    with logged as (select distinct release from changefeed where id > :after and id <= :until),
    changed as materialized (select release
      from logged  -- one that moved may have left an edit to its new address
      union select r.moved_to from logged join releases r indexed by idx_releases_times
        on r.id = logged.release where r.moved_to is not null)
    {_COLUMNS_SQL}
"""
LISTED_RELEASES_SQL = f"""
    with changed as (
      select release from release_facets where release > :after and release <= :until)
    {_COLUMNS_SQL}
"""
# from date.toordinal() to SQLite's julianday(), which starts half a day later
JULIAN_DAY_OFFSET = 1_721_425
UNKNOWN_AGE = 10**9  # days
NO_DATE = 10**14  # later than any of `sort_dates`
ALL_AGENCIES = -1  # in place of an agency's code
UNDATED_MONTH = 1  # in place of the month of a release without a publication date

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetCheck:
    """A condition on a facet of releases.

    is_wanted: whether a release must have one of `codes`. If False, it must have none of them.
    """

    facet: str
    codes: Collection[int]
    is_wanted: bool

    @property
    def position(self) -> int:
        """Return the position of the facet's code in the keys of ColumnCache.value_counts."""
        return CODED_COLUMNS.index(self.facet) - 1


class ColumnCache:
    """A copy of release_facets and other values of releases, with one array per column.

    The arrays are indexed by release id. The value of an unlisted release is 0 in every column. The
    copy is updated from the table changefeed, which records every change in the transaction that
    makes it.
    """

    def __init__(self) -> None:
        self.last_change = 0  # id of the last changefeed entry that was applied
        self.loading: Thread | None = None  # see `load`
        self._clear()

    def _clear(self) -> None:
        self.value_codes: dict[str, dict[str, int]] = {name: {} for name in CODED_COLUMNS}  # from 1
        self.code_columns = {name: array("H") for name in CODED_COLUMNS}
        self.sort_dates = array("q")  # the digits of release_facets.sort_date, YYYYMMDDhhmmss
        self.sort_days = array("i")  # Julian days; 0 if unknown
        self.months = array("I")  # of publication, YYYYMM; UNDATED_MONTH if the agency states none
        # Releases by their codes of CODED_COLUMNS except the agency, for each agency's code and for
        # ALL_AGENCIES.
        self.value_counts: defaultdict[int, Counter[tuple[int, ...]]] = defaultdict(Counter)
        self.lists = {name: ValueLists() for name in LISTED_COLUMNS}
        self.reference_codes: dict[str, int] = {}  # a reference as written → its number in `lists`
        # see `keep`: the change after which each value was read
        self._kept: dict[str, tuple[int, Any]] = {}

    def load(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Start reading all releases in a separate thread. `refresh` waits for the thread.

        If the thread cannot read the releases, `refresh` reads them.
        """
        loaded = ColumnCache()

        def read() -> None:
            with suppress(sqlite3.Error), closing(connect()) as connection:
                run_without_waiting(loaded.refresh(build_connection_runner(connection)))
                vars(self).update(vars(loaded))

        self.loading = Thread(target=read, name="columns", daemon=True)
        self.loading.start()

    async def refresh(self, run: RunQuery) -> ColumnCache:
        """Apply the changes since the last call, and return the cache itself.

        If the change feed is shorter than before, it must belong to another archive, and everything
        is read again.
        """
        if self.loading and self.loading.is_alive():
            await asyncio.to_thread(self.loading.join)
        before = self.last_change
        last = int((await run(LAST_CHANGE_SQL, {}))[0]["entry"])
        if last < before == self.last_change:  # and no concurrent search applied changes
            self.last_change = 0
        if last and not self.last_change:
            await self._read_all(run, last)
        while (after := self.last_change) < last:
            until = min(after + LOG_BATCH, last)
            rows = await run(CHANGED_RELEASES_SQL, {"after": after, "until": until})
            if self.last_change == after:  # otherwise, a concurrent search has applied them
                self._store_rows(rows)
                self.last_change = until
        return self

    async def _read_all(self, run: RunQuery, last: int) -> None:
        """Read the state of all listed releases.

        The state includes at least the changes up to entry `last` of the change feed. The releases
        are read in the order of their ids, so that each page of the database file is read only
        once.
        """
        loaded = ColumnCache()
        last_release = int((await run(LAST_RELEASE_SQL, {}))[0]["release"])
        for after in range(0, last_release, LOG_BATCH):
            values = {"after": after, "until": after + LOG_BATCH}
            loaded._store_rows(await run(LISTED_RELEASES_SQL, values))
        loaded.last_change = last
        vars(self).update(vars(loaded))

    async def keep(self, name: str, read: Callable[[], Awaitable[Value]]) -> Value:
        """Return the result of `read`, cached under `name` until the archive changes."""
        last, value = self._kept.get(name, (-1, None))
        if last == self.last_change:
            return cast(Value, value)
        last, value = self.last_change, await read()
        self._kept[name] = last, value
        return value

    def forget(self) -> None:
        """Drop all values cached by `keep`."""
        self._kept.clear()

    def _store_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._extend(max((row["release"] for row in rows), default=0) + 1)
        for row in rows:
            key, listed = row["release"], row["agency"] is not None
            self._count_release(key, -1)
            for name, codes in self.value_codes.items():
                self.code_columns[name][key] = (
                    codes.setdefault(row[name], len(codes) + 1) if listed else 0
                )
            self._count_release(key, 1)
            self.sort_dates[key] = row["newest"] or 0
            self.sort_days[key] = row["day"] or 0
            self.months[key] = _encode_month(row)
            self._store_lists(key, row if listed else dict.fromkeys(self.lists, "[]"))

    def _store_lists(self, release: int, row: Mapping[str, Any]) -> None:
        for name, values in self.lists.items():
            if row[name] == "[]" and not values.lengths[release]:
                continue  # most releases have none
            found = json.loads(row[name])
            numbers = map(self._encode_reference, found) if name == "reference" else found
            values.store(release, list(numbers))

    def _encode_reference(self, reference: str) -> int:
        """Return the number that stands for a reference.

        reference: the reference in the form "type number".
        """
        label = format_reference(*reference.split(" ", 1))
        return self.reference_codes.setdefault(label, len(self.reference_codes))

    def _count_release(self, release: int, number: int) -> None:
        if agency := self.code_columns["agency"][release]:
            _, *codes = (column[release] for column in self.code_columns.values())
            for group in (agency, ALL_AGENCIES):
                self.value_counts[group][tuple(codes)] += number

    def _extend(self, length: int) -> None:
        lists = (
            column for values in self.lists.values() for column in (values.offsets, values.lengths)
        )
        for column in (
            *self.code_columns.values(),
            self.sort_dates,
            self.sort_days,
            self.months,
            *lists,
        ):
            column.frombytes(bytes(max(0, length - len(column)) * column.itemsize))

    def filter_releases(
        self,
        releases: Sequence[int],
        include: Mapping[str, Iterable[str]] = NO_FILTERS,
        exclude: Mapping[str, Iterable[str]] = NO_FILTERS,
    ) -> list[int]:
        """Return the given releases that are listed and have the chosen facet values.

        For each facet in `include`, a release must have one of the values. It must have none of the
        values in `exclude`. Facets that may have several values per release are ignored.
        """
        agency = self.code_columns["agency"]
        if max(releases, default=0) >= len(agency):  # indexed after the last refresh
            releases = [release for release in releases if release < len(agency)]
        kept = list(compress(releases, _take_values(agency, releases)))
        for chosen, included in ((include, True), (exclude, False)):
            for name in chosen.keys() & self.code_columns.keys():
                codes = {self.value_codes[name].get(value, -1) for value in chosen[name]}
                column = self.code_columns[name]
                kept = [release for release in kept if (column[release] in codes) is included]
        return kept

    def list_agency_releases(self, agencies: Iterable[str]) -> list[int]:
        """List the releases of the given agencies."""
        codes = {self.value_codes["agency"].get(agency, -1) for agency in agencies}
        return [key for key, code in enumerate(self.code_columns["agency"]) if code in codes]

    @property
    def size(self) -> int:
        """Return an upper bound for the number of releases."""
        return len(self.sort_dates)

    def sort_pairs_by_date(self, releases: Mapping[int, int], order: str) -> list[int]:
        """Sort question pairs by the dates of their releases, `newest` or `oldest` first.

        releases: a map from each pair to its release.
        """
        if order == "oldest":
            return sorted(
                releases, key=lambda key: (self.sort_dates[releases[key]] or NO_DATE, key)
            )
        return sorted(releases, key=lambda key: (self.sort_dates[releases[key]], key), reverse=True)

    def sort_by_date(self, releases: Iterable[int], order: str) -> list[int]:
        """Sort releases by date, `newest` or `oldest` first.

        In both orders, undated releases come last.
        """
        if order == "oldest":
            return sorted(sorted(releases), key=lambda key: self.sort_dates[key] or NO_DATE)
        return self.sort_newest_first(releases)

    def sort_newest_first(self, releases: Iterable[int]) -> list[int]:
        """Sort releases by date, newest first.

        If dates are equal, the release that was stored last comes first.
        """
        return sorted(sorted(releases, reverse=True), key=self.sort_dates.__getitem__, reverse=True)

    def iter_ages(self, releases: Sequence[int], today: date) -> Iterator[int]:
        """Yield the age of each release: the number of days since its sort date.

        UNKNOWN_AGE stands for the age of a release without a date.
        """
        now = today.toordinal() + JULIAN_DAY_OFFSET
        return (
            max(0, now - day) if day else UNKNOWN_AGE
            for day in _take_values(self.sort_days, releases)
        )

    def count_values(self, releases: Sequence[int], facet: str) -> Mapping[str, int]:
        numbers = Counter(_take_values(self.code_columns[facet], releases))
        del numbers[0]  # releases removed from the lists after they were found
        texts = list(self.value_codes[facet])
        return {texts[number - 1]: count for number, count in numbers.items()}

    def count_months(self, releases: Sequence[int]) -> Counter[int]:
        """Count releases by month of publication. Unlisted releases are left out.

        The keys of the result are months in the form YYYYMM. UNDATED_MONTH stands for releases
        without a date.
        """
        if max(releases, default=0) >= len(self.months):  # indexed after the last refresh
            releases = [release for release in releases if release < len(self.months)]
        counts = Counter(_take_values(self.months, releases))
        del counts[0]
        return counts

    def count_releases(
        self,
        include: Mapping[str, Iterable[str]] = NO_FILTERS,
        exclude: Mapping[str, Iterable[str]] = NO_FILTERS,
    ) -> int:
        """Count all listed releases that have the chosen facet values (see `filter_releases`)."""
        # any facet will do; of all agencies, each has counts of its own to be added up
        return sum(self.count_all_values("kind", include, exclude, skip_chosen=False).values())

    def count_all_values(
        self,
        facet: str,
        include: Mapping[str, Iterable[str]] = NO_FILTERS,
        exclude: Mapping[str, Iterable[str]] = NO_FILTERS,
        *,
        skip_chosen: bool = True,
    ) -> Mapping[str, int]:
        """Count, for each value of one facet, the listed releases that have it and the chosen facet
        values.

        skip_chosen: ignore the values of this facet in `include`.
        """
        skipped = facet if skip_chosen else ""
        checks = [
            *self._list_checks(include, skipped),
            *self._list_checks(exclude, is_wanted=False),
        ]
        agency_checks = [check for check in checks if check.facet == "agency"]
        other_checks = [check for check in checks if check.facet != "agency"]
        if facet == "agency":
            codes = self._list_agency_codes(agency_checks)
            counts = {code: self._count_agency(code, other_checks) for code in codes}
        else:
            counts = self._count_codes(facet, agency_checks, other_checks)
        values = list(self.value_codes[facet])
        return {values[code - 1]: count for code, count in counts.items() if count}

    def _list_checks(
        self, chosen: Mapping[str, Iterable[str]], skipped: str = "", *, is_wanted: bool = True
    ) -> list[FacetCheck]:
        """Return a condition for each facet with chosen values, except the facet `skipped`."""
        return [
            FacetCheck(
                facet=name,
                codes={self.value_codes[name].get(value, -1) for value in chosen[name]},
                is_wanted=is_wanted,
            )
            for name in CODED_COLUMNS
            if name in chosen and name != skipped
        ]

    def _list_agency_codes(self, checks: Sequence[FacetCheck]) -> list[int]:
        return [
            code
            for code in self.value_codes["agency"].values()
            if all((code in check.codes) is check.is_wanted for check in checks)
        ]

    def _count_agency(self, agency: int, checks: Sequence[FacetCheck]) -> int:
        if not checks:
            return sum(self.value_counts[agency].values())
        return sum(count for _, count in self._filter_counts(agency, checks))

    def _count_codes(
        self, facet: str, agency_checks: Sequence[FacetCheck], other_checks: Sequence[FacetCheck]
    ) -> Counter[int]:
        """Count, for each code of one facet, the releases that have it and pass all checks."""
        column, counts = CODED_COLUMNS.index(facet) - 1, Counter[int]()
        groups = self._list_agency_codes(agency_checks) if agency_checks else [ALL_AGENCIES]
        for group in groups:
            for codes, count in self._filter_counts(group, other_checks):
                counts[codes[column]] += count
        return counts

    def _filter_counts(
        self, group: int, checks: Sequence[FacetCheck]
    ) -> Iterable[tuple[tuple[int, ...], int]]:
        """Return the entries in a group of `value_counts` that pass all checks.

        group: the code of an agency, or ALL_AGENCIES.
        """
        kept: Iterable[tuple[tuple[int, ...], int]] = self.value_counts[group].items()
        for check in checks:
            position, codes, is_wanted = check.position, check.codes, check.is_wanted
            kept = [row for row in kept if (row[0][position] in codes) is is_wanted]
        return kept


def _encode_month(row: Mapping[str, Any]) -> int:
    """Return the month of a row of CHANGED_RELEASES_SQL in the form used in ColumnCache.months."""
    if row["year"] != NO_VALUE:  # a publication date is also the sort date
        return int(row["newest"] // 10**8)
    return 0 if row["agency"] is None else UNDATED_MONTH


class ValueLists:
    """A column with several numbers per release, each of which stands for a facet value, such as a
    tag.

    totals: a map from each number to how many releases have it.
    """

    def __init__(self) -> None:
        self.numbers = array("I")  # of all releases
        # start and number of a release's `numbers`
        self.offsets, self.lengths = array("Q"), array("H")
        self.totals: Counter[int] = Counter()  # number → releases

    def store(self, release: int, numbers: Sequence[int]) -> None:
        """Store the numbers that encode a release's facet values, replacing the earlier ones."""
        start, length = self.offsets[release], self.lengths[release]
        self.totals.subtract(self.numbers[start : start + length])
        self.totals.update(numbers)
        if len(numbers) > length:
            self.offsets[release] = len(self.numbers)
            self.numbers.extend(numbers)
        else:  # overwrite the old ones
            self.numbers[start : start + len(numbers)] = array("I", numbers)
        self.lengths[release] = len(numbers)

    def count_all(self, limit: int) -> Mapping[int, int]:
        """Return a map from each of the `limit` most common numbers to how many releases have
        it.
        """
        counted = ((-count, number) for number, count in self.totals.items() if count)
        return {number: -count for count, number in heapq.nsmallest(limit, counted)}

    def count(self, releases: Sequence[int], limit: int) -> Mapping[int, int]:
        """Return how many of the given releases have each facet value, by the number that encodes
        the value. Only the `limit` most common values are included.
        """
        found, numbers = array("I"), self.numbers
        lengths = _take_values(self.lengths, releases)
        starts = _take_values(self.offsets, list(compress(releases, lengths)))
        for start, length in zip(starts, filter(None, lengths), strict=True):
            found += numbers[start : start + length]
        return dict(Counter(found).most_common(limit))


def _take_values(column: Sequence[int], releases: Sequence[int]) -> Sequence[int]:
    """Return a column's values for several releases, three times as fast as reading them one by
    one.

    >>> _take_values([0, 7, 8, 9], [3, 1]), _take_values([0, 7], [1]), _take_values([0], [])
    ((9, 7), [7], [])
    """
    return (
        itemgetter(*releases)(column)
        if len(releases) > 1
        else [column[release] for release in releases]
    )
