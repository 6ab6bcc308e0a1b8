"""Crawls of a sample agency without a network: the steps from a page to the archive, and no
more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from archive.database.quarantined_pages import FieldLoss, QuarantinedPage
from archive.store.releases import Archive, SaveResult
from archive.times import to_iso
from scraper.agency import Agency
from scraper.ingest.misreadings import QuarantineCheck
from scraper.ingest.parsed_page import FetchedPage, ParsedPage
from scraper.ingest.saving import CrawlRecorder, Ingest, review_quarantine
from scraper.pages.document import Document
from scraper.pages.page_reader import read_document
from scraper.revisit_schedule import parse_schedule
from tests.site.agency import SampleAgency
from tests.site.releases import Release

SLUG = "skogsbruksradet"
LISTING = f"http://{SLUG}.localhost:8002/nyheter.html"
STORED = 30  # releases in the archive of the fixture `offline`


@dataclass
class OfflineCrawl:
    """An agency's site and archive.

    `moment` is the time of the crawl; it advances by a minute a page.
    """

    path: Path
    site: SampleAgency = field(default_factory=lambda: SampleAgency(SLUG, 48, None))
    base: str = ""
    moment: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=2))
    new_captures: bool = False

    def __enter__(self) -> Self:
        self.slug = self.site.slug
        self.base = self.base or f"http://{self.slug}.localhost:8002"
        self.archive = Archive(self.path)
        self.recorder = CrawlRecorder(
            self.archive, parse_schedule("else=1d"), new_captures=self.new_captures
        )
        name, home = str(self.site.text["name"]), f"{self.base}/"
        self.archive.add_agency(self.slug, name=name, home=home)
        self.use_agency(Agency(slug=self.slug, name=name, home=home))
        return self

    def __exit__(self, *_: object) -> None:
        self.recorder.close()
        self.archive.close()

    def use_agency(self, agency: Agency) -> None:
        """Use another table of agencies.toml from now on."""
        self.agency = agency
        self.ingest = Ingest(self.archive, self.recorder, {self.slug: agency})

    @property
    def paths(self) -> list[str]:
        """The paths of the Swedish releases."""
        return [path for path, release in self.site.releases.items() if release.language == "sv"]

    def add_links(
        self, paths: list[str], source: str | None = None, links: int | None = None
    ) -> None:
        """Add pages to the frontier, as listed by `source`, which has `links` links in all."""
        with self.archive.transaction():
            if source:
                self.archive.frontier.add(
                    source, agency=self.slug, role="listing", seen_at=self.moment
                )
                self.archive.frontier.set_link_count(source, len(paths) if links is None else links)
            for path in paths:
                self.archive.frontier.add(
                    self.base + path,
                    agency=self.slug,
                    role="release",
                    seen_at=self.moment,
                    source=source,
                )

    def parse(self, path: str, **changes: Any) -> ParsedPage:
        """Fetch and parse a page; `changes` are made to the item."""
        self.moment += timedelta(minutes=1)
        body, url = self.site.answer(path, "", self.base).make(), self.base + path
        row = self.archive.frontier.get(url)
        response = FetchedPage(
            url=url,
            fetched_at=self.moment,
            status=200,
            headers={"etag": f'"{self.moment}"'},
            body=body,
        )
        document = Document(body, url)
        item = replace(read_document(document, self.agency), **changes)
        release_id = row.release_id if row else None
        return ParsedPage(
            item=item, url=url, release_id=release_id, response=response, document=document
        )

    def save(self, path: str, **changes: Any) -> SaveResult:
        """Store one page without a quarantine check."""
        return self.ingest.save(self.parse(path, **changes)).outcome

    def save_all(self, paths: list[str]) -> list[SaveResult]:
        """Store the pages of a crawl that is killed before its end."""
        check = QuarantineCheck(self.archive, self.slug)
        return [self.ingest.save(self.parse(path), check).outcome for path in paths]

    def crawl(self, paths: list[str]) -> tuple[list[SaveResult], list[FieldLoss]]:
        """Crawl pages and review the quarantine; return the outcomes and the field losses."""
        outcomes, losses = self.save_all(paths), review_quarantine(self.ingest, self.slug)[0]
        moment = to_iso(self.moment)
        with self.archive.transaction():
            self.archive.db.execute(
                "insert into crawls (agency, spider, started, finished, reason) values (?, 'news',"
                " ?, ?, 'finished')",
                [self.slug, moment, moment],
            )
        self.moment += timedelta(minutes=1)
        return outcomes, losses

    def edit(self, at: str, **changes: Any) -> Release:
        """Let the agency edit a release."""
        self.site.change(at, replace(self.site.releases[at], **changes), self.moment)
        return self.site.releases[changes.get("path", at)]

    def pending(self) -> list[QuarantinedPage]:
        return self.ingest.quarantine.list_pending(self.slug)

    def states(self) -> list[tuple[object, ...]]:
        """All states that readers are shown."""
        return self.rows("select id, url, hash, revision from releases") + self.rows(
            "select id, hash from revisions"
        )

    def causes(self, path: str) -> list[str]:
        """The causes of a release's revisions."""
        sql = (
            "select cause from revisions v join releases r on r.id = v.release where r.url = ?"
            " order by v.id"
        )
        return [cause for (cause,) in self.rows(sql, self.base + path)]

    def write(self, sql: str) -> None:
        with self.archive.transaction():
            self.archive.db.execute(sql)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.archive.db.execute(sql, values).fetchall()
