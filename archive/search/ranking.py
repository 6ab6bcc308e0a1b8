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

from archive.database import Choice, Run
from archive.search.fts import (
    MOST_HITS,
    RANKED,
    Known,
    Plan,
    Window,
    choose_facts,
    hits_sql,
    join_match,
    match_of,
    plan_of,
    read_months,
    walk,
    words_sql,
)
from archive.search.index import NONE
from archive.search.params import FACETS, Query
from archive.search.query import Near, Term, find_terms

CHUNK = 2_000  # entries of the log that are read at a time
JULIAN = 1_721_425  # from the days of Python's date.toordinal to SQLite's julianday, half a day later
OLD = 10**9  # days
LAST = "select ifnull(max(id), 0) as entry from delta"
CHANGED = f"""
    with changed as materialized (select distinct release from delta where id > :after and id <= :until)
    select c.release, l.agency, coalesce(l.kind, '{NONE}') as kind, coalesce(substr(l.day, 1, 4), '{NONE}') as year,
      iif(l.questions > 0, 'yes', 'no') as questions, cast(julianday(coalesce(l.day, substr(l.newest, 1, 10))) + 0.5
        as integer) as day,
      cast(substr(replace(replace(replace(l.newest, '-', ''), 'T', ''), ':', '') || '00000000000000', 1, 14) as integer)
        as newest,
      (select json_group_array(tag) from release_tags where release = c.release) as tags
    from changed c left join listed l on l.release = c.release order by c.release
"""
NOTHING: Mapping[str, Iterable[str]] = {}
CODED = ("agency", "kind", "year", "questions")


class Codes:
    """Texts as small numbers, from 1 on; 0 is none."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self.numbers: dict[str, int] = {}

    def put(self, text: str) -> int:
        """The number of a text, a new one where it has none yet."""
        number = self.numbers.get(text)
        if number is None:
            number = self.numbers[text] = len(self.texts)
            self.texts.append(text)
        return number


class Columns:
    """Each column is an array in which a release stands at the place of its id; what is not listed is 0 in all."""

    def __init__(self) -> None:
        self.entry = 0  # the last of the log that is in here
        self._clear()

    def _clear(self) -> None:
        self.codes = {name: Codes() for name in CODED}
        self.coded = {name: array("H") for name in CODED}
        self.newest = array("q")  # the order of lists: digits of listed.newest, YYYYMMDDhhmmss
        self.day = array("i")  # the Julian day, for its age; 0 where none is known
        self.first, self.number = array("Q"), array("H")  # where in `tags` a release's begin, and how many
        self.tags = array("I")

    async def renew(self, run: Run) -> Columns:
        """What the log tells since the last time; all of it where the archive is another one, with a shorter log."""
        before = self.entry
        last = int((await run(LAST, {}))[0]["entry"])
        if last < before == self.entry:  # a log only grows; what another search read meanwhile is no sign
            self.entry = 0
        while (after := self.entry) < last:
            until = min(after + CHUNK, last)
            rows = await run(CHANGED, {"after": after, "until": until})
            if self.entry == after:  # else another search has been faster
                if not after:
                    self._clear()
                self._put(rows)
                self.entry = until
        return self

    def _put(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._grow(max((row["release"] for row in rows), default=0) + 1)
        for row in rows:
            key, listed = row["release"], row["agency"] is not None
            for name in CODED:
                self.coded[name][key] = self.codes[name].put(row[name]) if listed else 0
            self.newest[key] = row["newest"] or 0
            self.day[key] = row["day"] or 0
            tags = json.loads(row["tags"]) if listed else []
            if len(tags) > self.number[key]:
                self.first[key] = len(self.tags)
                self.tags.extend(tags)
            else:  # in place of those it had
                self.tags[self.first[key] : self.first[key] + len(tags)] = array("I", tags)
            self.number[key] = len(tags)

    def _grow(self, length: int) -> None:
        missing = length - len(self.newest)
        for column in (*self.coded.values(), self.newest, self.day, self.first, self.number) if missing > 0 else ():
            column.frombytes(bytes(missing * column.itemsize))

    def keep(
        self,
        releases: Sequence[int],
        include: Mapping[str, Iterable[str]] = NOTHING,
        exclude: Mapping[str, Iterable[str]] = NOTHING,
    ) -> list[int]:
        """Those that are listed and have a chosen value of each facet, and no excluded one; tags are not looked at."""
        agency = self.coded["agency"]
        if max(releases, default=0) >= len(agency):  # the index was asked a moment later
            releases = [release for release in releases if release < len(agency)]
        kept = list(compress(releases, pick(agency, releases)))
        for chosen, wanted in ((include, True), (exclude, False)):
            for name in chosen.keys() & self.coded.keys():
                numbers = {self.codes[name].numbers.get(value, -1) for value in chosen[name]}
                column = self.coded[name]
                kept = [release for release in kept if (column[release] in numbers) is wanted]
        return kept

    def sort(self, releases: Iterable[int]) -> list[int]:
        """Newest first; of the same second, what was read last."""
        return sorted(sorted(releases, reverse=True), key=self.newest.__getitem__, reverse=True)

    def ages(self, releases: Sequence[int], today: date) -> Iterator[int]:
        """Days since each was published, or else updated or found; as old as can be where nothing is known."""
        now = today.toordinal() + JULIAN
        return (max(0, now - day) if day else OLD for day in pick(self.day, releases))

    def count(self, releases: Sequence[int], facet: str) -> Mapping[str, int]:
        """How many releases have each value of a facet."""
        numbers = Counter(pick(self.coded[facet], releases))
        texts = self.codes[facet].texts  # 0: no longer listed since it was found
        return {texts[number]: count for number, count in numbers.items() if number}

    def count_tags(self, releases: Sequence[int], most: int) -> Mapping[int, int]:
        """How many releases have each of the commonest tags, by the tag's id."""
        held, tags = array("I"), self.tags
        for begin, number in zip(pick(self.first, releases), pick(self.number, releases), strict=True):
            held += tags[begin : begin + number]
        return dict(Counter(held).most_common(most))


def pick(column: Sequence[int], releases: Sequence[int]) -> Sequence[int]:
    """The values of some releases: of many at once, which takes a third of the time of each by itself.

    >>> pick([0, 7, 8, 9], [3, 1]), pick([0, 7], [1]), pick([0], [])
    ((9, 7), [7], [])
    """
    return itemgetter(*releases)(column) if len(releases) > 1 else [column[release] for release in releases]


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


MOST_TAGS = 20
AGENCIES = "select slug as value, name, name_en from agencies"
TAGS = "select id, name from tags where id in (select value from json_each(:ids))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
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
    facets: dict[str, list[Choice]]
    titled: bool = False
    partial: list[str] = field(default_factory=list)


async def find(run: Run, columns: Columns, query: Query, known: Known, *, counted: Sequence[str] = FACETS) -> Found:
    """The hits of a query's page; a facet's counts say what each value would leave, were it chosen as well."""
    # a beginning of very many words: to weigh each of them costs more than it tells
    heavy = any(begun.alone for begun in known.begun.values())
    order = "newest" if heavy or query.news else query.order or "best"
    # a facet with a chosen value, of which any may hold, is counted apart: what would another value bring?
    apart = [name for name in counted if name in query.include and name != "tag"]
    hits, *others = await asyncio.gather(
        Fetch(run=run, columns=columns, query=query, known=known).fetch(order),
        *(Fetch(run=run, columns=columns, query=query, known=known, without=name).fetch("newest") for name in apart),
    )
    counts = dict.fromkeys(counted, hits) | dict(zip(apart, others, strict=True))
    pages = max(1, -(-len(hits.ids) // query.size))
    page = min(query.page, pages)
    return Found(
        ids=list(hits.ids[(page - 1) * query.size : page * query.size]),
        total=len(hits.ids),
        capped=hits.capped,
        page=page,
        pages=pages,
        order=order if plan_of(query, known).match else "newest",
        facets=await count_values(run, columns, counts),
        titled=hits.titled,
        partial=[name for name, other in zip(apart, others, strict=True) if other.capped],
    )


async def count(run: Run, columns: Columns, query: Query, known: Known) -> int:
    """How many hits there are, counted no further than MOST_HITS."""
    return len((await Fetch(run=run, columns=columns, query=query, known=known).fetch("newest")).ids)


async def count_values(run: Run, columns: Columns, counts: Mapping[str, Hits]) -> dict[str, list[Choice]]:
    """The values of each facet with their numbers among its hits: years from the last, all others by their number."""
    facets = {}
    for name, hits in counts.items():
        if name == "tag":
            numbers = columns.count_tags(hits.releases, MOST_TAGS)
            rows = await run(TAGS, {"ids": json.dumps(list(numbers))})
            choices = [Choice(value=row["name"], name=row["name"], count=numbers[row["id"]]) for row in rows]
        elif name == "agency":
            told = columns.count(hits.releases, name)
            choices = [
                Choice(**dict(row), count=told[row["value"]]) for row in await run(AGENCIES, {}) if row["value"] in told
            ]
        else:
            choices = [
                Choice(value=value, name=value, count=number)
                for value, number in columns.count(hits.releases, name).items()
            ]
        facets[name] = sort_years(choices) if name == "year" else sorted(choices, key=lambda c: (-c.count, c.name))
    return facets


def sort_years(choices: Sequence[Choice]) -> list[Choice]:
    """The last first, those without a date at the end."""
    return sorted(choices, key=lambda choice: (choice.value == NONE, -int(choice.value) if choice.value != NONE else 0))
