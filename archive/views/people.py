"""People who are quoted, and what they said; each also as data.

- /people: the people who are quoted most; optionally only those with a given name, or those quoted
    in a given agency's releases; also .json, .csv and .xlsx.
- /person/<slug>: what a person has said in an agency's releases, when, and in which roles; also
  .json, .csv, .xlsx and .atom. A former address, for another spelling of the name, redirects here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasette import NotFound, Response

from archive.changes.edits_and_removals import MAX_REGISTER_PAGE_SIZE, check_agency
from archive.database.models import build_slug
from archive.quotes import build_role_key
from archive.search.counts_by_period import PeriodCounts, list_periods
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
from archive.web.charts import Chart, build_quotes_chart

WHOLE_LIST = 10**9  # entries on the page of an Excel file
PERIOD = re.compile(r"(?:[0-9]{4}(?:-[0-9]{2})?)?")
MAX_ROLES = 20
NAME = "str Name as printed = Anna Ek"
PERSON_SQL = """
    select m.id, m.slug, m.name, m.agency, a.name as agency_name, a.name_en as agency_name_en
    from people p join people m on m.id = ifnull(p.same_as, p.id) join agencies a
      on a.slug = m.agency where p.slug = :slug
"""
# a wording that several versions of a release have is one, with the last version that has it; ids:
# of the quotes with the words that are searched for, or null
CHOSEN_SQL = """
    from quotes q join release_facets l on l.release = q.release
    where q.person = :person and (:ids is null or q.id in (select value from json_each(:ids)))
"""
MONTHS_SQL = f"""
    select ifnull(substr(l.sort_day, 1, 7), '') as month,
      count(distinct q.release || ' ' || q.text) as n {CHOSEN_SQL} group by 1
"""
QUOTES_SQL = f"""
    select c.*, iif(is_current, r.revision, c.last) as revision, r.title, r.url, r.published,
      r.language, r.removed_at
    from (select q.release, q.text, q.speaker, q.role, q.organisation, max(q.revision) as last,
        max(q.revision = (select revision from releases where id = q.release)) as is_current,
        min(iif(v.cause = 'import', null, v.seen)) as first_seen, min(v.seen) as added,
        l.sort_date, q.position
      {CHOSEN_SQL.replace("where", "join revisions v on v.id = q.revision where")}
        and ifnull(l.sort_day, '') like :period || '%' group by q.release, q.text) c
    join releases r on r.id = c.release
    order by c.sort_date desc, c.release desc, c.position limit :limit offset :offset
"""
# the roles that releases print for a person
ROLES_SQL = """
    select q.role, min(l.sort_day) as first, max(l.sort_day) as last,
      count(distinct q.release || ' ' || q.text) as quotes
    from quotes q join release_facets l on l.release = q.release
    where q.person = :person and q.role is not null group by q.role order by quotes desc, q.role
"""
RANKED_PEOPLE_SQL = """
    select p.slug, p.name, p.agency, a.name as agency_name, a.name_en as agency_name_en, n.quotes
    from (select q.person, count(distinct q.release || ' ' || q.text) as quotes
      from quotes q join release_facets l on l.release = q.release where q.person is not null
        group by q.person) n
    join people p on p.id = n.person join agencies a on a.slug = p.agency
    order by n.quotes desc, p.name, p.agency
"""


def parse_page(site: SiteRequest) -> tuple[int, int]:
    """Return the number of entries before the requested page, and the size of the page."""
    if site.format_name == "xlsx":
        return 0, WHOLE_LIST
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
        formats=("json", "csv", "xlsx"),
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
    """Show the people who are quoted. Raises FilterError for a page after the last one."""
    words, agency = (site.args.get("q") or "").strip(), site.args.get("agency") or None
    await check_agency(site.run, agency)
    after, size = parse_page(site)
    found = await _read_people(site, words, agency)
    people, next_after = found[after : after + size], None
    if len(found) > after + size:
        next_after = after + size
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
    parameters=("q", "period", *LIST_PARAMETERS),
    operation=Operation(
        summary=(
            "What a person has said in an agency's releases, newest release first, also in earlier"
            " versions"
        ),
        formats=("json", "csv", "xlsx", "atom"),
        rows_name="quotes",
        row=get_fields(
            *("release", "revision", "is_current", "title", "url", "published", "first_seen"),
            *("language", "removed_at", "speaker", "role", "organisation", "text", "page"),
            revision="int The last version that has this wording",
            is_current="bool Whether the current version has it",
            title="str Title of the release",
            speaker="str The name as this version prints it = Anna Ek",
            role="str? The role that this version prints for the person = hamnchef",
            organisation="str? What the person is said to belong to",
            text="str The words",
        ),
        members=get_fields(
            *("agency", "agency_name"),
            person="str Short name in addresses = anna-ek",
            name=NAME,
            count="int Quotes on all pages",
            roles=[
                {
                    "role": "str The form that is printed most = hamnchef",
                    "years": "str? First and last year = 2024–2025",
                    "first": "str? Day of the first release with it = 2024-05-01",
                    "last": "str? Day of the last one = 2025-05-01",
                    "quotes": "int",
                }
            ],
        ),
        parameters={
            "q": "str Beginnings of words, all of which a quotation must have = kaj",
            "period": "str A month (yyyy-mm) or a year, in which the release was published = 2024",
            "after": "int How many quotes come before this page",
            "slug": "str Short name of a person = anna-ek",
        },
    ),
)
async def _show_person(site: SiteRequest) -> Response:
    """Show a person's quotations, newest first.

    Raises FilterError for a page after the last one.
    """
    found = await site.run(PERSON_SQL, {"slug": site.url_vars["slug"]})
    if not found:
        raise NotFound(f"no person {site.url_vars['slug']}")
    person, path = dict(found[0]), f"/person/{found[0]['slug']}"
    args = {name: site.args.get(name, "").strip() for name in site.parameters}
    if person["slug"] != site.url_vars["slug"]:
        suffix = f".{site.format_name}" if site.format_name else ""
        return Response.redirect(site.path(path + suffix, **args))
    if not PERIOD.fullmatch(args["period"]):
        raise FilterError("period", args["period"], "a month (yyyy-mm) or a year")
    context = await _read_person(site, person, args["q"], args["period"])
    if not (context["quotes"] or args["q"] or args["period"]):
        raise NotFound(f"no person {person['slug']}")
    if site.format_name:
        return _list_quotes(site, context)
    context["chart"] = _build_chart(site, path, context["months"], args["q"])
    return await site.render("person.html", context)


async def _read_person(
    site: SiteRequest, person: dict[str, Any], text: str, period: str
) -> dict[str, Any]:
    """Return the requested page of a person's quotations, and facts about all of them.

    text: the search text.
    period: a month or year, or "" for all.
    """
    words, (after, size) = re.findall(r"\w+", text), parse_page(site)
    values = {"person": person["id"], "period": period, "limit": size, "offset": after}
    values["ids"] = await _find_quotes(site, person["id"], words) if words else None
    months = {row["month"]: row["n"] for row in await site.run(MONTHS_SQL, values)}
    count = sum(n for month, n in months.items() if month.startswith(period))
    rows = map(dict, await site.run(QUOTES_SQL, values))
    quotes = [{**row, "marked": _mark_words(row["text"], words)} for row in rows]
    if after and not quotes:
        raise FilterError("after", str(after), f"less than {count}")
    return {
        "person": person,
        "quotes": quotes,
        "count": count,
        "months": months,
        "after": after,
        "next_after": after + len(quotes) if after + len(quotes) < count else None,
        "roles": _merge_roles(await site.run(ROLES_SQL, values)),
        "words": text,
        "period": period,
    }


async def _find_quotes(site: SiteRequest, person_id: int, words: Sequence[str]) -> str:
    """Return the ids (as JSON) of the quotations by a person that contain all the given words.

    A word is also found at the beginning of a longer word.
    """
    patterns = [re.compile(rf"(?<!\w){word}", re.IGNORECASE) for word in words]
    rows = await site.run(
        "select id, text from quotes where person = :person", {"person": person_id}
    )
    return json.dumps(
        [row["id"] for row in rows if all(each.search(row["text"]) for each in patterns)]
    )


def _mark_words(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """Return the parts of a text, and whether each is a word that begins with one of `words`.

    >>> _mark_words("Kajen är ny.", ["kaj"])
    [('Kajen', True), (' är ny.', False)]
    """
    pattern = rf"((?<!\w)(?:{'|'.join(words)})\w*)"
    parts = re.split(pattern, text, flags=re.IGNORECASE) if words else [text]
    return [(part, number % 2 == 1) for number, part in enumerate(parts) if part]


def _merge_roles(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Merge the spellings of each role, and return up to MAX_ROLES roles, the latest first.

    The most frequent spelling of each role is used.

    rows: the roles as printed, the most frequent first.
    """
    merged: dict[str, dict[str, Any]] = {}
    for row in map(dict, rows):
        role = merged.setdefault(build_role_key(row["role"]), {**row, "quotes": 0})
        days = [role["first"], role["last"], row["first"], row["last"]]
        first, *_, last = sorted(filter(None, days)) or (None, None)
        years = dict.fromkeys(day[:4] for day in (first, last) if day)
        quotes = role["quotes"] + row["quotes"]
        role |= {"first": first, "last": last, "quotes": quotes, "years": "–".join(years) or None}
    latest = sorted(merged.values(), key=lambda role: (role["last"] or "", role["quotes"]))
    return latest[: -MAX_ROLES - 1 : -1]


def _build_chart(
    site: SiteRequest, path: str, months: Mapping[str, int], words: str
) -> Chart | None:
    """Build the chart of a person's quotations by month or year.

    Returns None if the chart would have only one column.
    """
    hits = {month: n for month, n in months.items() if month}
    counts = PeriodCounts(hits=hits, undated=months.get("", 0))
    unit, periods = list_periods([counts])
    if len(periods) < 2:
        return None
    values = (number for number, _ in counts.list_values(unit, periods))
    numbers = dict(zip(periods, values, strict=True))
    return build_quotes_chart(
        site, numbers, unit, periods, lambda period: site.path(path, q=words, period=period)
    )


def _list_quotes(site: SiteRequest, context: Mapping[str, Any]) -> DataList:
    """Return a person's quotations as data, from the template variables of the page."""
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
    """Format a quotation as a row of data, with the URL of the page that contains it.

    The page is that of the release, or that of a revision if only an earlier version contains the
    quotation.
    """
    is_current = bool(row["is_current"])
    path = f"/-/revision/{row['revision']}"
    if is_current:
        path = f"/archive/releases/{row['release']}"
    return {**dict(row), "is_current": is_current, "page": site.local_url(path)}


def _build_quote_entry(site: SiteRequest, person: dict[str, Any], row: dict[str, Any]) -> AtomEntry:
    """Build the feed entry of a quotation.

    The id of the entry does not change if the release is stored again.
    """
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


async def _read_people(site: SiteRequest, words: str, agency: str | None) -> list[Any]:
    """Return the people who are quoted, the most quoted first.

    words: beginnings of words in the name, in any order.
    agency: if given, only people who are quoted in the agency's releases are returned.
    """
    slugs = [f"-{build_slug(word)}" for word in words.split()]
    # counting takes 120 ms of CPU with 67,000 quotes
    people = await site.keep("people", lambda: site.run(RANKED_PEOPLE_SQL, {}))
    if not slugs and agency is None:
        return list(people)
    return [
        row
        for row in people
        if agency in (None, row["agency"]) and all(slug in f"-{row['slug']}" for slug in slugs)
    ]
