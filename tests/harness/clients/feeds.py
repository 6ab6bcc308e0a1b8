"""Reads feeds with feedparser and the library reader: each entry once, with dates that were really
stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import feedparser

from archive.health.health_report import FAULT_EVENTS_CONDITION
from archive.i18n import SWEDISH_TIME
from archive.times import parse_time
from tests.harness.clients.outcome import ClientMissingError
from tests.harness.clients.searches import EDITS, REMOVALS
from tests.harness.clients.served import ServedArchive

FEED_SIZE, FILLED_SIZE = 30, 20
CRAWLED = (  # an Atom feed with few new releases also has older ones that a crawl has read first
    "select 1 from revisions v join releases r on r.id = v.release where v.cause = 'first' and v.previous is null"
    " and r.published is not null and r.moved_to is null and r.takedown is not 'hidden'"
)
FAULT_EVENTS = f"select 1 from health_events e where {FAULT_EVENTS_CONDITION}"


def read_feed(served: ServedArchive, path: str) -> Any:
    """Parse a feed; raise ValueError if it is not well-formed."""
    response = served.get(path)
    feed = feedparser.parse(response.content, response_headers=dict(response.headers))
    if feed.bozo:
        raise ValueError(f"not well-formed: {feed.bozo_exception}")
    return feed


def find_faults(served: ServedArchive, feed: Any) -> list[str]:
    """Return what is wrong with entries: ids, dates, links, and dates that nobody stated."""
    faults = []
    ids = [entry.get("id") for entry in feed.entries]
    if len(set(ids)) != len(ids) or None in ids:
        faults.append(f"{len(ids)} entries, {len(set(ids))} ids")
    for what in [feed.feed, *feed.entries]:
        title = what.get("title", "")[:40]
        if not what.get("updated_parsed"):
            faults.append(f"no updated: {title}")
            continue
        if what.updated_parsed.tm_year < 1980:
            faults.append(f"updated {what.updated}: {title}")
        if datetime.fromisoformat(what.updated) > datetime.now(UTC) + timedelta(days=1):
            faults.append(f"updated {what.updated} is to come: {title}")
        if "published" in what and not what.get("published_parsed"):
            faults.append(f"published {what.published} is no date: {title}")
    faults += [
        f"no link: {entry.title[:40]}"
        for entry in feed.entries
        if not entry.get("link", "").startswith("http")
    ]
    return faults + [
        fault for entry in feed.entries if (fault := find_invented_date(served, entry))
    ]


def find_invented_date(served: ServedArchive, entry: Any) -> str | None:
    """Return how the dates of a release's entry differ from what its page states, or None."""
    kind, _, key = entry.id.rpartition(":")[2].partition("-")
    if kind != "release":
        return None
    rows = served.select(
        "select published from releases where id = ?", [int(key.partition("-")[0])]
    )
    stated = rows[0][0] if rows else None
    value = parse_time(stated) if stated else None
    if stated and len(stated) > len("2024-12-31"):
        assert isinstance(value, datetime)
        wrong = entry.get("published") is None or datetime.fromisoformat(entry.published) != value
        return f"published {entry.get('published')} for {stated}" if wrong else None
    if stated and len(stated) == len("2024-12-31"):
        if "published" not in entry:
            return None
        day = datetime.fromisoformat(entry.published).astimezone(SWEDISH_TIME).date()
        return None if day.isoformat() == stated else f"published {entry.published} for {stated}"
    first = f"{stated}-01T00:00"  # of the month that is stated
    invented = ["published"] if "published" in entry else []
    invented += ["updated"] if stated and first in entry.get("updated", "") else []
    return f"{' and '.join(invented)} {entry[invented[0]]} for {stated}" if invented else None


def describe_feed(served: ServedArchive, path: str) -> str:
    feed = read_feed(served, path)
    faults = find_faults(served, feed)
    rest = [f"and {len(faults) - 2} more"] if len(faults) > 2 else []
    return "; ".join([f"{len(feed.entries)} entries", *faults[:2], *rest])


def count_search_news(served: ServedArchive, words: str) -> int:
    """Return how many entries the feed of a search should have in an archive that was never
    crawled.
    """
    dated = served.select(
        "select id from releases where published is not null and moved_to is null"
    )
    return min(FEED_SIZE, len(served.find_matches(words) & {row[0] for row in dated}))


def list_feeds(served: ServedArchive) -> list[tuple[str, int | None]]:
    """Return feeds and the number of entries that each should have; None if its own JSON states the
    number.
    """
    return [
        ("/new.atom", None),
        ("/-/edits.atom", min(FEED_SIZE, served.count(EDITS))),
        ("/-/removed.atom", served.count(REMOVALS)),
        ("/-/takedowns.atom", served.count("select 1 from takedowns")),
        ("/-/status.atom", served.count(FAULT_EVENTS, {"before": 2**62})),
    ]


def count_rows_of_json(served: ServedArchive, path: str) -> int:
    """Return how many entries the feed of a list has, from the list as JSON."""
    page = served.get(path.replace(".atom", ".json")).json()
    rows = next(len(value) for value in page.values() if isinstance(value, list))
    return max(rows, min(FILLED_SIZE, served.count(CRAWLED)))


def check_feeds(served: ServedArchive, words: str) -> None:
    """Check the registers' feeds, and the feed of a search."""
    for path, expected in list_feeds(served):
        number = count_rows_of_json(served, path) if expected is None else expected
        what = path.removeprefix("/")
        served.check("feedparser", what, f"{number} entries", partial(describe_feed, served, path))
        if number:
            check_with_reader(served, path, number)
    search = f"/search.atom?q={quote(words)}"
    if served.count("select 1 from crawls"):
        # only new releases: compared with nothing but its own dates
        number = len(read_feed(served, search).entries)
    else:
        number = count_search_news(served, words)
    what = f"search.atom?q={words}"
    served.check("feedparser", what, f"{number} entries", lambda: describe_feed(served, search))
    if number:
        check_with_reader(served, search, number)


def check_with_reader(served: ServedArchive, path: str, number: int) -> None:
    """Check with the library reader: subscribe, update twice, and expect each entry once, with the
    feed's times.
    """

    def read() -> str:
        try:
            from reader import make_reader  # noqa: PLC0415 - an optional client, perhaps not installed
        except ImportError as error:
            raise ClientMissingError("no reader: make .venv/clients") from error
        url = f"{served.url}{path}"
        with make_reader(":memory:") as reader:
            reader.add_feed(url)
            reader.update_feed(url)
            again = reader.update_feed(url)
            feed = reader.get_feed(url)
            if feed.last_exception:
                raise ValueError(feed.last_exception.value_str)
            entries = list(reader.get_entries(feed=url))
        problems = describe_reader_problems(feed, entries, again)
        return "; ".join([f"{len(entries)} entries", *problems])

    served.check("reader", path.removeprefix("/").replace("%C3%A5", "å"), f"{number} entries", read)


def describe_reader_problems(feed: Any, entries: Sequence[Any], again: Any) -> list[str]:
    """Return what a reader's subscriber would notice."""
    problems = []
    if feed.updated is None or feed.updated.year < 1980:
        problems.append(f"feed updated {feed.updated}")
    if any(entry.updated is None or entry.updated.year < 1980 for entry in entries):
        problems.append("an entry without its time")
    if again is not None and (again.new or again.modified):
        problems.append(f"a second look found {again.new} new, {again.modified} modified")
    return problems
