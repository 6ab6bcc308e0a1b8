"""Writes docs/reference and scraper/agencies.schema.json from the code: python -m tests.reference"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.reference.agency_keys import build_agency_page
from tests.reference.agency_schema import SCHEMA_FILE, build_schema_text
from tests.reference.commands import build_commands_page
from tests.reference.parameters import build_parameters_page
from tests.reference.settings import build_settings_page
from tests.reference.tables import build_tables_page

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/reference"
BUILDERS = {
    FOLDER / "settings.md": build_settings_page,
    FOLDER / "agencies-toml.md": build_agency_page,
    FOLDER / "tables.md": build_tables_page,
    FOLDER / "commands.md": build_commands_page,
    FOLDER / "parameters.md": build_parameters_page,
    SCHEMA_FILE: build_schema_text,
}


def build_files() -> Iterator[tuple[Path, str]]:
    """Yield each generated file with its text."""
    for path, build in BUILDERS.items():
        yield path, build()
