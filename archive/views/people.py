"""Who is quoted, and what they said; each also as data.

- /people: the people who are quoted most, or those of a name or agency; also .json and .csv.
- /person/<slug>: what a person has said in an agency's releases, and in which roles; also .json,
  .csv and .atom.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from datasette import NotFound, Response

from archive.changes.edits_and_removals import MAX_REGISTER_PAGE_SIZE, check_agency
from archive.database.models import build_slug
from archive.database.sqlite_files import RunQuery
from archive.urls import LIST_PARAMETERS, FilterError, parse_number_parameter
from archive.views.lists import LIST_PAGE_SIZE
from archive.web import (
    AtomEntry,
    DataList,
    Operation,
    SiteRequest,
    build_tag_uri,
    format_atom_time,
    format_stated_atom_time,
    get_fields,
    site_view,
)

NAME = "str Name as printed = Anna Ek"
PERSON_SQL = """
    select p.id, p.slug, p.name, p.agency, a.name as agency_name, a.name_en as agency_name_en
    from people p join agencies a on a.slug = p.agency where p.slug = :slug
"""
PERSON_QUOTE_COUNT_SQL = """
    select count(*) as n from (select distinct q.release, q.text from quotes q
      join release_facets l on l.release = q.release where q.person = :person)
"""
RANKED_PEOPLE_SQL = """
    select p.id, p.slug, p.agency, n.quotes
    from (select q.person, count(distinct q.release || ' ' || q.text) as quotes
      from quotes q join release_facets l on l.release = q.release where q.person is not null
        group by q.person) n
    join people p on p.id = n.person order by n.quotes desc, p.name, p.agency
"""
PEOPLE_SQL = """
    select p.slug, p.name, p.agency, a.name as agency_name, a.name_en as agency_name_en
    from json_each(:ids) c join people p on p.id = c.value join agencies a on a.slug = p.agency
"""


def parse_page(site: SiteRequest) -> tuple[int, int]:
    """Return how many entries come before the requested page, and how many it has."""
    size = min(parse_number_parameter(site.args, "size") or LIST_PAGE_SIZE, MAX_REGISTER_PAGE_SIZE)
    return parse_number_parameter(site.args, "after") or 0, size


@site_view(
    "/people",
    parameters=("q", "agency", *LIST_PARAMETERS),
    operation=Operation(
        summary=(
            "People who are quoted in releases, those quoted most first; names are as printed and"
            " may be shared"
        ),
        formats=("json", "csv"),
        rows_name="people",
        row=get_fields(
            *("person", "name", "agency", "agency_name", "quotes", "page"),
            person="str Short name in addresses = anna-ek",
            name=NAME,
            quotes="int How many different passages",
        ),
        parameters={
            "q": "str Beginnings of words of the name = ek",
            "after": "int How many people come before this page",
        },
    ),
)
async def _show_people(site: SiteRequest) -> Response:
    """Show who is quoted; raise FilterError for a page after the last one."""
    words, agency = (site.args.get("q") or "").strip(), site.args.get("agency") or None
    await check_agency(site.run, agency)
    after, size = parse_page(site)
    people, next_after = await _read_people(site, words, agency, after, size)
    if after and not people:
        raise FilterError("after", str(after), "less than the number of people")
    if not site.format_name:
        context = {
            "people": people,
            "words": words,
            "agency": agency,
            "after": after,
            "next_after": next_after,
        }
        return await site.render("people.html", context)
    return DataList(
        title=site.translate("people.title"),
        next_url=site.next_url(after=next_after),
        rows=[
            {**row, "person": row["slug"], "page": site.local_url(f"/person/{row['slug']}")}
            for row in map(dict, people)
        ],
    )


@site_view(
    "/person/{slug}",
    parameters=LIST_PARAMETERS,
    operation=Operation(
        summary=(
            "What a person has said in an agency's releases, newest release first, also in earlier"
            " versions"
        ),
        formats=("json", "csv", "atom"),
        rows_name="quotes",
        row=get_fields(
            *("release", "revision", "is_current", "title", "url", "published", "first_seen"),
            *("language", "removed_at", "role", "organisation", "text", "page"),
            revision="int The last version that has this wording",
            is_current="bool Whether the current version has it",
            title="str Title of the release",
            role="str? The role that this version prints for the person = hamnchef",
            organisation="str? What the person is said to belong to",
            text="str The words",
        ),
        members=get_fields(
            *("agency", "agency_name"),
            person="str Short name in addresses = anna-ek",
            name=NAME,
            count="int Quotes on all pages",
            roles=[{"role": "str", "years": "str? First and last year = 2024–2025"}],
        ),
        parameters={
            "after": "int How many quotes come before this page",
            "slug": "str Short name of a person = anna-ek",
        },
    ),
)
async def _show_person(site: SiteRequest) -> Response:
    """Show a person's quotes, newest first; raise FilterError for a page after the last one."""
    found = await site.run(PERSON_SQL, {"slug": site.url_vars["slug"]})
    person = dict(found[0]) if found else None
    after, size = parse_page(site)
    quotes, count = (
        await _read_person_quotes(site.run, person["id"], after, size) if person else ([], 0)
    )
    if person is None or not count:
        raise NotFound(f"no person {site.url_vars['slug']}")
    if not quotes:
        raise FilterError("after", str(after), f"less than {count}")
    next_after = after + len(quotes) if after + len(quotes) < count else None
    # the roles that releases print for the person, the latest first
    roles = await site.run(
        """
        select q.role, iif(min(year) = max(year), min(year), min(year) || '–' || max(year)) as years
        from (select q.role, substr(r.published, 1, 4) as year
          from quotes q join release_facets l on l.release = q.release join releases r
            on r.id = q.release
          where q.person = :person and q.role is not null) q
        group by q.role order by max(year) desc, count(*) desc, q.role limit 20
        """,
        {"person": person["id"]},
    )
    context: dict[str, Any] = {
        "person": person,
        "quotes": quotes,
        "count": count,
        "after": after,
        "next_after": next_after,
        "roles": roles,
    }
    if site.format_name:
        return _list_quotes(site, context)
    return await site.render("person.html", context | {"roles": [] if after else roles})


def _list_quotes(site: SiteRequest, context: Mapping[str, Any]) -> DataList:
    """Return a person's quotes as data from what the page shows."""
    person = context["person"]
    rows = [_format_quote(site, row) for row in context["quotes"]]
    return DataList(
        title=site.translate("person.title", name=person["name"]),
        next_url=site.next_url(after=context["next_after"]),
        rows=rows,
        read_entries=lambda: [_build_quote_entry(site, person, row) for row in rows],
        members={
            "person": person["slug"],
            "name": person["name"],
            "agency": person["agency"],
            "agency_name": person["agency_name"],
            "count": context["count"],
            "roles": [dict(role) for role in context["roles"]],
        },
    )


def _format_quote(site: SiteRequest, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a quote with the address of the page that has it: the release's, or an earlier
    revision's.
    """
    is_current = bool(row["is_current"])
    path = f"/-/revision/{row['revision']}"
    if is_current:
        path = f"/archive/releases/{row['release']}"
    return {**dict(row), "is_current": is_current, "page": site.local_url(path)}


def _build_quote_entry(site: SiteRequest, person: dict[str, Any], row: dict[str, Any]) -> AtomEntry:
    """Build the feed entry of a quote, whose id stays the same when its release is stored again."""
    digest = hashlib.sha256(row["text"].encode()).hexdigest()[:16]
    return AtomEntry(
        id=build_tag_uri(row["page"], f"quote-{row['release']}-{person['slug']}-{digest}"),
        title=f"{person['name']}: {row['title']}",
        language=row["language"],
        published=format_stated_atom_time(row["published"]),
        updated=format_atom_time(row["added"]),
        link=row["page"],
        release_url=site.local_url(f"/archive/releases/{row['release']}"),
        author=site.choose(person["agency_name"], person["agency_name_en"]),
        summary=row["text"],
        categories=[row["role"]] if row["role"] else [],
    )


async def _read_people(
    site: SiteRequest, words: str, agency: str | None, offset: int, size: int
) -> tuple[Sequence[Any], int | None]:
    """Return the people who are quoted most, and the offset of the next page or None.

    words: beginnings of words of the name, in any order. agency: whose releases quote them.
    """
    ranked = _select_people(await _rank_people(site), words, agency)
    page = ranked[offset : offset + size]
    ids = json.dumps([row["id"] for row in page])
    people = {row["slug"]: dict(row) for row in await site.run(PEOPLE_SQL, {"ids": ids})}
    found = [{**people[slug], "quotes": quotes} for _, slug, _, quotes in page if slug in people]
    return found, offset + size if len(ranked) > offset + size else None


def _select_people(people: Sequence[Any], words: str, agency: str | None) -> list[Any]:
    slugs = [f"-{build_slug(word)}" for word in words.split()]
    if not slugs and agency is None:
        return list(people)
    return [
        row
        for row in people
        if agency in (None, row["agency"]) and all(slug in f"-{row['slug']}" for slug in slugs)
    ]


async def _rank_people(site: SiteRequest) -> Sequence[Any]:
    """Return everybody who is quoted, those quoted most first."""
    # counting takes 120 ms of CPU with 67,000 quotes
    return await site.keep("people", lambda: site.run(RANKED_PEOPLE_SQL, {}))


async def _read_person_quotes(
    run: RunQuery, person_id: int, offset: int, size: int = LIST_PAGE_SIZE
) -> tuple[Sequence[Any], int]:
    """Return a page of a person's quotes, newest first, and the number of all.

    A wording that several versions of a release have is one, with the last version that has it.
    """
    values = {"person": person_id, "limit": size, "offset": offset}
    quotes = await run(
        """
        select q.release, q.text, q.role, q.organisation,
          iif(max(q.revision = r.revision), r.revision, max(q.revision)) as revision,
          max(q.revision = r.revision) as is_current,
          min(iif(v.cause = 'import', null, v.seen)) as first_seen, min(v.seen) as added,
          r.title, r.url, r.published, r.language, r.removed_at
        from quotes q join releases r on r.id = q.release
          join release_facets l on l.release = q.release join revisions v on v.id = q.revision
        where q.person = :person group by q.release, q.text
        order by l.sort_date desc, q.release desc, q.position limit :limit offset :offset
        """,
        values,
    )
    return quotes, (await run(PERSON_QUOTE_COUNT_SQL, values))[0]["n"]
