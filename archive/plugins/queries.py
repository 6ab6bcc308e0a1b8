"""Offers each file in archive/queries as a canned query: /archive/<name>, its opening comment tells what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasette import hookimpl

import archive

QUERIES = Path(archive.__path__[0]) / "queries"


def read_canned(path: Path) -> dict[str, str]:
    """A query file: first comment line the title, further ones the description, then the SQL."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
    return {"title": comments[0], "description": " ".join(comments[1:]), "sql": sql}


@hookimpl
def canned_queries(database: str) -> dict[str, Any]:
    """Of the archive only."""
    return {p.stem: read_canned(p) for p in sorted(QUERIES.glob("*.sql"))} if database == "archive" else {}
