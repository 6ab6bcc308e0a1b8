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

from collections import Counter
from collections.abc import Sequence

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
    crawled = [source for source in agency.sources if source.is_crawled]
    proposed = [source for source in agency.sources if source.is_proposed]
    read = [page for page in agency.pages if page.is_crawled]
    faults = _find_faults(crawled, read)
    if not faults:
        return "works", []
    better_read = [page for page in agency.pages if page.is_proposed]
    better = _find_faults(proposed, better_read)
    is_better = not better or (not read and any(page.fields for page in better_read))
    if is_better and agency.proposed != agency.declared:
        is_wire = all(source.kind == "wire" for source in proposed)
        return "wire" if is_wire else "table", [*faults, *better]
    return _decide_unproposed(agency, crawled), [*agency.notes, *faults]


def _decide_unproposed(agency: SurveyedAgency, crawled: Sequence[SurveyedSource]) -> str:
    """Return the verdict on an agency for which no better table was found."""
    problems = " ".join(source.note or "" for source in crawled)
    is_scripted = agency.needs_javascript or "JavaScript" in problems
    if any(page.fields for page in agency.pages):
        return "doubts"
    if any(note.startswith("press wire") for note in agency.notes):
        return "wire"
    if any(source.failure in REFUSALS for source in crawled):
        return "refused"
    if is_scripted:
        return "browser"
    return "doubts" if crawled else "table"


def _count_links(sources: Sequence[SurveyedSource]) -> int:
    return max((source.links for source in sources), default=0)


def _find_faults(sources: Sequence[SurveyedSource], pages: Sequence[SurveyedPage]) -> list[str]:
    """Return what speaks against reading these sources, whose sample releases are `pages`."""
    faults = [] if sources else ["no list of releases was found"]
    clean = [page for page in pages if page.fields and not page.doubts]
    clean_counts = Counter(url for page in clean for url in page.sources)
    for source in sources:
        if source.problem or source.note:
            faults.append(f"{source.url}: {source.problem or source.note}")
        elif clean_counts[source.url] < min(source.links, MIN_CLEAN_PAGES):
            count = clean_counts[source.url]
            faults.append(f"{source.url}: releases of it that were read without doubt: {count}")
    if sources and len(clean) < max(2, min(_count_links(sources), MIN_CLEAN_PAGES)):
        faults.append(f"releases that were read without doubt: {len(clean)}")
    if clean and not any(page.fields.get("published") for page in clean):
        faults.append("no page states when it was published")
    urls = {doubt: page.url for page in reversed(pages) for doubt in page.faults}
    counts = Counter(doubt for page in pages for doubt in page.faults)
    for doubt, count in counts.items():
        faults.append(
            f"{urls[doubt]}: {doubt}{f' ({count} of {len(pages)} pages)' if count > 1 else ''}"
        )
    return faults + _find_shared_fields(clean)


def _find_shared_fields(pages: Sequence[SurveyedPage]) -> list[str]:
    """Return a fault for each text that several pages have, and a date that all have: they belong
    to the site, not to a release.
    """
    faults = []
    for name in ("title", "body", "published"):
        counts = Counter(str(page.fields.get(name)) for page in pages if page.fields.get(name))
        value, count = max(counts.items(), key=lambda pair: pair[1], default=("", 0))
        if count > 1 and (name != "published" or count == len(pages) >= MIN_CLEAN_PAGES):
            faults.append(f"{count} pages have the same {name}: {value[:60]!r}")
    return faults
