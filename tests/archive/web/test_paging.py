"""All pages of all tables and views, on Datasette 0.65 and on 1.0: each row once, in a total order."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.archive.sample import ROOT, Site

HOST = "http://localhost"  # in URLs that Datasette's own client receives
PAGES = 3  # of each walk, at least
METADATA = json.loads((ROOT / "metadata.json").read_text("utf-8"))
DEFAULT_ORDERS = {  # of tables without `_sort=`, as parameters
    name: {f"_{key}": value for key, value in table.items() if key in ("sort", "sort_desc")}
    for name, table in METADATA["databases"]["archive"]["tables"].items()
}


@pytest.fixture(scope="module")
def tables(history_archive: Path) -> dict[str, list[str]]:
    """The tables and views with several rows, and the columns of their order without a sort: the
    primary key, of a view the first column.

    The tables of the search index are left out: visitors may not read most of them.
    """
    found = {}
    with closing(sqlite3.connect(history_archive)) as db:
        for (name,) in db.execute("select name from sqlite_master where type in ('table', 'view')"):
            columns = db.execute(f"pragma table_info({name})").fetchall()
            key = sorted((position, column) for _, column, *_, position in columns if position)
            (rows,) = db.execute(f"select count(*) from {name}").fetchone()
            if rows > 1 and not name.startswith("search"):
                found[name] = [column for _, column in key] or [columns[0][1]]
    return found


def choose_orders(db: sqlite3.Connection, table: str) -> list[dict[str, str]]:
    """Return no sort, and sorts by the columns with the fewest values, nulls and the most values."""
    columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
    counts = ", ".join(f"count(distinct {name}), count(*) - count({name})" for name in columns)
    numbers = db.execute(f"select {counts} from {table}").fetchone()
    values, nulls = dict(zip(columns, numbers[::2], strict=True)), numbers[1::2]
    mixed = [name for name, count in zip(columns, nulls, strict=True) if count and values[name]]
    by_values = sorted(columns, key=lambda name: values[name])
    ascending = dict.fromkeys([by_values[0], *mixed[-1:], by_values[-1]])
    descending = dict.fromkeys([*mixed[:1], by_values[len(columns) // 2]])
    return [
        {},
        *({"_sort": name} for name in ascending),
        *({"_sort_desc": name} for name in descending),
    ]


async def follow_pages(site: Site, table: str, key: list[str], **options: Any) -> list[Any]:
    """Return the keys on all pages, from `next_url` to `next_url`."""
    query = {**options, "_shape": "objects", "_nofacet": 1, "_nocount": 1}
    url: str | None = f"/archive/{table}.json?{urlencode(query)}"
    keys: list[Any] = []
    while url:
        response = await site.get(url)
        assert response.status_code == 200, response.text
        page = response.json()
        keys += [tuple(row[name] for name in key) for row in page["rows"]]
        url = page["next_url"] and page["next_url"].removeprefix(HOST)
        assert len(keys) <= 1_000, "no end"
    return keys


async def test_pages_have_each_row_once(
    history_site: Site, history_archive: Path, tables: dict[str, list[str]]
) -> None:
    assert {"releases", "release_tags", "agencies", "edits"} <= tables.keys()
    with closing(sqlite3.connect(history_archive)) as db:
        for table, key in tables.items():
            for order in choose_orders(db, table):
                by = order or DEFAULT_ORDERS.get(table, {})
                columns = [f"{name} desc" if "_sort_desc" in by else name for name in by.values()]
                order_by = ", ".join([*columns, *key])
                expected = db.execute(
                    f"select {', '.join(key)} from {table} order by {order_by}"
                ).fetchall()
                size = -(-len(expected) // PAGES)
                found = await follow_pages(history_site, table, key, _size=size, **order)
                assert found == expected, (table, order)
