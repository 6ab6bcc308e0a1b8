"""survey.db: what a survey found of each agency, and captures.db beside it with the pages' bytes.

    agencies    one row each time an agency is tried: slug · tried · found, a SurveyedAgency ·
                responses, a list of SurveyedResponse, both as JSON

A survey has a folder of its own, apart from any archive. The row of a try is written when the
agency is done, so a survey that is killed loses only the agencies that it was reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from archive.database.captures import Captures
from archive.database.sqlite_files import (
    ArchiveError,
    open_readonly,
    open_writable,
    sqlite_errors,
    write_transaction,
)
from archive.i18n import to_swedish_day
from scraper.agency import SurveyMark

SURVEY_FILE = "survey.db"
SURVEY_SCHEMA = (
    "create table if not exists agencies (slug text not null, tried text not null,"
    " found text not null, responses text not null, primary key (slug, tried))"
)


@dataclass(slots=True, kw_only=True)
class SurveyedSource:
    """A feed, sitemap or listing that was requested.

    kind: key of the agency: feeds, sitemaps, listings or wire. is_declared: whether the present
    table names it. is_crawled: whether a crawl with that table reads it; is_proposed: with the
    proposed one. problem: why it is left out; failure: the kind of that failure (see
    scraper/crawl/failures.py), if it was one. note: why it may list more than was read.
    """

    kind: str
    url: str
    is_declared: bool = False
    is_crawled: bool = False
    is_proposed: bool = False
    links: int = 0
    problem: str | None = None
    failure: str | None = None
    note: str | None = None


@dataclass(slots=True, kw_only=True)
class SurveyedPage:
    """A page read as a release.

    sources: the URLs that list it. is_crawled, is_proposed: as for sources. fields: the release as
    it would be stored, empty if there is none. problem: why there is none. right: what a person
    said of the fields; None if nobody was asked. judged: when.
    """

    url: str
    sources: list[str] = field(default_factory=list)
    is_crawled: bool = False
    is_proposed: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    failure: str | None = None
    doubts: list[str] = field(default_factory=list)
    right: bool | None = None
    judged: str | None = None

    @property
    def faults(self) -> list[str]:
        """Return why it is no release, and the doubts."""
        return [*filter(None, [self.problem]), *self.doubts]

    @property
    def is_clean(self) -> bool:
        return bool(self.fields) and not self.doubts


@dataclass(slots=True, kw_only=True)
class SurveyedResponse:
    """What an address answered: a body, which is in captures.db, or a problem and its kind."""

    url: str
    final_url: str | None = None  # after redirects; None: no body was received
    sha256: str | None = None
    problem: str | None = None
    failure: str | None = None


@dataclass(slots=True, kw_only=True)
class SurveyedAgency:
    """What one try of an agency found.

    tried: time in ISO 8601. verdict: see scraper/survey/verdicts.py. declared: its table in
    agencies.toml; proposed: the table that the probe proposes. final_home: where its home page
    redirected to. problem: why nothing could be read; failure: the kind of that failure. robots:
    the SHA-256 of its robots.txt, which is in captures.db. templates: class names and ids that all
    pages share.
    """

    slug: str
    name: str
    home: str
    tried: str
    verdict: str = ""
    reasons: list[str] = field(default_factory=list)
    declared: str | None = None
    proposed: str | None = None
    final_home: str | None = None
    problem: str | None = None
    failure: str | None = None
    system: str | None = None  # the CMS, as the name of its page class
    robots: str | None = None
    needs_javascript: bool = False
    templates: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    sources: list[SurveyedSource] = field(default_factory=list)
    pages: list[SurveyedPage] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Return the number of pages that were read as releases."""
        return sum(bool(page.fields) for page in self.pages)

    @property
    def crawled_pages(self) -> list[SurveyedPage]:
        """Return the pages that a crawl reads: with the proposed table if that is needed, else with
        the present one.
        """
        table = "is_proposed" if self.verdict in ("table", "wire") else "is_crawled"
        return [page for page in self.pages if getattr(page, table)]

    @property
    def mark(self) -> SurveyMark:
        """Return the mark for its table in agencies.toml."""
        pages = self.crawled_pages
        mark = SurveyMark(
            tried=to_swedish_day(self.tried),
            verdict=self.verdict,
            read=sum(bool(page.fields) for page in pages),
        )
        judged = [page.judged for page in pages if page.judged]
        if not judged:
            return mark
        right = sum(page.right is True for page in pages)
        return replace(mark, judged=len(judged), right=right, seen=to_swedish_day(max(judged)))


class SurveyRecord(AbstractContextManager["SurveyRecord"]):
    """The record of a survey in its folder; a context manager.

    create: whether the folder and its files are created; without it, or if it is opened `readonly`,
    they must exist. Raises ArchiveError if the files cannot be opened, read or written.
    """

    def __init__(self, folder: Path, *, readonly: bool = False, create: bool = True) -> None:
        self.path = folder / SURVEY_FILE
        if (readonly or not create) and not self.path.is_file():
            raise ArchiveError(self.path, "no such file: nothing was surveyed in this folder yet")
        folder.mkdir(parents=True, exist_ok=True)
        with sqlite_errors(self.path, "cannot be opened"):
            self._db = open_readonly(self.path) if readonly else open_writable(self.path)
            if not readonly:
                self._db.execute(SURVEY_SCHEMA)
        self.captures = Captures(self.path, readonly=readonly)

    def __exit__(self, *_: object) -> None:
        self.captures.close()
        self._db.close()

    def save(self, agency: SurveyedAgency, responses: Iterable[SurveyedResponse]) -> None:
        """Store a try of an agency, with its responses."""
        self._keep_judgements(agency)
        rows = json.dumps([asdict(response) for response in responses], ensure_ascii=False)
        with sqlite_errors(self.path, key=agency.slug), write_transaction(self._db):
            values = [agency.slug, agency.tried, _to_json(agency), rows]
            self._db.execute("insert into agencies values (?, ?, ?, ?)", values)

    def _keep_judgements(self, agency: SurveyedAgency) -> None:
        """Copy what a person said of releases that were read with the same fields the last time."""
        for earlier in self.load_tries(agency.slug):
            judged = {page.url: page for page in earlier.pages if page.judged}
            for page in agency.pages:
                same = judged.get(page.url)
                if same and same.fields == page.fields:
                    page.right, page.judged = same.right, same.judged

    def update(self, agency: SurveyedAgency) -> None:
        """Store what a person said of a try's pages."""
        with sqlite_errors(self.path, key=agency.slug), write_transaction(self._db):
            values = [_to_json(agency), agency.slug, agency.tried]
            self._db.execute("update agencies set found = ? where slug = ? and tried = ?", values)

    def list_slugs(self, since: str = "") -> list[str]:
        """Return the agencies that were tried at or after a time, in the order of their slugs."""
        sql = "select slug from agencies group by slug having max(tried) >= ? order by slug"
        return [slug for (slug,) in self._query(sql, since)]

    def load_all(self) -> list[SurveyedAgency]:
        """Return the last try of each agency."""
        return [self.load_tries(slug)[0] for slug in self.list_slugs()]

    def load_tries(self, slug: str, limit: int = 1) -> list[SurveyedAgency]:
        """Return the last tries of an agency, the latest first."""
        sql = "select found from agencies where slug = ? order by tried desc limit ?"
        return [_parse_agency(found) for (found,) in self._query(sql, slug, limit)]

    def load_responses(self, agency: SurveyedAgency) -> dict[str, SurveyedResponse]:
        """Return what each address answered in a try, by the address that was requested.

        The bodies are in `captures`.
        """
        sql = "select responses from agencies where slug = ? and tried = ?"
        ((rows,),) = self._query(sql, agency.slug, agency.tried)
        return {row["url"]: SurveyedResponse(**row) for row in json.loads(rows)}

    def _query(self, sql: str, *values: object) -> list[Any]:
        with sqlite_errors(self.path):
            return self._db.execute(sql, values).fetchall()


def _to_json(agency: SurveyedAgency) -> str:
    return json.dumps(asdict(agency), ensure_ascii=False)


def _parse_agency(found: str) -> SurveyedAgency:
    agency = SurveyedAgency(**json.loads(found))
    agency.sources = [SurveyedSource(**row) for row in agency.sources]  # type: ignore[arg-type] # rows of JSON
    agency.pages = [SurveyedPage(**row) for row in agency.pages]  # type: ignore[arg-type] # rows of JSON
    return agency
