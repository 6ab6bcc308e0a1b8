"""metadata.json describes every table and every column of the schema, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlite_utils import Database

from archive.database.schema import migrations
from tests.archive.sample import ROOT

METADATA: dict[str, Any] = json.loads((ROOT / "metadata.json").read_text(encoding="utf-8"))
TABLES: dict[str, Any] = METADATA["databases"]["archive"]["tables"]


def read_schema() -> dict[str, set[str]]:
    """Return the columns of each table and view of a new archive, without the full-text index's own
    tables.
    """
    db = Database(memory=True)
    migrations.apply(db)
    tables = {
        # generated columns too
        name: {row[1] for row in db.execute(f"pragma table_xinfo([{name}])")}
        for name in db.table_names()
        if not name.startswith("search")
    }
    tables |= {name: {column.name for column in db.view(name).columns} for name in db.view_names()}
    db.close()
    return tables


COLUMNS = read_schema()


def test_every_table_and_the_archive_are_described() -> None:
    assert set(TABLES) == set(COLUMNS)
    for key in ("title", "description", "license", "source"):
        assert METADATA[key]


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_is_described_and_every_named_column_exists(table: str) -> None:
    facts = TABLES[table]
    assert set(facts["columns"]) == COLUMNS[table]
    for text in (facts["title"], facts["description"], *facts["columns"].values()):
        assert text.strip() == text
        assert text
    named = [
        *facts.get("facets", []),
        *(facts[key] for key in ("sort", "sort_desc", "label_column") if key in facts),
    ]
    assert set(named) <= COLUMNS[table]
