"""Fetch, rank, count, facet counts; in-memory columns.

What hits are chosen, sorted and counted by, held in memory: a copy of `listed` and its tags, a few numbers each.

A word finds ten thousand releases scattered over the archive. To look each up in a table, sort them there and count
five facets costs a microsecond a hit each time: most of what a search takes. Beside each other in memory they cost a
tenth. The copy follows the log `delta`, which tells of every change in the transaction of the change itself.

Fetches hits in their order: their ids from the index, all else about them from the columns held in memory.

Finds and counts: the ids of a page of hits, their number, and what each value of a facet would leave.
"""

from __future__ import annotations

import asyncio
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import compress
from operator import itemgetter
from typing import Any

from archive.database import FacetValue, RunQuery
from archive.search.fts import (
    MAX_HITS,
    RANKED_RELEASE_INDEX,
    DateWindow,
    ResolvedNames,
    SearchPlan,
    build_hits_sql,
    build_match,
    build_match_sql,
    combine_matches,
    iter_nodes,
    match_included_facets,
    plan_search,
    read_month_counts,
)
from archive.search.index import NO_VALUE
from archive.search.params import FACETS, SearchRequest
from archive.search.query import NearNode, TermNode, find_terms

LOG_BATCH = 2_000  # entries of the log that are read at a time
JULIAN_DAY_OFFSET = 1_721_425  # from the days of Python's date.toordinal to SQLite's julianday, half a day later
UNKNOWN_AGE = 10**9  # days
LAST_CHANGE_SQL = "select ifnull(max(id), 0) as entry from delta"
CHANGED_RELEASES_SQL = f"""
    with changed as materialized (select distinct release from delta where id > :after and id <= :until)
    select c.release, l.agency, coalesce(l.kind, '{NO_VALUE}') as kind, coalesce(substr(l.day, 1, 4), '{NO_VALUE}') as year,
      iif(l.questions > 0, 'yes', 'no') as questions, cast(julianday(coalesce(l.day, substr(l.newest, 1, 10))) + 0.5
        as integer) as day,
      cast(substr(replace(replace(replace(l.newest, '-', ''), 'T', ''), ':', '') || '00000000000000', 1, 14) as integer)
        as newest,
      (select json_group_array(tag) from release_tags where release = c.release) as tags
    from changed c left join listed l on l.release = c.release order by c.release
"""
NO_FILTERS: Mapping[str, Iterable[str]] = {}
CODED_COLUMNS = ("agency", "kind", "year", "questions")


class ValueCodes:
    """Texts as small numbers, from 1 on; 0 is none."""

    def __init__(self) -> None:
        self.values: list[str] = [""]
        self.codes: dict[str, int] = {}

    def encode(self, text: str) -> int:
        """The number of a text, a new one where it has none yet."""
        number = self.codes.get(text)
        if number is None:
            number = self.codes[text] = len(self.values)
            self.values.append(text)
        return number


class ColumnCache:
    """Each column is an array in which a release stands at the place of its id; what is not listed is 0 in all."""

    def __init__(self) -> None:
        self.last_change = 0  # the last of the log that is in here
        self._clear()

    def _clear(self) -> None:
        self.value_codes = {name: ValueCodes() for name in CODED_COLUMNS}
        self.code_columns = {name: array("H") for name in CODED_COLUMNS}
        self.sort_dates = array("q")  # the order of lists: digits of listed.newest, YYYYMMDDhhmmss
        self.sort_days = array("i")  # the Julian day, for its age; 0 where none is known
        self.tag_offsets, self.tag_counts = array("Q"), array("H")  # where in `tags` a release's begin, and how many
        self.tag_ids = array("I")

    async def refresh(self, run: RunQuery) -> ColumnCache:
        """What the log tells since the last time; all of it where the archive is another one, with a shorter log."""
        before = self.last_change
        last = int((await run(LAST_CHANGE_SQL, {}))[0]["entry"])
        if last < before == self.last_change:  # a log only grows; what another search read meanwhile is no sign
            self.last_change = 0
        while (after := self.last_change) < last:
            until = min(after + LOG_BATCH, last)
            rows = await run(CHANGED_RELEASES_SQL, {"after": after, "until": until})
            if self.last_change == after:  # else another search has been faster
                if not after:
                    self._clear()
                self._store_rows(rows)
                self.last_change = until
        return self

    def _store_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._extend(max((row["release"] for row in rows), default=0) + 1)
        for row in rows:
            key, listed = row["release"], row["agency"] is not None
            for name in CODED_COLUMNS:
                self.code_columns[name][key] = self.value_codes[name].encode(row[name]) if listed else 0
            self.sort_dates[key] = row["newest"] or 0
            self.sort_days[key] = row["day"] or 0
            tags = json.loads(row["tags"]) if listed else []
            if len(tags) > self.tag_counts[key]:
                self.tag_offsets[key] = len(self.tag_ids)
                self.tag_ids.extend(tags)
            else:  # in place of those it had
                self.tag_ids[self.tag_offsets[key] : self.tag_offsets[key] + len(tags)] = array("I", tags)
            self.tag_counts[key] = len(tags)

    def _extend(self, length: int) -> None:
        missing = length - len(self.sort_dates)
        for column in (
            (*self.code_columns.values(), self.sort_dates, self.sort_days, self.tag_offsets, self.tag_counts)
            if missing > 0
            else ()
        ):
            column.frombytes(bytes(missing * column.itemsize))

    def filter_releases(
        self,
        releases: Sequence[int],
        include: Mapping[str, Iterable[str]] = NO_FILTERS,
        exclude: Mapping[str, Iterable[str]] = NO_FILTERS,
    ) -> list[int]:
        """Those that are listed and have a chosen value of each facet, and no excluded one; tags are not looked at."""
        agency = self.code_columns["agency"]
        if max(releases, default=0) >= len(agency):  # the index was asked a moment later
            releases = [release for release in releases if release < len(agency)]
        kept = list(compress(releases, take_values(agency, releases)))
        for chosen, wanted in ((include, True), (exclude, False)):
            for name in chosen.keys() & self.code_columns.keys():
                numbers = {self.value_codes[name].codes.get(value, -1) for value in chosen[name]}
                column = self.code_columns[name]
                kept = [release for release in kept if (column[release] in numbers) is wanted]
        return kept

    def sort_newest_first(self, releases: Iterable[int]) -> list[int]:
        """Newest first; of the same second, what was read last."""
        return sorted(sorted(releases, reverse=True), key=self.sort_dates.__getitem__, reverse=True)

    def iter_ages(self, releases: Sequence[int], today: date) -> Iterator[int]:
        """Days since each was published, or else updated or found; as old as can be where nothing is known."""
        now = today.toordinal() + JULIAN_DAY_OFFSET
        return (max(0, now - day) if day else UNKNOWN_AGE for day in take_values(self.sort_days, releases))

    def count_values(self, releases: Sequence[int], facet: str) -> Mapping[str, int]:
        """How many releases have each value of a facet."""
        numbers = Counter(take_values(self.code_columns[facet], releases))
        texts = self.value_codes[facet].values  # 0: no longer listed since it was found
        return {texts[number]: count for number, count in numbers.items() if number}

    def count_tags(self, releases: Sequence[int], limit: int) -> Mapping[int, int]:
        """How many releases have each of the commonest tags, by the tag's id."""
        held, tags = array("I"), self.tag_ids
        for begin, number in zip(
            take_values(self.tag_offsets, releases), take_values(self.tag_counts, releases), strict=True
        ):
            held += tags[begin : begin + number]
        return dict(Counter(held).most_common(limit))


def take_values(column: Sequence[int], releases: Sequence[int]) -> Sequence[int]:
    """The values of some releases: of many at once, which takes a third of the time of each by itself.

    >>> take_values([0, 7, 8, 9], [3, 1]), take_values([0, 7], [1]), take_values([0], [])
    ((9, 7), [7], [])
    """
    return itemgetter(*releases)(column) if len(releases) > 1 else [column[release] for release in releases]


MAX_SORTED_HITS = 100_000  # hits that are fetched to be sorted here; more are sorted by SQL
MAX_RANKED_TITLE_HITS = 1_000  # hits of words in the title that are weighed
RECENCY_HALF_LIFE = 730.0  # days after which a release has lost half of what being new is worth
RECENCY_WEIGHT = 0.25  # of the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class HitList:
    """The newest MOST_HITS hits in the order asked for; capped: there are more.

    ids: of releases or pairs; releases: whose they are, in any order. titled: those with all words in their
    title come first, as far as the page asked for needs to know.
    """

    ids: Sequence[int]
    releases: Sequence[int]
    capped: bool = False
    title_matches_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HitFetcher:
    """One look for the hits of a query. without: a facet whose chosen values are left out."""

    run: RunQuery
    columns: ColumnCache
    request: SearchRequest
    names: ResolvedNames
    skip_facet: str | None = None

    async def fetch(self, order: str) -> HitList:
        """order: best, or newest."""
        plan = plan_search(self.request, self.names)
        match = build_match(self.request, plan, self.skip_facet)
        ranked = order == "best" and bool(plan.match)
        if match and self.request.show == "releases" and not self.request.news:
            return await self.fetch_from_index(plan, match, ranked)
        return await self.fetch_from_tables(plan, match, ranked)

    async def fetch_from_tables(self, plan: SearchPlan, match: str, ranked: bool) -> HitList:
        """Releases in the order of lists, new ones, and pairs: these stand in tables that know their order."""
        sql = build_hits_sql(self.request, plan, match, skip_facet=self.skip_facet, ranked=ranked, limit=MAX_HITS + 1)
        if self.request.show == "releases" and not self.request.news:
            raw = await self.select_ids(sql, plan)
            kept = self.columns.sort_newest_first(self.columns.filter_releases(raw[:MAX_HITS]))
            return HitList(ids=kept, releases=kept, capped=len(raw) > MAX_HITS)
        rows = await self.run(sql, plan.values)
        known, capped = set(self.columns.filter_releases([row["release"] for row in rows])), len(rows) > MAX_HITS
        rows = [row for row in rows[:MAX_HITS] if row["release"] in known]
        releases, newest = {row["id"]: row["release"] for row in rows}, self.columns.sort_dates
        if ranked:
            ids = self.sort_by_rank({row["id"]: row["rank"] for row in rows}, releases)
        elif self.request.news:
            ids = [row["id"] for row in sorted(rows, key=lambda row: (row["seen"], row["id"]), reverse=True)]
        else:
            ids = sorted(releases, key=lambda key: (newest[releases[key]], key), reverse=True)
        return HitList(ids=ids, releases=[releases[key] for key in ids], capped=capped)

    async def fetch_from_index(self, plan: SearchPlan, match: str, ranked: bool) -> HitList:
        """Releases that the index of words finds."""
        ranks: dict[int, float] = {}
        if ranked and has_phrase(self.request):  # to read where each word stands costs more than to weigh what is found
            ranks = await self.read_ranks(MAX_HITS + 1)
            raw = list(ranks)
        else:
            raw = await self.read_index_ids(plan, match, MAX_HITS + 1)
        found, months = self.filter_hits(raw), [""]
        if len(raw) > MAX_HITS:
            found, months = await self.find_newest_hits(plan, match, raw)
        if not ranked or len(found) > MAX_HITS or await self.is_ranking_too_costly(plan, match, len(found)):
            newest = self.columns.sort_newest_first(found)[:MAX_HITS]
            titled = await self.read_title_hits(plan, newest, months) if ranked else set()
            ids = [key for key in newest if key in titled] + [key for key in newest if key not in titled]
            return HitList(ids=ids, releases=newest, capped=len(found) > MAX_HITS, title_matches_first=ranked)
        if not ranks or len(raw) > MAX_HITS:
            ranks = await self.read_ranks(MAX_SORTED_HITS)
        ids = self.sort_by_rank({key: ranks[key] for key in found if key in ranks})
        return HitList(ids=ids, releases=ids)

    async def is_ranking_too_costly(self, plan: SearchPlan, match: str, hit_count: int) -> bool:
        """Whether to weigh the words costs more than it tells: alone they find more than MOST_HITS; or they must stand
        in a title, as they then do in all that is found."""
        if is_title_search(self.request):
            return hit_count > MAX_RANKED_TITLE_HITS
        alone = not plan.conditions and match == combine_matches([plan.match])
        if alone or has_phrase(self.request):
            return False
        return len(await self.read_index_ids(SearchPlan(), plan.match, MAX_HITS + 1)) > MAX_HITS

    async def find_newest_hits(self, plan: SearchPlan, match: str, first: Sequence[int]) -> tuple[list[int], list[str]]:
        """The newest hits, more than MOST_HITS if there are so many, and the months of all of them in parts.

        first: hits in the order of their ids, more than MOST_HITS: as many are expected in so many releases elsewhere.
        Where later ones have far more of them, MOST_LOOKED are not all there are: then fewer months will do.
        """
        months = await read_month_counts(self.run)
        for expected in (first[-1], sum(number for _, number in months) * MAX_HITS / MAX_SORTED_HITS):
            window, found = DateWindow(months, expected), list[int]()
            while further := window.open_next_months():
                found += self.filter_hits(await self.read_limited_ids(plan, f"({match}) AND ({further})"))
                if len(found) > MAX_HITS:
                    return found, window.list_match_parts()
                window.widen(len(found))
            rest = await self.read_index_ids(plan, match, MAX_SORTED_HITS, after=first[-1])
            if len(rest) < MAX_SORTED_HITS:
                return self.filter_hits([*first, *rest]), window.list_match_parts()
        return self.filter_hits(await self.read_newest_ids(plan, match)), [""]

    async def read_limited_ids(self, plan: SearchPlan, match: str) -> list[int]:
        """What the index finds; of more than MOST_LOOKED the newest, more than MOST_HITS."""
        found = await self.read_index_ids(plan, match, MAX_SORTED_HITS)
        return found if len(found) < MAX_SORTED_HITS else await self.read_newest_ids(plan, match)

    async def read_newest_ids(self, plan: SearchPlan, match: str) -> list[int]:
        """The newest that the index finds, more than MOST_HITS, sorted by SQL: a microsecond for each it finds."""
        return await self.select_ids(
            build_hits_sql(self.request, plan, match, skip_facet=self.skip_facet, limit=MAX_HITS + 1), plan
        )

    async def read_index_ids(self, plan: SearchPlan, match: str, limit: int, *, after: int = 0) -> list[int]:
        """What the index finds, in the order of ids, from behind one of them."""
        found = f"select id from ({self.build_sql(plan, match)}) where id > {after:d}"
        return await self.select_ids(f"{found} limit {plan.bind(limit)}", plan)

    async def select_ids(self, sql: str, plan: SearchPlan) -> list[int]:
        """The ids as one text: ten thousand rows would take three times as long."""
        (row,) = await self.run(f"select json_group_array(id) as ids from ({sql})", plan.values)
        ids: list[int] = json.loads(row["ids"])
        return ids

    async def read_ranks(self, limit: int) -> dict[int, float]:
        """How well each fits the words; the less, the better (bm25)."""
        plan = plan_search(self.request, self.names, RANKED_RELEASE_INDEX)
        sql = self.build_sql(plan, build_match(self.request, plan, self.skip_facet), ranked=True)
        rows = await self.run(f"select id, rank from ({sql}) limit {plan.bind(limit)}", plan.values)
        return {row["id"]: row["rank"] for row in rows}

    async def read_title_hits(self, plan: SearchPlan, ids: Sequence[int], months: Sequence[str]) -> set[int]:
        """Of the newest hits those that have all words in their title, as many as the page asked for can show.

        months: of all hits, in parts, the newest first. Others than hits may be among what is given.
        """
        if is_title_search(self.request):
            return set()  # all have
        titled, chosen = (
            f"{{title title_parts}}: ({plan.match})",
            match_included_facets(self.request.include, self.skip_facet),
        )
        found: set[int] = set()
        for part in months:
            found.update(await self.read_limited_ids(plan, combine_matches([titled, part, *chosen])))
            if len(found.intersection(ids)) >= self.request.page * self.request.size:
                break
        return found

    def build_sql(self, plan: SearchPlan, match: str, *, ranked: bool = False) -> str:
        """What the index finds is looked up in tables only where a condition is of these."""
        if plan.conditions:
            return build_hits_sql(self.request, plan, match, skip_facet=self.skip_facet, ranked=ranked)
        return build_match_sql(plan, match, ranked=ranked)

    def filter_hits(self, found: Sequence[int]) -> list[int]:
        """Of what the index finds, what is listed and was chosen."""
        include = {name: values for name, values in self.request.include.items() if name != self.skip_facet}
        return self.columns.filter_releases(found, include, self.request.exclude)

    def sort_by_rank(self, ranks: Mapping[int, float], releases: Mapping[int, int] | None = None) -> list[int]:
        """Best first: those that fit best, and what is new gains by it."""
        keys = sorted(ranks, reverse=True)  # of those that fit as well, what was read last
        ages = self.columns.iter_ages([releases[key] for key in keys] if releases else keys, datetime.now(UTC).date())
        scores = {
            key: ranks[key] * (1 - RECENCY_WEIGHT + RECENCY_WEIGHT / (1 + age / RECENCY_HALF_LIFE))
            for key, age in zip(keys, ages, strict=True)
        }
        return sorted(keys, key=scores.__getitem__)


def is_title_search(request: SearchRequest) -> bool:
    """Whether all words must stand in a title."""
    return all(term.field == "title" for term in find_terms(request.query.tree))


def has_phrase(request: SearchRequest) -> bool:
    """Whether words must stand in a row, or near each other."""
    return any(
        isinstance(node, NearNode) or (isinstance(node, TermNode) and len(node.words) > 1)
        for node in iter_nodes(request.query.tree)
    )


MAX_FACET_TAGS = 20
AGENCY_NAMES_SQL = "select slug as value, name, name_en from agencies"
TAG_NAMES_SQL = "select id, name from tags where id in (select value from json_each(:ids))"


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage:
    """ids: of the releases or pairs of one page, in order; `capped`: there are more than `total`.

    page: the one asked for, or the last where there are fewer.

    titled: best are the newest that have all words in their title, for these alone find more than is weighed.
    partial: facets with a chosen value whose further values are counted among the newest MOST_HITS only.
    """

    ids: list[int]
    total: int
    capped: bool
    page: int
    pages: int
    order: str
    facets: dict[str, list[FacetValue]]
    title_matches_first: bool = False
    partial_facets: list[str] = field(default_factory=list)


async def find_hits(
    run: RunQuery,
    columns: ColumnCache,
    request: SearchRequest,
    names: ResolvedNames,
    *,
    counted_facets: Sequence[str] = FACETS,
) -> HitPage:
    """The hits of a query's page; a facet's counts say what each value would leave, were it chosen as well."""
    # a beginning of very many words: to weigh each of them costs more than it tells
    heavy = any(begun.replaces_prefix for begun in names.prefixes.values())
    order = "newest" if heavy or request.news else request.order or "best"
    # a facet with a chosen value, of which any may hold, is counted apart: what would another value bring?
    apart = [name for name in counted_facets if name in request.include and name != "tag"]
    hits, *others = await asyncio.gather(
        HitFetcher(run=run, columns=columns, request=request, names=names).fetch(order),
        *(
            HitFetcher(run=run, columns=columns, request=request, names=names, skip_facet=name).fetch("newest")
            for name in apart
        ),
    )
    counts = dict.fromkeys(counted_facets, hits) | dict(zip(apart, others, strict=True))
    pages = max(1, -(-len(hits.ids) // request.size))
    page = min(request.page, pages)
    return HitPage(
        ids=list(hits.ids[(page - 1) * request.size : page * request.size]),
        total=len(hits.ids),
        capped=hits.capped,
        page=page,
        pages=pages,
        order=order if plan_search(request, names).match else "newest",
        facets=await count_facets(run, columns, counts),
        title_matches_first=hits.title_matches_first,
        partial_facets=[name for name, other in zip(apart, others, strict=True) if other.capped],
    )


async def count_hits(run: RunQuery, columns: ColumnCache, request: SearchRequest, names: ResolvedNames) -> int:
    """How many hits there are, counted no further than MOST_HITS."""
    return len((await HitFetcher(run=run, columns=columns, request=request, names=names).fetch("newest")).ids)


async def count_facets(
    run: RunQuery, columns: ColumnCache, hits_by_facet: Mapping[str, HitList]
) -> dict[str, list[FacetValue]]:
    """The values of each facet with their numbers among its hits: years from the last, all others by their number."""
    facets = {}
    for name, hits in hits_by_facet.items():
        if name == "tag":
            numbers = columns.count_tags(hits.releases, MAX_FACET_TAGS)
            rows = await run(TAG_NAMES_SQL, {"ids": json.dumps(list(numbers))})
            choices = [FacetValue(value=row["name"], name=row["name"], count=numbers[row["id"]]) for row in rows]
        elif name == "agency":
            told = columns.count_values(hits.releases, name)
            choices = [
                FacetValue(**dict(row), count=told[row["value"]])
                for row in await run(AGENCY_NAMES_SQL, {})
                if row["value"] in told
            ]
        else:
            choices = [
                FacetValue(value=value, name=value, count=number)
                for value, number in columns.count_values(hits.releases, name).items()
            ]
        facets[name] = sort_years(choices) if name == "year" else sorted(choices, key=lambda c: (-c.count, c.name))
    return facets


def sort_years(choices: Sequence[FacetValue]) -> list[FacetValue]:
    """The last first, those without a date at the end."""
    return sorted(
        choices, key=lambda choice: (choice.value == NO_VALUE, -int(choice.value) if choice.value != NO_VALUE else 0)
    )
