"""Conditions of listings and feeds. The good releases are in a listing of their own."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from tests.harness.weather.host import (
    FEED,
    GOOD,
    LISTING,
    Expected,
    Weather,
    page,
    write_feed,
    write_listing,
)
from tests.site.knobs import Break
from tests.site.server import Site

SECOND = "/aktuellt/"  # the listing with the fault
XML = "application/xml"
LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY lol0 "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


def make_sources(site: Site, tls_port: int) -> list[Weather]:
    """Return every condition of this kind. tls_port: port of a host with a wrong certificate."""
    return [*listings(), *feeds(site), *nets(site, tls_port)]


def listings() -> list[Weather]:
    """Return conditions with lists that are endless, or list the same releases for ever at other
    URLs.
    """
    table = {"listings": [LISTING, SECOND]}
    many = write_listing(tuple(f"/nyheter/2024-{number}" for number in range(100_000)))
    nothing = endless(lambda _: ())
    same = endless(lambda _: GOOD)
    new = endless(lambda number: (f"/nyheter/2024-falsk-{number}",))
    trap = "trap|lists nothing"
    return [
        Weather(
            name="links-100k",
            sky="100,000 links in a listing",
            table=table,
            faults={SECOND: page(many)},
            expected=Expected(
                path=SECOND,
                state="failed",
                problem="tags",
                held=4,
                outcome="failed: taken for a trap",
            ),
        ),
        Weather(
            name="calendar-empty",
            sky="a calendar: next month for ever, no releases",
            table=table,
            faults=nothing,
            expected=Expected(path=SECOND, state="done", held=4, outcome="ends at the empty page"),
        ),
        Weather(
            name="calendar-same",
            sky="a calendar: the same releases on each page",
            table=table,
            faults=same,
            expected=Expected(
                path=SECOND,
                state="failed",
                problem=trap,
                held=4,
                outcome="failed: taken for a trap",
            ),
        ),
        Weather(
            name="calendar-new",
            sky="a calendar: new addresses on each page, for ever",
            table=table,
            faults=new,
            expected=Expected(
                path=SECOND,
                state="failed",
                problem=trap,
                held=4,
                outcome="failed: taken for a trap",
            ),
        ),
        *(session(name, make) for name, make in SESSIONS.items()),
    ]


def endless(names: Callable[[int], tuple[str, ...]]) -> dict[str, Break]:
    """Return a listing with endless pages. names: returns the releases of a page."""

    def make(query: str) -> str:
        number = int(query.rpartition("=")[2] or "1")
        return write_listing(names(number), f"{SECOND}?sida={number + 1}")

    return {SECOND: Break(make=make)}


def session(name: str, add: Callable[[str, str], str]) -> Weather:
    """Return a condition in which each visit sees other URLs."""

    def make(_: str) -> str:
        token = secrets.token_hex(16)
        return write_listing(tuple(add(path, token) for path in GOOD))

    return Weather(
        name=f"session-{name}",
        sky=f"session ids in every address: {add('/x', '1f…')}",
        table={"listings": [SECOND]},
        faults={SECOND: Break(make=make)},
        crawls=2,
        expected=Expected(
            path=SECOND,
            state="done",
            outcome="held once each, crawl after crawl",
            look="select count(*) from frontier where agency = ? and role = 'release'",
            said="^3$",
        ),
    )


SESSIONS: dict[str, Callable[[str, str], str]] = {
    "known": lambda path, token: f"{path}?PHPSESSID={token}",
    "path": lambda path, token: f"{path};jsessionid={token}",
    "unknown": lambda path, token: f"{path}?xq={token}",
}


def feeds(site: Site) -> list[Weather]:
    """Return conditions with feeds that contain more than news."""

    def urls(name: str) -> list[str]:
        return [f"http://{name}.localhost:{site.port}{path}" for path in GOOD]

    laughs = write_feed((("&lol9;", urls("feed-bomb")[0]),), LAUGHS)
    outside = (
        "<!DOCTYPE r [<!ENTITY a"
        " SYSTEM"
        ' "file:///etc/passwd"><!ENTITY b'
        " SYSTEM"
        ' "http://127.0.0.1:1/">]>'
    )
    twice = tuple((title, urls("feed-twice")[0]) for title in ("Den ena", "Den andra"))
    table = {"feeds": [FEED]}
    return [
        Weather(
            name="feed-bomb",
            sky="a feed with a billion laughs",
            table=table,
            faults={FEED: page(laughs, XML)},
            expected=Expected(
                path=FEED, state="done", held=1, outcome="read, its entities left out"
            ),
        ),
        Weather(
            name="feed-outside",
            sky="a feed with entities that name a file and a host",
            table=table,
            faults={FEED: page(write_feed((("&a;&b;", urls("feed-outside")[0]),), outside), XML)},
            expected=Expected(
                path=FEED, state="done", held=1, outcome="read, its entities left out"
            ),
        ),
        Weather(
            name="feed-twice",
            sky="two entries with one address",
            table=table,
            faults={FEED: page(write_feed(twice), XML)},
            expected=Expected(path=FEED, state="done", held=1, outcome="held once"),
        ),
    ]


def nets(site: Site, tls_port: int) -> list[Weather]:
    """Return conditions with hosts that do not exist or have a wrong identity."""
    table = {"listings": [LISTING]}
    return [
        Weather(
            name="tls-stranger",
            sky="a certificate that nobody has signed, of another host",
            home=f"https://tls-stranger.localhost:{tls_port}/",
            table=table,
            expected=Expected(
                path=LISTING,
                state="failed",
                problem="certificate",
                held=0,
                outcome="failed: not asked for pages",
            ),
        ),
        Weather(
            name="tls-none",
            sky="https at a port that speaks http",
            home=f"https://tls-none.localhost:{site.port}/",
            table=table,
            expected=Expected(
                path=LISTING, state="failed", problem="SSL|TLS", held=0, outcome="failed: no TLS"
            ),
        ),
        Weather(
            name="dns",
            sky="no name server knows the host",
            home="http://borta.example/",
            table=table,
            expected=Expected(
                path=LISTING,
                state="failed",
                problem="no such host",
                held=0,
                outcome="failed: no such host",
            ),
        ),
        Weather(
            name="dns-private",
            sky="the host's name leads to 10.0.0.5",
            home="http://inre.example/",
            table=table,
            expected=Expected(
                path=LISTING,
                state="failed",
                problem=r"leads to 10\.0\.0\.5",
                held=0,
                outcome="failed: not asked",
            ),
        ),
    ]
