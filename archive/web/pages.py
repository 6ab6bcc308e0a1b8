"""Data for lists, months, agencies and tags, adjacent releases, and the files that crawlers read.

Lists of releases are read from the table release_facets, whose `sort_date` is the publication, else the update, else
the first crawl. Moved releases are not in it, because they continue under another id. A list is paginated by a cursor,
the id of the last release on the previous page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from archive.changes.edits_and_removals import build_file_edits_sql, read_first_crawl
from archive.changes.history import read_knowledge
from archive.database.models import build_slug
from archive.database.sqlite_files import ListPage, RunQuery, take_page
from archive.i18n import swedish_sort_key
from archive.times import to_iso
from archive.urls import FilterError

# lists of releases
LIST_PAGE_SIZE = 30
UNDATED = "undated"  # the month of releases whose page states no publication date
RELEASE_LINES_SQL = """
    select r.id, r.title, substr(coalesce(r.lead, r.body), 1, 400) as opening, r.kind, r.language, r.published,
      r.updated, r.first_seen, r.removed_at, r.agency, a.name, a.name_en
    from ({selection}) found cross join releases r on r.id = found.release cross join agencies a on a.slug = r.agency
    order by found.sort_date desc, found.release desc
"""
MONTH_COUNTS_SQL = (
    "select month, releases, dated from month_counts where agency = :agency and month <> '' order by month"
)

# agencies and tags
AGENCY_SQL = "select slug, name, name_en, home, org_number from agencies where slug = :agency"
AGENCY_LIST_SQL = """
    select a.slug, a.name, a.name_en, a.home, coalesce(m.releases, 0) as releases,
      (select c.finished from crawls c where c.agency = a.slug and c.finished is not null
        order by c.started desc limit 1) as crawled
    from agencies a left join month_counts m on m.agency = a.slug and m.month = ''
"""
AGENCY_RELEASES_SQL = "(select id from releases where agency = :agency)"
AGENCY_TAGS_SQL = """
    select t.id, t.name, c.releases as n from tag_counts c join tags t on t.id = c.tag where c.agency = :agency
    order by n desc, t.name limit :tags
"""
EDIT_COUNTS_SQL = "select edits, unannounced as unannounced_edits from edit_counts where agency = :agency"
REMOVAL_COUNT_SQL = f"""
    select count(*) as n from removals o where o.confirmed is not null and o.confirmed is not o.ended
    and o.kind <> 'moved' and o.release in {AGENCY_RELEASES_SQL}
"""
LAST_CRAWL_SQL = """
    select spider, started, finished, reason, errors, rejected from crawls
    where agency = :agency and finished is not null order by started desc limit 1
"""
PERSON_SQL = """
    select p.id, p.slug, p.name, p.agency, a.name as agency_name, a.name_en as agency_name_en
    from people p join agencies a on a.slug = p.agency where p.slug = :slug
"""
PERSON_QUOTES_SQL = """
    select q.release, q.text, q.role, q.organisation, max(q.revision) as revision,
      max(q.revision) = r.revision as is_current, min(v.seen) as first_seen,
      r.title, r.url, r.published, r.language, r.removed_at
    from quotes q join releases r on r.id = q.release join release_facets l on l.release = q.release
      join revisions v on v.id = q.revision
    where q.person = :person group by q.release, q.text
    order by l.sort_date desc, q.release desc, q.position limit :limit offset :offset
"""
PERSON_QUOTE_COUNT_SQL = """
    select count(*) as n from (select distinct q.release, q.text from quotes q
      join release_facets l on l.release = q.release where q.person = :person)
"""
PERSON_ROLES_SQL = """
    select q.role, iif(min(year) = max(year), min(year), min(year) || '–' || max(year)) as years
    from (select q.role, substr(r.published, 1, 4) as year
      from quotes q join release_facets l on l.release = q.release join releases r on r.id = q.release
      where q.person = :person and q.role is not null) q
    group by q.role order by max(year) desc, count(*) desc, q.role limit 20
"""
PEOPLE_SQL = """
    select p.slug, p.name, p.agency, a.name as agency_name, a.name_en as agency_name_en, n.quotes
    from (select q.person, count(distinct q.release || ' ' || q.text) as quotes
      from quotes q join release_facets l on l.release = q.release where q.person is not null group by q.person) n
    join people p on p.id = n.person join agencies a on a.slug = p.agency
    where (:agency is null or p.agency = :agency) {words}
    order by n.quotes desc, p.name, p.agency limit :limit offset :offset
"""
TAG_AGENCIES_SQL = """
    select a.slug, a.name, a.name_en, c.releases as n from tag_counts c join agencies a on a.slug = c.agency
    where c.tag = :tag order by n desc, a.name
"""

# the releases before and after one
ADJACENT_COLUMNS = "r.id, r.title, r.language, r.published, r.updated, r.first_seen"
LIST_POSITION_SQL = """
    select r.agency, coalesce(r.published, r.updated, r.first_seen) as sort_date from releases r where r.id = :release
"""
ADJACENT_RELEASE_SQL = f"""
    select {ADJACENT_COLUMNS} from release_facets l cross join releases r on r.id = l.release where l.agency = :agency
    and l.sort_date {{side}}= :sort_date and (l.sort_date {{side}} :sort_date or l.release {{side}} :release)
    order by l.sort_date {{order}}, l.release {{order}} limit 1
"""

# sitemap (sitemaps.org 0.9), robots.txt and llms.txt
SitemapEntries = list[tuple[str, str | None]]  # paths (or absolute URLs), each with the time of its last change
SITEMAP_PART_SIZE = 10_000  # release numbers in one part; the format allows 50,000 URLs
FIXED_PATHS = ("/", "/agencies", "/people", "/about", "/help", "/-/edits", "/-/removed")
SITEMAP_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
# one lookup in the index idx_revisions_piece for each part
SITEMAP_PARTS_SQL = f"""
    with recursive pieces(piece) as (select 0 union all select piece + 1 from pieces
      where piece < (select max(release) / {SITEMAP_PART_SIZE} from revisions))
    select piece, (select max(seen) from revisions where release / {SITEMAP_PART_SIZE} = piece) as changed from pieces
    where changed is not null
"""
SITEMAP_RELEASES_SQL = """
    select v.release, max(v.seen) as changed from release_facets l cross join revisions v on v.release = l.release
    where l.release between :low and :high group by l.release
"""
SITEMAP_AGENCIES_SQL = "select distinct agency from release_facets order by agency"
SITEMAP_PEOPLE_SQL = f"select slug from people order by id limit {4 * SITEMAP_PART_SIZE}"
SITEMAP_TAGS_SQL = f"select distinct tag from release_tags order by tag limit {4 * SITEMAP_PART_SIZE}"
ROBOTS_RULES = (  # in an order that is also right for parsers that take the first match
    ("Disallow", "/archive/releases/*?*q="),  # pages with the words of a search marked
    ("Disallow", "/archive/releases/*?*hit="),
    ("Allow", "/archive/releases/"),
    # what llms.txt recommends
    *(("Allow", f"/archive/{table}.json") for table in ("releases", "questions")),
    ("Allow", "/search.json"),
    *(("Allow", f"/-/{name}.json") for name in ("changes", "edits", "phrase", "removed")),
    ("Disallow", "/search"),
    ("Disallow", "/-/diff/"),
    ("Disallow", "/-/evidence/"),
    ("Disallow", "/-/edits?"),
    ("Disallow", "/-/removed?"),
    ("Disallow", "/-/phrase?"),
    ("Disallow", "/-/follow"),
    ("Disallow", "/-/changes."),
    ("Disallow", "/archive"),
)
LLMS_TEMPLATE = """\
# Myndighetsarkivet

> An archive of what Swedish government agencies publish on their news pages: {releases} releases, \
each as the archive read it on the agency's website or imported it, with the later edits and \
removals that it saw. Most texts are in Swedish.

What to know before quoting:

- `published` and `updated` are stated by the agency, and null if the page does not state them. \
`first_seen` is when the archive first read the page, or imported the text, and `last_checked` when \
it last found it unchanged (UTC). Never take one for the other.
- If `checks` is 0 and the version has the cause `import`, the archive has never found the text on \
the web.
- A date may be a month (2024-05), a day (2024-05-18) or a moment with its offset.
- A release with `removed_at` was removed by the agency. One with `moved_to` continues under that number.
- Edits are what the agency changed (cause `source`); `parser` means that a later version of the archive read the \
same page differently.
- The texts are the agencies' own; name the agency and link both to `url` (the original) and to the release here.

## Pages

- [Agencies]({site}/agencies): each at {site}/agency/SLUG, a month of it at {site}/agency/SLUG/2024-05
- [A release]({site}/archive/releases/1): permanent address; a question in it at #question-1
- [Edits]({site}/-/edits.json) and [removals]({site}/-/removed.json): also .csv, .atom, and pages without a suffix
- [How dates are read, what importance means, limits]({site}/about?lang=en)

## Data

Without a key. A model can also use the tools at {site}/-/mcp (Model Context Protocol), if this site has them.

- [All addresses, parameters and members]({site}/openapi.json): OpenAPI 3.1
- [Documentation, with examples]({site}/docs/api)
- [Search]({site}/search.json?q=skog): words, phrases in quotation marks; `q`, `agency`, `tag`, `year`
- [When a wording appeared and disappeared]({site}/-/phrase.json?q=skog): `q`, a phrase in quotation marks
- [A version of a release]({site}/-/revision/1.json): cite its `permalink`
- [One release as JSON]({site}/archive/releases/1.json?_shape=objects)
- [Releases with a word]({site}/archive/releases.json?_search=skog&_sort_desc=published&_shape=objects&_size=20)
- [Questions and answers]({site}/archive/questions.json?_shape=objects)
- [What there is, in plain words]({site}/data?lang=en)
- [Tables, views and SQL]({site}/docs/api#tables-views-and-queries): any SELECT as {site}/archive.json?sql=…
- [All releases, and then every change]({site}/-/changes.json?size=20): follow `next`, keep `cursor`
- [All pages]({site}/sitemap.xml)
"""


async def read_release_list(
    run: RunQuery,
    *,
    agency: str | None = None,
    tag: int | None = None,
    month: str | None = None,
    after: int | None = None,
    size: int = LIST_PAGE_SIZE,
) -> ListPage:
    """Return one page of a list, newest first; raise FilterError if `after` is not the id of a release.

    month: yyyy-mm of publication, or UNDATED. after: the last release of the previous page. The release ids are found
    using only an index, then the releases are read.
    """
    values: dict[str, Any] = {"agency": agency, "tag": tag, "limit": size + 1}
    source, conditions = "release_facets l", ["true"]
    if agency:
        conditions.append("l.agency = :agency")
    if tag is not None:
        source = "tag_releases l"
        conditions.append("l.tag = :tag")
    if month == UNDATED:
        conditions.append("l.sort_day is null")
    elif month:
        values |= {"from": month, "to": find_next_month(month)}
        conditions += ["l.sort_day is not null", "l.sort_date >= :from", "l.sort_date < :to"]
    if after is not None:
        last = await run("select sort_date from release_facets where release = :after", {"after": after})
        if not last:
            raise FilterError("after", str(after), "the number of a release")
        values |= {"after": after, "sort_date": last[0]["sort_date"]}
        conditions.append("l.sort_date <= :sort_date and (l.sort_date < :sort_date or l.release < :after)")
    selection = (
        f"select l.release, l.sort_date from {source} where {' and '.join(conditions)}"
        " order by l.sort_date desc, l.release desc limit :limit"
    )
    return take_page(await run(RELEASE_LINES_SQL.format(selection=selection), values), size)


def find_next_month(month: str) -> str:
    """Return the month after a month (yyyy-mm).

    >>> find_next_month("2024-05"), find_next_month("2024-12")
    ('2024-06', '2025-01')
    """
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


async def find_newest_month(run: RunQuery) -> str | None:
    """Return the month of the newest dated release, or None."""
    rows = await run(
        "select substr(sort_day, 1, 7) as month from release_facets where sort_day is not null"
        " order by sort_date desc limit 1",
        {},
    )
    return str(rows[0]["month"]) if rows else None


@dataclass(frozen=True, slots=True)
class YearCounts:
    """A year and the number of releases in each of its twelve months (yyyy-mm), including those without releases."""

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
    """The number of releases in each month (yyyy-mm) that has any, in order, and of those without a date."""

    months: Mapping[str, int]
    undated: int

    @property
    def years(self) -> list[YearCounts]:
        """Return the years with releases, newest first."""
        return [
            YearCounts(year, {month: self.months.get(month, 0) for n in range(12) if (month := f"{year}-{n + 1:02}")})
            for year in sorted({month[:4] for month in self.months}, reverse=True)
        ]

    @property
    def total(self) -> int:
        return self.undated + sum(self.months.values())


async def read_calendar(run: RunQuery, agency: str | None = None) -> ReleaseCalendar:
    """Read the months of one agency, or of all agencies, from the stored counts."""
    rows = await run(MONTH_COUNTS_SQL, {"agency": agency or ""})
    return ReleaseCalendar(
        months={row["month"]: row["dated"] for row in rows if row["dated"]},
        undated=sum(row["releases"] - row["dated"] for row in rows),
    )


async def read_agency_overview(run: RunQuery) -> list[dict[str, Any]]:
    """Return all agencies, with their number of releases and the end of their last crawl."""
    return [dict(row) for row in await run(AGENCY_LIST_SQL, {})]


def find_agency_slug(agencies: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return the slug of an agency by its slug or name; raise FilterError if there is none."""
    folded = swedish_sort_key(name)
    for slug, row in agencies.items():
        if name == slug or folded in (swedish_sort_key(row["name"]), swedish_sort_key(row["name_en"] or "")):
            return slug
    raise FilterError("agency", name, "the slug or name of an agency", text_key="error.no_agency_value")


def find_last_crawl(agencies: Iterable[dict[str, Any]]) -> str | None:
    return max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None)


async def read_agency_summary(run: RunQuery, slug: str) -> dict[str, Any]:
    """Return facts about an agency apart from its releases. The counts agree with the registers."""
    values = {"agency": slug}
    counts = [dict(row) for row in await run(EDIT_COUNTS_SQL, values)] or [{"edits": 0, "unannounced_edits": 0}]
    files = await run(f"select count(*) as n from ({build_file_edits_sql(values)})", values)
    last = await run(LAST_CRAWL_SQL, values)
    return {
        "edits": counts[0]["edits"] + files[0]["n"],
        "unannounced_edits": counts[0]["unannounced_edits"],
        "removals": (await run(REMOVAL_COUNT_SQL, values))[0]["n"],
        **await read_knowledge(run, slug),
        "last_crawl": last[0] if last else None,
        "first_crawl_day": to_iso(await read_first_crawl(run, slug)),
    }


async def read_agency_tags(run: RunQuery, slug: str, limit: int) -> list[Any]:
    return list(await run(AGENCY_TAGS_SQL, {"agency": slug, "tags": limit}))


async def find_tag(run: RunQuery, id_or_name: str) -> dict[str, Any] | None:
    """Return a tag by its id, else by its exact name, else by its name ignoring case, or None."""
    if id_or_name.isascii() and id_or_name.isdigit() and len(id_or_name) < 16:
        rows = await run("select id, name from tags where id = :id", {"id": int(id_or_name)})
        if rows:
            return dict(rows[0])
    rows = await run("select id, name from tags where name = :name", {"name": id_or_name})
    if not rows:
        folded = swedish_sort_key(id_or_name)
        rows = [row for row in await run("select id, name from tags", {}) if swedish_sort_key(row["name"]) == folded]
    return dict(rows[0]) if rows else None


async def read_tag_agencies(run: RunQuery, tag_id: int) -> Sequence[Any]:
    return await run(TAG_AGENCIES_SQL, {"tag": tag_id})


async def find_person(run: RunQuery, slug: str) -> dict[str, Any] | None:
    rows = await run(PERSON_SQL, {"slug": slug})
    return dict(rows[0]) if rows else None


async def read_people(
    run: RunQuery, words: str, agency: str | None, offset: int, size: int
) -> tuple[Sequence[Any], int | None]:
    """Return the people who are quoted most, and the offset of the next page or None.

    words: beginnings of words of the name, in any order. agency: whose releases quote them.
    """
    slugs = [f"-{build_slug(word)}" for word in words.split()]  # SQLite's lower() leaves Å, Ä and Ö as they are
    conditions = "".join(f" and instr('-' || p.slug, :word{number})" for number in range(len(slugs)))
    values: dict[str, Any] = {f"word{number}": slug for number, slug in enumerate(slugs)}
    values |= {"agency": agency, "limit": size + 1, "offset": offset}
    rows = await run(PEOPLE_SQL.format(words=conditions), values)
    return rows[:size], offset + size if len(rows) > size else None


async def read_person_quotes(
    run: RunQuery, person_id: int, offset: int, size: int = LIST_PAGE_SIZE
) -> tuple[Sequence[Any], int]:
    """Return a page of a person's quotes, newest first, and the number of all.

    A wording that several versions of a release have is one, with the last version that has it.
    """
    values = {"person": person_id, "limit": size, "offset": offset}
    quotes = await run(PERSON_QUOTES_SQL, values)
    return quotes, (await run(PERSON_QUOTE_COUNT_SQL, values))[0]["n"]


async def read_person_roles(run: RunQuery, person_id: int) -> Sequence[Any]:
    """Return the roles that releases print for a person, the latest first, with their first and last year."""
    return await run(PERSON_ROLES_SQL, {"person": person_id})


async def find_adjacent_releases(run: RunQuery, release_id: int) -> tuple[Any | None, Any | None]:
    """Return the releases before and after a release in its agency's list; None at either end."""
    values = {"release": release_id, **dict((await run(LIST_POSITION_SQL, {"release": release_id}))[0])}
    earlier = await run(ADJACENT_RELEASE_SQL.format(side="<", order="desc"), values)
    later = await run(ADJACENT_RELEASE_SQL.format(side=">", order="asc"), values)
    return (earlier[0] if earlier else None), (later[0] if later else None)


async def read_sitemap_parts(run: RunQuery) -> SitemapEntries:
    parts = await run(SITEMAP_PARTS_SQL, {})
    return [
        ("pages", None),
        ("tags", None),
        ("people", None),
        *((f"releases-{row['piece']}", row["changed"]) for row in parts),
    ]


async def read_sitemap_releases(run: RunQuery, part_number: int) -> SitemapEntries:
    """Return the releases of one part of the sitemap, without moved ones."""
    low = part_number * SITEMAP_PART_SIZE
    rows = await run(SITEMAP_RELEASES_SQL, {"low": low, "high": low + SITEMAP_PART_SIZE - 1})
    return [(f"/archive/releases/{row['release']}", row["changed"]) for row in rows]


async def read_sitemap_pages(run: RunQuery) -> SitemapEntries:
    """Return the sitemap entries of fixed pages, agencies and months."""
    agencies = [f"/agency/{row['agency']}" for row in await run(SITEMAP_AGENCIES_SQL, {})]
    months = [f"/month/{month}" for month in (await read_calendar(run)).months]
    return [(path, None) for path in (*FIXED_PATHS, *agencies, *months)]


async def read_sitemap_tags(run: RunQuery) -> SitemapEntries:
    return [(f"/tag/{row['tag']}", None) for row in await run(SITEMAP_TAGS_SQL, {})]


async def read_sitemap_people(run: RunQuery) -> SitemapEntries:
    return [(f"/person/{row['slug']}", None) for row in await run(SITEMAP_PEOPLE_SQL, {})]


def format_sitemap(root: str, element: str, entries: SitemapEntries) -> str:
    """Format a sitemap, with one element for each absolute URL.

    >>> print(format_sitemap("urlset", "url", [("https://a.example/?a&b", None)]))
    <?xml version="1.0" encoding="UTF-8"?>
    <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
    <url><loc>https://a.example/?a&amp;b</loc></url>
    </urlset>
    <BLANKLINE>
    """
    elements = "".join(
        f"<{element}><loc>{escape(address)}</loc>{f'<lastmod>{changed}</lastmod>' if changed else ''}</{element}>\n"
        for address, changed in entries
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{SITEMAP_NAMESPACE}">\n{elements}</{root}>\n'
