"""Pages and data of what other collections had: with its provenance, and never as an edit or a
reading of the archive's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.database.models import Release
from archive.store.releases import Archive
from tests.archive.sample import Site, import_release, served
from tests.archive.sample_evidence import read_bundle, read_guide
from tests.archive.tables import load_cases

IMPORTED = datetime(2026, 9, 1, 8, tzinfo=UTC)
DAYS = (date(2026, 6, 9), date(2026, 5, 3), date(2026, 7, 1))  # in the order of the imports
AMOUNTS = {date(2026, 5, 3): 120, date(2026, 6, 9): 121, date(2026, 7, 1): 120}


def build_release(number: int, amount: int) -> Release:
    body = f"Stödet är {amount} miljoner kronor."
    return Release(
        agency="fyr",
        url=f"https://fyr.example/{number}",
        title=f"Fyr {number}",
        body=body,
        body_html=f"<p>{body}</p>",
        published=date(2026, 5, 1),
        language="sv",
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of four releases: 1 is only known from a collection, 2 and 3 were read,
    too, and 4 is from a collection that states no times.
    """
    path = tmp_path_factory.mktemp("collections") / "archive.db"
    with Archive(path) as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for day in DAYS:
            import_release(archive, build_release(1, AMOUNTS[day]), IMPORTED, day, source="folke")
        archive.save(build_release(2, 77), seen_at=datetime(2026, 6, 1, 8, tzinfo=UTC))
        import_release(archive, build_release(2, 77), IMPORTED, DAYS[0], source="folke")
        import_release(archive, build_release(3, 88), IMPORTED, DAYS[1], source="folke")
        archive.save(build_release(3, 88), seen_at=datetime(2026, 6, 1, 8, tzinfo=UTC))
        archive.save(build_release(3, 89), seen_at=datetime(2026, 6, 8, 8, tzinfo=UTC))
        import_release(archive, build_release(3, 88), IMPORTED, DAYS[2], source="folke")
        for amount in (55, 56):
            import_release(archive, build_release(4, amount), IMPORTED, source="kista.jsonl")
    return path


@pytest.fixture(scope="module")
def site(path: Path) -> Iterator[Site]:
    with served(path) as datasette:
        yield Site(datasette)


async def read_json(site: Site, url: str) -> Any:
    return await site.json(url)


@pytest.mark.parametrize(
    ("lang", "expected"), load_cases(__file__, "release page says which collection had what")
)
async def test_release_page_says_which_collection_had_what(
    site: Site, lang: str, expected: list[str]
) -> None:
    text = await site.text(f"/archive/releases/1?lang={lang}")
    assert [part for part in expected if part not in text] == []
    for words in ("Först läst", "Upptäckt av", "First read", "First seen", "Edited", "Ändrat"):
        assert words not in text


async def test_release_that_was_read_has_its_own_times_first(site: Site) -> None:
    text = await site.text("/archive/releases/2?lang=en")
    assert "First seen by the archive 1 June 2026, 10:00" in text
    assert "The same text is in the collection folke of 9 June 2026." in text
    page = await site.text("/archive/releases/3?lang=en")
    assert "First seen by the archive 1 June 2026, 10:00" in page
    assert "In the collection folke 3 May 2026 – 1 July 2026" in page
    assert "Edited once since first seen by the archive" in page
    assert "Stödet är 89 miljoner" in page, "the archive's own last reading is current"


async def test_unknown_times_are_not_replaced_by_that_of_the_import(site: Site) -> None:
    text = await site.text("/archive/releases/4?lang=en")
    assert text.count("Imported from the collection kista.jsonl") > 1
    assert "The older text" not in text
    assert "In the collection kista.jsonl" not in text
    version = await read_json(site, "/-/history/4.json")
    assert [event["first_reading"] for event in version["events"]] == [None, None]


async def test_differences_have_a_register_of_their_own(site: Site) -> None:
    rows = (await read_json(site, "/-/edits.json?kind=collection"))["edits"]
    assert [(row["title"], row["last_reading_before"], row["first_reading"]) for row in rows] == [
        ("Fyr 1", "2026-06-09", "2026-07-01"),
        ("Fyr 1", "2026-05-03", "2026-06-09"),
    ]
    assert {row["kind"] for row in rows} == {"collection"}
    assert {row["last_seen_before"] for row in rows} == {row["stamp"] for row in rows} == {None}
    page = await site.text("/-/edits?kind=collection&lang=en")
    assert "Differences within collections" in page
    assert "2 differences" in page
    for name in ("stamp", "unannounced"):  # an agency's edits alone have these
        assert f'name="{name}"' not in (await site.get("/-/edits?kind=collection")).text
        assert f'name="{name}"' in (await site.get("/-/edits")).text
    first = await read_json(site, "/-/edits.json?kind=collection&size=1")
    second = await read_json(site, re.sub(r"^https?://[^/]+", "", first["next"]))
    assert [*first["edits"], *second["edits"]] == rows[:2]
    assert len((await site.get("/-/edits.csv?kind=collection")).text.splitlines()) == 3
    titles = re.findall("<title>(.*?)</title>", (await site.get("/-/edits.atom")).text)
    assert len(titles) == 2, "the feed and the one edit"
    assert (await read_json(site, "/-/edits.json?kind=collection&agency=fyr&unannounced=1"))[
        "edits"
    ] == []
    edits = (await read_json(site, "/-/edits.json"))["edits"]
    assert [(edit["title"], edit["seen"][:10]) for edit in edits] == [("Fyr 3", "2026-06-08")]
    view = await read_json(site, "/archive/edits.json?_shape=array")
    assert [row["title"] for row in view] == ["Fyr 3"]


@pytest.mark.parametrize(
    ("words", "expected"), load_cases(__file__, "differences are found by their words")
)
async def test_differences_are_found_by_their_words(
    site: Site, words: str, expected: list[str]
) -> None:
    found = (await read_json(site, f"/-/edits.json?kind=collection&q={words}"))["edits"]
    assert [row["first_reading"] for row in found] == expected
    own = (await read_json(site, f"/-/edits.json?q={words}"))["edits"]
    assert [row["title"] for row in own] == (["Fyr 3"] if words == "89" else [])


async def test_differences_can_be_compared_and_cited(site: Site, path: Path) -> None:
    row = (await read_json(site, "/-/edits.json?kind=collection"))["edits"][0]
    one, other = row["previous"], row["revision"]
    moved = await site.get(f"/-/diff/{other}/{one}")
    assert moved.headers["location"] == f"/-/diff/{one}/{other}", "in the order of time"
    text = await site.text(f"/-/diff/{one}/{other}?lang=en")
    assert "the collection folke, 9 June 2026" in text
    data = await read_json(site, f"/-/diff/{one}/{other}.json")
    assert (data["before"]["first_reading"], data["after"]["last_reading"]) == (
        "2026-06-09",
        "2026-07-01",
    )
    assert "folke of 9 June 2026" in (await site.get(f"/-/cite/{one}.txt?lang=en")).text
    for form in ("bib", "ris", "csl.json"):
        cited = (await site.get(f"/-/cite/{one}.{form}")).text
        assert not re.search("accessed|urldate|Y2", cited), "the archive has not read it"
    version = await read_json(site, f"/-/revision/{one}.json")
    assert version["collection"] == "folke"
    assert [seen["first"] for seen in version["observations"]] == ["2026-06-09"]
    guide = read_guide(read_bundle(path, one))
    assert "The collection had the version from: 2026-06-09" in guide
    assert "The archive read the version" not in guide


async def test_data_has_no_time_of_the_archive_for_what_it_never_read(site: Site) -> None:
    rows = await read_json(site, "/archive/releases.json?_shape=array&_sort=id")
    assert [row["first_seen"] and row["first_seen"][:10] for row in rows] == [
        None,
        "2026-06-01",
        "2026-06-01",
        None,
    ]
    assert [row["last_checked"] is None for row in rows] == [True, False, False, True]
    assert {row["added"][:10] for row in rows} == {"2026-09-01", "2026-06-01"}
    found = (await read_json(site, "/search.json?q=miljoner"))["releases"]
    assert {row["release"]: row["first_seen"] is None for row in found} == {
        1: True,
        2: False,
        3: False,
        4: True,
    }


async def test_history_of_a_wording_names_the_readings(site: Site) -> None:
    text = await site.text("/-/phrase?q=%22120+miljoner%22&lang=en")
    assert "In the collection folke of 1 July 2026, not in that of 9 June 2026." in text
    once = "In the collection folke of 3 May 2026. Not in the collection folke of 9 June 2026."
    assert once in text
    assert "Still there" not in text
    text = await site.text("/-/phrase?q=%2288+miljoner%22&lang=en")
    assert "In the collection folke of 3 May 2026." in text
    assert "between two checks" in text


async def test_search_of_all_versions_calls_no_reading_a_check(site: Site) -> None:
    text = await site.text("/search?q=121&versions=all&lang=en")
    assert "In the collection folke of 9 June 2026, not in that of 1 July 2026." in text
    assert "check" not in text
    (hit,) = (await read_json(site, "/search.json?q=121&versions=all"))["releases"]
    assert (hit["change"], hit["checked_before"], hit["checked_after"]) == ("former", None, None)
    assert hit["comparison"].endswith(f"/-/diff/{hit['before']}/{hit['after']}")
    (own,) = (await read_json(site, "/search.json?q=88&versions=all"))["releases"]
    assert None not in (own["checked_before"], own["checked_after"])


async def test_feed_of_a_wording_has_times_where_a_collection_has_days(site: Site) -> None:
    feed = (await site.get("/-/phrase.atom?q=121")).text
    assert "<published>2026-06-09T00:00:00+02:00</published>" in feed
    assert "<updated>2026-07-01T00:00:00+02:00</updated>" in feed
    assert re.findall('category term="(.*?)"', feed) == ["collection"], "no edit of the agency"


async def test_data_of_a_difference_calls_it_a_comparison(site: Site) -> None:
    row = (await read_json(site, "/-/edits.json?kind=collection"))["edits"][0]
    data = await read_json(site, f"/-/diff/{row['previous']}/{row['revision']}.json?lang=en")
    assert data["title"] == "Comparison: Fyr 1"


async def test_checked_quotation_has_readings_apart_from_checks_and_imports(site: Site) -> None:
    response = await site.datasette.client.post(
        "/-/check.json",
        content="”Stödet är 121 miljoner kronor”",
        headers={"content-type": "text/plain"},
    )
    (row,) = response.json()["quotations"]
    appeared, disappeared = row["appeared"], row["disappeared"]
    readings = ("after", "until", "last_reading_before", "first_reading")
    assert [appeared[name] for name in readings] == [None, None, "2026-05-03", "2026-06-09"]
    assert [disappeared[name] for name in readings] == [None, None, "2026-06-09", "2026-07-01"]
    assert appeared["imported"][:10] == disappeared["imported"][:10] == "2026-09-01"


async def test_words_are_not_looked_up_among_files(site: Site) -> None:
    response = await site.get("/-/edits.json?kind=file&q=121")
    assert (response.status_code, response.json()["name"]) == (400, "q")
    page = await site.get("/-/edits?kind=file&q=121&lang=en")
    assert page.status_code == 400
    assert "Words cannot be looked up among replaced files" in page.text
