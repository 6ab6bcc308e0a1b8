"""Search(run, request) -> Results; did-you-mean; release by its address.

People's words in, found releases out: a query language, hits with marks, facets, suggestions. Knows no web.

query.py what is asked, as a tree · parsing.py text → tree · matching.py tree → FTS5 and conditions · statements.py
SQL · narrowing.py the newest of very many · columns.py what is held in memory · fetching.py hits in their order ·
finding.py a page of them and counts · marks.py and hits.py excerpts · suggesting.py other spellings · unknown.py values
that there are not · answering.py all of it · asked.py addresses

An address at an agency, typed or pasted, in; the release that stands or stood there, out.

Did you mean: a word typed without its dots and rings, misspelt, or parted where Swedish joins.

What an address asks for that the archive does not have: values of facets, and pages beyond the last.

The answer to a query: hits, facets, what was noted, what else may have been meant, and what was searched.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise, product

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract_iter

from archive.database import FacetValue, RunQuery
from archive.history import find_final_release
from archive.search.fts import ResolvedNames, resolve_names
from archive.search.index import NO_VALUE
from archive.search.params import EXCLUDE_SUFFIX, SearchRequest, format_parameter
from archive.search.query import Query, SearchNote, TermNode, find_terms, fold_diacritics, split_query_words
from archive.search.ranking import ColumnCache, HitPage, count_hits, find_hits
from archive.search.snippets import SearchHit, extract_query_terms, read_question_hits, read_release_hits

URL_PATTERN = re.compile(r"https?://[^\s/]+\.[^\s/]+(?:/\S*)?|https?://[^\s/]+/\S*", re.IGNORECASE)
RELEASE_BY_URL_SQL = """
    with asked(url, place) as (select value, key from json_each(:urls))
    select release from (
      select r.id as release, asked.place from asked join releases r on r.url = asked.url
      union all
      select f.release, asked.place + 0.5 from asked join frontier f on f.url = asked.url where f.release is not null
    ) order by place limit 1
"""


def is_url(text: str) -> bool:
    """Whether a text is one web address.

    >>> is_url("https://a.se/nyheter/1"), is_url("fyrar https://a.se/"), is_url("https")
    (True, False, False)
    """
    return URL_PATTERN.fullmatch(text.strip()) is not None


async def find_release_by_url(run: RunQuery, text: str) -> int | None:
    """The release of an address, now or once; where it moved, the one that its record goes on as."""
    if not is_url(text):
        return None
    rows = await run(RELEASE_BY_URL_SQL, {"urls": json.dumps(list_url_variants(text.strip()))})
    return await find_final_release(run, rows[0]["release"]) if rows else None


def list_url_variants(url: str) -> list[str]:
    """An address and the ways it is commonly written otherwise, the likeliest first.

    >>> list_url_variants("https://www.a.se/b#c")[:3]
    ['https://www.a.se/b#c', 'https://www.a.se/b', 'https://www.a.se/b/']
    """
    bare = url.partition("#")[0]
    plain = bare.partition("?")[0]
    slashed = [text for base in (bare, plain) for text in (base, base.rstrip("/"), base.rstrip("/") + "/")]
    both = [url, *slashed]
    scheme, _, rest = bare.partition("://")
    other = "http" if scheme.lower() == "https" else "https"
    both += [other + text[len(scheme) :] for text in slashed]
    host = "www." if not rest.lower().startswith("www.") else ""
    both += [
        f"{start}://{host}{text.partition('://')[2].removeprefix('' if host else 'www.')}"
        for text in slashed
        for start in ("https", "http")
    ]
    return list(dict.fromkeys(both))


FEW_HITS = 5  # hits up to which another spelling is looked for
MAX_DIACRITIC_VARIANTS = 2000  # of one word with and without marks over its letters
MIN_FREQUENCY_RATIO = 3  # times as common must the word with its marks be
DIACRITICS = {"a": "aåä", "o": "oö", "e": "eé"}
WORD_COUNTS_SQL = "select word, releases from vocabulary where word in (select value from json_each(:words))"
SIMILAR_WORDS_SQL = """
    select word, releases from vocabulary where word >= :low and word < :high and length(word) between :least and :most
    and releases >= :common
"""
TOTAL_RELEASES_SQL = "select releases from months where agency = '' and month = ''"
RARE_WORD_DIVISOR = (
    100_000  # releases for each of which a word must stand in one more to be offered: rarer ones are mostly misspelt
)
FIELD_NOTES = ("no_day", "no_field", "no_value_of")  # notes on fields; another spelling of their words mends none


@dataclass(frozen=True, slots=True)
class SpellingCorrection:
    """A spelling that may have been meant: what stands in the query, and what in its place would find more."""

    typed: str
    replacement: str


async def find_corrections(run: RunQuery, query: Query, *, few_hits: bool) -> list[SpellingCorrection]:
    """The likeliest first; where there are hits enough, only words that lack the marks over their letters."""
    misread = {word for note in query.notes if note.key in FIELD_NOTES for word in split_query_words(note.value)}
    terms = [term for term in find_terms(query.tree) if not term.is_prefix and not misread.intersection(term.words)]
    words = list(dict.fromkeys(word for term in terms for word in term.words if len(word) > 2 and word.isalpha()))
    if not words:
        return []
    counts = await count_word_releases(run, words)
    others = []
    for word in words[:8]:
        meant = await find_diacritic_correction(run, word, counts.get(word, 0))
        if meant is None and few_hits and word not in counts:
            meant = await find_similar_word(run, word)
        if meant:
            others.append(SpellingCorrection(word, meant))
    row = [word for term in terms for word in term.words]
    # människo is no word of its own: then the two belong together, however many hits they have apart
    return others + [
        other for other in await find_joined_corrections(run, row) if few_hits or other.typed.split()[0] not in counts
    ]


async def count_word_releases(run: RunQuery, words: Iterable[str]) -> dict[str, int]:
    """In how many releases each stands, of those that stand in any."""
    rows = await run(WORD_COUNTS_SQL, {"words": json.dumps(list(words), ensure_ascii=False)})
    return {row["word"]: row["releases"] for row in rows}


async def find_diacritic_correction(run: RunQuery, word: str, count: int) -> str | None:
    """`manniskohandel` → människohandel: the commonest word that differs in marks alone, if it is much commoner."""
    if not word.isascii():
        return None
    spellings = [
        "".join(letters) for letters in islice(product(*(DIACRITICS.get(c, c) for c in word)), MAX_DIACRITIC_VARIANTS)
    ]
    found = await count_word_releases(run, [spelling for spelling in spellings if spelling != word])
    meant = max(found, key=lambda spelling: found[spelling], default=None)
    return meant if meant and found[meant] >= MIN_FREQUENCY_RATIO * count else None


async def find_similar_word(run: RunQuery, word: str) -> str | None:
    """The nearest word of the archive's own that begins with the same letter or, of two swapped, the second."""
    reach = 1 if len(word) < 6 else 2
    best: tuple[int, int, str] | None = None
    whole = await run(TOTAL_RELEASES_SQL, {})
    common = 1 + (whole[0]["releases"] // RARE_WORD_DIVISOR if whole else 0)
    for first in dict.fromkeys(DIACRITICS.get(word[0], word[0]) + (word[1] if len(word) > 4 else "")):
        values = {"low": first, "high": chr(ord(first) + 1), "least": len(word) - reach, "most": len(word) + reach}
        rows = await run(SIMILAR_WORDS_SQL, values | {"common": common})
        near = extract_iter(word, [row["word"] for row in rows], scorer=OSA.distance, score_cutoff=reach)
        for _, far, place in near:
            row = rows[place]
            plain = 0 if far and fold_diacritics(word) == fold_diacritics(row["word"]) else far
            if best is None or (plain, -row["releases"]) < best[:2]:
                best = (plain, -row["releases"], row["word"])
    return best[2] if best else None


async def find_joined_corrections(run: RunQuery, words: Sequence[str]) -> list[SpellingCorrection]:
    """`människo handel` → människohandel: two words side by side that the archive writes as one."""
    pairs = {one + other: f"{one} {other}" for one, other in pairwise(words)}
    return (
        [SpellingCorrection(pairs[joined], joined) for joined in await count_word_releases(run, pairs)] if pairs else []
    )


def apply_correction(text: str, correction: SpellingCorrection) -> str:
    """A query with the other spelling in its place; what was typed around it stays.

    >>> apply_correction('"Manniskohandel" -x', SpellingCorrection("manniskohandel", "människohandel"))
    '"människohandel" -x'
    """
    typed = r"\W+".join(map(re.escape, correction.typed.split()))
    return re.sub(rf"(?<![^\W_]){typed}(?![^\W_])", lambda _: correction.replacement, text, flags=re.IGNORECASE)


ALWAYS_VALID_VALUES = {
    "kind": {NO_VALUE},
    "year": {NO_VALUE},
    "questions": {"yes", "no"},
}  # values that may stand for no release today
FACET_VALUES_SQL = {  # facets whose values are rows, of which some may have no release
    "agency": "select slug as value from agencies where slug in (select value from json_each(:asked))",
    "tag": "select name as value from tags where name in (select value from json_each(:asked))",
}


async def find_unknown_values(run: RunQuery, columns: ColumnCache, request: SearchRequest) -> list[SearchNote]:
    """A note for each value that no release of the archive could have; nothing is looked up but what was asked for."""
    notes = []
    for chosen, ending in ((request.include, ""), (request.exclude, EXCLUDE_SUFFIX)):
        known = await find_existing_values(run, columns, chosen)
        notes += [
            SearchNote("no_value", format_parameter(name + ending, value))
            for name, values in chosen.items()
            for value in values
            if value not in known[name]
        ]
    return notes


async def find_existing_values(
    run: RunQuery, columns: ColumnCache, facet_values: Mapping[str, tuple[str, ...]]
) -> dict[str, set[str]]:
    """Of the chosen values of each facet, those that there are."""
    known = {}
    for name, values in facet_values.items():
        if name in FACET_VALUES_SQL:
            known[name] = {row["value"] for row in await run(FACET_VALUES_SQL[name], {"asked": json.dumps(values)})}
        else:
            known[name] = ALWAYS_VALID_VALUES[name] | set(columns.value_codes[name].codes)
    return known


MAX_SUGGESTIONS = 2
AGENCY_COUNTS_SQL = """
    select a.slug as value, a.name, a.name_en, m.releases as count from months m
    join agencies a on a.slug = m.agency where m.month = '' order by count desc, a.name
"""
CHOSEN_AGENCIES_SQL = (
    "select slug as value, name, name_en from agencies where slug in (select value from json_each(:slugs))"
)
FRESHNESS_SQL = """
    select (select max(finished) from crawls) as crawled, (select nullif(max(newest), '') from listed) as newest,
      (select max(first_seen) from releases) as added
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Another query and how many hits it has. why: spelling, loose (words apart that stood as a phrase)."""

    request: SearchRequest
    total: int
    reason: str = "spelling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh it is what a search goes through.

    crawled: when the last crawl ended; added: when the newest of all was put in; newest: the newest release's day.
    """

    crawled: str | None
    added: str | None
    newest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """What a search without hits went through."""

    agencies: list[FacetValue]

    @property
    def total(self) -> int:
        """How many releases in all."""
        return sum(choice.count for choice in self.agencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The answer to a query."""

    hits: list[SearchHit]
    hit_page: HitPage
    freshness: Freshness
    notes: list[SearchNote] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    scope: SearchScope | None = None
    facet_choices: dict[tuple[str, str], FacetValue] = field(
        default_factory=dict
    )  # of counted and chosen values, by facet


async def search(run: RunQuery, request: SearchRequest, columns: ColumnCache | None = None) -> Results:
    """Find releases or pairs. What takes too long is raised by `run`.

    columns: those of the archive, which who searches often keeps; without them all of it is read first.
    """
    columns = await (columns or ColumnCache()).refresh(run)
    known, notes = await resolve_names(run, request.query.tree)
    found = await find_hits(run, columns, request, known)
    wanted = extract_query_terms(request.query.tree, {text: begun.lemmas for text, begun in known.prefixes.items()})
    read = read_question_hits if request.show == "questions" else read_release_hits
    hits, suggestions, unknown = await asyncio.gather(
        read(run, found.ids, wanted),
        find_suggestions(run, columns, request, found, known),
        find_unknown_values(run, columns, request),
    )
    return Results(
        hits=hits,
        hit_page=found,
        notes=[*request.query.notes, *request.notes, *notes, *unknown, *list_result_notes(request, found)],
        suggestions=suggestions,
        freshness=Freshness(**dict((await run(FRESHNESS_SQL, {}))[0])),
        scope=None if found.total else await read_search_scope(run),
        facet_choices=await name_facet_values(run, request, found),
    )


def list_result_notes(request: SearchRequest, hit_page: HitPage) -> list[SearchNote]:
    """What is told of how hits were counted and ordered, and of a page that there is not."""
    told = {"titled": hit_page.title_matches_first, "partial": hit_page.partial_facets}
    beyond = [SearchNote("no_page", str(request.page))] if request.page > hit_page.pages else []
    return [*beyond, *(SearchNote(key) for key, holds in told.items() if holds)]


async def find_suggestions(
    run: RunQuery, columns: ColumnCache, request: SearchRequest, hit_page: HitPage, names: ResolvedNames
) -> list[Suggestion]:
    """Other queries that find more, each tried before it is told."""
    few = hit_page.total <= FEW_HITS
    texts: dict[str, str] = {}
    for other in await find_corrections(run, request.query, few_hits=few):
        texts.setdefault(apply_correction(request.text, other), "spelling")
    if not hit_page.total and any(len(term.words) > 1 for term in find_terms(request.query.tree)):
        texts.setdefault(strip_operators(request), "loose")
    told = []
    for text, why in texts.items():
        changed = replace(request, text=text, page=1)
        total = await count_hits(run, columns, changed, names) if text != request.text else 0
        if total > hit_page.total:
            told.append(Suggestion(request=changed, total=total, reason=why))
    return told[:MAX_SUGGESTIONS]


def strip_operators(request: SearchRequest) -> str:
    """The words of a query without what holds them together.

    >>> strip_operators(SearchRequest(text='"på natten" A1/2'))
    'på natten a1 2'
    """
    return " ".join(
        word for term in find_terms(request.query.tree) if isinstance(term, TermNode) for word in term.words
    )


async def name_facet_values(
    run: RunQuery, request: SearchRequest, hit_page: HitPage
) -> dict[tuple[str, str], FacetValue]:
    """What values are called: those counted, and the chosen agencies, which may have no hit."""
    slugs = [*request.include.get("agency", ()), *request.exclude.get("agency", ())]
    rows = await run(CHOSEN_AGENCIES_SQL, {"slugs": json.dumps(slugs)}) if slugs else []
    chosen = {("agency", row["value"]): FacetValue(**dict(row), count=0) for row in rows}
    return chosen | {(name, choice.value): choice for name, choices in hit_page.facets.items() for choice in choices}


async def read_search_scope(run: RunQuery) -> SearchScope:
    """How many releases of which agencies a search goes through, most first."""
    return SearchScope(agencies=[FacetValue(**dict(row)) for row in await run(AGENCY_COUNTS_SQL, {})])
