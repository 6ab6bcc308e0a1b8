"""No page or feed serves the markup of a hostile agency so that it runs or loads anything."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from lxml import etree, html

from tests.archive.hostile_agency import create_hostile_archive
from tests.archive.sample import Site, served
from tests.archive.xss_vectors import LINKS, VECTORS
from tests.case_tables import load_column

ACTIVE_TAGS = set(load_column(__file__, "active tags"))
# of our own charts (archive/web/charts.py): nothing in them runs or loads
PICTURES = {"key", "strip", "versions"}  # and those of a plot
DRAWN = {"svg", "title", "desc", "path", "text", "tspan", "line", "rect", "a"}
PAGES = load_column(__file__, "pages")
DATA = load_column(__file__, "data")


@pytest.fixture(scope="module")
def hostile_site(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The hostile agency's releases.

    It depends on `site`, whose plugins must be unregistered last.
    """
    with served(
        create_hostile_archive(tmp_path_factory.mktemp("hostile") / "archive.db")
    ) as datasette:
        yield Site(datasette)


def find_active_markup(document: html.HtmlElement) -> list[str]:
    """List what could run or load."""
    found = []

    def add(element: html.HtmlElement) -> None:
        found.append(html.tostring(element, encoding="unicode")[:120])

    for element in document.iter(etree.Element):
        tag = str(element.tag).lower()
        if tag == "script" and element.get("type") == "application/ld+json" and not len(element):
            json.loads(element.text or "")  # data, which no browser runs
            continue
        is_own = element.get("class") in PICTURES or element.xpath("ancestor::*[@class='plot']")
        is_own = is_own and {each.tag for each in element.iter()} <= DRAWN
        if tag in ACTIVE_TAGS and not is_own:
            add(element)
        for name, value in element.attrib.items():
            is_url = name in {"href", "src", "action", "formaction", "poster"}
            if name.startswith("on") or name == "style" or (is_url and not is_safe(str(value))):
                add(element)
    return found


def is_safe(url: str) -> bool:
    scheme = url.partition(":")[0].strip().lower() if ":" in url.partition("/")[0] else ""
    return scheme in {"", "http", "https", "mailto", "tel"} and not url.startswith("//")


def check_response(url: str, response: httpx.Response) -> None:
    """Assert that a page has no active markup and a strict policy, and that data is sandboxed."""
    assert response.status_code < 500, url
    policy = response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.is_redirect or not response.headers["content-type"].startswith("text/html"):
        assert "sandbox" in policy, url
        return
    assert "unsafe-inline" not in policy, url
    assert "script-src" not in policy, url
    found = find_active_markup(html.fromstring(response.text))
    assert not found, (url, found)


@pytest.mark.parametrize("link", LINKS[:3])
def test_active_link_is_detected(link: str) -> None:
    assert find_active_markup(html.fromstring(f"<div>{link}</div>"))


@pytest.mark.parametrize(
    "step",
    [16, pytest.param(1, marks=pytest.mark.slow("every hostile text"))],
    ids=("each sixteenth", "all"),
)
async def test_pages_have_no_active_markup(hostile_site: Site, step: int) -> None:
    database = hostile_site.datasette.get_database("archive")
    releases = [row["id"] for row in await database.execute("select id from releases")]
    edits = [
        (row["previous"], row["id"])
        for row in await database.execute(
            "select id, previous from revisions where previous is not null"
        )
    ]
    assert len(releases) - 1 == len(edits) == len(VECTORS)
    urls = [*PAGES, *DATA, *(f"/archive/releases/{number}" for number in releases[::step])]
    for before, after in edits[::10]:
        urls += [
            f"/-/diff/{before}/{after}",
            f"/-/diff/{before}/{after}.atom",
            f"/-/revision/{after}",
        ]
        urls += [f"/-/cite/{after}.bib", f"/-/cite/{after}.json"]
    for url in urls:
        check_response(url, await hostile_site.get(url))
        if "." not in url and url.startswith(("/archive/releases/", "/-/diff/", "/-/revision/")):
            check_response(
                url,
                await hostile_site.get(f"{url}?q=script+alert+meddelande+x&agency=%3Cscript%3E"),
            )


@pytest.mark.parametrize("url", ["/-/edits.atom", "/search.atom?q=meddelande"])
async def test_feeds_have_no_active_markup(hostile_site: Site, url: str) -> None:
    feed = etree.fromstring((await hostile_site.get(url)).content)
    contents = feed.findall(".//{*}content") + feed.findall(".//{*}summary")
    assert contents
    for content in contents:
        if content.get("type") == "html":
            assert not find_active_markup(html.fromstring(content.text or ""))


@pytest.mark.parametrize(
    ("path", "name"), [("/search", "q"), ("/-/edits", "agency"), ("/archive", "sql")]
)
async def test_parameters_are_escaped(hostile_site: Site, path: str, name: str) -> None:
    for vector in VECTORS[::8]:
        url = f"{path}?{httpx.QueryParams({name: vector, 'lang': vector})}"
        check_response(url, await hostile_site.get(url))
