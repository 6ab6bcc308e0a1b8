"""Runs one crawl through all conditions at once, and checks the result of each."""

from __future__ import annotations

import re
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.harness.weather.fence import find_peak
from tests.harness.weather.host import LISTING, Weather, WeatherHost
from tests.harness.world.processes import run_command
from tests.scraper.crawling import Crawling
from tests.site.listing import write_toml
from tests.site.server import Site

SETTINGS = {
    "DOWNLOAD_TIMEOUT": "15",
    "RETRY_TIMES": "1",
    "RETRY_AFTER_MAX": "30",
    "LISTING_PAGES_MAX": "40",
    "LOG_LEVEL": "INFO",
}
URLS = {"feeds", "sitemaps", "listings"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one condition."""

    weather: Weather
    seen: str
    missed: str | None = None  # what differs from the expected result


@dataclass(frozen=True, slots=True)
class Passage:
    """The result of a crawl as a whole."""

    outcomes: list[Outcome]
    code: int
    peak: int  # peak memory in MB
    # stored releases of the healthy agencies, and their number on the site
    unharmed: tuple[int, int]
    printed: str


def cross(site: Site, weathers: list[Weather], folder: Path, patience: float = 400) -> Passage:
    """Crawl the healthy agencies and those with a fault, and check the results."""
    agencies = site.agencies_file(folder)
    with agencies.open("a", encoding="utf-8") as file:
        for weather in weathers:
            file.write(set_up(site, weather))
    site.mounted["annan.example"] = WeatherHost("annan.example", "http")
    crawling = Crawling(
        site, agencies, folder / "archive.db", patience, "tests.harness.weather.settings"
    )
    code, printed = crawling.finish(crawling.command(**SETTINGS))
    peak = find_peak(printed)
    again = ",".join(weather.name for weather in weathers if weather.crawls > 1)
    if again:
        _, more = crawling.finish(crawling.command("news", "-a", f"agency={again}", **SETTINGS))
        peak, printed = max(peak, find_peak(more)), printed + more
    ((held,),) = crawling.rows(
        f"select count(*) from releases where agency in ({', '.join('?' * len(site.agencies))})",
        *site.agencies,
    )
    return Passage(
        [judge(crawling, weather) for weather in weathers],
        code,
        peak,
        (held, len(site.truth)),
        printed,
    )


def set_up(site: Site, weather: Weather) -> str:
    """Set up the faults of a condition; return the agency's table."""
    host = f"{weather.name}.localhost"
    home = weather.home or f"http://{host}:{site.port}/"
    site.mounted[host] = WeatherHost(host, "http", listed=weather.listed)
    for path, fault in weather.faults.items():
        site.break_(
            f"http://{host}{path}", **{name: getattr(fault, name) for name in fault.__slots__}
        )
    table: dict[str, Any] = {"name": weather.name, "home": home, "releases": "^/nyheter/2024-"}
    table |= {} if "feeds" in weather.table else {"listings": [LISTING]}
    table |= weather.table
    for key in URLS & table.keys():
        table[key] = [home.rstrip("/") + path for path in table[key]]
    return "\n" + write_toml({weather.name: table})


def judge(crawling: Crawling, weather: Weather) -> Outcome:
    """Compare what the archive contains for a condition with what was weather."""
    slug, missed = weather.name, list[str]()
    rows = crawling.rows(
        "select state, coalesce(problem, '') from frontier where agency = ? and url like '%' || ?",
        slug,
        weather.path,
    )
    state, problem = rows[0] if rows else ("never found", "")
    ((held,),) = crawling.rows("select count(*) from releases where agency = ?", slug)
    told = (
        [str(value) for row in crawling.rows(weather.look, slug) for value in row]
        if weather.look
        else []
    )
    if weather.state and state != weather.state:
        missed.append(f"{state} instead of {weather.state}")
    if not re.search(weather.problem, problem):
        missed.append(f"the problem does not say /{weather.problem}/")
    if weather.held is not None and held != weather.held:
        missed.append(f"{held} held instead of {weather.held}")
    if weather.look and not any(re.search(weather.said, one) for one in told):
        missed.append(f"{told} does not say /{weather.said}/")
    if not crawling.rows("select 1 from crawls where agency = ? and finished is not null", slug):
        missed.append("its crawl has no end")
    seen = f"{state}, {held} held" + "".join(
        f"; {words}" for words in (shorten(problem), *map(shorten, told)) if words
    )
    return Outcome(weather, seen, "; ".join(missed) or None)


def shorten(problem: str) -> str:
    """Return a problem on one line, without its URL and anything that differs between runs.

    >>> shorten("http://a.localhost:1/nyheter/x: robots.txt of a:8001 answered 503 (since 2026-03-01T12:00:00+00:00)")
    'robots.txt of a answered 503'
    """
    line = re.sub(r"^https?://\S+: ", "", problem.replace("\n", " "))
    line = re.sub(r"(?<=[\w\]]):\d{4,5}\b| \(since [^)]*\)| until \d{4}-\d\d-\d\dT\S+", "", line)
    return line.replace("Getting ", "")[:100]


@contextmanager
def tls_server() -> Iterator[int]:
    """Yield the port of a host whose certificate is not signed by any authority."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
        files = ("-keyout", key, "-out", certificate)
        words = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=nagon.annan.example"
        run_command(*words.split(), *files)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
