"""The undamaged inputs: pages and sources of the sample site, stored pages, and real ones if
present.
"""

from __future__ import annotations

from pathlib import Path

from tests.site.client import get
from tests.site.server import Site
from tests.stored import ROOT

SMALL = 60_000  # bytes; damage to a long page shows nothing that it does not show on a short one
REAL = 60  # real pages at most
LABELS = [
    b"Publicerad 3 juni 2024 kl. 14.05",
    b"Senast uppdaterad: 2024-06-03, 09:00",
    b"[2024-06-03]",
    b"03 jun 2024",
]


def find_seeds() -> dict[str, list[bytes]]:
    """Return the inputs by the name of their target."""
    with Site(releases=6, crawl_delay=None) as site:

        def ask(slug: str, path: str) -> bytes:
            return get(site.url(slug, path), port=site.port).content

        pages = [get(url, port=site.port).content for url in list(site.truth)[:16]]
        slugs = list(site.agencies)
        homes = [ask(slug, "/") for slug in slugs]
        robots = [ask(slug, "/robots.txt") for slug in slugs]
        paths = {slug: site.agencies[slug].paths for slug in slugs}
        feeds = [ask(slug, path.feed) for slug, path in paths.items() if path.feed]
        sitemaps = [ask(slug, path.sitemap) for slug, path in paths.items() if path.sitemap]
        listings = [ask(slug, path.listing) for slug, path in paths.items()]
    stored = sorted((Path(__file__).parents[2] / "pages").glob("*/**/*.html")) + find_real()
    pages += [path.read_bytes() for path in stored]
    feeds += [path.read_bytes() for path in sorted(ROOT.glob("pages/**/*.xml"))[:4]]
    return {
        "page": pages,
        "feed": feeds,
        "sitemap": sitemaps,
        "listing": listings,
        "home": homes,
        "robots": robots,
        "label": LABELS,
    }


def find_real() -> list[Path]:
    """Return some of the stored real pages, evenly chosen."""
    found = [path for path in sorted(ROOT.glob("*/**/*.html")) if 0 < path.stat().st_size < SMALL]
    return found[:: max(1, len(found) // REAL)]
