"""The registers of edits and of removals: filters, pages, and the same as Atom, JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import feedparser
import pytest

from archive.history import UPDATE_STAMPS
from archive.history.lists import Edit, group_edits
from tests.archive.sample import Site
from tests.archive.sample_history import AGENCY, AWAY, BACK, EDITED, EDITS, LONG, MOVED, RENAMED, TURNING, TURNS

NOW = EDITED.replace("höjs", "sänks")
ALL = 3 + (TURNS - 1) + 1 + EDITS
REGISTERS = ["edits", "removed"]


async def edits(history_site: Site, query: str = "") -> list[dict[str, Any]]:
    answer = await history_site.get(f"/-/edits.json?size=1000&{query}")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["edits"]
    return found


async def test_only_what_agencies_changed_is_listed_newest_first(history_site: Site) -> None:
    found = await edits(history_site)
    assert len(found) == ALL
    assert [edit["seen"] for edit in found] == sorted((edit["seen"] for edit in found), reverse=True)
    rows = await history_site.datasette.get_database("archive").execute("select id, cause, previous from revisions")
    causes = {row["id"]: (row["cause"], row["previous"]) for row in rows}
    assert {causes[edit["revision"]][0] for edit in found} == {"source"}
    assert all(causes[edit["revision"]][1] == edit["previous"] for edit in found)


async def test_an_edit_says_what_and_between_which_looks(history_site: Site) -> None:
    newest = (await edits(history_site))[0]
    assert newest["title"] == NOW
    assert (newest["last_seen_before"], newest["seen"]) == ("2024-06-12T08:15:00+00:00", "2024-06-13T08:15:00+00:00")
    assert (newest["unannounced"], newest["stamp"]) == (True, "not moved")
    assert (newest["agency"], newest["agency_name"]) == (AGENCY, "Ändringsverket")
    assert "attachment" in {change["kind"] for change in newest["changes"]}
    for name in ("diff", "page"):
        assert (await history_site.get(newest[name].removeprefix("http://localhost"))).status_code == 200
    text = await history_site.text("/-/edits?lang=en")
    assert f"{NOW} Agency for Edits" in text
    assert "Made between two checks: 12 June 2024, 10:15 and 13 June 2024, 10:15." in text
    assert "Unannounced: the agency did not change its update date." in text


@pytest.mark.parametrize("register", REGISTERS)
async def test_a_chosen_agency_without_entries_stands_there_by_name(history_site: Site, register: str) -> None:
    page = await history_site.page(f"/-/{register}?agency=fyrstyrelsen")
    assert [option.text for option in page.cssselect("#agency option[selected]")] == ["Fyrstyrelsen (0)"]
    page = await history_site.page(f"/-/{register}?agency=fagelverket&lang=en")
    assert [option.text for option in page.cssselect("#agency option[selected]")] == ["Swedish Bird Agency (0)"]


async def test_filters(history_site: Site) -> None:
    everything = await edits(history_site)
    assert await edits(history_site, "unannounced=1") == [edit for edit in everything if edit["unannounced"]]
    for stamp in UPDATE_STAMPS:
        found = await edits(history_site, f"stamp={stamp}")
        assert found == [edit for edit in everything if edit["stamp"] == stamp]
        assert found
    assert await edits(history_site, "unannounced=1&stamp=none told") == []
    for least in (20, 50, 76):
        assert await edits(history_site, f"importance={least}") == [
            edit for edit in everything if edit["importance"] >= least
        ]
    assert 0 < len(await edits(history_site, "importance=76")) < ALL
    assert await edits(history_site, f"agency={AGENCY}") == everything
    assert await edits(history_site, "agency=fyrstyrelsen") == []
    day = [edit for edit in everything if edit["seen"].startswith("2024-06-08")]
    assert await edits(history_site, "from=2024-06-08&to=2024-06-08") == day
    assert len(day) == 2
    one = await history_site.id_of(NOW)
    assert {edit["release"] for edit in await edits(history_site, f"release={one}")} == {one}
    assert len(await edits(history_site, f"release={await history_site.id_of(LONG)}&from=2023-01-01")) == 19


async def test_a_day_begins_at_midnight_in_sweden(history_site: Site) -> None:
    """The looks at LONG came at 06:00 UTC, 07:00 in Sweden: none belongs to the day before."""
    assert len(await edits(history_site, "from=2023-01-01&to=2023-01-01")) == 1


async def test_the_edits_of_one_release_follow_it_over_its_move(history_site: Site) -> None:
    rows = await history_site.datasette.get_database("archive").execute(
        "select id from releases where title = ?", [MOVED]
    )
    old, new = sorted(row["id"] for row in rows)
    assert [edit["release"] for edit in await edits(history_site, f"release={new}")] == [new]
    assert await edits(history_site, f"release={old}") == []


async def test_pages_hold_every_edit_once(history_site: Site) -> None:
    seen: list[int] = []
    address = "/-/edits.json?size=7&unannounced=0"
    while address:
        answer = await history_site.get(address.removeprefix("http://localhost"))
        told = answer.json()
        seen += [edit["revision"] for edit in told["edits"]]
        address = told["next"]
        assert ('rel="next"' in answer.headers.get("link", "")) is bool(address)
    assert seen == [edit["revision"] for edit in await edits(history_site)]


async def test_the_page_leads_on_to_older_edits(history_site: Site) -> None:
    page = await history_site.page(f"/-/edits?size=4&agency={AGENCY}")
    assert page.cssselect("h2.status [role=status]")[0].text == f"{ALL} ändringar"
    target = page.cssselect("a[rel=next]")[0].attrib["href"]
    assert f"agency={AGENCY}" in target
    older = await history_site.page(target)
    assert older.cssselect(".register li")
    assert page.cssselect("select[name=agency] option[selected]")[0].get("value") == AGENCY


async def test_back_and_forth_does_not_flood_the_page(history_site: Site) -> None:
    page = await history_site.page("/-/edits")
    titles = [link.text for link in page.cssselect(".register > li > h3 a")]
    assert titles.count(TURNING) == 2  # the first change, and the turns in one
    assert titles.count(LONG) == 1
    turns = next(item for item in page.cssselect(".register > li") if item.cssselect("details"))
    assert len(turns.cssselect(".turns > li")) == TURNS - 3
    links = [link.get("href") for link in page.cssselect("a[href^='/-/diff/']")]
    assert len(links) == len(set(links)) == ALL


def test_folding_keeps_order_and_every_edit() -> None:
    blank: dict[str, Any] = dict.fromkeys(Edit.__dataclass_fields__) | {"grouped": ()}
    row = [
        Edit(**{**blank, "id": key, "release": release, "reverts_to": same, "importance": key})
        for key, release, same in ((9, 1, 5), (8, 2, None), (7, 1, 4), (6, 3, None), (5, 1, None), (4, 2, None))
    ]
    folded = group_edits(row)
    assert [edit.id for edit in folded] == [9, 8, 6, 5, 4]
    assert [inner.id for inner in folded[0].grouped] == [7]
    assert folded[0].max_grouped_importance == 7
    assert group_edits([]) == []


async def test_removals_are_listed_once_confirmed(history_site: Site) -> None:
    told = (await history_site.get("/-/removed.json")).json()["removals"]
    assert {row["title"] for row in told} == {*AWAY.values(), BACK}
    assert all(row["confirmed"] for row in told)
    (back,) = (await history_site.get("/-/removed.json?back=1")).json()["removals"]
    assert (back["title"], back["ended"]) == (BACK, "2024-06-11T08:15:00+00:00")
    for kind, title in AWAY.items():
        found = (await history_site.get(f"/-/removed.json?kind={kind}")).json()["removals"]
        assert title in {row["title"] for row in found}
        assert {row["kind"] for row in found} == {kind}
    moves = (await history_site.get("/-/removed.json?kind=moved")).json()["removals"]
    assert {row["title"] for row in moves} == {MOVED, RENAMED}
    assert (await history_site.get("/-/removed.json?agency=fyrstyrelsen")).json()["removals"] == []


async def test_removals_as_a_page(history_site: Site) -> None:
    text = await history_site.text("/-/removed")
    assert "5 borttagna meddelanden" in text
    assert "Adressen ledde till https://andringsverket.example/" in text
    assert "Tillbaka 11 juni 2024 kl. 10.15." in text
    page = await history_site.page("/-/removed?size=2")
    rest = await history_site.page(page.cssselect("a[rel=next]")[0].attrib["href"])
    assert len(page.cssselect(".register > li")) == 2
    assert rest.cssselect(".register h3 a")[0].text not in {a.text for a in page.cssselect(".register h3 a")}


@pytest.mark.parametrize("register", REGISTERS)
async def test_an_empty_register_says_so(empty_site: Site, register: str) -> None:
    assert "att visa" in await empty_site.text(f"/-/{register}")
    feed = feedparser.parse((await empty_site.get(f"/-/{register}.atom")).content)
    assert not feed.bozo
    assert feed.entries == []
    assert len((await empty_site.get(f"/-/{register}.csv")).text.splitlines()) == 1


@pytest.mark.parametrize(
    "query",
    [
        "from=x",
        "to=2024-13-01",
        "importance=heavy",
        "importance=101",
        "unannounced=2",
        "stamp=x",
        "after=-1",
        "size=1e9",
        "release=²",
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused_by_name(history_site: Site, query: str) -> None:
    name, value = query.split("=")
    answer = await history_site.get(f"/-/edits?{query}")
    assert answer.status_code == 400
    assert f"”{value}” är inget giltigt värde för {name}. Ändra värdet eller ta bort filtret." in answer.text
    told = await history_site.get(f"/-/edits.json?{query}")
    assert (told.status_code, told.json()["name"]) == (400, name)
    assert (await history_site.get("/-/removed?kind=lost")).status_code == 400


@pytest.mark.parametrize("address", ["/-/edits.atom", "/-/removed.atom", "/-/history/51.atom"])
@pytest.mark.parametrize("lang", ["sv", "en"])
async def test_feeds_can_be_read(history_site: Site, address: str, lang: str) -> None:
    answer = await history_site.get(f"{address}?lang={lang}")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert feed.version == "atom10"
    ids = [entry.id for entry in feed.entries]
    assert len(ids) == len(set(ids)) > 4
    for entry in feed.entries:
        assert entry.id.startswith("tag:")
        assert entry.author
        assert entry.updated_parsed
        assert (
            await history_site.get(entry.link.removeprefix("http://localhost").partition("#")[0])
        ).status_code == 200
    links = {link.rel: link.href for link in feed.feed.links}
    assert links["self"].startswith(f"http://localhost{address}")
    again = feedparser.parse((await history_site.get(f"{address}?lang={lang}")).content)
    assert [entry.id for entry in again.entries] == ids


async def test_a_feed_tells_the_change_itself_and_leads_on(history_site: Site) -> None:
    feed = feedparser.parse((await history_site.get("/-/edits.atom?importance=50")).content)
    edit = next(entry for entry in feed.entries if "belopp" in entry.summary)
    assert "<del>20 miljoner kronor" in edit.content[0].value
    assert next(link for link in feed.feed.links if link.rel == "next").href.startswith(
        "http://localhost/-/edits.atom?importance=50"
    )
    assert "unannounced" in {tag.term for entry in feed.entries for tag in entry.get("tags", ())}


@pytest.mark.parametrize(
    "address", ["/-/edits.atom", "/-/edits.json", "/-/edits.csv", "/-/removed.atom", "/-/diff/51/52.json"]
)
async def test_what_the_reader_has_is_not_sent_again(history_site: Site, address: str) -> None:
    tag = (await history_site.get(address)).headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = await history_site.get(address, if_none_match=known)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await history_site.get(address, if_none_match='"x"')).status_code == 200
    assert (await history_site.get(f"{address}?lang=en")).headers["etag"] != tag


@pytest.mark.parametrize(("register", "rows"), [("edits", "edits"), ("removed", "removals")])
async def test_csv_holds_what_json_holds(history_site: Site, register: str, rows: str) -> None:
    answer = await history_site.get(f"/-/{register}.csv?size=1000")
    assert answer.text.endswith("\r\n")
    told = (await history_site.get(f"/-/{register}.json?size=1000")).json()[rows]
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(lines) == len(told)
    for line, row in zip(lines, told, strict=True):
        assert set(line) == set(row) - {"changes"}
        for name, value in line.items():
            wanted = row[name]
            assert value == ("" if wanted is None else str(int(wanted)) if isinstance(wanted, bool) else str(wanted))
