"""Lists of releases by month and tag.

- /tag/<number>: the newest releases with a tag, and the agencies that use it; /tag/<name> redirects
    to this path.
- /month/<yyyy-mm> and /agency/<slug>/<yyyy-mm>: the releases of a month; `undated` instead of a
  month lists releases without a publication date.

Lists are read from the table release_facets. Its `sort_date` is the publication date, or else the
update date, or else the time of the first crawl. It is empty for undated releases that may be of
any age, such as imported releases. Releases with an empty `sort_date` come last. The list of a tag
is read from tag_releases, which has the same order. Neither table contains moved releases, because
these continue under another id. A list is paginated by a cursor, the id of the last release on the
previous page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from datasette import NotFound, Response

from archive.database.sqlite_files import ListPage, RunQuery, take_page
from archive.i18n import swedish_sort_key
from archive.urls import FilterError, parse_number_parameter
from archive.web import SiteRequest, site_view

AGENCY_SQL = "select * from agencies where slug = :agency"
MONTH = "(?P<month>[0-9]{4}-(?:0[1-9]|1[0-2])|undated)"
# lists of releases
LIST_PAGE_SIZE = 30
UNDATED = "undated"  # the month of releases whose page states no publication date
RELEASE_LINES_SQL = """
    select r.id, r.title, substr(coalesce(r.lead, r.body), 1, 400) as opening,
      r.kind, r.language, r.published,
      r.updated, r.first_seen, r.added, r.removed_at, r.agency, a.name, a.name_en
    from ({selection}) found cross join releases r on r.id = found.release cross join agencies a
      on a.slug = r.agency
    order by found.sort_date desc, found.release desc
"""
MONTH_COUNTS_SQL = (
    "select month, releases, dated from month_counts where agency = :agency and month <> ''"
    " order by month"
)
# the releases before and after one
ADJACENT_COLUMNS = "r.id, r.title, r.language, r.published, r.updated, r.added"
LIST_POSITION_SQL = """
    select r.agency, coalesce(r.published, r.updated, r.added) as sort_date from releases r
      where r.id = :release
"""
ADJACENT_RELEASE_SQL = f"""
    select {ADJACENT_COLUMNS} from release_facets l cross join releases r on r.id = l.release
      where l.agency = :agency
    and l.sort_date {{side}}= :sort_date and (l.sort_date {{side}} :sort_date
      or l.release {{side}} :release)
    order by l.sort_date {{order}}, l.release {{order}} limit 1
"""


async def find_requested_agency(site: SiteRequest) -> dict[str, Any]:
    """Return the agency whose slug is in the path. Raises NotFound if there is no such agency."""
    rows = await site.run(AGENCY_SQL, {"agency": site.url_vars["slug"]})
    if not rows:
        raise NotFound(f"no agency {site.url_vars['slug']}")
    return dict(rows[0])


@site_view("/agency/{slug}/" + MONTH, "/month/" + MONTH, parameters=("after",))
async def _show_month(site: SiteRequest) -> Response:
    """Show a page of a month's releases, newest first, with links to adjacent months.

    The status is 404 if the month has no releases.
    """
    slug, month = site.url_vars.get("slug"), site.url_vars["month"]
    agency = await find_requested_agency(site) if slug else None
    after, undated = parse_number_parameter(site.args, "after"), month == UNDATED
    releases = await read_release_list(site.run, agency=slug, month=month, after=after)
    calendar = await read_calendar(site.run, slug)
    count = calendar.undated if undated else calendar.months.get(month, 0)
    # a page of releases without a date has no neighbours
    earlier, later = (None, None) if undated else _find_neighbours(month, calendar.months)
    context = {
        "agency": agency,
        "month": month,
        "undated": undated,
        "base": f"/agency/{slug}" if slug else "/month",
        "releases": releases,
        "after": after,
        "calendar": calendar,
        "count": count,
        "year": next((year for year in calendar.years if year.year == month[:4]), None),
        "earlier": earlier,
        "later": later,
    }
    return await site.render("month.html", context, status=200 if count else 404)


def _find_neighbours(month: str, months: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the last of `months` before a month, and the first after it.

    Either of them is None if there is no such month.
    """
    earlier = max((each for each in months if each < month), default=None)
    later = min((each for each in months if each > month), default=None)
    return earlier, later


@site_view("/tag/(?P<name>.+)", parameters=("after",))  # a tag may contain slashes
async def _show_tag(site: SiteRequest) -> Response:
    """Show a tag at its permanent URL, which contains its number.

    A URL with the name of the tag redirects to the permanent URL.
    """
    name = unquote(site.url_vars["name"])
    tag = await find_tag(site.run, name)
    if tag is None:
        raise NotFound(f"no tag {name}")
    if name != str(tag["id"]):
        return Response.redirect(site.path(f"/tag/{tag['id']}"))
    after = parse_number_parameter(site.args, "after")
    releases = await read_release_list(site.run, tag=tag["id"], after=after)
    agencies = await read_tag_agencies(site.run, tag["id"])
    context = {
        "tag": tag,
        "releases": releases,
        "after": after,
        "agencies": agencies,
        "count": sum(row["n"] for row in agencies),
    }
    return await site.render("tag.html", context)


async def read_release_list(
    run: RunQuery,
    *,
    agency: str | None = None,
    tag: int | None = None,
    month: str | None = None,
    after: int | None = None,
    size: int = LIST_PAGE_SIZE,
) -> ListPage:
    """Return a page of a list of releases, newest first.

    The ids of the releases are read from an index alone, and only then are the releases read.
    Raises FilterError if `after` is not the id of a release.

    month: yyyy-mm of publication, or UNDATED.
    after: the id of the last release on the previous page.
    """
    values: dict[str, Any] = {"agency": agency, "tag": tag, "limit": size + 1}
    source, conditions = "release_facets l", ["true"]
    if agency:
        conditions.append("l.agency = :agency")
    if tag is not None:
        source = "tag_releases l"  # which has no other columns to filter by
        conditions.append("l.tag = :tag")
    if month == UNDATED:
        conditions.append("l.sort_day is null")
    elif month:
        values |= {"from": month, "to": _find_next_month(month)}
        conditions += ["l.sort_day is not null", "l.sort_date >= :from", "l.sort_date < :to"]
    if after is not None:
        last = await run(
            "select sort_date from release_facets where release = :after", {"after": after}
        )
        if not last:
            raise FilterError("after", str(after), "the number of a release")
        values |= {"after": after, "sort_date": last[0]["sort_date"]}
        conditions.append(
            "l.sort_date <= :sort_date and (l.sort_date < :sort_date or l.release < :after)"
        )
    selection = (
        f"select l.release, l.sort_date from {source} where {' and '.join(conditions)}"
        " order by l.sort_date desc, l.release desc limit :limit"
    )
    return take_page(await run(RELEASE_LINES_SQL.format(selection=selection), values), size)


def _find_next_month(month: str) -> str:
    """Return the month after the given one (yyyy-mm).

    >>> _find_next_month("2024-05"), _find_next_month("2024-12")
    ('2024-06', '2025-01')
    """
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


async def find_newest_month(run: RunQuery) -> str | None:
    """Return the month of the newest dated release, or None if no release has a date."""
    rows = await run(
        "select substr(sort_day, 1, 7) as month from release_facets where sort_day is not null"
        " order by sort_date desc limit 1",
        {},
    )
    return str(rows[0]["month"]) if rows else None


@dataclass(frozen=True, slots=True)
class YearCounts:
    """A year, and the number of releases in each of its twelve months (yyyy-mm).

    Months without releases are included.
    """

    year: str
    months: Mapping[str, int]

    @property
    def count(self) -> int:
        return sum(self.months.values())

    @property
    def newest(self) -> str:
        """Return the year's last month with a release."""
        return max(month for month, count in self.months.items() if count)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCalendar:
    """The number of releases in each month (yyyy-mm), in chronological order, and the number of
    undated releases.

    Months without releases are left out.
    """

    months: Mapping[str, int]
    undated: int

    @property
    def years(self) -> list[YearCounts]:
        """Return the years with releases, newest first."""
        return [
            YearCounts(
                year,
                {
                    month: self.months.get(month, 0)
                    for n in range(12)
                    if (month := f"{year}-{n + 1:02}")
                },
            )
            for year in sorted({month[:4] for month in self.months}, reverse=True)
        ]

    @property
    def total(self) -> int:
        return self.undated + sum(self.months.values())


async def read_calendar(run: RunQuery, agency: str | None = None) -> ReleaseCalendar:
    """Return the calendar of one agency, or of all agencies, from the stored counts."""
    rows = await run(MONTH_COUNTS_SQL, {"agency": agency or ""})
    return ReleaseCalendar(
        months={row["month"]: row["dated"] for row in rows if row["dated"]},
        undated=sum(row["releases"] - row["dated"] for row in rows),
    )


async def find_tag(run: RunQuery, id_or_name: str) -> dict[str, Any] | None:
    """Return the tag with a given id or name, or None if there is no such tag.

    The text is tried as an id, then as the exact name, and then as the name in any letter case.
    """
    if id_or_name.isascii() and id_or_name.isdigit() and len(id_or_name) < 16:
        rows = await run("select id, name from tags where id = :id", {"id": int(id_or_name)})
        if rows:
            return dict(rows[0])
    rows = await run("select id, name from tags where name = :name", {"name": id_or_name})
    if not rows:
        folded = swedish_sort_key(id_or_name)
        rows = [
            row
            for row in await run("select id, name from tags", {})
            if swedish_sort_key(row["name"]) == folded
        ]
    return dict(rows[0]) if rows else None


async def read_tag_agencies(run: RunQuery, tag_id: int) -> Sequence[Any]:
    return await run(
        """
        select a.slug, a.name, a.name_en, c.releases as n
        from tag_counts c join agencies a on a.slug = c.agency
        where c.tag = :tag order by n desc, a.name
        """,
        {"tag": tag_id},
    )


async def find_adjacent_releases(run: RunQuery, release_id: int) -> tuple[Any | None, Any | None]:
    """Return the releases before and after a release in its agency's list.

    Either of them is None if there is no such release.
    """
    values = {
        "release": release_id,
        **dict((await run(LIST_POSITION_SQL, {"release": release_id}))[0]),
    }
    earlier = await run(ADJACENT_RELEASE_SQL.format(side="<", order="desc"), values)
    later = await run(ADJACENT_RELEASE_SQL.format(side=">", order="asc"), values)
    return (earlier[0] if earlier else None), (later[0] if later else None)
