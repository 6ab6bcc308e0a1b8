"""The documentation (docs/**/*.md) in the site's layout.

- /docs/: the list of pages; /docs/<name>: a page, such as /docs/search, /docs/sv/search (its
  Swedish translation) and /docs/reference/settings; /docs/images/<file>: an image on a page.
- /openapi.json: a machine-readable description of the API.

A page is in English, or in the language that its folder is named after. Visitors get the version of
a page in the language of the interface, if there is such a version.
"""

from __future__ import annotations

import json
import mimetypes
import os
import posixpath
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

from datasette import NotFound, Response
from datasette.plugins import pm
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import escape

import archive
from archive.database.schema import read_metadata
from archive.i18n import LANGUAGES
from archive.web import (
    ANY_PARAMETER,
    RESPONSE_MEDIA_TYPES,
    SiteRequest,
    add_query,
    build_openapi,
    hash_file,
    site_view,
)
from archive.web.datasette_versions import IS_NEXT

FOLDERS = (  # in a clone, and in an installed package
    Path(archive.__path__[0]).parent / "docs",
    Path(sys.prefix) / "share" / "myndighetsarkivet" / "docs",
)
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
PAGE_LINK = re.compile(r"((?:[\w-]+/|\.{1,2}/)*[\w-]+)\.md(#.*)?")
SITE_LINK = re.compile(
    r"[a-z]+:|[#/]", re.IGNORECASE
)  # an absolute URL, a heading of the page, or a path of the site
SENTENCE_END = re.compile(r"(?<=[.:]) (?=[A-ZÅÄÖ])")
DOCS_LANGUAGE = "en"  # of pages outside the folders that are named after a language
READING_ORDER = (  # pages listed first on the contents page; others follow in alphabetical order
    *(
        "getting-started",
        "add-an-agency",
        "agencies",
        "survey",
        "operate-at-a-glance",
        "operate",
        "search",
        "api",
        "datasets",
    ),
    *(
        "import-format",
        "evidence",
        "takedowns",
        "follow",
        "security",
        "scaling",
        "distributed",
        "performance",
    ),
    *("architecture", "contributing"),
)
DESCRIBED_TABLES = (
    "releases",
    "revisions",
    "removals",
    "questions",
    "images",
    "attachments",
    "contacts",
    "changefeed",
)
# in the examples of PAGES_FOR_READERS; there it stands for this site
EXAMPLE_SITE = "http://127.0.0.1:8001"
# on the other pages it is a server on the operator's own machine
PAGES_FOR_READERS = ("api", "datasets")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/svg+xml", "image/webp", "image/gif")


class Heading(NamedTuple):
    level: int
    title: str
    anchor: str


class DocsPage(NamedTuple):
    """A page of the documentation. `summary` is its first sentence as plain text."""

    name: str  # its path in the folder, without the suffix
    title: str
    summary: str
    html: str
    headings: Sequence[Heading]  # below the title: levels 2 and 3
    language: str


@site_view("/docs/?")
async def _show_contents(site: SiteRequest) -> Response:
    if site.request.path.endswith("/docs"):  # links between pages are relative
        return Response.redirect(site.path("/docs/"))
    names = [path.removesuffix(".md") for path in _list_files("**/*.md")]
    if not names:
        raise NotFound("the documentation is not installed")
    # the visitor's language first
    titles = ("guide", "reference", *LANGUAGES)
    sections: dict[str, list[DocsPage]] = {
        title: [] for title in sorted(titles, key=lambda title: title != site.language)
    }
    for name in sorted(names, key=_get_reading_position):
        page = read_page(site, name)
        if page.language != DOCS_LANGUAGE:
            sections[page.language].append(page)
        elif find_translation(name, site.language) in (None, name):
            sections["reference" if name.startswith("reference/") else "guide"].append(page)
    return await site.render("docs.html", {"page": None, "sections": sections})


def _get_reading_position(name: str) -> tuple[int, str]:
    own = _get_english_name(name)
    return READING_ORDER.index(own) if own in READING_ORDER else len(READING_ORDER), own


@site_view(r"/docs/(?P<name>[\w-]+(?:/[\w-]+)*)")
async def _show_page(site: SiteRequest) -> Response:
    name = site.url_vars["name"]
    page = read_page(site, name)
    translations = {language: find_translation(name, language) for language in LANGUAGES}
    own = translations[site.language] or name
    if own != name:
        return Response.redirect(site.path(f"/docs/{own}"))
    return await site.render("docs.html", {"page": page, "translations": translations})


@site_view(r"/docs/images/(?P<name>[\w.-]+)")
async def _show_image(site: SiteRequest) -> Response:
    file = _list_files("images/*").get(f"images/{site.url_vars['name']}")
    media_type = mimetypes.guess_type(site.url_vars["name"])[0]
    if file is None or media_type not in IMAGE_TYPES:
        raise NotFound(f"no image {site.url_vars['name']} of the documentation")
    etag = f'"{hash_file(file)}"'
    if site.has_current(etag):
        return Response("", status=304, headers={"etag": etag}, content_type=media_type)
    return Response(file.read_bytes(), headers={"etag": etag}, content_type=media_type)


@site_view(r"/openapi\.json", parameters=[ANY_PARAMETER])
async def _show_openapi(site: SiteRequest) -> Response:
    described = read_metadata()["databases"]["archive"]["tables"]
    columns_by_table = [described[table]["columns"] for table in DESCRIBED_TABLES]
    columns = {name: text for table in reversed(columns_by_table) for name, text in table.items()}
    tables = () if IS_NEXT else described  # 1.0 sends other members
    routes = chain.from_iterable(pm.hook.register_routes(datasette=site.datasette))
    operations = filter(None, (getattr(view, "operation", None) for _, view in routes))
    described_site = build_openapi(operations, tables, columns.get, site.url("/").rstrip("/"))
    text = json.dumps(described_site, ensure_ascii=False)
    return site.answer(text, RESPONSE_MEDIA_TYPES["json"])


def _list_files(pattern: str) -> dict[str, Path]:
    """Return the documentation files that match a pattern, by their path in the docs folder.

    No URL can lead to other files.
    """
    folder = _find_folder()
    files = filter(Path.is_file, folder.glob(pattern)) if folder else ()
    return {file.relative_to(folder).as_posix(): file for file in files if folder}


def _find_folder() -> Path | None:
    return next((folder for folder in FOLDERS if folder.is_dir()), None)


def _find_file(name: str) -> Path | None:
    """Return the file of a page, or None if there is no such page.

    Names contain no dots, so they cannot lead to other folders.
    """
    folder = _find_folder()
    file = folder and folder / f"{name}.md"
    # Path.is_file raises OSError for a name that is too long
    return file if file and os.path.isfile(file) else None  # noqa: PTH113


def _get_page_language(name: str) -> str:
    """Return the language of a page.

    >>> _get_page_language("sv/search"), _get_page_language("reference/settings")
    ('sv', 'en')
    """
    folder = name.partition("/")[0]
    return folder if folder in LANGUAGES else DOCS_LANGUAGE


def _get_english_name(name: str) -> str:
    return name.removeprefix(f"{_get_page_language(name)}/")


def find_translation(name: str, language: str) -> str | None:
    """Return the name of a page's version in a language, or None if there is no such version."""
    own = _get_english_name(name)
    translated = own if language == DOCS_LANGUAGE else f"{language}/{own}"
    return translated if _find_file(translated) else None


def read_page(site: SiteRequest, name: str) -> DocsPage:
    """Return a rendered page, from the cache if its file has not changed.

    Raises NotFound if there is no such page. The examples on the pages in PAGES_FOR_READERS use the
    address of this site. The headings of a translation also have the anchors of the English page,
    so that links to these anchors work.
    """
    page, english = _read_file(name, site.requested_language), _get_english_name(name)
    if page is None:
        raise NotFound(f"no page {name} of the documentation")
    if english != name and (original := _read_file(english)):
        page = _add_english_anchors(page, original)
    if english not in PAGES_FOR_READERS:
        return page
    return page._replace(
        html=page.html.replace(EXAMPLE_SITE, str(escape(site.url("/").rstrip("/"))))
    )


def _read_file(name: str, language: str | None = None) -> DocsPage | None:
    file = _find_file(name)
    text = file.read_text("utf-8") if file else None
    return None if text is None else parse_page(name, text, add_query("", lang=language))


def _add_english_anchors(page: DocsPage, original: DocsPage) -> DocsPage:
    """Return a translation whose headings also have the anchors of the original.

    If the two do not have the same number of headings, the translation is returned unchanged.
    """
    html = page.html
    if len(page.headings) == len(original.headings):
        for own, other in zip(page.headings, original.headings, strict=True):
            tag = f'<h{own.level} id="{own.anchor}">'
            if other.anchor != own.anchor:
                html = html.replace(tag, f'{tag}<span id="{other.anchor}"></span>')
    return page._replace(html=html)


@lru_cache
def parse_page(name: str, text: str, query: str = "") -> DocsPage:
    """Render a Markdown page.

    Headings get anchors. In links to other pages, `query` replaces the suffix `.md`.

    name: the page's path in the documentation folder, without the suffix.

    >>> text = "# Search\\n\\nHow to *search*.\\n\\n## By word\\n\\nSee [the API](api.md#json)."
    >>> page = parse_page("a", text)
    >>> page.title, page.summary, page.headings
    ('Search', 'How to search.', [Heading(level=2, title='By word', anchor='by-word')])
    >>> print(page.html)
    <h1 id="search">Search</h1>
    <p>How to <em>search</em>.</p>
    <h2 id="by-word">By word</h2>
    <p>See <a href="api#json">the API</a>.</p>
    <BLANKLINE>
    """
    tokens = MARKDOWN.parse(text)
    headings = list(_add_anchors(tokens))
    for token in tokens:
        _rewrite_links(token.children or [], name, query)
    summary = next(
        (after for token, after in pairwise(tokens) if token.type == "paragraph_open"), None
    )
    return DocsPage(
        name=name,
        title=next((heading.title for heading in headings if heading.level == 1), name),
        summary=SENTENCE_END.split(_read_plain_text(summary), maxsplit=1)[0] if summary else "",
        html=MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}),
        headings=[heading for heading in headings if heading.level in (2, 3)],
        language=_get_page_language(name),
    )


def _add_anchors(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Add an id to each heading, as GitHub does, and yield the headings."""
    used: dict[str, int] = {}
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            title = _read_plain_text(inline)
            anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            used[anchor] = used.get(anchor, -1) + 1
            if used[anchor]:
                anchor = f"{anchor}-{used[anchor]}"
            token.attrSet("id", anchor)
            yield Heading(int(token.tag[1:]), title, anchor)


def _read_plain_text(inline: Token) -> str:
    return "".join(
        " " if token.type == "softbreak" else token.content for token in inline.children or ()
    )


def _rewrite_links(tokens: Sequence[Token], name: str, query: str) -> None:
    """Make links to documentation pages work on the site, and remove links to other files.

    The site does not serve the other files of the repository. A link to a page in another language
    gets that language as `hreflang`.
    """
    closing: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrGet("href"))
            page = PAGE_LINK.fullmatch(target)
            linked = posixpath.normpath(f"{name}/../{page[1]}") if page else ".."
            if page and not linked.startswith(".."):
                token.attrSet("href", page[1] + query + (page[2] or ""))
                if (language := _get_page_language(linked)) != _get_page_language(name):
                    token.attrSet("hreflang", language)
            elif not SITE_LINK.match(target):
                token.tag, token.attrs = "span", {}
            closing.append(token.tag)
        elif token.type == "link_close":
            token.tag = closing.pop()
