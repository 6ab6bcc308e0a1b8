"""The documentation (docs/*.md) in the site's layout.

- /docs/: the list of pages; /docs/<name>: a page; /docs/images/<file>: an image of a page.
- /openapi.json: a machine-readable description of the API.
"""

from __future__ import annotations

import json
import mimetypes
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
PAGE_LINK = re.compile(r"(?:\./)?([\w-]+)\.md(#.*)?")
SITE_LINK = re.compile(
    r"[a-z]+:|[#/]", re.IGNORECASE
)  # an absolute URL, a heading of the page, or a path of the site
SENTENCE_END = re.compile(r"(?<=[.:]) (?=[A-Z])")
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

    name: str
    title: str
    summary: str
    html: str
    headings: Sequence[Heading]  # below the title: levels 2 and 3


@site_view("/docs/?")
async def _show_contents(site: SiteRequest) -> Response:
    if site.request.path.endswith("/docs"):  # links between pages are relative
        return Response.redirect(site.path("/docs/"))
    files = _list_files("*.md")
    names = (
        *(f"{name}.md" for name in READING_ORDER),
        *sorted(files, key=lambda name: files[name].stem),
    )
    pages = [read_page(site, files[name]) for name in dict.fromkeys(names) if name in files]
    if not pages:
        raise NotFound("the documentation is not installed")
    return await site.render("docs.html", {"page": None, "pages": pages})


@site_view(r"/docs/(?P<name>[\w-]+)")
async def _show_page(site: SiteRequest) -> Response:
    file = _list_files("*.md").get(f"{site.url_vars['name']}.md")
    if file is None:
        raise NotFound(f"no page {site.url_vars['name']} of the documentation")
    return await site.render("docs.html", {"page": read_page(site, file)})


@site_view(r"/docs/images/(?P<name>[\w.-]+)")
async def _show_image(site: SiteRequest) -> Response:
    file = _list_files("images/*").get(site.url_vars["name"])
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
    """Return the documentation files that match a pattern, by name.

    No URL can lead to other files.
    """
    folder = next((folder for folder in FOLDERS if folder.is_dir()), None)
    return {file.name: file for file in folder.glob(pattern) if file.is_file()} if folder else {}


def read_page(site: SiteRequest, file: Path) -> DocsPage:
    """Return a rendered page, from the cache if its file has not changed.

    Examples for readers use the address of this site.
    """
    page = parse_page(
        file.stem, file.read_text("utf-8"), add_query("", lang=site.requested_language)
    )
    if page.name not in PAGES_FOR_READERS:
        return page
    return page._replace(
        html=page.html.replace(EXAMPLE_SITE, str(escape(site.url("/").rstrip("/"))))
    )


@lru_cache
def parse_page(name: str, text: str, query: str = "") -> DocsPage:
    """Render a Markdown page.

    Headings get anchors. Links to pages lose their suffix and get `query`.

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
        _rewrite_links(token.children or [], query)
    summary = next(
        (after for token, after in pairwise(tokens) if token.type == "paragraph_open"), None
    )
    return DocsPage(
        name=name,
        title=next((heading.title for heading in headings if heading.level == 1), name),
        summary=SENTENCE_END.split(_read_plain_text(summary), maxsplit=1)[0] if summary else "",
        html=MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}),
        headings=[heading for heading in headings if heading.level in (2, 3)],
    )


def _add_anchors(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Add an id to each heading, like GitHub does, and yield the headings."""
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


def _rewrite_links(tokens: Sequence[Token], query: str) -> None:
    """Link pages by name, and remove links to other files of the repository.

    Those files are not on the site.
    """
    closing: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrGet("href"))
            page = PAGE_LINK.fullmatch(target)
            if page:
                token.attrSet("href", page[1] + query + (page[2] or ""))
            elif not SITE_LINK.match(target):
                token.tag, token.attrs = "span", {}
            closing.append(token.tag)
        elif token.type == "link_close":
            token.tag = closing.pop()
