from __future__ import annotations

from pathlib import Path

import pytest

from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, hrefs, to_text

PAGES = {
    "guide.md": (
        "# Guide to `archive.db`\n\nHow to *begin*.\n\n## First steps\n\nSee"
        " [search](search.md#words), [settings](../scraper/settings.py) and [this"
        " page](#first-steps).\n\n### Then\n\n```sh\nmake <run>\n```\n\n"
        "## First steps\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n![An edit](images/edit.png)\n\n"
        "<script>alert(1)</script>\n\n[bad](javascript:alert(1))\n"
    ),
    "search.md": "# Search\n\nBy words.\n\n## By day\n\n[Sizes](reference/limits.md).\n",
    "sv/search.md": (
        "# Sök\n\nMed ord. Även år.\n\n## Efter dag\n\n[Guide](../guide.md#then) och"
        " [storlek](../reference/limits.md), [ej](../../secret.md).\n"
    ),
    "reference/limits.md": "# Limits\n\nAll limits.\n\n[Guide](../guide.md)\n",
    "images/edit.png": "an image",
    "images/page.html": "<p>no image</p>",
    "../secret.md": "# Secret\n",
}


@pytest.fixture(autouse=True)
def docs_folder(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the site serve a folder with two pages, an image, and a file of another type."""
    folder = tmp_path / "docs"
    for name in ("images", "reference", "sv"):
        (folder / name).mkdir(parents=True)
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("archive.views.docs.FOLDERS", (tmp_path / "missing", folder))
    return folder


async def test_english_text_and_html_in_a_swedish_page(site: Site) -> None:
    page = await site.page("/docs/guide", accept_language="sv")
    assert (page.get("lang"), page.cssselect("main article")[0].get("lang")) == ("sv", "en")
    response = await site.get("/docs/guide")
    assert "<script" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text
    assert "script-src" not in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "languages", "location"),
    [
        ("/docs/search", "sv", "/docs/sv/search"),
        ("/docs/sv/search", "en", "/docs/search"),
        ("/docs/search?lang=sv", "en", "/docs/sv/search?lang=sv"),
        ("/docs/sv/search?lang=en", "sv", "/docs/search?lang=en"),
        ("/docs/search", "en", None),
        ("/docs/sv/search", "sv", None),
        ("/docs/guide", "sv", None),  # is only in English
        ("/docs/reference/limits", "sv", None),
    ],
)
async def test_a_visitor_gets_the_page_in_their_language(
    site: Site, path: str, languages: str, location: str | None
) -> None:
    response = await site.get(path, accept_language=languages)
    assert response.headers.get("location") == location
    assert response.status_code == (302 if location else 200)
    assert "accept-language" in response.headers["vary"].lower()


async def test_a_translation_has_the_anchors_of_the_english_page(site: Site) -> None:
    page = await site.page("/docs/sv/search?lang=sv")
    assert [each.get("id") for each in page.cssselect("h2, h2 span")] == ["efter-dag", "by-day"]


async def test_a_link_says_that_a_page_is_only_in_english(site: Site) -> None:
    page = await site.page("/-/manifests?lang=sv")
    (link,) = page.cssselect("a[href^='/docs/evidence']")
    assert (link.get("hreflang"), to_text(link)) == ("en", "Så kontrollerar du (på engelska)")
    page = await site.page("/-/check?lang=sv")
    assert hrefs(page, "main a[href*='/docs/']") == ["/docs/sv/search?lang=sv#check-quotations"]
    page = await site.page("/-/check?lang=en")
    assert hrefs(page, "main a[href*='/docs/']") == ["/docs/search?lang=en#check-quotations"]


async def test_examples_for_readers_ask_this_site(site: Site, docs_folder: Path) -> None:
    for name in ("api", "operate"):
        (docs_folder / f"{name}.md").write_text(
            "# A\n\n```sh\ncurl 'http://127.0.0.1:8001/new.json'\n```\n", "utf-8"
        )
    response = await site.get("/docs/api", host="arkiv.example")
    assert "curl 'http://arkiv.example/new.json'" in response.text
    assert "curl 'http://127.0.0.1:8001/new.json'" in (await site.get("/docs/operate")).text


async def test_changed_page_is_rendered_again(site: Site, docs_folder: Path) -> None:
    assert "By words." in await site.text("/docs/search?lang=en")
    file = docs_folder / "search.md"
    before = file.stat().st_mtime_ns
    file.write_text("# Search\n\nBy phrases.\n", encoding="utf-8")
    assert file.stat().st_mtime_ns != before
    assert "By phrases." in await site.text("/docs/search?lang=en")


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
        *("nothing", "a" * 300, "guide.md", "../secret", "%2e%2e/secret", "..%2fsecret", "secret"),
        *("sv", "sv/", "sv/guide", "sv/../../secret", "reference/sv/search"),
        *("images", "images/", "images/page.html", "images/../guide.md", "images/..%2fguide"),
    ],
)
async def test_no_other_file_is_sent(site: Site, path: str) -> None:
    response = await site.get(f"/docs/{path}")
    # Datasette redirects paths with % or a slash at their end
    assert response.status_code in (302, 404)
    assert "Secret" not in response.text
    assert "How to" not in response.text


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


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site) -> None:
    for page in pages:
        await page.check({"docs": site})
