"""Describes the site's data in /openapi.json (OpenAPI 3.1), based on the views' operations.

An Operation describes a view's data; `@site_view` adds the view's paths and the names of its
parameters. FIELDS contains the type of each value. It also contains the value's description, unless
metadata.json describes a column of that name. PARAMETERS contains the types of parameters. Tests
call every operation and compare its JSON with the description.

A type is a line of text: "int? Number of the takedown = 3" is a whole number or null, with an
example. A mapping is an object; a key whose name ends with "?" may be absent. A list with one item
is an array of such items.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from archive.publish.citations import CITATION_TYPES
from archive.web.requests import PROBLEM_MEDIA_TYPE, RESPONSE_MEDIA_TYPES

Type = str | Mapping[str, Any] | Sequence[Any]
Schema = dict[str, Any]
DescribeColumn = Callable[[str], str | None]

MEDIA_TYPES = {
    suffix: media_type.partition(";")[0]
    for suffix, media_type in {
        **RESPONSE_MEDIA_TYPES,
        **CITATION_TYPES,
        "zip": "application/zip",
    }.items()
}
TYPES: Mapping[str, Schema] = {
    "str": {"type": "string"},
    "path": {"type": "string"},  # in a path, where it may have slashes
    "int": {"type": "integer"},
    "num": {"type": "number"},
    "bool": {"type": "boolean"},
    "url": {"type": "string", "format": "uri"},
    "time": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
    "any": {},
    "map": {"type": "object"},
}
UNDESCRIBED = "any"
FIELDS: Mapping[str, Type] = {
    # lists
    "title": "str",
    "self": "url Address of this data",
    "next": "url? Address of the next page; null at the end",
    "page": "url Page of the site with the same content",
    "query": "str What was searched for",
    "notes": [
        {
            "note": "str What was interpreted differently, as a code",
            "words": "str? The part of the query",
        }
    ],
    "agencies": [{"value": "str Slug of the agency", "name": "str", "count": "int"}],
    "columns": "map A description of each count",
    # releases and revisions
    "release": "int Number of the release = 51",
    "agency": "str Slug of the agency = polisen",
    "agency_name": "str Name of the agency",
    "kind": "str? = news",
    "url": "url",
    "lead": "str?",
    "body": "str",
    "body_html": "str",
    "published": "str? = 2024-05-18",
    "published_text": "str?",
    "seen": "time When the archive read it, or imported it",
    "updated": "str? = 2024-05-20T08:15:00+02:00",
    "updated_text": "str?",
    "language": "str? = sv",
    "first_seen": (
        "time? When the archive first read it; null if it was only imported"
        " = 2024-06-03T08:15:00+00:00"
    ),
    "collection": "str? The collection that it was imported from; null if the archive read it",
    "first_reading": (
        "str? When this collection first had it: a day or a time; null if unknown = 2024-05-03"
    ),
    "last_reading": "str? When this collection last had it = 2024-06-09",
    "observations": [
        {
            "revision": "int",
            "kind": "str collection or web archive",
            "collection": "str A collection that had this version, or a web archive",
            "url": "url?",
            "first": "str? When it first had it: a day or a time; null if unknown = 2024-05-03",
            "last": "str? = 2024-06-09",
            "readings": "int",
        }
    ],
    "removed_at": "time?",
    "moved_to": "int?",
    "takedown": "str?",
    "revision": "int Number of the revision, as in its permanent address /-/revision/<number> = 55",
    "previous": "int?",
    "reverts_to": "int?",
    "cause": "str? = source",
    "summary": "str?",
    "summary_en": "str?",
    "importance": "int?",
    "excerpt": "str A part of the text with the words that were searched for",
    "tags": ["str"],
    "images": [
        {"url": "url", "caption": "str?", "credit": "str?", "alt": "str?", "position?": "int"}
    ],
    "attachments": [{"url": "url", "title": "str", "media_type": "str?", "position?": "int"}],
    "contacts": [
        {"name": "str?", "role": "str?", "phone": "str?", "email": "str?", "position?": "int"}
    ],
    "questions": [{"position": "int", "question": "str", "answer": "str", "answered_by": "str?"}],
    # edits, and versions of a release
    "changes": [
        {
            "field": "str The field of the release that changed = body",
            "kind": "str What kind of change it is = number",
            "before": "str? = 120",
            "after": "str? = 121",
            "importance": "int",
        }
    ],
    "unannounced": (
        "bool Whether the agency changed the text and left its own update date as it was"
    ),
    "stamp": "str? Whether the agency's own update date changed: moved, not moved, none told",
    "last_seen_before": "time? When a check last found the version before",
    "current_release": "int The release that has this version now, if its address changed",
    "current_revision": "int The current version of this release",
    "permalink": "url Permanent address of this version",
    "takedowns": [
        {"kind": "str hide or redact", "reason": "str", "reason_en": "str?", "at": "time"}
    ],
    "citation": "str How to cite it, in the language of the request",
    "before": {
        "revision": "int",
        "seen": "time When the archive read it, or imported it",
        "collection": "str?",
        "first_reading": "str?",
        "last_reading": "str?",
    },
    "after": {
        "revision": "int",
        "seen": "time When the archive read it, or imported it",
        "collection": "str?",
        "first_reading": "str?",
        "last_reading": "str?",
    },
    "field": "str The field of the release = body",
    "place": "int Number of the paragraph or row in the field",
    "label": "str?",
    "op": (
        "str same, del (only in the older version), ins (only in the later one), skip"
        " (`text` is how many) or note"
    ),
    "text": "str",
    "event": "str first, edit (by the agency), reread (by the archive, differently), same,"
    " import, own, attachment (a"
    " file was replaced), attachment_missing, or a removal",
    "title_now": "str The release's current title",
    "when": "time",
    "until": "time? When a check last found it so",
    "attachment": "int? Number of a version of an attachment, as in /-/attachment/<number>.json",
    "file_url": "url? Address of the attachment",
    "file_title": "str? Text of the link to it",
    "missing_since": (
        "time? When its address was first answered with 404 or 410 since it was last found"
    ),
    "missing_until": "time? The last such answer",
    "diff": "url? The comparison with the version before",
    "evidence": "url? The bytes that it was read from, and how to check them",
    # removals
    "checks": "int? How many checks found the same",
    "status": "int? HTTP status that was answered = 404",
    "target": "str? Address that was redirected to",
    "confirmed": "time?",
    "ended": "time?",
    "last_seen": "time",
    # health and coverage
    "listed": "int? Releases that the sources list: stored, rejected and missing ones",
    "stored": "int? Releases that are stored in the archive",
    "rejected": "int? Pages of which no release could be read",
    "missing": "int? Releases that are listed and not read yet",
    "unlisted": "int? Releases that are stored, and that no source lists now; null if unknown",
    "complete": "bool? Whether everything was read; null if nothing was",
    "checked": "time? When it was last checked",
    "problem": "str? Why it is not complete, in English",
    "problem_code": "str? The same as a code",
    "problem_url": "str? Page with the problem",
    "problem_value": "str? Number or label in `problem`",
}
LISTING: Mapping[str, Type] = {name: FIELDS[name] for name in ("self", "page", "next")} | {
    "title": "str Title of the list"
}
PARAMETERS: Mapping[str, Type] = {
    "q": "str A query as in the search box = fyrar",
    "agency": "str Slug of an agency = polisen",
    "kind": "str Type of release, such as news",
    "year": "int Year of publication = 2024",
    "tag": "int Number of a tag",
    "after": "str Continue after this entry; better follow `next`",
    "size": "int Entries per page = 20",
    "page": "int Page, from 1 = 1",
    "lang": "str Language of texts and errors on pages: sv or en = en",
    "release": "int Number of a release = 51",
    "revision": "int Number of a revision = 55",
    "since": "str Cursor of the last entry that you have; 0 is the beginning = 0",
    "from": "str First day, as YYYY-MM-DD = 2024-06-01",
    "to": "str Last day, as YYYY-MM-DD = 2024-06-30",
    "importance": "int Minimum importance, from 0 to 100 = 50",
    "unannounced": "str 1: only edits after which the agency left its update date as it was = 1",
    "stamp": "str What the agency's update date did: moved, not moved, none told",
    "back": "str 1: only releases that came back",
    "show": "str all: the whole text, also unchanged parts",
    "slug": "str Short name in addresses",
    "version": "int Number of a version of an attachment",
    "one": "int Number of a revision = 51",
    "other": "int Number of another revision = 52",
    "key": "int Number of a revision or removal = 51",
    "address": "path Address of a page of an agency",
    "timestamp": "int Time of a memento, as 14 digits = 20240601081500",
}
ERROR: Mapping[str, Type] = {  # problem details (RFC 9457), and the keys of Datasette's errors
    "type": "str Always about:blank: the status says what kind of problem it is",
    "title": "str The status in words = Bad Request",
    "status": "int HTTP status = 400",
    "detail": "str What is wrong, in English",
    "instance": "str Path of the request = /search.json",
    "ok": "bool Always false",
    "error": "str The same as detail",
    "docs?": "url Documentation",
}

NAME_IN_PATH = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The description of a view's data in /openapi.json. The module's docstring explains the types.

    formats: the suffixes of the URLs; () if the paths already have a suffix.
    rows_name: the name of the list in a DataList's JSON.
    row: the types of an entry's values, by name.
    members: the types of the other values in the JSON, by name.
    body: the type of the whole JSON, if it is not a DataList.
    parameters: the types of parameters whose types differ from those in PARAMETERS.
    text: a description of the text in a request's body, if requests have a body.
    required: the parameters that a request must contain.
    text_parameter: the parameter that can be sent by GET instead of the text.
    statuses: descriptions of further error statuses, by status. Those of 400, 404 and 503 are added
        where these can occur.
    parameter_names: the parameters of the data, by default the parameters of the page.
    name: the name of the operation, if it cannot be built from the path.
    """

    summary: str
    formats: Sequence[str] = ()
    rows_name: str = ""
    row: Mapping[str, Type] = field(default_factory=dict)
    members: Mapping[str, Type] = field(default_factory=dict)
    body: Type = ""
    parameters: Mapping[str, Type] = field(default_factory=dict)
    text: str = ""
    text_parameter: str = ""
    required: Sequence[str] = ()
    statuses: Mapping[int, str] = field(default_factory=dict)
    parameter_names: Sequence[str] | None = None
    name: str = ""
    paths: Sequence[str] = ()

    @property
    def columns(self) -> list[str]:
        """Return the columns of CSV and Excel: the values of an entry that are not nested.

        >>> row = {"id": "int", "why": "str? Reason", "state": "any Its columns", "tags": ["str"]}
        >>> Operation(summary="", row=row).columns
        ['id', 'why']
        """
        # neither lists nor mappings
        return [
            name
            for name, wanted in self.row.items()
            if isinstance(wanted, str) and wanted.partition(" ")[0] not in ("any", "map")
        ]

    @property
    def addresses(self) -> list[str]:
        """Return the paths in OpenAPI's notation, one for each path and format.

        >>> paths = [r"/new\\.{format}", "/agency/{agency}"]
        >>> Operation(summary="", formats=("json", "csv"), paths=paths).addresses
        ['/new.json', '/new.csv', '/agency/{agency}.json', '/agency/{agency}.csv']
        >>> Operation(summary="", paths=[r"/-/evidence/{key}\\.zip"]).addresses
        ['/-/evidence/{key}.zip']
        """
        paths = [path.replace("\\", "").removesuffix(".{format}") for path in self.paths]
        return [f"{path}.{name}" for path in paths for name in self.formats] or paths


TABLE_PARAMETERS: Mapping[str, Type] = {
    "_shape": (
        "str objects: rows as objects; array: only a list of them; arrays is the default = objects"
    ),
    "_size": "str Rows per page, at most 1000; max: as many as fit in a response = max",
    "_next": "str Continue here: `next` of the previous page",
    "_sort": "str Column to sort by",
    "_sort_desc": "str Column to sort by, in descending order",
    "_col": ["str Only this column; may be repeated"],
    "_search": "str A query as in the search box; only in the table releases",
    "_stream": "str on: all rows in one CSV file = on",
    "filters": "map Filters by column, such as agency=polisen or published__gte=2024",
    "sql": "str One SELECT statement = select count(*) as n from releases",
}
ROWS: Mapping[str, Type] = {
    "database": "str",
    "rows": ["any A row, as an array of values or as an object"],
    "truncated": "bool Whether rows are missing because the result is too large",
    "columns": ["str"],
    "query": {"sql": "str", "params": "map"},
    "private": "bool",
    "allow_execute_sql": "bool Whether the site lets visitors send SQL",
    "query_ms": "num Milliseconds that the statement took",
    **dict.fromkeys(("license?", "license_url?", "source?", "source_url?"), "str"),
}
# of Datasette's own views (archive.web.table_pages)
TABLE_OPERATION = Operation(
    name="table",
    paths=("/archive/{table}",),
    formats=("json", "csv", "xlsx"),
    parameter_names=[name for name in TABLE_PARAMETERS if name != "sql"],
    summary="The rows of a table or view, page by page, in a complete order",
    body={
        **ROWS,
        "table": "str",
        "is_view": "bool",
        "human_description_en": "str What was filtered and sorted by",
        "filtered_table_rows_count": "int? How many rows match; null if counting took too long",
        "expanded_columns": ["str"],
        "expandable_columns": ["any"],
        "primary_keys": ["str"],
        "units": "map",
        "facet_results": "map How often each value of a column occurs, if facets were asked for",
        "facets_timed_out": ["str Column whose values could not be counted in time"],
        "suggested_facets": ["any"],
        "next": "str? For `_next`; null on the last page",
        "next_url": "url? Address of the next page; null on the last page",
    },
    parameters={**TABLE_PARAMETERS, "table": "str Name of a table or view = releases"},
)
SQL_OPERATION = Operation(
    name="sql",
    paths=("/archive",),
    formats=("json", "csv", "xlsx"),
    parameter_names=("sql", "_shape"),
    summary="The result of one SELECT statement",
    required=("sql",),
    body={**ROWS, "query_name": "str?", "ok": "bool", "error": "str?"},
    parameters=TABLE_PARAMETERS,
    statuses={403: "The site lets no visitor send SQL", 404: "CSV and Excel need `sql`"},
)


def get_fields(*names: str, **types: Type) -> dict[str, Type]:
    """Return the types of the fields `names` from FIELDS, with `types` added.

    >>> get_fields("release", similarity="num")
    {'release': 'int Number of the release = 51', 'similarity': 'num'}
    """
    return {name: FIELDS.get(name, UNDESCRIBED) for name in names} | types


def build_openapi(
    operations: Iterable[Operation],
    tables: Collection[str],
    describe_column: DescribeColumn,
    site_url: str,
) -> Schema:
    """Return the OpenAPI description of the operations, and of the tables and views."""
    paths: Schema = {}
    for operation in (*operations, *([TABLE_OPERATION, SQL_OPERATION] if tables else [])):
        methods = ["post", *(["get"] if operation.text_parameter else [])]
        for address in operation.addresses:
            paths[address] = {
                method: _build_operation(operation, address, describe_column, method)
                for method in (methods if operation.text else ["get"])
            }
    for address in TABLE_OPERATION.addresses if tables else ():
        paths[address]["get"]["parameters"][0]["schema"]["enum"] = sorted(tables)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Myndighetsarkivet",
            "version": version("myndighetsarkivet"),
            "summary": (
                "News of Swedish agencies, with the later edits and removals that the archive saw"
            ),
            "description": (
                "Everything that the site shows, as data, without a"
                " key. Texts are the agencies'"
                " own, most in Swedish. "
                "`published` and `updated` are what the agency"
                " states, and null if it states"
                " nothing; `first_seen` and "
                "`last_seen` are when the"
                " archive read the page, and null if it never did."
                " The documentation has the columns of tables, and the prepared queries."
            ),
        },
        "externalDocs": {
            "url": f"{site_url}/docs/api",
            "description": "Documentation, with examples",
        },
        "servers": [{"url": site_url}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _build_schema(ERROR, lambda _: None)},
            "parameters": {"lang": build_parameter("lang", PARAMETERS["lang"])},
            "responses": {
                str(status): _build_error_response(text)
                for status, text in (
                    (400, "A parameter is unknown or cannot be read; `error` names it"),
                    (404, "There is no such entry"),
                    (
                        503,
                        "Too many requests, or it took too long;"
                        " Retry-After says when to try again",
                    ),
                )
            },
        },
    }


def _build_operation(
    operation: Operation, address: str, describe_column: DescribeColumn, method: str
) -> Schema:
    format_name = _find_format(address)
    schema: Schema = (
        {"type": "string"} if format_name in ("ndjson", "csv", "atom", "txt", "bib", "ris") else {}
    )
    if format_name in ("json", "csl.json"):
        schema = _build_schema(get_body(operation), describe_column)
    statuses = [400, *([404] if "{" in address else []), 503]
    has_body = method == "post"
    return {
        "operationId": _name_operation(operation, address)
        + ("_by_get" if operation.text and not has_body else ""),
        "summary": operation.summary,
        "parameters": _list_parameters(operation, address, method),
        **({"requestBody": _build_request_body(operation.text)} if has_body else {}),
        "responses": {
            "200": {
                "description": operation.summary,
                "headers": {
                    "Archive-Truncated": {
                        "description": (
                            "After how much the result was cut off; absent if it is complete"
                        ),
                        "schema": {"type": "string"},
                    }
                },
                "content": {MEDIA_TYPES[format_name]: {"schema": schema}},
            },
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses},
            **{
                str(status): _build_error_response(text)
                for status, text in operation.statuses.items()
            },
        },
    }


def _list_parameters(operation: Operation, address: str, method: str) -> list[Schema]:
    """Return the parameters of an operation: first those in its path, then those in its query."""
    required = (*operation.required, *([operation.text_parameter] if method == "get" else []))
    types, in_path = {**PARAMETERS, **operation.parameters}, NAME_IN_PATH.findall(address)
    return [
        *(_build_path_parameter(name, types.get(name, "str")) for name in in_path),
        *(
            build_parameter(name, types.get(name, "str"), is_required=name in required)
            for name in operation.parameter_names or ()
            if name not in in_path
        ),
        {"$ref": "#/components/parameters/lang"},
    ]


def get_body(operation: Operation) -> Type:
    if operation.body:
        return operation.body
    rows = {operation.rows_name: [operation.row]} if operation.rows_name else {}
    return {**LISTING, **operation.members, **rows}


def _find_format(address: str) -> str:
    """Return the format in a path.

    >>> _find_format("/-/cite/{revision}.csl.json")
    'csl.json'
    """
    return address.rpartition("/")[2].partition(".")[2]


def _name_operation(operation: Operation, address: str) -> str:
    """Return an operation's name: the words of its path, and its format unless that is JSON.

    The name for a path with two revisions contains `pair`, if another path of the operation has
    only one revision.

    >>> operation = Operation(summary="")
    >>> [_name_operation(operation, address)
    ...     for address in ("/search.csv", "/-/evidence/removal-{key}.csv", "/-/diff/{one}.json")]
    ['search_csv', 'evidence_removal_csv', 'diff']
    """
    format_name = _find_format(address)
    path = operation.name or NAME_IN_PATH.sub("", address.removesuffix(f".{format_name}"))
    suffix = [] if format_name == "json" else [format_name.replace(".", "_")]
    if "{other}" in address and any("{other}" not in each for each in operation.addresses):
        suffix.insert(0, "pair")
    return "_".join([*re.findall(r"\w+", path), *suffix])


def build_parameter(name: str, wanted: Type, *, is_required: bool = False) -> Schema:
    """Return the description of a query parameter.

    The parameter may be repeated if its type is a list, and may have any name if its type is `map`.
    """
    schema = _build_schema(wanted, lambda _: None)
    described = schema.get("items", schema)
    parameter = {
        "name": name,
        "in": "query",
        "description": described.pop("description", ""),
        "schema": schema,
    }
    if examples := described.pop("examples", None):
        parameter["example"] = examples if isinstance(wanted, list) else examples[0]
    if schema["type"] == "object":
        parameter |= {"style": "form", "explode": True}
        schema["additionalProperties"] = {"type": "string"}
    return parameter | ({"required": True} if is_required else {})


def _build_path_parameter(name: str, wanted: Type) -> Schema:
    schema = {"type": "integer" if is_number(wanted) else "string"}
    return {**build_parameter(name, wanted), "in": "path", "required": True, "schema": schema}


def is_number(wanted: Type) -> bool:
    return isinstance(wanted, str) and wanted.startswith("int")


def _build_request_body(description: str) -> Schema:
    schema = {"type": "string", "description": description}
    members = {"type": "object", "properties": {"text": schema}, "required": ["text"]}
    types = {
        "application/json": members,
        "application/x-www-form-urlencoded": members,
        "text/plain": schema,
    }
    return {
        "required": True,
        "content": {name: {"schema": schema} for name, schema in types.items()},
    }


def _build_error_response(description: str) -> Schema:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": description, "content": {PROBLEM_MEDIA_TYPE: {"schema": schema}}}


def _build_schema(wanted: Type, describe_column: DescribeColumn, name: str = "") -> Schema:
    """Return the JSON Schema of a type.

    >>> _build_schema("int? Number of the takedown = 3", lambda name: None)
    {'type': ['integer', 'null'], 'description': 'Number of the takedown', 'examples': [3]}
    >>> _build_schema({"url": "url", "tags?": ["str"]}, {"url": "Canonical URL"}.get)["required"]
    ['url']
    """
    if isinstance(wanted, Mapping):
        return _build_object_schema(wanted, describe_column)
    if not isinstance(wanted, str):
        return {"type": "array", "items": _build_schema(wanted[0], describe_column)}
    text, _, example = wanted.partition(" = ")
    type_name, _, description = text.partition(" ")
    schema = dict(TYPES[type_name.rstrip("?")])
    if type_name.endswith("?"):
        schema["type"] = [schema["type"], "null"]
    description = description or (name and describe_column(name)) or ""
    is_text = schema.get("type") in ("string", ["string", "null"])
    return {
        **schema,
        **({"description": description} if description else {}),
        **({"examples": [example if is_text else json.loads(example)]} if example else {}),
    }


def _build_object_schema(wanted: Mapping[str, Type], describe_column: DescribeColumn) -> Schema:
    properties = {
        member.rstrip("?"): _build_schema(each, describe_column, member.rstrip("?"))
        for member, each in wanted.items()
    }
    required = [member for member in wanted if not member.endswith("?")]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
    }
