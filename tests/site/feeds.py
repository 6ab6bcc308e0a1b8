"""Writes RSS, Atom, sitemaps and robots.txt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from tests.site.releases import Release

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def rss(title: str, base: str, path: str, items: Sequence[Release], now: datetime) -> str:
    """Return RSS 2.0 with teasers, as WordPress and Drupal write it."""
    entries = "".join(
        f"<item><title>{escape(item.title)}</title><link>{base}{escape(item.path)}</link>"
        f'<guid isPermaLink="false">{base}/?p={number}{escape(item.path)}</guid>'
        f"<pubDate>{format_datetime(item.created)}</"
        f"pubDate><description>{escape(item.lead)}</"
        f"description></item>\n"
        for number, item in enumerate(items)
    )
    return (
        f'{XML}<rss version="2.0"'
        f' xmlns:atom="http://'
        f"www.w3.org/"
        f"2005/"
        f'Atom"><channel><title>{escape(title)}</title>'
        f"<link>{base}/</"
        f"link><atom:link"
        f' href="{base}{path}"'
        f' rel="self"'
        f' type="application/rss+xml"/>'
        f"<description>Nyheter från {escape(title)}</description><language>sv-SE</language>"
        f"<lastBuildDate>{format_datetime(now)}</lastBuildDate>\n{entries}</channel></rss>\n"
    )


def atom(title: str, base: str, path: str, items: Sequence[Release], now: datetime) -> str:
    """Return Atom 1.0."""
    entries = "".join(
        f"<entry><title>{escape(item.title)}</title><id>{base}{escape(item.path)}</id>"
        f'<link rel="alternate" type="text/html" href="{base}{escape(item.path)}"/>'
        f"<published>{item.created.isoformat()}</"
        f"published><updated>{item.modified.isoformat()}</"
        f"updated>"
        f"<summary>{escape(item.lead)}</summary></entry>\n"
        for item in items
    )
    return (
        f'{XML}<feed xmlns="http://'
        f'www.w3.org/2005/Atom"'
        f' xml:lang="sv"><title>{escape(title)}</'
        f"title>"
        f"<id>{base}/</id><link"
        f' rel="self"'
        f' href="{base}{path}"/'
        f"><updated>{now.isoformat()}</"
        f"updated>"
        f"<author><name>{escape(title)}</name></author>\n{entries}</feed>\n"
    )


def sitemap_index(base: str, children: Iterable[tuple[str, datetime]]) -> str:
    """Return a sitemap index."""
    rows = "".join(
        f"<sitemap><loc>{base}{escape(path)}</"
        f"loc><lastmod>{modified.isoformat(timespec='seconds')}</lastmod></sitemap>\n"
        for path, modified in children
    )
    return (
        f"{XML}<sitemapindex"
        f' xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</sitemapindex>\n'
    )


def sitemap(base: str, rows: Iterable[tuple[str, datetime, str | None]]) -> str:
    """Return a sitemap of paths, with last changes and the paths of English translations."""
    entries = []
    for path, modified, twin in rows:
        other = (
            f'<xhtml:link rel="alternate" hreflang="en" href="{base}{escape(twin)}"/>'
            if twin
            else ""
        )
        lastmod = modified.isoformat(timespec="seconds")
        entries.append(
            f"<url><loc>{base}{escape(path)}</loc><lastmod>{lastmod}</lastmod>{other}</url>\n"
        )
    space = (
        'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        ' xmlns:xhtml="http://www.w3.org/1999/xhtml"'
    )
    return f"{XML}<urlset {space}>\n{''.join(entries)}</urlset>\n"


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
