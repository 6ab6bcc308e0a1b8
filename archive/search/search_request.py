"""Parses search requests from URL parameters, and builds the URLs of searches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote_plus, urlencode

from archive.language.reference_patterns import find_typed_references, format_reference
from archive.search.named_periods import read_day
from archive.search.query_language import (
    CITED_FIELD,
    DATE_FIELDS,
    MAX_QUERY_LENGTH,
    PERSON_FIELD,
    FilterNode,
    NotNode,
    OrNode,
    Query,
    QueryNode,
    SearchNote,
    add_filters,
    parse_query,
)
from archive.times import parse_typed_date
from archive.urls import UrlArguments

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
FACETS = (
    *("agency", "kind", "year", "speaker", "tag", "reference"),
    *("questions", "attachments", "edited"),
)
# facets with several values per release; results have all chosen values
LISTED_FACETS = ("speaker", "tag", "reference")
YES_NO_FACETS = ("questions", "attachments", "edited")
EXCLUDE_SUFFIX = "__not"  # after the name of a facet, as in Datasette's own filters
SORT_ORDERS = ("best", "newest", "oldest")
RESULT_TYPES = ("releases", "questions", "quotes")
ALL_VERSIONS = "all"  # the value of `versions`
MAX_FACET_VALUES = 20  # chosen values of one facet
MAX_VALUE_LENGTH = 500  # characters; all real names are shorter
MAX_NOTE_VALUE_LENGTH = 60  # characters
MAX_PAGE_NUMBER = 10**6
URL_PATTERN = re.compile(r"https?://[^\s/]+\.[^\s/]+(?:/\S*)?|https?://[^\s/]+/\S*", re.IGNORECASE)
MAX_SERIES = 5  # searches or agencies that are compared
# parameters that a URL has only once, besides the words
PLAIN_PARAMETERS = (*DATE_FIELDS, "order", "show", "page", "size", "versions")
SEARCH_PARAMETERS = (
    *("q", *FACETS, *(f"{name}{EXCLUDE_SUFFIX}" for name in FACETS)),
    *PLAIN_PARAMETERS,
)
# parameters of pages that a hit links to
HIT_PARAMETERS = (*(name for name in SEARCH_PARAMETERS if name != "page"), "hit")


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """A search: its text, facet values, order and page."""

    text: str = ""
    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # facet → values
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    from_day: str = ""  # first and last day of publication (ISO 8601); "": any
    to_day: str = ""
    order: str = ""  # "": best if there are words to rank by, else newest
    show: str = "releases"  # or another of RESULT_TYPES
    page: int = 1
    size: int = PAGE_SIZE
    # only releases of the search feed (archive.changes.change_feed), latest found first
    news: bool = False
    notes: tuple[SearchNote, ...] = ()  # about invalid parameters
    strict: bool = False  # without looser hits
    all_versions: bool = False  # also releases that match only in an earlier version
    loosened: Query | None = None  # searched for instead of `text` (see loose_hits)

    @cached_property
    def query(self) -> Query:
        """Return the parsed query with filters for the request's dates, speakers and references.

        If the text consists only of a date, the query finds the releases of that date, and a note
        says so.
        """
        if self.loosened:
            return self.loosened
        filters: list[QueryNode] = [FilterNode(name, day) for name, day in self.days.items()]
        query = parse_query(self.text)
        if day := read_day(self.text):
            query = Query(notes=(SearchNote("day", day),), text=query.text)
            filters += [FilterNode(name, day) for name in DATE_FIELDS]
        for facet, name in (("speaker", PERSON_FIELD), ("reference", CITED_FIELD)):
            filters += self._list_chosen(facet, name)
            filters += [NotNode(FilterNode(name, value)) for value in self.exclude.get(facet, ())]
        return add_filters(query, filters)

    def _list_chosen(self, facet: str, name: str) -> list[QueryNode]:
        """Return filters of the field `name` for the chosen values of a facet.

        All of these filters must match.

        In a search for quotations, several speakers become a single filter that matches any of
        them, because a quotation has only one speaker.
        """
        chosen: list[QueryNode] = [FilterNode(name, value) for value in self.include.get(facet, ())]
        has_one_value = facet == "speaker" and self.show == "quotes"
        return [OrNode(tuple(chosen))] if has_one_value and len(chosen) > 1 else chosen

    @property
    def days(self) -> dict[str, str]:
        """Return the request's first and last dates, if they are set, each under the name of its
        URL parameter.
        """
        return {
            name: day
            for name, day in zip(DATE_FIELDS, (self.from_day, self.to_day), strict=True)
            if day
        }

    @property
    def has_filters(self) -> bool:
        """Return whether any facet value is included or excluded, or any date limit is set."""
        return bool(self.include or self.exclude or self.days)

    @property
    def is_url(self) -> bool:
        """Return whether the text of the search is a web address."""
        return is_url(self.text)

    @property
    def whole(self) -> SearchRequest:
        """Return the same search with page 1 and the default page size."""
        return replace(self, page=1, size=PAGE_SIZE)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the URL parameters as pairs of name and value, without default values.

        >>> SearchRequest(text="fyrar", exclude={"kind": ("news",)}, page=2).parameters
        [('q', 'fyrar'), ('kind__not', 'news'), ('page', '2')]
        """
        pairs = [("q", self.text[:MAX_QUERY_LENGTH])] if self.text else []
        for values, suffix in ((self.include, ""), (self.exclude, EXCLUDE_SUFFIX)):
            pairs += [(name + suffix, value) for name in FACETS for value in values.get(name, ())]
        pairs += self.days.items()
        pairs += [("order", self.order)] if self.order else []
        pairs += [("show", self.show)] if self.show != "releases" else []
        pairs += [("versions", ALL_VERSIONS)] if self.all_versions else []
        pairs += [("page", str(self.page))] if self.page > 1 else []
        return pairs + ([("size", str(self.size))] if self.size != PAGE_SIZE else [])

    def toggle(self, facet: str, value: str, *, exclude: bool = False) -> SearchRequest:
        """Return the request, on page 1, with a facet value added, or removed if it was chosen.

        Including a value removes its exclusion, and excluding it removes its inclusion.
        """
        was_chosen = value in (self.exclude if exclude else self.include).get(facet, ())
        lists = []
        for chosen, is_toggled in ((self.include, not exclude), (self.exclude, exclude)):
            values = tuple(v for v in chosen.get(facet, ()) if v != value)
            values += (value,) if is_toggled and not was_chosen else ()
            lists.append({name: kept for name, kept in {**chosen, facet: values}.items() if kept})
        return replace(self, include=lists[0], exclude=lists[1], page=1)

    def narrow_to_period(self, period: str) -> SearchRequest:
        """Return the request, on page 1, limited to releases of a month (yyyy-mm) or a year.

        >>> SearchRequest(text="fyr", to_day="2024-05-20").narrow_to_period("2024-05").days
        {'from': '2024-05-01', 'to': '2024-05-20'}
        """
        if len(period) == 4:
            return replace(self, include={**self.include, "year": (period,)}, page=1)
        first, last = (parse_typed_date(period, end=end) or "" for end in (False, True))
        return self.narrow_to_days(first, last)

    def narrow_to_days(self, first: str, last: str) -> SearchRequest:
        """Return the request, on page 1, limited to releases from `first` to `last` (inclusive)."""
        return replace(
            self,
            from_day=max(first, self.from_day),
            to_day=min(last, self.to_day or last),
            page=1,
        )


def is_url(text: str) -> bool:
    """Return whether a text is a single web address.

    >>> is_url("https://a.se/nyheter/1"), is_url("fyrar https://a.se/"), is_url("https")
    (True, False, False)
    """
    return URL_PATTERN.fullmatch(text.strip()) is not None


def parse_search_request(arguments: UrlArguments) -> SearchRequest:
    """Parse the URL parameters of a search. An invalid value is dropped, and a note is added."""
    typed = {name: _get_text(arguments, name) for name in PLAIN_PARAMETERS}
    days = {name: parse_typed_date(typed[name], end=name == "to") or "" for name in DATE_FIELDS}
    order = _keep_known(typed["order"], SORT_ORDERS)
    show = _keep_known(typed["show"], RESULT_TYPES)
    versions = _keep_known(typed["versions"], (ALL_VERSIONS,))
    page, size = parse_positive_int(typed["page"]), parse_positive_int(typed["size"])
    values = {
        **days,
        "order": order,
        "show": show,
        "page": page,
        "size": size,
        "versions": versions,
    }
    notes = _list_parameter_notes(typed, values)
    return SearchRequest(
        text=_get_text(arguments, "q"),
        include=_parse_facet_values(arguments, "", notes),
        exclude=_parse_facet_values(arguments, EXCLUDE_SUFFIX, notes),
        from_day=days["from"],
        to_day=days["to"],
        order=order,
        show=show or "releases",
        page=min(page or 1, MAX_PAGE_NUMBER),
        size=min(size or PAGE_SIZE, MAX_PAGE_SIZE),
        notes=tuple(notes),
        all_versions=bool(versions),
    )


def _keep_known(text: str, known: Sequence[str]) -> str:
    return text if text in known else ""


def _get_text(arguments: UrlArguments, name: str) -> str:
    return (arguments.get(name) or "").strip()


def _list_parameter_notes(typed: Mapping[str, str], values: Mapping[str, Any]) -> list[SearchNote]:
    """Return notes on parameters with an invalid value, and on values without effect."""
    notes = [
        SearchNote("not_read", format_parameter(name, text))
        for name, text in typed.items()
        if text and not values[name]
    ]
    if values["size"] and values["size"] > MAX_PAGE_SIZE:
        notes.append(SearchNote("most_size", format_parameter("size", typed["size"])))
    if values["versions"] and values["show"] in RESULT_TYPES[1:]:
        notes.append(SearchNote("current_questions"))
    return notes


def _parse_facet_values(
    arguments: UrlArguments, suffix: str, notes: list[SearchNote]
) -> dict[str, tuple[str, ...]]:
    """Return the distinct values of each facet in the URL parameters.

    A note is added to `notes` for each facet with too many values.

    suffix: the suffix of the parameters: "" for included values, EXCLUDE_SUFFIX for excluded ones.
    """
    found = {
        name: tuple(dict.fromkeys(filter(None, arguments.getlist(name + suffix))))
        for name in FACETS
    }
    found["reference"] = tuple(dict.fromkeys(map(_write_reference, found["reference"])))
    notes += [
        SearchNote("not_read", format_parameter(name + suffix, values[MAX_FACET_VALUES]))
        for name, values in found.items()
        if len(values) > MAX_FACET_VALUES
    ]
    return {
        name: tuple(v[:MAX_VALUE_LENGTH] for v in values[:MAX_FACET_VALUES])
        for name, values in found.items()
        if values
    }


def _write_reference(text: str) -> str:
    """Return a reference to a document as it is usually written, or any other text unchanged.

    >>> _write_reference("Proposition 2023/24:99"), _write_reference("skola")
    ('prop. 2023/24:99', 'skola')
    """
    found = find_typed_references(text)
    return format_reference(found[0].type, found[0].number) if found else text


def parse_positive_int(text: str) -> int | None:
    """Parse a positive integer. A number above 10⁹ becomes 10⁹. Return None for any other text.

    >>> parse_positive_int("3"), parse_positive_int("0"), parse_positive_int("9" * 5000)
    (3, None, 1000000000)
    """
    if not (text.isascii() and text.isdigit()):
        return None
    return (int(text) if len(text) < 10 else 10**9) or None


def format_parameter(name: str, value: str) -> str:
    """Format a parameter and its value for a note. A long value is shortened.

    >>> format_parameter("kind", "banana"), len(format_parameter("tag", "x" * 500))
    ('kind=banana', 65)
    """
    return (
        f"{name}={value}"
        if len(value) <= MAX_NOTE_VALUE_LENGTH
        else f"{name}={value[:MAX_NOTE_VALUE_LENGTH]}…"
    )


def build_search_url(
    request: SearchRequest, lang: str | None, extension: str = "", *, path: str = "/search"
) -> str:
    """Return the URL of a search.

    path: the path of the search page, or of another page that takes the same parameters.

    >>> build_search_url(SearchRequest(text="på natten"), "en", ".json")
    '/search.json?q=p%C3%A5+natten&lang=en'
    """
    pairs = request.parameters + ([("lang", lang)] if lang else [])
    return f"{path}{extension}" + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def build_over_time_url(
    texts: Sequence[str],
    agencies: Sequence[str],
    lang: str | None,
    path: str = "/-/over-time",
    **options: str | None,
) -> str:
    """Return the URL of the page that compares searches over time, or of its data.

    path: the path of the page or of the data.
    options: further parameters.

    >>> build_over_time_url(["fyr", ""], ["hamn"], None, "/-/compare.csv", by=None)
    '/-/compare.csv?q=fyr&agency=hamn'
    """
    pairs = [("q", text[:MAX_QUERY_LENGTH]) for text in texts if text] + [
        ("agency", slug) for slug in agencies
    ]
    pairs += [(name, value) for name, value in {**options, "lang": lang}.items() if value]
    return path + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def build_hit_url(path: str, request: SearchRequest, number: int | None, lang: str | None) -> str:
    """Return the URL of a result, with the parameters that let its page highlight the search's
    words.

    If the search has no words and no filters, only the language is added.

    number: the result's position among all results, counted from 1. With it, the page can link to
        the adjacent results.

    >>> request = SearchRequest(text="på natten", page=3)
    >>> build_hit_url("/archive/releases/2#question-1", request, 47, "en")
    '/archive/releases/2?q=p%C3%A5+natten&hit=47&lang=en#question-1'
    """
    path, hash_sign, fragment = path.partition("#")
    pairs = replace(request, page=1).parameters if request.text or request.has_filters else []
    pairs += [("hit", str(number))] if pairs and number else []
    pairs += [("lang", lang)] if lang else []
    query = urlencode(pairs, errors="replace")
    return (
        f"{path}{'&' if '?' in path else '?'}{query}{hash_sign}{fragment}"
        if query
        else path + hash_sign + fragment
    )


class FacetLinks:
    """Builds the URLs of facet values: the same search with one value added or removed.

    The beginning and end that all URLs of a facet share are cached.
    """

    def __init__(self, request: SearchRequest, lang: str | None) -> None:
        self.request, self.lang = request, lang
        self.url_parts: dict[str, tuple[str, str]] = {}

    def build_url(self, facet: str, value: str, *, exclude: bool = False) -> str:
        """Return the URL of the search with a facet value added, or removed if it was already
        chosen.

        >>> FacetLinks(SearchRequest(text="fyr"), "sv").build_url("tag", "Öar & skär", exclude=True)
        '/search?q=fyr&tag__not=%C3%96ar+%26+sk%C3%A4r&lang=sv'
        """
        request = self.request
        if value in request.include.get(facet, ()) or value in request.exclude.get(facet, ()):
            return build_search_url(request.toggle(facet, value, exclude=exclude), self.lang)
        name = facet + (EXCLUDE_SUFFIX if exclude else "")
        if name not in self.url_parts:
            head, _, tail = build_search_url(
                request.toggle(facet, "\0", exclude=exclude), self.lang
            ).partition(f"{name}=%00")
            self.url_parts[name] = f"{head}{name}=", tail
        head, tail = self.url_parts[name]
        return f"{head}{quote_plus(value, errors='replace')}{tail}"
