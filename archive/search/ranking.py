"""Finds, sorts and counts the results of a request, and counts the values of their facets.

FTS5 returns the ids of the matching releases. Results are filtered, sorted and counted with columns
that are kept in memory (`ColumnCache`). This is ten times as fast as looking up thousands of
results in a table.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from archive.database.sqlite_files import FacetValue, RunQuery
from archive.search.column_cache import CODED_COLUMNS, ColumnCache
from archive.search.date_window import DateWindow, read_month_counts
from archive.search.former_versions import FormerHits, MatchingVersions, add_former_hits
from archive.search.loose_hits import LooseHits, find_loose_hits, ranks_any_word
from archive.search.query_language import (
    FilterNode,
    QueryNode,
    find_terms,
    list_liked,
)
from archive.search.query_sql import (
    MAX_COUNTED_HITS,
    MAX_HITS,
    MAX_SORTED_HITS,
    RANKED_RELEASE_INDEX,
    RESULT_INDEXES,
    ResolvedNames,
    SearchPlan,
    build_hits_sql,
    build_index_sql,
    build_match,
    combine_matches,
    extract_filters,
    match_included_facets,
    match_title,
    plan_search,
    read_ranks,
    select_ids,
)
from archive.search.search_index import BRIEF_RELEASE, NO_VALUE
from archive.search.search_request import FACETS, LISTED_FACETS, SearchRequest

# Ranking.
MAX_RANKED_TITLE_HITS = 1_000  # hits of a search only in titles; more are not ranked
RECENCY_HALF_LIFE = 730.0  # days
RECENCY_WEIGHT = 0.25  # share of the rank that depends on the age
BRIEF_FACTOR = 0.5  # factor of the rank of a release with hardly any text
TITLED_FACTOR = 1.5  # factor of the rank of a release with all words in the title
MAX_RARE_SHARE = 0.1  # of all releases that have a facet value; see `match_rare_facets`

# Facets.
ALWAYS_SHOWN_FACETS = ("agency", "kind", "year")  # of a single hit
MAX_LISTED_VALUES = 20  # of a facet with several per release
AGENCY_NAMES_SQL = "select slug as value, name, name_en from agencies"
NAMES_SQL = {
    "speaker": (
        "select id, slug as value, name from people where id in (select value from json_each(:ids))"
    ),
    "tag": (
        "select id, name as value, name from tags where id in (select value from json_each(:ids))"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage:
    ids: list[int]  # ids of releases or question pairs, in order
    total: int  # strict hits; facets count only these
    capped: bool  # there are more hits than `total`
    page: int  # the requested page, or the last one if there are fewer
    pages: int
    order: str
    facets: dict[str, list[FacetValue]]
    loose: LooseHits  # they are ranked with the strict ones if these are few
    former: FormerHits  # results that match only in an earlier version
    releases: Sequence[int] = ()  # of all strict hits, in any order; only some of them if `capped`
    # too many hits to rank: the newest with all words in their title come first
    title_matches_first: bool = False
    # counted only in the first MAX_HITS hits
    approximate_facets: list[str] = field(default_factory=list)

    @property
    def has_next(self) -> bool:
        return self.page < self.pages or self.capped

    @property
    def shown_facets(self) -> list[str]:
        """Return the facets that help to narrow the results down.

        Such a facet has several values, or one value that only some of the results have. If there
        is only one result, the facets in ALWAYS_SHOWN_FACETS are also included.
        """
        always = ALWAYS_SHOWN_FACETS if self.total == 1 else ()
        return [
            name
            for name, choices in self.facets.items()
            if len(choices) > 1 or (choices and (choices[0].count != self.total or name in always))
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class HitList:
    """The results of a request, in order.

    If there are too many results to count, the list contains only the newest (or oldest) MAX_HITS.
    """

    ids: Sequence[int]  # ids of releases or question pairs
    releases: Sequence[int]  # releases of the hits, in any order
    capped: bool = False  # there are more hits
    title_matches_first: bool = False  # as in HitPage, at least up to the requested page
    former: FormerHits = field(default_factory=FormerHits)  # as in HitPage
    # ids of the people who say the quotations, in any order; None for other hits
    speakers: Sequence[int | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HitFinder:
    """Finds the results of a request.

    skip_facet: a facet whose included values are ignored.
    """

    run: RunQuery
    columns: ColumnCache
    request: SearchRequest
    names: ResolvedNames
    skip_facet: str | None = None
    # query → its versions, which have all chosen facets in common
    versions: dict[QueryNode | None, MatchingVersions] = field(default_factory=dict)

    async def find_page(self) -> HitPage:
        """Find the results on the requested page, and count the results with each facet value."""
        request = self.request
        exact_counts = await self.count_without_words() if self.has_only_facets else {}
        # A facet with a chosen value is counted without it, to show what its other values would
        # add.
        chosen_facets = self.list_chosen_facets(exact_counts)
        (hits, total), facet_hits = await asyncio.gather(
            self.fetch_counted(),
            asyncio.gather(
                *(replace(self, skip_facet=name).fetch(self.date_order) for name in chosen_facets)
            ),
        )
        hits_by_facet = dict.fromkeys(FACETS, hits) | dict(
            zip(chosen_facets, facet_hits, strict=True)
        )
        facets = await self.count_facets(hits_by_facet, exact_counts)
        if request.show == "releases" and not self.has_only_facets:
            facets["year"] = self.add_year_totals(facets["year"])
        loose = await find_loose_hits(self, hits)
        pages = max(1, -(-(total + len(loose.queries)) // request.size))
        page = min(request.page, pages)
        ids = loose.order or hits.ids
        is_by_relevance = loose.order or self.is_sorted_by_relevance()
        return HitPage(
            ids=list(ids[(page - 1) * request.size : page * request.size]),
            total=total,
            loose=loose,
            capped=hits.capped and not self.has_only_facets,
            page=page,
            pages=pages,
            order=self.order if is_by_relevance else self.date_order,
            facets=facets,
            former=hits.former,
            releases=hits.releases,
            title_matches_first=hits.title_matches_first,
            approximate_facets=_list_approximate_facets(hits_by_facet, exact_counts),
        )

    def list_chosen_facets(self, exact_counts: Collection[str]) -> list[str]:
        """List the facets that have included values and must be counted as if these were not
        chosen.

        Facets that are counted exactly are left out, and so are facets of which a release can have
        several values, such as tags.
        """
        return [
            name
            for name in FACETS
            if name in self.request.include and name not in (*LISTED_FACETS, *exact_counts)
        ]

    def add_year_totals(self, years: Sequence[FacetValue]) -> list[FacetValue]:
        totals = self.count_years()
        return [replace(year, total=totals.get(year.value, 0)) for year in years]

    def is_sorted_by_relevance(self) -> bool:
        """Return whether results can be ranked by words, or by similarity to releases in the
        query.
        """
        plan = plan_search(self.request, self.names)
        return bool(plan.match or list_liked(self.request.query.tree))

    async def fetch_counted(self) -> tuple[HitList, int]:
        """Return the results, at least up to the end of the requested page, and their total number.

        If the list is capped, the number is only a minimum, unless facets alone limit the results.
        """
        request, hits = self.request, await self.fetch(self.order)
        if hits.capped and request.page * request.size > len(hits.ids):
            hits = await self.fetch_all()
        elif self.has_only_facets:
            return hits, self.columns.count_releases(request.include, request.exclude)
        return hits, len(hits.ids)

    @property
    def order(self) -> str:
        """Return the order of the results: `best`, `newest` or `oldest`."""
        # The words of a very common prefix are too many to rank.
        has_common_prefix = any(
            expansion.replaces_prefix for expansion in self.names.prefixes.values()
        )
        return (
            self.date_order
            if has_common_prefix or self.request.news
            else self.request.order or "best"
        )

    @property
    def date_order(self) -> str:
        """Return the order of results that are not ranked: `newest` or `oldest`."""
        return "oldest" if self.request.order == "oldest" else "newest"

    @property
    def has_only_facets(self) -> bool:
        """Return whether only facets other than tags limit the results. Counts are then exact."""
        request = self.request
        has_tags = "tag" in request.include or "tag" in request.exclude
        has_words = request.query.tree or request.query.is_blank
        return request.show == "releases" and not (has_words or request.news or has_tags)

    @property
    def has_exact_tags(self) -> bool:
        """Return whether tags and speakers can also be counted exactly.

        This is possible if the request has no facet values other than included agencies.
        """
        return (
            self.has_only_facets
            and not self.request.exclude
            and set(self.request.include) <= {"agency"}
        )

    async def count_without_words(self) -> dict[str, Mapping[Any, int]]:
        """Return the number of releases with each facet value, for a request without words.

        The counts are grouped by facet. Tags and speakers are counted by id.
        """
        include, exclude = self.request.include, self.request.exclude
        counts: dict[str, Mapping[Any, int]] = {
            name: self.columns.count_all_values(name, include, exclude) for name in CODED_COLUMNS
        }
        if self.has_exact_tags:
            releases = self.columns.list_agency_releases(include["agency"]) if include else None
            for name, values in self.columns.lists.items():
                counts[name] = (
                    values.count_all(MAX_LISTED_VALUES)
                    if releases is None
                    else values.count(releases, MAX_LISTED_VALUES)
                )
        return counts

    async def count_facets(
        self, hits_by_facet: Mapping[str, HitList], exact_counts: Mapping[str, Mapping[Any, int]]
    ) -> dict[str, list[FacetValue]]:
        """Count the results with each facet value.

        Years are sorted chronologically, and the values of all other facets by count.

        exact_counts: for some facets, the counts to use instead of counting the list of results.
        """
        facets = {}
        for name, hits in hits_by_facet.items():
            count = self.count_listed_facet if name in LISTED_FACETS else self.count_coded_facet
            choices = await count(name, hits, exact_counts.get(name))
            if name == "year":
                choices.sort(
                    key=lambda choice: "" if choice.value == NO_VALUE else choice.value,
                    reverse=True,
                )
            else:
                choices.sort(key=lambda choice: (-choice.count, choice.name))
            facets[name] = choices
        return facets

    async def count_listed_facet(
        self, name: str, hits: HitList, exact_counts: Mapping[int, int] | None
    ) -> list[FacetValue]:
        if name == "speaker" and hits.speakers is not None:
            speakers = Counter(filter(None, hits.speakers))
            counts: Mapping[int, int] = dict(speakers.most_common(MAX_LISTED_VALUES))
        else:
            values = self.columns.lists[name]
            counts = exact_counts or values.count(hits.releases, MAX_LISTED_VALUES)
        if name == "reference":
            labels = list(self.columns.reference_codes)
            return [
                FacetValue(value=labels[code], name=labels[code], count=count)
                for code, count in counts.items()
            ]
        rows = await self.run(NAMES_SQL[name], {"ids": json.dumps(list(counts))})
        return [
            FacetValue(value=row["value"], name=row["name"], count=counts[row["id"]])
            for row in rows
        ]

    async def count_coded_facet(
        self, name: str, hits: HitList, exact_counts: Mapping[str, int] | None
    ) -> list[FacetValue]:
        """Count the values of a facet that has one value per release, and add the names of
        agencies.
        """
        counts = exact_counts or self.columns.count_values(hits.releases, name)
        if name != "agency":
            return [FacetValue(value=value, name=value, count=counts[value]) for value in counts]
        return [
            FacetValue(**dict(row), count=counts[row["value"]])
            for row in await self.run(AGENCY_NAMES_SQL, {})
            if row["value"] in counts
        ]

    def count_years(self) -> Mapping[str, int]:
        """Return, for each year, the number of releases that match the chosen facet values.

        Agencies that the query names are also taken into account. Words, tags and dates are
        ignored.
        """
        agencies = self.chosen_agencies
        include = {**self.request.include, **({} if agencies is None else {"agency": agencies})}
        return self.columns.count_all_values("year", include, self.request.exclude)

    @property
    def chosen_agencies(self) -> Collection[str] | None:
        """Return the slugs of the agencies chosen by facets or by the query, or None for all
        agencies.
        """
        chosen: Collection[str] | None = self.request.include.get("agency")
        filters = extract_filters(self.request.query.tree)
        for node in filters.parts if filters else ():
            if isinstance(node, FilterNode) and node.field == "agency":
                slugs = set(self.names.agencies[node.value])
                chosen = slugs if chosen is None else slugs.intersection(chosen)
        return chosen

    async def fetch(self, order: str) -> HitList:
        """Fetch the results in the given order: `best`, `newest` or `oldest`.

        If the request asks for earlier versions, releases that match only in an earlier version are
        included.
        """
        return await add_former_hits(self, await self.fetch_current(order), order)

    async def fetch_all(self) -> HitList:
        """Fetch all results without a limit."""
        return await add_former_hits(self, await self.fetch_all_current(), self.order)

    async def fetch_current(self, order: str) -> HitList:
        """Fetch the results whose current version matches, in the given order."""
        plan = plan_search(self.request, self.names)
        match = build_match(self.request, plan, self.skip_facet)
        ranked = order == "best" and bool(plan.match)
        if match and self.request.show == "releases" and not self.request.news:
            return await self.fetch_from_index(plan, match, ranked, order)
        hits = await self.fetch_from_tables(plan, match, ranked, order)
        return hits if order != "best" or ranked else self.sort_by_similarity(hits)

    async def fetch_all_current(self) -> HitList:
        """Fetch all results whose current version matches.

        The results of `fetch_current` come first, followed by all other results, sorted by date.
        """
        last_page = -(-MAX_HITS // self.request.size)
        hits = await replace(self, request=replace(self.request, page=last_page)).fetch_current(
            self.order
        )
        if not hits.capped:
            return hits
        fetched, releases = set(hits.ids), await self.read_all_hits()
        others = {key: releases[key] for key in releases.keys() - fetched}
        ids = [*hits.ids, *self.columns.sort_pairs_by_date(others, self.date_order)]
        return HitList(
            ids=ids,
            releases=[releases.get(key, 0) for key in ids],
            title_matches_first=hits.title_matches_first,
        )

    async def read_found(self) -> Mapping[int, int]:
        """Return a map from each result whose current version matches to its release."""
        plan = plan_search(self.request, self.names)
        match = build_match(self.request, plan, self.skip_facet)
        if plan.conditions or not match or self.request.news or self.request.show != "releases":
            return await self.read_all_hits()
        ids = self.filter_hits(await self.read_index_ids(plan, match, MAX_SORTED_HITS))
        return dict(zip(ids, ids, strict=True))

    async def read_brief(self) -> Collection[int]:
        """Return the ids of the releases with hardly any text."""
        return await self.columns.keep("brief releases", self._find_brief)

    async def _find_brief(self) -> Collection[int]:
        plan = SearchPlan(match=f'facts: "{BRIEF_RELEASE}"')
        return frozenset(await self.read_index_ids(plan, plan.match, MAX_SORTED_HITS))

    async def read_all_hits(self) -> dict[int, int]:
        """Return a map from the id of each result to its release. The ids are read in batches."""
        found: dict[int, int] = {}
        last = 0
        while True:
            plan = plan_search(self.request, self.names)
            match = build_match(self.request, plan, self.skip_facet)
            sql = build_hits_sql(self.request, plan, match, skip_facet=self.skip_facet)
            (row,) = await self.run(
                "select json_group_array(id) as ids, json_group_array(release) as releases from"
                f" (select id, release from ({sql}) where id > {plan.bind(last)} order by id limit"
                f" {plan.bind(MAX_SORTED_HITS)})",
                plan.values,
            )
            ids, releases = json.loads(row["ids"]), json.loads(row["releases"])
            listed = set(self.columns.filter_releases(releases))
            found.update(
                (key, release)
                for key, release in zip(ids, releases, strict=True)
                if release in listed
            )
            if len(ids) < MAX_SORTED_HITS:
                return found
            last = ids[-1]

    async def fetch_from_tables(
        self, plan: SearchPlan, match: str, ranked: bool, order: str
    ) -> HitList:
        """Fetch results that SQLite can sort by date.

        These are new releases, question pairs, quotations, and the releases for a request that has
        no FTS5 expression.
        """
        limit = MAX_COUNTED_HITS if self.columns.size <= MAX_COUNTED_HITS else MAX_HITS
        if self.has_exact_tags:  # no hits are needed to count the values of facets
            limit = min(limit, self.request.page * self.request.size)
        build_sql = partial(
            build_hits_sql,
            self.request,
            plan,
            match,
            skip_facet=self.skip_facet,
            order=order,
        )
        if self.request.show == "releases" and not self.request.news:
            return await self.fetch_releases(plan, build_sql, limit, order)
        return await self.fetch_rows(plan, build_sql(limit=limit + 1), limit, ranked, order)

    async def fetch_rows(
        self, plan: SearchPlan, sql: str, limit: int, ranked: bool, order: str
    ) -> HitList:
        """Fetch new releases, question pairs or quotations.

        sql: a statement that selects one row more than `limit`.
        """
        rows = await self.run(sql, plan.values)
        capped = len(rows) > limit
        listed = self.keep_listed(rows[:MAX_HITS] if capped else rows)
        releases = {row["id"]: row["release"] for row in listed}
        if ranked:
            table = RESULT_INDEXES[self.request.show].table
            ids = list(
                self.weigh_ranks(await read_ranks(self.run, table, plan.match, releases), releases)
            )
        elif self.request.news:
            listed.sort(key=lambda row: (row["seen"], row["id"]), reverse=True)
            ids = [row["id"] for row in listed]
        elif self.request.show == "quotes":  # as they were read
            ids = list(releases)
        else:
            ids = self.columns.sort_pairs_by_date(releases, order)
        return HitList(
            ids=ids,
            releases=[releases[key] for key in ids],
            capped=capped,
            speakers=[row["person"] for row in listed] if self.request.show == "quotes" else None,
        )

    def keep_listed(self, rows: Sequence[Any]) -> list[Any]:
        listed = set(self.columns.filter_releases([row["release"] for row in rows]))
        return [row for row in rows if row["release"] in listed]

    async def fetch_releases(
        self, plan: SearchPlan, build_sql: Callable[..., str], limit: int, order: str
    ) -> HitList:
        """Fetch the newest (or oldest) releases for a request that has no FTS5 expression.

        build_sql: a function that returns the SQL for all releases or, if called with `limit`, for
            that many releases.
        """
        ids = await select_ids(self.run, build_sql(limit=limit + 1), plan.values)
        if order == "oldest" and len(ids) <= limit:  # without those that have no date
            others = await select_ids(
                self.run, f"{build_sql()} limit {len(ids) + limit + 1:d}", plan.values
            )
            ids = list(dict.fromkeys([*ids, *others]))[: limit + 1]
        capped = len(ids) > limit
        listed_ids = self.columns.filter_releases(ids[:MAX_HITS] if capped else ids)
        listed_ids = self.columns.sort_by_date(listed_ids, order)
        return HitList(ids=listed_ids, releases=listed_ids, capped=capped)

    def sort_by_similarity(self, hits: HitList) -> HitList:
        """Sort results by similarity to the releases that the query names. If it names none, keep
        the order.
        """
        related = self.names.related
        liked = [
            related[number] for number in list_liked(self.request.query.tree) if number in related
        ]
        if not liked:
            return hits
        similarity = {
            key: max(each.similarity.get(key, 0.0) for each in liked) for key in hits.releases
        }
        pairs = sorted(
            zip(hits.ids, hits.releases, strict=True),
            key=lambda pair: similarity[pair[1]],
            reverse=True,
        )
        return replace(
            hits, ids=[key for key, _ in pairs], releases=[release for _, release in pairs]
        )

    async def fetch_from_index(
        self, plan: SearchPlan, match: str, ranked: bool, order: str
    ) -> HitList:
        """Fetch the releases that match the words of the request."""
        ids = await self.read_index_ids(plan, match, MAX_HITS + 1)
        found, months, is_complete = await self.find_first_hits(plan, match, ids, order)
        if ranks_any_word(self.request, len(found)) and not self.request.all_versions:
            ranked = False  # because they are ranked with the loose hits
        # ranks hardly differ if all hits have all words in the title
        most = MAX_RANKED_TITLE_HITS if _is_title_search(self.request) else MAX_HITS
        if ranked and len(found) <= most:
            return await self.rank_hits(plan, found)
        capped = len(found) > (MAX_COUNTED_HITS if is_complete else MAX_HITS)
        if self.skip_facet and not capped:  # they are only counted, in any order
            return HitList(ids=found, releases=found)
        by_date = self.columns.sort_by_date(found, order)[: MAX_HITS if capped else None]
        first = await self.read_title_hits(plan, by_date, months) if ranked else ()
        ids = sorted(by_date, key=lambda key: key not in first)
        return HitList(ids=ids, releases=ids, capped=capped, title_matches_first=ranked)

    async def rank_hits(self, plan: SearchPlan, found: Sequence[int]) -> HitList:
        """Sort results by relevance."""
        ranked_plan = plan_search(self.request, self.names, RANKED_RELEASE_INDEX)
        # without `plan.match` for whole releases: FTS5 would look for a phrase twice
        title_plan = replace(plan, match=match_title(plan.match))
        in_title = await self.read_index_ids(
            plan, build_match(self.request, title_plan, self.skip_facet), MAX_SORTED_HITS
        )
        # facet terms weigh nothing in bm25, so these only make FTS5 read fewer releases
        match = combine_matches([ranked_plan.match, *self.match_rare_facets()])
        relevance = self.weigh_ranks(
            await read_ranks(self.run, "search", match, found),
            brief=await self.read_brief(),
            titled=in_title,
        )
        return HitList(ids=list(relevance), releases=list(relevance))

    def match_rare_facets(self) -> list[str]:
        """Return FTS5 expressions for the facets whose chosen values are rare (MAX_RARE_SHARE).

        With common values, bm25 would take longer, because it counts the releases that contain each
        term.
        """
        most = self.columns.size * MAX_RARE_SHARE
        rare = {
            name: values
            for name, values in self.request.include.items()
            if name in CODED_COLUMNS and self.columns.count_releases({name: values}) <= most
        }
        return match_included_facets(rare)

    async def find_first_hits(
        self, plan: SearchPlan, match: str, first: Sequence[int], order: str
    ) -> tuple[list[int], list[str], bool]:
        """Return the newest (or oldest) results, their months, and whether there are no other
        results.

        Windows of months are searched one after another (DateWindow) until more than MAX_HITS
        results are found. The months are returned as FTS5 expressions.

        first: all results, or more than MAX_HITS results in the order of their ids.
        """
        if len(first) <= MAX_HITS:
            return self.filter_hits(first), [""], True
        months = await read_month_counts(self.run)
        if order == "oldest":
            months.reverse()
        for expected in (
            first[-1],
            sum(number for _, number in months) * MAX_HITS / MAX_SORTED_HITS,
        ):
            window, found = DateWindow(months, expected), list[int]()
            while more_months := window.open_next_months():
                found += self.filter_hits(
                    await self.read_limited_ids(plan, f"({match}) AND ({more_months})", order)
                )
                if len(found) > MAX_HITS:
                    return found, window.list_match_parts(), False
                window.widen(len(found))
            rest = await self.read_index_ids(plan, match, MAX_SORTED_HITS, after=first[-1])
            if len(rest) < MAX_SORTED_HITS:
                return self.filter_hits([*first, *rest]), window.list_match_parts(), True
        return self.filter_hits(await self.read_first_ids(plan, match, order)), [""], False

    async def read_limited_ids(
        self, plan: SearchPlan, match: str, order: str = "newest"
    ) -> list[int]:
        """Return the matching ids.

        If there are at least MAX_SORTED_HITS, only the newest (or oldest) are returned.
        """
        found = await self.read_index_ids(plan, match, MAX_SORTED_HITS)
        return (
            found if len(found) < MAX_SORTED_HITS else await self.read_first_ids(plan, match, order)
        )

    async def read_first_ids(self, plan: SearchPlan, match: str, order: str) -> list[int]:
        """Return the newest (or oldest) MAX_HITS + 1 matching ids.

        SQLite sorts them, which takes a microsecond per match.
        """
        sql = build_hits_sql(
            self.request, plan, match, skip_facet=self.skip_facet, limit=MAX_HITS + 1, order=order
        )
        return await select_ids(self.run, sql, plan.values)

    async def read_index_ids(
        self, plan: SearchPlan, match: str, limit: int, *, after: int = 0
    ) -> list[int]:
        """Return up to `limit` matching ids above `after`, in ascending order."""
        sql = f"select id from ({self.build_sql(plan, match)}) where id > {after:d}"
        return await select_ids(self.run, f"{sql} limit {plan.bind(limit)}", plan.values)

    async def read_title_hits(
        self, plan: SearchPlan, ids: Sequence[int], months: Sequence[str]
    ) -> set[int]:
        """Return the ids of releases with all words of the query in the title.

        The months are searched in order, until there are enough results for the requested page.

        ids: the newest results.
        months: FTS5 expressions for the months of all results, newest first.
        """
        if _is_title_search(self.request):
            return set()  # all hits have all words in the title
        facet_matches = match_included_facets(self.request.include, self.skip_facet)
        found: set[int] = set()
        for part in months:
            found.update(
                await self.read_limited_ids(
                    plan, combine_matches([match_title(plan.match), part, *facet_matches])
                )
            )
            if len(found.intersection(ids)) >= self.request.page * self.request.size:
                break
        return found

    def build_sql(self, plan: SearchPlan, match: str) -> str:
        """Return SQL for the matching releases. It joins tables only if the plan has conditions."""
        if plan.conditions:
            return build_hits_sql(self.request, plan, match, skip_facet=self.skip_facet)
        return build_index_sql(plan, match)

    def filter_hits(self, found: Sequence[int]) -> list[int]:
        """Return the given releases that appear in lists and match the facet values of the
        request.
        """
        include = {
            name: values for name, values in self.request.include.items() if name != self.skip_facet
        }
        return self.columns.filter_releases(found, include, self.request.exclude)

    def weigh_ranks(
        self,
        ranks: Mapping[int, float],
        releases: Mapping[int, int] | None = None,
        *,
        brief: Collection[int] = (),
        titled: Collection[int] = (),
    ) -> dict[int, float]:
        """Return a map from the id of each result to its relevance, best first.

        The relevance of a result is bm25 × recency × substance × title.

        - bm25 is a sum over the words of the query: how rare the word is (its idf) times how much
            the release is about it. An occurrence in the title counts as much as ten in the text,
            one in the lead as much as four, and a first or middle part of a compound in the title
            as much as one. Each further occurrence adds less (k1 = 1.2). A long release needs more
            occurrences for the same value (b = 0.75; on the judged queries of tests/bench, nDCG is
            lower with 0.5 and with 1).
        - Recency is 1 for a release published today, falls to 0.875 in two years, and is never
            below 0.75.
        - Substance is 0.5 for releases with hardly any text, such as invitations, otherwise 1.
        - Title is 1.5 for releases with all words in the title, even if only as parts of compounds,
            otherwise 1.

        ranks: the bm25 ranks by id.
        releases: the release of each question pair, by the id of the pair.
        brief: the ids of results with hardly any text.
        titled: the ids of results with all words in the title.
        """
        keys = sorted(ranks, reverse=True)  # for equal ranks, the last stored comes first
        ages = self.columns.iter_ages(
            [releases[key] for key in keys] if releases else keys, datetime.now(UTC).date()
        )
        titled = set(titled)
        scores = {
            key: -ranks[key]
            * (BRIEF_FACTOR if key in brief else 1)
            * (TITLED_FACTOR if key in titled else 1)
            * (1 - RECENCY_WEIGHT + RECENCY_WEIGHT / (1 + age / RECENCY_HALF_LIFE))
            for key, age in zip(keys, ages, strict=True)
        }
        return {key: scores[key] for key in sorted(keys, key=scores.__getitem__, reverse=True)}


def _list_approximate_facets(
    hits_by_facet: Mapping[str, HitList], exact_counts: Collection[str]
) -> list[str]:
    return [
        name for name, hits in hits_by_facet.items() if hits.capped and name not in exact_counts
    ]


def _is_title_search(request: SearchRequest) -> bool:
    """Return whether the query requires all words to be in the title."""
    return all(term.field == "title" for term in find_terms(request.query.tree))
