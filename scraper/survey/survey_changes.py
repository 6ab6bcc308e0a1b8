"""What differs between two surveys of an agency, and a survey of stored bytes to compare with."""

from __future__ import annotations

from typing import Any

from scrapy import Request
from scrapy.http import Response

from archive.database.sqlite_files import run_without_waiting
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.probe import shorten_line
from scraper.survey.survey_record import SurveyedAgency, SurveyedResponse, SurveyRecord
from scraper.survey.survey_spider import AgencySurvey

MIN_TEMPLATE_SHARE = 0.7  # of the class names and ids of a template that a later one keeps
MAX_VALUE = 60  # characters of a value that are shown
SITE_FACTS = ("verdict", "final_home", "system", "problem", "robots")
NOT_REQUESTED = "was not requested in the survey"
DOUBTS = "doubts"  # name of the fact that is better without a value


def survey_stored(
    record: SurveyRecord, surveyed: SurveyedAgency, agency: Agency, known: dict[str, Agency]
) -> SurveyedAgency:
    """Survey an agency as its table and the parser are now, from the responses of an earlier
    survey, without any request.
    """
    responses = record.load_responses(surveyed)

    async def fetch(url: str) -> Response:
        stored = responses.get(url, SurveyedResponse(url=url, problem=NOT_REQUESTED))
        if stored.final_url is None or stored.sha256 is None:
            raise SourceError(url, stored.problem or "", stored.failure or "")
        request = Request(url, meta={"redirect_urls": [url]})
        body = record.captures.read(stored.sha256)
        return Response(stored.final_url, body=body, request=request)

    only = responses.keys() - {surveyed.home, surveyed.final_home}
    only |= {page.url for page in surveyed.pages}  # files and records are read without a request
    survey = AgencySurvey(agency, known, fetch, record.captures, only=frozenset(only))
    return run_without_waiting(survey.run())


def list_changes(
    before: SurveyedAgency, after: SurveyedAgency, *, is_preview: bool = False
) -> list[str]:
    """Return what changed: the verdict, the site, the sources that a crawl reads, and the fields of
    the releases that both surveys read.

    is_preview: whether `after` was read from the bytes of `before`, so that a release that it lacks
    is no longer read; else newer ones may have taken its place.
    """
    urls, later_urls = ({page.url for page in agency.pages} for agency in (before, after))
    old, new = (_list_facts(agency, urls & later_urls) for agency in (before, after))
    changes = [
        _describe_change(where, name, old.get((where, name)), new.get((where, name)))
        for where, name in old | new
        if old.get((where, name)) != new.get((where, name))
    ]
    names = set(before.templates)
    share = len(names.intersection(after.templates)) / max(1, len(names))
    if names and share < MIN_TEMPLATE_SHARE:
        changes.append(f"template: {share:.0%} of its class names and ids are still there")
    if is_preview:
        changes += [f"{url}: worse: is no longer read" for url in sorted(urls - later_urls)]
    return changes


def _list_facts(agency: SurveyedAgency, urls: set[str]) -> dict[tuple[str, str], Any]:
    """Return what is compared: by "" or a URL, and a name. urls: of the releases."""
    facts = {("", name): getattr(agency, name) for name in SITE_FACTS}
    doubtful = sum(bool(page.faults) for page in agency.pages)
    facts["", "pages with doubts"] = f"{doubtful} of {len(agency.pages)}"
    for source in agency.sources:
        if source.is_crawled:
            facts[source.url, "source"] = source.problem or source.note or "complete"
    for page in agency.pages:
        if page.url in urls:
            facts |= {(page.url, name): value for name, value in page.fields.items()}
            facts[page.url, DOUBTS] = "; ".join(page.faults)
            facts[page.url, "parser_version"] = None  # which every change of the parser changes
    return facts


def _describe_change(url: str, name: str, old: object, new: object) -> str:
    where, effect = f"{url}: " if url else "", ""
    if url and bool(old) != bool(new):
        effect = "better: " if bool(new) == (name != DOUBTS) else "worse: "
    texts = [shorten_line(str(value or "absent"), MAX_VALUE) for value in (old, new)]
    return f"{where}{effect}{name.replace('_', ' ')}: {texts[0]} → {texts[1]}"
