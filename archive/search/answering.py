"""The answer to a query: hits, facets, what was noted, what else may have been meant, and what was searched."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace

from archive.search.asked import Query
from archive.search.columns import Columns
from archive.search.finding import Found, count, find
from archive.search.hits import Hit, read_pairs, read_releases
from archive.search.marks import to_wanted
from archive.search.matching import Known
from archive.search.names import find_known
from archive.search.query import Note, Term, find_terms
from archive.search.run import Choice, Run
from archive.search.suggesting import FEW, find_others, replace_word
from archive.search.unknown import find_unknown

MOST_SUGGESTIONS = 2
SEARCHED = """
    select a.slug as value, a.name, a.name_en, m.releases as count from months m
    join agencies a on a.slug = m.agency where m.month = '' order by count desc, a.name
"""
NAMES = "select slug as value, name, name_en from agencies where slug in (select value from json_each(:slugs))"
FRESH = """
    select (select max(finished) from crawls) as crawled, (select nullif(max(newest), '') from listed) as newest,
      (select max(first_seen) from releases) as added
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Another query and how many hits it has. why: spelling, loose (words apart that stood as a phrase)."""

    query: Query
    total: int
    why: str = "spelling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """How fresh it is what a search goes through.

    crawled: when the last crawl ended; added: when the newest of all was put in; newest: the newest release's day.
    """

    crawled: str | None
    added: str | None
    newest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search without hits went through."""

    agencies: list[Choice]

    @property
    def total(self) -> int:
        """How many releases in all."""
        return sum(choice.count for choice in self.agencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The answer to a query."""

    hits: list[Hit]
    found: Found
    fresh: Fresh
    notes: list[Note] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    searched: Searched | None = None
    names: dict[tuple[str, str], Choice] = field(default_factory=dict)  # of counted and chosen values, by facet


async def search(run: Run, query: Query, columns: Columns | None = None) -> Results:
    """Find releases or pairs. What takes too long is raised by `run`.

    columns: those of the archive, which who searches often keeps; without them all of it is read first.
    """
    columns = await (columns or Columns()).renew(run)
    known, notes = await find_known(run, query.asked.tree)
    found = await find(run, columns, query, known)
    wanted = to_wanted(query.asked.tree, {text: begun.lemmas for text, begun in known.begun.items()})
    read = read_pairs if query.show == "questions" else read_releases
    hits, suggestions, unknown = await asyncio.gather(
        read(run, found.ids, wanted),
        suggest(run, columns, query, found, known),
        find_unknown(run, columns, query),
    )
    return Results(
        hits=hits,
        found=found,
        notes=[*query.asked.notes, *query.notes, *notes, *unknown, *notes_on(query, found)],
        suggestions=suggestions,
        fresh=Fresh(**dict((await run(FRESH, {}))[0])),
        searched=None if found.total else await find_searched(run),
        names=await find_names(run, query, found),
    )


def notes_on(query: Query, found: Found) -> list[Note]:
    """What is told of how hits were counted and ordered, and of a page that there is not."""
    told = {"titled": found.titled, "partial": found.partial}
    beyond = [Note("no_page", str(query.page))] if query.page > found.pages else []
    return [*beyond, *(Note(key) for key, holds in told.items() if holds)]


async def suggest(run: Run, columns: Columns, query: Query, found: Found, known: Known) -> list[Suggestion]:
    """Other queries that find more, each tried before it is told."""
    few = found.total <= FEW
    texts: dict[str, str] = {}
    for other in await find_others(run, query.asked, few=few):
        texts.setdefault(replace_word(query.text, other), "spelling")
    if not found.total and any(len(term.words) > 1 for term in find_terms(query.asked.tree)):
        texts.setdefault(apart(query), "loose")
    told = []
    for text, why in texts.items():
        changed = replace(query, text=text, page=1)
        total = await count(run, columns, changed, known) if text != query.text else 0
        if total > found.total:
            told.append(Suggestion(query=changed, total=total, why=why))
    return told[:MOST_SUGGESTIONS]


def apart(query: Query) -> str:
    """The words of a query without what holds them together.

    >>> apart(Query(text='"på natten" A1/2'))
    'på natten a1 2'
    """
    return " ".join(word for term in find_terms(query.asked.tree) if isinstance(term, Term) for word in term.words)


async def find_names(run: Run, query: Query, found: Found) -> dict[tuple[str, str], Choice]:
    """What values are called: those counted, and the chosen agencies, which may have no hit."""
    slugs = [*query.include.get("agency", ()), *query.exclude.get("agency", ())]
    rows = await run(NAMES, {"slugs": json.dumps(slugs)}) if slugs else []
    chosen = {("agency", row["value"]): Choice(**dict(row), count=0) for row in rows}
    return chosen | {(name, choice.value): choice for name, choices in found.facets.items() for choice in choices}


async def find_searched(run: Run) -> Searched:
    """How many releases of which agencies a search goes through, most first."""
    return Searched(agencies=[Choice(**dict(row)) for row in await run(SEARCHED, {})])
