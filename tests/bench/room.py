"""`python -m tests.bench.room [FOLDER]`: measures the size of a release: text, index, captured
bytes.

FOLDER holds stored pages with a gold.jsonl that names their addresses (PAGES/pages where it is not
told); those of agencies in agencies.toml are kept.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archive.database.captures import Captures, select_evidence_headers
from archive.database.models import Capture
from archive.evidence.manifest import write_manifest
from archive.store.releases import Archive
from scraper.agency import load_agencies
from scraper.errors import PageError
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from tests.stored import ROOT

SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
HEADERS = {
    "Date": "Sun, 01 Mar 2026 08:00:00 GMT",
    "Content-Type": "text/html; charset=utf-8",
    "Server": "nginx",
}
SHARES = {
    **dict.fromkeys(("captures.db", "captures", "manifests"), "bytes"),
    **{"joint": "joint texts", "search": "index", "vocabulary": "index"},
}


def main() -> int:
    """Print the figures; return 1 if there are no pages."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "pages"
    if not (folder / "gold.jsonl").is_file():
        print(f"{folder}: no gold.jsonl of stored pages", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "archive.db"
        number, raw, took = fill(path, folder)
        sizes = measure(path)
    print(
        f"{number} releases; a page as it came {raw / number / 1000:.1f} kB; keeping it"
        f" {took * 1000:.2f} ms CPU\n"
    )
    print(f"{'kB a release':16}{'in use':>8}{'in the files, with empty tables and free room':>48}")
    for name in sorted(sizes, key=lambda name: -sizes[name][0]):
        used, whole = (size / number / 1000 for size in sizes[name])
        print(f"{name:16}{used:8.2f}{whole:48.2f}")
    return 0


def fill(path: Path, folder: Path) -> tuple[int, int, float]:
    """Save each page that is a release; return their number, bytes, and CPU seconds of storing the
    bytes of one.
    """
    number, raw, took = 0, 0, 0.0
    homes = {
        urlsplit(agency.home).netloc.removeprefix("www."): agency
        for agency in load_agencies().values()
    }
    with Archive(path) as archive, Captures(path) as captures:
        for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
            page = json.loads(line)
            url, body = page["url"], (folder / page["file"]).read_bytes()
            agency = homes.get(urlsplit(url).netloc.removeprefix("www."))
            if agency is None:
                continue
            try:
                release = to_release(read_page(body, url, agency))
            except PageError:
                continue
            begun = time.process_time()
            sha256 = captures.store_body(body, urlsplit(url).netloc)
            took += time.process_time() - begun
            number, raw = number + 1, raw + len(body)
            archive.add_agency(agency.slug, name=agency.name, home=agency.home)
            seen = SEEN + timedelta(seconds=number)
            answer: dict[str, Any] = {"status": 200, "headers": select_evidence_headers(HEADERS)}
            capture = Capture(url=url, seen=seen, sha256=sha256, bytes=len(body), **answer)
            with archive.transaction():
                key = archive.add_capture(capture)
                archive.save(release, seen_at=seen, capture_id=key, parser_version="bench")
        write_manifest(archive.db.conn, captures, SEEN.date())
    return number, raw, took / number


def measure(path: Path) -> dict[str, tuple[int, int]]:
    """Return bytes by purpose: in use, and of the database pages that contain them."""
    sizes: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for file in (path, Captures.path_beside(path)):
        with closing(sqlite3.connect(file)) as db:
            tables = dict(db.execute("select name, tbl_name from sqlite_master"))
            rows = db.execute(
                "select name, sum(pgsize - unused), sum(pgsize) from dbstat group by name"
            ).fetchall()
        for name, used, whole in rows:
            share = share_of(tables.get(name, name)) if file == path else "bytes"
            for one in (share, "together"):
                sizes[one] = (sizes[one][0] + used, sizes[one][1] + whole)
    return sizes


def share_of(table: str) -> str:
    """Return the purpose of a table."""
    return next((share for prefix, share in SHARES.items() if table.startswith(prefix)), "text")


if __name__ == "__main__":
    sys.exit(main())
