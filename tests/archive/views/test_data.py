"""/data: what there is, the questions with their answers, and the files of the published
dataset.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive.database.schema import read_metadata
from archive.publish.catalogue import PublishedFile
from archive.publish.published_dataset import PUBLISHED_FOLDER, Publication, publish
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from archive.views import data as data_page
from archive.views.data import LINKED_COLUMNS, QUESTIONS, TABLES
from archive.web.datasette_versions import read_canned_queries
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, hrefs, served
from tests.archive.sample_history import copy_archive
from tests.case_tables import load_cases

MOMENT = datetime(2026, 6, 1, 3, tzinfo=UTC)
GIVEN = {  # parameters with which a question finds something in the sample
    "answers_by_person": "person=Å",
    "contacts_named": "named=a",
    "history_of_address": "url=https://andringsverket.example/nyheter/stod",
    "tag_by_month": "tag=Väglag",
    "word_by_year": "words=vägarna",
}


@pytest.fixture(scope="module")
def published(
    history_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Publication]:
    """An archive with a published dataset."""
    path = copy_archive(history_archive, tmp_path_factory.mktemp("published"))
    publication, _ = publish(path, path.parent / PUBLISHED_FOLDER, moment=MOMENT)
    assert publication is not None
    return path, publication


@pytest.fixture
async def published_site(published: tuple[Path, Publication]) -> AsyncIterator[Site]:
    with served(published[0]) as datasette:
        yield Site(datasette)


async def get_file(site: Site, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    response: httpx.Response = await site.datasette.client.request(
        method, f"/data/files/{path}", headers=names
    )
    return response


async def test_page_leads_to_everything(
    published_site: Site, published: tuple[Path, Publication]
) -> None:
    page = await published_site.page("/data")
    assert hrefs(page, "header nav a[aria-current=true]") == ["/tools"]
    assert hrefs(page, "footer a[aria-current=page]") == ["/data"]
    links = hrefs(page, "main a[href^='/']")
    # Datasette's pages have tests of their own
    own = [link for link in links if not link.startswith("/archive")]
    assert [link for link in own if await published_site.status(link) != 200] == []
    files = {link.removeprefix("/data/files/") for link in links if link.startswith("/data/files/")}
    assert files == set(published[1].files)
    assert {f"/data/{name}" for name in read_canned_queries()} <= set(links)
    tables = read_metadata()["databases"]["archive"]["tables"]
    assert {link.removeprefix("/archive/") for link in links if link not in own} - {"/archive"} == {
        name for name, table in tables.items() if not table.get("hidden")
    }
    english = (await published_site.page("/data?lang=en")).cssselect("main")[0].text_content()
    assert "Which amounts, dates and names were changed afterwards?" in english
    assert published[1].package["citation"] in english


async def test_json_lists_files_questions_and_tables(
    published_site: Site, published: tuple[Path, Publication]
) -> None:
    response = await published_site.get("/data.json")
    data = response.json()
    assert response.headers["access-control-allow-origin"] == "*"
    assert (data["published"], data["withheld_since"]) == (MOMENT.isoformat(), None)
    assert {each["path"]: (each["bytes"], each["sha256"]) for each in data["files"]} == {
        path: (file.size, file.sha256) for path, file in published[1].files.items()
    }
    assert [each["name"] for each in data["questions"]][: len(QUESTIONS)] == list(QUESTIONS)
    assert "release_facets" not in {each["name"] for each in data["tables"]}


async def test_empty_archive(empty_site: Site) -> None:
    page = await empty_site.page("/data")
    assert "Arkivet är tomt" in page.text_content()
    assert (await empty_site.json("/data.json"))["files"] == []


def test_listed_names_exist() -> None:
    assert set(QUESTIONS) == set(read_canned_queries())
    assert set(TABLES) <= set(read_metadata()["databases"]["archive"]["tables"])


@pytest.mark.parametrize("name", QUESTIONS)
async def test_question_has_answers_with_links(history_site: Site, name: str) -> None:
    response = await history_site.get(f"/data/{name}?{GIVEN.get(name, '')}&lang=en")
    assert response.status_code == 200
    page = await history_site.page(f"/data/{name}?{GIVEN.get(name, '')}&lang=en")
    head = [cell.text_content() for cell in page.cssselect("table.answer thead th")]
    if not head:  # nothing in the sample
        assert "Nothing was found" in page.text_content()
        return
    assert not {title for title in head if "_" in title or title in LINKED_COLUMNS}
    internal = hrefs(page, "table.answer a:not([rel])")
    for link in internal[:3]:
        assert "lang=en" in link
        assert await history_site.status(link) == 200
    sql = read_canned_queries()[name]["sql"]
    assert bool(internal) == bool(re.search(r"as link\b", sql))
    exports = hrefs(page, ".status + p a")
    rows = (await history_site.get(exports[0].replace("_stream=on", ""))).text.count("\n") - 1
    assert rows >= len(page.cssselect("table.answer tbody tr")) > 0


async def test_parameter_of_a_question_is_escaped(history_site: Site) -> None:
    text = (await history_site.get("/data/contacts_named?named=%3Cscript%3E")).text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("requested", "part"),
    [
        ("bytes=0-4", slice(0, 5)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=3-3", slice(3, 4)),
    ],
)
async def test_part_of_a_file(
    published_site: Site, published: tuple[Path, Publication], requested: str, part: slice
) -> None:
    file = published[1].files["data/releases.csv"]
    content = (published[1].folder / file.path).read_bytes()
    response = await get_file(published_site, file.path, Range=requested)
    start, end, _ = part.indices(file.size)
    assert (response.status_code, response.content) == (206, content[part])
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/{file.size}"
    assert response.headers["content-length"] == str(end - start)
    head = await get_file(published_site, file.path, "HEAD", Range=requested)
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        206,
        b"",
        str(end - start),
    )


async def test_whole_file_and_conditions(
    published_site: Site, published: tuple[Path, Publication]
) -> None:
    file = published[1].files["data/releases.parquet"]
    response = await get_file(published_site, file.path)
    assert response.content == (published[1].folder / file.path).read_bytes()
    expected = {
        "content-type": "application/vnd.apache.parquet",
        "etag": f'"{file.sha256}"',
        "accept-ranges": "bytes",
        "last-modified": "Mon, 01 Jun 2026 03:00:00 GMT",
        "content-length": str(file.size),
        "x-content-type-options": "nosniff",
    }
    assert expected == {name: response.headers[name] for name in expected}
    unchanged = await get_file(published_site, file.path, If_None_Match=expected["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (
        await get_file(published_site, file.path, Range=f"bytes={file.size}-")
    ).status_code == 416
    for condition, status in (
        (expected["etag"], 206),
        ('"other"', 200),
        (expected["last-modified"], 206),
    ):
        part = await get_file(published_site, file.path, Range="bytes=0-1", If_Range=condition)
        assert part.status_code == status
    assert (
        await get_file(published_site, file.path, Range="bytes=0-1,3-4")
    ).content == response.content


@pytest.mark.parametrize("path", load_cases(__file__, "other files are not found"))
async def test_other_files_are_not_found(published_site: Site, path: str) -> None:
    response = await published_site.datasette.client.get(
        f"/data/files/{path}", follow_redirects=True
    )
    assert response.status_code == 404


async def test_file_of_a_publication_that_is_just_replaced(
    published: tuple[Path, Publication], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_archive(published[0], tmp_path)
    folder = tmp_path / PUBLISHED_FOLDER
    publish(path, folder, moment=MOMENT)

    def replace_first(site: Any, publication: Publication, file: PublishedFile) -> Any:
        if publication.started == MOMENT:
            publish(path, folder, moment=MOMENT + timedelta(days=1))
        return send_file(site, publication, file)

    with served(path) as datasette:
        send_file = data_page.send_file
        monkeypatch.setattr(data_page, "send_file", replace_first)
        assert (await get_file(Site(datasette), "README.md")).status_code == 200


async def test_takedown_withholds_the_files(
    published: tuple[Path, Publication], tmp_path: Path
) -> None:
    path = copy_archive(published[0], tmp_path)
    later = MOMENT + timedelta(days=1)
    publish(path, path.parent / PUBLISHED_FOLDER, moment=MOMENT)
    with Archive(path) as archive:
        hide_release(archive, 1, later, reason="Prov.")
    with served(path) as datasette:
        site = Site(datasette)
        assert "distribution" not in await read_description(site, "/data")
        refused = await get_file(site, "data/releases.csv", Range="bytes=0-1")
        assert (refused.status_code, refused.headers["cache-control"]) == (503, "no-store")
        assert "retry-after" in refused.headers
        page = await site.page("/data")
        assert "kan inte hämtas just nu" in page.text_content()
        assert not page.cssselect("a[href^='/data/files/']")
        data = await site.json("/data.json")
        assert (data["files"], data["withheld_since"], data["citation"]) == (
            [],
            later.isoformat(),
            None,
        )
        publish(path, path.parent / PUBLISHED_FOLDER, moment=later)
        assert (await get_file(site, "data/releases.csv")).status_code == 200


async def test_replica_serves_the_files_beside_its_snapshots(
    published: tuple[Path, Publication], tmp_path: Path
) -> None:
    path = copy_archive(published[0], tmp_path)
    publish(path, path.parent.parent / PUBLISHED_FOLDER, moment=MOMENT)
    path.chmod(0o444)
    with served(path, immutable=True) as datasette:
        site = Site(datasette)
        response = await get_file(site, "datapackage.json")
        assert json.loads(response.content)["resources"]
        again = await get_file(site, "datapackage.json", If_None_Match=response.headers["etag"])
        assert again.status_code == 304


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site, history_site: Site) -> None:
    for page in pages:
        await page.check({"site": site, "history": history_site})


async def read_description(site: Site, address: str) -> dict[str, Any]:
    """Return the JSON-LD in the head of a page."""
    page = await site.page(address)
    (element,) = page.cssselect('script[type="application/ld+json"]')
    described: dict[str, Any] = json.loads(element.text or "")
    return described


async def test_search_engines_learn_what_the_dataset_is(
    published_site: Site, published: tuple[Path, Publication]
) -> None:
    described = await read_description(published_site, "/data?lang=en")
    assert (described["@type"], described["url"]) == ("Dataset", "http://localhost/data")
    assert described["description"].startswith("Releases from the websites")
    assert "press releases" in described["keywords"]
    assert described["spatialCoverage"]["sameAs"].endswith("/country/SWE")
    months = await published_site.select(
        "select min(substr(published, 1, 7)), max(substr(published, 1, 7)) from releases"
    )
    assert described["temporalCoverage"] == "/".join(months.first())
    assert described["usageInfo"] == "http://localhost/about#licence"
    assert "license" not in described  # nobody has licensed the agencies' texts
    assert described["publisher"]["contactPoint"]["url"] == "http://localhost/about"
    files = published[1].files
    for download in described["distribution"]:
        assert download["sha256"] == files[download["name"]].sha256
        path = download["contentUrl"].removeprefix("http://localhost")
        assert await published_site.status(path) == 200
    assert "myndighetsarkivet.sqlite" in {each["name"] for each in described["distribution"]}


async def test_a_site_without_files_describes_its_data_too(
    sample_archive: Path, empty_site: Site
) -> None:
    assert "temporalCoverage" not in await read_description(empty_site, "/data")
    operator = {"about": "Redaktionen", "about_url": "https://redaktionen.example/"}
    with served(sample_archive, metadata=operator) as datasette:
        described = await read_description(Site(datasette), "/data")
    assert "distribution" not in described
    assert described["publisher"]["contactPoint"]["url"] == operator["about_url"]
