from __future__ import annotations

from pathlib import Path

import pytest

from tests.archive.sample import Site, hrefs, texts

PAGES = {
    "guide.md": (
        "# Guide to `archive.db`\n\nHow to *begin*.\n\n## First steps\n\nSee"
        " [search](search.md#words), "
        "[settings](../scraper/"
        "settings.py) and [this"
        " page](#first-steps).\n\n### Then\n\n```sh\nmake <run>\n```\n\n"
        "## First steps\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n![An edit](images/edit.png)\n\n"
        "<script>alert(1)</script>\n\n[bad](javascript:alert(1))\n"
    ),
    "search.md": "# Search\n\nBy words.\n",
    "images/edit.png": "an image",
    "images/page.html": "<p>no image</p>",
    "../secret.md": "# Secret\n",
}


@pytest.fixture(autouse=True)
def docs_folder(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the site serve a folder with two pages, an image, and a file of another type."""
    folder = tmp_path / "docs"
    (folder / "images").mkdir(parents=True)
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("archive.views.docs.FOLDERS", (tmp_path / "missing", folder))
    return folder


async def test_contents_list_pages_in_reading_order(site: Site) -> None:
    page = await site.page("/docs/?lang=en")
    links = [(link.text_content(), link.get("href")) for link in page.cssselect("main dt a")]
    # pages without a place in the order come last
    assert links == [
        ("Search", "/docs/search?lang=en"),
        ("Guide to archive.db", "/docs/guide?lang=en"),
    ]
    assert [text.text_content() for text in page.cssselect("main dd")] == [
        "By words.",
        "How to begin.",
    ]
    assert (await site.get("/docs?lang=en")).headers["location"] == "/docs/?lang=en"


async def test_page_has_title_anchors_contents_and_links(site: Site) -> None:
    page = await site.page("/docs/guide?lang=en")
    assert page.cssselect("title")[0].text_content().startswith("Guide to archive.db – ")
    (article,) = page.cssselect("main article")
    assert {
        heading.get("id"): heading.text_content() for heading in article.cssselect("h1, h2, h3")
    } == {
        "guide-to-archivedb": "Guide to archive.db",
        "first-steps": "First steps",
        "then": "Then",
        "first-steps-1": "First steps",
    }
    contents = [(link.get("href"), link.text) for link in page.cssselect("aside li a")]
    assert contents == [
        ("#first-steps", "First steps"),
        ("#then", "Then"),
        ("#first-steps-1", "First steps"),
    ]
    assert article.cssselect("pre code")[0].text == "make <run>\n"
    assert texts(article, "table td") == ["1", "2"]
    links = {link.text_content(): link.get("href") for link in article.cssselect("a")}
    assert links == {"search": "search?lang=en#words", "this page": "#first-steps"}
    assert "settings" in article.text_content()  # a file of the repository is no link
    assert article.cssselect("img")[0].get("src") == "images/edit.png"


async def test_english_text_and_html_in_a_swedish_page(site: Site) -> None:
    page = await site.page("/docs/guide", accept_language="sv")
    assert (page.get("lang"), page.cssselect("main article")[0].get("lang")) == ("sv", "en")
    response = await site.get("/docs/guide")
    assert "<script" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text
    assert "script-src" not in response.headers["content-security-policy"]


async def test_examples_for_readers_ask_this_site(site: Site, docs_folder: Path) -> None:
    for name in ("api", "operate"):
        (docs_folder / f"{name}.md").write_text(
            "# A\n\n```sh\ncurl 'http://127.0.0.1:8001/new.json'\n```\n", "utf-8"
        )
    response = await site.get("/docs/api", host="arkiv.example")
    assert "curl 'http://arkiv.example/new.json'" in response.text
    assert "curl 'http://127.0.0.1:8001/new.json'" in (await site.get("/docs/operate")).text


async def test_changed_page_is_rendered_again(site: Site, docs_folder: Path) -> None:
    assert "By words." in await site.text("/docs/search")
    file = docs_folder / "search.md"
    before = file.stat().st_mtime_ns
    file.write_text("# Search\n\nBy phrases.\n", encoding="utf-8")
    assert file.stat().st_mtime_ns != before
    assert "By phrases." in await site.text("/docs/search")


async def test_image_has_an_etag(site: Site) -> None:
    response = await site.get("/docs/images/edit.png")
    assert (response.status_code, response.content, response.headers["content-type"]) == (
        200,
        b"an image",
        "image/png",
    )
    again = await site.get("/docs/images/edit.png", if_none_match=response.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        *("nothing", "guide.md", "../secret", "%2e%2e/secret", "..%2fsecret", "secret"),
        *("images", "images/", "images/page.html", "images/../guide.md", "images/..%2fguide"),
    ],
)
async def test_no_other_file_is_sent(site: Site, path: str) -> None:
    response = await site.get(f"/docs/{path}")
    # Datasette redirects paths with % or a slash at their end
    assert response.status_code in (302, 404)
    assert "Secret" not in response.text
    assert "How to" not in response.text


@pytest.mark.parametrize("path", ["/docs/", "/docs/guide"])
async def test_unknown_parameter_is_an_error(site: Site, path: str) -> None:
    assert await site.status(f"{path}?weight=50") == 400


async def test_pages_of_the_repository_are_served(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # of docs_folder
    page = await site.page("/docs/")
    links = hrefs(page, "main dt a")
    assert "/docs/architecture" in links
    for link in links:
        assert await site.status(link) == 200, link
    assert page.cssselect("footer a[href='/docs/'][aria-current=page]")
