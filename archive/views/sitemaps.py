"""Files for crawlers and browsers.

/sitemap.xml and its parts, /robots.txt, /llms.txt, /opensearch.xml, /.well-known/security.txt.
"""

from __future__ import annotations

from datetime import timedelta
from xml.sax.saxutils import escape

from datasette import NotFound, Response

from archive.database.sqlite_files import RunQuery
from archive.times import now
from archive.views.agencies import read_agency_overview
from archive.views.lists import read_calendar
from archive.views.references import build_reference_path
from archive.web import ANY_PARAMETER, SiteRequest, site_view

SECURITY_TXT_DAYS = 180  # RFC 9116 recommends less than a year
SHORT_NAME = "Myndighetsarkiv"  # at most 16 letters
OPENSEARCH_PATHS = {"/search": "text/html", "/search.atom": "application/atom+xml"}
XML_MEDIA_TYPE = "application/xml; charset=utf-8"
# sitemap (sitemaps.org 0.9), robots.txt and llms.txt
# paths (or absolute URLs), each with the time of its last change
SitemapEntries = list[tuple[str, str | None]]
SITEMAP_PART_SIZE = 10_000  # release numbers in one part; the format allows 50,000 URLs
FIXED_PATHS = (
    "/",
    "/agencies",
    "/people",
    "/about",
    "/help",
    "/docs/",
    "/-/edits",
    "/-/removed",
    "/-/over-time",
)
SITEMAP_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
SITEMAP_AGENCIES_SQL = "select distinct agency from release_facets order by agency"
SITEMAP_LISTS_SQL = {  # the paths in a part of its own
    "people": (
        "select '/person/' || slug as path from people where same_as is null"
        " order by id limit :most"
    ),
    "tags": (
        "select '/tag/' || tag as path from"
        " (select distinct tag from release_tags order by tag limit :most)"
    ),
}
SITEMAP_REFERENCES_SQL = """
    select d.type, d.number from document_references d join releases r on r.id = d.release
      join release_facets l on l.release = coalesce(r.continues_as, r.id)
    group by d.type, d.number having count(distinct l.release) > 1
    order by d.type, d.number limit :most
"""
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
    ("Disallow", "/-/over-time?"),
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
`first_seen` is when the archive first read the page, or imported the text, and `last_checked` \
when \
it last found it unchanged (UTC). Never take one for the other.
- If `checks` is 0 and the version has the cause `import`, the archive has never found the text on \
the web.
- A date may be a month (2024-05), a day (2024-05-18) or a moment with its offset.
- A release with `removed_at` was removed by the agency. One with `moved_to` continues under that \
number.
- Edits are what the agency changed (cause `source`); `parser` means that a later version of the \
archive read the \
same page differently.
- The texts are the agencies' own; name the agency and link both to `url` (the original) and to \
the release here.

## Pages

- [Agencies]({site}/agencies): each at {site}/agency/SLUG, a month of it at \
{site}/agency/SLUG/2024-05
- [A release]({site}/archive/releases/1): permanent address; a question in it at #question-1
- [Edits]({site}/-/edits.json) and [removals]({site}/-/removed.json): also .csv, .atom, and pages \
without a suffix
- [How dates are read, what importance means, limits]({site}/about?lang=en)

## Data

Without a key. A model can also use the tools at {site}/-/mcp (Model Context Protocol), if this \
site has them.

- [All addresses, parameters and members]({site}/openapi.json): OpenAPI 3.1
- [Documentation, with examples]({site}/docs/api), [parameters]({site}/docs/reference/parameters), \
[tables and columns]({site}/docs/reference/tables)
- [Search]({site}/search.json?q=skog): words, phrases in quotation marks; `q`, `agency`, `tag`, \
`year`
- [When a wording appeared and disappeared]({site}/-/phrase.json?q=skog): `q`, a phrase in \
quotation marks
- [A version of a release]({site}/-/revision/1.json): cite its `permalink`
- [One release as JSON]({site}/archive/releases/1.json?_shape=objects)
- [Releases with a \
word]({site}/archive/releases.json?_search=skog&_sort_desc=published&_shape=objects&_size=20)
- [Questions and answers]({site}/archive/questions.json?_shape=objects)
- [What there is, in plain words]({site}/data?lang=en)
- [Tables, views and SQL]({site}/docs/api#tables-views-and-queries): any SELECT as \
{site}/archive.json?sql=…
- [All releases, and then every change]({site}/-/changes.json?size=20): follow `next`, keep `cursor`
- [All pages]({site}/sitemap.xml)
"""


@site_view(r"/sitemap\.xml", parameters=[ANY_PARAMETER])
async def _show_sitemap_index(site: SiteRequest) -> Response:
    """Show the index of the sitemap: each part with the time of the last change to its releases."""
    parts = await read_sitemap_parts(site.run)
    entries = [(site.url(f"/sitemap-{name}.xml"), changed) for name, changed in parts]
    return Response(
        _format_sitemap("sitemapindex", "sitemap", entries), content_type=XML_MEDIA_TYPE
    )


@site_view(
    r"/sitemap-(?P<name>pages|tags|people|references|releases-(?P<number>[0-9]{1,9}))\.xml",
    parameters=[ANY_PARAMETER],
)
async def _show_sitemap_part(site: SiteRequest) -> Response:
    """Show a part of the sitemap. Raises NotFound if a part for releases is empty."""
    name, number = site.url_vars["name"], site.url_vars["number"]
    if number:
        pages = await read_sitemap_releases(site.run, int(number))
        if not pages:
            raise NotFound(f"no part {name} of the sitemap")
    elif name == "pages":
        pages = await read_sitemap_pages(site.run)
    elif name == "references":
        pages = await _read_sitemap_references(site.run)
    else:
        rows = await site.run(SITEMAP_LISTS_SQL[name], {"most": 4 * SITEMAP_PART_SIZE})
        pages = [(row["path"], None) for row in rows]
    root = site.url("/").rstrip("/")
    entries = [(root + path, changed) for path, changed in pages]
    return Response(_format_sitemap("urlset", "url", entries), content_type=XML_MEDIA_TYPE)


@site_view(r"/robots\.txt", parameters=[ANY_PARAMETER])
async def _show_robots_txt(site: SiteRequest) -> Response:
    """Show robots.txt.

    It allows pages that are written for people, and disallows pages that are expensive to build or
    are derived from other pages.
    """
    rules = "".join(f"{rule}: {site.datasette.urls.path(path)}\n" for rule, path in ROBOTS_RULES)
    return Response.text(f"User-agent: *\n{rules}\nSitemap: {site.url('/sitemap.xml')}\n")


@site_view(r"/opensearch\.xml", parameters=[ANY_PARAMETER])
async def _show_opensearch(site: SiteRequest) -> Response:
    """Show the OpenSearch 1.1 description, with which browsers can search the archive."""
    name, language = escape(site.translate("site.name")), site.language
    query = f"?q={{searchTerms}}&amp;lang={language}"
    templates = "".join(
        f'<Url type="{media_type}" template="{site.url(path)}{query}"/>'
        for path, media_type in OPENSEARCH_PATHS.items()
    )
    description = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        f"<ShortName>{SHORT_NAME}</ShortName><LongName>{name}</LongName>"
        f"<Description>{escape(site.translate('index.tagline'))}</Description>"
        f"<Language>{language}</Language><InputEncoding>UTF-8</InputEncoding>"
        f'<Image width="16" height="16" type="image/svg+xml">{site.url("/static/icon.svg")}</Image>'
        f"{templates}</OpenSearchDescription>\n"
    )
    media_type = "application/opensearchdescription+xml; charset=utf-8"
    return Response(description, content_type=media_type)


@site_view(r"/llms\.txt", parameters=[ANY_PARAMETER])
async def _show_llms_txt(site: SiteRequest) -> Response:
    """Show llms.txt (llmstxt.org): information for language models and their users."""
    releases = sum(agency["releases"] for agency in await read_agency_overview(site.run))
    return Response.text(LLMS_TEMPLATE.format(site=site.url("/").rstrip("/"), releases=releases))


@site_view(r"/\.well-known/security\.txt", parameters=[ANY_PARAMETER])
async def _show_security_txt(site: SiteRequest) -> Response:
    """Show where to report vulnerabilities (RFC 9116).

    Raises NotFound unless the operator has set a contact.
    """
    contact = (site.datasette.plugin_config("headers") or {}).get("contact")
    if not contact:
        raise NotFound("no contact is configured")
    expires = (now() + timedelta(days=SECURITY_TXT_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    own_url = site.url("/.well-known/security.txt")
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires}",
        "Preferred-Languages: sv, en",
        f"Canonical: {own_url}",
    )
    return Response.text("\n".join(lines) + "\n")


async def read_sitemap_parts(run: RunQuery) -> SitemapEntries:
    # one lookup in the index idx_revisions_piece for each part
    parts = await run(
        f"""
        with recursive pieces(piece) as (select 0 union all select piece + 1 from pieces
          where piece < (select max(release) / {SITEMAP_PART_SIZE} from revisions))
        select piece, (select max(seen) from revisions
          where release / {SITEMAP_PART_SIZE} = piece) as changed from pieces
        where changed is not null
        """,
        {},
    )
    return [
        ("pages", None),
        ("tags", None),
        ("people", None),
        ("references", None),
        *((f"releases-{row['piece']}", row["changed"]) for row in parts),
    ]


async def read_sitemap_releases(run: RunQuery, part_number: int) -> SitemapEntries:
    """Return the sitemap entries of the releases in a part of the sitemap.

    Moved releases are left out.
    """
    low = part_number * SITEMAP_PART_SIZE
    rows = await run(
        """
        select v.release, max(v.seen) as changed from release_facets l cross join revisions v
          on v.release = l.release
        where l.release between :low and :high group by l.release
        """,
        {"low": low, "high": low + SITEMAP_PART_SIZE - 1},
    )
    return [(f"/archive/releases/{row['release']}", row["changed"]) for row in rows]


async def read_sitemap_pages(run: RunQuery) -> SitemapEntries:
    """Return the sitemap entries of fixed pages, agencies and months."""
    agencies = [f"/agency/{row['agency']}" for row in await run(SITEMAP_AGENCIES_SQL, {})]
    months = [f"/month/{month}" for month in (await read_calendar(run)).months]
    return [(path, None) for path in (*FIXED_PATHS, *agencies, *months)]


async def _read_sitemap_references(run: RunQuery) -> SitemapEntries:
    """Return the sitemap entries of the documents to which at least two releases refer."""
    rows = await run(SITEMAP_REFERENCES_SQL, {"most": 4 * SITEMAP_PART_SIZE})
    return [(build_reference_path(row["type"], row["number"]), None) for row in rows]


def _format_sitemap(root: str, element: str, entries: SitemapEntries) -> str:
    """Format a sitemap with one element for each absolute URL.

    >>> print(_format_sitemap("urlset", "url", [("https://a.example/?a&b", None)]))
    <?xml version="1.0" encoding="UTF-8"?>
    <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
    <url><loc>https://a.example/?a&amp;b</loc></url>
    </urlset>
    <BLANKLINE>
    """
    elements = "".join(
        f"<{element}><loc>{escape(address)}</"
        f"loc>{f'<lastmod>{changed}</lastmod>' if changed else ''}</{element}>\n"
        for address, changed in entries
    )
    return (
        f'<?xml version="1.0"'
        f' encoding="UTF-8"?>\n<{root}'
        f' xmlns="{SITEMAP_NAMESPACE}">\n{elements}'
        f"</{root}>\n"
    )
