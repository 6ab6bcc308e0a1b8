"""The figures beside a judgement: what the last crawls listed and found, fields told, and how we behaved as guests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from archive.health.fills import FIELDS
from archive.health.past import Crawl, Past
from archive.times import to_text

GUEST = timedelta(days=30)
LATEST = timedelta(days=7)  # whose faults are told
PAGES = 20  # the newest pages, whose fields are held against those before


def find_facts(past: Past, before: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps them; `before` are the last ones, for what lies further back than is read."""
    worked = next((crawl for crawl in past.crawls if crawl.worked), None)
    listed = next((crawl["listed"] for crawl in past.news if crawl.worked), before.get("listed"))
    recent = [crawl for crawl in past.crawls if past.now - crawl.started <= LATEST]
    faults: Counter[str] = Counter()
    for crawl in recent:
        faults.update(crawl.faults)
    return {
        "held": past.held,
        "listed": listed,
        "worked": to_text(worked.finished) if worked else before.get("worked"),
        "crawled": to_text(past.crawls[0].finished) if past.crawls else None,
        "found": sum(crawl["new"] for crawl in recent),
        "refused": sum(crawl["refused"] for crawl in recent),
        "held_back": past.held_back,
        "faults": dict(sorted(faults.items())),
        "fills": find_fills(past.reads),
        "guest": find_guest(past),
    }


def find_fills(crawls: Sequence[Crawl]) -> dict[str, list[int | None]]:
    """For each field, per cent of the newest pages that tell it, and of those before; none where no page was read."""
    pages, number = 0, 0
    for crawl in crawls:
        if pages >= PAGES:
            break
        pages, number = pages + crawl["read"], number + 1
    return {name: [share(crawls[:number], name), share(crawls[number:], name)] for name in FIELDS} if pages else {}


def share(crawls: Sequence[Crawl], name: str) -> int | None:
    """Per cent of the pages that tell a field."""
    pages = sum(crawl["read"] for crawl in crawls)
    return round(100 * sum(crawl.fills.get(name, 0) for crawl in crawls) / pages) if pages else None


def find_guest(past: Past) -> dict[str, Any]:
    """Thirty days of requests, and what robots.txt said last."""
    days = [day for day in past.days if past.now.date() - day.day < GUEST]
    delays = [day.delay for day in days if day.delay is not None]
    return {
        "requests": sum(day.requests for day in days),
        "bytes": sum(day.bytes for day in days),
        "not_modified": sum(day.not_modified for day in days),
        "delay": min(delays, default=None),
        "robots": next((crawl.robots for crawl in past.crawls if crawl.robots), None),
    }
