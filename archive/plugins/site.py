"""Start-up checks of the served database, its views, and the names that every template of the archive may use.

Templates get the reader's language as `lang`, texts by t(), URLs by link() and external_link(), and functions that
format times, kinds and importance in that language.

A page that does not know a parameter of its URL answers 400, in the reader's language: `?weight=50` must not list
everything as if nothing had been asked for.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
from datasette import NotFound, Response, hookimpl
from datasette.utils import tilde_decode, tilde_encode
from datasette.utils.asgi import Request
from markupsafe import Markup
from sqlite_utils import Database

import archive
from archive.analysis import load_dictionaries
from archive.database import ArchiveError, check_version, freeze_garbage_collector
from archive.history.comparison import find_main_change
from archive.i18n import (
    NO_BREAK_SPACE,
    choose_language,
    describe_removal,
    format_field_heading,
    format_field_value,
    format_importance,
    format_importance_bar,
    format_number,
    format_release_kind,
    format_stated_time,
    format_time,
    translate,
)
from archive.params import FilterError, check_page_parameters
from archive.search.index import SearchIndex
from archive.web.pages import format_month, format_short_month
from archive.web.responses import build_query_runner, build_static_url, get_search_columns, render_error
from archive.web.tables import (
    CheckedRowView,
    SandboxedDatabaseView,
    SandboxedTableView,
    has_data_format,
    list_database_paths,
)

TABLE_FORMAT = r"(\.(?P<format>(?!db$)\w+))?$"
WEB_URL = re.compile(r"https?://[^\s\\/]", re.IGNORECASE)  # no javascript: or data: URL of a page becomes a link
TEMPLATES_FOLDER = Path(archive.__path__[0]) / "templates"


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> dict[str, Any]:
    """Return the names for the archive's own templates; Datasette's templates get none."""
    if request is None or not template or not (TEMPLATES_FOLDER / template).is_file():
        return {}
    names = build_template_context(datasette, request)
    request.scope.get("archive_page", {})["language"] = names["lang"]  # read by security.py
    return names


def build_template_context(datasette: Any, request: Any) -> dict[str, Any]:
    """Return the names that every template of the archive may use."""
    requested = request.args.get("lang")
    lang = choose_language(requested, request.headers.get("accept-language"))
    requested_language = lang if requested == lang else None  # every link keeps a language chosen by URL

    def link(path: str, **values: object) -> str:
        query = urlencode({k: v for k, v in {"lang": requested_language, **values}.items() if v not in (None, "")})
        return str(datasette.urls.path(path)) + (f"?{query}" if query else "")

    def format_lang_attribute(language: str | None) -> Markup:
        """Return a lang attribute if the language differs from the page's; lang="" if it is unknown."""
        code = language or ("sv" if lang == "sv" else "")
        return Markup("") if code == lang else Markup(' lang="{}"').format(code)

    def switch_language(language: str) -> str:
        values = [(k, v) for k in request.args for v in request.args.getlist(k) if k != "lang"]
        return f"{request.path}?{urlencode([*values, ('lang', language)])}"

    return {
        "lang": lang,
        "requested_language": requested_language,
        "t": partial(translate, lang),
        "number": partial(format_number, lang),
        "format_release_kind": partial(format_release_kind, lang),
        # a no-break space keeps the day on the same line as its month
        "format_time": lambda when: format_time(lang, when).replace(" ", NO_BREAK_SPACE, 1),
        "format_stated_time": lambda when: format_stated_time(lang, when).replace(" ", NO_BREAK_SPACE, 1),
        "format_month": partial(format_month, lang),
        "format_short_month": partial(format_short_month, lang),
        "format_importance": partial(format_importance, lang),
        "format_importance_bar": format_importance_bar,
        "describe_removal": partial(describe_removal, lang),
        "format_field_heading": partial(format_field_heading, lang),
        "format_field_value": partial(format_field_value, lang),
        "find_main_change": partial(find_main_change, lang),
        "format_lang_attribute": format_lang_attribute,
        "link": link,
        "external_link": format_external_link,
        "static_url": partial(build_static_url, datasette),
        "switch_language": switch_language,
    }


def format_external_link(url: str | None) -> Markup:
    """Return the href and rel attributes of a link out of the archive; none unless the URL is http or https.

    >>> str(format_external_link("https://fyr.example/?a&b")), str(format_external_link("javascript:alert(1)//a.pdf"))
    (' href="https://fyr.example/?a&amp;b" rel="external"', '')
    """
    if not url or not WEB_URL.match(url):
        return Markup()
    return Markup(' href="{}" rel="external"').format(url)


@hookimpl
def extra_css_urls(datasette: Any) -> list[str]:
    """Return the style sheet of Datasette's pages; Datasette puts base_url before it."""
    return [build_static_url(datasette, "data.css").removeprefix(datasette.setting("base_url").rstrip("/"))]


@hookimpl(trylast=True)  # after the archive's own pages
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    """Return the routes of databases, tables and rows, in place of Datasette's own.

    Datasette's own would also read a database's name in another spelling, such as ~61rchive.
    """
    names = "|".join(map(re.escape, list_database_paths(datasette)))
    return [
        (rf"/(?P<database>{names}){TABLE_FORMAT}", show_database),
        (rf"/(?P<database>{names})/(?P<table>[^\/\.]+){TABLE_FORMAT}", show_table),
        (rf"/(?P<database>{names})/(?P<table>[^/]+?)/(?P<pks>[^/]+?){TABLE_FORMAT}", show_row),
        (r"/(?P<name>[^/.]*~[^/.]*)(?P<rest>.*)", redirect_to_database),
    ]


async def redirect_to_database(request: Any, datasette: Any) -> Any:
    """Redirect from another spelling of a database's name to the usual one; raise NotFound if there is none."""
    name = tilde_encode(tilde_decode(request.url_vars["name"]))
    if name not in list_database_paths(datasette):
        raise NotFound("there is no such page here")
    query = f"?{request.query_string}" if request.query_string else ""
    return Response.redirect(str(datasette.urls.path(f"/{name}{request.url_vars['rest']}")) + query)


async def show_database(request: Any, datasette: Any) -> Any:
    return await SandboxedDatabaseView(datasette).dispatch_request(request)


async def show_table(request: Any, datasette: Any) -> Any:
    return await SandboxedTableView(datasette).dispatch_request(request)


async def show_row(request: Any, datasette: Any) -> Any:
    return await CheckedRowView(datasette).dispatch_request(request)


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[Any], Any]:
    """Return a wrapper that refuses unknown parameters of the archive's own pages."""
    base = datasette.setting("base_url").rstrip("/")

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                request = Request({**scope, "csrftoken": str}, receive)  # no form of ours has a token
                path = request.path.removeprefix(base)
                try:
                    check_page_parameters(path, [(name, request.args[name]) for name in request.args])
                except FilterError as error:
                    await datasette.invoke_startup()  # once, whatever request is the first
                    format_name = "json" if has_data_format(path) else None
                    response = await render_error(
                        datasette, request, format_name, 400, error.text_key, **error.text_values
                    )
                    await response.asgi_send(send)
                    return
            await app(scope, receive, send)

        return serve

    return wrap


@hookimpl
def startup(datasette: Any) -> Callable[[], Awaitable[None]]:
    """Check the databases and load what searches need; raise ClickException, which datasette prints as one sentence."""

    async def check() -> None:
        tables = {}
        for name, db in datasette.databases.items():
            if name.startswith("_"):  # Datasette's internal database, which a first request may be filling
                continue
            try:
                tables[name] = await db.table_names()
            except sqlite3.DatabaseError as error:
                raise click.ClickException(f"{db.path}: {error}") from error
        fault = find_database_fault(tables)
        if fault:
            raise click.ClickException(fault)
        db = datasette.databases["archive"]
        try:
            await db.execute_fn(partial(check_version, path=Path(db.path)))
        except ArchiveError as error:
            raise click.ClickException(str(error)) from error
        fault = await db.execute_fn(find_index_fault)
        if fault:
            raise click.ClickException(
                f"{db.path}: its search index must be made anew ({fault}): python -m archive reindex {db.path}"
            )
        load_dictionaries()
        await get_search_columns(datasette).refresh(build_query_runner(datasette))  # so that the first search is fast
        freeze_garbage_collector()  # a collection of the dictionaries would delay some responses by 60 ms

    return check


def find_database_fault(tables_by_database: dict[str, list[str]]) -> str | None:
    """Return what is wrong with the served databases, given their tables by name, or None."""
    if "archive" not in tables_by_database:
        served = ", ".join(sorted(tables_by_database)) or "none"
        return f"the archive's file must be called archive.db; served here: {served}"
    if "releases" not in tables_by_database["archive"]:
        return "archive.db holds no table releases: it is not an archive, or nothing was crawled into it yet"
    return None


def find_index_fault(connection: sqlite3.Connection) -> str | None:
    """Return why searches would miss releases (an older index, or releases not in it), or None."""
    return SearchIndex(Database(connection)).describe_fault()
