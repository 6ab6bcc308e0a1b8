"""The documentation on the site: contents, pages with anchors and links, images, and nothing else of the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasette.plugins import pm

from tests.archive.sample import Site

PAGES = {
    "guide.md": (
        "# Guide to `archive.db`\n\nHow to *begin*.\n\n## First steps\n\nSee [search](search.md#words), "
        "[settings](../scraper/settings.py) and [this page](#first-steps).\n\n### Then\n\n```sh\nmake <run>\n```\n\n"
        "## First steps\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n![An edit](images/edit.png)\n\n"
        "<script>alert(1)</script>\n"
        "\n[bad](javascript:alert(1))\n"
    ),
    "search.md": "# Search\n\nBy words.\n",
}


@pytest.fixture
def documented(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (tmp_path / "docs/images").mkdir(parents=True)
    for name, text in PAGES.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    (tmp_path / "docs/images/edit.png").write_bytes(b"an image")
    (tmp_path / "docs/images/page.html").write_text("<p>no image</p>", encoding="utf-8")
    (tmp_path / "secret.md").write_text("# Secret\n", encoding="utf-8")
    (plugin,) = (each for each in pm.get_plugins() if getattr(each, "__name__", "") == "docs.py")
    monkeypatch.setattr(plugin, "FOLDERS", (tmp_path / "missing", tmp_path / "docs"))
    return site


async def test_contents_list_every_page(documented: Site) -> None:
    page = await documented.page("/docs/?lang=en")
    links = [(link.text_content(), link.get("href")) for link in page.cssselect("main dt a")]
    known_first = [("Search", "/docs/search?lang=en"), ("Guide to archive.db", "/docs/guide?lang=en")]
    assert links == known_first, "in reading order, pages that it does not name at the end"
    assert [text.text_content() for text in page.cssselect("main dd")] == ["By words.", "How to begin."]
    assert (await documented.get("/docs?lang=en")).headers["location"] == "/docs/?lang=en"


async def test_a_page_has_a_title_anchors_and_a_table_of_contents(documented: Site) -> None:
    page = await documented.page("/docs/guide", accept_language="sv")
    assert page.cssselect("title")[0].text_content().startswith("Guide to archive.db – ")
    assert page.get("lang") == "sv"
    (article,) = page.cssselect("main article")
    assert article.get("lang") == "en"
    headings = {heading.get("id"): heading.text_content() for heading in article.cssselect("h1, h2, h3")}
    assert headings == {
        "guide-to-archivedb": "Guide to archive.db",
        "first-steps": "First steps",
        "then": "Then",
        "first-steps-1": "First steps",
    }
    contents = [(link.get("href"), link.text) for link in page.cssselect("aside li a")]
    assert contents == [("#first-steps", "First steps"), ("#then", "Then"), ("#first-steps-1", "First steps")]
    assert article.cssselect("pre code")[0].text == "make <run>\n"
    assert [cell.text for cell in article.cssselect("table td")] == ["1", "2"]


async def test_links_lead_to_pages_of_the_site(documented: Site) -> None:
    page = await documented.page("/docs/guide?lang=en")
    links = {link.text_content(): link.get("href") for link in page.cssselect("main article a")}
    assert links == {"search": "search?lang=en#words", "this page": "#first-steps"}
    assert "settings" in page.cssselect("main article")[0].text_content()  # a file of the repository is no link
    assert page.cssselect("main article img")[0].get("src") == "images/edit.png"


async def test_html_of_a_page_is_text(documented: Site) -> None:
    response = await documented.get("/docs/guide")
    assert "<script" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text
    assert "script-src" not in response.headers["content-security-policy"]


async def test_a_changed_page_is_shown(documented: Site) -> None:
    assert "By words." in await documented.text("/docs/search")
    (plugin,) = (each for each in pm.get_plugins() if getattr(each, "__name__", "") == "docs.py")
    file = plugin.FOLDERS[1] / "search.md"
    before = file.stat().st_mtime_ns
    file.write_text("# Search\n\nBy phrases.\n", encoding="utf-8")
    assert file.stat().st_mtime_ns != before
    assert "By phrases." in await documented.text("/docs/search")


async def test_images_are_sent_and_revalidated(documented: Site) -> None:
    response = await documented.get("/docs/images/edit.png")
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"an image", "image/png")
    again = await documented.get("/docs/images/edit.png", if_none_match=response.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/docs/nothing",
            "/docs/guide.md",
            "/docs/../secret",
            "/docs/%2e%2e/secret",
            "/docs/..%2fsecret",
            "/docs/secret",
        ),
        *(
            "/docs/images",
            "/docs/images/",
            "/docs/images/page.html",
            "/docs/images/../guide.md",
            "/docs/images/..%2fguide",
        ),
    ],
)
async def test_nothing_else_is_sent(documented: Site, path: str) -> None:
    response = await documented.get(path)
    assert response.status_code in (302, 404)  # Datasette redirects paths with % or a slash at their end
    assert "Secret" not in response.text
    assert "How to" not in response.text


async def test_unknown_parameters_are_refused(documented: Site) -> None:
    for path in ("/docs/", "/docs/guide"):
        assert (await documented.get(f"{path}?weight=50")).status_code == 400


async def test_the_pages_of_this_repository_are_served(site: Site) -> None:
    page: Any = await site.page("/docs/")
    links = [link.get("href") for link in page.cssselect("main dt a")]
    assert "/docs/architecture" in links
    for link in links:
        assert (await site.get(link)).status_code == 200, link
    assert page.cssselect("footer a[href='/docs/'][aria-current=page]")
