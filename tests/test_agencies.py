"""The page docs/agencies.md, and each stored page of tests/pages against the result agreed for it
(expected.json).
"""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.database.models import Release
from scraper.agency import load_agencies
from scraper.pages.document import Document
from scraper.probe.proposal import (
    STORED_PAGES_DIR,
    build_expected_result,
    get_expected_path,
    read_stored_page_url,
    write_expected_result,
)
from tests import agencies
from tests.site.compose import SLUGS

STORED = sorted(STORED_PAGES_DIR.glob("*/*.html"))
AGENCIES = load_agencies()


@pytest.mark.parametrize(
    "page", STORED, ids=[str(page.relative_to(STORED_PAGES_DIR)) for page in STORED]
)
def test_a_stored_page_gives_what_was_agreed(page: Path) -> None:
    check(page)


def test_each_design_of_the_sample_site_is_stored() -> None:
    assert {page.parent.name for page in STORED} >= set(SLUGS)


def test_a_missing_result_is_written_and_must_be_read(tmp_path: Path) -> None:
    page = tmp_path / "farledsverket" / "page.html"
    page.parent.mkdir()
    shutil.copy(STORED_PAGES_DIR / "farledsverket" / "page.html", page)
    with pytest.raises(pytest.fail.Exception, match="read it, mend it, commit it"):
        check(page)
    written = json.loads(get_expected_path(page).read_text("utf-8"))
    assert written["title"] == "Så anmäler du ett trasigt sjömärke"
    check(page)


def test_a_page_that_probe_stored_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(STORED_PAGES_DIR / "farledsverket", tmp_path / "polisen")
    agreed = folder / "expected.json"
    agreed.write_text(agreed.read_text("utf-8").replace("farledsverket.example", "polisen.se"))
    monkeypatch.setattr(agencies, "STORED_PAGES_DIR", tmp_path)
    monkeypatch.setattr(agencies, "stored_rows", lambda part: [])
    monkeypatch.setattr(agencies, "ROOT", tmp_path)
    (score,) = agencies.score_pages(load_agencies()).values()
    assert score.read == 1
    assert agencies.find_grade(score, None) == agencies.STORED


def test_another_result_fails(tmp_path: Path) -> None:
    folder = shutil.copytree(STORED_PAGES_DIR / "farledsverket", tmp_path / "farledsverket")
    agreed = folder / "expected.json"
    agreed.write_text(agreed.read_text("utf-8").replace("trasigt", "helt"), "utf-8")
    with pytest.raises(AssertionError):
        check(folder / "page.html")


def check(page: Path) -> None:
    """The page gives what was agreed; where nothing has been, what it gives now is written for
    review.
    """
    expected, html = get_expected_path(page), page.read_bytes()
    address = read_stored_page_url(page) or Document(html, "").links.get("canonical", "")
    assert address.startswith("http"), (
        f'write {{"address": "https://…"}} into {expected}: the page does not tell it'
    )
    result = build_expected_result(html, address, AGENCIES.get(page.parent.name))
    agreed = json.loads(expected.read_text("utf-8")) if expected.exists() else {}
    if agreed.keys() <= {"address"}:
        write_expected_result(page, result)
        pytest.fail(f"{expected} had no result; it has been written: read it, mend it, commit it")
    assert result == agreed


def test_page_lists_all_agencies_of_the_list() -> None:
    listed = agencies.parse_page(agencies.PAGE.read_text("utf-8"))
    declared = [(agency.name, slug, agency.home) for slug, agency in AGENCIES.items()]
    assert sorted(listed) == sorted(declared), "run make agencies, and commit the page it writes"


TITLE, TEXT = "Nya regler för båtar", "En två tre fyra fem sex sju åtta nio tio."
DAY = date(2026, 5, 4)
MOMENT = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("known", "right"),
    [
        ({"titles": [TITLE]}, {"title": True}),
        ({"titles": ["Andra regler", "nya  regler för båtar"]}, {"title": True}),
        ({"titles": [f"{TITLE} | Verket"]}, {"title": False}),
        ({"texts": [TEXT]}, {"text": True}),
        ({"texts": [f"En lead. {TEXT}"]}, {"text": True}),
        ({"texts": [f"{TEXT} {TEXT}"]}, {"text": False}),
        ({"texts": [TEXT], "unwanted": ["tre fyra"]}, {"text": False}),
        ({"passages": ["En lead", "tre, fyra"]}, {"text": True}),
        ({"passages": ["fyra tre"]}, {"text": False}),
        ({"dates": {"published": "2026-05-04", "updated": None}}, {"dates": True}),
        ({"dates": {"published": "2026-05-04", "updated": "2026-05-05"}}, {"dates": False}),
        ({"dates": {"published": None}}, {"dates": False}),
        # the page has a day only
        ({"dates": {"published": "2026-05-04T08:00:00+02:00"}}, {"dates": False}),
        ({}, {}),
    ],
)
def test_what_is_right(known: dict[str, Any], right: dict[str, bool]) -> None:
    url = "https://verket.example/1"
    page = agencies.StoredPage(Path("page.html"), url, "verket.example", **known)
    texts: dict[str, Any] = {"title": TITLE, "lead": "En lead.", "body": TEXT, "body_html": ""}
    release = Release(agency="verket", url=url, published=DAY, **texts)
    assert agencies.judge(page, release) == right
    assert agencies.judge(page, None) == dict.fromkeys(right, False), "a page that is not read"


def test_moments_are_compared_as_moments() -> None:
    assert agencies.is_same_date(MOMENT, "2026-05-04T08:00:00+02:00")
    assert not agencies.is_same_date(MOMENT, "2026-05-04T08:00:00+00:00")
    assert agencies.is_same_date(MOMENT, "2026-05-04")


def test_grades_and_their_places_on_the_page() -> None:
    listed = {slug: AGENCIES[slug] for slug in ("polisen", "naturvardsverket", "av")}
    proven = agencies.Score(proven=1, read=2, years={2024, 2026})
    proven.labels.update({"news": 1, "": 1})
    proven.known.update(["title", "dates"])
    proven.right.update(["title"])
    seen = agencies.Score(read=1)
    seen.labels.update([""])
    page = agencies.to_page(listed, {"polisen": proven, "av": seen, "orebro.example": proven})
    for row in (
        "| `polisen` | <https://polisen.se/> | 2 (1 news) | 1 of 1 | – | 0 of 1 | 2024–2026 | – |\n",
        "| `av` | <https://www.av.se/> | 1 | – | – |\n",
        "**N** [Naturvårdsverket](https://www.naturvardsverket.se/) `naturvardsverket`\n",
        "| orebro.example | 2 (1 news) | 1 of 1 | – | 0 of 1 | 2024–2026 |\n",
    ):
        assert row in page
    assert sorted(slug for _, slug, _ in agencies.parse_page(page)) == sorted(listed)


MARKS = {  # slug → what the mark has beside the day
    "proven": 'verdict = "gone", read = 0',
    "right": 'verdict = "doubts", read = 5, judged = 3, right = 3, seen = 2026-12-02',
    "read": 'verdict = "works", read = 5',
    "stored": 'verdict = "browser", read = 0',
    "wrong": 'verdict = "works", read = 5, judged = 3, right = 2, seen = 2026-12-02',
    "doubted": 'verdict = "doubts", read = 5',
}


def test_a_survey_counts_unless_stored_pages_prove_more(tmp_path: Path) -> None:
    path = tmp_path / "agencies.toml"
    path.write_text(
        "".join(
            f'[{slug}]\nname = "{slug.title()}"\nhome = "https://{slug}.example/"\n'
            f"survey = {{tried = 2026-12-01, {mark}}}\n"
            for slug, mark in MARKS.items()
        )
        + '[untried]\nname = "Untried"\nhome = "https://untried.example/"\n',
        encoding="utf-8",
    )
    listed = load_agencies(path)
    scores = {"proven": agencies.Score(proven=1, read=1), "stored": agencies.Score(read=1)}
    page = agencies.to_page(listed, scores)
    sections = re.findall(
        r"^## ([\w ]+)|^\| \w+ \| `(\w+)`.*\| ([^|]+) \|$|^\*\*U.*`(\w+)`", page, re.MULTILINE
    )
    assert ["".join(parts[:2] + parts[3:]) + f" {parts[2]}".rstrip() for parts in sections] == [
        *("Proven", "proven 2026-12-01: gone"),
        *("Seen right", "right 2026-12-02: 3 of 3 right"),
        *("Read without doubt", "read 2026-12-01: works"),
        *("Stored only", "stored 2026-12-01: browser"),
        *("Tried", "wrong 2026-12-02: 2 of 3 right", "doubted 2026-12-01: doubts"),
        *("Declared only", "untried", "Other hosts"),
    ]
    for count in ("*Proven* (1)", "*Seen right* (1)", "*Tried* (2)", "*Declared only* (1)"):
        assert count in page
    assert len(agencies.parse_page(page)) == len(listed)
