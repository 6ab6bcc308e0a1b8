from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import jmespath
import pytest

from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown, redact_passage
from archive.views import edits as edits_page
from tests.archive import sample_history as history
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import SEEN, Site, build_release, served, texts
from tests.archive.workbook import build_cell, read_list, read_table
from tests.case_tables import load_cases

ALL_EDITS = 3 + (history.REVERTS - 1) + 1 + history.EDITS
ROWS_NAMES = {"edits": "edits", "removed": "removals"}
HOST = "http://localhost"


async def read_rows(site: Site, register: str, query: str = "") -> list[dict[str, Any]]:
    response = await site.get(f"/-/{register}.json?size=1000&{query}")
    assert response.status_code == 200
    rows: list[dict[str, Any]] = response.json()[ROWS_NAMES[register]]
    return rows


# Edits


async def test_edits_are_agency_edits_newest_first(history_site: Site) -> None:
    edits = await read_rows(history_site, "edits")
    assert len(edits) == ALL_EDITS
    assert [edit["seen"] for edit in edits] == sorted(
        (edit["seen"] for edit in edits), reverse=True
    )
    rows = await history_site.select("select id, cause, previous from revisions")
    revisions = {row["id"]: (row["cause"], row["previous"]) for row in rows}
    assert all(revisions[edit["revision"]] == ("source", edit["previous"]) for edit in edits)


@pytest.mark.parametrize(("query", "count", "condition"), load_cases(__file__, "edits filter"))
async def test_edits_filter(history_site: Site, query: str, count: int, condition: str) -> None:
    """A condition is one of JMESPath."""
    found = await read_rows(history_site, "edits", query)
    edits = await read_rows(history_site, "edits")
    assert found == jmespath.search(f"[?{condition}]", edits)
    assert len(found) == count


async def test_json_pages_contain_every_edit_once(history_site: Site) -> None:
    revisions: list[int] = []
    url = "/-/edits.json?size=7&unannounced=0"
    while url:
        response = await history_site.get(url.removeprefix(HOST))
        revisions += [edit["revision"] for edit in response.json()["edits"]]
        url = response.json()["next"]
        assert ('rel="next"' in response.headers.get("link", "")) is bool(url)
    assert revisions == [edit["revision"] for edit in await read_rows(history_site, "edits")]


# Removals


@pytest.mark.parametrize(("query", "titles"), load_cases(__file__, "removals are confirmed ones"))
async def test_removals_are_confirmed_ones(
    history_site: Site, query: str, titles: list[str]
) -> None:
    rows = await read_rows(history_site, "removed", query)
    assert sorted({row["title"] for row in rows}) == titles
    assert all(
        row["confirmed"] and (f"kind={row['kind']}" == query or "kind" not in query) for row in rows
    )
    ends = {row["ended"] for row in rows if row["title"] == history.RETURNED}
    assert ends <= {"2024-06-11T08:15:00+00:00"}


# Both


@pytest.mark.parametrize("register", ROWS_NAMES)
async def test_csv_and_excel_contain_every_entry(
    history_site: Site, monkeypatch: pytest.MonkeyPatch, register: str
) -> None:
    rows = await read_rows(history_site, register)
    one_page = (await history_site.get(f"/-/{register}.csv")).text
    monkeypatch.setattr(edits_page, "MAX_REGISTER_PAGE_SIZE", 2)
    assert (await history_site.get(f"/-/{register}.csv")).text == one_page
    assert one_page.endswith("\r\n")
    for line, row in zip(csv.DictReader(io.StringIO(one_page, newline="")), rows, strict=True):
        cells = {
            name: int(cell) if isinstance(cell, bool) else cell
            for name, cell in row.items()
            if name != "changes"
        }
        assert line == {name: "" if cell is None else str(cell) for name, cell in cells.items()}
    columns = one_page.split("\r\n")[0].split(",")
    workbook = (await history_site.get(f"/-/{register}.xlsx")).content
    assert read_list(workbook, ROWS_NAMES[register], columns) == [
        {name: build_cell(name, row[name], ROWS_NAMES[register]) for name in columns}
        for row in rows
    ]
    page = await history_site.get(f"/-/{register}.csv?size=1")
    assert len(page.text.splitlines()) == 2
    assert "after=" in page.links["next"]["url"]


@pytest.mark.parametrize("register", ROWS_NAMES)
async def test_register_of_an_empty_archive(empty_site: Site, register: str) -> None:
    assert "att visa" in await empty_site.text(f"/-/{register}")
    feed = await empty_site.feed(f"/-/{register}.atom")
    assert (feed.bozo, feed.entries) == (False, [])
    assert len((await empty_site.get(f"/-/{register}.csv")).text.splitlines()) == 1


@pytest.mark.parametrize(
    "query",
    [
        *("from=x", "to=2024-13-01", "importance=heavy", "unannounced=x", "stamp=x", "after=--1"),
        *("size=1e9", "release=²", "kind=x"),
    ],
)
async def test_invalid_filter_is_named(history_site: Site, query: str) -> None:
    name, value = query.split("=")
    response = await history_site.get(f"/-/edits?{query}")
    assert response.status_code == 400
    assert (
        f"”{value}” är inget giltigt värde för {name}. Ändra värdet eller ta bort filtret."
        in response.text
    )
    data = await history_site.get(f"/-/edits.json?{query}")
    assert (data.status_code, data.json()["name"]) == (400, name)


@pytest.mark.parametrize(
    ("path", "most"), load_cases(__file__, "number that is too large is not changed in silence")
)
async def test_number_that_is_too_large_is_not_changed_in_silence(
    history_site: Site, path: str, most: int
) -> None:
    response = await history_site.get(path)
    assert (response.status_code, response.json()["most"]) == (400, str(most))
    assert f"at most {most}." in response.json()["error"]


@pytest.mark.parametrize(
    ("query", "sentence", "error"), load_cases(__file__, "impossible filter is rejected")
)
async def test_impossible_filter_is_rejected(
    history_site: Site, query: str, sentence: str, error: str
) -> None:
    response = await history_site.get(f"/-/edits?{query}")
    assert (response.status_code, sentence in response.text) == (400, True)
    for suffix in ("json", "csv", "atom"):
        data = await history_site.get(f"/-/edits.{suffix}?{query}")
        assert (data.status_code, data.json()["error"]) == (400, error)


@pytest.mark.parametrize(("url", "min_entries"), load_cases(__file__, "feed"))
async def test_feed(history_site: Site, url: str, min_entries: int) -> None:
    response = await history_site.get(url)
    assert response.headers["content-type"].startswith("application/atom+xml")
    assert "lang=en" not in response.text
    feed = feedparser.parse(response.content)
    assert (feed.bozo, feed.version) == (False, "atom10")
    ids = [entry.id for entry in feed.entries]
    assert len(ids) == len(set(ids)) >= min_entries
    for entry in feed.entries:
        assert entry.id.startswith("tag:")
        assert entry.author
        assert entry.updated_parsed
    links = {link.rel: link.href for link in feed.feed.links}
    assert links["self"].startswith(HOST + url.partition("?")[0])
    english = await history_site.feed(f"{url}&lang=en")
    assert (english.bozo, [entry.id for entry in english.entries]) == (False, ids)
    targets = [english.feed.link, *(link.href for entry in english.entries for link in entry.links)]
    for target in {target.removeprefix(HOST).partition("#")[0] for target in targets}:
        response = await history_site.get(target)
        assert (response.status_code, '<html lang="en"' in response.text) == (200, True), target


async def test_feed_of_edits_shows_changes_and_continues(history_site: Site) -> None:
    feed = await history_site.feed("/-/edits.atom?importance=50&to=2024-06-08")
    edit = next(entry for entry in feed.entries if "belopp" in entry.summary)
    assert edit.summary == "1 belopp ändrat · 20 → 30 miljoner kronor · stor"
    assert "<del>20 miljoner kronor" in edit.content[0].value
    (next_url,) = (link.href for link in feed.feed.links if link.rel == "next")
    assert next_url.startswith(f"{HOST}/-/edits.atom?importance=50")
    feed = await history_site.feed("/-/edits.atom")
    assert "unannounced" in {tag.term for entry in feed.entries for tag in entry.get("tags", ())}


@pytest.mark.parametrize(
    "path", ["edits.atom", "edits.json", "edits.csv", "removed.atom", "diff/51/52.json"]
)
async def test_known_etag_is_answered_with_304(history_site: Site, path: str) -> None:
    url = f"/-/{path}"
    etag = (await history_site.get(url)).headers["etag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        response = await history_site.get(url, if_none_match=known)
        assert (response.status_code, response.content, response.headers["etag"]) == (
            304,
            b"",
            etag,
        )
    assert await history_site.status(url, if_none_match='"x"') == 200
    assert (await history_site.get(f"{url}?lang=en")).headers["etag"] != etag


# Takedowns


async def test_takedowns_state_what_is_in_force(history_archive: Path, tmp_path: Path) -> None:
    path, release = history.copy_archive(history_archive, tmp_path), history.EDITED_ID
    at = datetime(2026, 4, 1, 9, tzinfo=UTC)
    with Archive(path) as archive, served(path) as datasette:
        site = Site(datasette)
        redact_passage(archive, release, "sänks", at, reason="Fel namn")
        hide_release(
            archive, release, at, reason="Beslut av domstol", reason_en="A court's decision"
        )
        hide_release(archive, release, at, reason="Ännu ett beslut")
        assert "Dolt meddelande" in await site.text("/-/takedowns")
        assert "A court's decision" in await site.text("/-/takedowns?lang=en")
        _, row, _ = (await site.json("/-/takedowns.json"))["takedowns"]
        assert row == row | {
            "release": release,
            "kind": "hide",
            "reason": "Beslut av domstol",
            "lifted": None,
        }
        for suffix in ("csv", "atom"):
            assert "Beslut av domstol" in (await site.get(f"/-/takedowns.{suffix}")).text
        lift_takedown(archive, 2, at, "Det var fel")
        sentence = (
            "Lifted on 1 April 2026, 11:00: Det var fel The release is still hidden under another"
            " decision"
        )
        assert (await site.text("/-/takedowns?lang=en")).count(sentence) == 1
        assert "Meddelandet är fortfarande dolt enligt ett annat beslut" in await site.text(
            "/-/takedowns"
        )
        lift_takedown(archive, 3, at, "Också fel")
        sentence = "Delar av meddelandet är fortfarande maskerade enligt ett annat beslut"
        assert (await site.text("/-/takedowns")).count(sentence) == 2
        lift_takedown(archive, 1, at, "Allt var fel")
        text = await site.text("/-/takedowns")
        assert ("annat beslut" in text, text.count("Upphävt 1 april 2026")) == (False, 3)


# Counts


async def test_count_of_edits_follows_changes_of_the_archive(
    history_archive: Path, tmp_path: Path
) -> None:
    path = history.copy_archive(history_archive, tmp_path)
    at = datetime(2026, 4, 1, 9, tzinfo=UTC)

    async def count(query: str = "") -> tuple[str, int]:
        page = await site.page(f"/-/edits{query}")
        edits = (await site.json(f"/-/edits.json{query}"))["edits"]
        return texts(page, "h2.status")[0].split()[0], len(edits)

    with Archive(path) as archive, served(path) as datasette:
        site = Site(datasette)
        before = await count()
        hide_release(archive, history.EDITED_ID, at, reason="Beslut av domstol")
        hidden = await count()
        lift_takedown(archive, 1, at, "Det var fel")
        assert (await count(), await count(f"?agency={history.AGENCY}")) == (before, before)
    assert before[1] > hidden[1]
    assert all(int(shown) == listed for shown, listed in (before, hidden))


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("?importance=1", "Fler än 2"),
        (f"?importance=1&agency={history.AGENCY}", "Fler än 2"),
        ("", "39 ändringar"),
    ],
)
async def test_many_edits_are_counted_to_a_limit(
    history_site: Site, monkeypatch: pytest.MonkeyPatch, query: str, heading: str
) -> None:
    monkeypatch.setattr("archive.changes.edits_and_removals.MAX_COUNTED_ENTRIES", 2)
    page = await history_site.page(f"/-/edits{query}")
    assert texts(page, "h2.status") == [heading]


# Search in registers


@pytest.mark.parametrize(("query", "revisions"), load_cases(__file__, "edits by their words"))
async def test_edits_by_their_words(history_site: Site, query: str, revisions: list[int]) -> None:
    found = await read_rows(history_site, "edits", query)
    assert [edit["revision"] for edit in found] == revisions


async def test_searched_edits_are_paged(history_site: Site) -> None:
    url, revisions, sizes = "/-/edits.json?q=söndag OR vattenstånd&size=3", [], []
    while url:
        found = await history_site.json(url.removeprefix(HOST))
        revisions += [edit["revision"] for edit in found["edits"]]
        sizes.append(len(found["edits"]))
        url = found["next"]
    assert len(revisions) == len(set(revisions))
    assert max(sizes) == 3
    page = await history_site.page("/-/edits?q=söndag OR vattenstånd&lang=en")
    assert page.cssselect("h2.status")[0].text_content() == f"{len(revisions)} edits"
    rows = await history_site.csv("/-/edits.csv?q=söndag OR vattenstånd")
    assert [int(row["revision"]) for row in rows] == revisions
    # the number changed, not the word
    assert (await history_site.json("/-/edits.json?q=vattenstånd"))["edits"] == []


@pytest.mark.parametrize(("query", "titles"), load_cases(__file__, "removals by their last text"))
async def test_removals_by_their_last_text(
    history_site: Site, query: str, titles: list[str]
) -> None:
    assert sorted(
        row["title"] for row in await read_rows(history_site, "removed", query)
    ) == sorted(titles)


@pytest.mark.parametrize(
    "path", ["/-/edits{}?q=från:2024", "/-/edits{}?q=-x", "/-/edits{}?q=..", "/-/removed{}?q=.."]
)
async def test_search_in_registers_needs_words(history_site: Site, path: str) -> None:
    for ending in ("", ".json"):
        assert await history_site.status(path.format(ending)) == 400


@pytest.mark.parametrize(("query", "expected"), load_cases(__file__, "history names the checks"))
async def test_history_names_the_checks(
    history_site: Site, query: str, expected: list[list[Any]]
) -> None:
    rows = (await history_site.json(f"/-/phrase.json?q={query}"))["presences"]
    names = ("release", "last_seen_before", "first_seen", "last_seen", "missing_at", "is_current")
    for row in rows:
        row["last_seen"] = row["last_seen"] if row["missing_at"] else None
    found = [[row[name] for name in names] for row in rows]
    assert sorted(found, key=lambda row: row[2]) == expected


async def test_pages_csv_and_feed_have_every_entry_once(history_site: Site) -> None:
    url, revisions = '/-/phrase.json?q="går inte på söndag"&size=2', []
    while url:
        found = await history_site.json(url.removeprefix(HOST))
        revisions += [row["first_revision"] for row in found["presences"]]
        url = found["next"]
    text = (await history_site.get('/-/phrase.csv?q="går inte på söndag"')).text
    assert [int(row["first_revision"]) for row in csv.DictReader(io.StringIO(text))] == revisions
    assert len(set(revisions)) == 3
    feed = await history_site.feed('/-/phrase.atom?q="går inte på söndag"&lang=en')
    assert [entry.updated[8:10] for entry in feed.entries] == ["08", "06", "04"]
    assert (
        "Disappeared between two checks: 7 June 2024, 10:15 and 8 June 2024, 10:15."
        in feed.entries[0].summary
    )
    assert await history_site.status("/-/over-time?q=färjan&after=999999") == 400


async def test_excel_has_every_entry(history_site: Site) -> None:
    response = await history_site.get('/-/phrase.xlsx?q="går inte på söndag"')
    assert [
        row["Finns i den senaste versionen (1 = ja)"] for row in read_table(response.content)
    ] == [
        0,
        0,
        0,
    ]


# Edits per week


async def test_columns_of_edits_link_to_their_weeks(history_site: Site) -> None:
    page = await history_site.page("/-/edits?to=2024-06-20")
    lines = [row.cssselect("th, td") for row in page.cssselect(".numbers tr")]
    header, *rows = [[cell.text_content().strip() for cell in line] for line in lines]
    assert header[:4] == ["Vecka med början", "Antal", "mycket stor", "stor"]
    assert [row[0] for row in rows] == ["3 juni 2024", "10 juni 2024", "17 juni 2024"]
    for link, row in zip(page.cssselect(".numbers a"), rows, strict=True):
        found = (await history_site.page(link.attrib["href"])).xpath(
            "string(//h2[@class='status'])"
        )
        assert int(found.split()[0] if found else 0) == int(row[1]) == sum(map(int, row[2:]))
    assert texts(page, ".chart svg[role=img] > title") == ["Ändringar per vecka"]
    assert "Arkivet började läsa webbplatserna 3 juni 2024" in page.text_content()
    below = ".plot text[text-anchor=middle]"
    assert texts(page, below) == []
    months = texts(await history_site.page("/-/edits?to=2025-03-10"), below)
    assert months == ["jul", "aug", "sep", "okt", "nov", "dec", "2025", "feb", "mar"]


NO_PICTURE = (
    "",
    "?q=båtar",
    "?to=2023-12-31",
    "?to=2024-06-20&after=55",
    "?to=2024-06-20&importance=100",
)


@pytest.mark.parametrize("query", NO_PICTURE)
async def test_no_picture_without_edits_to_count(history_site: Site, query: str) -> None:
    """The sample's edits are older than a year."""
    assert not (await history_site.page(f"/-/edits{query}")).cssselect(".chart")


async def test_picture_of_many_edits_has_fewer_weeks(
    history_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.changes.edits_and_removals.MAX_WEEKLY_EDITS", 3)
    monkeypatch.setattr("archive.changes.edits_and_removals.EDIT_WEEKS", (53, 2))
    page = await history_site.page("/-/edits?to=2024-06-20")
    assert len(page.cssselect(".numbers tbody tr")) == 2


def show_excerpts(entry: Any) -> list[str]:
    """Return the excerpts of an edit, with [removed|] and [|added] words."""
    shown = []
    for paragraph in entry.cssselect(".shown"):
        for unseen in paragraph.cssselect(".unseen"):
            unseen.drop_tree()
        for change in paragraph.cssselect("del, ins"):
            words = change.text_content()
            assert words == words.strip()  # spaces at the ends have not changed
            words = f"[{words}|]" if change.tag == "del" else f"[|{words}]"
            change.clear(keep_tail=True)
            change.text = words
        shown.append(" ".join(paragraph.text_content().split()))
    return shown


@pytest.mark.parametrize(
    ("before", "after", "words", "shown"),
    load_cases(__file__, "searched edits show the changed words"),
)
async def test_searched_edits_show_the_changed_words(
    tmp_path: Path, before: str, after: str, words: str, shown: str
) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("bro", name="Broverket", home="https://bro.example/")
        for day, text in enumerate((before, after)):
            body = f"Hamnen är öppen. {text} Kajen är lång."
            found = build_release("bro", "1", "Bro", body)
            with archive.transaction():
                archive.save(found, seen_at=SEEN + timedelta(days=day), cause="source")
    with served(tmp_path / "archive.db") as datasette:
        page = await Site(datasette).page(f"/-/edits?q={words}")
    (entry,) = page.cssselect(".register > li")
    assert show_excerpts(entry) == [f"Hamnen är öppen. {shown} Kajen är lång."]


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], history_site: Site, site: Site) -> None:
    for page in pages:
        await page.check({"history": history_site, "site": site})
