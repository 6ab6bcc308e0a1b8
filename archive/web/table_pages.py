"""Datasette's own views of a database, with complete responses and checked parameters.

Pages. Datasette 0.65 orders the rows of a table only by the chosen sort column, so rows with equal
values in that column may be lost or repeated between pages. It finds the pages of a view by their
offset. Here, every page of a table or view is in a total order: the sorted column, then the primary
key (`rowid` if the table has no primary key, or the first column of a view, see
archive/database/schema.sql). The next page begins after the last row. Datasette builds the
statement for a page, and KeysetPage rewrites it just before it is executed. Datasette itself sees
no `_next=` and no extra row.

CSV. A request whose statement fails gets a 400 response. If a stream fails later, the connection is
broken off, so that clients never mistake a part of a table for the whole. Streams are ordered by
the key unless the request sorts them by a column.

Parameters. A request with parameters that Datasette would ignore (such as a misspelt column or
option), or on which it would fail, gets a 400 response.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl, urlencode

from datasette import NotFound
from datasette.filters import Filters
from datasette.utils import (
    InvalidSql,
    add_cors_headers,
    derive_named_parameters,
    escape_sqlite,
    path_from_row_pks,
    path_with_format,
    path_with_replaced_args,
    tilde_decode,
    urlsafe_components,
)
from datasette.utils.asgi import BadRequest, Request
from datasette.views.base import DatasetteError, DataView
from datasette.views.database import DatabaseView
from datasette.views.row import RowView
from datasette.views.table import TableView

from archive.search.search_request import ALL_VERSIONS
from archive.urls import FilterError, is_harmless_parameter
from archive.web.datasette_versions import DATA_FORMAT_SUFFIX, list_database_paths
from archive.web.documents import DataList, format_csv_lines
from archive.web.exports import StreamResponse, name_file, render_export
from archive.web.request_limits import current_turn
from archive.web.requests import RESPONSE_MEDIA_TYPES, SiteRequest

# pages
STATEMENT_LIMIT = re.compile(r"limit (\d+)\s*\Z")
# characters of a value in `_next=`; longer values are looked up by the key of their row
MAX_NEXT_LENGTH = 1_000
WITHOUT_FACETS_AND_COUNT = {"_nofacet": "1", "_nocount": "1"}

# options: Datasette's parameters that are not filters
ROW_OPTIONS = frozenset(
    (
        *(
            "_shape",
            "_nl",
            "_json",
            "_json_infinity",
            "_size",
            "_labels",
            "_timelimit",
            "_ttl",
            "_trace",
            "_nocount",
        ),
        *(
            "_nofacet",
            "_nosuggest",
            "_stream",
            "_dl",
            "_header",
            "_blob_column",
            "_blob_hash",
            "_extra",
            "_extras",
        ),
    )
)
QUERY_OPTIONS = ROW_OPTIONS | {"_hide_sql", "_show_sql"}
FACET_OPTIONS = ("_facet", "_facet_array", "_facet_date")
TABLE_OPTIONS = ROW_OPTIONS | {
    *(
        "_next",
        "_sort",
        "_sort_desc",
        "_sort_by_desc",
        "_col",
        "_nocol",
        "_label",
        "_where",
        "_through",
    ),
    *(
        "_search",
        "_searchmode",
        "_versions",
        "_fts_table",
        "_fts_pk",
        "_facet_size",
        *FACET_OPTIONS,
    ),
}
FILTER_FORM_OPTION = re.compile(r"_filter_(?:column|op|value)(?:_\d+)?")
LOOKUPS = frozenset(key for key, _, _ in Filters([]).lookups())
NUMBER = re.compile(r"[0-9]{1,18}")  # always fits in an integer of SQLite


def build_table_routes(datasette: Any) -> list[tuple[str, Any]]:
    """Return the routes that replace Datasette's own routes for databases, tables and rows.

    Datasette's own routes would also accept other spellings of a database's name, such as
    ~61rchive.
    """
    names, suffix = "|".join(map(re.escape, list_database_paths(datasette))), DATA_FORMAT_SUFFIX
    return [
        (rf"/(?P<database>{names}){suffix}", SandboxedDatabaseView.as_view(datasette)),
        (
            rf"/(?P<database>{names})/(?P<table>[^\/\.]+){suffix}",
            SandboxedTableView.as_view(datasette),
        ),
        (
            rf"/(?P<database>{names})/(?P<table>[^/]+?)/(?P<pks>[^/]+?){suffix}",
            CheckedRowView.as_view(datasette),
        ),
    ]


class KeysetPage:
    """A page of a table or view, with its rows in a total order.

    start: the key of the last row before the page. If a sort column is chosen, the row's value in
        this column precedes the key.
    next_start: the same values for the last row of the page.
    ordered_by: the terms of the ORDER BY clause in Datasette's statement.
    size: the value of `_size=`.
    """

    def __init__(
        self,
        key: Sequence[str],
        sort: str | None,
        *,
        descending: bool,
        ordered_by: str,
        size: str | None = None,
    ) -> None:
        self.key, self.sort, self.ordered_by, self.size = key, sort, ordered_by, size
        self.descending = descending and sort is not None
        self.columns = [*([sort] if sort else []), *key]  # columns that the rows are ordered by
        self.page_size = 0  # page size in the statement that Datasette has built
        self.start: Sequence[Any] | None = None
        self.next_start: Sequence[Any] | None = None

    def rewrite(self, sql: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Rewrite Datasette's statement so that it returns the rows after `start` in a total order.

        Each row begins with the values by which the rows are ordered.
        """
        limit = STATEMENT_LIMIT.search(sql)
        head = sql[: limit.start()].rstrip() if limit else ""
        order = f"order by {self.ordered_by}" if self.ordered_by else ""
        if limit is None or not head.startswith("select ") or not head.endswith(order):
            raise RuntimeError(f"not a page of a table as Datasette 0.65 reads it: {sql}")
        # Datasette requests one more row, to know whether there is a next page
        self.page_size = int(limit[1]) - 1
        names = [f"_page_{number}" for number in range(len(self.columns))]
        values = ", ".join(
            f"{escape_sqlite(c)} as {name}" for c, name in zip(self.columns, names, strict=True)
        )
        inner = f"select {values}, {head.removeprefix('select ').removesuffix(order)}"
        start = {} if self.start is None else dict(zip(names, self.start, strict=True))
        where = self.build_where(start)
        order = ", ".join(name + (" desc" if self.is_descending(name) else "") for name in names)
        return f"select * from ({inner}) {where}order by {order} limit {limit[1]}", {
            **params,
            **start,
        }

    def build_where(self, start: dict[str, Any]) -> str:
        """Return the SQL condition for rows after `start`, or "" if there is no `start`."""
        condition = ""
        for name, value in reversed(start.items()):
            condition = _build_after_condition(
                name, value, condition, descending=self.is_descending(name)
            )
        return f"where {condition} " if condition else ""

    def is_descending(self, name: str) -> bool:
        return self.descending and name == "_page_0"

    def take(
        self, names: list[str], rows: Sequence[Any], *, is_complete: bool
    ) -> tuple[list[str], list[Any]]:
        """Return the column names and rows that Datasette expects, and store `next_start`.

        Raises FilterError if `_size=` asks for more rows than fit into a response.
        """
        extra, page = len(self.columns), rows[: self.page_size]
        if not is_complete and self.size not in (None, "", "max"):
            raise FilterError(
                "_size",
                str(self.size),
                "fewer rows",
                "error.page_too_large",
                rows=str(len(page)),
                asked=str(self.page_size),
            )
        if page and (len(rows) > self.page_size or not is_complete):
            self.next_start = list(page[-1][:extra])
        return names[extra:], [row[extra:] for row in page]

    def format_next(self) -> str:
        """Format `next_start` for `_next=`.

        The value of the sort column is left out if it is bytes or a long text.
        """
        values = list(self.next_start or ())
        if self.sort and (isinstance(values[0], bytes) or len(str(values[0])) > MAX_NEXT_LENGTH):
            values = values[1:]
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _build_after_condition(name: str, value: object, tie: str, *, descending: bool) -> str:
    """Return the SQL condition for rows that come after a value in the order.

    tie: the condition for rows with the same value.

    >>> _build_after_condition("a", 1, "b > :b", descending=True)
    '(a < :a or a is null or (a is :a and b > :b))'
    >>> _build_after_condition("a", 1, "b > :b", descending=False)
    '(a >= :a and (a > :a or (a is :a and b > :b)))'
    >>> _build_after_condition("a", None, "", descending=False)
    '(a is not null)'
    """
    # a form of the condition that lets SQLite start there in an index
    if value is not None and tie and not descending:
        return f"({name} >= :{name} and ({name} > :{name} or ({name} is :{name} and {tie})))"
    # SQLite sorts null before everything else
    if value is None:
        after = [] if descending else [f"{name} is not null"]
    else:
        after = [f"{name} < :{name}", f"{name} is null"] if descending else [f"{name} > :{name}"]
    alternatives = [*after, *([f"({name} is :{name} and {tie})"] if tie else [])]
    return f"({' or '.join(alternatives) or 'false'})"


class WholeCsvView(DataView):  # type: ignore[misc] # Datasette ships no types
    """A Datasette view whose CSV is either complete or ends in an error or a broken connection.

    An instance serves one request. `next_start` is where the next page of a table begins, as in
    KeysetPage.
    """

    next_start: Sequence[Any] | None = None

    async def get(self, request: Any) -> Any:
        """Respond in the requested format.

        Raises NotFound for an unknown format. Datasette itself would send an HTML page.
        """
        name = request.url_vars["format"]
        if name == "xlsx":
            return await self.as_xlsx(request)
        if name not in (None, "csv", "jsono", *self.ds.renderers):
            raise NotFound(f"this page is not available as .{name}: use .json, .csv or .xlsx")
        return await super().get(request)

    async def is_view(self, database: str, table: str) -> bool:
        """Return whether a name is that of a view (True) or of a table (False).

        Raises NotFound if there is no view or table with this name.
        """
        db = self.ds.databases[database]
        is_view = bool(await db.get_view_definition(table))
        if not is_view and not await db.table_exists(table):
            raise NotFound("Table not found")
        return is_view

    async def read_pages(self, request: Any) -> AsyncGenerator[dict[str, Any]]:
        """Yield Datasette's data, with columns and rows, for each page of a streamed response.

        For any other response, yield the data of a single page.
        """
        request = _change_query(request, **WITHOUT_FACETS_AND_COUNT)
        try:
            yield await self.read_page(request)
        except (sqlite3.OperationalError, InvalidSql) as error:
            raise DatasetteError(str(error), status=400) from error
        while self.next_start is not None and request.args.get("_stream"):
            yield await self.read_page(request)

    async def read_page(self, request: Any) -> dict[str, Any]:
        """Return Datasette's data for the next page. Raises DatasetteError if a statement fails."""
        contexts = await self.data(request)
        if not isinstance(contexts, tuple):
            raise BadRequest("_filter_column= and _sort_by_desc= are for pages, not for data")
        data: dict[str, Any] = contexts[0]
        if data.get("error"):
            raise DatasetteError(str(data["error"]), status=400)
        if "columns" not in data:
            name = request.url_vars["format"]
            raise NotFound(
                f"a table, a query or sql= can be downloaded as .{name}; the database itself cannot"
            )
        if data.get("truncated") and request.args.get("_stream"):
            problem, turn = "the result is too large", current_turn.get()
            if turn:
                problem = (
                    f"the result has more than the {turn.max_bytes:,} bytes or"
                    f" {turn.max_values:,} values that"
                    f" one statement may return."
                    f" Stream the whole table,"
                    " which has no such limit, or split the query"
                )
            raise DatasetteError(f"_stream=on means all rows, but {problem}", status=400)
        return data

    async def as_csv(self, request: Any, database: str) -> Any:
        """Return a response with CSV.

        The first page is read before the response begins, so that an error can still be reported.
        """
        if request.args.get("_stream") and request.args.get("_next"):
            raise BadRequest("_next= cannot be used in a stream, which begins with the first row")
        pages = self.read_pages(request)
        first = await anext(pages)
        headers = {"content-type": RESPONSE_MEDIA_TYPES["csv"]}
        if self.ds.cors:
            add_cors_headers(headers)
        if first.get("next_url") and not request.args.get("_stream"):
            headers["link"] = f'<{first["next_url"]}>; rel="next"'
        if request.args.get("_dl"):
            headers["content-disposition"] = f'attachment; filename="{name_file(request)}.csv"'
        return StreamResponse(self.format_csv_pages(request, first, pages), headers)

    async def format_csv_pages(
        self, request: Any, first: dict[str, Any], pages: AsyncGenerator[dict[str, Any]]
    ) -> AsyncGenerator[bytes]:
        if request.args.get("_header") != "off":
            yield format_csv_lines([_list_headings(first)]).encode()
        async with aclosing(self.format_pages(request, first, pages)) as batches:
            async for rows in batches:
                yield format_csv_lines(rows).encode("utf-8", "replace")

    async def as_xlsx(self, request: Any) -> Any:
        """Return an Excel file with the same rows as CSV with _stream=on."""
        page_url = self.ds.absolute_url(request, request.full_path.replace(".xlsx", "", 1))
        request = _change_query(_remove_parameters(request, "_next", "_size"), _stream="on")
        pages = self.read_pages(request)
        first = await anext(pages)
        headings = _list_headings(first)
        if len(set(headings)) < len(headings):
            raise BadRequest(
                "two columns have the same name: in an Excel file, each column needs its own"
            )

        async def read_batches() -> AsyncIterator[list[dict[str, Any]]]:
            async with aclosing(self.format_pages(request, first, pages)) as batches:
                async for rows in batches:
                    yield [dict(zip(headings, cells, strict=True)) for cells in rows]

        export = DataList(
            title=tilde_decode(request.url_vars.get("table") or request.url_vars["database"]),
            page_url=page_url,
            columns=headings,
            batches=read_batches(),
        )
        return await render_export(SiteRequest(request, self.ds), export)

    async def format_pages(
        self, request: Any, first: dict[str, Any], pages: AsyncGenerator[dict[str, Any]]
    ) -> AsyncGenerator[list[list[Any]]]:
        async with aclosing(pages):
            yield [self.format_row(request, first, row) for row in first["rows"]]
            async for data in pages:
                yield [self.format_row(request, data, row) for row in data["rows"]]

    def format_row(self, request: Any, data: dict[str, Any], row: Any) -> list[Any]:
        """Return the cells of a row.

        A label follows its value, and bytes are replaced by their URL.
        """
        cells: list[Any] = []
        expanded = set(data.get("expanded_columns") or ())
        for column, value in zip(data["columns"], row, strict=True):
            if column in expanded:
                cells += (
                    [value["value"], value["label"]] if isinstance(value, dict) else [value, None]
                )
            elif isinstance(value, bytes):
                cells.append(self.build_blob_url(request, data, row, (column, value)))
            else:
                cells.append(value)
        return cells

    def build_blob_url(
        self, request: Any, data: dict[str, Any], row: Any, cell: tuple[str, bytes]
    ) -> str:
        """Return the URL of the bytes in a cell of a table or of a query result."""
        keys, (column, value) = data.get("primary_keys") or [], cell
        if data.get("table") and not data.get("is_view"):
            path = self.ds.urls.row_blob(
                data["database"], data["table"], path_from_row_pks(row, keys, not keys), column
            )
        else:
            options = {"_blob_column": column, "_blob_hash": hashlib.sha256(value).hexdigest()}
            # options of CSV that do not apply to the bytes of a cell
            request = _remove_parameters(
                request, "_stream", "_dl", "_header", *WITHOUT_FACETS_AND_COUNT
            )
            path = path_with_format(
                request=request,
                format="blob",
                extra_qs=options,
                replace_format=request.url_vars["format"],
            )
        return str(self.ds.absolute_url(request, path))


def _list_headings(data: dict[str, Any]) -> list[str]:
    """Return the headings of the CSV columns. A column with labels has two headings."""
    expanded = set(data.get("expanded_columns") or ())
    return [
        name for c in data["columns"] for name in ((c, f"{c}_label") if c in expanded else (c,))
    ]


class SandboxedTableView(WholeCsvView, TableView):  # type: ignore[misc] # Datasette ships no types
    """Datasette's request handler for a table, an SQL view or a canned query."""

    async def columns_to_select(self, table_columns: Any, pks: Any, request: Any) -> list[str]:
        """Return the columns to select, each only once.

        Datasette itself returns a key column twice if `_col=` names it.
        """
        return list(dict.fromkeys(await super().columns_to_select(table_columns, pks, request)))

    async def data(self, request: Any, default_labels: bool = False, **_: Any) -> Any:
        """Return Datasette's data for a page, with `next_url`."""
        database, table = (tilde_decode(request.url_vars[name]) for name in ("database", "table"))
        db = self.ds.databases[database]
        query = await self.ds.get_canned_query(database, table, request.actor)
        if query:
            names = query.get("params") or await derive_named_parameters(db, query["sql"])
            _check_names(request.args, QUERY_OPTIONS, names)
            _check_options(request.args)
            return await super().data(request)
        is_view = await self.is_view(database, table)
        columns, keys = await db.table_columns(table), await db.primary_keys(table)
        key = columns[:1] if is_view else keys or ["rowid"]
        _check_filters(request.args, table, [*columns, *([] if is_view else ["rowid"])])
        _check_options(request.args, columns, has_key=bool(keys))
        await self.check_search(request, database, table)
        for column in request.args.getlist("_facet_array"):
            await self.check_arrays(database, table, column)
        page = self.build_page(request, database, table, key, is_view=is_view)
        if self.next_start is not None:
            page.start = self.next_start
        elif request.args.get("_next"):
            page.start = await self.find_start(request, database, table, page)
        return await self.read_table_page(request, page, default_labels=default_labels)

    async def check_search(self, request: Any, database: str, table: str) -> None:
        """Raise FilterError if a table cannot be searched.

        A search needs a full-text index. The option `_versions` is allowed only in a search of the
        table `releases`.
        """
        is_releases = (database, table) == ("archive", "releases")
        if "_versions" in request.args and not (is_releases and "_search" in request.args):
            raise FilterError(
                "_versions", request.args["_versions"], "beside _search in the table releases"
            )
        searched = _find_search_option(request.args)
        if searched is None or request.args.get("_fts_table"):
            return
        if "fts_table" in self.ds.table_metadata(database, table):
            return
        if not await self.ds.databases[database].fts_table(table):
            raise FilterError(
                searched, request.args[searched], "nothing", "error.no_search_here", table=table
            )

    async def check_arrays(self, database: str, table: str, column: str) -> None:
        """Raise FilterError if any of the first values of a column is not valid JSON.

        Datasette's array facets count only values in JSON arrays.
        """
        name = escape_sqlite(_read_facet_column(column) or "")
        sql = (
            f"select 1 from (select {name} as value from"
            f" {escape_sqlite(table)} where {name} is not null limit 100)"
            " where not json_valid(value)"
        )
        if list(await self.ds.databases[database].execute(sql)):
            raise FilterError(
                "_facet_array", shorten(column), "a column of JSON arrays", "error.no_arrays_here"
            )

    def build_page(
        self, request: Any, database: str, table: str, key: Sequence[str], *, is_view: bool
    ) -> KeysetPage:
        metadata = self.ds.table_metadata(database, table)
        up, down = request.args.get("_sort"), request.args.get("_sort_desc")
        is_sorted, is_stream = bool(up or down), _is_whole_stream(request)
        if not is_sorted:
            up, down = metadata.get("sort"), metadata.get("sort_desc")
        sort = up or down
        ordered_by = "" if is_view else ", ".join(map(escape_sqlite, key))
        if sort:
            ordered_by = escape_sqlite(sort) + ("" if up else " desc")
        return KeysetPage(
            key,
            None if is_stream and not is_sorted else sort,
            descending=not up,
            ordered_by=ordered_by,
            size=None if is_stream else request.args.get("_size"),
        )

    async def find_start(
        self, request: Any, database: str, table: str, page: KeysetPage
    ) -> Sequence[Any]:
        """Return the values in the parameter `_next=`.

        Raises FilterError if the values are invalid, or if the row that they identify no longer
        exists.
        """
        text = request.args["_next"]
        start = _load_json(text)
        if not isinstance(start, list) or not all(
            isinstance(v, str | int | float | None) for v in start
        ):
            raise FilterError("_next", text, "the end of a page")
        # without the value of the sorted column, which is too long for a URL
        if page.sort and len(start) == len(page.key):
            where = " and ".join(
                f"{escape_sqlite(name)} is :k{number}" for number, name in enumerate(page.key)
            )
            sql = f"select {escape_sqlite(page.sort)} from {escape_sqlite(table)} where {where}"
            rows = list(
                await self.ds.databases[database].execute(
                    sql, {f"k{n}": v for n, v in enumerate(start)}
                )
            )
            start = [rows[0][0], *start] if rows else []
        if len(start) != len(page.columns):
            raise FilterError("_next", text, "the end of a page")
        return start

    async def read_table_page(self, request: Any, page: KeysetPage, *, default_labels: bool) -> Any:
        """Return Datasette's data for one page.

        `page` rewrites the statement when the sandbox executes it.
        """
        turn = current_turn.get()
        if turn is None:
            raise RuntimeError("tables can only be read in the sandbox")
        size, request_without_next = (
            "max" if _is_whole_stream(request) else None,
            _remove_parameters(request, "_next"),
        )
        turn.page = page
        try:
            contexts = await super().data(request_without_next, default_labels, _size=size)
        finally:
            turn.page = None
        self.next_start = page.next_start
        if not isinstance(contexts, tuple):  # a redirect
            contexts.headers["Location"] = SiteRequest(request, self.ds).in_language(
                contexts.headers["Location"]
            )
            return contexts
        data = contexts[0]
        if not request.args.get("_nofacet"):
            data["facets_timed_out"] = self.list_missing_facets(request, data)
        if page.next_start is not None:
            data["next"] = page.format_next()
            order = {"_sort_desc" if page.descending else "_sort": page.sort} if page.sort else {}
            # None: not in the URL
            added = dict.fromkeys(WITHOUT_FACETS_AND_COUNT) if _is_whole_format(request) else {}
            path = path_with_replaced_args(request, {"_next": data["next"], **order, **added})
            data["next_url"] = self.ds.absolute_url(request, self.ds.urls.path(path))
        return contexts

    def list_missing_facets(self, request: Any, data: dict[str, Any]) -> list[str]:
        """Return the facet columns that were not counted because counting took too long."""
        # as with `_nofacet`, nothing is counted
        if request.args.get("_shape") in (
            "array",
            "object",
        ):
            return []
        requested = [
            _read_facet_column(value)
            for option in FACET_OPTIONS
            for value in request.args.getlist(option)
        ]
        usual = self.ds.table_metadata(data["database"], data["table"]).get("facets", [])
        counted = {facet["name"] for facet in data["facet_results"].values()}
        return [
            name
            for name in dict.fromkeys([*requested, *usual])
            if isinstance(name, str) and name not in counted
        ]


class SandboxedDatabaseView(WholeCsvView, DatabaseView):  # type: ignore[misc] # Datasette ships no types
    async def data(self, request: Any, default_labels: bool = False, **more: Any) -> Any:
        db = self.ds.databases[tilde_decode(request.url_vars["database"])]
        sql = (request.args.get("sql") or "").strip()
        lists_tables = (
            request.args.get("_shape", "arrays") == "arrays" and "sql" not in request.args
        )
        if request.url_vars["format"] and not sql and not lists_tables:
            raise FilterError("sql", sql, "a SELECT statement", "error.no_statement")
        _check_names(
            request.args,
            QUERY_OPTIONS | {"sql", "_show_hidden"},
            await derive_named_parameters(db, sql) if sql else (),
        )
        _check_options(request.args)
        return await super().data(request, default_labels, **more)


class CheckedRowView(WholeCsvView, RowView):  # type: ignore[misc] # Datasette ships no types
    async def data(self, request: Any, default_labels: bool = False) -> Any:
        database, table = (tilde_decode(request.url_vars[name]) for name in ("database", "table"))
        _check_names(request.args, ROW_OPTIONS, ())
        _check_options(request.args, has_key=True)
        await self.is_view(database, table)
        keys = await self.ds.databases[database].primary_keys(table) or ["rowid"]
        if len(urlsafe_components(request.url_vars["pks"])) != len(keys):
            raise NotFound("Record not found")
        return await super().data(request, default_labels)


def _is_whole_format(request: Any) -> bool:
    return request.url_vars.get("format") in ("csv", "xlsx")


def _is_whole_stream(request: Any) -> bool:
    """Return whether all rows are requested: CSV with _stream=on, or Excel."""
    return bool(request.args.get("_stream")) and _is_whole_format(request)


def _load_json(text: str) -> Any:
    """Parse JSON. Returns None if it is invalid."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _change_query(request: Any, **parameters: str) -> Any:
    """Return a copy of a request in which `parameters` are added or replaced."""
    kept = [
        (n, v)
        for n, v in parse_qsl(request.query_string, keep_blank_values=True)
        if n not in parameters
    ]
    return _with_query(request, [*kept, *parameters.items()])


def _remove_parameters(request: Any, *names: str) -> Any:
    """Return a copy of a request without the named parameters.

    Parameters that are allowed on every page are also removed, because Datasette does not support
    them.
    """
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    return _with_query(
        request, [(n, v) for n, v in pairs if n not in names and not is_harmless_parameter(n)]
    )


def _with_query(request: Any, pairs: Sequence[tuple[str, str]]) -> Any:
    return Request(
        {**request.scope, "query_string": urlencode(pairs).encode("latin-1")}, request.receive
    )


def _find_search_option(arguments: Any) -> str | None:
    """Return the name of the first search option in a request, or None if there is no search
    option.
    """
    for name in arguments:
        if name.startswith("_search") and name != "_searchmode":
            return str(name)
    return None


def _check_names(arguments: Any, options: Collection[str], parameters: Collection[str]) -> None:
    """Raise FilterError for a parameter that is neither an option nor a named SQL parameter."""
    for name in arguments:
        if name not in options and name not in parameters and not is_harmless_parameter(name):
            known = ", ".join(dict.fromkeys(parameters)) or ", ".join(
                sorted(name for name in options if not name.startswith("_"))
            )
            raise FilterError(
                name, arguments[name], known, "error.unknown_parameter", known=known or "–"
            )


def _check_filters(arguments: Any, table: str, columns: Sequence[str]) -> None:
    """Raise FilterError for a parameter that is neither an option nor a filter of a column."""
    for name in arguments:
        if name in columns or name in TABLE_OPTIONS or is_harmless_parameter(name):
            continue
        if FILTER_FORM_OPTION.fullmatch(name) or name.startswith("_search_"):
            continue
        lookup = _check_filter_name(arguments, name, table, columns)
        for value in arguments.getlist(name):
            _check_filter_value(name, lookup, value)


def _check_filter_name(arguments: Any, name: str, table: str, columns: Sequence[str]) -> str:
    """Return the lookup of a filter. Raises FilterError if there is no such lookup or column."""
    column, separator, lookup = name.rpartition("__")
    value = arguments[name]
    if name.startswith("_") and not separator:
        options = ", ".join(sorted(TABLE_OPTIONS))
        raise FilterError(name, value, "an option", "error.unknown_option", known=options)
    if not separator or column not in columns:
        raise FilterError(
            name,
            value,
            "a column",
            "error.unknown_column",
            column=column or name,
            table=table,
            known=", ".join(columns),
        )
    if lookup not in LOOKUPS:
        lookups = ", ".join(sorted(LOOKUPS))
        raise FilterError(name, value, "a filter", "error.unknown_lookup", known=lookups)
    return lookup


def _check_filter_value(name: str, lookup: str, value: str) -> None:
    """Raise FilterError for a value on which Datasette would fail."""
    if lookup in ("in", "notin") and value.startswith("["):
        values = _load_json(value)
        if not isinstance(values, list) or not all(map(_is_scalar, values)):
            expected = "a JSON list of strings and numbers"
            raise FilterError(name, shorten(value), expected, "error.bad_list_filter")
    elif lookup in ("gt", "gte", "lt", "lte") and value.isdigit() and not NUMBER.fullmatch(value):
        raise FilterError(name, shorten(value), "a number")


def _check_options(arguments: Any, columns: Collection[str] = (), *, has_key: bool = False) -> None:
    """Raise FilterError if Datasette would ignore the value of an option, or would fail on it."""
    for name in arguments:
        for value in arguments.getlist(name):
            if name == "_through" and not _is_through(value):
                raise FilterError(
                    name, shorten(value), "a table, a column and a value", "error.bad_through"
                )
            if not _is_readable_option(name, value, columns):
                raise FilterError(name, shorten(value), "a value that can be read")
    if arguments.get("_shape") == "object" and not has_key:
        raise FilterError("_shape", "object", "objects or array, because there is no primary key")


def _is_readable_option(name: str, value: str, columns: Collection[str]) -> bool:
    """Return whether the value of an option is valid. Some options accept any value."""
    if name in ("_timelimit", "_ttl"):
        return bool(NUMBER.fullmatch(value)) or not value
    if name in ("_size", "_facet_size"):
        return bool(NUMBER.fullmatch(value)) or value in ("", "max")
    if name in ("_json_infinity", "_labels"):
        # as Datasette reads them
        return value.lower() in ("on", "off", "true", "false", "1", "0", "")
    if name == "_searchmode":
        return value in ("raw", "escaped")
    if name == "_versions":
        return value == ALL_VERSIONS
    if name == "_label":
        return value in columns
    return name not in FACET_OPTIONS or _read_facet_column(value) in columns


def _read_facet_column(value: str) -> str | None:
    """Return the column that the value of a facet option names.

    The value is a column's name or a JSON object. Returns None if the JSON object is invalid or
    names no column.
    """
    if not value.startswith("{"):
        return value
    config = _load_json(value) or {}
    column = config.get("column") or config.get("simple")
    return column if isinstance(column, str) else None


def _is_through(value: str) -> bool:
    """Return whether a value of `_through=` is a JSON object with a table, a column and a value.

    >>> _is_through('{"table": "a", "column": "b", "value": 1}')
    True
    >>> _is_through("[" * 5000), _is_through("{}")
    (False, False)
    """
    through = _load_json(value)
    return (
        isinstance(through, dict)
        and isinstance(through.get("table"), str)
        and isinstance(through.get("column"), str)
        and _is_scalar(through.get("value"))
    )


def _is_scalar(value: object) -> bool:
    """Return whether a JSON value is a single value that SQLite can store.

    >>> [_is_scalar(value) for value in (None, "a", 2**62, 2**64, float("nan"), [1])]
    [True, True, True, False, False, False]
    """
    if isinstance(value, int | float):
        return -(2**63) <= value < 2**63
    return value is None or isinstance(value, str)


def shorten(value: str) -> str:
    return value if len(value) <= 60 else value[:60] + "…"
