"""Hits as SQL: what of a query is a word of the index, what is a condition, and the statement that finds them."""

from __future__ import annotations

from archive.search.asked import Query
from archive.search.matching import PAIRS, RELEASES, Known, Plan, Source, to_plan
from archive.search.narrowing import choose_facts, join_match, refuse_facts
from archive.search.news import SEARCH_FEED_SQL
from archive.swedish.facts import NONE

COLUMNS = {
    "agency": "l.agency",
    "kind": f"coalesce(l.kind, '{NONE}')",
    "year": f"coalesce(substr(l.day, 1, 4), '{NONE}')",
    "questions": "iif(l.questions > 0, 'yes', 'no')",
}
TAGGED = "l.release in (select rt.release from release_tags rt join tags t on t.id = rt.tag where t.name {holds})"


def plan_of(query: Query, known: Known, source: Source = RELEASES) -> Plan:
    """The words as a plan; words of which none can be searched for find nothing."""
    plan = to_plan(query.asked.tree, known, PAIRS if query.show == "questions" else source)
    if query.asked.blank:
        plan.conditions.append("false")
    return plan


def match_of(query: Query, plan: Plan, without: str | None = None) -> str:
    """What the index is asked: the words, and where it makes the hits fewer what was chosen beside them."""
    if query.show == "questions":
        return plan.match
    chosen = [*plan.within, *choose_facts(query.include, without)]
    if not plan.match and set(query.include) <= {"agency"} and len(chosen) == len(query.include):
        return ""  # an agency's newest stand in an order of their own
    return join_match([plan.match, *chosen], refuse_facts(query.exclude))


def words_sql(plan: Plan, match: str, *, ranked: bool = False) -> str:
    """The releases that the index finds, as it finds them: `id`, and how well it fits."""
    rank = ", search.rank as rank" if ranked else ""
    return f"select search.rowid as id{rank} from search where search match {plan.bind(match)}"


def hits_sql(
    query: Query, plan: Plan, match: str, *, without: str | None = None, ranked: bool = False, most: int | None = None
) -> str:
    """The hits of all that was asked and chosen: `id`, its `release`, `seen` of what is new, and how well it fits.

    without: a facet whose included values are left out. most: so many of them, the newest (of pairs: those read last).
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
    columns = [f"{'q.id' if pairs else 'l.release'} as id", "l.release"]
    newest = "l.newest"
    if match:
        conditions.insert(0, f"{index} match {plan.bind(match)}")
    elif pairs:
        conditions.append("l.questions > 0")
    if query.news:  # and what was found last is told first
        conditions.append("l.release in (select release from news)")
        if match and not pairs:
            conditions.append(f"{index}.rowid >= (select min(release) from news)")
        newest = "seen"
        columns.append("(select min(seen) from revisions v where v.release = l.release) as seen")
    if ranked:
        columns.append(f"bm25({index}, 3.0, 1.0, 0.3, 0.3) as rank" if pairs else f"{index}.rank as rank")
    sort = f"{index}.rowid desc" if match and pairs else f"{newest} desc, l.release desc"
    return (
        f"{f'with {SEARCH_FEED_SQL} ' if query.news else ''}select {', '.join(columns)}"
        f" from {worded if match else source}"
        f" where {' and '.join(conditions) or 'true'}"
        + (f" order by {sort} limit {plan.bind(most)}" if most is not None else "")
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
