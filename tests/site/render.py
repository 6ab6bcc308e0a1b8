"""Renders releases as pages with the Jinja2 templates of each design."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from tests.site.compose import load_text
from tests.site.furniture import Furniture, Link
from tests.site.paths import PATHS
from tests.site.releases import NOTE, Release
from tests.site.swedish import day

DESIGNS = ("sitevision", "episerver", "wordpress", "drupal", "modern")
DASHES = {  # form → what precedes the paragraphs of an answer
    "bold_dash": "– ",
    "bold_each": "– ",
    "bold_mixed": "– ",
    "bold_hyphen": "- ",
    "bold_nbsp": "–\N{NO-BREAK SPACE}",
    "bold_minus": "\N{MINUS SIGN} ",
    "bold_unspaced": "–",
    "bold_em": "— ",
    "three": "– ",
}


@cache
def environment() -> Environment:
    """Return a Jinja2 environment with the filters; an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (pieces, dash, dress, faq_json, is_moment)
    made.filters.update({each.__name__: each for each in filters} | {"swedish_day": day})
    return made


@lru_cache(maxsize=64)
def furnish(slug: str, base: str, design: str) -> Furniture:
    """Return an agency's boilerplate in a design; cached."""
    site = Furniture(slug, base)
    module = environment().get_template(f"{design}/static.html").module
    for part in ("head", "top", "bottom"):
        setattr(site, part, Markup(getattr(module, part)(site)))  # noqa: S704 - Jinja2 has escaped it
    return site


def render_release(release: Release, base: str, design: str, related: Sequence[Release]) -> str:
    """Return the page of a release."""
    home, name = ("Start", "Nyheter") if release.language == "sv" else ("Home", "News")
    news = Link(name, PATHS[load_text(release.agency)["cms"]].listing)
    return render(
        *("release", release.agency, base, design),
        release=release,
        title=release.title,
        language=release.language,
        crumbs=(Link(home, "/"), news),
        related=related,
    )


def render(kind: str, slug: str, base: str, design: str, **given: object) -> str:
    """Return a page of a kind: "release", "listing" (also the home page), or "page" (an area, an
    error).
    """
    usual = {"language": "sv", "crumbs": (Link("Start", "/"),), "related": ()}
    template = environment().get_template(f"{design}/{kind}.html")
    return template.render(site=furnish(slug, base, design), pagetype=kind, **{**usual, **given})


def pieces(text: str) -> list[tuple[bool, str]]:
    """Split a text at its [[links]]; yield whether a piece is a link, and the piece."""
    return [(bool(i % 2), piece) for i, piece in enumerate(NOTE.split(text)) if piece]


def dash(form: str, paragraph: int, turn: int) -> str:
    """Return what precedes paragraph n of answer `turn`: a dash before the first, each, or some."""
    mark = DASHES.get(form, "")
    if form == "bold_each" or (form == "bold_mixed" and turn % 2):
        return mark
    return mark if paragraph == 0 else ""


def dress(markup: Markup, tag: str, css: str) -> Markup:
    """Add a class to every element of a kind that has no attributes."""
    return Markup(str(markup).replace(f"<{tag}>", f'<{tag} class="{css}">'))  # noqa: S704 - Jinja2 has escaped it


def faq_json(release: Release) -> Markup:
    """Return the questions as schema.org/FAQPage."""
    entities = []
    for qa in release.questions:
        answer = {"@type": "Answer", "text": "".join(f"<p>{text}</p>" for text in qa.answer)}
        entities.append({"@type": "Question", "name": qa.question, "acceptedAnswer": answer})
    data = {"@context": "https://schema.org", "@type": "FAQPage", "mainEntity": entities}
    return Markup(json.dumps(data, ensure_ascii=False).replace("</", "<\\/"))  # noqa: S704 - our own text


def is_moment(value: object) -> bool:
    """Return whether a date has a time."""
    return isinstance(value, datetime)
