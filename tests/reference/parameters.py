"""docs/reference/parameters.md, from the site's OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from archive.database.schema import read_metadata
from archive.plugins.archive_site import VIEWS
from archive.web import build_openapi, list_routes
from archive.web.datasette_versions import read_canned_queries
from tests.reference.markdown import escape, format_table, join_blocks

HEAD = """# Endpoints and parameters

Every endpoint of the API, with its formats and URL parameters. This page is generated from the code by `make reference`.
[API](../api.md) shows how to use them; `/openapi.json` has the same for programs, with the fields of every response.

- Without its suffix, most endpoints are a page of the site: `/search.json?q=fyrar` is the data of `/search?q=fyrar`.
- A parameter that an endpoint does not have is an error 400, which names it. So is a value that cannot be read, except in
  `/search`, which ignores it and says so in `notes`.
- Repeat a parameter to give several values, where the table says so: `agency=polisen&agency=regeringen`.
- Every endpoint also takes `lang` (`sv` or `en`): the language of texts and errors."""
QUERIES_HEAD = """## Prepared queries

`/data` shows them as questions. As data, a query is `/archive/<name>.json`, `.csv` or `.xlsx`. A parameter that is left out
is empty."""
QUERY_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
SITE = "http://127.0.0.1:8001"
METHODS = {"get": "GET", "post": "POST"}


def build_parameters_page() -> str:
    operations = describe_operations(build_document())
    return join_blocks([HEAD, *operations, QUERIES_HEAD, format_queries()])


def format_queries() -> str:
    rows = []
    for name, query in read_canned_queries().items():
        parameters = dict.fromkeys(QUERY_PARAMETER.findall(query["sql"]))
        rows.append([f"`{name}`", query["title"], " ".join(f"`{each}`" for each in parameters)])
    return format_table(["name", "question", "parameters"], rows)


def build_document() -> dict[str, Any]:
    views = [view for module in VIEWS for _, view in list_routes(module)]
    # a view has a route for each of its paths, but one operation
    operations = {id(view): view.operation for view in views if view.operation}
    tables = read_metadata()["databases"]["archive"]["tables"]
    return build_openapi(operations.values(), tables, lambda _: None, SITE)


def describe_operations(document: dict[str, Any]) -> Iterator[str]:
    """Yield each operation: what it gives, its addresses by format, and its parameters."""
    operations = [
        (address, method, operation)
        for address, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for summary, group in groupby(operations, key=lambda each: each[2]["summary"]):
        entries = list(group)
        addresses = group_formats(address for address, _, _ in entries)
        yield f"## {next(iter(addresses))}"
        yield f"{escape(summary)}."
        yield format_addresses(addresses, {method for _, method, _ in entries})
        yield format_parameters([operation for _, _, operation in entries])


def group_formats(addresses: Iterator[str]) -> dict[str, list[str]]:
    """Return the formats of each address without its suffix, in order."""
    formats: dict[str, list[str]] = {}
    for address in addresses:
        folder, slash, name = address.rpartition("/")
        stem, _, suffix = name.partition(".")
        known = formats.setdefault(f"{folder}{slash}{stem}", [])
        if suffix not in known:
            known.append(suffix)
    return formats


def format_addresses(addresses: dict[str, list[str]], methods: set[str]) -> str:
    lines = [
        f"- `{address}` with {', '.join(f'`.{name}`' for name in formats)}"
        for address, formats in addresses.items()
    ]
    if "post" in methods:
        lines.append("- POST: the text, as `text` of a form or of JSON, or as the whole body.")
    return "\n".join(lines)


def format_parameters(operations: list[dict[str, Any]]) -> str:
    found = [each for operation in operations for each in operation["parameters"] if "name" in each]
    # of an address that has a parameter in its query, and another that has it in its path, the first
    parameters = {each["name"]: each for each in sorted(found, key=lambda each: each["in"])}
    rows = [
        [f"`{name}`", format_type(each), format_meaning(each), format_example(each)]
        for name, each in parameters.items()
    ]
    return format_table(["parameter", "type", "meaning", "example"], rows) if rows else ""


def format_type(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    names = {"string": "text", "integer": "number", "object": "several"}
    kind = names.get(schema["type"], "text, may be repeated")
    place = "in the path" if parameter["in"] == "path" else ""
    required = "required" if parameter.get("required") and not place else ""
    return ", ".join(filter(None, (kind, place, required)))


def format_meaning(parameter: dict[str, Any]) -> str:
    return escape(parameter["description"])


def format_example(parameter: dict[str, Any]) -> str:
    example = parameter.get("example")
    if isinstance(example, list):
        example = example[0]
    return "" if example is None else f"`{example}`"
