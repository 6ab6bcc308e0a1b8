"""Tables of test cases, in a TSV file beside their test module."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest


def load_cases(test_module: str, name: str) -> list[Any]:
    """Return the rows of a table as parameters. A column `id` names its case."""
    columns, rows = read_table(test_module, name)
    if columns[0] == "id":
        return [pytest.param(*values, id=case_id) for case_id, *values in rows]
    return [pytest.param(*row) for row in rows]


def load_rows(test_module: str, name: str) -> list[list[Any]]:
    return read_table(test_module, name)[1]


def load_column(test_module: str, name: str) -> list[Any]:
    """Return the values of a table with one column."""
    return [value for (value,) in load_rows(test_module, name)]


def read_table(test_module: str, name: str) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows below the line `# name` of the file.

    A cell is JSON, or else a text. A line that begins with ## is a comment.
    """
    text = Path(test_module).with_suffix(".tsv").read_text("utf-8")
    (table,) = re.findall(rf"(?m)^# {re.escape(name)}\n((?:.+\n)+)", text)
    columns, *lines = [line for line in table.splitlines() if not line.startswith("## ")]
    return columns.split("\t"), [list(map(read_cell, line.split("\t"))) for line in lines]


def read_cell(cell: str) -> Any:
    try:
        return json.loads(cell)
    except json.JSONDecodeError:
        return cell
