"""Markup that would run goes through `scrapy crawl` into the archive, and comes out of no page alive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from lxml import etree, html

from tests.archive.sample import Site, served
from tests.archive.scribes import AGENCY, DAY, IMPORTER, build_once
from tests.archive.vectors import LINKS, VECTORS

LIVE = {"script", "iframe", "object", "embed", "base", "applet", "frame", "svg", "math", "style", "template"}
PATHS = (
    *("/", "/search", "/search?q=meddelande", "/search?show=questions&q=varför", f"/agency/{AGENCY}", "/agencies"),
    *(f"/agency/{IMPORTER}", "/-/status", f"/-/status/{AGENCY}", "/-/coverage"),
    *(f"/month/{DAY:%Y-%m}", "/-/edits", "/-/removed", "/about", "/nothing<script>alert(1)</script>"),
    *("/archive/releases?_size=20", "/archive/tags", "/archive/questions", "/archive/attachments", "/archive/images"),
    *("/archive?sql=select+title,body_html,url+from+releases", "/archive/revisions/1", "/archive/tags/1"),
)
DATA = (
    *("/search.json?q=meddelande", "/search.csv?q=meddelande", "/search.atom?q=meddelande", "/new.atom", "/new.json"),
    *("/-/edits.atom", "/-/edits.csv", "/-/edits.json", "/-/removed.atom", f"/agency/{AGENCY}.atom", "/sitemap.xml"),
    *("/archive/releases.json", "/archive/releases.csv", "/archive/releases.csv?_stream=on", "/archive/tags.json"),
    *("/archive.json?sql=select+title+from+releases", "/archive/releases.json?_where=<script>alert(1)</script>"),
)


def find_live(document: html.HtmlElement, *, datasette: bool) -> Iterator[str]:
    """What could run or load in a page; Datasette's own scripts and styles may, on its own pages."""
    for element in document.iter(etree.Element):
        tag, whole = str(element.tag).lower(), html.tostring(element, encoding="unicode")[:120]
        own = datasette and tag in {"script", "style", "svg"} and "alert(1)" not in (element.text or "")
        if tag in LIVE and not own:
            yield whole
        for name, value in element.attrib.items():
            if name.startswith("on") or (name == "style" and not datasette):
                yield whole
            if name in {"href", "src", "action", "formaction", "poster"} and not is_safe(str(value)):
                yield whole


def is_safe(address: str) -> bool:
    """Of the web, of mail, of the telephone, or on this site."""
    scheme = address.partition(":")[0].strip().lower() if ":" in address.partition("/")[0] else ""
    return scheme in {"", "http", "https", "mailto", "tel"} and not address.startswith("//")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_once(tmp_path_factory)


def check(path: str, response: httpx.Response) -> None:
    """A page has nothing alive in it and lets nothing of ours run; data is no page."""
    assert response.status_code < 500, path
    policy = response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.is_redirect or not response.headers["content-type"].startswith("text/html"):
        assert "sandbox" in policy, path
        return
    datasette = path.startswith("/archive") and "/archive/releases/" not in path
    if not datasette:
        assert "unsafe-inline" not in policy, path
        assert "script-src" not in policy, path
    found = list(find_live(html.fromstring(response.text), datasette=datasette))
    assert not found, (path, found)


def test_there_are_enough() -> None:
    assert len(VECTORS) >= 100
    assert all(list(find_live(html.fromstring(f"<div>{one}</div>"), datasette=False)) for one in LINKS[:3])


async def test_nothing_runs_on_any_page(hostile: Path) -> None:
    with served(hostile) as datasette:
        site = Site(datasette)
        count = (await datasette.get_database("archive").execute("select max(id) from releases")).single_value()
        rows = await datasette.get_database("archive").execute("select id, previous from revisions")
        pairs = [(row["previous"], row["id"]) for row in rows if row["previous"]]
        assert count - 1 == len(pairs) == len(VECTORS)
        paths = [*PATHS, *DATA, *(f"/archive/releases/{number}" for number in range(1, count + 1))]
        for one, other in pairs[::10]:
            paths += [f"/-/diff/{one}/{other}", f"/-/diff/{one}/{other}.atom", f"/-/revision/{other}"]
            paths += [f"/-/cite/{other}.bib", f"/-/cite/{other}.json"]
        paths += [f"/-/history/1{ending}" for ending in (".json", ".csv", ".atom")]
        for path in paths:
            check(path, await site.get(path))


async def test_what_feeds_carry_as_markup_is_as_dead(hostile: Path) -> None:
    with served(hostile) as datasette:
        for path in ("/-/edits.atom", "/search.atom?q=meddelande"):
            feed = etree.fromstring((await Site(datasette).get(path)).content)
            told = feed.findall(".//{*}content") + feed.findall(".//{*}summary")
            assert told, path
            for content in told:
                if content.get("type") == "html":
                    assert not list(find_live(html.fromstring(content.text or ""), datasette=False))


async def test_what_is_asked_is_not_handed_back_alive(hostile: Path) -> None:
    with served(hostile) as datasette:
        for vector in VECTORS[::8]:
            for path, name in (("/search", "q"), ("/-/edits", "agency"), ("/archive", "sql")):
                query = str(httpx.QueryParams({name: vector, "lang": vector}))
                check(f"{path}?{query}", await Site(datasette).get(f"{path}?{query}"))
