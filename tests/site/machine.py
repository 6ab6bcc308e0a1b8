"""An agency's robots.txt, feed and sitemaps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tests.site import feeds
from tests.site.answers import Answer
from tests.site.paths import to_hex
from tests.site.render import furnish

if TYPE_CHECKING:
    from tests.site.agency import SampleAgency

MEDIA = {"rss": "application/rss+xml; charset=UTF-8", "atom": "application/atom+xml; charset=UTF-8"}
XML = "application/xml; charset=UTF-8"


def answer_machine(agency: SampleAgency, path: str, query: str, base: str) -> Answer | None:
    """Return robots.txt, the feed or a sitemap, or None at any other path."""
    name = str(agency.text["name"])
    every = agency.sorted_newest("")
    text = media = None
    if path == "/robots.txt":
        text = feeds.robots(base, agency.crawl_delay, agency.disallow, agency.paths.sitemap)
        media = "text/plain; charset=UTF-8"
    elif path == agency.paths.feed and agency.touched:
        number = int(parse_qs(query).get("paged", ["1"])[0])
        shown = every[(number - 1) * 10 : number * 10]
        if not shown and number > 1:
            return None
        kind = "atom" if agency.cms == "episerver" else "rss"
        text = (feeds.atom if kind == "atom" else feeds.rss)(
            name, base, path, shown, agency.touched
        )
        media = MEDIA[kind]
    elif agency.paths.sitemap and "sitemap" in path:
        text, media = write_sitemap(agency, path, base), XML
    if not text or not media:
        return None
    etag = to_hex(f"{base}{path}{query}{text}")
    return Answer(make=text.encode, media=media, etag=etag, modified=agency.touched)


def write_sitemap(agency: SampleAgency, path: str, base: str) -> str | None:
    """Return the index or one of its sitemaps: releases in several, then the other pages."""
    every = [release for release in agency.releases.values() if release.path not in agency.unlisted]
    size = 12 if len(every) < 100 else 500
    stem = (agency.paths.sitemap or "").removesuffix(".xml")
    pieces = {
        f"{stem}-nyheter-{n // size + 1}.xml": every[n : n + size]
        for n in range(0, len(every), size)
    }
    if path == agency.paths.sitemap and agency.touched:
        latest = [(child, max(r.modified for r in piece)) for child, piece in pieces.items()]
        return feeds.sitemap_index(base, [*latest, (f"{stem}-sidor-1.xml", agency.touched)])
    if path in pieces:
        return feeds.sitemap(
            base,
            [(r.path, r.modified, r.twin) for r in pieces[path] if r.language == "sv"]
            + [(r.path, r.modified, None) for r in pieces[path] if r.language != "sv"],
        )
    if path == f"{stem}-sidor-1.xml" and agency.touched:
        areas = furnish(agency.slug, base, agency.design).menu
        return feeds.sitemap(base, [(area.href, agency.touched, None) for area in areas])
    return None
