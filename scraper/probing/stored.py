"""A page stored for the tests, and the result agreed for it: page.html and expected.json in the agency's folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archive.times import to_text
from scraper.agency import Agency
from scraper.errors import PageError
from scraper.normalise import to_release
from scraper.pages import read_page

PAGES = Path(__file__).parents[2] / "tests" / "pages"


def read_result(html: bytes, address: str, agency: Agency | None) -> dict[str, Any]:
    """What a page gives: the address it was read at, then its release, or the problem where it is refused.

    Without the agency's slug: the folder tells it, also before the agency stands in the list.
    """
    try:
        release = asdict(to_release(read_page(html, address, agency)))
    except PageError as error:
        return {"address": address, "problem": str(error)}
    del release["agency"]
    result: dict[str, Any] = json.loads(json.dumps({"address": address, **release}, default=to_text))
    return result


def store_page(html: bytes, address: str, agency: Agency, out: Path = PAGES) -> Path:
    """Write a page and what it gives now, for review; the page's path. A page of the same address is replaced."""
    folder = out / agency.slug
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (page := name_page(folder, number)).exists() and address_of(page) != address:
        number += 1
    page.write_bytes(html)
    write_result(page, read_result(html, address, agency))
    return page


def name_page(folder: Path, number: int) -> Path:
    """The path of a folder's page by its number: page.html, page-2.html, …"""
    return folder / ("page.html" if number == 1 else f"page-{number}.html")


def expected_of(page: Path) -> Path:
    """Where a page's agreed result lies: expected.json beside page.html, expected-2.json beside page-2.html."""
    return page.with_name(page.stem.replace("page", "expected", 1) + ".json")


def address_of(page: Path) -> str | None:
    """The address a stored page was read at, as its result tells."""
    expected = expected_of(page)
    told: dict[str, Any] = json.loads(expected.read_text("utf-8")) if expected.exists() else {}
    return told.get("address")


def write_result(page: Path, result: dict[str, Any]) -> None:
    """Write a page's result for review."""
    text = json.dumps(result, ensure_ascii=False, indent=2)
    expected_of(page).write_text(text + "\n", encoding="utf-8")
