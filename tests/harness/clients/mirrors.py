"""Follows the change feed from its beginning and checks that the mirror equals the database."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.archive.mirror import read_shown
from tests.harness.clients.served import ServedArchive


def follow_changes(served: ServedArchive, size: int) -> tuple[dict[int, Any], int]:
    """Return the mirror and the number of entries, following the header Link of NDJSON."""
    held: dict[int, Any] = {}
    entries = 0
    url: str | None = f"{served.url}/-/changes.ndjson?size={size}"
    with requests.Session() as session:
        session.trust_env = False
        while url:
            response = session.get(url, timeout=120)
            response.raise_for_status()
            response.encoding = "utf-8"
            # str.splitlines would break at U+2028 within a text
            for line in response.text.split("\n"):
                if not line:
                    continue
                entry = json.loads(line)
                entries += 1
                if entry["action"] == "put":
                    held[entry["release"]] = entry["state"]
                elif entry["action"] == "delete":
                    held.pop(entry["release"], None)
            url = response.links.get("next", {}).get("url")
    return held, entries


def check_mirror(served: ServedArchive, size: int) -> None:
    """Check that the mirror has each release as the tables show it, and no other."""
    shown = read_shown(served.path)
    changes = served.count("select 1 from changefeed")

    def read() -> str:
        held, entries = follow_changes(served, size)
        wrong = sum(shown.get(key) != held.get(key) for key in {*shown, *held})
        return f"{entries} entries, {len(held)} releases, {wrong} otherwise"

    def read_lines() -> str:
        """As httpx parts lines: at every line end of Unicode."""
        with served.client.stream("GET", "/-/changes.ndjson?size=500") as response:
            return f"{len([json.loads(line) for line in response.iter_lines()])} entries"

    expected = f"{changes} entries, {len(shown)} releases, 0 otherwise"
    served.check("requests", f"-/changes.ndjson by Link, {size} a page", expected, read)
    first = f"{served.get('/-/changes.ndjson?size=500').text.count(chr(10))} entries"
    served.check("httpx", "-/changes.ndjson by iter_lines", first, read_lines)
