"""Start-up checks; template helpers.

What Datasette shows beyond its own: one page or hook a file (datasette --plugins-dir archive/plugins).

Gives our own templates the reader's language: lang, t() for texts, link() and out() for addresses, say_time() …

Before the first answer: refuses what is no archive or cannot be searched, and reads what searches need.
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
from datasette import hookimpl
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
from archive.search.index import SearchIndex
from archive.web.pages import format_month, format_short_month
from archive.web.responses import build_query_runner, get_search_columns

WEB_URL = re.compile(r"https?://[^\s\\/]", re.IGNORECASE)  # else a page's javascript: or data: would be a link of ours
TEMPLATES_FOLDER = Path(archive.__path__[0]) / "templates"


def build_template_context(datasette: Any, request: Any) -> dict[str, Any]:
    """The names every template of ours may use."""
    asked = request.args.get("lang")
    lang = choose_language(asked, request.headers.get("accept-language"))
    kept = lang if asked == lang else None  # a language chosen by URL stays chosen in every link

    def link(path: str, **values: object) -> str:
        query = urlencode({k: v for k, v in {"lang": kept, **values}.items() if v not in (None, "")})
        return str(datasette.urls.path(path)) + (f"?{query}" if query else "")

    def lang_of(language: str | None) -> Markup:
        """A text's lang attribute, where it differs from the page's; "" tells that the language is not known."""
        known = language or ("sv" if lang == "sv" else "")
        return Markup("") if known == lang else Markup(' lang="{}"').format(known)

    def switched(language: str) -> str:
        values = [(k, v) for k in request.args for v in request.args.getlist(k) if k != "lang"]
        return f"{request.path}?{urlencode([*values, ('lang', language)])}"

    return {
        "lang": lang,
        "kept_lang": kept,
        "t": partial(translate, lang),
        "number": partial(format_number, lang),
        "say_kind": partial(format_release_kind, lang),
        "say_time": lambda when: format_time(lang, when).replace(
            " ", NO_BREAK_SPACE, 1
        ),  # the day stays with its month
        "say_told": lambda when: format_stated_time(lang, when).replace(" ", NO_BREAK_SPACE, 1),
        "say_month": partial(format_month, lang),
        "say_short": partial(format_short_month, lang),
        "say_weight": partial(format_importance, lang),
        "mark_weight": format_importance_bar,
        "say_absence": partial(describe_removal, lang),
        "say_field": partial(format_field_heading, lang),
        "say_value": partial(format_field_value, lang),
        "find_heaviest": partial(find_main_change, lang),
        "lang_of": lang_of,
        "link": link,
        "out": format_external_link,
        "switched": switched,
    }


def format_external_link(url: str | None) -> Markup:
    """The attributes of a link that leads out of the archive; none where the address is not one of the web.

    >>> str(format_external_link("https://fyr.example/?a&b")), str(format_external_link("javascript:alert(1)//a.pdf"))
    (' href="https://fyr.example/?a&amp;b" rel="external"', '')
    """
    if not url or not WEB_URL.match(url):
        return Markup()
    return Markup(' href="{}" rel="external"').format(url)


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> dict[str, Any]:
    """Only for templates of ours: names of Datasette's own pages are left alone."""
    if request is None or not template or not (TEMPLATES_FOLDER / template).is_file():
        return {}
    names = build_template_context(datasette, request)
    request.scope.get("archive_page", {})["language"] = names["lang"]  # read by headers.py
    return names


def find_database_fault(tables_by_database: dict[str, list[str]]) -> str | None:
    """What is wrong with the databases to be served (name → its tables), if anything."""
    if "archive" not in tables_by_database:
        served = ", ".join(sorted(tables_by_database)) or "none"
        return f"the archive's file must be called archive.db; served here: {served}"
    if "releases" not in tables_by_database["archive"]:
        return "archive.db holds no table releases: it is not an archive, or nothing was crawled into it yet"
    return None


def find_index_fault(connection: sqlite3.Connection) -> str | None:
    """Return why searches would find less than there is (an older index, or releases not in it), or None."""
    return SearchIndex(Database(connection)).describe_fault()


@hookimpl
def startup(datasette: Any) -> Callable[[], Awaitable[None]]:
    """A ClickException, so that the command line prints the sentence alone and ends with 1."""

    async def check() -> None:
        files = {}
        for name, db in datasette.databases.items():
            if name.startswith("_"):  # Datasette's own, which a first request may be about to fill
                continue
            try:
                files[name] = await db.table_names()
            except sqlite3.DatabaseError as error:
                raise click.ClickException(f"{db.path}: {error}") from error
        fault = find_database_fault(files)
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
        await get_search_columns(datasette).refresh(
            build_query_runner(datasette)
        )  # else the first search would wait for it
        freeze_garbage_collector()  # a look through all of it would cost some answers 60 ms

    return check
