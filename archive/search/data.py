"""A search as data: the rows of JSON and CSV, and the entries of its feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from archive.history.formats import Entry, tag_uri, to_moment
from archive.language import say, say_kind, say_time, say_told
from archive.search.answering import Results
from archive.search.asked import Query
from archive.search.hits import Hit
from archive.search.marks import Parts

COMMON = ("agency", "agency_name", "kind", "title", "published", "updated", "first_seen", "language", "gone", "url")
COLUMNS = {
    "releases": ("release", *COMMON, "excerpt", "questions", "matched", "page"),
    "questions": ("pair", "release", "position", "question", "answer", "answered_by", *COMMON, "matched", "page"),
}
Whole = Callable[[str], str]  # a path of ours as a whole address


def to_rows(results: Results, query: Query, whole: Whole) -> list[dict[str, Any]]:
    """A row for each hit, in the order of the page; none on a page beyond the last, where who reads all stops."""
    if query.page > results.found.pages:
        return []
    return [to_row(hit, query, whole) for hit in results.hits]


def to_row(hit: Hit, query: Query, whole: Whole) -> dict[str, Any]:
    """A hit without its marks; `matched` lists the forms that were found, in small letters."""
    row = hit.row
    common = {name: row["name"] if name == "agency_name" else row[name] for name in COMMON}
    matched = ", ".join(dict.fromkeys(form for why in hit.why for forms in why.forms.values() for form in forms))
    told = {**common, "release": row["id"], "matched": matched, "page": whole(path_of(hit))}
    if query.show == "questions":
        told |= {name: row[name] for name in ("pair", "position", "question", "answer", "answered_by")}
    else:
        told |= {"excerpt": plain(hit.excerpt), "questions": row["questions"]}
    return {name: told[name] for name in COLUMNS[query.show]}


def to_head(results: Results, query: Query) -> dict[str, Any]:
    """What the JSON says beside the rows: how many, in which order, counts by facet, and what was noted."""
    found = results.found
    return {
        "query": query.text,
        "show": query.show,
        "order": found.order,
        "total": found.total,
        "capped": found.capped,
        "page_number": query.page,
        "pages": found.pages,
        "include": dict(query.include),
        "exclude": dict(query.exclude),
        "fresh": asdict(results.fresh),
        "facets": {
            name: [{"value": choice.value, "name": choice.name, "count": choice.count} for choice in choices]
            for name, choices in found.facets.items()
        },
        "notes": [{"note": note.key, "words": note.words} for note in results.notes],
        "did_you_mean": [{"query": other.query.text, "total": other.total} for other in results.suggestions],
    }


def to_entry(hit: Hit, whole: Whole, lang: str, *, news: bool = True) -> Entry:
    """A hit as an entry of a feed. Its id is the release's, or the pair's, in every feed of ours.

    Its time is that of the find where it is news, else that of its publication.
    """
    row = hit.row
    pair = "pair" in row.keys()  # noqa: SIM118 - a sqlite3.Row looks for values
    address = whole(path_of(hit))
    own = f"release-{row['id']}" + (f"-question-{row['position']}" if pair else "")
    facts = [say_kind(lang, row["kind"]) if row["kind"] else "", say_told(lang, row["published"])]
    return Entry(
        id=tag_uri(address, "2024", own),
        title=f"{row['name']}: {row['question'] if pair else row['title']}",
        language=row["language"],
        seen=to_moment(row["published"] or row["first_seen"]),
        updated=to_moment(row["first_seen"] if news else row["published"] or row["first_seen"]),
        link=address,
        release=whole(f"/archive/releases/{row['id']}"),
        author=row["name"],
        summary=" · ".join(filter(None, facts)) or say(lang, "seen_on", when=say_time(lang, row["first_seen"])),
        words=row["answer"] if pair else plain(hit.excerpt),
    )


def path_of(hit: Hit) -> str:
    """Where a hit is read: the release, or the question in it."""
    return f"/archive/releases/{hit.row['id']}" + (f"#question-{hit.place}" if hit.place else "")


def plain(parts: Parts) -> str:
    """A text without its marks."""
    return "".join(text for text, _ in parts)
