"""AST → FTS5 MATCH + SQL; facet terms, date windows, name look-up.

A query understood, as SQL: an FTS5 expression where words lead, conditions for all else, and the values of both.

What a query's names stand for in this archive: agencies and tags as typed, and words that begin so.

Makes what the index has to go through fewer: choices as words of the index, and the months of the newest hits.

What a very common word finds is ranked, counted and shown among its newest MOST_HITS alone. Which these are is told by
the months they stand in: words of the index as well, so that older releases are never looked at.

Hits as SQL: what of a query is a word of the index, what is a condition, and the statement that finds them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any as Anything
from typing import TypeVar

from archive.analysis import PART_COLUMN_FILTER, TEXT_COLUMN_FILTER, analyze_word, match_word, quote_fts
from archive.database import RunQuery
from archive.feeds import SEARCH_FEED_SQL
from archive.search.index import (
    AGENCY_PREFIX,
    KIND_PREFIX,
    LISTED_MONTH_PREFIX,
    LISTED_YEAR_PREFIX,
    NO_VALUE,
    QUESTIONS_PREFIX,
    TAG_PREFIX,
    YEAR_PREFIX,
    encode_facet_term,
)
from archive.search.params import SearchRequest
from archive.search.query import (
    AndNode,
    FilterNode,
    NearNode,
    NotNode,
    OrNode,
    QueryNode,
    SearchNote,
    TermNode,
    fold_diacritics,
)

MAX_NEAR_COMBINATIONS = 16  # of the words of a NEAR together


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixExpansion:
    """Lemmas of words that begin as one with a star does: besides all that begin so, or (`alone`) these only.

    left: how many lemmas of such words are not among them.
    """

    lemmas: tuple[str, ...] = ()
    replaces_prefix: bool = False
    omitted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedNames:
    """What the archive knows of a query's names: lemmas of words that begin so, slugs of agencies, names of tags."""

    prefixes: Mapping[str, PrefixExpansion] = field(default_factory=dict)
    agencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → slugs
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → names


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTable:
    """What is searched: the index `table`, whose columns `fields` names; `key` is what its rowid is."""

    table: str
    text_columns: str
    fields: Mapping[str, str]
    part_columns: str = ""  # columns of parts that are weighed apart


RELEASE_INDEX = IndexTable(
    table="search", text_columns=TEXT_COLUMN_FILTER, fields={"title": "title", "lead": "lead", "body": "body"}
)
RANKED_RELEASE_INDEX = replace(RELEASE_INDEX, part_columns=PART_COLUMN_FILTER)
QUESTION_INDEX = IndexTable(
    table="search_questions",
    text_columns="{question answer}",
    fields={"question": "question", "answer": "answer"},
)
QUESTION_MATCH_SQL = (
    "l.release in (select release from questions where id in (select rowid from search_questions where {match}))"
)
RELEASE_MATCH_SQL = "l.release in (select rowid from search where {match})"


@dataclass(slots=True)
class SearchPlan:
    """match: the expression of the words, "" where none leads; conditions on `listed l`, all of which must hold.

    within: expressions over the index's facts that hold for whatever the conditions hold for, and make it fewer.
    """

    match: str = ""
    conditions: list[str] = field(default_factory=list)
    prefilters: list[str] = field(default_factory=list)
    values: dict[str, Anything] = field(default_factory=dict)

    def bind(self, value: Anything) -> str:
        """A name for a value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def build_plan(tree: QueryNode | None, names: ResolvedNames, index: IndexTable = RELEASE_INDEX) -> SearchPlan:
    """How to find what is asked for.

    >>> build_plan(TermNode(("myndigheterna",)), ResolvedNames()).match
    '"myndighet"'
    """
    plan = SearchPlan()
    parts = tree.parts if isinstance(tree, AndNode) else (tree,) if tree is not None else ()
    wanted = [part for part in parts if not isinstance(part, NotNode)]
    matches = {part: match for part in wanted if (match := build_node_match(part, names, index))}
    plan.match = join_with_and(matches.values())
    unwanted = [part.part for part in parts if isinstance(part, NotNode)]
    if plan.match:
        refused = {part: match for part in unwanted if (match := build_node_match(part, names, index))}
        for match in refused.values():
            plan.match = f"({plan.match}) NOT ({match})"
        unwanted = [part for part in unwanted if part not in refused]
    plan.conditions = [f"({build_node_condition(part, plan, names, index)})" for part in wanted if part not in matches]
    plan.conditions += [f"not ({build_node_condition(part, plan, names, index)})" for part in unwanted]
    plan.prefilters = [
        within for part in wanted if isinstance(part, FilterNode) and (within := build_prefilter(part, names))
    ]
    return plan


def build_node_match(node: QueryNode, names: ResolvedNames, index: IndexTable) -> str:
    """The node as an FTS5 expression over the source; "" where it cannot be one."""
    if isinstance(node, TermNode):
        return match_term(node, names, index)
    if isinstance(node, NearNode):
        return match_near(node, index)
    if isinstance(node, OrNode):
        matches = [build_node_match(part, names, index) for part in node.parts]
        return " OR ".join(f"({match})" for match in matches) if all(matches) else ""
    if isinstance(node, AndNode):
        plain = [build_node_match(part, names, index) for part in node.parts if not isinstance(part, NotNode)]
        refused = [build_node_match(part.part, names, index) for part in node.parts if isinstance(part, NotNode)]
        if not plain or not all(plain) or not all(refused):
            return ""
        return join_with_and(plain) + "".join(f" NOT ({match})" for match in refused)
    return ""


def build_node_condition(node: QueryNode, plan: SearchPlan, names: ResolvedNames, index: IndexTable) -> str:
    """The node as a condition on `listed l`."""
    if isinstance(node, NotNode):
        return f"not ({build_node_condition(node.part, plan, names, index)})"
    if isinstance(node, AndNode | OrNode):
        word = " and " if isinstance(node, AndNode) else " or "
        return word.join(f"({build_node_condition(part, plan, names, index)})" for part in node.parts)
    if isinstance(node, FilterNode):
        return build_filter_condition(node, plan, names)
    other, by = (
        (QUESTION_INDEX, QUESTION_MATCH_SQL)
        if node.field in QUESTION_INDEX.fields
        else (RELEASE_INDEX, RELEASE_MATCH_SQL)
    )
    match = build_node_match(node, names, other)
    return by.format(match=f"{other.table} match {plan.bind(match)}") if match else "false"


def build_filter_condition(node: FilterNode, plan: SearchPlan, names: ResolvedNames) -> str:
    """An agency, a tag, or a day; what nobody knows holds for nothing."""
    if node.field == "agency":
        slugs = ", ".join(map(plan.bind, names.agencies.get(node.value, ())))
        return f"l.agency in ({slugs})"
    if node.field == "tag":
        tags = ", ".join(map(plan.bind, names.tags.get(node.value, ())))
        named = f"select rt.release from release_tags rt join tags t on t.id = rt.tag where t.name in ({tags})"
        return f"l.release in ({named})"
    # what has no date is on no day: a "not" finds it
    return f"ifnull(l.day {'>=' if node.field == 'from' else '<='} {plan.bind(node.value)}, 0)"


def build_prefilter(node: FilterNode, names: ResolvedNames) -> str:
    """An agency, a tag or a day as an expression over the index's facts; "" where none would make much fewer."""
    if node.field == "agency":
        return match_facet_terms(AGENCY_PREFIX, names.agencies.get(node.value, ()))
    if node.field == "tag":
        return match_facet_terms(TAG_PREFIX, names.tags.get(node.value, ()))
    return ""


def match_facet_terms(prefix: str, values: Iterable[str]) -> str:
    """Any of some values.

    >>> match_facet_terms("\ue001", ["fyr", "hamn"]).encode("ascii", "replace")
    b'facts: ("?667972" OR "?68616d6e")'
    """
    told = " OR ".join(quote_fts(encode_facet_term(prefix, value)) for value in values)
    return f"facts: ({told})" if told else ""


def match_term(term: TermNode, names: ResolvedNames, index: IndexTable) -> str:
    """A word, a phrase or a beginning; only in the field asked for."""
    columns = index.text_columns
    if term.field:
        if term.field not in index.fields:
            return ""
        columns = f"{{{index.fields[term.field]}}}"
    text = " ".join(term.words)
    if term.is_prefix:
        begun = names.prefixes.get(text, PrefixExpansion())
        readings = [*([] if begun.replaces_prefix else [f"{quote_fts(text)} *"]), *map(quote_fts, begun.lemmas)]
        return f"{columns}: ({' OR '.join(readings)})"
    match = match_word(text, columns, index.part_columns)
    if not term.field or not match:
        return match
    name = index.fields[term.field]
    return f"{{{name} {name}_parts}}: ({match})"


def match_near(near: NearNode, index: IndexTable) -> str:
    """In every reading of its words, up to a number of them."""
    columns = index.text_columns
    if near.field:
        if near.field not in index.fields:
            return ""
        columns = f"{{{index.fields[near.field]}}}"
    readings = [
        [f"{quote_fts(' '.join(term.words))} *"]
        if term.is_prefix
        else list(map(quote_fts, analyze_word(" ".join(term.words)).lemmas))
        for term in near.terms
    ]
    nears = [
        f"NEAR({' '.join(choice)}, {near.distance})" for choice in islice(product(*readings), MAX_NEAR_COMBINATIONS)
    ]
    return f"{columns}: ({' OR '.join(nears)})" if nears else ""


def join_with_and(matches: Iterable[str]) -> str:
    """Expressions that must all hold."""
    held = list(matches)
    return held[0] if len(held) == 1 else " AND ".join(f"({match})" for match in held)


MAX_EXTRA_LEMMAS = 60  # lemmas besides those that begin as the word does: kvinnor* also finds kvinna
MAX_PREFIX_POSTINGS = (
    60_000  # of words that begin so, of which the index makes one list; of more, the commonest are asked
)
MAX_PREFIX_LEMMAS = 40  # of those
Key = TypeVar("Key")
LAST_CHARACTER = "\U0010ffff"
PREFIX_LEMMAS_SQL = """
    select lemma, sum(releases) as n, sum(sum(releases)) over () as whole, count(*) over () as lemmas,
      lemma >= :low and lemma < :high as alike
    from vocabulary where word >= :low and word < :high group by lemma order by n desc limit :most
"""


async def resolve_names(run: RunQuery, tree: QueryNode | None) -> tuple[ResolvedNames, list[SearchNote]]:
    """The names that stand in a query, looked up; a note for each that nobody knows."""
    facts = [node for node in iter_nodes(tree) if isinstance(node, FilterNode)]
    terms = [node for node in iter_nodes(tree) if isinstance(node, TermNode)]
    agencies = {fact.value for fact in facts if fact.field == "agency"}
    tags = {fact.value for fact in facts if fact.field == "tag"}
    begun = {" ".join(term.words) for term in terms if term.is_prefix}
    known = ResolvedNames(
        prefixes={text: await expand_prefix(run, text) for text in begun if " " not in text},
        agencies=await resolve_agencies(run, agencies) if agencies else {},
        tags=await resolve_tags(run, tags) if tags else {},
    )
    notes = [SearchNote("no_agency", value) for value in sorted(agencies) if not known.agencies[value]]
    notes += [SearchNote("many_begin", f"{text}*") for text, begun in known.prefixes.items() if begun.omitted]
    notes += [SearchNote("no_tag", value) for value in sorted(tags) if not known.tags[value]]
    return known, notes


def iter_nodes(node: QueryNode | None) -> Iterable[QueryNode]:
    """A query's parts, each."""
    if node is None:
        return
    yield node
    if isinstance(node, AndNode | OrNode):
        for part in node.parts:
            yield from iter_nodes(part)
    elif isinstance(node, NotNode):
        yield from iter_nodes(node.part)
    elif isinstance(node, NearNode):
        yield from node.terms


async def expand_prefix(run: RunQuery, prefix: str) -> PrefixExpansion:
    """What words that begin so are indexed by."""
    rows = await run(PREFIX_LEMMAS_SQL, {"low": prefix, "high": prefix + LAST_CHARACTER, "most": 200})
    if rows and rows[0]["whole"] > MAX_PREFIX_POSTINGS:
        lemmas = tuple(row["lemma"] for row in rows[:MAX_PREFIX_LEMMAS])
        return PrefixExpansion(lemmas=lemmas, replaces_prefix=True, omitted=rows[0]["lemmas"] - len(lemmas))
    return PrefixExpansion(lemmas=tuple(row["lemma"] for row in rows if not row["alike"])[:MAX_EXTRA_LEMMAS])


async def resolve_agencies(run: RunQuery, values: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The agencies whose short name or name it is, else those whose name holds it; letters' marks do not matter."""
    rows = await run("select slug, name, name_en from agencies", {})
    names = [
        (
            row["slug"],
            {fold_diacritics(row["slug"]), fold_diacritics(row["name"]), fold_diacritics(row["name_en"] or "")},
        )
        for row in rows
    ]
    return {value: match_names(fold_diacritics(value), names) for value in values}


async def resolve_tags(run: RunQuery, values: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The same of tags."""
    rows = await run("select id, name from tags", {})
    names = [(row["name"], {fold_diacritics(row["name"])}) for row in rows]
    return {value: match_names(fold_diacritics(value), names) for value in values}


def match_names(value: str, names: list[tuple[Key, set[str]]]) -> tuple[Key, ...]:
    """Those that are called so; else those in whose name a word begins so."""
    if exact := tuple(key for key, called in names if value in called):
        return exact
    return tuple(key for key, called in names if any(f" {value}" in f" {name}" for name in called))[:200]


MAX_HITS = 10_000  # matches beyond the newest so many are neither counted nor shown: very common words cost seconds
MIN_WINDOW_GROWTH = 1.1  # times as many releases are tried next, at least
WINDOW_MARGIN = 1.05  # times as many hits as are wanted are aimed at
NEWEST_FRACTION = 12  # months to one of the newest, which are looked at first where few hits may do
MAX_WINDOW_SHARE = 0.4  # of all releases; to look for months of more of them costs more than to sort all hits
FACET_PREFIXES = {
    "agency": AGENCY_PREFIX,
    "kind": KIND_PREFIX,
    "year": YEAR_PREFIX,
    "questions": QUESTIONS_PREFIX,
    "tag": TAG_PREFIX,
}
MONTH_COUNTS_SQL = (
    "select month, releases from months where agency = '' and month not in ('', 'none') order by month desc"
)


def match_included_facets(include: Mapping[str, tuple[str, ...]], skip_facet: str | None = None) -> list[str]:
    """What the chosen values of facets ask for: any of them; of tags each."""
    told = []
    for name, values in include.items():
        if name == "tag":
            told += [match_facet_terms(TAG_PREFIX, [value]) for value in values]
        elif name != skip_facet:
            told.append(match_facet_terms(FACET_PREFIXES[name], values))
    return told


def match_excluded_facets(exclude: Mapping[str, tuple[str, ...]]) -> str:
    """Any of the excluded values; "" where there are none."""
    told = [match_facet_terms(FACET_PREFIXES[name], values) for name, values in exclude.items()]
    return " OR ".join(f"({each})" for each in told if each)


def combine_matches(required: Sequence[str], excluded: str = "") -> str:
    """One expression of several; "" of none."""
    match = " AND ".join(f"({each})" for each in required if each)
    return f"({match}) NOT ({excluded})" if match and excluded else match


class DateWindow:
    """The newest months, as expressions, further ones each time: those that may hold the newest MOST_HITS hits."""

    def __init__(self, months: Sequence[tuple[str, int]], expected: float) -> None:
        """expected: in how many releases MOST_HITS hits may be, as far as is known."""
        self.months, self.total = months, sum(number for _, number in months)
        self.target, self.covered = WINDOW_MARGIN * expected, 0
        self.opened_months = 0  # months

    def open_next_months(self) -> str:
        """The next months; "" where all releases must be looked at, for there are not many more."""
        begun = self.opened_months
        if self.target >= MAX_WINDOW_SHARE * self.total:
            self.opened_months = len(self.months)
            return ""
        while self.covered < self.target:
            self.covered += self.months[self.opened_months][1]
            self.opened_months += 1
        return self._match_range(begun, self.opened_months)

    def widen(self, hit_count: int) -> None:
        """So many hits were in all that was opened, which were too few."""
        self.target = self.covered * max(MIN_WINDOW_GROWTH, WINDOW_MARGIN * MAX_HITS / (hit_count + 1))

    def list_match_parts(self) -> list[str]:
        """All that was opened, the newest of it first, which may do; "" is all there is."""
        newest = max(1, self.opened_months // NEWEST_FRACTION)
        if self.opened_months == len(self.months):
            return [self._match_range(0, newest), ""]
        return [
            self._match_range(0, newest),
            *([self._match_range(newest, self.opened_months)] if newest < self.opened_months else []),
        ]

    def _match_range(self, start: int, end: int) -> str:
        months = [month for month, _ in self.months]
        return match_months(months[start:end], months)


async def read_month_counts(run: RunQuery) -> list[tuple[str, int]]:
    """How many releases each month has, the newest first."""
    return [(row["month"], row["releases"]) for row in await run(MONTH_COUNTS_SQL, {})]


def match_months(months: Sequence[str], all_months: Sequence[str]) -> str:
    """Any of some months in a row, newest first: whole years as years, for an index reads one word faster than twelve.

    known: all months there are.

    >>> match_months(["2024-02", "2024-01", "2023-12"], ["2024-02", "2024-01", "2023-12", "2023-11"]) == (
    ...     f"({match_facet_terms(LISTED_YEAR_PREFIX, ['2024'])}) OR ({match_facet_terms(LISTED_MONTH_PREFIX, ['2023-12'])})")
    True
    """
    sizes = Counter(month[:4] for month in all_months)
    whole = [year for year, number in Counter(month[:4] for month in months).items() if number == sizes[year]]
    parts = [
        match_facet_terms(LISTED_YEAR_PREFIX, whole),
        match_facet_terms(LISTED_MONTH_PREFIX, [month for month in months if month[:4] not in whole]),
    ]
    return " OR ".join(f"({part})" for part in parts if part)


FACET_COLUMNS = {
    "agency": "l.agency",
    "kind": f"coalesce(l.kind, '{NO_VALUE}')",
    "year": f"coalesce(substr(l.day, 1, 4), '{NO_VALUE}')",
    "questions": "iif(l.questions > 0, 'yes', 'no')",
}
TAG_CONDITION_SQL = (
    "l.release in (select rt.release from release_tags rt join tags t on t.id = rt.tag where t.name {holds})"
)


def plan_search(request: SearchRequest, names: ResolvedNames, index: IndexTable = RELEASE_INDEX) -> SearchPlan:
    """The words as a plan; words of which none can be searched for find nothing."""
    plan = build_plan(request.query.tree, names, QUESTION_INDEX if request.show == "questions" else index)
    if request.query.is_blank:
        plan.conditions.append("false")
    return plan


def build_match(request: SearchRequest, plan: SearchPlan, skip_facet: str | None = None) -> str:
    """What the index is asked: the words, and where it makes the hits fewer what was chosen beside them."""
    if request.show == "questions":
        return plan.match
    chosen = [*plan.prefilters, *match_included_facets(request.include, skip_facet)]
    if not plan.match and set(request.include) <= {"agency"} and len(chosen) == len(request.include):
        return ""  # an agency's newest stand in an order of their own
    return combine_matches([plan.match, *chosen], match_excluded_facets(request.exclude))


def build_match_sql(plan: SearchPlan, match: str, *, ranked: bool = False) -> str:
    """The releases that the index finds, as it finds them: `id`, and how well it fits."""
    rank = ", search.rank as rank" if ranked else ""
    return f"select search.rowid as id{rank} from search where search match {plan.bind(match)}"


def build_hits_sql(
    request: SearchRequest,
    plan: SearchPlan,
    match: str,
    *,
    skip_facet: str | None = None,
    ranked: bool = False,
    limit: int | None = None,
) -> str:
    """The hits of all that was asked and chosen: `id`, its `release`, `seen` of what is new, and how well it fits.

    without: a facet whose included values are left out. most: so many of them, the newest (of pairs: those read last).
    """
    pairs = request.show == "questions"
    index = "search_questions" if pairs else "search"
    # cross join: the index of words must lead; the other way round each release is looked up in it
    if pairs:
        source = "listed l cross join questions q on q.release = l.release"
        worded = f"{index} cross join questions q on q.id = {index}.rowid cross join listed l on l.release = q.release"
    else:
        source, worded = "listed l", f"{index} cross join listed l on l.release = {index}.rowid"
    conditions = [
        *plan.conditions,
        *build_facet_conditions(request, plan, skip_facet, facets_in_match=bool(match) and not pairs),
    ]
    columns = [f"{'q.id' if pairs else 'l.release'} as id", "l.release"]
    newest = "l.newest"
    if match:
        conditions.insert(0, f"{index} match {plan.bind(match)}")
    elif pairs:
        conditions.append("l.questions > 0")
    if request.news:  # and what was found last is told first
        conditions.append("l.release in (select release from news)")
        if match and not pairs:
            conditions.append(f"{index}.rowid >= (select min(release) from news)")
        newest = "seen"
        columns.append("(select min(seen) from revisions v where v.release = l.release) as seen")
    if ranked:
        columns.append(f"bm25({index}, 3.0, 1.0, 0.3, 0.3) as rank" if pairs else f"{index}.rank as rank")
    sort = f"{index}.rowid desc" if match and pairs else f"{newest} desc, l.release desc"
    return (
        f"{f'with {SEARCH_FEED_SQL} ' if request.news else ''}select {', '.join(columns)}"
        f" from {worded if match else source}"
        f" where {' and '.join(conditions) or 'true'}"
        + (f" order by {sort} limit {plan.bind(limit)}" if limit is not None else "")
    )


def build_facet_conditions(
    request: SearchRequest, plan: SearchPlan, skip_facet: str | None, *, facets_in_match: bool
) -> list[str]:
    """What the chosen values ask for: any of the included ones (of tags: each), and none of the excluded.

    matched: the index was asked for all of that; tags, which cost most to look up, are left to it.
    """
    conditions = []
    for name, values in request.include.items():
        if name == "tag":
            conditions += [
                TAG_CONDITION_SQL.format(holds=f"= {plan.bind(value)}") for value in values if not facets_in_match
            ]
        elif name != skip_facet:
            conditions.append(f"{FACET_COLUMNS[name]} in ({', '.join(map(plan.bind, values))})")
    for name, values in request.exclude.items():
        if name == "tag" and facets_in_match:
            continue
        holds = f"in ({', '.join(map(plan.bind, values))})"
        conditions.append(
            "not " + (TAG_CONDITION_SQL.format(holds=holds) if name == "tag" else f"{FACET_COLUMNS[name]} {holds}")
        )
    return conditions
