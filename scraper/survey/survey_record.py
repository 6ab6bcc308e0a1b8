"""survey.db: what a survey found of each agency, and captures.db beside it with the pages' bytes.

    agencies    an agency's verdict, and what it is based on; one row each time it is tried
    sources     its feeds, sitemaps and listings
    pages       the releases that were read, their fields, and whether a person called them right
    responses   what each address answered

A survey has a folder of its own, apart from any archive. All rows of a try are written in one
transaction, so a survey that is killed loses only the agencies that it was reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from archive.database.captures import Captures
from archive.database.sqlite_files import (
    ArchiveError,
    open_readonly,
    open_writable,
    sqlite_errors,
    write_transaction,
)
from scraper.normalise.page_urls import extract_host

SURVEY_FILE = "survey.db"
Row = TypeVar("Row", "SurveyedAgency", "SurveyedSource", "SurveyedPage", "SurveyedResponse")


@dataclass(slots=True, kw_only=True)
class SurveyedSource:
    """A feed, sitemap or listing that was requested.

    kind: key of the agency: feeds, sitemaps or listings. problem: why nothing can be read in it;
    failure: the kind of that failure (see scraper/crawl/failures.py), if it was one. note: why it
    may list more than was read.
    """

    kind: str
    url: str
    is_declared: bool = False
    links: int = 0
    problem: str | None = None
    failure: str | None = None
    note: str | None = None


@dataclass(slots=True, kw_only=True)
class SurveyedPage:
    """A page read as a release.

    source: the URL that lists it. fields: the release as it would be stored, empty if there is
    none. problem: why there is none. right: what a person said of the fields; None if nobody was
    asked. judged: when.
    """

    url: str
    source: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    failure: str | None = None
    doubts: list[str] = field(default_factory=list)
    right: bool | None = None
    judged: str | None = None


@dataclass(slots=True, kw_only=True)
class SurveyedResponse:
    """What an address answered: a body, or a problem and its kind."""

    url: str
    final_url: str | None = None  # after redirects
    status: int | None = None
    content_type: str | None = None
    sha256: str | None = None
    problem: str | None = None
    failure: str | None = None


@dataclass(slots=True, kw_only=True)
class SurveyedAgency:
    """What one try of an agency found.

    tried: time in ISO 8601. verdict: see scraper/survey/verdicts.py. declared: its table in
    agencies.toml, None if it has none; proposed: the table that the probe proposes. final_home:
    where its home page redirected to. problem: why the home page could not be read; failure: the
    kind of that failure. templates: class names and ids that all pages share.
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
    robots: str | None = None  # the text of robots.txt
    needs_javascript: bool = False
    templates: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
    sources: list[SurveyedSource] = field(default_factory=list)
    pages: list[SurveyedPage] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Return the number of pages that were read as releases."""
        return sum(bool(page.fields) for page in self.pages)

    @property
    def right(self) -> int:
        """Return the number of pages that a person called right."""
        return sum(page.right is True for page in self.pages)

    @property
    def seen(self) -> str | None:
        """Return when a person last judged a page, in ISO 8601."""
        return max((page.judged for page in self.pages if page.judged), default=None)


TABLES: dict[str, tuple[type, str]] = {  # name → the class of its rows, key of a row within a try
    "agencies": (SurveyedAgency, ""),
    "sources": (SurveyedSource, ", kind, url"),
    "pages": (SurveyedPage, ", url"),
    "responses": (SurveyedResponse, ", url"),
}


class SurveyRecord(AbstractContextManager["SurveyRecord"]):
    """The record of a survey in its folder; a context manager.

    The folder and its files are created, unless it is opened `readonly`. Raises ArchiveError if the
    files cannot be opened, read or written.
    """

    def __init__(self, folder: Path, *, readonly: bool = False) -> None:
        self.path = folder / SURVEY_FILE
        if readonly and not self.path.is_file():
            raise ArchiveError(self.path, "no such file: nothing was surveyed in this folder yet")
        folder.mkdir(parents=True, exist_ok=True)
        with sqlite_errors(self.path, "cannot be opened"):
            self._db = open_readonly(self.path) if readonly else open_writable(self.path)
            if not readonly:
                self._create_tables()
        self.captures = Captures(self.path, readonly=readonly)

    def _create_tables(self) -> None:
        with write_transaction(self._db):
            for name, (row_class, key) in TABLES.items():
                columns = dict.fromkeys(["slug", "tried", *_list_columns(row_class)])
                self._db.execute(
                    f"create table if not exists {name} ({', '.join(columns)},"
                    f" primary key (slug, tried{key}))"
                )

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.captures.close()
        self._db.close()

    def save(
        self, agency: SurveyedAgency, responses: Iterable[tuple[SurveyedResponse, bytes]]
    ) -> None:
        """Store a try of an agency, with its responses and their bodies."""
        stored = []
        with self.captures.transaction():
            for response, body in responses:
                if response.status is not None:
                    host = extract_host(response.final_url or response.url)
                    response.sha256 = self.captures.store_body(body, host)
                stored.append(response)
        with sqlite_errors(self.path, key=agency.slug), write_transaction(self._db):
            for table, rows in (
                ("agencies", [agency]),
                ("sources", agency.sources),
                ("pages", agency.pages),
                ("responses", stored),
            ):
                for row in rows:
                    self._insert(table, agency, row)

    def _insert(self, table: str, agency: SurveyedAgency, row: Any) -> None:
        values = {"slug": agency.slug, "tried": agency.tried}
        for name in _list_columns(type(row)):
            value = getattr(row, name)
            is_json = isinstance(value, list | dict)
            values[name] = json.dumps(value, ensure_ascii=False) if is_json else value
        marks = ", ".join(f":{name}" for name in values)
        self._db.execute(f"insert into {table} ({', '.join(values)}) values ({marks})", values)

    def judge(self, agency: SurveyedAgency, page: SurveyedPage) -> None:
        """Store what a person said of a page: its `right` and `judged`."""
        with sqlite_errors(self.path, table="pages", key=page.url), write_transaction(self._db):
            self._db.execute(
                "update pages set right = ?, judged = ? where slug = ? and tried = ? and url = ?",
                [page.right, page.judged, agency.slug, agency.tried, page.url],
            )

    def list_slugs(self, since: str = "") -> list[str]:
        """Return the agencies that were tried, in the order of their names, at or after a time."""
        sql = "select slug from agencies group by slug having max(tried) >= ? order by slug"
        return [slug for (slug,) in self._query(sql, since)]

    def load_all(self) -> list[SurveyedAgency]:
        """Return the last try of each agency."""
        return [self.load_tries(slug)[0] for slug in self.list_slugs()]

    def load_tries(self, slug: str, limit: int = 1) -> list[SurveyedAgency]:
        """Return the last tries of an agency, the latest first."""
        sql = "select tried from agencies where slug = ? order by tried desc limit ?"
        return [self._load(slug, tried) for (tried,) in self._query(sql, slug, limit)]

    def _load(self, slug: str, tried: str) -> SurveyedAgency:
        (agency,) = self._load_rows(SurveyedAgency, "agencies", slug, tried)
        agency.sources = list(self._load_rows(SurveyedSource, "sources", slug, tried))
        agency.pages = list(self._load_rows(SurveyedPage, "pages", slug, tried))
        return agency

    def load_responses(self, agency: SurveyedAgency) -> dict[str, SurveyedResponse]:
        """Return what each address answered in a try, by the address that was requested.

        The bodies are in `captures`.
        """
        rows = self._load_rows(SurveyedResponse, "responses", agency.slug, agency.tried)
        return {row.url: row for row in rows}

    def _load_rows(self, row_class: type[Row], table: str, slug: str, tried: str) -> Iterator[Row]:
        names = _list_columns(row_class)
        sql = f"select {', '.join(names)} from {table} where slug = ? and tried = ? order by rowid"
        types = {each.name: str(each.type) for each in fields(row_class)}
        for row in self._query(sql, slug, tried):
            values: dict[str, Any] = dict(zip(names, row, strict=True))
            for name, value in values.items():
                if types[name].startswith(("list", "dict")):
                    values[name] = json.loads(value)
                elif types[name].startswith("bool") and value is not None:
                    values[name] = bool(value)
            yield row_class(**values)

    def _query(self, sql: str, *values: object) -> list[Any]:
        with sqlite_errors(self.path):
            return self._db.execute(sql, values).fetchall()


def _list_columns(row_class: type) -> list[str]:
    """Return the names of a class's fields, without those that have tables of their own."""
    return [each.name for each in fields(row_class) if each.name not in TABLES]
