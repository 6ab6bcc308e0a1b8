"""Print how each stored page is parsed, one line of JSON per page: python -m
tests.oracle.read_pages SHARED

The only part of the oracle that imports the product: `read_page` and `to_release` keep their names
for ever.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page

OWN = Path(__file__).parents[1] / "pages"
LISTS = (
    "pages/gold.jsonl",
    "questions/gold.jsonl",
    "faq/gold.jsonl",
    "benchmark/truth.jsonl",
    "nordic/gold.jsonl",
)


def main(shared: Path) -> None:
    """Print a line for each page of SHARED, then for each of tests/pages."""
    for name, url, html in find_pages(shared):
        told = {"page": name, "url": url, **read(html, url)}
        sys.stdout.write(
            json.dumps(told, ensure_ascii=False, sort_keys=True, default=to_plain) + "\n"
        )


def find_pages(shared: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, URL and bytes of every stored page whose URL is known."""
    for part in LISTS:
        gold = shared / part
        for line in gold.read_text("utf-8").splitlines() if gold.is_file() else ():
            row = json.loads(line)
            file = gold.parent / row["file"]
            if file.is_file():
                yield str(file.relative_to(shared)), row["url"], unpack(file)
    seed = shared / "seed/gold.json"
    if seed.is_file():
        yield (
            "seed",
            json.loads(seed.read_text("utf-8"))["url"],
            (seed.parent / "release.html").read_bytes(),
        )
    for file in sorted(OWN.glob("*/page.html")):
        expected = json.loads((file.parent / "expected.json").read_text("utf-8"))
        yield f"tests/pages/{file.parent.name}", find_url(expected), file.read_bytes()


def find_url(expected: Any) -> str:
    """Return the URL in an expected.json, at any level."""
    values = list(expected.values()) if isinstance(expected, dict) else []
    found = expected.get("url") if values else None
    if isinstance(found, str):
        return found
    return next((url for value in values if (url := find_url(value))), "")


def unpack(file: Path) -> bytes:
    """Return a page's bytes."""
    held = file.read_bytes()
    return gzip.decompress(held) if file.suffix == ".gz" else held


def read(html: bytes, url: str) -> dict[str, Any]:
    """Return the item and the release read from a page, or an error instead of the first that
    cannot be read.
    """
    told: dict[str, Any] = {}
    try:
        item = read_page(html, url)
        told["item"] = asdict(item)
        told["release"] = asdict(to_release(item))
    except Exception as error:  # noqa: BLE001 - which error it is, is what is recorded
        told["error"] = f"{type(error).__name__}: {error}"
    return told


def to_plain(value: object) -> Any:
    """Return a value that JSON cannot represent as text, or as a sorted list."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
