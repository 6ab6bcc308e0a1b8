"""People's words in, found releases out: FTS5 expressions, filters, facets and excerpts. Knows no web."""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

PAGE_SIZE = 20
MOST_HITS = 10_000  # matches beyond the newest so many are neither counted nor shown: very common words cost seconds
MOST_TERMS = 32
UNDATED = "none"  # the year of releases whose page states no publication date
FACETS = ("agency", "year", "tag")
HERE = "r.id not in (select id from releases where moved_to is not null)"  # from an index; the others' record goes on
NEWEST = "coalesce(r.published, r.updated, r.first_seen)"  # what releases are sorted by

QUOTES = str.maketrans(dict.fromkeys("”“„‟»«″", '"'))
TERM = re.compile(r'"([^"]+)"|([^\s"]+)')
PREFIX = re.compile(r"[^\W_]{3,}\*+\W*$")
ON, OFF = "\x02", "\x03"  # stand around a marked word between SQLite and us


class Run(Protocol):
    """Whatever can run a SELECT with named values and give its rows."""

    async def __call__(self, sql: str, values: dict[str, Any], /) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a reader asked for: words, filters, and which page of the answer."""

    text: str = ""
    agency: str | None = None
    year: str | None = None
    tag: str | None = None
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a facet, with how many releases it would leave."""

    value: str
    count: int
    name: str
    name_en: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A found release; `title` and `excerpt` are the original text in parts, each marked or not."""

    row: Any
    title: list[tuple[str, bool]]
    excerpt: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The answer to a query. `capped`: there are more than `total`; `page`: the one shown, after clamping."""

    hits: list[Hit]
    total: int
    capped: bool
    page: int
    pages: int
    facets: dict[str, list[Choice]]


def parse_query(text: str) -> str:
    """People's words as an FTS5 expression; "" where there is no word. No input is an error.

    >>> parse_query('våld i "nära relation" kvinn* a* (AND)')
    '"våld" "i" "nära relation" "kvinn"* "a" "AND"'
    """
    return " ".join(find_terms(text)[:MOST_TERMS])


def is_cut(text: str) -> bool:
    """Whether the text holds more words than are searched for."""
    return len(find_terms(text)) > MOST_TERMS


def find_terms(text: str) -> list[str]:
    """Each word or phrase of the text, quoted, so that nothing in it is read as an operator."""
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    plain = unicodedata.normalize("NFC", plain).translate(QUOTES)
    terms = []
    for match in TERM.finditer(plain):
        term = match[1] or match[2]
        words = [word for word in term.split() if any(map(str.isalnum, word))]
        if words:
            star = "*" if match[2] and PREFIX.search(term) else ""
            terms.append('"' + trim(" ".join(words)) + '"' + star)
    return terms


def trim(words: str) -> str:
    """Without the punctuation at both ends, which the index does not hold anyway."""
    start = next(i for i, c in enumerate(words) if c.isalnum())
    end = next(i for i in range(len(words), 0, -1) if words[i - 1].isalnum())
    return words[start:end]


async def search(run: Run, query: Query) -> Results:
    """Find releases, newest first by publication (by first sight where the page states none)."""
    (ids, capped), counted = await asyncio.gather(
        find_ids(run, query), asyncio.gather(*(count_facet(run, query, facet) for facet in FACETS))
    )
    pages = max(1, -(-len(ids) // PAGE_SIZE))
    page = min(max(1, query.page), pages)
    shown = ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return Results(
        hits=await read_hits(run, query, shown),
        total=len(ids),
        capped=capped,
        page=page,
        pages=pages,
        facets=dict(zip(FACETS, counted, strict=True)),
    )


async def count_searched(run: Run) -> list[Choice]:
    """How many releases of which agencies a search goes through, most first."""
    rows = await run(
        "select a.slug as value, a.name, a.name_en, count(*) as count from releases r"
        f" join agencies a on a.slug = r.agency where {HERE} group by a.slug order by count desc, a.name",
        {},
    )
    return [Choice(**dict(row)) for row in rows]


def found(query: Query, *, without: str | None = None) -> tuple[str, dict[str, Any]]:
    """SQL for the matching releases, and its values; `without` leaves one filter out, for that facet's counts."""
    words = parse_query(query.text)
    source, conditions, order = "releases r", [HERE], NEWEST
    if words:
        # cross join: the index of words must lead; the other way round each release is looked up in it
        source = "releases_fts cross join releases r on r.id = releases_fts.rowid"
        conditions, order = ["releases_fts match :words", HERE], "releases_fts.rowid"
    elif query.text.strip():
        conditions = ["false"]  # punctuation alone asks for words that no release holds
    if query.agency and without != "agency":
        conditions.append("r.agency = :agency")
    if query.year and without != "year":
        undated = query.year == UNDATED
        conditions.append("r.published is null" if undated else "substr(r.published, 1, 4) = :year")
    if query.tag and without != "tag":
        conditions.append(
            "r.id in (select rt.release from release_tags rt join tags t on t.id = rt.tag where t.name = :tag)"
        )
    sql = (
        f"select r.id, r.agency, substr(r.published, 1, 4) as year, {NEWEST} as newest"
        f" from {source} where {' and '.join(conditions)} order by {order} desc limit {MOST_HITS + 1}"
    )
    return sql, {"words": words, "agency": query.agency, "year": query.year, "tag": query.tag}


async def find_ids(run: Run, query: Query) -> tuple[list[int], bool]:
    """Ids of the matching releases, newest first, and whether there are more."""
    sql, values = found(query)
    rows = await run(f"select id from ({sql}) order by newest desc, id desc", values)
    return [row["id"] for row in rows][:MOST_HITS], len(rows) > MOST_HITS


async def count_facet(run: Run, query: Query, facet: str) -> list[Choice]:
    """How many releases each value of a facet would leave, were it chosen beside the other filters."""
    inner, values = found(query, without=facet)
    sql = {
        "agency": "select a.slug as value, a.name, a.name_en, count(*) as count from found"
        " join agencies a on a.slug = found.agency group by a.slug order by count desc, a.name",
        "year": f"select coalesce(year, '{UNDATED}') as value, coalesce(year, '') as name, count(*) as count"
        " from found group by year order by year desc",
        "tag": "select t.name as value, t.name, count(*) as count from found"
        " join release_tags rt on rt.release = found.id join tags t on t.id = rt.tag"
        " group by t.id order by t.name is not :tag, count desc, t.name limit 30",
    }[facet]
    return [Choice(**dict(row)) for row in await run(f"with found as materialized ({inner}) {sql}", values)]


async def read_hits(run: Run, query: Query, ids: list[int]) -> list[Hit]:
    """The releases of one page with their excerpts, in the order of the ids."""
    if not ids:
        return []
    words = parse_query(query.text)
    texts = "r.title as marked_title, r.lead as marked_lead, substr(r.body, 1, 300) as marked_body"
    source, condition = "releases r", "r.id in (select value from json_each(:ids))"
    if words:
        texts = (
            "highlight(releases_fts, 0, :on, :off) as marked_title,"
            " snippet(releases_fts, 1, :on, :off, '…', 40) as marked_lead,"
            " snippet(releases_fts, 2, :on, :off, '…', 40) as marked_body"
        )
        source = "releases_fts cross join releases r on r.id = releases_fts.rowid"
        # one pass (+) from the lowest to the highest id: looked up one by one, a star's words are merged anew each time
        condition = (
            "releases_fts match :words and releases_fts.rowid between :low and :high"
            " and +releases_fts.rowid in (select value from json_each(:ids))"
        )
    rows = await run(
        "select r.id, r.agency, a.name, a.name_en, r.kind, r.language, r.published, r.updated, r.first_seen, r.gone,"
        f" {texts} from {source} join agencies a on a.slug = r.agency where {condition}",
        {"words": words, "ids": json.dumps(ids), "low": min(ids), "high": max(ids), "on": ON, "off": OFF},
    )
    hits = {row["id"]: to_hit(row) for row in rows}
    return [hits[key] for key in ids if key in hits]


def to_hit(row: Any) -> Hit:
    """A row with marked texts as a hit: the excerpt is whichever of lead and body holds a marked word."""
    lead, body = row["marked_lead"] or "", row["marked_body"] or ""
    excerpt = next((text for text in (lead, body) if ON in text), lead or body)
    return Hit(row=row, title=split_marks(row["marked_title"]), excerpt=split_marks(excerpt))


def split_marks(text: str) -> list[tuple[str, bool]]:
    """A marked text in parts, white space run together.

    >>> split_marks("ett \\x02ord\\x03 till")
    [('ett ', False), ('ord', True), (' till', False)]
    """
    parts = re.split(f"{ON}([^{ON}{OFF}]*){OFF}", re.sub(r"\s+", " ", text))
    return [(part.replace(ON, "").replace(OFF, ""), bool(i % 2)) for i, part in enumerate(parts) if part]
