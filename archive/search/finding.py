"""Finds and counts: one statement gives a page's ids, their number and the counts of every facet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from archive.search.asked import FACETS, Query
from archive.search.matching import PAIRS, RANKED, RELEASES, Known, Plan, Source, to_plan
from archive.search.narrowing import MOST_HITS, choose_facts, find_window, is_capped, join_match, refuse_tags
from archive.search.news import NEWS
from archive.search.run import Choice, Run
from archive.swedish.facts import NONE

MOST_TAGS = 20
RECENT = 730.0  # days after which a release has lost half of what being new is worth
NEW = 0.25  # of the whole
COLUMNS = {
    "agency": "l.agency",
    "kind": f"coalesce(l.kind, '{NONE}')",
    "year": f"coalesce(substr(l.day, 1, 4), '{NONE}')",
    "questions": "iif(l.questions > 0, 'yes', 'no')",
}
TAGGED = "l.release in (select rt.release from release_tags rt join tags t on t.id = rt.tag where t.name {holds})"
COUNTS = {
    "agency": "select 'agency', g.value, a.name, a.name_en, g.n from (select agency as value, count(*) as n from hits"
    " group by agency) g join agencies a on a.slug = g.value",
    "kind": "select 'kind', kind, kind, null, count(*) from hits group by kind",
    "year": "select 'year', year, year, null, count(*) from hits group by year",
    "questions": "select 'questions', questions, questions, null, count(*) from hits group by questions",
    "tag": "select 'tag', t.name, t.name, null, g.n from (select rt.tag, count(*) as n from hits"
    " cross join release_tags rt on rt.release = hits.release group by rt.tag order by n desc limit :tags) g"
    " cross join tags t on t.id = g.tag",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """ids: of the releases or pairs of one page, in order; `capped`: there are more than `total`.

    titled: best are the newest that have all words in their title, for these alone find more than MOST_HITS.
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


async def find(run: Run, query: Query, known: Known, *, counted: Sequence[str] = FACETS) -> Found:
    """The hits of a query's page; a facet's counts say what each value would leave, were it chosen as well."""
    plan = plan_of(query, known)
    # a beginning of very many words: to weigh each of them costs more than it tells
    heavy = any(begun.alone for begun in known.begun.values())
    order = "newest" if heavy else query.order or ("best" if plan.match else "newest")
    # to weigh very many hits by all their words costs with their number, and words that stand everywhere weigh nothing
    weighable = bool(plan.match) and order == "best" and query.show == "releases" and not query.news
    titled = weighable and await is_capped(run, plan.match)
    # a facet with a chosen value, of which any may hold, is counted apart: what would another value bring?
    apart = [name for name in counted if name in query.include and name != "tag"]
    main, *others = await asyncio.gather(
        fetch(run, query, known, "titled" if titled else order, [name for name in counted if name not in apart]),
        *(fetch(run, query, known, "newest", [name], without=name) for name in apart),
    )
    rows = [row for part in (main, *others) for row in part]
    total = next(row["n"] for row in main if row["facet"] == "total")
    pages = max(1, -(-min(total, MOST_HITS) // query.size))
    if query.page > pages:
        return await find(run, replace(query, page=pages), known, counted=counted)
    return Found(
        ids=[int(row["value"]) for row in sorted((r for r in main if r["facet"] == "hit"), key=lambda r: r["n"])],
        total=min(total, MOST_HITS),
        capped=total > MOST_HITS,
        page=query.page,
        pages=pages,
        order=order if plan.match else "newest",
        facets={name: to_choices(name, rows) for name in counted},
        titled=titled,
        partial=[name for name in apart if sum(row["n"] for row in rows if row["facet"] == name) > MOST_HITS],
    )


async def count(run: Run, query: Query, known: Known) -> int:
    """How many hits there are, counted no further than one beyond MOST_HITS."""
    plan = plan_of(query, known)
    hits = hits_sql(query, plan, None, match=match_of(query, plan))
    sql = f"with {tables(query)}hits as ({hits}) select count(*) as n from hits"
    return int((await run(sql, plan.values | {"most": MOST_HITS + 1}))[0]["n"])


def plan_of(query: Query, known: Known, source: Source = RELEASES) -> Plan:
    """The words as a plan; words of which none can be searched for find nothing."""
    plan = to_plan(query.asked.tree, known, PAIRS if query.show == "questions" else source)
    if query.asked.blank:
        plan.conditions.append("false")
    return plan


async def fetch(
    run: Run, query: Query, known: Known, order: str, counted: Sequence[str], *, without: str | None = None
) -> Sequence[Any]:
    """Rows of (facet, value, name, name_en, n); hits and their number stand among them as facets of their own."""
    plan, parts = plan_of(query, known), [COUNTS[name] for name in counted]
    if without is None:
        sorts = {"best": "score", "titled": "score, newest desc", "newest": "newest desc"}
        sort = sorts[order if plan.match else "newest"]
        ranked = f"(select * from hits order by {sort}, id desc limit :size offset :skip)"
        page = f"select id, row_number() over (order by {sort}, id desc) as n from {ranked}"
        parts = [
            "select 'total', null, null, null, count(*) from hits",
            f"select 'hit', id, null, null, n from ({page})",
            *parts,
        ]
    match = match_of(query, plan, without)
    capped = bool(match) and query.show == "releases" and not query.news and await is_capped(run, match)
    window = await find_window(run, match) if capped else ""
    values = {
        "most": MOST_HITS + 1,
        "tags": MOST_TAGS,
        "size": query.size,
        "skip": (query.page - 1) * query.size,
        "today": datetime.now(UTC).date().isoformat(),
    }
    for windowed in (True, False) if window else (False,):
        if order == "best":
            plan = plan_of(query, known, RANKED)
        each = join_match([match, window]) if windowed else match_of(query, plan, without)
        hits = hits_sql(query, plan, order, match=each, without=without, window=window if windowed else "")
        sql = (
            f"with {tables(query)}hits as materialized ({hits}) select null as facet, null as value, null as name,"
            f" null as name_en, null as n where false union all {' union all '.join(parts)}"
        )
        rows = await run(sql, plan.values | values)
        # what conditions left out may have been too much of a window's hits
        if not window or sum(row["n"] for row in rows if row["facet"] in ("total", without)) > MOST_HITS:
            break
    return rows


def match_of(query: Query, plan: Plan, without: str | None = None) -> str:
    """What the index is asked: the words, and where it makes the hits fewer what was chosen beside them."""
    if query.show == "questions":
        return plan.match
    chosen = [*plan.within, *choose_facts(query.include, without)]
    if not plan.match and set(query.include) <= {"agency"} and len(chosen) == len(query.include):
        return ""  # an agency's newest stand in an order of their own
    return join_match([plan.match, *chosen], refuse_tags(query.exclude))


def tables(query: Query) -> str:
    """What stands before the hits."""
    return f"{NEWS}, " if query.news else ""


def hits_sql(
    query: Query, plan: Plan, order: str | None, *, match: str, without: str | None = None, window: str = ""
) -> str:
    """The matching rows, the newest MOST_HITS + 1 of them; `without` leaves one facet's included values out.

    order: best, titled, newest; None where they are only counted.
    """
    pairs = query.show == "questions"
    index = "search_questions" if pairs else "search"
    # cross join: the index of words must lead; the other way round each release is looked up in it
    if pairs:
        source = "listed l cross join questions q on q.release = l.release"
        worded = f"{index} cross join questions q on q.id = {index}.rowid cross join listed l on l.release = q.release"
    else:
        source, worded = "listed l", f"{index} cross join listed l on l.release = {index}.rowid"
    conditions = [*plan.conditions, *facet_conditions(query, plan, without, matched=bool(match) and not pairs)]
    if match:
        conditions.insert(0, f"{index} match {plan.bind(match)}")
    elif pairs:
        conditions.append("l.questions > 0")
    newest = "l.newest"
    if query.news:  # and what was found last is told first
        conditions.append("l.release in (select release from news)")
        if match and not pairs:
            conditions.append(f"{index}.rowid >= (select min(release) from news)")
        newest = "(select min(seen) from revisions v where v.release = l.release) as newest"
    columns = [f"{'q.id' if pairs else 'l.release'} as id", "l.release", newest]
    columns += [f"{column} as {name}" for name, column in COLUMNS.items()]
    if plan.match and order == "titled":
        titled = plan.bind(join_match([f"{{title title_parts}}: ({plan.match})", window]))
        columns.append(f"l.release not in (select rowid from {index} where {index} match {titled}) as score")
    elif plan.match and order == "best":
        known = "julianday(:today) - julianday(coalesce(l.day, substr(l.newest, 1, 10)))"
        age = f"max(0, coalesce({known}, 1e9))"  # what has no date is as old as can be
        rank = f"bm25({index}, 3.0, 1.0, 0.3, 0.3)" if pairs else f"{index}.rank"
        columns.append(f"{rank} * ({1 - NEW} + {NEW} / (1 + {age} / {RECENT})) as score")
    sort = "" if order is None else f"order by {index}.rowid desc" if match and pairs else "order by newest desc"
    return (
        f"select {', '.join(columns)} from {worded if match else source} where {' and '.join(conditions) or 'true'}"
        f" {sort} limit :most"
    )


def facet_conditions(query: Query, plan: Plan, without: str | None, *, matched: bool) -> list[str]:
    """What the chosen values ask for: any of the included ones (of tags: each), and none of the excluded.

    matched: the index was asked for all of that; tags, which cost most to look up, are left to it.
    """
    conditions = []
    for name, values in query.include.items():
        if name == "tag":
            conditions += [TAGGED.format(holds=f"= {plan.bind(value)}") for value in values if not matched]
        elif name != without:
            conditions.append(f"{COLUMNS[name]} in ({', '.join(map(plan.bind, values))})")
    for name, values in query.exclude.items():
        if name == "tag" and matched:
            continue
        holds = f"in ({', '.join(map(plan.bind, values))})"
        conditions.append("not " + (TAGGED.format(holds=holds) if name == "tag" else f"{COLUMNS[name]} {holds}"))
    return conditions


def to_choices(facet: str, rows: Sequence[Any]) -> list[Choice]:
    """A facet's values: years from the last, all others by their number."""
    choices = [
        Choice(value=row["value"], count=row["n"], name=row["name"], name_en=row["name_en"])
        for row in rows
        if row["facet"] == facet
    ]
    if facet == "year":
        return sorted(
            choices, key=lambda choice: (choice.value == NONE, -int(choice.value) if choice.value != NONE else 0)
        )
    return sorted(choices, key=lambda choice: (-choice.count, choice.name))
