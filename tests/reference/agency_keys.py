"""docs/reference/agencies-toml.md, and the keys for the schema, from scraper/agency.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import scraper.agency
from scraper.agency import VERDICTS, WIRE_SERVICES, Agency, JSONSource
from tests.reference.markdown import escape, format_code, format_table, join_blocks
from tests.reference.source_comments import Comment, read_comments

SOURCE = Path(scraper.agency.__file__)
HEAD = """# Keys of agencies.toml

Every key of an agency's table in `scraper/agencies.toml`, or in a list of your own (`-s AGENCIES=my-agencies.toml`). This
page is generated from the code by `make reference`. [Add an agency](../add-an-agency.md) shows how to write a table.

```toml
#:schema agencies.schema.json

[skogsradet]
name = "Skogsrådet"
home = "https://www.skogsradet.example/"
listings = ["https://www.skogsradet.example/nyheter"]
releases = "^/nyheter/.+"
```

- The name of the table is the agency's slug: lower-case `a`–`z`, digits and single hyphens. It is in addresses and in the
  database: do not change it later.
- Only `name` and `home` are required. Without feeds, sitemaps, listings and JSON endpoints, each crawl looks for the
  sources itself.
- A wrong key or value is an error that names file, table and key.
- The first line lets editors check the file and complete keys
  ([Even Better TOML](https://taplo.tamasfe.dev/) and others). `scraper/agencies.schema.json` is a JSON Schema; give its
  path or copy it beside your list."""
TYPES = {
    "str": "string",
    "bool": "boolean",
    "tuple[str, ...]": "list of strings",
    "tuple[JSONSource, ...]": "table, or list of tables",
    "SurveyMark": "table",
    "int": "integer",
    "date": "date",
}
TYPES_BY_KEY = {"wire": "string, or list of strings"}


class Key(NamedTuple):
    name: str
    type: str
    is_required: bool
    default: object  # None: nothing
    comment: Comment


def read_keys(cls: type[Any]) -> Iterator[Key]:
    """Yield the keys that the fields of Agency or JSONSource describe."""
    comments = read_field_comments(cls.__name__)
    field: Field[Any]
    for field in fields(cls):
        if field.name in comments:
            kind = str(field.type).removesuffix(" | None")
            default = None if field.default in (MISSING, (), False) else field.default
            yield Key(
                field.name,
                TYPES_BY_KEY.get(field.name, TYPES[kind]),
                field.default is MISSING,
                default,
                comments[field.name],
            )


def read_mark_keys() -> Iterator[Key]:
    """Yield the keys of the mark of a survey."""
    comments, types = read_entry_comments("MARK_TYPES"), scraper.agency.MARK_TYPES
    for name, cls in types.items():
        is_required = name not in ("judged", "right", "seen")
        yield Key(name, TYPES[cls.__name__], is_required, None, comments[name])


def read_field_comments(class_name: str) -> Mapping[str, Comment]:
    comments = read_comments(SOURCE)
    return {
        ast.unparse(node.target): comments[node.lineno]
        for parent in ast.parse(SOURCE.read_text("utf-8")).body
        if isinstance(parent, ast.ClassDef) and parent.name == class_name
        for node in parent.body
        if isinstance(node, ast.AnnAssign) and node.lineno in comments
    }


def read_entry_comments(name: str) -> Mapping[str, Comment]:
    """Return the comments of the entries of a dictionary in the module."""
    comments = read_comments(SOURCE)
    return {
        ast.literal_eval(key): comments[key.lineno]
        for node in ast.parse(SOURCE.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
        for key in getattr(node.value, "keys", ())
        if key.lineno in comments
    }


def build_agency_page() -> str:
    blocks = [HEAD]
    for heading, keys in groupby(read_keys(Agency), key=lambda key: key.comment.heading):
        blocks.append(f"## {heading}")
        for key in keys:
            blocks += [f"### {key.name}", describe_key(key), format_details(key.name)]
            blocks.append(format_code(key.comment.example, "toml"))
    return join_blocks(blocks)


def describe_key(key: Key) -> str:
    facts = [key.type.capitalize()]
    if key.is_required:
        facts.append("required")
    elif key.default is not None:
        facts.append(f'default `"{key.default}"`')
    return f"{', '.join(facts)}. {escape(key.comment.text)}"


def format_details(name: str) -> str:
    """Return the tables below the description of a key."""
    if name == "json":
        note = "All values but `url` are [JMESPath](https://jmespath.org/) expressions."
        return f"{format_nested_keys(read_keys(JSONSource))}\n\n{note}"
    if name == "survey":
        note = "`judged`, `right` and `seen` are given together, or not at all."
        rows = [[f"`{verdict}`", escape(text)] for verdict, text in VERDICTS.items()]
        keys = format_nested_keys(read_mark_keys())
        return f"{keys}\n\n{note}\n\n{format_table(['verdict', 'meaning'], rows)}"
    if name == "wire":
        comments = read_entry_comments("WIRE_SERVICES")
        rows = [
            [
                f"`{service}`",
                WIRE_SERVICES[service].name,
                escape(comment.text),
                f"`{service}:{WIRE_SERVICES[service].example}`",
            ]
            for service, comment in comments.items()
        ]
        return format_table(["name", "service", "after the colon", "example"], rows)
    return ""


def format_nested_keys(keys: Iterator[Key]) -> str:
    rows = [
        [
            f"`{key.name}`",
            f"{key.type}{', required' if key.is_required else ''}",
            escape(key.comment.text),
        ]
        for key in keys
    ]
    return format_table(["key", "type", "meaning"], rows)
