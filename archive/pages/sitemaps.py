"""sitemap.xml in pieces (sitemaps.org 0.9): releases by their numbers, and the pages around them."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from archive.pages.months import read_calendar
from archive.search import Run

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
