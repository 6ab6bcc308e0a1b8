"""The report of a survey: what it says of an agency, and what of a release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from scraper.agency import VERDICTS
from scraper.survey.survey_record import Row, SurveyRecord
from scraper.survey.survey_report import write_reports

HOME = "https://skogsradet.example/"
BODY = f"Älgarna blir fler. {'Så är det. ' * 100}Det var allt."


def build_page(name: str, **values: Any) -> Row:
    page = {"url": f"{HOME}{name}", "is_crawled": True, "sha256": None, "fields": {}, "doubts": []}
    return {**page, "problem": None, "right": None, "judged": None, **values}


def build_source(kind: str, name: str, **values: Any) -> Row:
    source = {"is_declared": False, "is_crawled": False, "is_proposed": False, "links": 0}
    return {"kind": kind, "url": f"{HOME}{name}", **source, "problem": None, "note": None, **values}


def build_row(verdict: str) -> Row:
    fields = {
        "title": "Fler älgar",
        "body": BODY,
        "language": "sv",
        "tags": ["Skog", "Vilt"],
        "attachments": [{"url": f"{HOME}a.pdf"}],
    }
    return {
        "slug": f"skog-{verdict}",
        "name": "Skogsrådet",
        "home": HOME,
        "tried": "2026-12-01T23:30:00+00:00",
        "verdict": verdict,
        "reasons": ["the feed is old", "press wire: somewhere"],
        "declared": "[skog]\nname = 'Skogsrådet'\n",
        **dict.fromkeys(("proposed", "final_home", "system", "problem", "robots")),
        "notes": ["press wire: somewhere", "aliases: <another>"],
        "needs_javascript": True,
        "requests": 0,
        "sources": [
            build_source("feeds", "feed", is_declared=True, is_crawled=True, links=3),
            build_source("listings", "nyheter", note="behind the button"),
        ],
        "pages": [
            build_page("vargar", problem="is an error page"),
            build_page("algar", fields=fields),
        ],
    }


@pytest.fixture
def record(tmp_path: Path) -> Iterator[SurveyRecord]:
    with SurveyRecord(tmp_path, create=True) as record:
        for row in (build_row("works"), build_row("doubts")):
            record.save(row, {})
        yield record


def read_rows(article: html.HtmlElement, css: str) -> list[str]:
    return [" ".join(row.text_content().split()) for row in article.cssselect(css)]


def test_the_report_shows_what_was_found_of_an_agency(record: SurveyRecord) -> None:
    record.save({**build_row("works"), "tried": "2026-12-01T23:31:00+00:00", "robots": "a"}, {})
    record.judge(build_row("doubts")["pages"][1], is_right=True)
    paths = write_reports(record)
    page, text = html.fromstring(paths[0].read_bytes()), paths[1].read_text("utf-8")
    doubts, works = page.cssselect("article")
    assert (doubts.get("id"), works.get("id")) == ("skog-doubts", "skog-works")
    assert read_rows(page, "section > p") == [VERDICTS["doubts"], VERDICTS["works"]]
    assert read_rows(doubts, "h3 + p") == [
        "tried 2026-12-02 · requests: 0 · releases read: 1 · judged right: 1 of 1"
        " · no robots.txt · language: sv · attachments: 1 · needs JavaScript"
    ]
    assert read_rows(doubts, "tr")[1:] == [
        f"feeds {HOME}feed 3 declared",
        f"listings {HOME}nyheter 0 found behind the button",
    ]
    assert read_rows(doubts, "table ~ p") == ["aliases: <another>"]  # the wire is a reason
    assert "robots: absent → a" in read_rows(works, "li")
    assert len(doubts.cssselect("details[open]")) == 2
    assert not works.cssselect("details[open]")
    assert f"- listings: <{HOME}nyheter>: 0 links; behind the button" in text


def test_a_release_is_shown_as_a_person_compares_it(record: SurveyRecord) -> None:
    path, *_ = write_reports(record)
    page = html.fromstring(path.read_bytes()).get_element_by_id("skog-doubts")
    rows = dict(zip(read_rows(page, "dt"), read_rows(page, "dd"), strict=True))
    body = rows.pop("body")
    assert body.startswith("Älgarna blir fler.")
    assert body.endswith(f"Det var allt. ({len(BODY)} characters)")
    assert rows == {
        "title": "Fler älgar",
        "published": "absent",
        "updated": "absent",
        "lead": "absent",
        "language": "sv",
        "tags": "2: Skog · Vilt",
        "questions": "absent",
        "images": "absent",
        "attachments": "1",
        "contacts": "absent",
    }


def test_the_meanings_of_verdicts_are_those_of_the_documentation() -> None:
    text = Path("docs/survey.md").read_text("utf-8")
    for name, meaning in VERDICTS.items():
        assert f"| `{name}` | {meaning} |" in text
