"""Translates a parsed query into FTS5 expressions and SQL.

Words become an FTS5 expression if possible. Facet values and months are terms of the index (see
search_index.py), so that FTS5 can intersect them with the words. All other parts become SQL
conditions on release_facets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any

from archive.changes.new_releases import SEARCH_FEED_SQL
from archive.database.sqlite_files import RunQuery
from archive.language.synonyms import list_related_words
from archive.language.terms import (
    MAX_ABBREVIATION_LENGTH,
    analyze_word,
    find_compound_key,
    find_subject,
    find_words,
)
from archive.search.document_references import (
    build_cited_condition,
    build_reference_condition,
    list_unknown_references,
)
from archive.search.query_language import (
    CITED_FIELD,
    LIKE_FIELD,
    LOOSE,
    NAME_FIELDS,
    PERSON_FIELD,
    QUOTED,
    REQUIRED,
    WRITTEN,
    AndNode,
    EditNode,
    FilterNode,
    NearNode,
    NotNode,
    OrNode,
    QueryNode,
    ReferenceNode,
    SearchNote,
    TermNode,
    find_terms,
    fold_diacritics,
    list_parts,
)
from archive.search.related_releases import RelatedReleases, find_related
from archive.search.search_index import (
    ATTACHMENT_COLUMNS,
    BM25_WEIGHTS,
    COLUMN_SUFFIXES,
    FACET_PREFIXES,
    FORM_PREFIX,
    LOOSE_PART_PREFIX,
    NO_VALUE,
    PAGE_NUMBERS,
    PAGE_WEIGHTS,
    PAIR_COLUMNS,
    PAIR_WEIGHTS,
    QUOTE_COLUMNS,
    QUOTE_WEIGHTS,
    TEXT_COLUMNS,
    WAS_EDITED_SQL,
    encode_facet_term,
    list_columns,
)
from archive.search.search_request import LISTED_FACETS, SearchRequest
from archive.search.state_texts import VERSION_FIELDS

# Columns of the index.
TEXT_COLUMN_FILTER = f"{{{' '.join(TEXT_COLUMNS)}}}"
PART_COLUMN_FILTER = f"{{{' '.join(list_columns(TEXT_COLUMNS, '_parts', '_minor'))}}}"

NUMBERED_WORD = re.compile(r"([^\W\d_]{2,10})(\d{1,4})")  # ets2, agenda2030

# Limits of queries.
MAX_NEAR_COMBINATIONS = 16  # combinations of lemmas for the terms of one NEAR
# searched for a prefix although they do not start with it: kvinnor* also finds kvinna
MAX_EXTRA_LEMMAS = 60
# releases with a prefix; above it, only its most common words are searched
MAX_PREFIX_POSTINGS = 60_000
MAX_PREFIX_LEMMAS = 40  # lemmas of these most common words
# letters; in a loose search, a word this long also finds longer words that start with it
MIN_BEGINNING_LENGTH = 4
MAX_RESOLVED_NAMES = 200  # agencies or tags that one typed name may match
MATCH_NOTHING = '""'  # FTS5 accepts it and finds nothing; an empty text is a syntax error
LAST_CHARACTER = "\U0010ffff"  # sorts after all words with a prefix

# The newest hits.
# if there are more than MAX_COUNTED_HITS; to count the older ones would take seconds
MAX_HITS = 10_000
MAX_SORTED_HITS = 100_000  # hits sorted in memory; more are sorted by SQLite
# up to this number, hits are all counted if all are read anyway, as in a small archive
MAX_COUNTED_HITS = 25_000

FACET_COLUMNS = {
    "agency": "l.agency",
    "kind": f"coalesce(l.kind, '{NO_VALUE}')",
    "year": f"coalesce(substr(l.sort_day, 1, 4), '{NO_VALUE}')",
    "questions": "iif(l.questions > 0, 'yes', 'no')",
    "attachments": (
        "iif(exists (select 1 from attachments a where a.release = l.release), 'yes', 'no')"
    ),
    "edited": f"iif({WAS_EDITED_SQL.format(release='l.release')}, 'yes', 'no')",
}

# SQL.
TAG_CONDITION_SQL = (
    "l.release in (select rt.release from release_tags rt join tags t on t.id = rt.tag where"
    " t.name in ({names}))"
)
SPEAKER_CONDITION_SQL = (
    "l.release in (select q.release from people p join quotes q"
    " on q.person = ifnull(p.same_as, p.id) join releases r on r.id = q.release"
    " and r.revision = q.revision where p.slug in ({slugs}))"
)
# of quotations; with the releases, of which fewer are read
SPEAKER_SQL = (
    f"{SPEAKER_CONDITION_SQL} and q.person in"
    " (select ifnull(same_as, id) from people where slug in ({slugs}))"
)
# a former address of a name stands for the one it leads to
SPEAKER_NAMES_SQL = """
    select ifnull(m.slug, p.slug) as slug, p.name from people p left join people m
      on m.id = p.same_as order by p.id
"""
# without and with an FTS5 expression; `cross join` makes SQLite start with the FTS5 table
HIT_SOURCES_SQL = {
    "releases": (
        "release_facets l",
        "search cross join release_facets l on l.release = search.rowid",
    ),
    "questions": (
        "release_facets l cross join questions q on q.release = l.release",
        "search_questions cross join questions q on q.id = search_questions.rowid"
        " cross join release_facets l on l.release = q.release",
    ),
    "quotes": (
        # the index has the columns of `releases` that come after the texts
        "release_facets l cross join quotes q on q.release = l.release cross join releases r"
        " indexed by idx_releases_times on r.id = q.release and r.revision = q.revision",
        "search_quotes cross join quotes q on q.id = search_quotes.rowid"
        " cross join release_facets l on l.release = q.release",
    ),
}
RANK_SQL = {
    name: f"bm25({name}, {', '.join(map(str, weights))})"
    for name, weights in (
        ("search", BM25_WEIGHTS),
        ("search_questions", PAIR_WEIGHTS),
        ("search_quotes", QUOTE_WEIGHTS),
        ("search_attachments", PAGE_WEIGHTS),
    )
}
# with `+`, SQLite does not look up the rows one by one; bm25 is only computed for these rows
_INDEX_RANKS_SQL = """
    select rowid as id, {rank} as rank from {table}
    where {table} match :match and +rowid in (select value from json_each(:ids))
"""
_RANKS_SQL = {  # index → SQL for the bm25 ranks of some of the matching releases or question pairs
    **{
        name: _INDEX_RANKS_SQL.format(table=name, rank=rank)
        for name, rank in RANK_SQL.items()
        if name != "search_attachments"
    },
    # of the best page of any attachment
    "search_attachments": f"""
        with pages as materialized (select a.release, {RANK_SQL["search_attachments"]} as rank
          from search_attachments
            cross join attachment_versions v on v.file = search_attachments.rowid / {PAGE_NUMBERS}
            join attachments a on a.url = v.url
          where search_attachments match :match
            and a.release in (select value from json_each(:ids))
            and not exists
              (select 1 from attachment_versions n where n.url = v.url and n.id > v.id))
        select release as id, min(rank) as rank from pages group by release
    """,
}
PREFIX_LEMMAS_SQL = """
    select lemma, sum(releases) as n, sum(sum(releases)) over () as whole,
      count(*) over () as lemmas,
      lemma >= :low and lemma < :high as alike
    from vocabulary where word >= :low and word < :high group by lemma order by n desc limit :most
"""
BEGINNING_COUNT_SQL = (
    "select ifnull(sum(releases), 0) as releases from vocabulary where word >= :low and word <"
    " :high"
)
PAGE_COUNT_SQL = """
    select count(*) as pages from (
      select rowid from search_attachments where search_attachments match :match limit :most)
"""
SCOPE_SQL = """
    select a.slug as value, a.name, a.name_en, count(*) as count from release_facets l
    join agencies a on a.slug = l.agency where {conditions} group by l.agency
      order by count desc, a.name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTable:
    table: str
    text_columns: str  # FTS5 column filter
    fields: tuple[str, ...]  # fields of the query language; each is a column
    suffixes: tuple[str, ...] = COLUMN_SUFFIXES  # of the columns of a field
    part_columns: str = ""  # column filter for compound parts, if bm25 is to weigh them separately
    # condition for a part of a query that cannot be joined with the others
    condition: str = ""
    # search words that begin with a prefix as they are written, however common it is
    has_whole_prefixes: bool = False


RELEASE_INDEX = IndexTable(
    table="search",
    text_columns=TEXT_COLUMN_FILTER,
    fields=("title", "lead", "body"),
    condition="l.release in (select rowid from search where {match})",
)
RANKED_RELEASE_INDEX = replace(RELEASE_INDEX, part_columns=PART_COLUMN_FILTER)
QUESTION_INDEX = IndexTable(
    table="search_questions",
    text_columns="{question answer}",
    fields=PAIR_COLUMNS,
    condition=(
        "l.release in (select release from questions where id in (select rowid from"
        " search_questions where {match}))"
    ),
)
QUOTE_INDEX = IndexTable(
    table="search_quotes",
    text_columns="{quotation}",
    fields=QUOTE_COLUMNS,
    condition="q.id in (select rowid from search_quotes where {match})",
)
ATTACHMENT_INDEX = IndexTable(
    table="search_attachments",
    text_columns=f"{{{' '.join(ATTACHMENT_COLUMNS)}}}",
    fields=ATTACHMENT_COLUMNS,
    condition=(  # what a URL has now, not the files that it had before
        "l.release in (select a.release from search_attachments cross join attachment_versions v"
        f" on v.file = search_attachments.rowid / {PAGE_NUMBERS} join"
        " attachments a on a.url = v.url where {match}"
        " and not exists (select 1 from attachment_versions n where n.url = v.url and n.id > v.id))"
    ),
)
VERSION_INDEX = IndexTable(
    table="search_versions",
    text_columns=f"{{{' '.join(VERSION_FIELDS)}}}",
    fields=VERSION_FIELDS,
    condition="t.text in (select rowid from search_versions where {match})",
    has_whole_prefixes=True,
)


# what a search shows → the index of its words
RESULT_INDEXES = {"releases": RELEASE_INDEX, "questions": QUESTION_INDEX, "quotes": QUOTE_INDEX}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixExpansion:
    """The additional lemmas that a word with a star matches, for example kvinna for `kvinnor*`."""

    lemmas: tuple[str, ...] = ()
    replaces_prefix: bool = False  # search the lemmas instead of the prefix
    omitted: int = 0  # number of lemmas left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedNames:
    """What the names, prefixes, releases and edits in a query stand for in this archive."""

    prefixes: Mapping[str, PrefixExpansion] = field(default_factory=dict)
    agencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → slugs
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # as typed → names
    # number of a release → its related ones
    related: Mapping[str, RelatedReleases] = field(default_factory=dict)
    # as typed → slugs of people
    speakers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # lemmas that few words start with; loose searches find these words, too
    beginnings: Collection[str] = ()
    # → release → the newest such edit
    edits: Mapping[EditNode, Mapping[int, int]] = field(default_factory=dict)

    @property
    def prefix_lemmas(self) -> dict[str, tuple[str, ...]]:
        """Return a map from each prefix (`finans`) to the additional lemmas that it matches."""
        return {prefix: expansion.lemmas for prefix, expansion in self.prefixes.items()}


@dataclass(slots=True)
class SearchPlan:
    """A query as an FTS5 expression and SQL conditions."""

    match: str = ""  # "": no expression
    conditions: list[str] = field(default_factory=list)  # on `release_facets l`; all must be true
    # expressions implied by the conditions, to read fewer releases
    prefilters: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)  # SQL parameters

    def bind(self, value: Any) -> str:
        """Store an SQL parameter, and return its placeholder."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def bind_all(self, values: Iterable[Any]) -> str:
        return ", ".join(map(self.bind, values))


async def resolve_names(
    run: RunQuery, tree: QueryNode | None
) -> tuple[ResolvedNames, list[SearchNote]]:
    """Look up a query's names, prefixes and releases. Return them, and notes on any problems."""
    nodes = list(iter_nodes(tree))
    agencies, tags, speakers, liked = (
        _collect_filter_values(nodes, name) for name in (*NAME_FIELDS, LIKE_FIELD)
    )
    related = {number: await find_related(run, int(number)) for number in sorted(liked)}
    names = ResolvedNames(
        prefixes={text: await _expand_prefix(run, text) for text in _collect_prefixes(nodes)},
        agencies=await _find_names(run, "select slug, name, name_en from agencies", agencies),
        tags=await _find_names(run, "select name from tags order by id", tags),
        related={number: found for number, found in related.items() if found},
        speakers=await _find_names(run, SPEAKER_NAMES_SQL, speakers, are_people=True),
    )
    notes = _list_name_notes(names, related)
    unknown = await list_unknown_references(run, nodes)
    notes += [SearchNote("no_reference", label) for label in unknown]
    return names, notes


def _collect_filter_values(nodes: Iterable[QueryNode], field: str) -> set[str]:
    return {node.value for node in nodes if isinstance(node, FilterNode) and node.field == field}


def _collect_prefixes(nodes: Iterable[QueryNode]) -> set[str]:
    return {
        node.words[0]
        for node in nodes
        if isinstance(node, TermNode) and node.is_prefix and len(node.words) == 1
    }


def _list_name_notes(
    names: ResolvedNames, related: Mapping[str, RelatedReleases | None]
) -> list[SearchNote]:
    """Return notes on unknown names, releases that no other resembles, and too common prefixes."""
    cut = [text for text, expansion in names.prefixes.items() if expansion.omitted]
    unlike = [number for number, found in names.related.items() if not found.similarity]
    return [
        *_note_missing("no_agency", names.agencies),
        *(SearchNote("many_begin", f"{text}*") for text in cut),
        *_note_missing("no_tag", names.tags),
        *_note_missing("no_release", related),
        *(SearchNote("no_related", number) for number in unlike),
        *_note_missing("no_speaker", names.speakers),
    ]


def _note_missing(key: str, found: Mapping[str, object]) -> list[SearchNote]:
    return [SearchNote(key, value) for value in sorted(found) if not found[value]]


def iter_nodes(node: QueryNode | None) -> Iterable[QueryNode]:
    if node is None:
        return
    yield node
    if isinstance(node, AndNode | OrNode):
        for part in node.parts:
            yield from iter_nodes(part)
    elif isinstance(node, NotNode):
        yield from iter_nodes(node.part)
    elif isinstance(node, EditNode):
        yield from iter_nodes(node.removed)
        yield from iter_nodes(node.added)
    elif isinstance(node, NearNode):
        yield from node.terms


async def _expand_prefix(run: RunQuery, prefix: str) -> PrefixExpansion:
    rows = await run(
        PREFIX_LEMMAS_SQL, {"low": prefix, "high": prefix + LAST_CHARACTER, "most": 200}
    )
    if rows and rows[0]["whole"] > MAX_PREFIX_POSTINGS:
        lemmas = tuple(row["lemma"] for row in rows[:MAX_PREFIX_LEMMAS])
        return PrefixExpansion(
            lemmas=lemmas, replaces_prefix=True, omitted=rows[0]["lemmas"] - len(lemmas)
        )
    return PrefixExpansion(
        lemmas=tuple(row["lemma"] for row in rows if not row["alike"])[:MAX_EXTRA_LEMMAS]
    )


async def count_beginnings(run: RunQuery, terms: Iterable[TermNode]) -> dict[TermNode, int]:
    """Return, for each term, the number of releases with words that start with its lemma.

    For a term of several words, this is the number for the rarest word. For a term about
    attachments, it is the number of attachment pages that match.
    """
    counts = {}
    for term in terms:
        if match := match_attachments(term, ResolvedNames()):
            (row,) = await run(PAGE_COUNT_SQL, {"match": match, "most": MAX_COUNTED_HITS})
            counts[term] = row["pages"]
            continue
        prefixes = [find_compound_key(word) or word for word in term.words]
        rows = [
            await run(BEGINNING_COUNT_SQL, {"low": prefix, "high": prefix + LAST_CHARACTER})
            for prefix in prefixes
        ]
        counts[term] = min(row["releases"] for (row,) in rows)
    return counts


async def _find_names(
    run: RunQuery, names_sql: str, values: Collection[str], *, are_people: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return a map from each value to the keys of the rows that have it as a name.

    If there are no such rows, the value is mapped to the keys of rows with a name in which a word
    starts with the value. Case and diacritics are ignored.

    names_sql: SQL that selects the key in the first column, and names in all other columns.
    are_people: map a single word, such as a surname, to the keys of the rows found in either way.
    """
    if not values:
        return {}
    folded_names: list[tuple[str, set[str]]] = []
    for row in await run(names_sql, {}):
        key, *others = dict(row).values()
        folded_names.append((key, {fold_diacritics(name or "") for name in (key, *others)}))
    texts = {value: fold_diacritics(value) for value in values}
    return {
        value: _choose_keys(text, folded_names, are_people and " " not in text)
        for value, text in texts.items()
    }


def _choose_keys(
    text: str, folded_names: Sequence[tuple[str, set[str]]], with_similar: bool
) -> tuple[str, ...]:
    exact = tuple(key for key, names in folded_names if text in names)
    if exact and not with_similar:
        return exact
    similar = [k for k, names in folded_names if any(f" {text}" in f" {name}" for name in names)]
    return tuple(dict.fromkeys([*exact, *similar]))[:MAX_RESOLVED_NAMES]


def plan_search(
    request: SearchRequest, names: ResolvedNames, index: IndexTable = RELEASE_INDEX
) -> SearchPlan:
    """Return the plan of a search.

    If the typed text contains no word, number or filter, the plan matches nothing.
    """
    own_index = index if request.show == "releases" else RESULT_INDEXES[request.show]
    plan = build_plan(request.query.tree, names, own_index)
    if request.query.is_blank:
        plan.conditions.append("false")
    return plan


def build_plan(
    tree: QueryNode | None, names: ResolvedNames, index: IndexTable = RELEASE_INDEX
) -> SearchPlan:
    """Translate a query into an FTS5 expression and SQL conditions.

    >>> build_plan(TermNode(("myndigheterna",)), ResolvedNames()).match
    '"myndighet"'
    """
    plan = SearchPlan()
    parts = list_parts(tree)
    required = [part for part in parts if not isinstance(part, NotNode)]
    matches = {part: match for part in required if (match := build_node_match(part, names, index))}
    plan.match = combine_matches(matches.values())
    for part in parts:
        excluded = ""
        if isinstance(part, NotNode) and plan.match:
            excluded = build_node_match(part.part, names, index)
        if excluded:
            plan.match = combine_matches([plan.match], excluded)
        elif part not in matches:
            plan.conditions.append(f"({_build_node_condition(part, plan, names, index)})")
    plan.prefilters = _build_prefilters(required, names)
    return plan


def build_node_match(node: QueryNode, names: ResolvedNames, index: IndexTable) -> str:
    """Return the FTS5 expression of a node, or "" if FTS5 cannot express it."""
    if isinstance(node, TermNode):
        return _match_term(node, names, index)
    if isinstance(node, NearNode):
        return _match_near(node, index)
    if isinstance(node, OrNode):
        matches = [build_node_match(part, names, index) for part in node.parts]
        return match_any(matches) if all(matches) else ""
    if isinstance(node, AndNode):
        return _match_all_parts(node.parts, names, index)
    return ""


def _match_all_parts(parts: Iterable[QueryNode], names: ResolvedNames, index: IndexTable) -> str:
    required, excluded = [], []
    for part in parts:
        if isinstance(part, NotNode):
            excluded.append(build_node_match(part.part, names, index))
        else:
            required.append(build_node_match(part, names, index))
    if not required or not all(required) or not all(excluded):
        return ""
    return combine_matches(required, match_any(excluded))


def match_any(matches: Iterable[str]) -> str:
    return " OR ".join(f"({match})" for match in matches)


def _build_node_condition(
    node: QueryNode, plan: SearchPlan, names: ResolvedNames, index: IndexTable
) -> str:
    """Return the SQL condition for a node.

    Use it in statements on `release_facets l` or, for VERSION_INDEX, on `text_versions t`.
    """
    if isinstance(node, NotNode):
        return f"({_build_node_condition(node.part, plan, names, index)}) is not true"
    if isinstance(node, AndNode | OrNode):
        word = " and " if isinstance(node, AndNode) else " or "
        parts = (_build_node_condition(part, plan, names, index) for part in node.parts)
        return word.join(f"({part})" for part in parts)
    if isinstance(node, FilterNode):
        return _build_filter_condition(node, plan, names, index)
    if isinstance(node, ReferenceNode):
        return build_reference_condition(node, index.table, plan.bind)
    if isinstance(node, EditNode):
        return (
            f"l.release in (select value from"
            f" json_each({plan.bind(json.dumps([*names.edits.get(node, ())]))}))"
        )
    own = index if index in (VERSION_INDEX, QUOTE_INDEX) else RELEASE_INDEX
    indexes = (own, RELEASE_INDEX, QUESTION_INDEX, ATTACHMENT_INDEX)
    used = next((each for each in indexes if node.field in each.fields), own)
    match = build_node_match(node, names, used)
    return (
        used.condition.format(match=f"{used.table} match {plan.bind(match)}") if match else "false"
    )


def match_attachments(tree: QueryNode | None, names: ResolvedNames) -> str:
    """Return an FTS5 expression for attachment pages with any of the query's attachment words.

    The expression is "" if the query has no such words. In a loose query, a word also matches all
    longer words that begin with it, because any of these may be the reason for a result.
    """
    matches = []
    for node in iter_nodes(tree):
        if isinstance(node, TermNode | NearNode) and node.field == "attachment":
            starts = [find_compound_key(" ".join(term.words)) for term in find_terms(node)]
            long = [start for start in starts if len(start) >= MIN_BEGINNING_LENGTH]
            found = replace(names, beginnings=long)
            matches.append(build_node_match(node, found, ATTACHMENT_INDEX))
    return match_any(filter(None, dict.fromkeys(matches)))


def _build_filter_condition(
    node: FilterNode, plan: SearchPlan, names: ResolvedNames, index: IndexTable
) -> str:
    if node.field == "agency":
        return f"l.agency in ({plan.bind_all(names.agencies.get(node.value, ()))})"
    if node.field == "tag":
        return TAG_CONDITION_SQL.format(names=plan.bind_all(names.tags.get(node.value, ())))
    if node.field == LIKE_FIELD:
        ids = [*names.related[node.value].similarity] if node.value in names.related else []
        return f"l.release in (select value from json_each({plan.bind(json.dumps(ids))}))"
    if node.field in ("speaker", PERSON_FIELD):
        slugs = (node.value,) if node.field == PERSON_FIELD else names.speakers.get(node.value, ())
        sql = SPEAKER_SQL if index is QUOTE_INDEX else SPEAKER_CONDITION_SQL
        return sql.format(slugs=plan.bind_all(slugs))
    if node.field == CITED_FIELD:
        return build_cited_condition(node.value, plan.bind)
    # An undated release is on no day, so a "not" finds it.
    return f"ifnull(l.sort_day {'>=' if node.field == 'from' else '<='} {plan.bind(node.value)}, 0)"


def _build_prefilters(parts: Iterable[QueryNode], names: ResolvedNames) -> list[str]:
    """Return FTS5 expressions for a query's agencies and tags. Other filters are applied in SQL."""
    prefilters = []
    for part in parts:
        if isinstance(part, FilterNode):
            values = {"agency": names.agencies, "tag": names.tags}.get(part.field, {})
            prefilters.append(match_facet_terms(part.field, values.get(part.value, ())))
    return list(filter(None, prefilters))


def match_word(word: str, text_columns: str = TEXT_COLUMN_FILTER, part_columns: str = "") -> str:
    """Return the FTS5 expression that matches any lemma of a word, alone or in a compound.

    The expression is "" for a word without any letters or digits. The first lemma is searched in
    all columns, because a search with a column filter takes three times as long.

    part_columns: if given, compound parts are searched only in these columns, and the word is also
        searched as typed. Ranking needs this, so that bm25 weighs how common a part is.

    >>> match_word("ministrarnas"), match_word("led"), match_word("EU-ministern")
    ('"minister"', '("led" OR {title lead body questions}: ("lead"))', '{title lead body questions}:
    ("eu minister")')
    >>> match_word("ETS2")
    '("ets2" OR {title lead body questions}: ("ets 2"))'
    """
    lemmas, part = (*analyze_word(word), *split_number(word)), find_compound_key(word)
    if not part:
        return f"{text_columns}: ({_quote_any(lemmas)})" if lemmas else ""
    form = match_form(find_words(word))
    if part_columns:
        return (
            f"({text_columns}: ({_quote_any(lemmas)})"
            f" OR {part_columns}: {_quote_fts(part)} OR {form})"
        )
    alternatives = [_quote_fts(part)]
    if others := [lemma for lemma in lemmas if lemma != part]:
        alternatives.append(f"{text_columns}: ({_quote_any(others)})")
    # an abbreviation in capitals is not a form of the lemma (see find_abbreviations)
    if len(word) <= MAX_ABBREVIATION_LENGTH and word.lower() not in lemmas:
        alternatives.append(form)
    return f"({' OR '.join(alternatives)})" if len(alternatives) > 1 else alternatives[0]


def match_changed_word(word: str) -> str:
    """Return the FTS5 expression for a word in the `terms` of `search_diff`.

    The expression is "" for a word without any letters or digits. Unlike with `match_word`, each
    occurrence matches only one of the alternatives, so that their counts can be added up.
    """
    lemmas, part = list(analyze_word(word)), find_compound_key(word)
    if not part:
        return f"{{terms}}: ({_quote_any(lemmas)})" if lemmas else ""
    if len(word) <= MAX_ABBREVIATION_LENGTH and word.lower() not in lemmas:
        lemmas.append(word.lower())
    return f"{{terms}}: ({_quote_any(lemmas)}) OR {{terms_parts terms_minor}}: {_quote_fts(part)}"


def match_form(words: Sequence[str], *, is_prefix: bool = False) -> str:
    """Return the FTS5 expression for a sequence of words as written."""
    return _quote_fts(" ".join(FORM_PREFIX + word for word in words)) + (" *" if is_prefix else "")


def split_number(word: str) -> tuple[str, ...]:
    """Return a tuple with an abbreviation and its number as two words, or () for any other word.

    >>> split_number("ETS2"), split_number("A2021"), split_number("ets")
    (('ets 2',), (), ())
    """
    match = NUMBERED_WORD.fullmatch(word.lower())
    return (f"{match[1]} {match[2]}",) if match else ()


def _match_term(term: TermNode, names: ResolvedNames, index: IndexTable) -> str:
    """Return the FTS5 expression for a term, or "" if the index lacks the term's field."""
    if term.field and term.field not in index.fields:
        return ""
    columns = f"{{{term.field}}}" if term.field else index.text_columns
    part_columns = "" if term.is_added else index.part_columns  # so that typed words rank first
    text = " ".join(term.words)
    if term.match in (QUOTED, WRITTEN):
        match = _match_written(term, columns, is_ranked=bool(part_columns))
    elif term.is_prefix:
        return _match_prefix(term, columns, names, index)
    elif term.match == LOOSE:
        match = _match_loosely(text, columns, names)
    elif term.match == REQUIRED:
        return f"{columns}: ({_quote_any(analyze_word(text))})"
    else:
        match = _match_typed(text, term.joined, columns, part_columns)
    return _limit_to_field(match, term.field, index)


def _limit_to_field(match: str, field: str | None, index: IndexTable) -> str:
    if not field or not match:
        return match
    return f"{{{' '.join(list_columns([field], *index.suffixes))}}}: ({match})"


def _match_typed(text: str, joined: str, columns: str, part_columns: str) -> str:
    match = match_word(text, columns, part_columns)
    if joined and match:
        return f"({match} OR {match_word(joined, columns, part_columns)})"
    return match


def _match_written(term: TermNode, columns: str, *, is_ranked: bool) -> str:
    match = match_form(term.words, is_prefix=term.is_prefix)
    # bm25 also counts the word in lower case
    if is_ranked and term.match == WRITTEN and not term.is_prefix:
        lemma = analyze_word(" ".join(term.words))[0]
        return f"({match} OR ({match} AND {columns}: {_quote_fts(lemma)}))"
    return match


def _match_prefix(term: TermNode, columns: str, names: ResolvedNames, index: IndexTable) -> str:
    text = " ".join(term.words)
    expansion = names.prefixes.get(text, PrefixExpansion())
    is_replaced = expansion.replaces_prefix and not index.has_whole_prefixes
    readings = [] if is_replaced else [f"{_quote_fts(text)} *"]
    readings += map(_quote_fts, expansion.lemmas)
    match = f"{columns}: ({' OR '.join(readings)})"
    if not index.has_whole_prefixes:
        return match
    form = match_form(term.words, is_prefix=True)
    return _limit_to_field(f"({match} OR {form})", term.field, index)


def _match_loosely(text: str, columns: str, names: ResolvedNames) -> str:
    """Return the FTS5 expression for a word, related words, and longer words that contain it."""
    lemma = find_compound_key(text)
    related = (lemma for other in list_related_words(text) for lemma in analyze_word(other))
    readings = [
        _quote_fts(reading)
        for reading in dict.fromkeys(related)
        if reading not in analyze_word(text)
    ]
    if lemma in names.beginnings:
        readings.append(f"{_quote_fts(lemma)} *")
    alternatives = [match_word(text, columns)]
    if len(words := find_words(text)) > 1:  # typed with a hyphen
        alternatives.append(" AND ".join(match_word(word, columns) for word in words))
    if readings:
        alternatives.append(f"{columns}: ({' OR '.join(readings)})")
    if lemma:
        alternatives += [_quote_fts(LOOSE_PART_PREFIX + lemma), _match_compound(lemma)]
    return match_any(filter(None, alternatives))


def _match_compound(lemma: str) -> str:
    """Return the FTS5 expression for the parts of a compound, or "" if the lemma is not split.

    All parts but the last must match. A text that also contains the last part is ranked higher.

    >>> _match_compound("vindkraftsutbyggnad")
    '("vindkraft" OR ("vindkraft" AND "utbyggnad"))'
    """
    first, last = find_subject(lemma)
    return f"({_quote_fts(first)} OR ({_quote_fts(first)} AND {_quote_fts(last)}))" if first else ""


def _match_near(near: NearNode, index: IndexTable) -> str:
    if near.field and near.field not in index.fields:
        return ""
    columns = f"{{{near.field}}}" if near.field else index.text_columns
    readings = [
        [f"{_quote_fts(' '.join(term.words))} *"]
        if term.is_prefix
        else list(map(_quote_fts, analyze_word(" ".join(term.words))))
        for term in near.terms
    ]
    nears = [
        f"NEAR({' '.join(choice)}, {near.distance})"
        for choice in islice(product(*readings), MAX_NEAR_COMBINATIONS)
    ]
    return f"{columns}: ({' OR '.join(nears)})" if nears else ""


def match_facet_terms(facet: str, values: Iterable[str]) -> str:
    """Return the FTS5 expression that matches any of the facet values, or "" if there are none.

    >>> match_facet_terms("agency", ["fyr", "hamn"]).encode("ascii", "replace")
    b'facts: ("?667972" OR "?68616d6e")'
    """
    terms = " OR ".join(_quote_fts(encode_facet_term(facet, value)) for value in values)
    return f"facts: ({terms})" if terms else ""


def match_included_facets(
    include: Mapping[str, tuple[str, ...]], skip_facet: str | None = None
) -> list[str]:
    """Return FTS5 expressions that must all match: one for each tag and for each other facet."""
    matches = []
    for name, values in include.items():
        if name == "tag":
            matches += [match_facet_terms("tag", [value]) for value in values]
        elif name in FACET_PREFIXES and name != skip_facet:
            matches.append(match_facet_terms(name, values))
    return matches


def combine_matches(required: Iterable[str], excluded: str = "") -> str:
    """Combine expressions that must all match with one that must not. Ignore empty expressions."""
    parts = [match for match in required if match]
    match = parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts)
    return f"({match}) NOT ({excluded})" if match and excluded else match


def _quote_fts(lemma: str) -> str:
    return f'"{lemma}"'


def _quote_any(lemmas: Iterable[str]) -> str:
    return " OR ".join(map(_quote_fts, lemmas))


def extract_filters(tree: QueryNode | None) -> AndNode | None:
    """Return the filters of a query that limit all results, or None if it has no such filters.

    >>> from archive.search.query_language import parse_query
    >>> extract_filters(parse_query("fyrar från:2010 -myndighet:fyr").tree).parts[0]
    FilterNode(field='from', value='2010-01-01')
    """
    filters = tuple(
        part
        for part in list_parts(tree)
        if all(
            isinstance(node, FilterNode | AndNode | OrNode | NotNode) for node in iter_nodes(part)
        )
    )
    return AndNode(filters) if filters else None


def build_scope_sql(request: SearchRequest, names: ResolvedNames) -> tuple[str, dict[str, Any]]:
    """Return SQL that counts, by agency, the releases matching the filters, and its parameters."""
    plan = build_plan(extract_filters(request.query.tree), names)
    conditions = [
        *plan.conditions,
        *build_facet_conditions(request, plan, None, facets_in_match=False),
    ]
    return SCOPE_SQL.format(conditions=" and ".join(conditions) or "true"), plan.values


def build_match(request: SearchRequest, plan: SearchPlan, skip_facet: str | None = None) -> str:
    """Return the FTS5 expression for a request: its words and, for releases, the facet values that
    it includes and excludes.
    """
    if request.show != "releases":
        return plan.match
    chosen = [*plan.prefilters, *match_included_facets(request.include, skip_facet)]
    if (
        not plan.match
        and set(request.include) <= {"agency"}
        and len(chosen) == len(request.include)
    ):
        return ""  # release_facets has an index for the newest releases of an agency
    excluded = [
        match_facet_terms(name, values)
        for name, values in request.exclude.items()
        if name in FACET_PREFIXES
    ]
    return combine_matches([plan.match, *chosen], match_any(excluded))


def build_index_sql(plan: SearchPlan, match: str, index: IndexTable = RELEASE_INDEX) -> str:
    """Return SQL that selects the `id` of matching index rows. If `match` is "", none match."""
    value = plan.bind(match or MATCH_NOTHING)
    return f"select rowid as id from {index.table} where {index.table} match {value}"


def match_title(match: str, index: IndexTable = RELEASE_INDEX) -> str:
    """Return the FTS5 expression that limits a match to the title (or question) of a result."""
    return _limit_to_field(match, index.fields[0], index)


def build_current_sql(plan: SearchPlan) -> str:
    """Return SQL for the `id` of current releases that match a plan. An empty plan matches none."""
    if plan.conditions:
        return f"select id from ({build_hits_sql(SearchRequest(), plan, plan.match)})"
    return build_index_sql(plan, plan.match)


async def read_ranks(run: RunQuery, table: str, match: str, ids: Iterable[int]) -> dict[int, float]:
    """Return the bm25 rank of each given release or question pair that matches. Lower is better.

    If `match` is "", nothing matches.
    """
    values = {"match": match or MATCH_NOTHING, "ids": json.dumps([*ids])}
    return {row["id"]: row["rank"] for row in await run(_RANKS_SQL[table], values)}


async def select_ids(run: RunQuery, sql: str, values: dict[str, Any]) -> list[int]:
    """Run a statement that selects an `id`, and return all ids.

    The ids are read as one JSON text, which is three times as fast as reading thousands of rows.
    """
    (row,) = await run(f"select json_group_array(id) as ids from ({sql})", values)
    ids: list[int] = json.loads(row["ids"])
    return ids


def build_hits_sql(
    request: SearchRequest,
    plan: SearchPlan,
    match: str,
    *,
    skip_facet: str | None = None,
    limit: int | None = None,
    order: str = "newest",
) -> str:
    """Return SQL for the results of a request.

    The columns are `id` and `release`. For new releases, `seen` is also selected, and for
    quotations, `person`.

    skip_facet: a facet whose included values are ignored.
    limit: select only this many results, in the order `newest` or `oldest`. If the request has
        words, question pairs are ordered by when they were stored. With `oldest`, undated releases
        are left out, because the rows could otherwise not be read in index order.
    """
    conditions = _list_hit_conditions(
        request, plan, match, skip_facet, only_dated=order == "oldest" and limit is not None
    )
    sources = HIT_SOURCES_SQL[request.show]
    sql = (
        f"{f'with {SEARCH_FEED_SQL} ' if request.news else ''}"
        f"select {', '.join(_list_hit_columns(request))}"
        f" from {sources[bool(match)]} where {' and '.join(conditions) or 'true'}"
    )
    if limit is None:
        return sql
    return f"{sql} order by {_build_hit_order(request, match, order)} limit {plan.bind(limit)}"


def _list_hit_conditions(
    request: SearchRequest,
    plan: SearchPlan,
    match: str,
    skip_facet: str | None,
    *,
    only_dated: bool,
) -> list[str]:
    """Return all SQL conditions for results. With `only_dated`, leave out undated releases."""
    is_whole = request.show == "releases"
    conditions = [
        *plan.conditions,
        *build_facet_conditions(
            request, plan, skip_facet, facets_in_match=bool(match) and is_whole
        ),
    ]
    if only_dated and is_whole:
        conditions.append("l.sort_date > ''")
    if match:
        conditions.insert(0, f"{RESULT_INDEXES[request.show].table} match {plan.bind(match)}")
    elif request.show == "questions":
        conditions.append("l.questions > 0")
    if request.news:
        conditions.append("l.release in (select release from news)")
        if match and is_whole:
            conditions.append("search.rowid >= (select min(release) from news)")
    return conditions


def _list_hit_columns(request: SearchRequest) -> list[str]:
    columns = ["l.release as id" if request.show == "releases" else "q.id as id", "l.release"]
    if request.show == "quotes":
        columns.append("q.person")
    if request.news:
        columns.append("(select first_seen from releases where id = l.release) as seen")
    return columns


def _build_hit_order(request: SearchRequest, match: str, order: str) -> str:
    """Return the terms of `order by`. New releases are sorted by when they were first seen."""
    direction = "asc" if order == "oldest" else "desc"
    if match and request.show == "questions":
        return f"search_questions.rowid {direction}"
    sort = f"{'seen' if request.news else 'l.sort_date'} {direction}, l.release {direction}"
    sort += ", q.id" if request.show == "quotes" else ""
    return f"l.sort_date = '', {sort}" if order == "oldest" and request.show != "releases" else sort


def build_facet_conditions(
    request: SearchRequest, plan: SearchPlan, skip_facet: str | None, *, facets_in_match: bool
) -> list[str]:
    """Return SQL conditions for the included and excluded facet values.

    A release must have one of the included values of each facet, but all included tags.

    facets_in_match: whether the FTS5 expression already covers the facets. If so, conditions for
        tags, which are slowest to look up, are left out.
    """
    conditions = []
    for name, values in request.include.items():
        if name == "tag":
            if not facets_in_match:
                conditions += [_build_facet_condition(plan, name, [value]) for value in values]
        elif name not in (*LISTED_FACETS, skip_facet):
            conditions.append(_build_facet_condition(plan, name, values))
    for name, values in request.exclude.items():
        if name not in LISTED_FACETS or (name == "tag" and not facets_in_match):
            conditions.append(f"not {_build_facet_condition(plan, name, values)}")
    return conditions


def _build_facet_condition(plan: SearchPlan, name: str, values: Iterable[str]) -> str:
    if name == "tag":
        return TAG_CONDITION_SQL.format(names=plan.bind_all(values))
    return f"{FACET_COLUMNS[name]} in ({plan.bind_all(values)})"
