"""Stored real pages: in the folder that PAGES names, else in ../shared; often there are none."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from archive.database.models import Release
from scraper.agency import SELECTOR_KEYS, Agency
from scraper.errors import PageError
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from scraper.pages.page_type import is_listing_url

ROOT = Path(os.environ.get("PAGES") or Path(__file__).parents[2] / "shared")

READ: dict[tuple[str, int], Release | None] = {}  # by URL and hash of the page


def read_release(html: bytes, url: str, agency: Agency | None = None) -> Release | None:
    """Return the release on a stored page, or None if it is rejected. Each page is read once in a
    process.

    The release of an agency whose table has no rules for pages may have the host as its agency.
    """
    has_rules = agency and any(getattr(agency, key) for key in (*SELECTOR_KEYS, "page", "zone"))
    if has_rules or is_listing_url(url, agency):
        return _read(html, url, agency)
    key = url, hash(html)
    if key not in READ:
        READ[key] = _read(html, url, None)
    return READ[key]


def _read(html: bytes, url: str, agency: Agency | None) -> Release | None:
    try:
        return to_release(read_page(html, url, agency))
    except PageError:
        return None


@cache
def stored_rows(part: str) -> list[dict[str, Any]]:
    """Return the agreed results of one part, from its gold.jsonl; none if the file is missing."""
    gold = ROOT / part / "gold.jsonl"
    return (
        [json.loads(line) for line in gold.read_text("utf-8").splitlines()] if gold.exists() else []
    )
