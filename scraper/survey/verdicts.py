"""Decides the verdict on a surveyed agency, and gives the reasons."""

from __future__ import annotations

from collections import Counter

from archive.database.quarantined_pages import UNIQUE_FIELDS
from scraper.survey.survey_record import Row, select

# types of failures (see scraper/crawl/failures.py)
REFUSALS = frozenset(
    (
        *("robots", "robots unreachable", "status 403", "status 429", "status 4xx"),
        *("block page", "consent wall", "login"),
    )
)
GONE_FAILURES = frozenset(("status 404", "error page"))
# if the home page could not be read; after any other failure, the verdict is `gone`
FAILURE_VERDICTS = dict.fromkeys(REFUSALS, "refused") | dict.fromkeys(
    ("our fault", "left out", "unreadable", "unreadable source", "no release"), "doubts"
)
NOTHING_LISTED = (
    "no link is taken for a release; if it shows some, set `releases`, or `files` for documents"
)
MIN_CLEAN_PAGES = 3  # releases without doubt that each source must have, or all of a short one


def decide(row: Row) -> tuple[str, list[str]]:
    """Return the verdict on an agency (one of scraper.agency.VERDICTS), and the reasons for it."""
    if row["failure"]:
        return FAILURE_VERDICTS.get(row["failure"], "gone"), [row["problem"]]
    pages = row["pages"]
    faults = [*_find_faults(row, "is_crawled"), *_find_missed_pages(pages, row["sources"])]
    if not faults:
        return "works", []
    if _are_one_page(pages):
        reason = f"{pages[0]['url']}: is the same page as all {len(pages)} releases"
        return "browser" if row["needs_javascript"] else "refused", [reason, *faults]
    better = _find_faults(row, "is_proposed")
    if row["proposed"] != row["declared"] and (_is_first_read(pages) or not better):
        kinds = {source["kind"] for source in select(row["sources"], "is_proposed")}
        return "wire" if kinds == {"wire"} else "table", [*faults, *better]
    return _decide_unproposed(row), [*row["notes"], *faults]


def _is_first_read(pages: list[Row]) -> bool:
    # whether only the proposed table finds releases
    return bool(select(pages, "fields")) and not select(pages, "is_crawled")


def _decide_unproposed(row: Row) -> str:
    if select(row["pages"], "fields"):
        return "doubts"
    crawled = select(row["sources"], "is_crawled")
    if any(note.startswith("press wire") for note in row["notes"]):
        return "wire"
    if any(each["failure"] in REFUSALS for each in (*crawled, *row["pages"])):
        return "refused"
    if row["needs_javascript"] or any("JavaScript" in str(source["note"]) for source in crawled):
        return "browser"
    return "table" if set(map(_find_problem, crawled)) <= {NOTHING_LISTED} else "doubts"


def _are_one_page(pages: list[Row]) -> bool:
    """Return whether there are several pages and all are the same.

    An example is a wall that was not recognised.
    """
    return len(pages) > 1 and len({_identify(page) or page["url"] for page in pages}) == 1


def _identify(page: Row) -> object:
    """Return a value that no two releases should share.

    The value consists of the page's texts (the UNIQUE_FIELDS of the quarantine) or, if the page has
    no body, of its hash. Returns None for a page that is gone, or whose bytes are not stored.
    """
    if page["fields"].get("body"):
        return tuple(page["fields"].get(name) for name in UNIQUE_FIELDS)
    return None if page["failure"] in GONE_FAILURES else page["sha256"]


def _find_faults(row: Row, table: str) -> list[str]:
    """Return what is wrong with the results of a table, as lines of text.

    table: `is_crawled` for the current table, `is_proposed` for the proposed one.
    """
    sources, pages = select(row["sources"], table), select(row["pages"], table)
    if not sources:
        return ["no list of releases was found"]
    clean = list(filter(_is_clean, pages))
    counts = Counter(url for page in clean for url in page["sources"])
    faults = []
    for source in sources:
        if problem := _find_problem(source, counts[source["url"]]):
            faults.append(f"{source['url']}: {problem}")
    if len(clean) < 2:
        faults.append(f"too few releases were read without doubt: {len(clean)}")
    return [*faults, *_count_doubts(pages), *_find_shared_fields(clean)]


def _find_problem(source: Row, count: int = 0) -> str | None:
    # count: releases of the source that were read without doubt
    problem: str | None = source["problem"] or source["note"]
    if not problem and count < min(source["links"], MIN_CLEAN_PAGES):
        return f"lists {source['links']} releases; read without doubt: {count}"
    return problem if problem or source["links"] else NOTHING_LISTED


def _is_clean(page: Row) -> bool:
    return bool(page["fields"]) and not page["doubts"]


def _find_missed_pages(pages: list[Row], sources: list[Row]) -> list[str]:
    """Return a line for each release that a crawl with the current table should read but misses.
    Only releases that are in a feed or listing, or are newer than all releases that the crawl
    reads, are included.
    """
    newest = max((_get_day(page) for page in pages if page["is_crawled"]), default="")
    lists = {source["url"] for source in sources if source["kind"] != "sitemaps"}
    return [
        f"{page['url']}: is not read by a crawl"
        for page in pages
        if _is_clean(page) and not page["is_crawled"]
        if lists.intersection(page["sources"]) or _get_day(page) > newest
    ]


def _get_day(page: Row) -> str:
    return page["fields"].get("published") or ""


def _count_doubts(pages: list[Row]) -> list[str]:
    """Return a line for each doubt, with an example page and the number of pages."""
    doubts = [(doubt, page["url"]) for page in pages for doubt in list_doubts(page)]
    examples, counts = dict(doubts), Counter(doubt for doubt, _ in doubts)
    return [
        f"{examples[doubt]}: {doubt} ({count} of {len(pages)} pages)"
        for doubt, count in counts.items()
    ]


def list_doubts(page: Row) -> list[str]:
    """Return the doubts about a page. If the page is not a release, the reason comes first."""
    return [*filter(None, [page["problem"]]), *page["doubts"]]


def _find_shared_fields(pages: list[Row]) -> list[str]:
    """Return a line for each title or body that several pages share.

    A line about the date is added if all pages share the same date, or if no page has a date.
    """
    faults = []
    if pages and not any(map(_get_day, pages)):
        faults.append("no page states when it was published")
    for name in ("title", "body", "published"):
        counts = Counter(str(page["fields"][name]) for page in pages if page["fields"].get(name))
        fewest = max(len(pages), MIN_CLEAN_PAGES) if name == "published" else 2
        faults += [
            f"{count} pages have the same {name}: {value[:60]!r}"
            for value, count in counts.items()
            if count >= fewest
        ]
    return faults
