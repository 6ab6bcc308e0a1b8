"""Maps paths to views: `@site_view` connects a view with its paths, parameters and data."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from datasette.database import QueryInterrupted

from archive.urls import FilterError, is_harmless_parameter
from archive.web.documents import DataList
from archive.web.exports import complete_for_readers, render_list
from archive.web.openapi import NAME_IN_PATH, PARAMETERS, Operation, Type, is_number
from archive.web.requests import PostedTextError, ReaderError, SiteRequest, answer_options

ANY_PARAMETER = "*"  # for files, whose parameters are not checked
# values of a parameter in a path; SQLite can store any number of up to 18 digits
NUMBER, SLUG = "[0-9]{1,18}", "[a-z0-9-]+"

View = Callable[[SiteRequest], Awaitable[Any]]


def site_view(
    *paths: str, parameters: Sequence[str] = (), operation: Operation | None = None
) -> Callable[[View], Callable[..., Awaitable[Any]]]:
    """Decorate a view of the archive.

    The view gets a SiteRequest. If the view returns a DataList, the list is rendered. The view's
    errors are shown in the requested format. Unsupported and invalid parameters get a 400 response,
    because `?weight=50` must not list everything as if there were no filter. An interrupted query
    gets a 503 response.

    paths: regular expressions. A name such as {release} stands for the values of that parameter,
        {format} for the formats of the operation. A path without a format is a page.
    parameters: the parameters that the page supports besides those allowed everywhere, or
        ANY_PARAMETER.
    operation: the description of the view's data in /openapi.json; None for a view without data.
    """
    data_parameters = parameters
    if operation:
        if operation.parameter_names is not None:
            data_parameters = operation.parameter_names
        operation = replace(operation, paths=paths, parameter_names=data_parameters)

    def decorate(view: View) -> Callable[..., Awaitable[Any]]:
        show = _guard_text(view) if operation and operation.text else view

        async def respond(request: Any, datasette: Any) -> Any:
            is_page = request.url_vars.get("format") is None
            site = SiteRequest(request, datasette, parameters if is_page else data_parameters)
            try:
                check_parameters(site, site.parameters)
                answer = await show(site)
                if operation is None or not isinstance(answer, DataList):
                    return answer
                return await _render_list(site, answer, operation)
            except ReaderError as error:
                return await site.render_error(error.status, error.text_key, **error.values)
            except FilterError as error:
                return await site.render_error(400, error.text_key, **error.text_values)
            except QueryInterrupted:
                return await site.render_error(503, "error.too_slow_list")

        routes = [(_build_pattern(path, operation), respond) for path in paths]
        vars(respond).update(routes=routes, operation=operation)
        return respond

    return decorate


def _guard_text(view: View) -> View:
    """Wrap a view that receives a posted text, so that unexpected errors contain no part of the
    text.
    """

    async def show(site: SiteRequest) -> Any:
        if site.request.method == "OPTIONS":
            return answer_options(site)
        try:
            return await view(site)
        except (ReaderError, FilterError, QueryInterrupted):
            raise
        except Exception as error:  # noqa: BLE001 - raised again, without its message
            name = type(error).__name__
            raise PostedTextError(name).with_traceback(error.__traceback__) from None

    return show


def list_routes(module: ModuleType) -> list[tuple[str, Any]]:
    """Return the routes of the views in a module, in the order of the file.

    If views are made in a loop, the module lists them in VIEWS.
    """
    views = [*vars(module).values(), *getattr(module, "VIEWS", ())]
    return [route for view in views for route in getattr(view, "routes", ())]


def check_parameters(site: SiteRequest, parameters: Collection[str]) -> None:
    """Raise FilterError for a parameter that a page does not support, so that it is not ignored."""
    known = ", ".join(parameters) or "lang"
    for name in site.args if ANY_PARAMETER not in parameters else ():
        if name not in parameters and not is_harmless_parameter(name):
            value = site.args[name]
            raise FilterError(
                name, value, f"one of {known}", "error.unknown_parameter", known=known
            )


async def _render_list(site: SiteRequest, data: DataList, operation: Operation) -> Any:
    """Render a list.

    If the list's name, columns or URLs are not set, they are taken from the operation and the
    request.
    """
    rows = data.rows
    if operation.row and not data.name:
        rows = [{name: row[name] for name in operation.row} for row in rows]
    completed = replace(
        data,
        name=data.name or operation.rows_name,
        columns=data.columns or operation.columns,
        rows=rows,
        url=data.url or site.own_url(f".{site.format_name}"),
        page_url=data.page_url or site.own_url(after=None),
    )
    if site.format_name == "xlsx":
        completed = complete_for_readers(site, completed)
    return await render_list(site, completed)


def _choose_pattern(wanted: Type) -> str:
    """Return the regular expression for the values of a parameter in a path."""
    if isinstance(wanted, str) and wanted.startswith("path "):
        # of a parameter of type "path"
        return ".+?"
    return NUMBER if is_number(wanted) else SLUG


def _build_pattern(path: str, operation: Operation | None) -> str:
    """Return the regular expression for a path and its formats.

    >>> print(_build_pattern("/tag/{tag}", Operation(summary="", formats=("json", "csl.json"))))
    /tag/(?P<tag>[0-9]{1,18})(?:\\.(?P<format>json|csl\\.json))?$
    >>> print(_build_pattern("/-/status/{slug}", None))
    /-/status/(?P<slug>[a-z0-9-]+)$
    """
    types = {**PARAMETERS, **(operation.parameters if operation else {})}
    values = {name: _choose_pattern(wanted) for name, wanted in types.items()}
    if operation and operation.formats:
        values["format"] = "|".join(map(re.escape, operation.formats))
        path += "" if "{format}" in path else r"(?:\.{format})?"
    return NAME_IN_PATH.sub(lambda match: f"(?P<{match[1]}>{values[match[1]]})", path) + "$"
