"""The verdict on a surveyed agency, and the reasons for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from scraper.survey.survey_record import SurveyedAgency, SurveyedPage

VERDICTS = {  # with their meanings, in the order of the report
    "doubts": "releases are read, but something speaks against them",
    "table": "the present table misses releases, and the proposed one reads them",
    "works": "three releases of each source were read, and nothing looked wrong",
    "browser": "scripts make the list or the pages",
    "wire": "the releases are only at a press wire",
    "refused": "robots.txt, a block page or a login keeps us out",
    "gone": "no such host, no response or an error, or another agency's site",
}
# kinds of failures (see scraper/crawl/failures.py)
REFUSALS = frozenset(
    (
        *("robots", "robots unreachable", "status 403", "status 429", "status 4xx"),
        *("block page", "consent wall", "login"),
    )
)
# if the home page could not be read; after any other failure, the verdict is `gone`
FAILURE_VERDICTS = dict.fromkeys(REFUSALS, "refused") | dict.fromkeys(
    ("our fault", "left out", "unreadable", "unreadable source", "no release"), "doubts"
)
MIN_CLEAN_PAGES = 3  # releases without doubt that each source must have, or all of a short one


def decide(agency: SurveyedAgency) -> tuple[str, list[str]]:
    """Return the verdict on an agency, and the reasons."""
    if agency.failure:
        verdict = FAILURE_VERDICTS.get(agency.failure, "gone")
        return verdict, [str(agency.problem)]
    faults = [*_find_faults(agency, "is_crawled"), *_find_missed_pages(agency)]
    if not faults:
        return "works", []
    better = _find_faults(agency, "is_proposed")
    is_first_read = agency.read > 0 and not _select(agency.pages, "is_crawled")
    if agency.proposed != agency.declared and (is_first_read or not better):
        kinds = {source.kind for source in agency.sources if source.is_proposed}
        return "wire" if kinds == {"wire"} else "table", [*faults, *better]
    return _decide_unproposed(agency), [*agency.notes, *faults]


def _decide_unproposed(agency: SurveyedAgency) -> str:
    """Return the verdict on an agency for which no better table was found."""
    if agency.read:
        return "doubts"
    if any(note.startswith("press wire") for note in agency.notes):
        return "wire"
    crawled = _select(agency.sources, "is_crawled")
    if any(row.failure in REFUSALS for row in (*crawled, *agency.pages)):
        return "refused"
    if agency.needs_javascript or any("JavaScript" in str(row.note) for row in crawled):
        return "browser"
    return "doubts" if crawled else "table"


def _select(rows: Sequence[Any], attribute: str) -> list[Any]:
    return [row for row in rows if getattr(row, attribute)]


def _find_faults(agency: SurveyedAgency, table: str) -> list[str]:
    """Return what speaks against a table: the present one, `is_crawled`, or `is_proposed`."""
    sources, pages = _select(agency.sources, table), _select(agency.pages, table)
    if not sources:
        return ["no list of releases was found"]
    clean = _select(pages, "is_clean")
    counts = Counter(url for page in clean for url in page.sources)
    faults = []
    for source in sources:
        problem, count = source.problem or source.note, counts[source.url]
        if count < max(1, min(source.links, MIN_CLEAN_PAGES)):
            problem = problem or f"lists {source.links} releases; read without doubt: {count}"
        if problem:
            faults.append(f"{source.url}: {problem}")
    if len(clean) < 2:
        faults.append(f"too few releases were read without doubt: {len(clean)}")
    return [*faults, *_count_doubts(pages), *_find_shared_fields(clean)]


def _find_missed_pages(agency: SurveyedAgency) -> list[str]:
    """Return a fault for each release that a crawl does not read, although it is in a feed or
    listing, or newer than those that a crawl reads.
    """
    newest = max((_get_day(page) for page in agency.pages if page.is_crawled), default="")
    lists = {source.url for source in agency.sources if source.kind != "sitemaps"}
    return [
        f"{page.url}: is not read by a crawl"
        for page in _select(agency.pages, "is_clean")
        if not page.is_crawled and (lists.intersection(page.sources) or _get_day(page) > newest)
    ]


def _get_day(page: SurveyedPage) -> str:
    return page.fields.get("published") or ""


def _count_doubts(pages: Sequence[SurveyedPage]) -> list[str]:
    """Return each doubt with a page that has it, and the number of those pages."""
    examples = {doubt: page.url for page in pages for doubt in page.faults}
    counts = Counter(doubt for page in pages for doubt in page.faults)
    return [
        f"{examples[doubt]}: {doubt} ({count} of {len(pages)} pages)"
        for doubt, count in counts.items()
    ]


def _find_shared_fields(pages: Sequence[SurveyedPage]) -> list[str]:
    """Return a fault for a title or body that several pages share, or a date that all share."""
    faults = []
    if pages and not any(map(_get_day, pages)):
        faults.append("no page states when it was published")
    fewest = {"title": 2, "body": 2, "published": max(len(pages), MIN_CLEAN_PAGES)}
    for name, number in fewest.items():
        counts = Counter(str(page.fields[name]) for page in pages if page.fields.get(name))
        faults += [
            f"{count} pages have the same {name}: {value[:60]!r}"
            for value, count in counts.items()
            if count >= number
        ]
    return faults
