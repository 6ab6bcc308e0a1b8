"""Network conditions: responses that never end, are cut off, decompress to huge sizes, or redirect
wrongly.
"""

from __future__ import annotations

import gzip
import zlib

import brotli  # type: ignore[import-untyped] # ships no types
import zstandard

from tests.harness.weather.host import BAD, GOOD, Expected, Weather, bad_page, page, write_release
from tests.harness.weather.speech import CHUNK, HEAD, drip, pour, say
from tests.site.knobs import Break
from tests.site.server import Site

ZEROS = 60_000_000  # decompressed bytes of a bomb, three times the limit
GIGABYTE = 10**9


def make_network(site: Site) -> list[Weather]:
    """Return every condition of this kind."""
    release = write_release().encode()
    return [*slow_and_large(release), *bombs(), *broken_off(release), *redirects(site), *too_much()]


def failed(problem: str, outcome: str) -> Expected:
    """Expect that the URL is retried later and the good releases are stored."""
    return Expected(state="failed", problem=problem, outcome=outcome)


def refused(problem: str, outcome: str) -> Expected:
    """Expect that the URL is rejected and the good releases are stored."""
    return Expected(state="rejected", problem=problem, outcome=outcome)


def slow_and_large(release: bytes) -> list[Weather]:
    """Return conditions with responses without an end in time or size."""
    late = failed("took longer than", "failed: too slow")
    large = failed("larger than|IN_FLIGHT_MAX", "failed: too large")
    many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 8000) for number in range(50_000))
    return [
        Weather(
            name="slow-bytes",
            sky="a byte every 0.3 s",
            expected=late,
            faults=bad_page(drip(HEAD + b"\r\n", release, 0.3)),
        ),
        Weather(
            name="slow-header",
            sky="the status line, a byte every 0.3 s",
            expected=late,
            faults=bad_page(drip(b"", HEAD, 0.3)),
        ),
        Weather(
            name="endless-body",
            sky="chunks without an end",
            expected=large,
            faults=bad_page(
                pour(HEAD + b"Transfer-Encoding: chunked\r\n", CHUNK, 10**6, chunked=True)
            ),
        ),
        Weather(
            name="gigabyte",
            sky="1 GB, as its Content-Length says",
            expected=large,
            faults=bad_page(
                pour(HEAD + b"Content-Length: %d\r\n" % GIGABYTE, CHUNK, GIGABYTE // len(CHUNK))
            ),
        ),
        Weather(
            name="endless-headers",
            sky="400 MB of header lines",
            expected=failed("longer|large|many|too|lost|Download", "failed: too many headers"),
            faults=bad_page(say(HEAD, many, b"\r\n", release)),
        ),
    ]


def bombs() -> list[Weather]:
    """Return conditions with decompression bombs."""
    gzipped, zeros = gzip.compress(bytes(ZEROS), 9), bytes(ZEROS)
    packed = {
        "gzip": gzipped,
        "br": brotli.compress(zeros, quality=5),
        "zstd": zstandard.compress(zeros),
        "deflate": zlib.compress(zeros, 9),
        "gzip, gzip": gzip.compress(gzipped, 9),
    }
    expected = failed("decompresses from", "failed: unpacks to too much")
    return [
        Weather(
            name="bomb-" + encoding.replace(", ", "-in-"),
            sky=f"{encoding}: {len(body):,} bytes that unpack to {ZEROS // 10**6} MB",
            expected=expected,
            faults={
                BAD: Break(
                    body=body, headers={"Content-Type": "text/html", "Content-Encoding": encoding}
                )
            },
        )
        for encoding, body in packed.items()
    ]


def broken_off(release: bytes) -> list[Weather]:
    """Return conditions with truncated responses."""
    half = release[: len(release) // 2]
    packed, gzipped = (
        gzip.compress(release),
        {"Content-Type": "text/html", "Content-Encoding": "gzip"},
    )
    short = HEAD + b"Content-Length: %d\r\n\r\n" % (len(release) - 9)
    return [
        Weather(
            name="reset",
            sky="the connection is reset",
            expected=failed("Download|Connection", "failed: broken off"),
            faults={BAD: Break(reset=True)},
        ),
        Weather(
            name="truncated",
            sky="half the bytes that were promised",
            expected=failed("DataLoss", "failed: bytes are missing"),
            faults=bad_page(say(HEAD, b"Content-Length: %d\r\n\r\n" % len(release), half)),
        ),
        Weather(
            name="truncated-chunks",
            sky="chunks that break off",
            expected=failed("DataLoss", "failed: bytes are missing"),
            faults=bad_page(
                say(HEAD, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(release), half)
            ),
        ),
        Weather(
            name="truncated-gzip",
            sky="half a gzip stream, as long as promised",
            expected=failed("gzip body ends too early", "failed: the stream does not end"),
            faults={BAD: Break(body=packed[: len(packed) // 2], headers=gzipped)},
        ),
        Weather(
            name="truncated-page",
            sky="half a page and no length",
            expected=failed("closed before the end of the page", "failed: the page does not end"),
            faults=bad_page(say(HEAD, b"\r\n", half)),
        ),
        Weather(
            name="wrong-length",
            sky="a Content-Length that is 9 bytes short",
            expected=Expected(state="stored", held=4, outcome="held, as long as promised"),
            faults=bad_page(say(short, release)),
        ),
        Weather(
            name="no-http",
            sky="something that is no HTTP",
            expected=failed("Download", "failed: no HTTP"),
            faults=bad_page(say(b"220 ftp ready\r\n")),
        ),
    ]


def redirects(site: Site) -> list[Weather]:
    """Return conditions with wrong redirects."""
    port = site.port
    targets = {
        "loop": (BAD + "?om", "max redirections", "failed"),
        "other-host": (
            f"http://annan.example:{port}{GOOD[0]}",
            "redirected to another host",
            "rejected",
        ),
        "loopback": (f"http://127.0.0.1:{port}/-/counts", "not a public address", "rejected"),
        "ipv6-loopback": (f"http://[::ffff:127.0.0.1]:{port}/", "not a public address", "rejected"),
        "number": ("http://2130706433/", "not a public name", "rejected"),
        "metadata": (
            "http://169.254.169.254/latest/meta-data/",
            "not a public address",
            "rejected",
        ),
        "private-name": (f"http://inre.example:{port}/", r"leads to 10\.0\.0\.5", "rejected"),
        "rebound-name": (f"http://hem.example:{port}/", r"leads to 127\.0\.0\.1", "rejected"),
        "metadata-name": ("http://moln.example/latest/", r"leads to 169\.254", "rejected"),
        "neighbour": (site.url("skogsbruksradet"), "not a public name", "rejected"),
        "file": ("file:///etc/passwd", "answered 302", "failed"),
        "ftp": ("ftp://annan.example/x", "answered 302", "failed"),
    }
    return [
        Weather(
            name=f"redirect-{name}",
            sky=f"a redirect to {target.replace(f':{port}', '')}"
            if name != "loop"
            else "a redirect to itself",
            expected=Expected(state=state, problem=problem, outcome=f"{state}: not followed"),
            faults={BAD: Break(status=302, headers={"Location": target})},
        )
        for name, (target, problem, state) in targets.items()
    ]


def too_much() -> list[Weather]:
    """Return conditions with overloaded servers."""
    hosts = "select pause_reason || ' until ' || paused_until from hosts where host like ? || '.%'"
    pages = [
        Weather(
            name=f"status-{status}",
            sky=f"{status} without Retry-After",
            expected=failed(f"answered {status}", "failed: tried again later"),
            faults={BAD: Break(status=status)},
        )
        for status in (429, 503)
    ]
    waits = [
        Weather(
            name=f"status-{status}-wait",
            sky=f"{status} once, Retry-After: 1",
            expected=Expected(state="stored", held=4, outcome="held, after the wait"),
            faults={BAD: Break(status=status, headers={"Retry-After": "1"}, times=1)},
        )
        for status in (429, 503)
    ]
    return [
        *pages,
        *waits,
        Weather(
            name="status-503-day",
            sky="503, Retry-After: a day",
            listed=(BAD, *GOOD),
            expected=Expected(
                state="due",
                held=None,
                look=hosts,
                said="asked to wait 86400 s",
                outcome="left in peace for a day",
            ),
            faults={BAD: Break(status=503, headers={"Retry-After": "86400"})},
        ),
        Weather(
            name="status-429-all",
            sky="429 to every page",
            expected=Expected(
                state=None,
                held=0,
                look=hosts,
                said="did not respond|in a row",
                outcome="left in peace, longer each time",
            ),
            listed=tuple(f"/nyheter/2024-{number}" for number in range(8)),
            faults={f"/nyheter/2024-{number}": Break(status=429) for number in range(8)},
        ),
        Weather(
            name="robots-503",
            sky="robots.txt answers 503",
            expected=Expected(
                state="failed",
                path="/nyheter/",
                problem="robots.txt of .* answered 503",
                held=0,
                outcome="nothing is asked",
            ),
            faults={"/robots.txt": page("", status=503)},
        ),
        Weather(
            name="robots-redirect",
            sky="robots.txt leads to 127.0.0.1",
            expected=Expected(
                state="failed",
                path="/nyheter/",
                problem="robots.txt of .* not a public",
                held=0,
                outcome="nothing is asked",
            ),
            faults={
                "/robots.txt": Break(
                    status=302, headers={"Location": "http://127.0.0.1:1/robots.txt"}
                )
            },
        ),
        Weather(
            name="robots-5mb",
            sky="robots.txt of 5 MB",
            expected=Expected(state="stored", held=4, outcome="held; its first 512 kB are read"),
            faults={
                "/robots.txt": page(
                    "User-agent: *\n" + "Disallow: /a/*/b*c$\n" * 250_000, "text/plain"
                )
            },
        ),
    ]
