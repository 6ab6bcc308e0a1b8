"""Writes RSS, Atom, sitemaps and robots.txt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from tests.site.releases import Release

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def rss(title: str, base: str, path: str, items: Sequence[Release], now: datetime) -> str:
    """Return RSS 2.0 with teasers, as WordPress and Drupal write it."""
    entries = "".join(
        f"<item><title>{escape(item.title)}</title><link>{base}{escape(item.path)}</link>"
        f'<guid isPermaLink="false">{base}/?p={number}{escape(item.path)}</guid>'
        f"<pubDate>{format_datetime(item.created)}</pubDate>"
        f"<description>{escape(item.lead)}</description></item>\n"
        for number, item in enumerate(items)
    )
    return (
        f'{XML}<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>{escape(title)}</title><link>{base}/</link>"
        f'<atom:link href="{base}{path}" rel="self" type="application/rss+xml"/>'
        f"<description>Nyheter från {escape(title)}</description><language>sv-SE</language>"
        f"<lastBuildDate>{format_datetime(now)}</lastBuildDate>\n{entries}</channel></rss>\n"
    )


def atom(title: str, base: str, path: str, items: Sequence[Release], now: datetime) -> str:
    entries = "".join(
        f"<entry><title>{escape(item.title)}</title><id>{base}{escape(item.path)}</id>"
        f'<link rel="alternate" type="text/html" href="{base}{escape(item.path)}"/>'
        f"<published>{item.created.isoformat()}</published>"
        f"<updated>{item.modified.isoformat()}</updated>"
        f"<summary>{escape(item.lead)}</summary></entry>\n"
        for item in items
    )
    return (
        f'{XML}<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="sv">'
        f"<title>{escape(title)}</title><id>{base}/</id>"
        f'<link rel="self" href="{base}{path}"/><updated>{now.isoformat()}</updated>'
        f"<author><name>{escape(title)}</name></author>\n{entries}</feed>\n"
    )


def sitemap_index(base: str, children: Iterable[tuple[str, datetime]]) -> str:
    rows = "".join(
        f"<sitemap><loc>{base}{escape(path)}</loc>"
        f"<lastmod>{modified.isoformat(timespec='seconds')}</lastmod></sitemap>\n"
        for path, modified in children
    )
    return f"{XML}<sitemapindex {SPACE}>\n{rows}</sitemapindex>\n"


def sitemap(base: str, rows: Iterable[tuple[str, datetime, str | None]]) -> str:
    """Return a sitemap of paths, with last changes and the paths of English translations."""
    entries = ""
    for path, modified, twin in rows:
        entries += f"<url><loc>{base}{escape(path)}</loc>"
        entries += f"<lastmod>{modified.isoformat(timespec='seconds')}</lastmod>"
        if twin:
            entries += f'<xhtml:link rel="alternate" hreflang="en" href="{base}{escape(twin)}"/>'
        entries += "</url>\n"
    return f'{XML}<urlset {SPACE} xmlns:xhtml="http://www.w3.org/1999/xhtml">\n{entries}</urlset>\n'


def robots(
    base: str, crawl_delay: float | None, disallow: Iterable[str], sitemap_path: str | None
) -> str:
    """Return robots.txt."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in disallow)]
    if crawl_delay is not None:
        lines.append(f"Crawl-delay: {crawl_delay:g}")
    if sitemap_path:
        lines += ["", f"Sitemap: {base}{sitemap_path}"]
    return "\n".join(lines) + "\n"
