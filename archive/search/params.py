"""What an address asks of the search, and the address of any other state of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from archive.search.query import MAX_QUERY_LENGTH, Query, SearchNote, parse_query

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100  # hits on one page of data
FACETS = ("agency", "kind", "year", "tag", "questions")
EXCLUDE_SUFFIX = "__not"  # after a facet's name, as Datasette's own filters have it
SORT_ORDERS = ("best", "newest")
RESULT_TYPES = ("releases", "questions")
MAX_FACET_VALUES = 20  # of one facet
MAX_VALUE_LENGTH = 500  # characters of one; a longer value is no name of anything
MAX_NOTE_VALUE_LENGTH = 60  # characters of a value that a note tells
MAX_PAGE_NUMBER = 10**6  # page that may be asked for


class QueryStringArgs(Protocol):
    """The part of an address behind the question mark."""

    def get(self, name: str, default: str | None = None, /) -> str | None: ...

    def getlist(self, name: str, /) -> Sequence[str]: ...


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What a reader asked for: words, what facets must and must not be, the order, and which page of the answer.

    order: "" is best first where there are words to be ranked by, else newest first. show: releases, or the pairs of
    question and answer in them. news: only what is new, newest find first
    (archive/feeds/__init__.py tells what that is). notes: on what the address asks that cannot be read.
    """

    text: str = ""
    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    order: str = ""
    show: str = "releases"
    page: int = 1
    size: int = PAGE_SIZE
    news: bool = False
    notes: tuple[SearchNote, ...] = ()

    @cached_property
    def query(self) -> Query:
        """The words, understood."""
        return parse_query(self.text)

    @property
    def has_filters(self) -> bool:
        """Whether a facet says anything."""
        return bool(self.include or self.exclude)


def parse_search_request(arguments: QueryStringArgs) -> SearchRequest:
    """From an address; what cannot be read there means what is shown without it, and a note tells."""
    order, show, page, size = ((arguments.get(name) or "").strip() for name in ("order", "show", "page", "size"))
    pages, sizes = parse_positive_int(page), parse_positive_int(size)
    unread = {
        "order": order if order not in SORT_ORDERS else "",
        "show": show if show not in RESULT_TYPES else "",
        "page": page if pages is None else "",
        "size": size if sizes is None else "",
    }
    notes = [SearchNote("not_read", format_parameter(name, value)) for name, value in unread.items() if value]
    notes += [SearchNote("most_size", format_parameter("size", size))] if sizes and sizes > MAX_PAGE_SIZE else []
    return SearchRequest(
        text=(arguments.get("q") or "").strip(),
        include=parse_facet_values(arguments, "", notes),
        exclude=parse_facet_values(arguments, EXCLUDE_SUFFIX, notes),
        order=order if order in SORT_ORDERS else "",
        show=show if show in RESULT_TYPES else "releases",
        page=min(pages or 1, MAX_PAGE_NUMBER),
        size=min(sizes or PAGE_SIZE, MAX_PAGE_SIZE),
        notes=tuple(notes),
    )


def parse_facet_values(arguments: QueryStringArgs, suffix: str, notes: list[SearchNote]) -> dict[str, tuple[str, ...]]:
    """The values of each facet that has any, each once; a note where there are more than are read."""
    found = {name: tuple(dict.fromkeys(filter(None, arguments.getlist(name + suffix)))) for name in FACETS}
    notes += [
        SearchNote("not_read", format_parameter(name + suffix, values[MAX_FACET_VALUES]))
        for name, values in found.items()
        if len(values) > MAX_FACET_VALUES
    ]
    return {
        name: tuple(v[:MAX_VALUE_LENGTH] for v in values[:MAX_FACET_VALUES]) for name, values in found.items() if values
    }


def parse_positive_int(text: str) -> int | None:
    """A whole number from 1; None where it is none, or nothing is asked for.

    >>> parse_positive_int("3"), parse_positive_int("0"), parse_positive_int("-1"), parse_positive_int("9" * 5000) == 10**9
    (3, None, None, True)
    """
    if not (text.isascii() and text.isdigit()):
        return None
    return (int(text) if len(text) < 10 else 10**9) or None


def format_parameter(name: str, value: str) -> str:
    """A parameter and its value, as a note names them.

    >>> format_parameter("kind", "banana"), len(format_parameter("tag", "x" * 500))
    ('kind=banana', 65)
    """
    return f"{name}={value}" if len(value) <= MAX_NOTE_VALUE_LENGTH else f"{name}={value[:MAX_NOTE_VALUE_LENGTH]}…"


def build_search_parameters(request: SearchRequest) -> list[tuple[str, str]]:
    """The query as names and values of an address, without what goes without saying.

    >>> build_search_parameters(SearchRequest(text="fyrar", exclude={"kind": ("news",)}, page=2))
    [('q', 'fyrar'), ('kind__not', 'news'), ('page', '2')]
    """
    pairs = [("q", request.text[:MAX_QUERY_LENGTH])] if request.text else []
    for values, ending in ((request.include, ""), (request.exclude, EXCLUDE_SUFFIX)):
        pairs += [(name + ending, value) for name in FACETS for value in values.get(name, ())]
    pairs += [("order", request.order)] if request.order else []
    pairs += [("show", request.show)] if request.show != "releases" else []
    pairs += [("page", str(request.page))] if request.page > 1 else []
    return pairs + ([("size", str(request.size))] if request.size != PAGE_SIZE else [])


def build_search_url(request: SearchRequest, lang: str | None, extension: str = "") -> str:
    """Where this state of the search stands.

    >>> build_search_url(SearchRequest(text="på natten"), "en", ".json")
    '/search.json?q=p%C3%A5+natten&lang=en'
    """
    pairs = build_search_parameters(request) + ([("lang", lang)] if lang else [])
    return f"/search{extension}" + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def toggle_facet_value(request: SearchRequest, facet: str, value: str, *, exclude: bool = False) -> SearchRequest:
    """The same with one more value of a facet, or without it where it was chosen; from the first page on."""
    kept, other = (request.exclude, request.include) if exclude else (request.include, request.exclude)
    values = kept.get(facet, ())
    now = tuple(v for v in values if v != value) if value in values else (*values, value)
    changed = {**kept, facet: now} if now else {name: v for name, v in kept.items() if name != facet}
    left = {name: tuple(v for v in held if (name, v) != (facet, value)) for name, held in other.items()}
    left = {name: held for name, held in left.items() if held}
    include, exclude_ = (left, changed) if exclude else (changed, left)
    return replace(request, include=include, exclude=exclude_, page=1)


class FacetLinks:
    """The addresses that facets lead to: the same search with one more value. What they share is written once."""

    def __init__(self, request: SearchRequest, lang: str | None) -> None:
        self.request, self.lang = request, lang
        self.url_parts: dict[str, tuple[str, str]] = {}

    def build_url(self, facet: str, value: str, *, exclude: bool = False) -> str:
        """Of `chosen`.

        >>> FacetLinks(SearchRequest(text="fyr"), "sv").build_url("tag", "Öar & skär", exclude=True)
        '/search?q=fyr&tag__not=%C3%96ar+%26+sk%C3%A4r&lang=sv'
        """
        query = self.request
        if value in query.include.get(facet, ()) or value in query.exclude.get(facet, ()):
            return build_search_url(toggle_facet_value(query, facet, value, exclude=exclude), self.lang)
        name = facet + (EXCLUDE_SUFFIX if exclude else "")
        if name not in self.url_parts:
            head, _, tail = build_search_url(
                toggle_facet_value(query, facet, "\0", exclude=exclude), self.lang
            ).partition(f"{name}=%00")
            self.url_parts[name] = f"{head}{name}=", tail
        head, tail = self.url_parts[name]
        return f"{head}{quote_plus(value, errors='replace')}{tail}"
