"""Tables of test cases, in TSV files beside the test modules.

A file NAME.tsv is one table, whose cells are texts (`load_table`). The file of a module's own name
has several, each below a line `# name`, whose cells may be JSON (`load_cases`). The first line of a
table names its columns. A column `id` names the cases and is not a parameter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import pytest

VALUES = {"": None, '""': "", "True": True, "False": False}


def load_table(
    test_module: str, name: str, constants: Mapping[str, str] | None = None
) -> list[Any]:
    r"""Return the rows of a file as parameters, each case named by its first cell.

    An empty cell is None, `""` no text, `\n` a line break, and `$NAME` one of the constants.
    """
    columns, rows = _split_table(Path(test_module).with_name(name).read_text("utf-8"))

    def read_cell(cell: str) -> Any:
        text = Template(cell.replace("\\n", "\n")).safe_substitute(constants or {})
        return VALUES.get(text, text)

    first = 1 if columns[0] == "id" else 0
    return [pytest.param(*map(read_cell, row[first:]), id=row[0]) for row in rows]


def load_cases(test_module: str, name: str) -> list[Any]:
    """Return the rows of one of the module's tables as parameters."""
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
    """Return the columns and rows of one of the module's tables.

    A cell is JSON, or else a text. A line that begins with ## is a comment.
    """
    text = Path(test_module).with_suffix(".tsv").read_text("utf-8")
    (table,) = re.findall(rf"(?m)^# {re.escape(name)}\n((?:.+\n)+)", text)
    columns, rows = _split_table(table)
    return columns, [list(map(_read_json_cell, row)) for row in rows]


def _split_table(text: str) -> tuple[list[str], list[list[str]]]:
    columns, *rows = [line.split("\t") for line in text.splitlines() if not line.startswith("## ")]
    return columns, rows


def _read_json_cell(cell: str) -> Any:
    try:
        return json.loads(cell)
    except json.JSONDecodeError:
        return cell
