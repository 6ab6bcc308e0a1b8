"""metadata.json describes every table and every column of the schema, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlite_utils import Database

from archive.schema import migrations
from tests.archive.sample import ROOT

METADATA: dict[str, Any] = json.loads((ROOT / "metadata.json").read_text(encoding="utf-8"))
TABLES: dict[str, Any] = METADATA["databases"]["archive"]["tables"]


def schema() -> dict[str, set[str]]:
    """Each table and view of a new archive with its columns, the full-text index's own tables left out."""
    db = Database(memory=True)
    migrations.apply(db)
    tables = {
        name: {row[1] for row in db.execute(f"pragma table_xinfo([{name}])")}  # generated columns too
        for name in db.table_names()
        if name == "search_meta" or not name.startswith("search")
    }
    tables |= {name: {column.name for column in db.view(name).columns} for name in db.view_names()}
    db.close()
    return tables


COLUMNS = schema()


def test_every_table_is_described() -> None:
    assert set(TABLES) == set(COLUMNS)


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_is_described(table: str) -> None:
    described = TABLES[table]["columns"]
    assert set(described) == COLUMNS[table]
    for text in (TABLES[table]["title"], TABLES[table]["description"], *described.values()):
        assert text.strip() == text
        assert text


@pytest.mark.parametrize("table", COLUMNS)
def test_what_it_names_is_a_column(table: str) -> None:
    facts = TABLES[table]
    named = [*facts.get("facets", []), *(facts[key] for key in ("sort", "sort_desc", "label_column") if key in facts)]
    assert set(named) <= COLUMNS[table]


def test_the_archive_says_what_it_is_and_whose_texts_it_holds() -> None:
    for key in ("title", "description", "license", "source"):
        assert METADATA[key]
