"""Gives our own templates the reader's language: lang, t() for texts, link() and out() for addresses, say_time() …"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from datasette import hookimpl
from markupsafe import Markup

import archive
from archive.history.shown import find_heaviest
from archive.language import (
    NO_BREAK,
    choose_language,
    mark_weight,
    say,
    say_absence,
    say_field,
    say_kind,
    say_number,
    say_time,
    say_told,
    say_value,
    say_weight,
)
from archive.pages.months import say_month, say_short

WEB = re.compile(r"https?://[^\s\\/]", re.IGNORECASE)  # else a page's javascript: or data: would be a link of ours
TEMPLATES = Path(archive.__path__[0]) / "templates"


def interface(datasette: Any, request: Any) -> dict[str, Any]:
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
        "t": partial(say, lang),
        "number": partial(say_number, lang),
        "say_kind": partial(say_kind, lang),
        "say_time": lambda when: say_time(lang, when).replace(" ", NO_BREAK, 1),  # the day stays with its month
        "say_told": lambda when: say_told(lang, when).replace(" ", NO_BREAK, 1),
        "say_month": partial(say_month, lang),
        "say_short": partial(say_short, lang),
        "say_weight": partial(say_weight, lang),
        "mark_weight": mark_weight,
        "say_absence": partial(say_absence, lang),
        "say_field": partial(say_field, lang),
        "say_value": partial(say_value, lang),
        "find_heaviest": partial(find_heaviest, lang),
        "lang_of": lang_of,
        "link": link,
        "out": link_out,
        "switched": switched,
    }


def link_out(url: str | None) -> Markup:
    """The attributes of a link that leads out of the archive; none where the address is not one of the web.

    >>> str(link_out("https://fyr.example/?a&b")), str(link_out("javascript:alert(1)//a.pdf"))
    (' href="https://fyr.example/?a&amp;b" rel="external"', '')
    """
    if not url or not WEB.match(url):
        return Markup()
    return Markup(' href="{}" rel="external"').format(url)


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> dict[str, Any]:
    """Only for templates of ours: names of Datasette's own pages are left alone."""
    if request is None or not template or not (TEMPLATES / template).is_file():
        return {}
    names = interface(datasette, request)
    request.scope.get("archive_page", {})["language"] = names["lang"]  # read by headers.py
    return names
