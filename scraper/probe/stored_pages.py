"""Pages stored for the tests, and the results agreed for them.

A page is tests/pages/<slug>/page.html with its result in expected.json beside it; page-2.html has expected-2.json.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archive.dates import to_iso
from scraper.agency import Agency
from scraper.errors import PageError
from scraper.normalise import to_release
from scraper.pages import read_page

STORED_PAGES_DIR = Path(__file__).parents[2] / "tests" / "pages"


def build_expected_result(html: bytes, url: str, agency: Agency | None) -> dict[str, Any]:
    """Return the result of parsing a page: its URL and the release, or the problem if it is rejected.

    The agency's slug is left out, because the folder states it, also before the agency is listed.
    """
    try:
        release = asdict(to_release(read_page(html, url, agency)))
    except PageError as error:
        return {"address": url, "problem": str(error)}
    del release["agency"]
    result: dict[str, Any] = json.loads(json.dumps({"address": url, **release}, default=to_iso))
    return result


def store_page(html: bytes, url: str, agency: Agency, out: Path = STORED_PAGES_DIR) -> Path:
    """Write a page and its present result for review; replace a stored page with the same URL."""
    folder = out / agency.slug
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (page := build_stored_page_path(folder, number)).exists() and read_stored_page_url(page) != url:
        number += 1
    page.write_bytes(html)
    write_expected_result(page, build_expected_result(html, url, agency))
    return page


def build_stored_page_path(folder: Path, number: int) -> Path:
    """Return the path of a folder's page by its number: page.html, page-2.html, …"""
    return folder / ("page.html" if number == 1 else f"page-{number}.html")


def get_expected_path(page: Path) -> Path:
    """Return the path of a page's agreed result."""
    return page.with_name(page.stem.replace("page", "expected", 1) + ".json")


def read_stored_page_url(page: Path) -> str | None:
    """Return the URL of a stored page from its result, None if there is no result."""
    expected = get_expected_path(page)
    result: dict[str, Any] = json.loads(expected.read_text("utf-8")) if expected.exists() else {}
    return result.get("address")


def write_expected_result(page: Path, result: dict[str, Any]) -> None:
    """Write a page's result as JSON."""
    text = json.dumps(result, ensure_ascii=False, indent=2)
    get_expected_path(page).write_text(text + "\n", encoding="utf-8")
