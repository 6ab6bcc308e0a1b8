"""The spider of `scrapy survey`: surveys several agencies at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from scrapy.http import Response

from archive.database.sqlite_files import ProgressCallback
from scraper.agency import Agency
from scraper.crawl.crawl_stats import Deadline
from scraper.crawl.failures import classify_failure
from scraper.downloader.limits import IdentifiedSpider
from scraper.errors import SourceError
from scraper.probe import request_page
from scraper.survey.agency_survey import AgencySurvey
from scraper.survey.survey_record import SurveyRecord

logger = logging.getLogger(__name__)

AGENCIES_AT_ONCE = 24  # each with one request at a time


class SurveySpider(IdentifiedSpider):
    """Surveys agencies into a record; one request at a time to each host, as in crawls.

    known: all agencies in agencies.toml. Agencies that are not finished at the deadline, or when a
    stop is requested, are left for the next survey.
    """

    name = "survey"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # as in ProbeSpider
        "EXTENSIONS": {
            "scraper.downloader.limits.CrawlDelayExtension": 100,
            "scraper.crawl.deadline.InFlightLimit": 120,
        },
        "ITEM_PIPELINES": {},
    }

    def __init__(
        self,
        agencies: dict[str, Agency],
        known: dict[str, Agency],
        record: SurveyRecord,
        report_progress: ProgressCallback,
        deadline: Deadline,
    ) -> None:
        super().__init__()
        self.agencies, self.known, self.record = agencies, known, record
        self.report_progress, self.deadline = report_progress, deadline
        self.done = 0

    async def start(self) -> AsyncIterator[Any]:
        waiting = iter(self.agencies.values())
        surveys = [self.survey_agencies(waiting) for _ in range(AGENCIES_AT_ONCE)]
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self.deadline.ends_at):
                # when a stop is requested, Scrapy cancels this, and `gather` all surveys
                await asyncio.gather(*surveys)
        return
        yield  # Scrapy requires an async generator; everything was fetched above

    async def survey_agencies(self, waiting: Iterator[Agency]) -> None:
        for agency in waiting:
            survey = AgencySurvey(agency, self.known, partial(self.fetch, agency))
            try:
                self.record.save(await survey.run(), survey.responses)
            except Exception:  # whatever the error, the other agencies are surveyed
                logger.exception("%s: the survey failed", agency.slug)
            self.done += 1
            self.report_progress("surveying", self.done, len(self.agencies))

    async def fetch(self, agency: Agency, url: str) -> Response:
        is_rendered = agency.browser and url in agency.listings
        try:
            return await request_page(self.crawler, url, agency=agency.slug, browser=is_rendered)
        except SourceError as error:
            error.kind = classify_failure(error.__cause__)
            raise
