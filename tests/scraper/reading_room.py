"""Reads a sample agency's pages into an archive without a network: what the pipeline does, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from archive.dates import to_iso
from archive.quarantine import FieldLoss
from archive.quarantine import QuarantinedPage as Waiting
from archive.store import Archive, SaveResult
from scraper.agency import Agency
from scraper.ingest import CrawlRecorder, Ingest, review_quarantine
from scraper.pages import read_document
from scraper.pages.document import Document
from scraper.parsed_page import FetchedPage, ParsedPage
from scraper.quarantine import QuarantineCheck
from scraper.schedule import parse_schedule
from tests.site.agency import SampleAgency
from tests.site.releases import Release

SLUG = "skogsbruksradet"
LISTING = f"http://{SLUG}.localhost:8002/nyheter.html"
HELD = 30  # releases read before anything happens, by the fixture `room`


@dataclass
class ReadingRoom:
    """One agency's site, read at a time of its own that goes on by a minute a page."""

    path: Path
    site: SampleAgency = field(default_factory=lambda: SampleAgency(SLUG, 48, None))
    base: str = f"http://{SLUG}.localhost:8002"
    moment: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=2))

    def __enter__(self) -> Self:
        self.archive = Archive(self.path)
        self.witness = CrawlRecorder(self.archive, parse_schedule("else=1d"))
        self.archive.add_agency(SLUG, name="Skogsbruksrådet", home=f"{self.base}/")
        self.take_agency(Agency(slug=SLUG, name="Skogsbruksrådet", home=f"{self.base}/"))
        return self

    def __exit__(self, *_: object) -> None:
        self.witness.close()
        self.archive.close()

    def take_agency(self, agency: Agency) -> None:
        """Read by another table of agencies.toml from now on."""
        self.agency = agency
        self.keeping = Ingest(self.archive, self.witness, {SLUG: agency})

    @property
    def paths(self) -> list[str]:
        """Where the Swedish releases stand."""
        return [path for path, release in self.site.releases.items() if release.language == "sv"]

    def find(self, paths: list[str], source: str | None = None, links: int | None = None) -> None:
        """A source lists these; `links`: so many in all."""
        with self.archive.transaction():
            if source:
                self.archive.frontier.add(source, agency=SLUG, role="listing", seen_at=self.moment)
                self.archive.frontier.set_link_count(source, len(paths) if links is None else links)
            for path in paths:
                self.archive.frontier.add(
                    self.base + path, agency=SLUG, role="release", seen_at=self.moment, source=source
                )

    def read(self, path: str) -> ParsedPage:
        """What a page says now."""
        self.moment += timedelta(minutes=1)
        body, url = self.site.answer(path, "", self.base).make(), self.base + path
        row = self.archive.frontier.get(url)
        answer = FetchedPage(
            url=url, fetched_at=self.moment, status=200, headers={"etag": f'"{self.moment}"'}, body=body
        )
        held = row.release_id if row else None
        document = Document(body, url)
        item = read_document(document, self.agency)
        return ParsedPage(item=item, url=url, release_id=held, response=answer, document=document)

    def read_all(self, paths: list[str]) -> list[SaveResult]:
        """One crawl's readings, as far as it came before it was killed."""
        suspicion = QuarantineCheck(self.archive, SLUG)
        return [self.keeping.save(self.read(path), suspicion).outcome for path in paths]

    def crawl(self, paths: list[str]) -> tuple[list[SaveResult], list[FieldLoss]]:
        """One crawl to its end, judged."""
        outcomes, collapses = self.read_all(paths), review_quarantine(self.keeping, SLUG)[0]
        moment = to_iso(self.moment)
        with self.archive.transaction():
            self.archive.db.execute(
                "insert into crawls (agency, spider, started, finished, reason) values (?, 'news', ?, ?, 'finished')",
                [SLUG, moment, moment],
            )
        self.moment += timedelta(minutes=1)
        return outcomes, collapses

    def edit(self, at: str, **changes: Any) -> Release:
        """Let the agency change a release."""
        self.site.change(at, replace(self.site.releases[at], **changes), self.moment)
        return self.site.releases[changes.get("path", at)]

    def write(self, sql: str) -> None:
        """Change what the archive holds."""
        with self.archive.transaction():
            self.archive.db.execute(sql)

    def waiting(self) -> list[Waiting]:
        """What is held back."""
        return self.keeping.quarantine.list_pending(SLUG)

    def states(self) -> list[tuple[object, ...]]:
        """All that readers are shown."""
        return self.rows("select id, url, hash, revision from releases") + self.rows("select id, hash from revisions")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the archive holds."""
        return self.archive.db.execute(sql, values).fetchall()
