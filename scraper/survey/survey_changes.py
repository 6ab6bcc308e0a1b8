"""What differs between two surveys of an agency, and a survey of stored bytes to compare with."""

from __future__ import annotations

from collections.abc import Iterator

from scrapy.http import Response

from archive.database.sqlite_files import run_without_waiting
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.probe import shorten_line
from scraper.survey.agency_survey import AgencySurvey
from scraper.survey.survey_record import SurveyedAgency, SurveyedPage, SurveyRecord

MIN_TEMPLATE_SHARE = 0.7  # of the class names and ids of a template that a later one keeps
MAX_VALUE = 60  # characters of a value that are shown


def survey_stored(
    record: SurveyRecord, surveyed: SurveyedAgency, agency: Agency, known: dict[str, Agency]
) -> SurveyedAgency:
    """Survey an agency as its table and the parser are now, from the responses of an earlier
    survey, without any request.
    """
    responses = record.load_responses(surveyed)

    async def fetch(url: str) -> Response:
        stored = responses.get(url)
        if stored is None:
            raise SourceError(url, "was not requested in the survey")
        if stored.final_url is None or stored.sha256 is None:
            raise SourceError(url, stored.problem or "", stored.failure or "")
        return Response(stored.final_url, body=record.captures.read(stored.sha256))

    survey = AgencySurvey(agency, known, fetch, only=frozenset(responses))
    return run_without_waiting(survey.run())


def list_changes(before: SurveyedAgency, after: SurveyedAgency) -> list[str]:
    """Return what changed: the verdict, the site, its sources, and the fields of the same pages."""
    changes = []
    if before.verdict != after.verdict:
        changes.append(f"verdict: {before.verdict} → {after.verdict}")
    for name in ("final_home", "system", "problem"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            changes.append(f"{name.replace('_', ' ')}: {old or 'none'} → {new or 'none'}")
    if before.robots != after.robots:
        changes.append("robots.txt has changed")
    names, later_names = set(before.templates), set(after.templates)
    if names and len(names & later_names) < MIN_TEMPLATE_SHARE * len(names):
        share = len(names & later_names) / len(names)
        changes.append(f"template: {share:.0%} of its class names and ids are left")
    return [*changes, *_iter_source_changes(before, after), *_iter_page_changes(before, after)]


def _iter_source_changes(before: SurveyedAgency, after: SurveyedAgency) -> Iterator[str]:
    sources, later_sources = (
        {source.url: source for source in agency.sources if source.is_crawled}
        for agency in (before, after)
    )
    for url in sources | later_sources:
        states = [
            "not read" if source is None else source.problem or source.note or "complete"
            for source in (sources.get(url), later_sources.get(url))
        ]
        if states[0] != states[1]:
            yield f"{url}: {states[0]} → {states[1]}"


def _iter_page_changes(before: SurveyedAgency, after: SurveyedAgency) -> Iterator[str]:
    counts = [
        f"{sum(bool(page.faults) for page in agency.pages)} of {len(agency.pages)}"
        for agency in (before, after)
    ]
    if counts[0] != counts[1]:
        yield f"pages with doubts: {counts[0]} → {counts[1]}"
    later_pages = {page.url: page for page in after.pages}
    for page in before.pages:
        if later := later_pages.get(page.url):
            changes = [*_compare_fields(page, later), *_compare_faults(page, later)]
            yield from (f"{page.url}: {change}" for change in changes)
        elif page.fields:
            yield f"{page.url}: is not read any more"


def _compare_fields(before: SurveyedPage, after: SurveyedPage) -> Iterator[str]:
    for name in {**before.fields, **after.fields}:
        old, new = before.fields.get(name), after.fields.get(name)
        if old != new and name != "parser_version":
            effect = "worse: " if old and not new else "better: " if new and not old else ""
            texts = [shorten_line(str(value or "absent"), MAX_VALUE) for value in (old, new)]
            yield f"{effect}{name}: {texts[0]} → {texts[1]}"


def _compare_faults(before: SurveyedPage, after: SurveyedPage) -> Iterator[str]:
    yield from (f"better: no longer “{text}”" for text in before.faults if text not in after.faults)
    yield from (f"worse: {text}" for text in after.faults if text not in before.faults)
