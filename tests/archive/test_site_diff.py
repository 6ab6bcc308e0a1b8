"""The page of a change: its pieces, its neighbours, its refusals, and the same as data."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import replace
from pathlib import Path

import feedparser
import pytest

from archive.store import Archive
from tests.archive.sample import SEEN, Site, fill, served, special_releases
from tests.archive.sample_history import EDITED, MOVED, NEXT, release

NOW = EDITED.replace("höjs", "sänks")


async def revisions(history_site: Site, title: str) -> list[int]:
    """A release's revisions and those of what it was before, oldest first."""
    key = await history_site.id_of(title)
    told = (await history_site.get(f"/-/history/{key}.json")).json()
    return [event["revision"] for event in told["events"] if event["revision"]][::-1]


async def test_a_change_is_shown_in_its_text(history_site: Site) -> None:
    first, second, third, *_ = await revisions(history_site, NOW)
    page = await history_site.page(f"/-/diff/{second}/{third}")
    body = page.cssselect(".field-body")[0]
    assert [piece.text_content() for piece in body.cssselect("del, ins")] == [
        "[borttaget: den 4 juni]",
        "[tillagt: den 18 juni]",
        "[borttaget: Förra året byggdes fyrtio båtar med stöd.]",
    ]
    assert [row.get("class") for row in body.cssselect("p")] == ["same", "mixed", "same", "del", "same", "gap"]
    assert page.cssselect(".gap")[0].text == "… 1 oförändrat stycke …"
    assert page.cssselect("link[rel=canonical]")[0].get("href") == f"http://localhost/-/diff/{second}/{third}"
    text = await history_site.text(f"/-/diff/{second}/{third}")
    assert "Gjord mellan två kontroller: 11 juni 2024 kl. 10.15 och 12 juni 2024 kl. 10.15." in text
    assert "Oannonserad: myndigheten ändrade inte sitt uppdateringsdatum." in text
    assert "Oannonserad" not in await history_site.text(f"/-/diff/{first}/{second}")


async def test_the_whole_text_can_be_shown(history_site: Site) -> None:
    _, second, third, *_ = await revisions(history_site, NOW)
    page = await history_site.page(f"/-/diff/{second}/{third}")
    whole = await history_site.page(page.cssselect(".legend a")[0].attrib["href"])
    assert not whole.cssselect(".gap")
    assert [head.text for head in whole.cssselect(".field h2")] == ["Rubrik", "Ingress", "Text"]
    assert len(whole.cssselect(".field-body p")) == 6
    assert whole.cssselect(".legend a")[0].get("href") == f"/-/diff/{second}/{third}"


async def test_every_field_is_compared(history_site: Site) -> None:
    *_, reread, last = await revisions(history_site, NOW)
    text = await history_site.text(f"/-/diff/{reread}/{last}")
    for told in (
        "Rubrik Stödet till båtbyggare [borttaget: höjs][tillagt: sänks]",
        "Fråga 1 Vem kan söka? Den som bygger båtar[tillagt: av trä].",
        "Svar från [borttaget: Siv Å][tillagt: Bo Ek]",
        "Fråga 2 [tillagt: När betalas det ut?] [tillagt: I höst.]",
        "Ämnesord Båtar [tillagt: Stöd]",
        "[borttaget: Förordningen · https://filer.example/f.pdf]",
        "Siv Å · pressansvarig · [borttaget: 08-123 45 67][tillagt: 08-765 43 21]",
    ):
        assert told in text


async def test_edits_are_walked_one_by_one(history_site: Site) -> None:
    first, second, third, reread, last = await revisions(history_site, NOW)
    address, seen = f"/-/diff/{first}/{second}", []
    while address:
        page = await history_site.page(address)
        seen.append(address)
        address = next((link.attrib["href"] for link in page.cssselect("a[rel=next]")), "")
    # what we read anew is no edit
    assert seen == [f"/-/diff/{first}/{second}", f"/-/diff/{second}/{third}", f"/-/diff/{reread}/{last}"]
    assert page.cssselect("a[rel=prev]")[0].get("href") == seen[1]
    assert "Myndigheten har inte ändrat texten." in " ".join(
        (await history_site.text(f"/-/diff/{third}/{reread}")).split()
    )


async def test_the_older_state_comes_first(history_site: Site) -> None:
    first, *_, last = await revisions(history_site, NOW)
    answer = await history_site.get(f"/-/diff/{last}/{first}.json?show=all")
    assert (answer.status_code, answer.headers["location"]) == (301, f"/-/diff/{first}/{last}.json?show=all")
    assert (await history_site.get(f"/-/diff/0{first}/{last}")).headers["location"] == f"/-/diff/{first}/{last}"


async def test_states_that_do_not_follow_each_other_are_compared_as_well(history_site: Site) -> None:
    first, *_, last = await revisions(history_site, NOW)
    told = (await history_site.get(f"/-/diff/{first}/{last}.json")).json()
    assert {change["kind"] for change in told["changes"]} > {"amount", "date", "attachment"}
    assert (told["unannounced"], told["stamp"]) == (False, None)
    text = await history_site.text(f"/-/diff/{first}/{last}")
    assert "Versionen från 3 juni 2024 kl. 10.15 jämförd med versionen från 13 juni 2024 kl. 10.15." in text


async def test_the_two_addresses_of_a_moved_release_are_compared(history_site: Site) -> None:
    rows = await history_site.datasette.get_database("archive").execute(
        "select id, previous from revisions where title = ?", [MOVED]
    )
    edit = next(row for row in rows if row["previous"])
    assert "[borttaget: 1 juli]" in (await history_site.text(f"/-/diff/{edit['previous']}/{edit['id']}")).replace(
        "den ", ""
    )


@pytest.mark.parametrize(
    ("pair", "why", "error"),
    [
        ("1/1", "Version 1 kan inte jämföras med sig själv.", "Version 1 cannot be compared with itself."),
        ("1/999999", "Arkivet har ingen version 999999.", "The archive has no version 999999."),
        (
            "1/2",
            "Versionerna 1 och 2 hör till olika meddelanden och kan inte jämföras.",
            "Versions 1 and 2 belong to different releases and cannot be compared.",
        ),
    ],
)
async def test_a_refusal_says_why(history_site: Site, pair: str, why: str, error: str) -> None:
    answer = await history_site.get(f"/-/diff/{pair}")
    assert answer.status_code == 404
    assert why in answer.text
    told = await history_site.get(f"/-/diff/{pair}.json")
    assert (told.status_code, told.json()["ok"]) == (404, False)
    assert told.json()["error"] == error
    assert (await history_site.get("/-/diff/1/x")).status_code == 404


async def test_a_change_as_data(history_site: Site) -> None:
    first, second, *_ = await revisions(history_site, NOW)
    told = (await history_site.get(f"/-/diff/{first}/{second}.json")).json()
    body = [piece for piece in told["pieces"] if piece["field"] == "body" and piece["place"] == 1]
    before = "".join(piece["text"] for piece in body if piece["op"] != "ins")
    assert before == "Stödet till båtbyggare blir 20 miljoner kronor i år."
    assert (told["importance"], told["summary_en"]) == (75, "1 amount changed")
    rows = list(csv.DictReader(io.StringIO((await history_site.get(f"/-/diff/{first}/{second}.csv")).text)))
    assert [row["text"] for row in rows] == [piece["text"] for piece in told["pieces"]]
    feed = feedparser.parse((await history_site.get(f"/-/diff/{first}/{second}.atom")).content)
    assert not feed.bozo
    assert "<del>20 miljoner kronor" in feed.entries[0].content[0].value


async def test_markup_in_a_text_stays_text(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    hostile = special_releases("https://{slug}.example")[-1]
    with Archive(path) as archive:
        archive.save(replace(hostile, title="<img src=x>", body=hostile.body + " <b>Ny\x01</b>"), seen_at=SEEN + NEXT)
        new = archive.db.execute("select max(id) from revisions").fetchone()[0]
        old = archive.db.execute("select previous from revisions where id = ?", [new]).fetchone()[0]
    with served(path) as datasette:
        site = Site(datasette)
        for address in (f"/-/diff/{old}/{new}", f"/-/diff/{old}/{new}?show=all", "/-/edits"):
            page = await site.page(address)
            assert not page.cssselect("main img, main script, main b")
        feed = feedparser.parse((await site.get("/-/edits.atom")).content)
        assert not feed.bozo
        assert feed.entries[0].title == "Vägmyndigheten: <img src=x>"


async def test_long_texts_are_compared_within_a_second(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    lines = [f"Stycke {n} handlar om {n * 7} båtar i hamn nummer {n % 13} och om vädret där." for n in range(3000)]
    first = release("https://{slug}.example", "lang", "Lång", *lines, agency="fagelverket")
    second = release(
        "https://{slug}.example", "lang", "Lång", *[line.replace("7 b", "8 b") for line in lines], agency="fagelverket"
    )
    assert len(first.body) > 200_000
    with Archive(path) as archive:
        for place, one in enumerate((first, second)):
            archive.save(one, seen_at=SEEN + place * NEXT)
        new = archive.db.execute("select max(id) from revisions").fetchone()[0]
    with served(path) as datasette:
        site = Site(datasette)
        await site.get("/-/edits")
        began = time.process_time()
        answer = await site.get(f"/-/diff/{new - 1}/{new}")
        assert answer.status_code == 200
        assert time.process_time() - began < 5
