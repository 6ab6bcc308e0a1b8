"""Stores surveys: the findings in survey.db, and the bytes of the responses in captures.db.

The tables of survey.db:

    agencies     one row for each survey of an agency: slug · tried · found: a Row, as JSON ·
                 responses, as JSON, by the requested URL: final_url and sha256 (of a body in
                 captures.db), or problem and failure
    judgements   a person's judgement of a release as it was parsed: url · fields · is_right ·
                 judged

A Row holds what was found in the survey of one agency at one time, as in report.json, but without
the changes since the previous survey. It is built by scraper/survey/survey_spider.py:

    tried       when the survey was made (ISO 8601)
    declared    the agency's table in agencies.toml; proposed: the table that the probe proposes
    final_home  the URL that the home page redirected to
    problem     why nothing could be read; failure: its type (scraper/crawl/failures.py)
    robots      the SHA-256 of the site's robots.txt, which is in captures.db
    sources     `kind` · url · is_declared: whether the current table names the source ·
                is_crawled: whether a crawl with the current table reads it · is_proposed: whether
                a crawl with the proposed table reads it · links · problem: why it is left out ·
                failure: its type · note: why it may list more than was read
    pages       url · sha256 · sources: the URLs that list the page · is_crawled, is_proposed ·
                fields: the release as it would be stored, empty if there is none · problem: why
                there is none · failure: its type · doubts · right: a person's judgement · judged:
                when it was made

A survey has its own folder, apart from any archive. The row of an agency is written when its survey
is finished, so a survey that is killed loses only the agencies that it was reading.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from archive.database.captures import Captures
from archive.database.sqlite_files import ArchiveError, open_writable, sqlite_errors
from archive.i18n import to_swedish_day
from archive.times import now, to_iso

Row = dict[str, Any]

SURVEY_FILE = "survey.db"
SURVEY_SCHEMA = """
    create table if not exists agencies (slug text not null, tried text not null,
      found text not null, responses text not null, primary key (slug, tried));
    create table if not exists judgements (url text not null, fields text not null,
      is_right integer not null, judged text not null, primary key (url, fields));
"""


class SurveyRecord(AbstractContextManager["SurveyRecord"]):
    """The surveys stored in a folder, as a context manager.

    Raises ArchiveError if the files cannot be opened, read or written.

    create: whether to create the folder and its files. If False, they must exist.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder, self.path = folder, folder / SURVEY_FILE
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        elif not self.path.is_file():
            raise ArchiveError(self.path, "no such file: nothing was surveyed in this folder yet")
        with sqlite_errors(self.path, "cannot be opened"):
            self._db = open_writable(self.path)
            self._db.executescript(SURVEY_SCHEMA)
        self.captures = Captures(self.path)

    def __exit__(self, *_: object) -> None:
        self.captures.close()
        self._db.close()

    def save(self, row: Row, responses: dict[str, Row]) -> None:
        """Store the survey of one agency, with the responses.

        responses: the responses by requested URL (see the column `responses` in the module's
            docstring).
        """
        values = row["slug"], row["tried"], _to_json(row), _to_json(responses)
        self._query("insert into agencies values (?, ?, ?, ?)", *values)

    def judge(self, page: Row, *, is_right: bool) -> None:
        """Store a person's judgement of a release.

        The judgement also applies to later surveys, as long as the release is parsed in the same
        way.
        """
        values = page["url"], _to_json(page["fields"]), is_right, to_iso(now())
        self._query("insert or replace into judgements values (?, ?, ?, ?)", *values)

    def list_slugs(self, since: str = "") -> list[str]:
        """Return the slugs of the agencies surveyed at or after a time, in alphabetical order."""
        sql = "select slug from agencies group by slug having max(tried) >= ? order by slug"
        return [slug for (slug,) in self._query(sql, since)]

    def load_all(self, only: tuple[str, ...] = ()) -> list[Row]:
        """Return one row for each agency: that of its last survey.

        only: the slugs of the agencies. If it is empty, all agencies are included.
        """
        return [self.load_tries(slug)[0] for slug in self.list_slugs() if not only or slug in only]

    def load_tries(self, slug: str, limit: int = 1) -> list[Row]:
        """Return the rows of an agency's most recent surveys, newest first.

        Each page that a person has judged includes that judgement.

        limit: the maximum number of rows.
        """
        sql = "select found from agencies where slug = ? order by tried desc limit ?"
        rows = [json.loads(found) for (found,) in self._query(sql, slug, limit)]
        sql = "select is_right, judged from judgements where url = ? and fields = ?"
        for page in (page for row in rows for page in row["pages"]):
            for is_right, judged in self._query(sql, page["url"], _to_json(page["fields"])):
                page |= {"right": bool(is_right), "judged": judged}
        return rows

    def load_responses(self, row: Row) -> dict[str, Row]:
        """Return the responses received in the survey of an agency, by requested URL.

        row: the row of the survey.
        """
        sql = "select responses from agencies where slug = ? and tried = ?"
        ((responses,),) = self._query(sql, row["slug"], row["tried"])
        return json.loads(responses)  # type: ignore[no-any-return] # as it was saved

    def _query(self, sql: str, *values: object) -> list[Any]:
        with sqlite_errors(self.path):
            return self._db.execute(sql, values).fetchall()


def _to_json(value: Row) -> str:
    return json.dumps(value, ensure_ascii=False)


def select(rows: list[Row], key: str) -> list[Row]:
    """Return the rows in which the value of a key is true or not empty."""
    return [row for row in rows if row[key]]


def list_table_pages(row: Row) -> list[Row]:
    """Return the pages that a crawl would read.

    The crawl uses the proposed table if the verdict requires it, and otherwise the current table.
    """
    table = "is_proposed" if row["verdict"] in ("table", "wire") else "is_crawled"
    return select(row["pages"], table)


def build_mark(row: Row) -> Row:
    """Return the result of an agency's survey as a SurveyMark, the value of the key `survey`."""
    read, judged = (select(list_table_pages(row), key) for key in ("fields", "judged"))
    mark = {"tried": to_swedish_day(row["tried"]), "verdict": row["verdict"], "read": len(read)}
    if judged:
        mark |= {"judged": len(judged), "right": len(select(judged, "right"))}
        mark["seen"] = to_swedish_day(max(page["judged"] for page in judged))
    return mark
