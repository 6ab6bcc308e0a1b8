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

from archive.analysis import PARTS, TEXTS, match_word, quote, to_term
from archive.database import Run
from archive.feeds import SEARCH_FEED_SQL
from archive.search.index import AGENCY, KIND, LISTED_MONTH, LISTED_YEAR, NONE, QUESTIONS, TAG, YEAR, to_fact
from archive.search.params import Query
from archive.search.query import All, Any, Fact, Near, Node, Not, Note, Term, bare

MOST_READINGS = 16  # of the words of a NEAR together


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Lemmas of words that begin as one with a star does: besides all that begin so, or (`alone`) these only.

    left: how many lemmas of such words are not among them.
    """

    lemmas: tuple[str, ...] = ()
    alone: bool = False
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the archive knows of a query's names: lemmas of words that begin so, slugs of agencies, names of tags."""

    begun: Mapping[str, Begun] = field(default_factory=dict)
    agencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → slugs
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → names


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is searched: the index `table`, whose columns `fields` names; `key` is what its rowid is."""

    table: str
    texts: str
    fields: Mapping[str, str]
    parted: str = ""  # columns of parts that are weighed apart


RELEASES = Source(table="search", texts=TEXTS, fields={"title": "title", "lead": "lead", "body": "body"})
RANKED = replace(RELEASES, parted=PARTS)
PAIRS = Source(
    table="search_questions",
    texts="{question answer}",
    fields={"question": "question", "answer": "answer"},
)
BY_PAIR = "l.release in (select release from questions where id in (select rowid from search_questions where {match}))"
BY_RELEASE = "l.release in (select rowid from search where {match})"


@dataclass(slots=True)
class Plan:
    """match: the expression of the words, "" where none leads; conditions on `listed l`, all of which must hold.

    within: expressions over the index's facts that hold for whatever the conditions hold for, and make it fewer.
    """

    match: str = ""
    conditions: list[str] = field(default_factory=list)
    within: list[str] = field(default_factory=list)
    values: dict[str, Anything] = field(default_factory=dict)

    def bind(self, value: Anything) -> str:
        """A name for a value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def to_plan(tree: Node | None, known: Known, source: Source = RELEASES) -> Plan:
    """How to find what is asked for.

    >>> to_plan(Term(("myndigheterna",)), Known()).match
    '"myndighet"'
    """
    plan = Plan()
    parts = tree.parts if isinstance(tree, All) else (tree,) if tree is not None else ()
    wanted = [part for part in parts if not isinstance(part, Not)]
    matches = {part: match for part in wanted if (match := to_match(part, known, source))}
    plan.match = join_all(matches.values())
    unwanted = [part.part for part in parts if isinstance(part, Not)]
    if plan.match:
        refused = {part: match for part in unwanted if (match := to_match(part, known, source))}
        for match in refused.values():
            plan.match = f"({plan.match}) NOT ({match})"
        unwanted = [part for part in unwanted if part not in refused]
    plan.conditions = [f"({to_condition(part, plan, known, source)})" for part in wanted if part not in matches]
    plan.conditions += [f"not ({to_condition(part, plan, known, source)})" for part in unwanted]
    plan.within = [within for part in wanted if isinstance(part, Fact) and (within := find_within(part, known))]
    return plan


def to_match(node: Node, known: Known, source: Source) -> str:
    """The node as an FTS5 expression over the source; "" where it cannot be one."""
    if isinstance(node, Term):
        return match_term(node, known, source)
    if isinstance(node, Near):
        return match_near(node, source)
    if isinstance(node, Any):
        matches = [to_match(part, known, source) for part in node.parts]
        return " OR ".join(f"({match})" for match in matches) if all(matches) else ""
    if isinstance(node, All):
        plain = [to_match(part, known, source) for part in node.parts if not isinstance(part, Not)]
        refused = [to_match(part.part, known, source) for part in node.parts if isinstance(part, Not)]
        if not plain or not all(plain) or not all(refused):
            return ""
        return join_all(plain) + "".join(f" NOT ({match})" for match in refused)
    return ""


def to_condition(node: Node, plan: Plan, known: Known, source: Source) -> str:
    """The node as a condition on `listed l`."""
    if isinstance(node, Not):
        return f"not ({to_condition(node.part, plan, known, source)})"
    if isinstance(node, All | Any):
        word = " and " if isinstance(node, All) else " or "
        return word.join(f"({to_condition(part, plan, known, source)})" for part in node.parts)
    if isinstance(node, Fact):
        return fact_condition(node, plan, known)
    other, by = (PAIRS, BY_PAIR) if node.field in PAIRS.fields else (RELEASES, BY_RELEASE)
    match = to_match(node, known, other)
    return by.format(match=f"{other.table} match {plan.bind(match)}") if match else "false"


def fact_condition(fact: Fact, plan: Plan, known: Known) -> str:
    """An agency, a tag, or a day; what nobody knows holds for nothing."""
    if fact.field == "agency":
        slugs = ", ".join(map(plan.bind, known.agencies.get(fact.value, ())))
        return f"l.agency in ({slugs})"
    if fact.field == "tag":
        tags = ", ".join(map(plan.bind, known.tags.get(fact.value, ())))
        named = f"select rt.release from release_tags rt join tags t on t.id = rt.tag where t.name in ({tags})"
        return f"l.release in ({named})"
    # what has no date is on no day: a "not" finds it
    return f"ifnull(l.day {'>=' if fact.field == 'from' else '<='} {plan.bind(fact.value)}, 0)"


def find_within(fact: Fact, known: Known) -> str:
    """An agency, a tag or a day as an expression over the index's facts; "" where none would make much fewer."""
    if fact.field == "agency":
        return any_fact(AGENCY, known.agencies.get(fact.value, ()))
    if fact.field == "tag":
        return any_fact(TAG, known.tags.get(fact.value, ()))
    return ""


def any_fact(kind: str, values: Iterable[str]) -> str:
    """Any of some values.

    >>> any_fact("\ue001", ["fyr", "hamn"]).encode("ascii", "replace")
    b'facts: ("?667972" OR "?68616d6e")'
    """
    told = " OR ".join(quote(to_fact(kind, value)) for value in values)
    return f"facts: ({told})" if told else ""


def match_term(term: Term, known: Known, source: Source) -> str:
    """A word, a phrase or a beginning; only in the field asked for."""
    columns = source.texts
    if term.field:
        if term.field not in source.fields:
            return ""
        columns = f"{{{source.fields[term.field]}}}"
    text = " ".join(term.words)
    if term.star:
        begun = known.begun.get(text, Begun())
        readings = [*([] if begun.alone else [f"{quote(text)} *"]), *map(quote, begun.lemmas)]
        return f"{columns}: ({' OR '.join(readings)})"
    match = match_word(text, columns, source.parted)
    if not term.field or not match:
        return match
    name = source.fields[term.field]
    return f"{{{name} {name}_parts}}: ({match})"


def match_near(near: Near, source: Source) -> str:
    """In every reading of its words, up to a number of them."""
    columns = source.texts
    if near.field:
        if near.field not in source.fields:
            return ""
        columns = f"{{{source.fields[near.field]}}}"
    readings = [
        [f"{quote(' '.join(term.words))} *"] if term.star else list(map(quote, to_term(" ".join(term.words)).lemmas))
        for term in near.terms
    ]
    nears = [f"NEAR({' '.join(choice)}, {near.distance})" for choice in islice(product(*readings), MOST_READINGS)]
    return f"{columns}: ({' OR '.join(nears)})" if nears else ""


def join_all(matches: Iterable[str]) -> str:
    """Expressions that must all hold."""
    held = list(matches)
    return held[0] if len(held) == 1 else " AND ".join(f"({match})" for match in held)


MOST_BEGUN = 60  # lemmas besides those that begin as the word does: kvinnor* also finds kvinna
MOST_POSTINGS = 60_000  # of words that begin so, of which the index makes one list; of more, the commonest are asked
MOST_LEMMAS = 40  # of those
Key = TypeVar("Key")
LAST = "\U0010ffff"
BEGUN = """
    select lemma, sum(releases) as n, sum(sum(releases)) over () as whole, count(*) over () as lemmas,
      lemma >= :low and lemma < :high as alike
    from vocabulary where word >= :low and word < :high group by lemma order by n desc limit :most
"""


async def find_known(run: Run, tree: Node | None) -> tuple[Known, list[Note]]:
    """The names that stand in a query, looked up; a note for each that nobody knows."""
    facts = [node for node in walk(tree) if isinstance(node, Fact)]
    terms = [node for node in walk(tree) if isinstance(node, Term)]
    agencies = {fact.value for fact in facts if fact.field == "agency"}
    tags = {fact.value for fact in facts if fact.field == "tag"}
    begun = {" ".join(term.words) for term in terms if term.star}
    known = Known(
        begun={text: await find_begun(run, text) for text in begun if " " not in text},
        agencies=await find_agencies(run, agencies) if agencies else {},
        tags=await find_tags(run, tags) if tags else {},
    )
    notes = [Note("no_agency", value) for value in sorted(agencies) if not known.agencies[value]]
    notes += [Note("many_begin", f"{text}*") for text, begun in known.begun.items() if begun.left]
    notes += [Note("no_tag", value) for value in sorted(tags) if not known.tags[value]]
    return known, notes


def walk(node: Node | None) -> Iterable[Node]:
    """A query's parts, each."""
    if node is None:
        return
    yield node
    if isinstance(node, All | Any):
        for part in node.parts:
            yield from walk(part)
    elif isinstance(node, Not):
        yield from walk(node.part)
    elif isinstance(node, Near):
        yield from node.terms


async def find_begun(run: Run, text: str) -> Begun:
    """What words that begin so are indexed by."""
    rows = await run(BEGUN, {"low": text, "high": text + LAST, "most": 200})
    if rows and rows[0]["whole"] > MOST_POSTINGS:
        lemmas = tuple(row["lemma"] for row in rows[:MOST_LEMMAS])
        return Begun(lemmas=lemmas, alone=True, left=rows[0]["lemmas"] - len(lemmas))
    return Begun(lemmas=tuple(row["lemma"] for row in rows if not row["alike"])[:MOST_BEGUN])


async def find_agencies(run: Run, asked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The agencies whose short name or name it is, else those whose name holds it; letters' marks do not matter."""
    rows = await run("select slug, name, name_en from agencies", {})
    names = [(row["slug"], {bare(row["slug"]), bare(row["name"]), bare(row["name_en"] or "")}) for row in rows]
    return {value: choose(bare(value), names) for value in asked}


async def find_tags(run: Run, asked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The same of tags."""
    rows = await run("select id, name from tags", {})
    names = [(row["name"], {bare(row["name"])}) for row in rows]
    return {value: choose(bare(value), names) for value in asked}


def choose(value: str, names: list[tuple[Key, set[str]]]) -> tuple[Key, ...]:
    """Those that are called so; else those in whose name a word begins so."""
    if exact := tuple(key for key, called in names if value in called):
        return exact
    return tuple(key for key, called in names if any(f" {value}" in f" {name}" for name in called))[:200]


MOST_HITS = 10_000  # matches beyond the newest so many are neither counted nor shown: very common words cost seconds
LEAST_MORE = 1.1  # times as many releases are tried next, at least
SPARE = 1.05  # times as many hits as are wanted are aimed at
NEWEST = 12  # months to one of the newest, which are looked at first where few hits may do
MOST_SHARE = 0.4  # of all releases; to look for months of more of them costs more than to sort all hits
KINDS = {"agency": AGENCY, "kind": KIND, "year": YEAR, "questions": QUESTIONS, "tag": TAG}
MONTHS = "select month, releases from months where agency = '' and month not in ('', 'none') order by month desc"


def choose_facts(include: Mapping[str, tuple[str, ...]], without: str | None = None) -> list[str]:
    """What the chosen values of facets ask for: any of them; of tags each."""
    told = []
    for name, values in include.items():
        if name == "tag":
            told += [any_fact(TAG, [value]) for value in values]
        elif name != without:
            told.append(any_fact(KINDS[name], values))
    return told


def refuse_facts(exclude: Mapping[str, tuple[str, ...]]) -> str:
    """Any of the excluded values; "" where there are none."""
    told = [any_fact(KINDS[name], values) for name, values in exclude.items()]
    return " OR ".join(f"({each})" for each in told if each)


def join_match(wanted: Sequence[str], refused: str = "") -> str:
    """One expression of several; "" of none."""
    match = " AND ".join(f"({each})" for each in wanted if each)
    return f"({match}) NOT ({refused})" if match and refused else match


class Window:
    """The newest months, as expressions, further ones each time: those that may hold the newest MOST_HITS hits."""

    def __init__(self, months: Sequence[tuple[str, int]], expected: float) -> None:
        """expected: in how many releases MOST_HITS hits may be, as far as is known."""
        self.months, self.whole = months, sum(number for _, number in months)
        self.wanted, self.held = SPARE * expected, 0
        self.opened = 0  # months

    def open(self) -> str:
        """The next months; "" where all releases must be looked at, for there are not many more."""
        begun = self.opened
        if self.wanted >= MOST_SHARE * self.whole:
            self.opened = len(self.months)
            return ""
        while self.held < self.wanted:
            self.held += self.months[self.opened][1]
            self.opened += 1
        return self._tell(begun, self.opened)

    def widen(self, found: int) -> None:
        """So many hits were in all that was opened, which were too few."""
        self.wanted = self.held * max(LEAST_MORE, SPARE * MOST_HITS / (found + 1))

    def parts(self) -> list[str]:
        """All that was opened, the newest of it first, which may do; "" is all there is."""
        newest = max(1, self.opened // NEWEST)
        if self.opened == len(self.months):
            return [self._tell(0, newest), ""]
        return [self._tell(0, newest), *([self._tell(newest, self.opened)] if newest < self.opened else [])]

    def _tell(self, begun: int, end: int) -> str:
        months = [month for month, _ in self.months]
        return any_month(months[begun:end], months)


async def read_months(run: Run) -> list[tuple[str, int]]:
    """How many releases each month has, the newest first."""
    return [(row["month"], row["releases"]) for row in await run(MONTHS, {})]


def any_month(months: Sequence[str], known: Sequence[str]) -> str:
    """Any of some months in a row, newest first: whole years as years, for an index reads one word faster than twelve.

    known: all months there are.

    >>> any_month(["2024-02", "2024-01", "2023-12"], ["2024-02", "2024-01", "2023-12", "2023-11"]) == (
    ...     f"({any_fact(LISTED_YEAR, ['2024'])}) OR ({any_fact(LISTED_MONTH, ['2023-12'])})")
    True
    """
    sizes = Counter(month[:4] for month in known)
    whole = [year for year, number in Counter(month[:4] for month in months).items() if number == sizes[year]]
    parts = [
        any_fact(LISTED_YEAR, whole),
        any_fact(LISTED_MONTH, [month for month in months if month[:4] not in whole]),
    ]
    return " OR ".join(f"({part})" for part in parts if part)


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
