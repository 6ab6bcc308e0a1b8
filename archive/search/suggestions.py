"""Suggests other queries for a search.

A suggestion may correct the spelling, join or split words, leave out quotation marks, translate
English words into Swedish, limit the search to a period that the query names, or add a type of
document to a bare number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

from archive.database.sqlite_files import RunQuery
from archive.i18n import SWEDISH_TIME, format_stated_time
from archive.language.lemmas import english_lemma, is_english_word, is_swedish_word
from archive.language.reference_patterns import (
    find_bare_numbers,
    format_reference,
)
from archive.language.synonyms import FUNCTION_WORDS, read_translations
from archive.language.terms import COMMON_WORDS, find_words
from archive.search.column_cache import ColumnCache
from archive.search.loose_hits import LooseHits, find_loose_hits
from archive.search.named_periods import find_named_periods, read_day
from archive.search.query_language import (
    AndNode,
    OrNode,
    Query,
    QueryNode,
    TermNode,
    find_terms,
    list_words,
)
from archive.search.query_sql import ResolvedNames, iter_nodes
from archive.search.ranking import HitFinder, HitPage
from archive.search.search_request import SearchRequest
from archive.search.spelling_corrections import (
    FEW_HITS,
    apply_correction,
    apply_corrections,
    find_corrections,
    is_english_query,
)
from archive.times import now

MAX_SUGGESTIONS = 2
MAX_TYPED_NUMBERS = 8  # numbers that get the types of documents


MAX_TRANSLATED_WORDS = 6  # words of an English entry

TYPES_OF_NUMBER_SQL = """
    select type from document_references where number = :number
    group by type order by count(distinct release) desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Another query, and its number of results."""

    request: SearchRequest
    total: int
    # or loose: the words of a phrase without quotation marks; translation: in Swedish; period: a
    # period in place of its name; day: a day as words; reference: with the type of a document
    reason: str = "spelling"

    @property
    def text(self) -> str:
        """Return the query as a visitor may type it. A suggested period is added as from: and
        to:.
        """
        if self.reason != "period":
            return self.request.text
        days = (f"{name}:{day}" for name, day in self.request.days.items())
        return " ".join(filter(None, (self.request.text, *days)))


async def find_suggestions(
    run: RunQuery,
    columns: ColumnCache,
    request: SearchRequest,
    hit_page: HitPage,
    names: ResolvedNames,
) -> list[Suggestion]:
    """Return other queries that have results, each with its number of results.

    A query with a period, a translation or a type of document needs only one result. All other
    queries must have more results than the original query.
    """

    async def count(changed: SearchRequest, *, with_loose: bool = False) -> int:
        finder = HitFinder(run=run, columns=columns, request=changed, names=names)
        hits = await finder.fetch("newest")
        loose = await find_loose_hits(finder, hits) if with_loose and not hits.ids else LooseHits()
        return len(hits.ids) + len(loose.queries)

    dated = [
        Suggestion(request=changed, total=total, reason=reason)
        for changed, reason in _list_date_requests(request)
        if (total := await count(changed, with_loose=True))
    ]
    others: list[Suggestion] = []
    for text, reason in (await _list_other_texts(run, columns, request, hit_page)).items():
        changed = replace(request, text=text, page=1)
        if text == request.text or len(others) == MAX_SUGGESTIONS:
            continue
        total = await count(changed)
        if total > (0 if reason in ("translation", "reference") else hit_page.total):
            others.append(Suggestion(request=changed, total=total, reason=reason))
    return [*dated, *others]


def _list_date_requests(request: SearchRequest) -> list[tuple[SearchRequest, str]]:
    """Return searches for a period or date that the query names, each with its reason.

    If the query consists only of a date, the search is for that date as it may be written in texts.
    Otherwise, there is a search for each period that the query may name, limited to the period and
    without its name.
    """
    if day := read_day(request.text):
        spellings = dict.fromkeys((request.text, format_stated_time("sv", day), day))
        words = " OR ".join(f'"{spelling}"' for spelling in spellings)
        return [(replace(request, text=words, page=1), "day")]
    today = now().astimezone(SWEDISH_TIME).date()
    return [
        (replace(request.narrow_to_days(named.first, named.last), text=named.rest), "period")
        for named in find_named_periods(request.text, today)
    ]


async def _list_other_texts(
    run: RunQuery, columns: ColumnCache, request: SearchRequest, hit_page: HitPage
) -> dict[str, str]:
    """Return queries that may find more results, each with the reason for suggesting it."""
    query = request.query
    texts = dict.fromkeys(await _list_typed_references(run, request.text), "reference")
    if (is_english_query(query) or hit_page.total <= FEW_HITS) and (
        translation := _translate_query(query)
    ):
        texts[translation] = "translation"
    corrections = hit_page.loose.corrections
    if corrections is None or hit_page.total:
        corrections = await find_corrections(run, columns, query, hit_page.total)
    texts.setdefault(apply_corrections(request.text, corrections), "spelling")
    for correction in corrections:
        texts.setdefault(apply_correction(request.text, correction), "spelling")
    if not hit_page.total and any(len(term.words) > 1 for term in find_terms(query.tree)):
        texts.setdefault(_strip_operators(query), "loose")
    return texts


async def _list_typed_references(run: RunQuery, text: str) -> list[str]:
    """Return queries in which a type of document is added to a bare number.

    Releases may refer to documents of several types with the same number. There is one query for
    each of these types, the most common type first.
    """
    texts = []
    for found in islice(find_bare_numbers(text), MAX_TYPED_NUMBERS):
        start, end = found.span()
        for row in await run(TYPES_OF_NUMBER_SQL, {"number": found[0]}):
            texts.append(text[:start] + format_reference(row["type"], found[0]) + text[end:])
    return texts


def _strip_operators(query: Query) -> str:
    """Return the words of a query in lower case, without operators or quotation marks.

    >>> from archive.search.query_language import parse_query
    >>> _strip_operators(parse_query('"på natten" A1/2'))
    'på natten a1 2'
    """
    return " ".join(list_words(find_terms(query.tree)))


@cache
def load_translations() -> dict[tuple[str, ...], str]:
    """Return a map from English phrases, each a tuple of lemmas, to their Swedish translations.

    Each entry is also included without its function words, because most queries omit them.
    """
    translations = {}
    for english, swedish in read_translations():
        words = find_words(english)
        content = [word for word in words if word not in FUNCTION_WORDS]
        for key in (words, content or words):
            translations[tuple(map(english_lemma, key))] = swedish
    return translations


def _translate_query(query: Query) -> str | None:
    """Translate a query of English words and names into Swedish words.

    Return None if an English word has no translation, or if the query has filters, fields, excluded
    words, OR or NEAR, which would be lost.

    >>> from archive.search.query_language import parse_query
    >>> _translate_query(parse_query("Climate policy in Ukraine"))
    'klimatpolitik ukraina'
    """
    if not all(map(_is_translatable, iter_nodes(query.tree))):
        return None
    words = list_words(find_terms(query.tree))
    lemmas = tuple(map(english_lemma, words))
    swedish: list[str] = []
    found = False
    while lemmas:
        length = _find_entry_length(lemmas)
        if length:
            swedish.append(load_translations()[lemmas[:length]])
            found = True
        elif words[0] not in COMMON_WORDS[1]:
            if is_english_word(words[0]) and not is_swedish_word(words[0]):
                return None
            swedish.append(words[0])
        words, lemmas = words[max(1, length) :], lemmas[max(1, length) :]
    return " ".join(swedish) if found else None


def _find_entry_length(lemmas: tuple[str, ...]) -> int:
    """Return the number of words in the longest translated entry that `lemmas` begins with.

    Return 0 if there is no such entry.
    """
    translations = load_translations()
    lengths = range(MAX_TRANSLATED_WORDS, 0, -1)
    return next((length for length in lengths if lemmas[:length] in translations), 0)


def _is_translatable(node: QueryNode) -> bool:
    if isinstance(node, OrNode):
        # the other parts are only other names of it
        return sum(bool(find_terms(part)) for part in node.parts) < 2
    return isinstance(node, AndNode) or (isinstance(node, TermNode) and not node.field)
