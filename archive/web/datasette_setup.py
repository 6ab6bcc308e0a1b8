"""Start-up checks, routes for Datasette's pages, and the variables and functions for templates.

Templates get the visitor's language as `lang`, texts from t(), URLs from link() and
external_link(), and functions that format times, types and importance in that language.
"""

from __future__ import annotations

import re
import sqlite3
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
from datasette import NotFound, Response
from datasette.blob_renderer import render_blob
from datasette.utils import tilde_decode, tilde_encode
from markupsafe import Markup, escape
from sqlite_utils import Database

from archive.changes.field_differences import find_main_change, name_file
from archive.changes.wording_history import format_change
from archive.database.sqlite_files import ArchiveError, check_version, relieve_garbage_collector
from archive.i18n import (
    LANGUAGES,
    NO_BREAK_SPACE,
    describe_edit_time,
    describe_readings,
    describe_removal,
    format_check_pair,
    format_field_value,
    format_importance,
    format_importance_bar,
    format_month,
    format_number,
    format_period,
    format_search_note,
    format_short_month,
    format_stated_time,
    format_time,
    name_version,
    translate,
    translate_code,
)
from archive.language.terms import load_dictionaries
from archive.store.derived_data import describe_index_fault
from archive.urls import FilterError
from archive.web.datasette_versions import (
    IS_NEXT,
    add_canned_queries,
    list_database_paths,
)
from archive.web.requests import (
    SiteRequest,
    build_static_url,
    get_search_columns,
)

if not IS_NEXT:
    from archive.web.table_pages import build_table_routes

# a URL on a page of an agency may begin with javascript: or data:; these do not become links
WEB_URL = re.compile(r"https?://[^\s\\/]", re.IGNORECASE)
LINK = re.compile(r'(?<=href=")/[^"]*')
AFTER_DAY = re.compile(r"(?<=\d) (?=[^\W\d]+ \d{4}\b)")
# columns whose numbers are links in tables, views and results of queries, unless Datasette has a
# label for them
NUMBER_LINKS = {
    "release": "/archive/releases/",
    "moved_to": "/archive/releases/",
    "continues_as": "/archive/releases/",
    "revision": "/-/revision/",
}
ID_LINKS = {"revisions": "/-/revision/", "releases_with_tags": "/archive/releases/"}
SITE_PATH = re.compile(r"/[^\s\\/][^\s\\]*")


def build_page_context(datasette: Any, request: Any) -> dict[str, Any]:
    """Return the variables and functions that every template of the archive may use.

    The page's language is also recorded, because the headers of the response state it.
    """
    site = SiteRequest(request, datasette)
    lang = site.language
    request.scope.get("archive_page", {})["language"] = lang  # read by security.py

    no_attribute = Markup("")

    def format_lang_attribute(language: str | None) -> Markup:
        """Return a lang attribute if the language differs from the language of the page.

        The attribute is lang="" if the language is unknown.
        """
        code = language or ("sv" if lang == "sv" else "")
        return no_attribute if code == lang else Markup(' lang="{}"').format(code)

    def switch_language(language: str | None) -> str:
        values = [(k, v) for k in request.args for v in request.args.getlist(k) if k != "lang"]
        query = urlencode([*values, *([("lang", language)] if language else [])])
        return f"{request.path}?{query}" if query else str(request.path)

    def link_in_language(cell: str) -> str:
        """Add the requested language to the links in a cell rendered by Datasette.

        A cell that contains only text is returned unchanged.
        """
        if not isinstance(cell, Markup):
            return cell
        return Markup(LINK.sub(lambda link: escape(site.in_language(unescape(link[0]))), cell))  # noqa: S704 - URLs are escaped again

    return {
        "lang": lang,
        # if a language was chosen by URL, every link keeps it
        "requested_language": site.requested_language,
        "languages": {language: translate(language, "language_name") for language in LANGUAGES},
        "t": partial(translate, lang),
        "t_code": partial(translate_code, lang),
        "choose": site.choose,
        "capitalise": lambda text: text[:1].upper() + text[1:],
        "number": partial(format_number, lang),
        "format_time": lambda when: _join_day(format_time(lang, when)),
        "format_stated_time": lambda when: _join_day(format_stated_time(lang, when)),
        "format_month": partial(format_month, lang),
        "format_short_month": partial(format_short_month, lang),
        "format_period": partial(format_period, lang),
        "format_search_note": partial(format_search_note, lang),
        "format_importance": partial(format_importance, lang),
        "format_importance_bar": format_importance_bar,
        "describe_removal": partial(describe_removal, lang),
        "describe_edit_time": partial(describe_edit_time, lang),
        "describe_readings": partial(describe_readings, lang),
        "format_disappearance": partial(format_change, lang, appeared=False),
        "name_version": lambda version: _join_day(name_version(lang, version)),
        "format_check_pair": partial(format_check_pair, lang),
        "format_field_value": partial(format_field_value, lang),
        "find_main_change": partial(find_main_change, lang),
        "name_file": name_file,
        "format_lang_attribute": format_lang_attribute,
        "link": site.path,
        "external_link": _format_external_link,
        "static_url": partial(build_static_url, datasette),
        "switch_language": switch_language,
        # absolute, as search engines and networks require
        "page_url": lambda language: datasette.absolute_url(request, switch_language(language)),
        "in_language": site.in_language,
        "link_in_language": link_in_language,
    }


def _join_day(text: str) -> str:
    """Put a no-break space after the day of a date, to keep the month on the same line.

    >>> _join_day("samlingen 2 mars.jsonl, 18 maj 2021 kl. 12.57"), _join_day("juni 2024")
    ('samlingen 2 mars.jsonl, 18\\xa0maj 2021 kl. 12.57', 'juni 2024')
    """
    return AFTER_DAY.sub(NO_BREAK_SPACE, text)


def _format_external_link(url: str | None) -> Markup:
    """Return the href and rel attributes of an external link.

    Returns "" unless the URL is http or https.

    >>> str(_format_external_link("https://fyr.example/?a&b"))
    ' href="https://fyr.example/?a&amp;b" rel="external"'
    >>> str(_format_external_link("javascript:alert(1)//a.pdf"))
    ''
    """
    if not url or not WEB_URL.match(url):
        return Markup()
    return Markup(' href="{}" rel="external"').format(url)


def link_cell(value: Any, column: str, table: str | None, datasette: Any) -> Markup | None:
    """Return a link if a cell contains the id of a release or revision, or a path of the site.

    Returns None for other cells, which Datasette renders.
    """
    if column == "revision" and isinstance(value, dict):  # Datasette would link to the row
        value = value["value"]
    path = _find_cell_path(value, column, table)
    return Markup('<a href="{}">{}</a>').format(datasette.urls.path(path), value) if path else None


def _find_cell_path(value: Any, column: str, table: str | None) -> str | None:
    """Return the path to which a cell with an id or a path leads, or None for other cells."""
    if isinstance(value, int):
        start = NUMBER_LINKS.get(column)
        if start is None and column == "id":
            start = ID_LINKS.get(table or "")
        return f"{start}{value}" if start else None
    is_path = (
        column in ("link", "other_link") and isinstance(value, str) and SITE_PATH.fullmatch(value)
    )
    return value if is_path else None


def list_database_routes(datasette: Any) -> list[tuple[str, Any]]:
    """Return routes that replace Datasette's own routes for databases, tables and rows.

    One of the routes redirects other spellings of a database's name.
    """
    tables = [] if IS_NEXT else build_table_routes(datasette)
    return [*tables, (r"/(?P<name>[^/.]*~[^/.]*)(?P<rest>.*)", _redirect_to_database)]


async def _redirect_to_database(request: Any, datasette: Any) -> Any:
    """Redirect from another spelling of a database's name to the usual one.

    Raises NotFound if the name is unknown.
    """
    name = tilde_encode(tilde_decode(request.url_vars["name"]))
    if name not in list_database_paths(datasette):
        raise NotFound("there is no such page")
    query = f"?{request.query_string}" if request.query_string else ""
    return Response.redirect(str(datasette.urls.path(f"/{name}{request.url_vars['rest']}")) + query)


def list_output_renderers() -> list[dict[str, Any]]:
    """Return the output formats that are added to Datasette's own: bytes (.blob) and Excel.

    The pages link to Excel files, which archive.web.table_pages sends.
    """
    workbook = {
        "extension": "xlsx",
        "render": lambda: None,
        "can_render": lambda view_name: view_name != "row",
    }
    return [
        *([] if IS_NEXT else [workbook]),
        {"extension": "blob", "render": _render_bytes, "can_render": lambda: False},
    ]


async def _render_bytes(rows: Any, columns: Any, request: Any, table: str | None) -> Any:
    """Send the bytes in the column named by the parameter `_blob_column`.

    Raises FilterError if the column contains no bytes.
    """
    column = request.args.get("_blob_column")
    found = [row for row in rows if isinstance(row[column], bytes)] if column in columns else []
    if not found:
        raise FilterError("_blob_column", column or "", "a column with bytes", "error.bad_blob")
    # render_blob does not read the arguments that are None
    return await render_blob(None, None, found, columns, request, table, None)


def _connect_apart(db: Any) -> sqlite3.Connection:
    """Open a connection that only one thread will use.

    Datasette closes its own connections even while a thread is reading from them.
    """
    mode = "mode=ro" if db.is_mutable else "immutable=1"
    return sqlite3.connect(f"{Path(db.path).resolve().as_uri()}?{mode}", uri=True)


async def start_site(datasette: Any) -> None:
    """Check the databases and load the data for searches.

    Raises ClickException if a check fails.
    """
    tables = {}
    for name, db in datasette.databases.items():
        # Datasette's internal database, which the first request may be filling at this moment
        if name.startswith("_"):
            continue
        try:
            tables[name] = await db.table_names()
        except sqlite3.DatabaseError as error:
            raise click.ClickException(f"{db.path}: {error}") from error
    if "archive" not in tables:
        served = ", ".join(sorted(tables)) or "none"
        raise click.ClickException(
            f"the archive's file must be called archive.db; served here: {served}"
        )
    if "releases" not in tables["archive"]:
        raise click.ClickException(
            "archive.db has no table releases: it is not an archive,"
            " or nothing has been crawled yet"
        )
    db = datasette.databases["archive"]
    try:
        await db.execute_fn(partial(check_version, path=Path(db.path)))
    except ArchiveError as error:
        raise click.ClickException(str(error)) from error
    # an index that is older would miss hits; counting what it has takes long in a large archive
    fault = await db.execute_fn(
        lambda connection: describe_index_fault(Database(connection), is_counted=False)
    )
    if fault:
        raise click.ClickException(
            f"{db.path}: its search index must be rebuilt"
            f" ({fault}): python -m archive reindex {db.path}"
        )
    await add_canned_queries(datasette)
    load_dictionaries()
    # searches wait for it, but the server listens, however large the archive and slow the disk
    get_search_columns(datasette).load(partial(_connect_apart, db))
    relieve_garbage_collector()
