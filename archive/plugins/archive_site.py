"""The hooks of Datasette that the archive's site implements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

from datasette import hookimpl
from markupsafe import Markup

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


@hookimpl
def startup(datasette: Any) -> Callable[[], Awaitable[None]]:
    limit_databases(datasette)
    return lambda: start_site(datasette)


@hookimpl(trylast=True)  # after the archive's own pages
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    return [*list_closed_pages(datasette), *list_database_routes(datasette)]


@hookimpl(trylast=True)  # outermost, so that responses of other wrappers also get the headers
def asgi_wrapper(datasette: Any) -> Any:
    return wrap_application(datasette)


@hookimpl
def extra_template_vars(request: Any, datasette: Any) -> dict[str, Any]:
    # Datasette's templates extend our base.html
    return {} if request is None else build_page_context(datasette, request)


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
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Generator[None, Any, None]:
    outcome = yield
    outcome.force_result([answer_exception(datasette, request, exception)])


@hookimpl
def forbidden(datasette: Any, request: Any, message: str) -> Any:
    return answer_forbidden(datasette, request, message)
