"""Agencies made of stored real pages (`stored_hosts.toml`), which are read where they lie.

A listing, feed or sitemap is made of the pages' own titles, days and URLs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from tests.harness.survey.hosts import (
    ROBOTS,
    TEXT,
    XML,
    Entry,
    SurveyAgency,
    SurveyHost,
    add_service_pages,
    write_entries,
    write_page,
)
from tests.harness.weather.host import write_feed, write_sitemap
from tests.site.listing import PROJECT_LIST
from tests.site.mount import StoredPage
from tests.stored import ROOT, stored_rows

RSS = "application/rss+xml; charset=UTF-8"
PARTS = ("nordic", "pages", "questions")
MAX_PAGES = 10  # of an agency


def make_stored_agencies() -> dict[str, SurveyAgency]:
    """Return the agencies whose pages are in the folder of stored pages, by slug."""
    declared = tomllib.loads(PROJECT_LIST.read_text("utf-8"))
    given = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    agencies = {}
    for slug, host in given.items():
        table = {"name": host["name"], "home": host["home"]} if "home" in host else declared[slug]
        if list_entries(host):
            agencies[slug] = make_agency(host, table)
    return agencies


def make_agency(given: dict[str, Any], table: dict[str, Any]) -> SurveyAgency:
    """Return an agency with the hosts of its home page and of its stored pages."""
    home = urlsplit(table["home"])
    hosts = {name: SurveyHost(name, home.scheme) for name in (home.netloc, *given["pages"])}
    for page, _ in read_pages(given):
        parts = urlsplit(page.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        hosts[parts.netloc].pages[path] = page
    add_source(hosts[home.netloc], given, table)
    return SurveyAgency(table, list(hosts.values()))


def add_source(host: SurveyHost, given: dict[str, Any], table: dict[str, Any]) -> None:
    """Write the site of an agency with what lists its releases: a feed, a sitemap or a listing."""
    entries, name, path = list_entries(given), table["name"], given.get("path", "")
    menu = f'<a href="{path}">{given["link"]}</a>' if "link" in given else ""
    link = f'<link rel="alternate" type="application/rss+xml" href="{escape(path)}">'
    add_service_pages(host, name, menu, link if given["source"] == "feed" else "")
    if sitemap := given.get("sitemap"):
        host.write("/robots.txt", f"{ROBOTS}Sitemap: {urljoin(table['home'], sitemap)}\n", TEXT)
        host.write(sitemap, write_sitemap((table["home"], *(entry.url for entry in entries))), XML)
    if "robots" in given:
        host.write("/robots.txt", (ROOT / given["robots"]).read_bytes(), TEXT)
    if given["source"] == "feed":
        links = tuple((escape(entry.title), escape(entry.url)) for entry in entries)
        host.write(path, write_feed(links), RSS)
    elif given["source"] != "sitemap":
        add_listing(host, given, name, menu)


def add_listing(host: SurveyHost, given: dict[str, Any], name: str, menu: str) -> None:
    """Write the pages of a listing, each with a link to the next one."""
    entries, path = list_entries(given), given["path"]
    size = given.get("size", MAX_PAGES)
    for start in range(0, len(entries), size):
        number = start // size + 1
        content = f"<h1>{name}</h1>"
        content += write_entries(entries[start : start + size], given["source"])
        if start + size < len(entries):
            content += f'<a rel="next" href="{path}?page={number + 1}">Nästa</a>'
        address = path if number == 1 else f"{path}?page={number}"
        host.write(address, write_page(given.get("link", name), content, menu))


def list_entries(given: dict[str, Any]) -> list[Entry]:
    """Return the releases as their own pages state them, by the agreed results beside them."""
    return [
        Entry(page.url, row.get("title") or page.title, find_day(row))
        for page, row in read_pages(given)
    ]


def find_day(row: dict[str, Any]) -> str:
    """Return the day of publication, else of the last update, or nothing if neither is agreed."""
    days = (row.get(key) for key in ("published", "updated"))
    return next((day[:10] for day in days if day and day != "skip"), "")


def read_pages(given: dict[str, Any]) -> Iterator[tuple[StoredPage, dict[str, Any]]]:
    """Yield the first MAX_PAGES stored releases of an agency with their agreed results."""
    urls = set[str]()
    for part in [given["part"]] if "part" in given else PARTS:
        for row in stored_rows(part):
            url = row.get("url") or ""
            is_release = row.get("is_release", True) and "listing" not in row["file"]
            if urlsplit(url).netloc in given["pages"] and is_release and url not in urls:
                urls.add(url)
                yield StoredPage(url, ROOT / part / row["file"]), row
            if len(urls) == MAX_PAGES:
                return
