"""The verdict on a surveyed agency, and the reasons for it.

works     a news crawl reads its releases; nothing speaks against it
doubts    a news crawl reads something, and a person has to look
table     the proposed table reads what the present one does not
browser   its list of releases is made by scripts
wire      its releases are only at a press wire
refused   its robots.txt or its server refuses our requests
gone      its site does not respond, or is another agency's now
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from scraper.survey.survey_record import SurveyedAgency, SurveyedPage, SurveyedSource

VERDICTS = ("doubts", "table", "works", "browser", "wire", "refused", "gone")  # as they are shown
# kinds of failures (see scraper/crawl/failures.py)
REFUSALS = frozenset(
    ("robots", "status 403", "status 429", "status 4xx", "block page", "consent wall", "login")
)
MIN_CLEAN_PAGES = 3  # releases without doubt that each source must have, or all of a short one


def decide(agency: SurveyedAgency) -> tuple[str, list[str]]:
    """Return the verdict on an agency, and the reasons."""
    if agency.failure:
        verdict = "refused" if agency.failure in REFUSALS else "gone"
        return verdict, [f"{agency.home}: {agency.problem}"]
    crawled, read = (_select(rows, "is_crawled") for rows in (agency.sources, agency.pages))
    faults = _find_faults(crawled, read)
    if not faults:
        return "works", []
    proposed, better_read = (
        _select(rows, "is_proposed") for rows in (agency.sources, agency.pages)
    )
    better = _find_faults(proposed, better_read)
    reads_first = not read and any(page.fields for page in better_read)
    if agency.proposed != agency.declared and (reads_first or not better):
        kinds = {source.kind for source in proposed}
        return "wire" if kinds == {"wire"} else "table", [*faults, *better]
    return _decide_unproposed(agency, crawled), [*agency.notes, *faults]


def _select(rows: Sequence[Any], attribute: str) -> list[Any]:
    return [row for row in rows if getattr(row, attribute)]


def _decide_unproposed(agency: SurveyedAgency, crawled: Sequence[SurveyedSource]) -> str:
    """Return the verdict on an agency for which no better table was found."""
    if agency.read:
        return "doubts"
    is_scripted = agency.needs_javascript or any("JavaScript" in str(row.note) for row in crawled)
    if any(note.startswith("press wire") for note in agency.notes):
        return "wire"
    if any(source.failure in REFUSALS for source in crawled):
        return "refused"
    if is_scripted:
        return "browser"
    return "doubts" if crawled else "table"


def _find_faults(sources: Sequence[SurveyedSource], pages: Sequence[SurveyedPage]) -> list[str]:
    """Return what speaks against reading these sources, whose sample releases are `pages`."""
    if not sources:
        return ["no list of releases was found"]
    clean = _select(pages, "is_clean")
    counts = Counter(url for page in clean for url in page.sources)
    faults = []
    for source in sources:
        if problem := source.problem or source.note:
            faults.append(f"{source.url}: {problem}")
        elif counts[source.url] < min(source.links, MIN_CLEAN_PAGES):
            faults.append(f"{source.url}: releases read without doubt: {counts[source.url]}")
    most = max(source.links for source in sources)
    if len(clean) < max(2, min(most, MIN_CLEAN_PAGES)):
        faults.append(f"releases read without doubt: {len(clean)}")
    return [*faults, *_count_doubts(pages), *_find_shared_fields(clean)]


def _count_doubts(pages: Sequence[SurveyedPage]) -> list[str]:
    """Return each doubt with the first page that has it, and the number of those pages."""
    urls = defaultdict[str, list[str]](list)
    for page in pages:
        for doubt in page.faults:
            urls[doubt].append(page.url)
    return [
        f"{found[0]}: {doubt}" + (f" ({len(found)} of {len(pages)} pages)" if found[1:] else "")
        for doubt, found in urls.items()
    ]


def _find_shared_fields(pages: Sequence[SurveyedPage]) -> list[str]:
    """Return a fault for each text that several pages have, and a date that all have: they belong
    to the site, not to a release.
    """
    faults = []
    if pages and not any(page.fields.get("published") for page in pages):
        faults.append("no page states when it was published")
    for name in ("title", "body", "published"):
        counts = Counter(str(page.fields.get(name)) for page in pages if page.fields.get(name))
        value, count = max(counts.items(), key=lambda pair: pair[1], default=("", 0))
        if count > 1 and (name != "published" or count == len(pages) >= MIN_CLEAN_PAGES):
            faults.append(f"{count} pages have the same {name}: {value[:60]!r}")
    return faults
