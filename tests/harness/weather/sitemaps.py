"""Conditions of sitemaps: large, crowded, circular.

The good releases are in a listing of their own.
"""

from __future__ import annotations

import gzip

from tests.harness.weather.host import GOOD, SITEMAP, Expected, Weather, page, write_sitemap
from tests.harness.weather.sources import LAUGHS, XML
from tests.site.knobs import Break
from tests.site.server import Site

SIZE = 49_000_000  # bytes of the large sitemap


def make_sitemaps(site: Site) -> list[Weather]:
    """Return every condition of this kind."""

    def at(name: str, *paths: str) -> tuple[str, ...]:
        return tuple(f"http://{name}.localhost:{site.port}{path}" for path in paths)

    table = {"sitemaps": [SITEMAP]}
    others = at("sitemap-50mb", *(f"/om/{number}" for number in range(45_000)))
    large = write_sitemap(
        (*others, *at("sitemap-50mb", *GOOD)), padding=" " * (SIZE // 45_000 - 100)
    )
    packed = gzip.compress(large.replace("sitemap-50mb", "sitemap-50mb-gz").encode(), 6)
    crowd = write_sitemap(
        at("sitemap-crowd", *(f"/nyheter/2024-{number}" for number in range(100_000)))
    )

    def deeper(query: str) -> str:
        number = int(query.rpartition("=")[2] or "1")
        return write_sitemap(at("sitemap-deep", f"{SITEMAP}?n={number + 1}"), index=True)

    loop = write_sitemap(at("sitemap-loop", SITEMAP, "/sitemap-2.xml"), index=True)
    return [
        Weather(
            name="sitemap-50mb",
            sky=f"a sitemap of {len(large) / 1e6:.0f} MB",
            table=table,
            faults={SITEMAP: page(large, XML)},
            expected=Expected(
                path=SITEMAP,
                state="failed",
                problem="larger than",
                held=4,
                outcome="failed: too large unpacked",
            ),
        ),
        Weather(
            name="sitemap-50mb-gz",
            sky=f"the same, packed to {len(packed) / 1e3:.0f} kB",
            table={"sitemaps": [SITEMAP + ".gz"], "listings": []},
            faults={SITEMAP + ".gz": page(packed, "application/gzip")},
            expected=Expected(path=SITEMAP + ".gz", state="done", outcome="read whole"),
        ),
        Weather(
            name="sitemap-crowd",
            sky="a sitemap of 100,000 addresses",
            table=table,
            faults={SITEMAP: page(crowd, XML)},
            expected=Expected(
                path=SITEMAP, state="failed", problem="URLs", held=4, outcome="failed: too many"
            ),
        ),
        Weather(
            name="sitemap-loop",
            sky="sitemap indexes that name each other",
            table=table,
            faults={SITEMAP: page(loop, XML), "/sitemap-2.xml": page(loop, XML)},
            expected=Expected(path=SITEMAP, state="done", held=4, outcome="each is asked once"),
        ),
        Weather(
            name="sitemap-deep",
            sky="sitemap indexes without an end",
            table=table,
            faults={SITEMAP: Break(make=deeper, headers={"Content-Type": XML})},
            expected=Expected(
                path=SITEMAP,
                state="done",
                held=4,
                outcome="ends at the third",
                look="select group_concat(problem) from frontier where agency = ?",
                said="deep",
            ),
        ),
        Weather(
            name="sitemap-bomb",
            sky="a sitemap with a billion laughs",
            table=table,
            faults={
                SITEMAP: page(write_sitemap(("&lol9;",)).replace("?>\n", f"?>\n{LAUGHS}", 1), XML)
            },
            expected=Expected(
                path=SITEMAP, state="done", held=4, outcome="read, its entities left out"
            ),
        ),
    ]
