"""The hostile conditions: what a server answers in each (here), and what must come of it
(`conditions.tsv`).

A row of `conditions.tsv`: name; what it is; the expected outcome in words; state and problem (a
regular expression) of the path (else of BAD) in the frontier; how many releases the agency has
(empty: any number); a query of LOOKS, and what one of its rows must contain (a regular expression).
"""

from __future__ import annotations

import csv
import gzip
import secrets
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped] # ships no types
from scrapy.utils._compression import zstd  # type: ignore[attr-defined] # as the crawler does

from tests.harness.weather.host import (
    BAD,
    FEED,
    GOOD,
    LISTING,
    SITEMAP,
    Weather,
    page,
    write_feed,
    write_listing,
    write_release,
    write_sitemap,
)
from tests.harness.weather.speech import CHUNK, HEAD, drip, pour, say
from tests.site.knobs import Break, Speech
from tests.site.server import Site

Given = dict[str, Any]  # fields of a Weather: faults, listed, table, home, crawls

ZEROS = 60_000_000  # decompressed bytes of a bomb, three times the limit
GIGABYTE = 10**9
SITEMAP_SIZE = 49_000_000  # bytes of the large sitemap
SECOND = "/aktuellt/"  # the listing with the fault; the good releases are in one of their own
XML = "application/xml"
HTML = "text/html; charset=utf-8"
LOOKS = {
    "title": "select title from releases where agency = ? and url like '%daligt-vader'",
    "published": "select published from releases where agency = ? and url like '%daligt-vader'",
    "pauses": (
        "select pause_reason || ' until ' || paused_until from hosts where host like ? || '.%'"
    ),
    "releases found": "select count(*) from frontier where agency = ? and role = 'release'",
    "problems": "select group_concat(problem) from frontier where agency = ?",
}
LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY lol0 "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)
OUTSIDE = (
    '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b SYSTEM "http://127.0.0.1:1/">]>'
)


def read_weathers(site: Site, tls_port: int) -> list[Weather]:
    """Return all conditions. tls_port: port of a host with a wrong certificate."""
    given = {
        **slow_and_large(),
        **bombs(),
        **broken_off(),
        **redirects(site),
        **overloads(),
        **robots(),
        **pages(),
        **listings(),
        **feeds(site),
        **nets(site, tls_port),
        **sitemaps(site),
    }
    with Path(__file__).with_name("conditions.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["name"] for row in rows] == list(given)
    return [to_weather(row, given[row["name"]]) for row in rows]


def to_weather(row: dict[str, str], given: Given) -> Weather:
    body = next((fault.body for fault in given.get("faults", {}).values()), None) or b""
    return Weather(
        name=row["name"],
        sky=row["sky"].format(size=f"{len(body):,}", kB=f"{len(body) / 1e3:.0f}"),
        outcome=row["outcome"],
        state=row["state"] or None,
        path=row["path"] or BAD,
        held=int(row["held"]) if row["held"] else None,
        problem=row["problem"],
        look=LOOKS.get(row["look"]),
        said=row["said"],
        **given,
    )


def bad(body: bytes | str | Speech, media: str = HTML) -> Given:
    """Answer the URL with the fault."""
    return {"faults": {BAD: page(body, media)}}


def broken(**fault: Any) -> Given:
    """The same with a status, headers or other faults."""
    return {"faults": {BAD: Break(**fault)}}


def second(fault: Break, **given: Any) -> Given:
    """Answer a second listing."""
    return {"table": {"listings": [LISTING, SECOND]}, "faults": {SECOND: fault}, **given}


def slow_and_large() -> dict[str, Given]:
    """Responses without an end in time or size."""
    release = write_release().encode()
    many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 8000) for number in range(50_000))
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n"
    long = HEAD + b"Content-Length: %d\r\n" % GIGABYTE
    return {
        "slow-bytes": bad(drip(HEAD + b"\r\n", release, 0.3)),
        "slow-header": bad(drip(b"", HEAD, 0.3)),
        "endless-body": bad(pour(chunked, CHUNK, 10**6, chunked=True)),
        "gigabyte": bad(pour(long, CHUNK, GIGABYTE // len(CHUNK))),
        "endless-headers": bad(say(HEAD, many, b"\r\n", release)),
    }


def bombs() -> dict[str, Given]:
    """Responses of few bytes that decompress to many."""
    gzipped, zeros = gzip.compress(bytes(ZEROS), 9), bytes(ZEROS)
    packed = {
        "gzip": gzipped,
        "br": brotli.compress(zeros, quality=5),
        "zstd": zstd.compress(zeros),
        "deflate": zlib.compress(zeros, 9),
        "gzip, gzip": gzip.compress(gzipped, 9),
    }
    return {
        "bomb-" + encoding.replace(", ", "-in-"): broken(
            body=body, headers={"Content-Type": "text/html", "Content-Encoding": encoding}
        )
        for encoding, body in packed.items()
    }


def broken_off() -> dict[str, Given]:
    """Truncated responses."""
    release = write_release().encode()
    half, length, packed = release[: len(release) // 2], len(release), gzip.compress(release)
    zipped = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % length
    return {
        "reset": broken(reset=True),
        "truncated": bad(say(HEAD, b"Content-Length: %d\r\n\r\n" % length, half)),
        "truncated-chunks": bad(say(HEAD, chunked, half)),
        "truncated-gzip": broken(body=packed[: len(packed) // 2], headers=zipped),
        "truncated-page": bad(say(HEAD, b"\r\n", half)),
        "wrong-length": bad(say(HEAD, b"Content-Length: %d\r\n\r\n" % (length - 9), release)),
        "no-http": bad(say(b"220 ftp ready\r\n")),
    }


def redirects(site: Site) -> dict[str, Given]:
    """Redirects to where nothing may be asked for."""
    port = site.port
    targets = {
        "loop": BAD + "?om",
        "other-host": f"http://annan.example:{port}{GOOD[0]}",
        "loopback": f"http://127.0.0.1:{port}/-/counts",
        "ipv6-loopback": f"http://[::ffff:127.0.0.1]:{port}/",
        "number": "http://2130706433/",
        "metadata": "http://169.254.169.254/latest/meta-data/",
        "private-name": f"http://inre.example:{port}/",
        "rebound-name": f"http://hem.example:{port}/",
        "metadata-name": "http://moln.example/latest/",
        "neighbour": site.url("skogsbruksradet"),
        "file": "file:///etc/passwd",
        "ftp": "ftp://annan.example/x",
    }
    return {
        f"redirect-{name}": broken(status=302, headers={"Location": target})
        for name, target in targets.items()
    }


def overloads() -> dict[str, Given]:
    """Servers that ask for time."""
    many = tuple(f"/nyheter/2024-{number}" for number in range(8))
    day = broken(status=503, headers={"Retry-After": "86400"})
    return {
        **{f"status-{status}": broken(status=status) for status in (429, 503)},
        **{
            f"status-{status}-wait": broken(status=status, headers={"Retry-After": "1"}, times=1)
            for status in (429, 503)
        },
        "status-503-day": {"listed": (BAD, *GOOD), **day},
        "status-429-all": {"listed": many, "faults": {path: Break(status=429) for path in many}},
    }


def robots() -> dict[str, Given]:
    """Faults of robots.txt."""
    long = "User-agent: *\n" + "Disallow: /a/*/b*c$\n" * 250_000
    away = Break(status=302, headers={"Location": "http://127.0.0.1:1/robots.txt"})
    return {
        "robots-503": {"faults": {"/robots.txt": page("", status=503)}},
        "robots-redirect": {"faults": {"/robots.txt": away}},
        "robots-5mb": {"faults": {"/robots.txt": page(long, "text/plain")}},
    }


def pages() -> dict[str, Given]:
    """Pages with a wrong charset, type, content or size."""
    text = write_release("Översyn av åtgärder på Åland")
    meta = text.replace("<head>", '<head><meta charset="utf-8">')
    paper = (
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
        + bytes(range(256)) * 200
    )
    script = "&lt;script&gt;alert(1)&lt;/script&gt; i rubriken"
    twin = {BAD + "-igen": page(write_release())}
    return {
        "charset-wrong": bad(meta.encode(), "text/html; charset=iso-8859-1"),
        "charset-wrong-too": bad(meta.encode("latin-1"), HTML),
        "charset-none": bad(text.encode(), "text/html"),
        "charset-utf-16": bad(text.encode("utf-16"), "text/html; charset=utf-16"),
        "charset-unknown": bad(text.encode(), "text/html; charset=x-klingon"),
        "pdf-as-html": bad(paper),
        "html-as-pdf": bad(write_release(), "application/pdf"),
        "date-future": bad(write_release(day="15 mars 2190")),
        "date-1970": bad(write_release(day="1 januari 1970")),
        "title-script": bad(write_release(script)),
        "controls": bad(write_release("En\x00ny\x07het\x1b[31m i rött&#0;&#7;").encode()),
        "twins": {"listed": (BAD, BAD + "-igen"), "faults": twin},
        "empty": bad(""),
        **{
            name: bad(write_release(more="<table>" + "<tr><td>1" * rows + "</table>"))
            for name, rows in (("million-rows", 1_000_000), ("many-rows", 100_000))
        },
        "deep-nesting": bad(write_release(more="<div>" * 90_000)),
        "long-line": bad(write_release(more=f"<p>{'Ett ord till. ' * 1_000_000}</p>")),
    }


def listings() -> dict[str, Given]:
    """Lists that are endless, or list the same releases for ever at other URLs."""
    many = write_listing(tuple(f"/nyheter/2024-{number}" for number in range(100_000)))
    sessions: dict[str, Callable[[str, str], str]] = {
        "known": lambda path, token: f"{path}?PHPSESSID={token}",
        "path": lambda path, token: f"{path};jsessionid={token}",
        "unknown": lambda path, token: f"{path}?xq={token}",
    }
    return {
        "links-100k": second(page(many)),
        "calendar-empty": second(endless(lambda _: ())),
        "calendar-same": second(endless(lambda _: GOOD)),
        "calendar-new": second(endless(lambda number: (f"/nyheter/2024-falsk-{number}",))),
        **{
            f"session-{name}": second(session(add), table={"listings": [SECOND]}, crawls=2)
            for name, add in sessions.items()
        },
    }


def endless(names: Callable[[int], tuple[str, ...]]) -> Break:
    """Return a listing with endless pages. names: returns the releases of a page."""

    def make(query: str) -> str:
        number = int(query.rpartition("=")[2] or "1")
        return write_listing(names(number), f"{SECOND}?sida={number + 1}")

    return Break(make=make)


def session(add: Callable[[str, str], str]) -> Break:
    """Return a listing in which each visit sees other URLs."""

    def make(_: str) -> str:
        token = secrets.token_hex(16)
        return write_listing(tuple(add(path, token) for path in GOOD))

    return Break(make=make)


def feeds(site: Site) -> dict[str, Given]:
    """Feeds that contain more than news."""

    def url(name: str) -> str:
        return f"http://{name}.localhost:{site.port}{GOOD[0]}"

    twice = tuple((title, url("feed-twice")) for title in ("Den ena", "Den andra"))
    texts = {
        "feed-bomb": write_feed((("&lol9;", url("feed-bomb")),), LAUGHS),
        "feed-outside": write_feed((("&a;&b;", url("feed-outside")),), OUTSIDE),
        "feed-twice": write_feed(twice),
    }
    return {
        name: {"table": {"feeds": [FEED]}, "faults": {FEED: page(text, XML)}}
        for name, text in texts.items()
    }


def nets(site: Site, tls_port: int) -> dict[str, Given]:
    """Hosts that do not exist or have a wrong identity."""
    homes = {
        "tls-stranger": f"https://tls-stranger.localhost:{tls_port}/",
        "tls-none": f"https://tls-none.localhost:{site.port}/",
        "dns": "http://borta.example/",
        "dns-private": "http://inre.example/",
    }
    return {name: {"home": home, "table": {"listings": [LISTING]}} for name, home in homes.items()}


def sitemaps(site: Site) -> dict[str, Given]:
    """Sitemaps that are large, crowded or circular."""

    def at(name: str, *paths: str) -> tuple[str, ...]:
        return tuple(f"http://{name}.localhost:{site.port}{path}" for path in paths)

    def deeper(query: str) -> str:
        number = int(query.rpartition("=")[2] or "1")
        return write_sitemap(at("sitemap-deep", f"{SITEMAP}?n={number + 1}"), index=True)

    others = (f"/om/{number}" for number in range(45_000))
    padding = " " * (SITEMAP_SIZE // 45_000 - 100)
    large = write_sitemap(at("sitemap-50mb", *others, *GOOD), padding=padding)
    packed = gzip.compress(large.replace("sitemap-50mb", "sitemap-50mb-gz").encode(), 6)
    crowd = at("sitemap-crowd", *(f"/nyheter/2024-{number}" for number in range(100_000)))
    loop = page(write_sitemap(at("sitemap-loop", SITEMAP, "/sitemap-2.xml"), index=True), XML)
    laughs = write_sitemap(("&lol9;",)).replace("?>\n", f"?>\n{LAUGHS}", 1)
    table = {"sitemaps": [SITEMAP]}
    return {
        "sitemap-50mb": {"table": table, "faults": {SITEMAP: page(large, XML)}},
        "sitemap-50mb-gz": {
            "table": {"sitemaps": [SITEMAP + ".gz"], "listings": []},
            "faults": {SITEMAP + ".gz": page(packed, "application/gzip")},
        },
        "sitemap-crowd": {"table": table, "faults": {SITEMAP: page(write_sitemap(crowd), XML)}},
        "sitemap-loop": {"table": table, "faults": {SITEMAP: loop, "/sitemap-2.xml": loop}},
        "sitemap-deep": {
            "table": table,
            "faults": {SITEMAP: Break(make=deeper, headers={"Content-Type": XML})},
        },
        "sitemap-bomb": {"table": table, "faults": {SITEMAP: page(laughs, XML)}},
    }
