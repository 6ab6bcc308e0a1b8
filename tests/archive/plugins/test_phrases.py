"""The page of a wording's history, and its data."""

from __future__ import annotations

import csv
import io

import feedparser
import pytest

from archive.search import phrases
from tests.archive import sample_history as history
from tests.archive.sample import Site
from tests.archive.workbook import read_table

HOST = "http://localhost"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"20 miljoner"', [(51, None, 3, 7, 8, False)]),
        ('"30 miljoner"', [(51, 7, 8, None, None, True)]),
        ('"den 4 juni"', [(51, None, 3, 11, 12, False)]),
        ("båtbyggare fyrtio", [(51, None, 3, 11, 12, False)]),
        ('"går inte på söndag"', [(52, None, 3, 3, 4, False), (52, 4, 5, 5, 6, False), (52, 6, 7, 7, 8, False)]),
        ('"från den 1 juli"', [(54, None, 3, 5, 6, False)]),
        ('"finns inte alls"', []),
    ],
)
async def test_history_names_the_checks(
    history_site: Site, query: str, expected: list[tuple[int, int | None, int, int | None, int | None, bool]]
) -> None:
    rows = (await history_site.get(f"/-/phrase.json?q={query}")).json()["presences"]
    found = [
        (
            row["release"],
            *(int(row[name][8:10]) if row[name] else None for name in ("last_seen_before", "first_seen")),
            *((int(row["last_seen"][8:10]), int(row["missing_at"][8:10])) if row["missing_at"] else (None, None)),
            row["is_current"],
        )
        for row in rows
    ]
    assert sorted(found, key=lambda row: row[2]) == expected


async def test_removed_release_ends_with_its_removal(history_site: Site) -> None:
    (row,) = (await history_site.get('/-/phrase.json?q="avgifterna för bryggor"')).json()["presences"]
    assert (row["is_current"], bool(row["removal"])) == (False, True)
    assert (row["last_seen"][8:10], row["missing_at"][8:10]) == ("05", "06")
    text = await history_site.text('/-/phrase?q="avgifterna för bryggor"&lang=en')
    assert "The release was removed between two checks: 5 June 2024, 10:15 and 6 June 2024, 10:15." in text
    assert "One release has or had these words. None has them now." in text
    assert "First Published 2 May 2024, first read by the archive 3 June 2024, 10:15" in text


async def test_release_that_came_back_says_when_it_was_missing(history_site: Site) -> None:
    text = await history_site.text('/-/phrase?q="isen bär inte"&lang=en')
    assert "The release was removed from 4 June 2024, 10:15 to 11 June 2024, 10:15." in text
    assert "Still there. Last checked 11 June 2024, 10:15." in text


async def test_json_says_what_was_found(history_site: Site) -> None:
    found = (await history_site.get('/-/phrase.json?q="går inte på söndag"')).json()
    expected = {
        "query": '"går inte på söndag"',
        "truncated": False,
        "notes": [],
        "total": 3,
        "releases": 1,
        "current_releases": 0,
        "first_seen": "2024-06-03T08:15:00+00:00",
        "last_seen": "2024-06-07T08:15:00+00:00",
        "agencies": [{"value": history.AGENCY, "name": "Ändringsverket", "count": 1}],
    }
    assert found == found | expected
    newest = found["presences"][0]
    assert newest["excerpt"] == "Färjan till Ekö går inte på söndag."
    for name in ("version", "appeared_diff", "disappeared_diff", "page"):
        assert (await history_site.get(newest[name].removeprefix(HOST))).status_code == 200
    assert found["presences"][-1]["appeared_diff"] is None


async def test_pages_csv_and_feed_have_every_entry_once(history_site: Site) -> None:
    url, revisions = '/-/phrase.json?q="går inte på söndag"&size=2', []
    while url:
        found = (await history_site.get(url.removeprefix(HOST))).json()
        revisions += [row["first_revision"] for row in found["presences"]]
        url = found["next"]
    text = (await history_site.get('/-/phrase.csv?q="går inte på söndag"')).text
    assert [int(row["first_revision"]) for row in csv.DictReader(io.StringIO(text))] == revisions
    assert len(set(revisions)) == 3
    feed = feedparser.parse((await history_site.get('/-/phrase.atom?q="går inte på söndag"&lang=en')).content)
    assert [entry.updated[8:10] for entry in feed.entries] == ["08", "06", "04"]
    assert "Disappeared between two checks: 7 June 2024, 10:15 and 8 June 2024, 10:15." in feed.entries[0].summary
    assert (await history_site.get("/-/phrase?q=färjan&after=999999")).status_code == 400


async def test_page_marks_the_words_and_links_to_comparisons(history_site: Site) -> None:
    page = await history_site.page('/-/phrase?q="20 miljoner"')
    (entry,) = page.cssselect(".register > li")
    assert [mark.text for mark in entry.cssselect("mark")] == ["20 miljoner"]
    links = [str(link.get("href")) for link in entry.cssselect(".ways a")]
    assert [link.partition("?")[0] for link in links] == ["/-/revision/51", "/-/diff/51/52"]
    for link in links:  # where the words are marked, too
        assert "20 miljoner" in [mark.text_content() for mark in (await history_site.page(link)).cssselect("mark")]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "Enter the words that you want to follow"),
        ("q=från:2024", "There are no words to follow in this query"),
        ("q=-fyr", "There are no words to follow in this query"),
        ("q=kvastfening", "No release has or had these words"),
        ("q=färjan&agency=fyrstyrelsen", "No release has or had these words"),
        ("q=färjan söndag", 'Only exact matches for "färjan söndag"'),
    ],
)
async def test_empty_states(history_site: Site, query: str, sentence: str) -> None:
    assert sentence in await history_site.text(f"/-/phrase?lang=en&{query}")


async def test_data_without_words_is_an_error(history_site: Site) -> None:
    response = await history_site.get("/-/phrase.json?q=från:2024")
    assert (response.status_code, response.json()["ok"]) == (400, False)
    assert (await history_site.get("/-/phrase.csv")).status_code == 400
    assert (await history_site.get("/-/phrase?q=x&agency=nosuch")).status_code == 400
    assert (await history_site.get("/-/phrase?words=x")).status_code == 400


async def test_incomplete_history_says_so(history_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "MAX_RELEASES", 2)
    response = await history_site.get("/-/phrase.json?q=i")
    assert response.json()["truncated"] is True
    assert response.headers["archive-truncated"].startswith("after 2")
    assert (await history_site.get("/-/phrase.csv?q=i")).headers["archive-truncated"]
    assert (await history_site.get("/-/phrase.atom?q=i")).headers["archive-truncated"]
    assert "This history is not complete" in await history_site.text("/-/phrase?q=i&lang=en")
    assert "archive-truncated" not in (await history_site.get('/-/phrase.json?q="20 miljoner"')).headers


async def test_search_page_links_to_the_history(history_site: Site) -> None:
    page = await history_site.page("/search?q=färjan söndag&agency=andringsverket")
    (link,) = [link.get("href") for link in page.cssselect("a") if (link.get("href") or "").startswith("/-/phrase")]
    assert link == "/-/phrase?q=f%C3%A4rjan+s%C3%B6ndag&agency=andringsverket"
    back = await history_site.page(link)
    assert "/search?q=f%C3%A4rjan+s%C3%B6ndag&agency=andringsverket" in [a.get("href") for a in back.cssselect("a")]
    assert (await history_site.page('/search?q="20 miljoner"')).cssselect("a[href^='/-/phrase']")  # without a hit
    assert not (await history_site.page("/search?year=2024")).cssselect("a[href^='/-/phrase']")


async def test_excel_has_every_entry(history_site: Site) -> None:
    response = await history_site.get('/-/phrase.xlsx?q="går inte på söndag"')
    assert [row["is_current"] for row in read_table(response.content)] == [0, 0, 0]
