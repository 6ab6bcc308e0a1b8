"""Which releases are related, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from archive.database.sqlite_files import build_connection_runner
from archive.search.related_releases import find_related
from archive.search.results import search
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.sample import Site, served
from tests.archive.sample_related import (
    ABOUT_OTTERS,
    COPY,
    FILLER,
    OTHER,
    OTTER,
    OWN,
    SEEN,
    build_release,
    fill_related,
)
from tests.archive.search.conftest import build_request


@pytest.fixture(scope="module")
def otters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_related(tmp_path_factory.mktemp("related") / "archive.db")


@pytest.fixture
def archive(otters: Path, tmp_path: Path) -> Iterator[Archive]:
    (tmp_path / "archive.db").write_bytes(otters.read_bytes())
    with Archive(tmp_path / "archive.db") as opened:
        yield opened


async def list_related(archive: Archive, release_id: int = OTTER) -> list[int] | None:
    found = await find_related(build_connection_runner(archive.db.conn), release_id)
    return None if found is None else [*found.similarity]


async def test_releases_with_the_same_uncommon_words_are_related(archive: Archive) -> None:
    found = await find_related(build_connection_runner(archive.db.conn), OTTER)
    assert found is not None
    assert {*found.similarity} == {OWN, OTHER}
    assert {"utter", "storån"} <= {*found.words}
    assert list(found.similarity.values()) == sorted(found.similarity.values(), reverse=True)
    assert all(0.2 <= share < 1 for share in found.similarity.values())


async def test_what_all_releases_say_relates_none(archive: Archive) -> None:
    assert await list_related(archive, 10) == []


async def test_there_is_no_such_release(archive: Archive) -> None:
    assert await list_related(archive, 999) is None


async def test_a_new_release_counts_at_once_and_an_edit_too(archive: Archive) -> None:
    new = build_release(50, "Fler uttrar i Storån", ABOUT_OTTERS[1], "vatten")
    archive.save(new, seen_at=SEEN)
    new_id = archive.find_release_id(new.url)
    assert new_id in (await list_related(archive) or ())
    text = f"{FILLER} femtio."
    archive.save(
        replace(new, title="Ett beslut", body=text, body_html=f"<p>{text}</p>"),
        seen_at=SEEN + timedelta(days=1),
    )
    assert new_id not in (await list_related(archive) or ())


async def test_near_duplicates_are_left_out(archive: Archive) -> None:
    """Of three agencies with the same text, one is related to another release, and none to each
    other.
    """
    ids = []
    for agency in ("djur", "vatten", "vag"):
        copy = build_release(60, "Spår räknade", COPY, agency)
        archive.save(copy, seen_at=SEEN)
        ids.append(archive.find_release_id(copy.url))
    for copy_id in ids:
        assert copy_id
        assert not {*ids} & {*(await list_related(archive, copy_id) or ())}
    assert len({*ids} & {*(await list_related(archive) or ())}) == 1


async def test_hidden_releases_neither_have_nor_are_related_ones(archive: Archive) -> None:
    hide_release(archive, OTHER, SEEN + timedelta(days=1), reason="Domstols beslut")
    assert await list_related(archive) == [OWN]
    assert await list_related(archive, OTHER) is None


async def test_redacted_words_relate_nothing(archive: Archive) -> None:
    for passage in (ABOUT_OTTERS[2], "Bävern i Storån"):
        redact_passage(archive, OTHER, passage, SEEN + timedelta(days=1), reason="Personuppgift")
    assert await list_related(archive) == [OWN]


async def test_a_merged_release_continues(archive: Archive) -> None:
    with archive.transaction():
        merge_releases(
            archive, OWN, OTTER, SEEN + timedelta(days=1), "https://djur.example/1", cause="source"
        )
    assert await list_related(archive) == [OTHER] == await list_related(archive, OWN)


@pytest.mark.parametrize(
    ("text", "options", "ids"),
    [
        ("like:1", {}, [OWN, OTHER]),
        ("liknar:1", {}, [OWN, OTHER]),
        ("like: 1", {}, [OWN, OTHER]),
        ("like:1 order", {}, []),
        ("like:1 dammarna", {}, [OTHER]),
        ("like:1 myndighet:vattenverket", {}, [OTHER]),
        ("like:1", {"agency": "djur"}, [OWN]),
        ("like:1 till:2024-01-03", {}, [OWN]),
        ("uttrar -like:1", {}, [OTTER]),
        ("(like:1 myndighet:vattenverket) OR rubrik:återvänder", {}, [OTHER, OTTER]),
        ("like:999", {}, []),
    ],
)
async def test_like_is_a_filter(
    archive: Archive, text: str, options: dict[str, str], ids: list[int]
) -> None:
    results = await search(
        build_connection_runner(archive.db.conn), build_request(text, strict=True, **options)
    )
    assert sorted(hit.row["id"] for hit in results.hits) == sorted(ids)


async def test_the_most_similar_comes_first_unless_the_newest_shall(archive: Archive) -> None:
    run = build_connection_runner(archive.db.conn)
    by_similarity = await list_related(archive)
    for order, expected in (("", by_similarity), ("newest", [OTHER, OWN])):
        results = await search(run, build_request("like:1", order=order))
        assert [hit.row["id"] for hit in results.hits] == expected
        assert results.hit_page.order == (order or "best")
        assert not any(
            is_marked for hit in results.hits for _, is_marked in (*hit.title, *hit.excerpt)
        )


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("like:999", ("no_release", "999")),
        ("like:10", ("no_related", "10")),
        ("like:utter", ("no_number", "like:utter")),
        ("like:" + "9" * 16, ("no_number", "like:" + "9" * 16)),
    ],
)
async def test_a_like_without_releases_says_why(
    archive: Archive, text: str, note: tuple[str, str]
) -> None:
    results = await search(build_connection_runner(archive.db.conn), build_request(text))
    assert note in [(each.key, each.value) for each in results.notes]


async def test_all_of_a_release_with_a_long_number_are_found(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.db.conn.execute("pragma foreign_keys = off")
    archive.db.conn.execute("update releases set id = 12344 where id = 43")
    new = build_release(50, "Fler uttrar i Storån", ABOUT_OTTERS[1], "vatten")
    archive.save(new, seen_at=SEEN)
    monkeypatch.setattr("archive.views.release.choose_shown", lambda rows, agency: rows[:1])
    with served(tmp_path / "archive.db") as datasette:
        page = await Site(datasette).page("/archive/releases/12345?lang=sv")
        (link,) = page.cssselect(".related .ways a")
        found = await Site(datasette).page(str(link.get("href")))
    assert f"Visa alla {len(found.cssselect('.releases > li'))} liknande" in link.text_content()


async def test_page_and_data_list_them(otters: Path) -> None:
    with served(otters) as datasette:
        site = Site(datasette)
        page = await site.page("/archive/releases/1?lang=sv")
        entries = [
            " ".join(entry.text_content().split()) for entry in page.cssselect(".related li")
        ]
        assert entries == [
            "Bävern i Storån Vattenverket, 4 januari 2024",
            "Uttrar vid kvarnen Djurverket, 3 januari 2024",
        ]
        empty = await site.page("/archive/releases/10?lang=en")
        assert not empty.cssselect(".related")
        data = (await site.get("/-/related/1.json")).json()
        assert {row["release"] for row in data["related"]} == {OWN, OTHER}
        assert {"release", "agency", "agency_name", "title", "published", "similarity", "page"} <= {
            *data["related"][0]
        }
        assert (await site.get("/-/related/10.json")).json()["related"] == []
        assert (await site.get("/-/related/999.json")).status_code == 404
        assert (await site.get("/-/related/1")).headers["location"] == "/archive/releases/1#related"
        rows = await site.get("/archive/releases.json?_search=like:1&_shape=array")
        assert {row["id"] for row in rows.json()} == {OWN, OTHER}
