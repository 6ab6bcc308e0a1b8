"""The report of a survey: what it says of an agency, and what of a release."""

from __future__ import annotations

from pathlib import Path

from lxml import html

import scraper.agency
from scraper.survey.survey_record import SurveyedAgency, SurveyedPage, SurveyedSource
from scraper.survey.survey_report import write_reports
from scraper.survey.verdicts import VERDICTS

HOME = "https://skogsradet.example/"
BODY = f"Älgarna blir fler. {'Så är det. ' * 100}Det var allt."


def build_agency(verdict: str) -> SurveyedAgency:
    fields = {
        "title": "Fler älgar",
        "body": BODY,
        "language": "sv",
        "tags": ["Skog", "Vilt"],
        "attachments": [{"url": f"{HOME}a.pdf"}],
    }
    agency = SurveyedAgency(
        slug=f"skog-{verdict}",
        name="Skogsrådet",
        home=HOME,
        tried="2026-12-01T23:30:00+00:00",
        verdict=verdict,
        reasons=["the feed is old", "press wire: somewhere"],
        declared="[skog]\nname = 'Skogsrådet'\n",
        notes=["press wire: somewhere", "aliases: <another>"],
        needs_javascript=True,
    )
    agency.sources = [
        SurveyedSource(kind="feeds", url=f"{HOME}feed", is_declared=True, is_crawled=True, links=3),
        SurveyedSource(kind="listings", url=f"{HOME}nyheter", note="behind the button"),
    ]
    agency.pages = [
        SurveyedPage(url=f"{HOME}vargar", is_crawled=True, problem="is an error page"),
        SurveyedPage(url=f"{HOME}algar", is_crawled=True, fields=fields, right=True),
    ]
    agency.pages[1].judged = "2026-12-02T08:00:00+00:00"
    return agency


def read_rows(article: html.HtmlElement, css: str) -> list[str]:
    return [" ".join(row.text_content().split()) for row in article.cssselect(css)]


def test_the_report_shows_what_was_found_of_an_agency(tmp_path: Path) -> None:
    agencies = [build_agency("works"), build_agency("doubts")]
    changes = {"skog-works": ["robots.txt has changed"]}
    paths = write_reports(agencies, changes, tmp_path)
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
    assert "robots.txt has changed" in read_rows(works, "li")
    assert len(doubts.cssselect("details[open]")) == 2
    assert not works.cssselect("details[open]")
    assert f"- listings: <{HOME}nyheter>: 0 links; behind the button" in text


def test_a_release_is_shown_as_a_person_compares_it(tmp_path: Path) -> None:
    path, *_ = write_reports([build_agency("doubts")], {}, tmp_path)
    page = html.fromstring(path.read_bytes())
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
    assert VERDICTS.keys() == set(scraper.agency.VERDICTS)
    for name, meaning in VERDICTS.items():
        assert f"| `{name}` | {meaning} |" in text
