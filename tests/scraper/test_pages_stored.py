"""Real pages against their agreed truth, where a folder of stored pages is at hand (PAGES=, else ../shared)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from archive.models import Release
from scraper.errors import NotARelease
from scraper.normalise import to_release
from scraper.pages import read_page
from tests.stored import ROOT, stored_rows


def cases(part: str, wanted: str) -> list[Any]:
    """One case for each line that holds a key, or one skipped case that says why there is none."""
    found = [pytest.param(row, id=row["file"]) for row in stored_rows(part) if wanted in row]
    absent = pytest.mark.skip(reason=f"no stored pages in {ROOT / part}: name their folder with PAGES=")
    return found or [pytest.param({}, id="absent", marks=absent)]


def read(part: str, row: dict[str, Any]) -> Release:
    return to_release(read_page((ROOT / part / row["file"]).read_bytes(), row["url"]))


@pytest.mark.parametrize("row", cases("pages", "template"))
def test_police_notice(row: dict[str, Any]) -> None:
    release = read("pages", row)
    assert release.title == " ".join(row["title"].split())
    assert (release.lead or "").startswith(" ".join(row["lead_starts"].rstrip(".…").split()))
    assert release.published == datetime.fromisoformat(row["published"])


@pytest.mark.parametrize("row", cases("pages", "is_release"))
def test_error_page_or_stub(row: dict[str, Any]) -> None:
    with pytest.raises(NotARelease):
        read("pages", row)


@pytest.mark.parametrize("row", cases("questions", "questions"))
def test_government_questions(row: dict[str, Any]) -> None:
    release = read("questions", row)
    asked = [" ".join(pair["question"].split()) for pair in row["questions"]]
    assert [found.question for found in release.questions] == asked
    assert [tag.strip() for tag in row["tags"]] == list(release.tags)
    assert str(release.published)[:10] == row["published"]


@pytest.mark.skipif(not (ROOT / "seed/gold.json").exists(), reason=f"no {ROOT / 'seed'}: name its folder with PAGES=")
def test_seed_release() -> None:
    gold = json.loads((ROOT / "seed/gold.json").read_text("utf-8"))
    release = read("seed", gold)
    assert (release.title, release.lead, list(release.tags)) == (gold["title"], gold["lead"], gold["tags"])
    assert (release.published, release.updated) == (None, datetime.fromisoformat(gold["updated"]))
    assert (release.images[0].caption, release.images[0].credit) == (gold["caption"], gold["credit"])
    assert [file.url for file in release.attachments] == gold["attachments"]
    assert [(found.question, found.answer) for found in release.questions] == [
        (pair["question"], pair["answer"]) for pair in gold["questions"]
    ]
    assert {found.answered_by for found in release.questions} == {gold["answered_by"]}
