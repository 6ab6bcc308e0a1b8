"""Pages read and refused over several crawls: which could not be read, and which fields they tell no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import comb

from archive.health.past import Crawl, Past

FEW_PAGES, MANY_PAGES = 5, 12  # the newest pages, whose fields are held against those before
ENOUGH = 10  # of those before
USUAL, STEADY = 0.5, 0.9  # of those before must have told a field; when they were updated new pages do not tell yet
SURE = 0.001  # how unlikely by chance the collapse of a field must be


def pages_of(past: Past) -> list[Crawl]:
    """Crawls in which pages were asked for, and sources answered."""
    return [crawl for crawl in past.crawls if (crawl.good or bad_pages(crawl))]


def bad_pages(crawl: Crawl) -> int:
    """Pages of a crawl that could not be read."""
    faults = sum(crawl.page_faults.values()) if crawl.worked or crawl.spider == "revisit" else 0
    return max(faults, crawl["refused"])


def top_fault(met: Iterable[Mapping[str, int]]) -> str:
    """The kind of fault that is the most frequent, by name where several are; that a host is left in peace is none."""
    faults: Counter[str] = Counter()
    for one in met:
        faults.update(one)
    kinds = sorted(kind for kind in faults if kind != "host paused") or sorted(faults)
    return max(kinds, key=faults.__getitem__, default="other")


def find_lost(reads: Sequence[Crawl], accepted: Mapping[str, datetime]) -> Iterator[tuple[str, int, int]]:
    """Fields that collapsed to a third or less: name, and per cent of pages that told it before and now.

    accepted: fields that somebody found rightly missing, and when; of those only later crawls tell.
    """
    for name in sorted({name for crawl in reads for name in crawl.fills}):
        crawls = [crawl for crawl in reads if name not in accepted or crawl.started > accepted[name]]
        newest = take_pages(crawls, FEW_PAGES)
        for recent in (newest, take_pages(crawls, MANY_PAGES)):
            pages, told = count(recent, name)
            before, told_before = count(crawls[len(recent) :], name)
            share = (told_before + 1) / (before + 2)  # as if seen once with and once without (Laplace)
            enough = pages and before >= ENOUGH and share >= (STEADY if name == "updated" else USUAL)
            fell = 3 * max(rate(recent, name), rate(newest, name)) <= share
            if enough and fell and chance(told, pages, share) < SURE:
                yield name, round(100 * told_before / before), round(100 * told / pages)
                break


def take_pages(crawls: Sequence[Crawl], least: int) -> Sequence[Crawl]:
    """The newest crawls that together read so many pages; none where all of them did not."""
    pages = 0
    for number, crawl in enumerate(crawls, start=1):
        pages += crawl["read"]
        if pages >= least:
            return crawls[:number]
    return []


def count(crawls: Iterable[Crawl], name: str) -> tuple[int, int]:
    """Pages read, and how many told a field."""
    return sum(crawl["read"] for crawl in crawls), sum(crawl.fills.get(name, 0) for crawl in crawls)


def rate(crawls: Iterable[Crawl], name: str) -> float:
    """The share of pages that told a field."""
    pages, told = count(crawls, name)
    return told / pages if pages else 1.0


def chance(most: int, pages: int, share: float) -> float:
    """How likely it is that so few of some pages tell what a share of all does (binomial).

    >>> chance(0, 5, 0.9) < 0.001 < chance(0, 5, 0.7)
    True
    """
    return sum(comb(pages, told) * share**told * (1 - share) ** (pages - told) for told in range(most + 1))
