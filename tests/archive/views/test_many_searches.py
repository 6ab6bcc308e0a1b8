"""Search for many names or phrases at once: page, JSON, CSV and Excel; limits; partial answers."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from lxml import html

from archive.views import many_searches
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site
from tests.archive.workbook import read_table

LINES = "fyrar\n  på   natten \r\nfyrar\n\nkvastfening\n—\nstödet till båtbyggare"


async def post(site: Site, path: str, text: str, **fields: str) -> httpx.Response:
    response: httpx.Response = await site.datasette.client.post(path, data={"text": text, **fields})
    return response


async def search_terms(site: Site, text: str, **fields: str) -> dict[str, Any]:
    response = await post(site, "/-/batch.json", text, **fields)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_each_line_is_counted_as_the_search_page_does(history_site: Site) -> None:
    for match in ("exact", "words"):
        found = await search_terms(history_site, LINES, match=match)
        assert (found["complete"], found["match"]) == (True, match)
        assert [term["text"] for term in found["terms"]] == [
            *("fyrar", "på natten", "kvastfening", "—", "stödet till båtbyggare"),
        ]
        for term in found["terms"]:
            words = f'"{term["text"]}"' if match == "exact" else term["text"]
            results = await history_site.json(f"/search.json?size=3&q={quote(words)}")
            if term["state"] == "no_words":
                assert term["releases"] is None
                continue
            assert term["releases"] == results["total"]
            strict = [row["release"] for row in results["releases"] if row["match"] == "strict"]
            assert {hit["release"] for hit in term["hits"]} == set(strict)
            for hit in term["hits"]:
                assert hit["page"].endswith(f"/archive/releases/{hit['release']}")
    states = [term["state"] for term in found["terms"]]
    assert states == ["searched", "searched", "searched", "no_words", "searched"]


async def test_page_has_counts_and_links(history_site: Site) -> None:
    response = await post(history_site, "/-/batch?lang=en", "fyrar\nkvastfening")
    assert response.headers["cache-control"] == "no-store"
    page = html.fromstring(response.text)
    rows = page.cssselect("table.answer tbody tr")
    assert [row.cssselect("th")[0].text_content().strip() for row in rows] == [
        "fyrar",
        "kvastfening",
    ]
    assert rows[1].cssselect("td")[0].text_content().strip() == "0"
    assert rows[0].cssselect("th a")[0].get("href") == "/search?q=%22fyrar%22&lang=en"
    assert await history_site.status(rows[0].cssselect("td a")[0].attrib["href"]) == 200
    assert (page.cssselect("textarea")[0].text or "").split() == ["fyrar", "kvastfening"]


async def test_csv_excel_and_short_lists_in_the_address(history_site: Site) -> None:
    by_address = await history_site.get(
        f"/-/batch.csv?{urlencode([('q', 'fyrar'), ('q', 'kvastfening')])}"
    )
    posted = await post(history_site, "/-/batch.csv", "fyrar\nkvastfening")
    assert by_address.text == posted.text
    rows = list(csv.DictReader(io.StringIO(posted.text)))
    assert [(row["text"], row["releases"], bool(row["title_1"])) for row in rows][1] == (
        "kvastfening",
        "0",
        False,
    )
    assert int(rows[0]["releases"]) > 0
    assert rows[0]["page_1"].startswith("http://localhost/archive/releases/")
    workbook = await post(history_site, "/-/batch.xlsx?lang=sv", "fyrar\nkvastfening")
    first, second = read_table(workbook.content)
    assert (first["Text"], second["Meddelanden"]) == ("fyrar", 0)
    assert isinstance(first["Publicerat 1"], int), "a date"


@pytest.mark.parametrize(
    ("text", "fields", "status"),
    [
        ("\n \n", {}, 400),
        ("\n".join(f"ord{number}" for number in range(501)), {}, 413),
        ("x" * 201, {}, 413),
        ("fyrar", {"match": "fuzzy"}, 400),
        ("fyrar", {"other": "1"}, 400),
    ],
)
async def test_errors(history_site: Site, text: str, fields: dict[str, str], status: int) -> None:
    for path in ("/-/batch", "/-/batch.json"):
        assert (await post(history_site, path, text, **fields)).status_code == status


async def test_other_methods(history_site: Site) -> None:
    assert (await history_site.datasette.client.head("/-/batch")).status_code == 200
    assert (await history_site.datasette.client.request("PUT", "/-/batch")).status_code == 405
    options = await history_site.datasette.client.options("/-/batch.json")
    assert "POST" in options.headers["access-control-allow-methods"]


async def test_partial_answer_says_so(history_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_searches, "MAX_BATCH_SECONDS", 0.0)
    response = await post(history_site, "/-/batch.json", "fyrar\nvägarna")
    assert (response.json()["complete"], response.headers["archive-truncated"]) == (
        False,
        "after 0 of 2 lines",
    )
    assert response.headers["access-control-expose-headers"] == "archive-truncated"
    assert {term["state"] for term in response.json()["terms"]} == {"not_searched"}
    assert "hanns inte med" in (await post(history_site, "/-/batch", "fyrar\nvägarna")).text
    for path in ("/-/batch.csv", "/-/batch.xlsx"):
        assert (await post(history_site, path, "fyrar\nvägarna")).headers["archive-truncated"]


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], history_site: Site) -> None:
    for page in pages:
        await page.check({"history": history_site})
