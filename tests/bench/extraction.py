"""Measures parsing a page by step, compared with trafilatura and BeautifulSoup on the same
pages.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any
from unittest.mock import patch

import trafilatura
from bs4 import BeautifulSoup

from scraper.items import ReleaseItem
from scraper.normalise.conversion import to_release
from scraper.pages import page_classes as base
from scraper.pages.document import Document
from scraper.pages.page_classes import NewsPage
from tests.bench.crawl import WEIGHTS
from tests.bench.measure import each_cpu
from tests.site.client import get
from tests.site.server import Site

PAGES = 60
ROUNDS = 3
STEPS = {  # label: module and name of the function
    "contacts": (base, "find_contact_areas"),
    "noise dropped": (base, "drop_boilerplate"),
    "main element": (base, "find_main_element"),
    "title": (NewsPage, "extract_title"),
    "dates": (NewsPage, "extract_dates"),
    "tags": (NewsPage, "extract_tags"),
    "main element to BeautifulSoup": (NewsPage, "build_soup"),
    "blocks": (base, "read_blocks"),
    "lead": (NewsPage, "extract_lead"),
    "body, questions": (NewsPage, "extract_body"),
}


def measure_extraction() -> Iterator[str]:
    """Yield a table of CPU milliseconds per page by step, for each size."""
    tables = [measure(weight) for weight in WEIGHTS]
    yield f"CPU ms a page, median of {PAGES} releases of the sample site, by the weight of a page"
    yield f"{'':36}" + "".join(f"{weight // 1000:>9} kB" for weight in WEIGHTS)
    for name in tables[0]:
        yield f"{name:36}" + "".join(f"{table[name] * 1000:>12.2f}" for table in tables)
    for rival in ("trafilatura", "BeautifulSoup, parses only"):
        ratios = "".join(f"{table['together'] / table[rival]:>12.2f}" for table in tables)
        yield f"{'together, of ' + rival:36}{ratios}"


def measure(weight: int) -> dict[str, float]:
    """Return CPU seconds by step, and those of no step."""
    with Site(releases=PAGES, crawl_delay=None, weight=weight) as site:
        pages = {url: get(url, port=site.port).content for url in site.truth}
    costs: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for url, html in pages.items():
            for name, cost in read_by_step(html, url).items():
                costs[name].append(cost)
    table = {name: median(found) for name, found in costs.items()}
    ways: dict[str, Callable[[bytes, str], object]] = {
        "together": lambda html, url: to_release(read_page(Document(html, url))),
        "trafilatura": lambda html, url: trafilatura.bare_extraction(html, url=url),
        "BeautifulSoup, parses only": lambda html, url: BeautifulSoup(html, "lxml"),
    }
    return table | {name: each_cpu(pages, way) for name, way in ways.items()}


def read_page(document: Document) -> ReleaseItem:
    return base.choose_page_class(document, None)(document).read()


def read_by_step(html: bytes, url: str) -> dict[str, float]:
    """Parse a page, with a clock around each step."""
    costs = {"parse": 0.0, **dict.fromkeys(STEPS, 0.0)}
    with ExitStack() as stack:
        for name, (place, function) in STEPS.items():
            stack.enter_context(
                patch.object(place, function, clocked(getattr(place, function), name, costs))
            )
        begun = time.process_time()
        document = Document(html, url)
        costs["parse"] = time.process_time() - begun
        item = read_page(document)
        read = time.process_time()
        to_release(item)
        done = time.process_time()
    return {**costs, "the rest": read - begun - sum(costs.values()), "normalise": done - read}


def clocked(function: Any, name: str, costs: dict[str, float]) -> Any:
    """Return a function that adds its CPU time to that of its step."""

    def call(*arguments: Any) -> Any:
        begun = time.process_time()
        try:
            return function(*arguments)
        finally:
            costs[name] += time.process_time() - begun

    return call
