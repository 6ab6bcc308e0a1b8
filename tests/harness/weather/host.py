"""An agency with three good releases and one URL with a fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.site.answers import Answer
from tests.site.knobs import Break, Speech
from tests.site.mount import MountedHost

GOOD = tuple(f"/nyheter/2024-god-nyhet-{number}" for number in (1, 2, 3))
BAD = "/nyheter/2024-i-daligt-vader"
LISTING = "/nyheter/"
FEED, SITEMAP = "/flode.xml", "/sitemap.xml"
TITLES = ("Fler älgar i Ångermanland", "Översyn av åtgärder", "Så går räkningen till")
PARAGRAPH = (
    "Räkningen gjordes i mars av tvåhundra frivilliga, som gick tre mil var och skrev ned vad"
    " de såg på vägen."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """One hostile condition, and what is expected of a crawl (`conditions.tsv`).

    faults: by path. table: further keys of the agency's table, with paths instead of URLs. held:
    number of the agency's stored releases, or None for any number. said: what a row of `look` must
    contain; `look` is a query with the agency's slug as its only value.
    """

    name: str
    sky: str
    outcome: str  # the expected result in words, for the table
    state: str | None = None
    problem: str = ""
    path: str = BAD
    held: int | None = len(GOOD)
    look: str | None = None
    said: str = ""
    faults: dict[str, Break] = field(default_factory=dict)
    listed: tuple[str, ...] = (*GOOD, BAD)
    table: dict[str, Any] = field(default_factory=dict)
    home: str | None = None  # if it is not a host of the sample site
    crawls: int = 1


def page(
    body: bytes | str | Speech, media: str = "text/html; charset=utf-8", **fault: Any
) -> Break:
    """Return a replacement for a response: bytes with a media type, or what a server sends on the
    bare connection.
    """
    if callable(body):
        return Break(raw=body, **fault)
    return Break(body=body, headers={"Content-Type": media} if media else {}, **fault)


def write_release(
    title: str = "En nyhet i dåligt väder", *, day: str = "15 mars 2024", more: str = ""
) -> str:
    """Return the HTML of a release."""
    return (
        f'<!doctype html>\n<html lang="sv"><head><title>{title}</title></head>'
        f"<body><main><article><h1>{title}</h1>\n"
        f"<p>Publicerad: {day}</p>\n<p>{PARAGRAPH}</p>\n{more}\n<p>Resultatet visas i höst.</p>\n"
        "</article></main></body></html>\n"
    )


def write_listing(paths: tuple[str, ...], following: str | None = None) -> str:
    """Return the HTML of a listing of releases."""
    rows = "".join(
        f'<li><a href="{path}">Nyhet {number}</a></li>\n' for number, path in enumerate(paths)
    )
    more = f'<a rel="next" href="{following}">Nästa</a>' if following else ""
    main = f"<main><h1>Nyheter</h1><ul>\n{rows}</ul>{more}</main>"
    return f'<!doctype html><html lang="sv"><body>{main}</body></html>'


def write_feed(links: tuple[tuple[str, str], ...], head: str = "") -> str:
    """Return an RSS feed with titles and URLs."""
    items = "".join(
        f"<item><title>{title}</title><link>{url}</link></item>\n" for title, url in links
    )
    channel = f"<channel><title>Flöde</title>\n{items}</channel>"
    return f'<?xml version="1.0"?>\n{head}<rss version="2.0">{channel}</rss>'


def write_sitemap(urls: tuple[str, ...], *, index: bool = False, padding: str = "") -> str:
    root, entry = ("sitemapindex", "sitemap") if index else ("urlset", "url")
    rows = "".join(f"<{entry}><loc>{url}</loc>{padding}</{entry}>\n" for url in urls)
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    return f'<?xml version="1.0"?>\n<{root} {space}>\n{rows}</{root}>'


@dataclass
class WeatherHost(MountedHost):
    """The agency's site, apart from the fault."""

    listed: tuple[str, ...] = (*GOOD, BAD)

    def answer(self, path: str, query: str) -> Answer:
        """Return a page; the URL with the fault has a good release if the fault is not in its
        response.
        """
        if path == "/robots.txt":
            return self.told(
                "User-agent: *\nCrawl-delay: 0.02\n", "text/plain; charset=UTF-8", path
            )
        if path == LISTING:
            return self.told(write_listing(self.listed), "text/html; charset=UTF-8", path)
        if path in GOOD:
            number = GOOD.index(path)
            return self.told(
                write_release(TITLES[number], more=f"<p>Del {number}.</p>"), "text/html", path
            )
        if path == BAD:
            return self.told(write_release(), "text/html; charset=UTF-8", path + query)
        return super().answer(path, query)
