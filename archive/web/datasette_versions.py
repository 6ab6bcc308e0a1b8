"""The differences between Datasette 0.65, which serves the archive, and the alphas of 1.0.

See docs/contributing.md. On 0.65, the archive replaces Datasette's views of a database, its tables
and its rows (archive.web.table_pages). On 1.0, the archive leaves these views unchanged, but sorts
rows in a total order and uses the same queue and sandbox as on 0.65. Of the pages under
`/archive/-/`, which 1.0 adds, visitors can open only the one for SQL queries.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import datasette
from datasette import __version__
from datasette.utils import escape_sqlite, tilde_encode
from datasette.views import table as table_views
from jinja2 import ChoiceLoader, DictLoader

QUERIES_FOLDER = Path(__file__).resolve().parents[1] / "queries"
IS_NEXT = not __version__.startswith("0.")  # whether this is Datasette 1.0
DATA_FORMAT_SUFFIX = r"(\.(?P<format>(?!db$)\w+))?$"
# of the pages of tables, rows and SQL: ours are for the views of 0.65
TABLE_TEMPLATES = (
    "base.html",
    "database.html",
    "query.html",
    "row.html",
    "table.html",
    "_table.html",
)
QUERY_SUFFIX = r"/-/query(?:\.\w+)?"  # the path of SQL queries on 1.0, after the database's name
# pages for debugging and logging in are useless here; /-/databases shows local paths
CLOSED_PATHS = "allow-debug|auth-token|databases|logout|messages|patterns|permissions|threads"
# on 1.0 also those that create tokens, run queries of their own, or lead to pages that are closed;
# /-/check is ours
CLOSED_NEXT_PATHS = (
    "actions|allowed|api|config|create-token|debug/.*|jump|queries|rules|schema|tasks"
)


def read_canned_queries() -> dict[str, dict[str, str]]:
    """Return the canned queries of the archive, by name."""
    return {path.stem: _read_query_file(path) for path in sorted(QUERIES_FOLDER.glob("*.sql"))}


def _read_query_file(path: Path) -> dict[str, str]:
    """Read a canned query. The first comment line is the query's title, and the other comment lines
    are its description.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
    return {"title": comments[0], "description": " ".join(comments[1:]), "sql": sql}


async def add_canned_queries(datasette: Any) -> None:
    """Add the canned queries if this is Datasette 1.0, where no hook returns them.

    The queries run even if visitors may not run SQL.
    """
    if IS_NEXT:
        for name, query in read_canned_queries().items():
            await datasette.add_query("archive", name, **query, is_trusted=True)


def list_database_paths(datasette: Any) -> list[str]:
    """Return the names of the databases as they are written in paths."""
    return [tilde_encode(database.route) for database in datasette.databases.values()]


def list_closed_routes(datasette: Any) -> list[str]:
    """Return the patterns of Datasette's own pages that are closed to visitors.

    On 1.0, these pages include all those under `/-/` of a database, a table, a row or a query (for
    creating, inserting, altering, storing, analysing or counting), except the page for SQL queries.
    """
    closed = [rf"/-/({CLOSED_PATHS})(\.json)?$"]
    if IS_NEXT:
        names = "|".join(map(re.escape, list_database_paths(datasette)))
        closed += [
            rf"/-(/({CLOSED_NEXT_PATHS})?(\.\w+)?)?$",
            rf"/(?:{names})/(?!{QUERY_SUFFIX.removeprefix('/')}$)(?:.*/)?-(?:/.*)?$",
            # a format that Datasette fails on
            rf"/(?:{names})(?:/.*)?\.(?!(?:json|csv|blob|db)$)\w+$",
        ]
    return closed


def is_data_request(path: str, database_names: list[str]) -> bool:
    """Return whether a request reads a whole table or runs a statement.

    Returns False for a single row, which is cheap to read.

    >>> [is_data_request(path, ["archive"])
    ...     for path in ("/archive", "/archive.json", "/archive/releases")]
    [True, True, True]
    >>> [is_data_request(path, ["archive"])
    ...     for path in ("/archive/-/query", "/archive/-/query.csv", "/archive/")]
    [True, True, True]
    >>> [is_data_request(path, ["archive"]) for path in ("/archive/x/1", "/archive/x/query", "/")]
    [False, False, False]
    """
    parts = path.strip("/").split("/")
    is_query = bool(re.fullmatch(QUERY_SUFFIX, "/" + "/".join(parts[1:])))
    return parts[0].partition(".")[0] in database_names and (len(parts) < 3 or is_query)


async def read_instance_metadata(datasette: Any) -> dict[str, Any]:
    """Return the metadata of the whole site, which the operator writes."""
    return dict(await datasette.get_instance_metadata() if IS_NEXT else datasette.metadata())


async def check_table_permission(datasette: Any, request: Any, database: str, table: str) -> None:
    """Raise Forbidden if the operator does not allow the visitor to read a table."""
    if IS_NEXT:
        resource = TableResource(database=database, table=table)
        await datasette.ensure_permission(
            action="view-table", resource=resource, actor=request.actor
        )
    else:
        permissions = [("view-table", (database, table)), ("view-database", database)]
        await datasette.ensure_permissions(request.actor, [*permissions, "view-instance"])


def choose_templates(environment: Any) -> None:
    """Use Datasette's own templates for tables, rows and SQL if this is Datasette 1.0."""
    if IS_NEXT:
        folder = Path(datasette.__path__[0]) / "templates"
        own = DictLoader({name: (folder / name).read_text("utf-8") for name in TABLE_TEMPLATES})
        environment.loader = ChoiceLoader([own, environment.loader])


def get_environment(datasette: Any) -> Any:
    return datasette.get_jinja_environment() if IS_NEXT else datasette.jinja_env


async def _list_sortable_columns(
    datasette: Any, database: str, table: str, use_rowid: bool
) -> list[str]:
    """Return the columns by which a table may be sorted, in the order of the table.

    Columns that contain bytes are left out, because Datasette writes bytes as text into the URL of
    the next page.
    """
    columns = await datasette.databases[database].table_column_details(table)
    names = [column.name for column in columns if column.type != "BLOB"]
    sortable = await _find_sortable_columns(datasette, database, table, use_rowid)
    return [name for name in (*names, "rowid") if name in sortable]


async def _order_totally(
    table_config: Any, sortable_columns: list[str], request: Any, key: str
) -> tuple[str | None, str | None, str]:
    """Return the order in which Datasette sorts a page, with the table's key added at the end.

    The key of a view is its first column. Without the key, rows with equal values would be lost or
    repeated between pages.
    """
    key = key or escape_sqlite(sortable_columns[0])
    sort, sort_desc, order = await _find_order(table_config, sortable_columns, request, key)
    return sort, sort_desc, order if order == key else f"{order}, {key}"


if IS_NEXT:
    from datasette.resources import TableResource

    _find_sortable_columns = table_views._sortable_columns_for_table
    _find_order = table_views._sort_order
    table_views._sortable_columns_for_table = _list_sortable_columns
    table_views._sort_order = _order_totally
