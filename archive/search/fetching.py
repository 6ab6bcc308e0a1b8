"""Fetches hits in their order: their ids from the index, all else about them from the columns held in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from archive.search.asked import Query
from archive.search.columns import Columns
from archive.search.matching import RANKED, Known, Plan
from archive.search.names import walk
from archive.search.narrowing import MOST_HITS, Window, choose_facts, join_match, read_months
from archive.search.query import Near, Term, find_terms
from archive.search.run import Run
from archive.search.statements import hits_sql, match_of, plan_of, words_sql

MOST_LOOKED = 100_000  # hits that are fetched to be sorted here; more are sorted by SQL
MOST_TITLED = 1_000  # hits of words in the title that are weighed
RECENT = 730.0  # days after which a release has lost half of what being new is worth
NEW = 0.25  # of the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """The newest MOST_HITS hits in the order asked for; capped: there are more.

    ids: of releases or pairs; releases: whose they are, in any order. titled: those with all words in their
    title come first, as far as the page asked for needs to know.
    """

    ids: Sequence[int]
    releases: Sequence[int]
    capped: bool = False
    titled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One look for the hits of a query. without: a facet whose chosen values are left out."""

    run: Run
    columns: Columns
    query: Query
    known: Known
    without: str | None = None

    async def fetch(self, order: str) -> Hits:
        """order: best, or newest."""
        plan = plan_of(self.query, self.known)
        match = match_of(self.query, plan, self.without)
        ranked = order == "best" and bool(plan.match)
        if match and self.query.show == "releases" and not self.query.news:
            return await self.fetch_worded(plan, match, ranked)
        return await self.fetch_listed(plan, match, ranked)

    async def fetch_listed(self, plan: Plan, match: str, ranked: bool) -> Hits:
        """Releases in the order of lists, new ones, and pairs: these stand in tables that know their order."""
        sql = hits_sql(self.query, plan, match, without=self.without, ranked=ranked, most=MOST_HITS + 1)
        if self.query.show == "releases" and not self.query.news:
            raw = await self.ask_ids(sql, plan)
            kept = self.columns.sort(self.columns.keep(raw[:MOST_HITS]))
            return Hits(ids=kept, releases=kept, capped=len(raw) > MOST_HITS)
        rows = await self.run(sql, plan.values)
        known, capped = set(self.columns.keep([row["release"] for row in rows])), len(rows) > MOST_HITS
        rows = [row for row in rows[:MOST_HITS] if row["release"] in known]
        releases, newest = {row["id"]: row["release"] for row in rows}, self.columns.newest
        if ranked:
            ids = self.rank({row["id"]: row["rank"] for row in rows}, releases)
        elif self.query.news:
            ids = [row["id"] for row in sorted(rows, key=lambda row: (row["seen"], row["id"]), reverse=True)]
        else:
            ids = sorted(releases, key=lambda key: (newest[releases[key]], key), reverse=True)
        return Hits(ids=ids, releases=[releases[key] for key in ids], capped=capped)

    async def fetch_worded(self, plan: Plan, match: str, ranked: bool) -> Hits:
        """Releases that the index of words finds."""
        ranks: dict[int, float] = {}
        if ranked and holds_phrase(self.query):  # to read where each word stands costs more than to weigh what is found
            ranks = await self.read_ranks(MOST_HITS + 1)
            raw = list(ranks)
        else:
            raw = await self.read_ids(plan, match, MOST_HITS + 1)
        found, months = self.keep(raw), [""]
        if len(raw) > MOST_HITS:
            found, months = await self.find_newest(plan, match, raw)
        if not ranked or len(found) > MOST_HITS or await self.is_common(plan, match, len(found)):
            newest = self.columns.sort(found)[:MOST_HITS]
            titled = await self.read_titled(plan, newest, months) if ranked else set()
            ids = [key for key in newest if key in titled] + [key for key in newest if key not in titled]
            return Hits(ids=ids, releases=newest, capped=len(found) > MOST_HITS, titled=ranked)
        if not ranks or len(raw) > MOST_HITS:
            ranks = await self.read_ranks(MOST_LOOKED)
        ids = self.rank({key: ranks[key] for key in found if key in ranks})
        return Hits(ids=ids, releases=ids)

    async def is_common(self, plan: Plan, match: str, found: int) -> bool:
        """Whether to weigh the words costs more than it tells: alone they find more than MOST_HITS; or they must stand
        in a title, as they then do in all that is found."""
        if is_titled(self.query):
            return found > MOST_TITLED
        alone = not plan.conditions and match == join_match([plan.match])
        if alone or holds_phrase(self.query):
            return False
        return len(await self.read_ids(Plan(), plan.match, MOST_HITS + 1)) > MOST_HITS

    async def find_newest(self, plan: Plan, match: str, first: Sequence[int]) -> tuple[list[int], list[str]]:
        """The newest hits, more than MOST_HITS if there are so many, and the months of all of them in parts.

        first: hits in the order of their ids, more than MOST_HITS: as many are expected in so many releases elsewhere.
        Where later ones have far more of them, MOST_LOOKED are not all there are: then fewer months will do.
        """
        months = await read_months(self.run)
        for expected in (first[-1], sum(number for _, number in months) * MOST_HITS / MOST_LOOKED):
            window, found = Window(months, expected), list[int]()
            while further := window.open():
                found += self.keep(await self.read_some(plan, f"({match}) AND ({further})"))
                if len(found) > MOST_HITS:
                    return found, window.parts()
                window.widen(len(found))
            rest = await self.read_ids(plan, match, MOST_LOOKED, after=first[-1])
            if len(rest) < MOST_LOOKED:
                return self.keep([*first, *rest]), window.parts()
        return self.keep(await self.read_newest(plan, match)), [""]

    async def read_some(self, plan: Plan, match: str) -> list[int]:
        """What the index finds; of more than MOST_LOOKED the newest, more than MOST_HITS."""
        found = await self.read_ids(plan, match, MOST_LOOKED)
        return found if len(found) < MOST_LOOKED else await self.read_newest(plan, match)

    async def read_newest(self, plan: Plan, match: str) -> list[int]:
        """The newest that the index finds, more than MOST_HITS, sorted by SQL: a microsecond for each it finds."""
        return await self.ask_ids(hits_sql(self.query, plan, match, without=self.without, most=MOST_HITS + 1), plan)

    async def read_ids(self, plan: Plan, match: str, most: int, *, after: int = 0) -> list[int]:
        """What the index finds, in the order of ids, from behind one of them."""
        found = f"select id from ({self.to_sql(plan, match)}) where id > {after:d}"
        return await self.ask_ids(f"{found} limit {plan.bind(most)}", plan)

    async def ask_ids(self, sql: str, plan: Plan) -> list[int]:
        """The ids as one text: ten thousand rows would take three times as long."""
        (row,) = await self.run(f"select json_group_array(id) as ids from ({sql})", plan.values)
        ids: list[int] = json.loads(row["ids"])
        return ids

    async def read_ranks(self, most: int) -> dict[int, float]:
        """How well each fits the words; the less, the better (bm25)."""
        plan = plan_of(self.query, self.known, RANKED)
        sql = self.to_sql(plan, match_of(self.query, plan, self.without), ranked=True)
        rows = await self.run(f"select id, rank from ({sql}) limit {plan.bind(most)}", plan.values)
        return {row["id"]: row["rank"] for row in rows}

    async def read_titled(self, plan: Plan, ids: Sequence[int], months: Sequence[str]) -> set[int]:
        """Of the newest hits those that have all words in their title, as many as the page asked for can show.

        months: of all hits, in parts, the newest first. Others than hits may be among what is given.
        """
        if is_titled(self.query):
            return set()  # all have
        titled, chosen = f"{{title title_parts}}: ({plan.match})", choose_facts(self.query.include, self.without)
        found: set[int] = set()
        for part in months:
            found.update(await self.read_some(plan, join_match([titled, part, *chosen])))
            if len(found.intersection(ids)) >= self.query.page * self.query.size:
                break
        return found

    def to_sql(self, plan: Plan, match: str, *, ranked: bool = False) -> str:
        """What the index finds is looked up in tables only where a condition is of these."""
        if plan.conditions:
            return hits_sql(self.query, plan, match, without=self.without, ranked=ranked)
        return words_sql(plan, match, ranked=ranked)

    def keep(self, found: Sequence[int]) -> list[int]:
        """Of what the index finds, what is listed and was chosen."""
        include = {name: values for name, values in self.query.include.items() if name != self.without}
        return self.columns.keep(found, include, self.query.exclude)

    def rank(self, ranks: Mapping[int, float], releases: Mapping[int, int] | None = None) -> list[int]:
        """Best first: those that fit best, and what is new gains by it."""
        keys = sorted(ranks, reverse=True)  # of those that fit as well, what was read last
        ages = self.columns.ages([releases[key] for key in keys] if releases else keys, datetime.now(UTC).date())
        scores = {key: ranks[key] * (1 - NEW + NEW / (1 + age / RECENT)) for key, age in zip(keys, ages, strict=True)}
        return sorted(keys, key=scores.__getitem__)


def is_titled(query: Query) -> bool:
    """Whether all words must stand in a title."""
    return all(term.field == "title" for term in find_terms(query.asked.tree))


def holds_phrase(query: Query) -> bool:
    """Whether words must stand in a row, or near each other."""
    return any(
        isinstance(node, Near) or (isinstance(node, Term) and len(node.words) > 1) for node in walk(query.asked.tree)
    )
