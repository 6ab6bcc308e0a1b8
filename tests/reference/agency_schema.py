"""scraper/agencies.schema.json: a JSON Schema with which editors check and complete agencies.toml.

It refuses nothing that scraper.agency accepts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import scraper.agency
from scraper.agency import (
    ATTACHMENT_MODES,
    PAGE_CLASSES,
    SLUG_PATTERN,
    VERDICTS,
    WIRE_SERVICES,
    Agency,
    JSONSource,
)
from tests.reference.agency_keys import Key, read_entry_comments, read_keys, read_mark_keys

SCHEMA_FILE = Path(scraper.agency.__file__).with_name("agencies.schema.json")
TEXT: dict[str, Any] = {"type": "string", "pattern": "\\S"}
ADDRESS: dict[str, Any] = {"type": "string", "pattern": "^\\s*[Hh][Tt][Tt][Pp][Ss]?://"}
ADDRESSES: dict[str, Any] = {"type": "array", "items": ADDRESS}
HOST: dict[str, Any] = {"type": "string", "pattern": "^[^/]*[^/\\s][^/]*$"}
COUNT: dict[str, Any] = {"type": "integer"}
DAY: dict[str, Any] = {"type": "string", "format": "date"}
SCHEMAS_BY_TYPE = {
    "string": TEXT,
    "boolean": {"type": "boolean"},
    "integer": COUNT,
    "date": DAY,
    "list of strings": {"type": "array", "items": TEXT},
}


def build_schema_text() -> str:
    return json.dumps(build_schema(), ensure_ascii=False, indent=2) + "\n"


def build_schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agencies.toml of Myndighetsarkivet",
        "description": "The agencies whose news is archived: one table an agency, named by a slug.",
        "type": "object",
        "minProperties": 1,
        "patternProperties": {f"^{SLUG_PATTERN.pattern}$": {"$ref": "#/$defs/agency"}},
        "additionalProperties": False,
        "$defs": {
            "agency": build_object(read_keys(Agency)),
            "json": build_object(read_keys(JSONSource)),
            "survey": build_object(read_mark_keys())
            | {"dependentRequired": build_mutual_requirements("judged", "right", "seen")},
        },
    }


def build_object(keys: Iterable[Key]) -> dict[str, Any]:
    keys = list(keys)
    return {
        "type": "object",
        "properties": {key.name: describe(key) for key in keys},
        "required": [key.name for key in keys if key.is_required],
        "additionalProperties": False,
    }


def build_mutual_requirements(*names: str) -> dict[str, list[str]]:
    return {name: [other for other in names if other != name] for name in names}


def describe(key: Key) -> dict[str, Any]:
    """Return the schema of a key's value, with its description and default."""
    schema = dict(choose_schema(key))
    schema["description"] = key.comment.text
    if key.default is not None:
        schema["default"] = key.default
    return schema


def choose_schema(key: Key) -> dict[str, Any]:
    own: dict[str, dict[str, Any]] = {
        "home": ADDRESS,
        "url": ADDRESS,
        "feeds": ADDRESSES,
        "sitemaps": ADDRESSES,
        "listings": ADDRESSES,
        "past": {"type": "array", "items": {"type": "string", "pattern": "^\\s*[Hh][Tt][Tt][Pp]"}},
        "aliases": {"type": "array", "items": HOST},
        "attachments": {"enum": list(ATTACHMENT_MODES)},
        "verdict": {"enum": list(VERDICTS)},
        "page": {"enum": sorted(path.stem for path in PAGE_CLASSES.glob("[!_]*.py"))},
        "json": build_one_or_several({"$ref": "#/$defs/json"}),
        "survey": {"$ref": "#/$defs/survey"},
        "wire": build_one_or_several(build_wire_schema()),
        "right": {"type": "integer", "minimum": 0},
    }
    return own.get(key.name) or SCHEMAS_BY_TYPE[key.type]


def build_one_or_several(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "array", "items": schema}]}


def build_wire_schema() -> dict[str, Any]:
    """Return the schema of a wire's name: its service, a colon, and an id of that service."""
    patterns = [
        rf"\s*{name}\s*:\s*(?:{WIRE_SERVICES[name].identifier})\s*"
        for name in read_entry_comments("WIRE_SERVICES")
    ]
    return {"type": "string", "pattern": f"^(?:{'|'.join(patterns)})$"}
