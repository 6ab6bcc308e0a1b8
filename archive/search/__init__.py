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

from archive.database import Choice, Run
from archive.history import find_end
from archive.search.fts import Known, find_known
from archive.search.index import NONE
from archive.search.params import EXCEPT, Query, tell
from archive.search.query import Asked, Note, Term, bare, find_terms, split_words
from archive.search.ranking import Columns, Found, count, find
from archive.search.snippets import Hit, read_pairs, read_releases, to_wanted

__all__ = ["Choice", "Run"]


ADDRESS = re.compile(r"https?://[^\s/]+\.[^\s/]+(?:/\S*)?|https?://[^\s/]+/\S*", re.IGNORECASE)
BY_ADDRESS = """
    with asked(url, place) as (select value, key from json_each(:urls))
    select release from (
      select r.id as release, asked.place from asked join releases r on r.url = asked.url
      union all
      select f.release, asked.place + 0.5 from asked join frontier f on f.url = asked.url where f.release is not null
    ) order by place limit 1
"""


def is_address(text: str) -> bool:
    """Whether a text is one web address.

    >>> is_address("https://a.se/nyheter/1"), is_address("fyrar https://a.se/"), is_address("https")
    (True, False, False)
    """
    return ADDRESS.fullmatch(text.strip()) is not None


async def find_named(run: Run, text: str) -> int | None:
    """The release of an address, now or once; where it moved, the one that its record goes on as."""
    if not is_address(text):
        return None
    rows = await run(BY_ADDRESS, {"urls": json.dumps(spellings(text.strip()))})
    return await find_end(run, rows[0]["release"]) if rows else None


def spellings(url: str) -> list[str]:
    """An address and the ways it is commonly written otherwise, the likeliest first.

    >>> spellings("https://www.a.se/b#c")[:3]
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


FEW = 5  # hits up to which another spelling is looked for
MOST_SPELLINGS = 2000  # of one word with and without marks over its letters
COMMONER = 3  # times as common must the word with its marks be
MARKED = {"a": "aåä", "o": "oö", "e": "eé"}
KNOWN = "select word, releases from vocabulary where word in (select value from json_each(:words))"
ALIKE = """
    select word, releases from vocabulary where word >= :low and word < :high and length(word) between :least and :most
    and releases >= :common
"""
WHOLE = "select releases from months where agency = '' and month = ''"
RARE = 100_000  # releases for each of which a word must stand in one more to be offered: rarer ones are mostly misspelt
MISREAD = ("no_day", "no_field", "no_value_of")  # notes on fields; another spelling of their words mends none


@dataclass(frozen=True, slots=True)
class Other:
    """A spelling that may have been meant: what stands in the query, and what in its place would find more."""

    typed: str
    meant: str


async def find_others(run: Run, asked: Asked, *, few: bool) -> list[Other]:
    """The likeliest first; where there are hits enough, only words that lack the marks over their letters."""
    misread = {word for note in asked.notes if note.key in MISREAD for word in split_words(note.words)}
    terms = [term for term in find_terms(asked.tree) if not term.star and not misread.intersection(term.words)]
    words = list(dict.fromkeys(word for term in terms for word in term.words if len(word) > 2 and word.isalpha()))
    if not words:
        return []
    counts = await count_words(run, words)
    others = []
    for word in words[:8]:
        meant = await find_marked(run, word, counts.get(word, 0))
        if meant is None and few and word not in counts:
            meant = await find_alike(run, word)
        if meant:
            others.append(Other(word, meant))
    row = [word for term in terms for word in term.words]
    # människo is no word of its own: then the two belong together, however many hits they have apart
    return others + [other for other in await find_joined(run, row) if few or other.typed.split()[0] not in counts]


async def count_words(run: Run, words: Iterable[str]) -> dict[str, int]:
    """In how many releases each stands, of those that stand in any."""
    rows = await run(KNOWN, {"words": json.dumps(list(words), ensure_ascii=False)})
    return {row["word"]: row["releases"] for row in rows}


async def find_marked(run: Run, word: str, count: int) -> str | None:
    """`manniskohandel` → människohandel: the commonest word that differs in marks alone, if it is much commoner."""
    if not word.isascii():
        return None
    spellings = ["".join(letters) for letters in islice(product(*(MARKED.get(c, c) for c in word)), MOST_SPELLINGS)]
    found = await count_words(run, [spelling for spelling in spellings if spelling != word])
    meant = max(found, key=lambda spelling: found[spelling], default=None)
    return meant if meant and found[meant] >= COMMONER * count else None


async def find_alike(run: Run, word: str) -> str | None:
    """The nearest word of the archive's own that begins with the same letter or, of two swapped, the second."""
    reach = 1 if len(word) < 6 else 2
    best: tuple[int, int, str] | None = None
    whole = await run(WHOLE, {})
    common = 1 + (whole[0]["releases"] // RARE if whole else 0)
    for first in dict.fromkeys(MARKED.get(word[0], word[0]) + (word[1] if len(word) > 4 else "")):
        values = {"low": first, "high": chr(ord(first) + 1), "least": len(word) - reach, "most": len(word) + reach}
        rows = await run(ALIKE, values | {"common": common})
        near = extract_iter(word, [row["word"] for row in rows], scorer=OSA.distance, score_cutoff=reach)
        for _, far, place in near:
            row = rows[place]
            plain = 0 if far and bare(word) == bare(row["word"]) else far
            if best is None or (plain, -row["releases"]) < best[:2]:
                best = (plain, -row["releases"], row["word"])
    return best[2] if best else None


async def find_joined(run: Run, words: Sequence[str]) -> list[Other]:
    """`människo handel` → människohandel: two words side by side that the archive writes as one."""
    pairs = {one + other: f"{one} {other}" for one, other in pairwise(words)}
    return [Other(pairs[joined], joined) for joined in await count_words(run, pairs)] if pairs else []


def replace_word(text: str, other: Other) -> str:
    """A query with the other spelling in its place; what was typed around it stays.

    >>> replace_word('"Manniskohandel" -x', Other("manniskohandel", "människohandel"))
    '"människohandel" -x'
    """
    typed = r"\W+".join(map(re.escape, other.typed.split()))
    return re.sub(rf"(?<![^\W_]){typed}(?![^\W_])", lambda _: other.meant, text, flags=re.IGNORECASE)


ANYWHERE = {"kind": {NONE}, "year": {NONE}, "questions": {"yes", "no"}}  # values that may stand for no release today
NAMED = {  # facets whose values are rows, of which some may have no release
    "agency": "select slug as value from agencies where slug in (select value from json_each(:asked))",
    "tag": "select name as value from tags where name in (select value from json_each(:asked))",
}


async def find_unknown(run: Run, columns: Columns, query: Query) -> list[Note]:
    """A note for each value that no release of the archive could have; nothing is looked up but what was asked for."""
    notes = []
    for chosen, ending in ((query.include, ""), (query.exclude, EXCEPT)):
        known = await find_values(run, columns, chosen)
        notes += [
            Note("no_value", tell(name + ending, value))
            for name, values in chosen.items()
            for value in values
            if value not in known[name]
        ]
    return notes


async def find_values(run: Run, columns: Columns, chosen: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Of the chosen values of each facet, those that there are."""
    known = {}
    for name, values in chosen.items():
        if name in NAMED:
            known[name] = {row["value"] for row in await run(NAMED[name], {"asked": json.dumps(values)})}
        else:
            known[name] = ANYWHERE[name] | set(columns.codes[name].numbers)
    return known


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
