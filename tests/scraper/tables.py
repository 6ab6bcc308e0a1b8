"""Reads tables of test cases, which are TSV files beside the test modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import pytest

VALUES = {"": None, '""': "", "True": True, "False": False}


def load_table(
    test_module: str, name: str, constants: Mapping[str, str] | None = None
) -> list[Any]:
    r"""Return the rows of a table as parameters. Its first line names the columns.

    A column "id" is not a parameter. An empty cell is None, `""` no text, `\n` a line break, and
    `$NAME` one of the constants.
    """
    columns, *lines = Path(test_module).with_name(name).read_text("utf-8").splitlines()
    first = 1 if columns.startswith("id\t") else 0
    rows = [
        Template(line.replace("\\n", "\n")).safe_substitute(constants or {}).split("\t")
        for line in lines
    ]
    return [
        pytest.param(*(VALUES.get(cell, cell) for cell in row[first:]), id=row[0]) for row in rows
    ]
