"""How an edit is told: the change itself in lists, feeds and on the first page, times and languages in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import feedparser
import pytest
from datasette.plugins import pm

from archive.store import Archive
from tests.archive.sample import SEEN, WARBLERS, Site, fill, served, special_releases
from tests.archive.sample_history import EDITED, LONG, NEXT, to_html
from tests.archive.workbook import read_table

NOW = EDITED.replace("höjs", "sänks")
OLD_ANSWER, NEW_ANSWER = "Då är det tyst i vassen.", "Då är det tyst i skogen."


@pytest.fixture
async def edited(tmp_path: Path) -> AsyncIterator[Site]:
    """The sample, one of its releases edited: an answer that stands in its text too, its kind and both its dates."""
    path = fill(tmp_path / "archive.db")
    first = special_releases("https://{slug}.example")[0]
    assert first.title == WARBLERS
    questions = (replace(first.questions[0], answer=NEW_ANSWER), *first.questions[1:])
    body = first.body.replace(OLD_ANSWER, NEW_ANSWER)
    second = replace(first, body=body, body_html=to_html(body), questions=questions, kind="article")
    second = replace(second, published=date(2024, 5, 28), updated=date(2024, 6, 4))
    with Archive(path) as archive:
        archive.save(second, seen_at=SEEN + NEXT)
    with served(path) as datasette:
        yield Site(datasette)


async def address_of_newest(site: Site) -> str:
    """The page of the newest edit."""
    told = (await site.get("/-/edits.json?size=1")).json()["edits"][0]
    return f"/-/diff/{told['previous']}/{told['revision']}"


async def test_a_list_shows_the_heaviest_change_itself(history_site: Site) -> None:
    page = await history_site.page("/-/edits?importance=75&to=2024-06-08")
    entry = next(item for item in page.cssselect(".register > li") if EDITED in item.text_content())
    (shown,) = entry.cssselect(".shown")
    assert shown.text_content().strip() == "[borttaget: 20] → [tillagt: 30] miljoner kronor"
    assert len(shown.cssselect("del, ins")) == 2
    english = await history_site.page("/-/edits?importance=75&to=2024-06-08&lang=en")
    assert EDITED in [hidden.text for hidden in english.cssselect(".what a .unseen [lang=sv]")]


async def test_a_feed_shows_it_in_its_summary(history_site: Site) -> None:
    feed = feedparser.parse((await history_site.get("/-/edits.atom?importance=50&to=2024-06-08")).content)
    assert "1 belopp ändrat · 20 → 30 miljoner kronor · stor" in [entry.summary for entry in feed.entries]


async def test_the_first_page_tells_the_newest_edits_one_a_release(history_site: Site, site: Site) -> None:
    page = await history_site.page("/")
    listed = page.cssselect("aside a[href^='/-/diff/']")
    assert listed[0].text == NOW
    assert [link.text for link in listed].count(LONG) <= 1
    assert 3 <= len(listed) <= 5
    assert (await history_site.get(listed[0].attrib["href"])).status_code == 200
    assert (await history_site.page("/?lang=en")).cssselect("aside .shown > [lang=sv] > ins")
    assert page.cssselect("aside a[href='/-/edits']")
    assert "Senaste ändringar" not in await site.text("/")


async def test_an_answer_that_stands_in_the_text_is_told_once(edited: Site) -> None:
    page = await edited.page(await address_of_newest(edited))
    (section,) = page.cssselect(".field-questions")
    assert section.cssselect("details summary")[0].text == "Samma ändring, i frågorna och svaren"
    assert not section.cssselect("details[open]")
    assert section.cssselect("details del")
    assert not page.cssselect(".field-body details")
    feed = feedparser.parse((await edited.get("/-/edits.atom")).content)
    assert feed.entries[0].content[0].value.count("<del>vassen</del>") == 1


@pytest.mark.parametrize(("register", "rows_name"), [("edits", "edits"), ("removed", "removals")])
async def test_a_file_has_every_entry(
    history_site: Site, monkeypatch: pytest.MonkeyPatch, register: str, rows_name: str
) -> None:
    """However many pages it takes, and the page says how many."""
    rows = (await history_site.get(f"/-/{register}.json?size=1000")).json()[rows_name]
    assert len(rows) > 2
    text = await history_site.text(f"/-/{register}")
    assert f"CSV- eller Excelfilen har {len(rows)} rader." in text
    whole = (await history_site.get(f"/-/{register}.csv")).text
    (plugin,) = (each for each in pm.get_plugins() if getattr(each, "__name__", "") == "registers.py")
    monkeypatch.setattr(plugin, "MAX_REGISTER_PAGE_SIZE", 2)
    answer = await history_site.get(f"/-/{register}.csv")
    assert answer.text == whole
    sheet = read_table((await history_site.get(f"/-/{register}.xlsx")).content)
    key = next(iter(sheet[0]))
    assert [row[key] for row in sheet] == [row[key] for row in rows]
    page = await history_site.get(f"/-/{register}.csv?size=1")
    assert len(page.text.splitlines()) == 2
    assert "after=" in page.links["next"]["url"]


async def test_an_answer_of_its_own_is_shown(history_site: Site) -> None:
    address = await address_of_newest(history_site)
    assert not (await history_site.page(address)).cssselect(".field-questions details")


async def test_times_and_kinds_are_said_in_words(edited: Site) -> None:
    page = await edited.page(await address_of_newest(edited))
    changes = [" ".join(item.text_content().split()) for item in page.cssselect(".changes li")]
    assert any("[borttaget: nyhet] → [tillagt: artikel]" in change for change in changes)
    hour = next(change for change in changes if "klockslag" in change)
    assert "publiceringens klockslag anges inte längre [borttaget: 28 maj 2024 kl." in hour
    assert hour.endswith("→ [tillagt: 28 maj 2024] betydelse 4")
    assert not any("2024-" in change for change in changes)
    english = await edited.page(await address_of_newest(edited) + "?lang=en")
    assert english.cssselect(".changes li")[0].cssselect("[lang=sv] > del, [lang=sv] > ins")


async def test_no_space_comes_between_an_insertion_and_its_full_stop(edited: Site) -> None:
    feed = feedparser.parse((await edited.get("/-/edits.atom")).content)
    assert "tyst i <del>vassen</del> <ins>skogen</ins>." in feed.entries[0].content[0].value


@pytest.mark.parametrize("address", ["/-/edits", "/-/removed", "/-/history/51", "/-/diff/51/52"])
async def test_a_feed_in_english_leads_to_pages_in_english(history_site: Site, address: str) -> None:
    feed = feedparser.parse((await history_site.get(f"{address}.atom?lang=en")).content)
    links = [link.href for entry in feed.entries for link in entry.links] + [feed.feed.link]
    assert links
    for link in links:
        assert (await history_site.page(link.removeprefix("http://localhost").partition("#")[0])).get("lang") == "en"
    plain = (await history_site.get(f"{address}.atom")).text
    assert "lang=en" not in plain


@pytest.mark.parametrize(
    ("query", "said", "error"),
    [
        (
            "agency=nosuch",
            "Myndigheten ”nosuch” finns inte i arkivet. Välj en i listan över myndigheter.",
            "The archive has no agency called “nosuch”. Choose one from the list of agencies.",
        ),
        (
            "from=2024-06-09&to=2024-06-08",
            "Startdatumet (2024-06-09) är senare än slutdatumet (2024-06-08). Byt plats på dem.",
            "The start date (2024-06-09) is later than the end date (2024-06-08). Swap them.",
        ),
    ],
)
async def test_a_filter_that_can_find_nothing_is_refused(history_site: Site, query: str, said: str, error: str) -> None:
    answer = await history_site.get(f"/-/edits?{query}")
    assert answer.status_code == 400
    assert said in answer.text
    for ending in ("json", "csv", "atom"):
        told = await history_site.get(f"/-/edits.{ending}?{query}")
        assert (told.status_code, told.json()["error"]) == (400, error)
    assert (await history_site.get("/-/removed.atom?agency=nosuch")).status_code == 400
    assert (await history_site.get("/-/edits?agency=tystnadsnamnden")).status_code == 200


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/-/edits", "Arkivet har inte upptäckt några ändringar än. Det kontrollerar meddelandena regelbundet."),
        ("/-/edits?lang=en", "The archive has not found any edits yet. It checks the releases regularly."),
        ("/-/edits?importance=20", "Ingen ändring stämmer med filtren."),
        ("/-/removed", "Arkivet har inte upptäckt några borttagna meddelanden än."),
        ("/-/removed?lang=en", "The archive has not found any removed releases yet. It checks the releases regularly."),
        ("/-/removed?back=1", "Inget borttaget meddelande stämmer med filtren."),
    ],
)
async def test_an_empty_list_says_why(site: Site, address: str, said: str) -> None:
    assert said in await site.text(address)


async def test_a_removal_leads_to_its_evidence(history_site: Site) -> None:
    rows = (await history_site.get("/-/removed.json")).json()["removals"]
    wanted = [f"/-/evidence/removal-{row['removal']}.zip" for row in rows]
    assert [row["evidence"].removeprefix("http://localhost") for row in rows] == wanted
    page = await history_site.page("/-/removed")
    assert [link.get("href") for link in page.cssselect("a[href^='/-/evidence/']")] == wanted
    (moved,) = (await history_site.get("/-/removed.json?kind=moved&size=1")).json()["removals"]
    assert moved["evidence"] is None


async def test_each_link_under_the_timeline_has_a_name_of_its_own(history_site: Site) -> None:
    page = await history_site.page("/archive/releases/51?lang=en")
    links = {link.text: link.get("href") for link in page.cssselect(".history > .ways a")}
    assert links == {
        "Only the agency’s edits": "/-/edits?lang=en&release=51",
        "Follow the edits (Atom)": "/-/edits.atom?lang=en&release=51",
        "JSON": "/-/history/51.json?lang=en",
        "CSV": "/-/history/51.csv?lang=en",
        "Atom": "/-/history/51.atom?lang=en",
    }
    assert "The whole history as data: JSON, CSV, Atom" in await history_site.text("/archive/releases/51?lang=en")
