"""Data for index, agency, tag, month pages; sitemaps.

What the pages for reading show beside single releases: lists, months, an agency's record, neighbours, sitemaps.

Lists of releases, newest first, by agency, tag and month; a cursor (the last release shown) leads on.

All is found in the table listed (archive/search/listed.py), whose `newest` is what lists are sorted by: published,
else updated, else first seen. Releases that moved are not in it: their record goes on elsewhere.

What robots.txt and llms.txt say.

The months in which releases were published, with their counts: of one agency, or of all.

The releases that stand before and after one in its agency's order of publication.

An agency's record in the archive: what is held, edited and removed, and how fresh that is; and all agencies.

sitemap.xml in pieces (sitemaps.org 0.9): releases by their numbers, and the pages around them.

A tag: found by its number or its words, and who uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from archive.database import Run
from archive.i18n import MONTHS, ZONE, sort_key
from archive.params import Args, FilterError, read_number

PAGE_SIZE = 30
UNDATED = "undated"  # the month of releases whose page states no publication date
MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
LINES = """
    select r.id, r.title, r.kind, r.language, r.published, r.updated, r.first_seen, r.gone, r.agency, a.name, a.name_en
    from ({found}) found cross join releases r on r.id = found.release cross join agencies a on a.slug = r.agency
    order by found.newest desc, found.release desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which releases a list shows. month: yyyy-mm of publication, or UNDATED; after: the last of the page before."""

    agency: str | None = None
    tag: int | None = None
    month: str | None = None
    after: int | None = None
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One page of a list; `more`: the cursor of the next, if there is one."""

    rows: list[Any]
    more: int | None


async def find_listed(run: Run, wanted: Wanted) -> Listed:
    """One page; FilterError where `after` names no release. Ids are found by an index alone, then read."""
    values: dict[str, Any] = {"agency": wanted.agency, "tag": wanted.tag, "limit": wanted.size + 1}
    source, conditions = "listed l", ["true"]
    if wanted.agency:
        conditions.append("l.agency = :agency")
    if wanted.tag is not None:
        source = "tagged l"
        conditions.append("l.tag = :tag")
    if wanted.month:
        conditions += in_month(wanted.month, values)
    if wanted.after is not None:
        values |= await read_cursor(run, wanted.after)
        conditions.append("l.newest <= :newest and (l.newest < :newest or l.release < :after)")
    found = (
        f"select l.release, l.newest from {source} where {' and '.join(conditions)}"
        " order by l.newest desc, l.release desc limit :limit"
    )
    rows = list(await run(LINES.format(found=found), values))
    shown = rows[: wanted.size]
    return Listed(rows=shown, more=shown[-1]["id"] if len(rows) > wanted.size else None)


async def find_newest_month(run: Run) -> str | None:
    """The month of the newest dated release."""
    rows = await run(
        "select substr(day, 1, 7) as month from listed where day is not null order by newest desc limit 1", {}
    )
    return str(rows[0]["month"]) if rows else None


def parse_month(text: str) -> str:
    """A month of an address, or UNDATED; FilterError where it is none.

    >>> parse_month("2024-05")
    '2024-05'
    """
    if text != UNDATED and not MONTH.fullmatch(text):
        raise FilterError("month", text, "a month as YYYY-MM, or undated")
    return text


def parse_after(args: Args) -> int | None:
    """The cursor of an address; FilterError where it cannot be read."""
    return read_number(args, "after")


def in_month(month: str, values: dict[str, Any]) -> list[str]:
    """SQL for a month. Of dated releases `newest` is when they were published."""
    if month == UNDATED:
        return ["l.day is null"]
    values |= {"from": month, "to": following(month)}
    return ["l.day is not null", "l.newest >= :from", "l.newest < :to"]


def following(month: str) -> str:
    """The month after.

    >>> following("2024-05"), following("2024-12")
    ('2024-06', '2025-01')
    """
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


async def read_cursor(run: Run, after: int) -> dict[str, Any]:
    """Where the page before ended."""
    rows = await run("select newest from listed where release = :after", {"after": after})
    if not rows:
        raise FilterError("after", str(after), "the number of a release")
    return {"after": after, "newest": rows[0]["newest"]}


ROBOTS = (  # in an order that first-match readers understand, too
    ("Allow", "/archive/releases/"),
    ("Disallow", "/search"),
    ("Disallow", "/-/diff/"),
    ("Disallow", "/-/evidence/"),
    ("Disallow", "/-/edits?"),
    ("Disallow", "/-/removed?"),
    ("Disallow", "/-/delta."),
    ("Disallow", "/archive"),
)
LLMS = """\
# Myndighetsarkivet

> An archive of what Swedish government agencies publish on their news pages: {releases} releases, each as it stood on \
the agency's website, with every later edit and removal that the archive saw. Most texts are in Swedish.

What to know before quoting:

- `published` and `updated` are the agency's own words and are null where the page does not say; `first_seen` and \
`last_checked` are when the archive looked (UTC). Never take one for the other.
- A date may be a month (2024-05), a day (2024-05-18) or a moment with its offset.
- A release that `gone` dates was removed by the agency. One with `moved_to` goes on under that number.
- Edits are what the agency changed (cause `source`); `parser` means that the archive read the same page otherwise.
- The texts are the agencies' own; name the agency and link both to `url` (the original) and to the release here.

## Pages

- [Search]({site}/search?q=): words, phrases in quotation marks; `q`, `agency`, `tag`, `year`
- [Agencies]({site}/agencies): each at {site}/agency/SLUG, a month of it at {site}/agency/SLUG/2024-05
- [A release]({site}/archive/releases/1): permanent address; a question in it at #question-1
- [Edits]({site}/-/edits) and [removals]({site}/-/removed): also .json, .csv, .atom
- [How dates are read, what weights mean, limits]({site}/about?lang=en)

## Data

- [One release as JSON]({site}/archive/releases/1.json?_shape=objects)
- [Releases of a word]({site}/archive/releases.json?_search=skog&_sort_desc=published&_shape=objects&_size=20)
- [Questions and answers]({site}/archive/questions.json?_shape=objects)
- [All tables and columns, described]({site}/archive); any SELECT as {site}/archive.json?sql=…&_shape=array
- [All of it, and then what changes]({site}/-/delta.json?size=20): follow `next`, keep `cursor`
- [Everything there is to read]({site}/sitemap.xml)
"""


def to_llms(site: str, releases: int) -> str:
    """The text for a site at that address."""
    return LLMS.format(site=site, releases=releases)


OF = "select month, releases, dated from months where agency = :agency and month <> '' order by month"


@dataclass(frozen=True, slots=True)
class Month:
    """A month as yyyy-mm, and how many releases were published in it."""

    month: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A year with its twelve months, those without a release among them."""

    year: str
    count: int
    months: list[Month]

    @property
    def newest(self) -> str:
        """Its last month with a release."""
        return next(month.month for month in reversed(self.months) if month.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """All months with releases, in order, and how many releases state no date of publication."""

    months: list[Month]
    undated: int

    @property
    def years(self) -> list[Year]:
        """Newest first."""
        return to_years(self.months)

    @property
    def total(self) -> int:
        return self.undated + sum(month.count for month in self.months)

    def count_of(self, month: str) -> int:
        """How many of a month, or undated."""
        return self.undated if month == UNDATED else sum(held.count for held in self.months if held.month == month)

    def before(self, month: str) -> Month | None:
        """The nearest earlier month with releases."""
        return next((held for held in reversed(self.months) if held.month < month), None)

    def after(self, month: str) -> Month | None:
        """The nearest later month with releases."""
        return next((held for held in self.months if held.month > month), None)


async def read_calendar(run: Run, agency: str | None = None) -> Calendar:
    """From the counts that are kept."""
    rows = await run(OF, {"agency": agency or ""})
    return Calendar(
        months=[Month(row["month"], row["dated"]) for row in rows if row["dated"]],
        undated=sum(row["releases"] - row["dated"] for row in rows),
    )


def to_years(months: Sequence[Month]) -> list[Year]:
    """Months by year, newest first, each year with all its twelve."""
    years = []
    for year, found in groupby(months, key=lambda month: month.month[:4]):
        counts = {month.month: month.count for month in found}
        names = [f"{year}-{number:02}" for number in range(1, 13)]
        years.append(
            Year(
                year=year,
                count=sum(counts.values()),
                months=[Month(name, counts.get(name, 0)) for name in names],
            )
        )
    return years[::-1]


def say_month(language: str, month: str) -> str:
    """A month in words.

    >>> say_month("sv", "2024-05"), say_month("en", "2024-05")
    ('maj 2024', 'May 2024')
    """
    year, number = month.split("-")
    return f"{getattr(MONTHS[int(number) - 1], language)} {year}"


def say_short(language: str, month: str) -> str:
    """A month's name where there is little room.

    >>> say_short("sv", "2024-05"), say_short("en", "2024-09")
    ('maj', 'Sep')
    """
    return str(getattr(MONTHS[int(month[5:7]) - 1], language))[:3]


FIELDS = "r.id, r.title, r.language, r.published, r.updated, r.first_seen"
PLACE = """
    select r.agency, coalesce(r.published, r.updated, r.first_seen) as newest from releases r where r.id = :release
"""
EARLIER = f"""
    select {FIELDS} from listed l cross join releases r on r.id = l.release where l.agency = :agency
    and l.newest <= :newest and (l.newest < :newest or l.release < :release)
    order by l.newest desc, l.release desc limit 1
"""
LATER = f"""
    select {FIELDS} from listed l cross join releases r on r.id = l.release where l.agency = :agency
    and l.newest >= :newest and (l.newest > :newest or l.release > :release)
    order by l.newest, l.release limit 1
"""


async def find_neighbours(run: Run, release: int) -> tuple[Any | None, Any | None]:
    """The one before and the one after; None at either end."""
    values = {"release": release, **dict((await run(PLACE, {"release": release}))[0])}
    earlier, later = await run(EARLIER, values), await run(LATER, values)
    return (earlier[0] if earlier else None), (later[0] if later else None)


AGENCY = "select slug, name, name_en, home, org_number from agencies where slug = :agency"
OF_AGENCY = "(select id from releases where agency = :agency)"
COUNTS = "select edits, unannounced as undated from edit_counts where agency = :agency"
REMOVED = f"""
    select count(*) as n from removals o where o.confirmed is not null and o.confirmed is not o.ended
    and o.kind <> 'moved' and o.release in {OF_AGENCY}
"""
LAST = """
    select spider, started, finished, reason, errors, refused from crawls
    where agency = :agency and finished is not null order by started desc limit 1
"""
FIRST = "select started from crawls where agency = :agency order by started limit 1"
AGENCY_TAGS_SQL = """
    select t.id, t.name, c.releases as n from tag_counts c join tags t on t.id = c.tag where c.agency = :agency
    order by n desc, t.name limit :tags
"""
AGENCY_LIST_SQL = """
    select a.slug, a.name, a.name_en, a.home, coalesce(m.releases, 0) as releases,
      (select c.finished from crawls c where c.agency = a.slug and c.finished is not null
        order by c.started desc limit 1) as crawled
    from agencies a left join months m on m.agency = a.slug and m.month = ''
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the archive has of an agency beside its releases. edits and removals count as their registers do."""

    edits: int
    undated: int  # edits with which the agency's own update stamp did not move
    removals: int
    last: dict[str, Any] | None  # the newest crawl that ended
    begun: str | None  # the day (in Sweden) of the first crawl


async def find_agency(run: Run, slug: str) -> dict[str, Any] | None:
    """An agency's own facts."""
    rows = await run(AGENCY, {"agency": slug})
    return dict(rows[0]) if rows else None


async def read_record(run: Run, slug: str) -> Record:
    """From indexes alone, but for two rows of crawls."""
    values = {"agency": slug}
    counts = await run(COUNTS, values)
    last, first = await run(LAST, values), await run(FIRST, values)
    return Record(
        edits=counts[0]["edits"] if counts else 0,
        undated=counts[0]["undated"] if counts else 0,
        removals=(await run(REMOVED, values))[0]["n"],
        last=dict(last[0]) if last else None,
        begun=to_day(first[0]["started"]) if first else None,
    )


async def read_agency_tags(run: Run, slug: str, most: int) -> list[Any]:
    """The tags an agency uses most; no more than `most`."""
    return list(await run(AGENCY_TAGS_SQL, {"agency": slug, "tags": most}))


async def read_agencies(run: Run) -> list[dict[str, Any]]:
    """Every agency with how many releases are held and when its last crawl ended."""
    return [dict(row) for row in await run(AGENCY_LIST_SQL, {})]


def to_day(moment: str) -> str:
    """The day of a moment, as Swedish clocks have it.

    >>> to_day("2024-06-02T23:30:00+00:00")
    '2024-06-03'
    """
    return datetime.fromisoformat(moment).astimezone(ZONE).date().isoformat()


PIECE = 10_000  # numbers of releases in one piece; the format allows 50,000 addresses
FIXED = ("/", "/agencies", "/about", "/help", "/-/edits", "/-/removed")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
# piece by piece, each by one look into an index of its own (idx_revisions_piece)
PIECES = f"""
    with recursive pieces(piece) as (select 0 union all select piece + 1 from pieces
      where piece < (select max(release) / {PIECE} from revisions))
    select piece, (select max(seen) from revisions where release / {PIECE} = piece) as changed from pieces
    where changed is not null
"""
RELEASES = """
    select v.release, max(v.seen) as changed from listed l cross join revisions v on v.release = l.release
    where l.release between :low and :high group by l.release
"""
SITEMAP_AGENCIES_SQL = "select distinct agency from listed order by agency"
SITEMAP_TAGS_SQL = f"select distinct tag from release_tags order by tag limit {4 * PIECE}"
Found = list[tuple[str, str | None]]  # paths, each with when what it shows last changed


async def find_pieces(run: Run) -> Found:
    """The pieces of the index, by name."""
    pieces = await run(PIECES, {})
    return [("pages", None), ("tags", None), *((f"releases-{row['piece']}", row["changed"]) for row in pieces)]


async def find_releases(run: Run, piece: int) -> Found:
    """Releases of one piece; what moved is left out, its record goes on elsewhere."""
    rows = await run(RELEASES, {"low": piece * PIECE, "high": piece * PIECE + PIECE - 1})
    return [(f"/archive/releases/{row['release']}", row["changed"]) for row in rows]


async def find_pages(run: Run) -> Found:
    """The first page and its like, agencies, months."""
    agencies = [f"/agency/{row['agency']}" for row in await run(SITEMAP_AGENCIES_SQL, {})]
    months = [f"/month/{month.month}" for month in (await read_calendar(run)).months]
    return [(path, None) for path in (*FIXED, *agencies, *months)]


async def read_sitemap_tags(run: Run) -> Found:
    """Tags that are in use."""
    return [(f"/tag/{row['tag']}", None) for row in await run(SITEMAP_TAGS_SQL, {})]


def to_index(pieces: Iterable[tuple[str, str | None]]) -> str:
    """The index: whole addresses of the pieces."""
    return f'{HEAD}<sitemapindex xmlns="{SPACE}">\n{to_entries("sitemap", pieces)}</sitemapindex>\n'


def to_sitemap(pages: Iterable[tuple[str, str | None]]) -> str:
    """One piece: whole addresses of pages."""
    return f'{HEAD}<urlset xmlns="{SPACE}">\n{to_entries("url", pages)}</urlset>\n'


def to_entries(name: str, found: Iterable[tuple[str, str | None]]) -> str:
    """An element an address.

    >>> to_entries("url", [("https://a.example/?a&b", None)])
    '<url><loc>https://a.example/?a&amp;b</loc></url>\\n'
    """
    return "".join(
        f"<{name}><loc>{escape(address)}</loc>{f'<lastmod>{changed}</lastmod>' if changed else ''}</{name}>\n"
        for address, changed in found
    )


USES = """
    select a.slug, a.name, a.name_en, c.releases as n from tag_counts c join agencies a on a.slug = c.agency
    where c.tag = :tag order by n desc, a.name
"""


async def find_tag(run: Run, named: str) -> dict[str, Any] | None:
    """By number, else by its very words, else by its words in other letters (capital or small)."""
    if named.isascii() and named.isdigit() and len(named) < 16:
        rows = await run("select id, name from tags where id = :id", {"id": int(named)})
        if rows:
            return dict(rows[0])
    rows = await run("select id, name from tags where name = :name", {"name": named})
    if not rows:
        folded = sort_key(named)
        rows = [row for row in await run("select id, name from tags", {}) if sort_key(row["name"]) == folded]
    return dict(rows[0]) if rows else None


async def count_uses(run: Run, tag: int) -> Sequence[Any]:
    """Agencies with how many releases of theirs have the tag, those with most first."""
    return await run(USES, {"tag": tag})
