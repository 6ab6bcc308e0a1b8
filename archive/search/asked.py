"""What an address asks of the search, and the address of any other state of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from archive.search.parsing import parse_query
from archive.search.query import MOST_LETTERS, Asked

PAGE_SIZE = 20
MOST_SIZE = 100  # hits on one page of data
FACETS = ("agency", "kind", "year", "tag", "questions")
EXCEPT = "__not"  # after a facet's name, as Datasette's own filters have it
ORDERS = ("best", "newest")
SHOWN = ("releases", "questions")
MOST_VALUES = 20  # of one facet


class Args(Protocol):
    """The part of an address behind the question mark."""

    def get(self, name: str, default: str | None = None, /) -> str | None: ...

    def getlist(self, name: str, /) -> Sequence[str]: ...


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a reader asked for: words, what facets must and must not be, the order, and which page of the answer.

    order: "" is best first where there are words to be ranked by, else newest first. show: releases, or the pairs of
    question and answer in them. news: only what is new, newest find first
    (archive/feeds/__init__.py tells what that is).
    """

    text: str = ""
    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    order: str = ""
    show: str = "releases"
    page: int = 1
    size: int = PAGE_SIZE
    news: bool = False

    @cached_property
    def asked(self) -> Asked:
        """The words, understood."""
        return parse_query(self.text)

    @property
    def filtered(self) -> bool:
        """Whether a facet says anything."""
        return bool(self.include or self.exclude)


def read_query(args: Args) -> Query:
    """From an address; what cannot be read there means what is shown without it."""
    order, show, page, size = (args.get(name) or "" for name in ("order", "show", "page", "size"))
    return Query(
        text=(args.get("q") or "").strip(),
        include=read_values(args, ""),
        exclude=read_values(args, EXCEPT),
        order=order if order in ORDERS else "",
        show=show if show in SHOWN else "releases",
        page=read_count(page, 1, 10**6),
        size=read_count(size, PAGE_SIZE, MOST_SIZE),
    )


def read_values(args: Args, ending: str) -> dict[str, tuple[str, ...]]:
    """The values of each facet that has any, each once."""
    found = {name: tuple(dict.fromkeys(filter(None, args.getlist(name + ending)))) for name in FACETS}
    return {name: values[:MOST_VALUES] for name, values in found.items() if values}


def read_count(text: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`."""
    return min(max(1, int(text)), most) if text.isascii() and text.isdigit() and len(text) < 9 else default


def to_pairs(query: Query) -> list[tuple[str, str]]:
    """The query as names and values of an address, without what goes without saying.

    >>> to_pairs(Query(text="fyrar", exclude={"kind": ("news",)}, page=2))
    [('q', 'fyrar'), ('kind__not', 'news'), ('page', '2')]
    """
    pairs = [("q", query.text[:MOST_LETTERS])] if query.text else []
    for values, ending in ((query.include, ""), (query.exclude, EXCEPT)):
        pairs += [(name + ending, value) for name in FACETS for value in values.get(name, ())]
    pairs += [("order", query.order)] if query.order else []
    pairs += [("show", query.show)] if query.show != "releases" else []
    pairs += [("page", str(query.page))] if query.page > 1 else []
    return pairs + ([("size", str(query.size))] if query.size != PAGE_SIZE else [])


def to_address(query: Query, lang: str | None, ending: str = "") -> str:
    """Where this state of the search stands.

    >>> to_address(Query(text="på natten"), "en", ".json")
    '/search.json?q=p%C3%A5+natten&lang=en'
    """
    pairs = to_pairs(query) + ([("lang", lang)] if lang else [])
    return f"/search{ending}" + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def chosen(query: Query, facet: str, value: str, *, exclude: bool = False) -> Query:
    """The same with one more value of a facet, or without it where it was chosen; from the first page on."""
    kept, other = (query.exclude, query.include) if exclude else (query.include, query.exclude)
    values = kept.get(facet, ())
    now = tuple(v for v in values if v != value) if value in values else (*values, value)
    changed = {**kept, facet: now} if now else {name: v for name, v in kept.items() if name != facet}
    left = {name: tuple(v for v in held if (name, v) != (facet, value)) for name, held in other.items()}
    left = {name: held for name, held in left.items() if held}
    include, exclude_ = (left, changed) if exclude else (changed, left)
    return replace(query, include=include, exclude=exclude_, page=1)


class Choices:
    """The addresses that facets lead to: the same search with one more value. What they share is written once."""

    def __init__(self, query: Query, lang: str | None) -> None:
        self.query, self.lang = query, lang
        self.around: dict[str, tuple[str, str]] = {}

    def address(self, facet: str, value: str, *, exclude: bool = False) -> str:
        """Of `chosen`.

        >>> Choices(Query(text="fyr"), "sv").address("tag", "Öar & skär", exclude=True)
        '/search?q=fyr&tag__not=%C3%96ar+%26+sk%C3%A4r&lang=sv'
        """
        query = self.query
        if value in query.include.get(facet, ()) or value in query.exclude.get(facet, ()):
            return to_address(chosen(query, facet, value, exclude=exclude), self.lang)
        name = facet + (EXCEPT if exclude else "")
        if name not in self.around:
            head, _, tail = to_address(chosen(query, facet, "\0", exclude=exclude), self.lang).partition(f"{name}=%00")
            self.around[name] = f"{head}{name}=", tail
        head, tail = self.around[name]
        return f"{head}{quote_plus(value, errors='replace')}{tail}"
