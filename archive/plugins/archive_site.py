"""The only plugin that Datasette loads: the plugin hooks, and the routes of all pages in
archive/views.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from datasette import hookimpl
from markupsafe import Markup

from archive.views import (
    about,
    agencies,
    attachment,
    check,
    data,
    docs,
    edits,
    follow,
    front_page,
    lists,
    manifests,
    many_searches,
    mcp,
    memento,
    new_atom,
    open_metrics,
    over_time,
    people,
    references,
    release,
    search,
    sitemaps,
    status,
    versions,
)
from archive.web import list_routes
from archive.web.datasette_setup import (
    build_page_context,
    link_cell,
    list_database_routes,
    list_output_renderers,
    start_site,
)
from archive.web.datasette_versions import choose_templates, read_canned_queries
from archive.web.security import (
    answer_exception,
    answer_forbidden,
    limit_databases,
    list_closed_pages,
    wrap_application,
)

# the first route that matches a path is taken: feeds extend the URLs of agencies and tags
VIEWS = (
    *(
        new_atom,
        sitemaps,
        front_page,
        agencies,
        lists,
        search,
        versions,
        edits,
        release,
        attachment,
        people,
        references,
        many_searches,
    ),
    *(over_time, check, data, docs, mcp, memento, manifests, follow, status, open_metrics, about),
)


@hookimpl
def startup(datasette: Any) -> Callable[[], Awaitable[None]]:
    limit_databases(datasette)
    follow.check_follow_settings()
    return lambda: start_site(datasette)


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    own = [route for module in VIEWS for route in list_routes(module)]
    return [*own, *list_closed_pages(datasette), *list_database_routes(datasette)]


@hookimpl(trylast=True)  # outermost, so that responses of other wrappers also get the headers
def asgi_wrapper(datasette: Any) -> Any:
    return wrap_application(datasette)


@hookimpl(trylast=True)  # Datasette has already registered a function of the same name
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    if database == "archive":
        conn.create_function("escape_fts", 1, lambda text: search.escape_fts(conn, text))


# last, so that the value that it binds to :search replaces the visitor's text
@hookimpl(trylast=True)
def filters_from_request(request: Any, database: str, table: str, datasette: Any) -> Any:
    return search.build_search_filter(request, database, table, datasette)


@hookimpl
def extra_template_vars(request: Any, datasette: Any) -> dict[str, Any]:
    # Datasette's templates extend our base.html
    if request is None:
        return {}
    return build_page_context(datasette, request) | {"find_translation": docs.find_translation}


@hookimpl
def prepare_jinja2_environment(env: Any) -> None:
    choose_templates(env)


@hookimpl
def render_cell(value: Any, column: str, table: str | None, datasette: Any) -> Markup | None:
    return link_cell(value, column, table, datasette)


@hookimpl(trylast=True)  # last, because the last registration wins, even over Datasette's own .blob
def register_output_renderer() -> list[dict[str, Any]]:
    return list_output_renderers()


@hookimpl
def canned_queries(database: str) -> dict[str, Any]:
    return read_canned_queries() if database == "archive" else {}


@hookimpl(hookwrapper=True)
def handle_exception(
    datasette: Any, request: Any, exception: Exception
) -> Generator[None, Any, None]:
    outcome = yield
    outcome.force_result([answer_exception(datasette, request, exception)])


@hookimpl
def forbidden(datasette: Any, request: Any, message: str) -> Any:
    return answer_forbidden(datasette, request, message)
