"""/-/reference/<type>/<number>: the releases that refer to a document; also .json, .csv and .atom.

A release that referred to the document only in an earlier version is also listed, and marked as
such.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from datasette import NotFound, Response

from archive.changes.history import read_version_texts
from archive.database.sqlite_files import RunQuery
from archive.language.reference_patterns import (
    REFERENCE_TYPES,
    find_typed_references,
    format_reference,
)
from archive.search.excerpts import MarkedText, choose_excerpt, highlight_state
from archive.search.marked_words import extract_query_terms
from archive.search.query_language import ReferenceNode
from archive.urls import LIST_PARAMETERS, FilterError
from archive.views.people import parse_page
from archive.web import (
    AtomEntry,
    DataList,
    Operation,
    ReaderError,
    SiteRequest,
    build_tag_uri,
    format_atom_time,
    format_stated_atom_time,
    get_fields,
    site_view,
)

# Where documents can be read. https://lagen.nu/om/lankning (staffanm/ferenda,
# lagen/nu/res/static/lankning.rst) says that an address is the type and the number, and of statutes
# the number alone. The address of an EU act needs its type, which most references leave out.
DOCUMENT_URLS = {
    "sfs": "https://lagen.nu/{}",
    **{name: f"https://lagen.nu/{name}/{{}}" for name in ("prop", "sou", "ds", "dir", "bet")},
}
REFERENCES_SQL = """
    with found as (select coalesce(r.continues_as, r.id) as release, max(d.revision) as last,
        min(d.revision) as first
      from document_references d join releases r on r.id = d.release
      where d.number = :number and d.type = :type group by 1)
    select f.release, r.title, r.url, r.kind, r.agency, a.name, a.name_en, r.published, r.updated,
      r.language, r.removed_at,
      (select min(d.id) from document_references d where d.revision = r.revision
        and d.number = :number and d.type = :type) is not null as is_current,
      f.last as revision, iif(v.is_edit, f.first, null) as added_by,
      (select min(n.id) from revisions n where n.previous = f.last) as removed_by,
      iif(v.cause = 'import', null, v.seen) as first_seen, r.added
    from found f join releases r on r.id = f.release join release_facets l on l.release = f.release
      join agencies a on a.slug = r.agency join revisions v on v.id = f.first
    order by l.sort_date desc, f.release desc limit :limit offset :offset
"""
REFERENCE_COUNT_SQL = """
    select count(distinct l.release) as n from document_references d
      join releases r on r.id = d.release
      join release_facets l on l.release = coalesce(r.continues_as, r.id)
    where d.number = :number and d.type = :type
"""
# of the current version of a release, with the number of other releases that have them
RELEASE_REFERENCES_SQL = """
    select d.type, d.number, (select count(distinct l.release) from document_references o
        join releases r on r.id = o.release
        join release_facets l on l.release = coalesce(r.continues_as, r.id)
        where o.number = d.number and o.type = d.type and l.release <> :release) as others
    from releases r join document_references d on d.revision = r.revision
    where r.id = :release group by d.type, d.number order by min(d.id)
"""


@site_view(
    "/-/reference/{type}/{number}",
    parameters=LIST_PARAMETERS,
    operation=Operation(
        summary=(
            "Releases that refer to a document, newest first, also those of which only an earlier"
            " version does"
        ),
        formats=("json", "csv", "atom"),
        rows_name="releases",
        row=get_fields(
            *("release", "title", "url", "agency", "agency_name", "published", "language"),
            *("removed_at", "first_seen", "is_current", "revision", "added_by", "removed_by"),
            *("excerpt", "page"),
            title="str Title of the release",
            is_current="bool Whether the current version has the reference",
            revision="int The last version that has it",
            added_by="int? The edit that added it; null if the first version has it",
            removed_by="int? The version that no longer has it",
            excerpt="str The text around it, in the last version that has it",
        ),
        members=get_fields(
            reference="str The document, as it is usually written = prop. 2023/24:99",
            document_url="url? Where the document can be read; null if that is unknown",
            count="int Releases on all pages",
        ),
        parameters={
            "type": f"str One of {', '.join(REFERENCE_TYPES)} = prop",
            "number": "path Number of the document = 2023/24:99",
            "after": "int How many releases come before this page",
        },
    ),
)
async def _show_reference(site: SiteRequest) -> Response | DataList:
    """List the releases that refer to a document.

    If there are none, the status is 404, with an explanation.
    """
    kind = site.url_vars["type"]
    number = _read_number(kind, unquote(site.url_vars["number"]))
    values = {"type": kind, "number": number}
    label, (after, size) = format_reference(kind, number), parse_page(site)
    count = (await site.run(REFERENCE_COUNT_SQL, values))[0]["n"]
    if not count and site.format_name:
        raise ReaderError(404, "error.no_reference", reference=label)
    rows = await site.run(REFERENCES_SQL, {**values, "limit": size, "offset": after})
    if after and not rows:
        raise FilterError("after", str(after), f"less than {count}")
    excerpts = await _read_excerpts(site.run, ReferenceNode(kind, number), rows)
    context: dict[str, Any] = {
        "label": label,
        "path": build_reference_path(kind, number),
        "document_url": _find_document_url(kind, number),
        "releases": [{**dict(row), "excerpt": excerpts[row["revision"]]} for row in rows],
        "count": count,
        "after": after,
        "next_after": after + len(rows) if after + len(rows) < count else None,
    }
    if site.format_name:
        return _list_releases(site, context)
    return await site.render("reference.html", context, status=200 if count else 404)


def _read_number(kind: str, text: str) -> str:
    """Return the number of a document in its normalised form.

    Raises NotFound if the text is not the number of a document of this type.
    """
    written = format_reference(kind, text) if kind in REFERENCE_TYPES else ""
    found = find_typed_references(written)
    if [each.type for each in found] != [kind] or found[0].end < len(written):
        raise NotFound(f"no number of a document of type {kind}: {text}")
    return found[0].number


def build_reference_path(kind: str, number: str) -> str:
    """Return the path of the page about a document.

    >>> build_reference_path("committee", "U 2022:02")
    '/-/reference/committee/U%202022:02'
    """
    return f"/-/reference/{kind}/{quote(number, safe='/:')}"


def _find_document_url(kind: str, number: str) -> str | None:
    """Return the URL at which a document is published.

    Returns None if no such URL is known for the document's type.

    >>> _find_document_url("prop", "2023/24:99"), _find_document_url("dnr", "S2023/01234")
    ('https://lagen.nu/prop/2023/24:99', None)
    """
    return DOCUMENT_URLS[kind].format(number) if kind in DOCUMENT_URLS else None


async def read_release_references(run: RunQuery, release_id: int) -> list[dict[str, Any]]:
    """Return the documents to which the current version of a release refers, in the order in which
    the references are stored.
    """
    return [
        {
            "label": format_reference(row["type"], row["number"]),
            "path": build_reference_path(row["type"], row["number"]),
            "document_url": _find_document_url(row["type"], row["number"]),
            "others": row["others"],
        }
        for row in await run(RELEASE_REFERENCES_SQL, {"release": release_id})
    ]


async def _read_excerpts(
    run: RunQuery, node: ReferenceNode, rows: Sequence[Mapping[str, Any]]
) -> dict[int, MarkedText]:
    """Return an excerpt of each revision, by revision id, with the reference highlighted.

    The excerpt is from the title only if no other text contains the reference.
    """
    states = await read_version_texts(run, [row["revision"] for row in rows])
    terms = extract_query_terms(node)

    def cut() -> dict[int, MarkedText]:
        texts = {key: highlight_state(state, terms) for key, state in states.items()}
        return {
            key: choose_excerpt(sorted(found, key=lambda text: text.field == "title"))[1]
            for key, found in texts.items()
        }

    return await asyncio.to_thread(cut)


def _list_releases(site: SiteRequest, context: Mapping[str, Any]) -> DataList:
    rows = [_format_release(site, row) for row in context["releases"]]
    return DataList(
        title=site.translate("reference.title", reference=context["label"]),
        next_url=site.next_url(after=context["next_after"]),
        rows=rows,
        read_entries=lambda: [_build_entry(site, context["label"], row) for row in rows],
        members={
            "reference": context["label"],
            "document_url": context["document_url"],
            "count": context["count"],
        },
    )


def _format_release(site: SiteRequest, row: Mapping[str, Any]) -> dict[str, Any]:
    """Format a release as a row of data, with the URL of the page that contains the reference."""
    is_current = bool(row["is_current"])
    path = f"/archive/releases/{row['release']}" if is_current else f"/-/revision/{row['revision']}"
    return {
        **row,
        "agency_name": row["name"],
        "is_current": is_current,
        "removed_by": None if is_current else row["removed_by"],
        "excerpt": "".join(text for text, _ in row["excerpt"]),
        "page": site.local_url(path),
    }


def _build_entry(site: SiteRequest, label: str, row: Mapping[str, Any]) -> AtomEntry:
    return AtomEntry(
        id=build_tag_uri(row["page"], f"reference-{row['release']}-{label}"),
        title=row["title"],
        language=row["language"],
        published=format_stated_atom_time(row["published"]),
        updated=format_atom_time(row["first_seen"] or row["added"]),
        link=row["page"],
        release_url=site.local_url(f"/archive/releases/{row['release']}"),
        author=site.choose(row["name"], row["name_en"]),
        summary=row["excerpt"],
        categories=[label],
    )
