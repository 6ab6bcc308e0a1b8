"""What became of a release, on its page: the timeline, the banner above a text that is gone, old addresses."""

from __future__ import annotations

import csv
import io

import pytest
from lxml import html

from tests.archive.sample import Site
from tests.archive.sample_history import (
    AGENCY,
    AWAY,
    BACK,
    DOUBT,
    EDITED,
    EDITS,
    FAILED,
    FORBIDDEN,
    LONG,
    MOVED,
    RENAMED,
    TURNING,
)

HOME = f"https://{AGENCY}.example"
NOW = EDITED.replace("höjs", "sänks")


async def events(history_site: Site, title: str) -> list[html.HtmlElement]:
    """The entries of a release's timeline."""
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(title)}")
    return list(page.cssselect(".timeline > li"))


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


async def test_each_state_says_what_happened_and_between_which_looks(history_site: Site) -> None:
    newest, reread, unannounced, announced, first = await events(history_site, NOW)
    assert "Först läst av arkivet" in words(first)
    assert "Kontrollerat 4 gånger därefter, senast 7 juni 2024 kl. 10.15: oförändrat." in words(first)
    assert "Ändrat av myndigheten: 1 belopp ändrat" in words(announced)
    assert "Gjord mellan två kontroller: 7 juni 2024 kl. 10.15 och 8 juni 2024 kl. 10.15." in words(announced)
    assert "Betydelse: stor (75 av 100)" in words(announced)
    assert "Oannonserad" not in words(announced)
    assert "Oannonserad: myndigheten ändrade inte sitt uppdateringsdatum." in words(unannounced)
    assert reread.get("class") == "reread"
    assert "inte ändrat av myndigheten" in words(reread)
    # our reading of old bytes was no look: the edit lies after the last real one
    assert "Gjord mellan två kontroller: 12 juni 2024 kl. 10.15 och 13 juni 2024 kl. 10.15." in words(newest)
    assert "Kontrollerat 1 gång därefter, 14 juni 2024 kl. 10.15: oförändrat." in words(newest)


async def test_each_state_leads_to_its_change_and_its_evidence(history_site: Site) -> None:
    entries = await events(history_site, NOW)
    ids = [int(entry.attrib["id"].removeprefix("revision-")) for entry in entries]
    ways = [[link.attrib["href"] for link in entry.cssselect(".ways a")] for entry in entries]
    assert ways[-1] == [f"/-/evidence/{ids[-1]}.zip"]
    for place, way in enumerate(ways[:-1]):
        assert way == [f"/-/diff/{ids[place + 1]}/{ids[place]}", f"/-/evidence/{ids[place]}.zip"]
        assert (await history_site.get(way[0])).status_code == 200


async def test_a_text_taken_back_leads_to_the_wording_it_returns_to(history_site: Site) -> None:
    entries = await events(history_site, TURNING)
    back = [link.get("href") for entry in entries for link in entry.cssselect("a[href^='#']")]
    ids = [f"#{entry.get('id')}" for entry in entries]
    assert back == [ids[-2], ids[-1]] * 2
    assert "Tillbaka till versionen från 4 juni 2024 kl. 10.15" in words(entries[0])


async def test_a_changed_release_says_so_above_its_text(history_site: Site) -> None:
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(NOW)}")
    (edited,) = page.cssselect("header a.edited")
    assert words(edited) == "Ändrat 3 gånger sedan arkivet först såg det"
    assert page.cssselect(edited.attrib["href"])


async def test_a_long_history_is_folded_by_year(history_site: Site) -> None:
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(LONG)}")
    assert len(page.cssselect(".history > .timeline > li")) == 10
    folded = page.cssselect(".history details")
    assert [words(part.cssselect("summary")[0]) for part in folded] == ["2023: 9 händelser", "2022: 12 händelser"]
    assert len(page.cssselect(".timeline > li")) == EDITS + 1


async def test_a_move_is_one_history(history_site: Site) -> None:
    rows = await history_site.datasette.get_database("archive").execute(
        "select id, moved_to from releases where title = ? order by id", [MOVED]
    )
    (old, to), (new, _) = [tuple(row) for row in rows]
    assert to == new
    page = await history_site.page(f"/archive/releases/{new}")
    edit, move, first = page.cssselect(".timeline > li")
    assert "1 datum ändrat" in words(edit)
    assert f"Flyttat från {HOME}/nyheter/hamnar till {HOME}/aktuellt/hamnar" in words(move)
    assert f"På adressen {HOME}/nyheter/hamnar" in words(first)
    assert "Upptäckt av arkivet 3 juni 2024" in words(page)
    assert not page.cssselect(".banner")
    banner = (await history_site.page(f"/archive/releases/{old}")).cssselect(".banner")[0]
    assert banner.cssselect("a")[0].get("href") == f"/archive/releases/{new}"


async def test_an_address_of_its_own_that_changed_is_told(history_site: Site) -> None:
    move, _ = await events(history_site, RENAMED)
    assert f"Flyttat från {HOME}/nyheter/grynnor till {HOME}/kartor/grynnor" in words(move)
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(RENAMED)}")
    (line,) = page.cssselect("header a[href^='#removal-']")
    assert words(line) == f"Flyttat hit från {HOME}/nyheter/grynnor, upptäckt 4 juni 2024 kl. 10.15"
    assert page.cssselect(line.attrib["href"])
    assert not (await history_site.page(f"/archive/releases/{await history_site.id_of(NOW)}")).cssselect(
        "header a[href^='#removal']"
    )


SEEN_AS = {
    "gone": "Servern svarade att sidan inte finns (410).",
    "error page": "Sidan visade ett felmeddelande om att den inte finns.",
    "redirected": f"Adressen ledde till {HOME}/",
    "replaced": "En annan text fanns på adressen: ”Ansök om vrakstöd”.",
}


@pytest.mark.parametrize("kind", AWAY)
async def test_a_removed_text_stays_readable_under_a_banner(history_site: Site, kind: str) -> None:
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(AWAY[kind])}")
    banner = words(page.cssselect(".banner")[0])
    assert banner.startswith("Borttaget av myndigheten " + SEEN_AS[kind])
    assert (
        "Saknades första gången 6 juni 2024 kl. 10.15. Saknades vid 3 kontroller, senast 8 juni 2024 kl. 10.15."
        in banner
    )
    assert "Bekräftat 8 juni 2024 kl. 10.15. Texten nedan är den senaste som arkivet har läst." in banner
    assert "Den fanns på sidan 5 juni 2024 kl. 10.15." in banner
    assert f"{AWAY[kind]}: så här är det." in words(page.cssselect(".body")[0])
    away, _ = page.cssselect(".timeline > li")
    assert SEEN_AS[kind] in words(away)
    facts = words(page.cssselect(".times")[0])
    assert "Senast sett 5 juni 2024 kl. 10.15 Senast kontrollerat 8 juni 2024 kl. 10.15" in facts
    removal = away.attrib["id"].removeprefix("removal-")
    assert [link.get("href") for link in away.cssselect(".ways a")] == [f"/-/evidence/removal-{removal}.zip"]


@pytest.mark.parametrize(
    ("title", "told"),
    [
        (
            DOUBT,
            "Kanske borttaget, inte bekräftat Servern svarade att sidan inte finns (404). Saknades första gången 4",
        ),
        (FAILED, "Kan inte kontrolleras just nu Sidan fungerade senast 3 juni 2024 kl. 10.15."),
        (FORBIDDEN, "Får inte längre kontrolleras Sedan 3 juni 2024 kl. 10.15 tillåter myndighetens robots.txt inte"),
    ],
)
async def test_a_doubt_or_an_outage_is_no_removal(history_site: Site, title: str, told: str) -> None:
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(title)}")
    banner = words(page.cssselect(".banner")[0])
    assert banner.startswith(told)
    assert "Borttaget av myndigheten" not in words(page)
    row = "Senast kontrollerat" if title == DOUBT else "Senaste försöket"
    assert f"Senast sett 3 juni 2024 kl. 10.15 {row} 4 juni 2024 kl. 10.15" in words(page.cssselect(".times")[0])
    first = words(page.cssselect(".timeline > li")[-1])
    assert "Inte sett sedan dess." in first  # it was looked for, and not found
    assert "Inte kontrollerat" not in first


async def test_one_that_came_back_stands_as_any_other(history_site: Site) -> None:
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(BACK)}")
    assert not page.cssselect(".banner")
    assert "Senast kontrollerat 11 juni 2024 kl. 10.15" in words(page.cssselect(".times")[0])
    assert "Bekräftat 6 juni 2024 kl. 10.15. Tillbaka 11 juni 2024 kl. 10.15." in words(page.cssselect(".away")[0])


async def test_lists_mark_what_is_gone_and_leave_out_what_goes_on_elsewhere(history_site: Site) -> None:
    page = await history_site.page(f"/search?q={AWAY['gone']}")
    hit = next(hit for hit in page.cssselect(".releases li") if AWAY["gone"] in words(hit))
    assert hit.cssselect(".gone")[0].text == "borttaget"
    hits = (await history_site.page("/search?q=småbåtshamnar")).cssselect(".releases h3 a")
    assert len(hits) == 1
    assert "augusti" in words(await history_site.page(hits[0].attrib["href"]))
    assert "(13)" in await history_site.text("/search?q=dinosaurie")
    assert "Ändringsverket 13" in await history_site.text("/")


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/nyheter/batbyggare", NOW),
        ("/nyheter/batbyggare/?utm=1#top", NOW),
        ("/nyheter/hamnar", MOVED),
        ("/aktuellt/hamnar", MOVED),
        ("/kartor/grynnor", RENAMED),
    ],
)
async def test_an_address_finds_its_release(history_site: Site, address: str, title: str) -> None:
    for start in (HOME, HOME.replace("https", "http"), HOME.replace("//", "//www.")):
        answer = await history_site.datasette.client.get("/search", params={"q": start + address, "lang": "en"})
        assert answer.status_code == 302
        page = await history_site.page(answer.headers["location"])
        assert (page.get("lang"), page.cssselect("h1")[0].text) == ("en", title)
        assert not page.cssselect(".banner")


async def test_an_address_that_was_never_held_says_so(history_site: Site) -> None:
    assert "inget meddelande från den adressen" in await history_site.text(f"/search?q={HOME}/nyheter/okänd")


async def test_the_timeline_as_data(history_site: Site) -> None:
    key = await history_site.id_of(NOW)
    told = (await history_site.get(f"/-/history/{key}.json")).json()
    assert [event["event"] for event in told["events"]] == ["edit", "reread", "edit", "edit", "first"]
    assert [event["unannounced"] for event in told["events"]] == [True, False, True, False, False]
    assert [event["stamp"] for event in told["events"]] == ["not moved", None, "not moved", "moved", None]
    assert told["events"][-2]["last_seen_before"] == "2024-06-07T08:15:00+00:00"
    rows = list(csv.DictReader(io.StringIO((await history_site.get(f"/-/history/{key}.csv")).text)))
    assert [row["checks"] for row in rows] == ["1", "0", "0", "3", "4"]
    away = (await history_site.get(f"/-/history/{await history_site.id_of(AWAY['gone'])}.json")).json()["events"][0]
    assert away["evidence"].startswith("http://localhost/-/evidence/removal-")
    assert (await history_site.get(f"/-/history/{key}")).headers["location"] == f"/archive/releases/{key}#history"
    assert (await history_site.get("/-/history/99999.json")).status_code == 404
