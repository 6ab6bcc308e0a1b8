"""Every agency's stored pages against the results agreed for them: tests/pages/<slug>/page.html and expected.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scraper.agency import load_agencies
from scraper.pages.document import Document
from scraper.probe.result import (
    STORED_PAGES_DIR,
    build_expected_result,
    get_expected_path,
    read_stored_page_url,
    write_expected_result,
)

STORED = sorted(STORED_PAGES_DIR.glob("*/*.html"))
AGENCIES = load_agencies()


@pytest.mark.parametrize("page", STORED, ids=[str(page.relative_to(STORED_PAGES_DIR)) for page in STORED])
def test_a_stored_page_gives_what_was_agreed(page: Path) -> None:
    check(page)


def test_each_design_of_the_sample_site_is_stored() -> None:
    stored = {page.parent.name for page in STORED}
    assert stored >= {"skogsbruksradet", "farledsverket", "lasframjandenamnden", "hushallsmyndigheten"}


def test_a_missing_result_is_written_and_must_be_read(tmp_path: Path) -> None:
    page = tmp_path / "farledsverket" / "page.html"
    page.parent.mkdir()
    shutil.copy(STORED_PAGES_DIR / "farledsverket" / "page.html", page)
    with pytest.raises(pytest.fail.Exception, match="read it, mend it, commit it"):
        check(page)
    assert json.loads(get_expected_path(page).read_text("utf-8"))["title"] == "Så anmäler du ett trasigt sjömärke"
    check(page)


def test_another_result_fails(tmp_path: Path) -> None:
    folder = shutil.copytree(STORED_PAGES_DIR / "farledsverket", tmp_path / "farledsverket")
    agreed = folder / "expected.json"
    agreed.write_text(agreed.read_text("utf-8").replace("trasigt", "helt"), "utf-8")
    with pytest.raises(AssertionError):
        check(folder / "page.html")


def check(page: Path) -> None:
    """The page gives what was agreed; where nothing has been, what it gives now is written for review."""
    expected, html = get_expected_path(page), page.read_bytes()
    address = read_stored_page_url(page) or Document(html, "").links.get("canonical", "")
    assert address.startswith("http"), f'write {{"address": "https://…"}} into {expected}: the page does not tell it'
    result = build_expected_result(html, address, AGENCIES.get(page.parent.name))
    agreed = json.loads(expected.read_text("utf-8")) if expected.exists() else {}
    if agreed.keys() <= {"address"}:
        write_expected_result(page, result)
        pytest.fail(f"{expected} had no result; it has been written: read it, mend it, commit it")
    assert result == agreed
