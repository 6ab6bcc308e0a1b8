"""Finds and counts: the ids of a page of hits, their number, and what each value of a facet would leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archive.search.asked import FACETS, Query
from archive.search.columns import Columns
from archive.search.fetching import Fetch, Hits
from archive.search.matching import Known
from archive.search.run import Choice, Run
from archive.search.statements import plan_of
from archive.swedish.facts import NONE

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
