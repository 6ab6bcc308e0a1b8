"""What an address asks of the search, and the address of any other state of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from archive.search.query import MOST_LETTERS, Asked, Note, parse_query

PAGE_SIZE = 20
MOST_SIZE = 100  # hits on one page of data
FACETS = ("agency", "kind", "year", "tag", "questions")
EXCEPT = "__not"  # after a facet's name, as Datasette's own filters have it
ORDERS = ("best", "newest")
SHOWN = ("releases", "questions")
MOST_VALUES = 20  # of one facet
MOST_VALUE = 500  # characters of one; a longer value is no name of anything
MOST_TOLD = 60  # characters of a value that a note tells
LAST = 10**6  # page that may be asked for


class Args(Protocol):
    """The part of an address behind the question mark."""

    def get(self, name: str, default: str | None = None, /) -> str | None: ...

    def getlist(self, name: str, /) -> Sequence[str]: ...


@dataclass(frozen=True, kw_only=True)
class Query:
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
    notes: tuple[Note, ...] = ()

    @cached_property
    def asked(self) -> Asked:
        """The words, understood."""
        return parse_query(self.text)

    @property
    def filtered(self) -> bool:
        """Whether a facet says anything."""
        return bool(self.include or self.exclude)


def read_query(args: Args) -> Query:
    """From an address; what cannot be read there means what is shown without it, and a note tells."""
    order, show, page, size = ((args.get(name) or "").strip() for name in ("order", "show", "page", "size"))
    pages, sizes = read_count(page), read_count(size)
    unread = {
        "order": order if order not in ORDERS else "",
        "show": show if show not in SHOWN else "",
        "page": page if pages is None else "",
        "size": size if sizes is None else "",
    }
    notes = [Note("not_read", tell(name, value)) for name, value in unread.items() if value]
    notes += [Note("most_size", tell("size", size))] if sizes and sizes > MOST_SIZE else []
    return Query(
        text=(args.get("q") or "").strip(),
        include=read_values(args, "", notes),
        exclude=read_values(args, EXCEPT, notes),
        order=order if order in ORDERS else "",
        show=show if show in SHOWN else "releases",
        page=min(pages or 1, LAST),
        size=min(sizes or PAGE_SIZE, MOST_SIZE),
        notes=tuple(notes),
    )


def read_values(args: Args, ending: str, notes: list[Note]) -> dict[str, tuple[str, ...]]:
    """The values of each facet that has any, each once; a note where there are more than are read."""
    found = {name: tuple(dict.fromkeys(filter(None, args.getlist(name + ending)))) for name in FACETS}
    notes += [
        Note("not_read", tell(name + ending, values[MOST_VALUES]))
        for name, values in found.items()
        if len(values) > MOST_VALUES
    ]
    return {name: tuple(v[:MOST_VALUE] for v in values[:MOST_VALUES]) for name, values in found.items() if values}


def read_count(text: str) -> int | None:
    """A whole number from 1; None where it is none, or nothing is asked for.

    >>> read_count("3"), read_count("0"), read_count("-1"), read_count("9" * 5000) == 10**9
    (3, None, None, True)
    """
    if not (text.isascii() and text.isdigit()):
        return None
    return (int(text) if len(text) < 10 else 10**9) or None


def tell(name: str, value: str) -> str:
    """A parameter and its value, as a note names them.

    >>> tell("kind", "banana"), len(tell("tag", "x" * 500))
    ('kind=banana', 65)
    """
    return f"{name}={value}" if len(value) <= MOST_TOLD else f"{name}={value[:MOST_TOLD]}…"


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
