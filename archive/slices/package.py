"""datapackage.json: the slice as a Data Package (Frictionless), which is its manifest and its codebook for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from archive.slices.citation import Slice, to_sentence
from archive.slices.codebook import find_unit
from archive.slices.columns import KINDS, Column
from archive.slices.files import LINES, Written
from archive.slices.tables import Table

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A table as it was written. files: path → bytes and SHA-256."""

    table: Table
    meanings: Sequence[str]
    told: Written
    files: Mapping[str, tuple[int, str]]


def to_package(one: Slice, resources: Sequence[Resource], described: Mapping[str, Any], left_out: Sequence[str]) -> str:
    """Its text. Nothing in it tells when or where the slice was taken: it is the same for the same data."""
    package = {
        "$schema": PROFILE,
        "name": one.name,
        "title": one.title,
        "description": described["description"],
        "version": f"change {one.state.newest_change}",
        **({"homepage": one.site} if one.site else {}),
        "sources": [{"title": described["source"]}],
        "rights": described["license"],
        "citation": to_sentence(one),
        "fingerprint": f"sha256:{one.fingerprint}",
        "question": asdict(one.asked),
        "archive": asdict(one.state),
        "leftOut": list(left_out),
        "resources": [describe(each, resources) for each in resources],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def describe(one: Resource, resources: Sequence[Resource]) -> dict[str, Any]:
    """A table: its CSV file where there is one, which validators read cell by cell, and the same rows otherwise."""
    first, *others = one.files
    held = {each.table.name for each in resources}
    keys = [
        {"fields": [column], "reference": {"resource": table, "fields": [key]}}
        for column, table, key in one.table.points
        if table in held
    ]
    schema: dict[str, Any] = {
        "fields": [to_field(column, told) for column, told in zip(one.table.columns, one.meanings, strict=True)],
        **({"primaryKey": list(one.table.key)} if one.table.key else {}),
        **({"foreignKeys": keys} if keys else {}),
    }
    return {
        "name": one.table.name,
        "title": one.table.title,
        **describe_file(one, first),
        "rows": one.told.rows,
        "cellsThatLookLikeFormulas": one.told.formulas,
        "schema": schema,
        "alternates": [describe_file(one, path) for path in others],
    }


def describe_file(one: Resource, path: str) -> dict[str, Any]:
    """One file of a table."""
    form = path.rpartition(".")[2]
    size, digest = one.files[path]
    csv = {"encoding": "utf-8", "dialect": {"lineTerminator": LINES}} if form == "csv" else {}
    told = {"path": path, "format": form, "mediatype": TYPES[form], **csv, "bytes": size}
    return {**told, "hash": f"sha256:{digest}"}


def to_field(column: Column, meaning: str) -> dict[str, Any]:
    """A column; `any` lets a time be written with its offset."""
    kind = KINDS[column.kind].field
    unit = find_unit(column)
    return {
        "name": column.name,
        "type": kind,
        **({"format": "any"} if kind == "datetime" else {}),
        "description": meaning,
        **({"unit": unit} if unit else {}),
    }
