from __future__ import annotations

from pathlib import Path

import pytest

from tests.archive.sample import Site, served, texts
from tests.archive.sample_evidence import create_evidence_archive, execute

AUTHORITY = "https://tiden.example/tsr"
STAMP_SQL = (
    "insert into time_stamps (manifest, authority, stamped, response)"
    " values ('2026-03-02', ?, '2026-03-05T09:10:00+00:00', '')"
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = create_evidence_archive(tmp_path)
    execute(path, STAMP_SQL, AUTHORITY)
    return path


async def test_page_has_what_a_reader_keeps(archive: Path) -> None:
    digests = [digest for (digest,) in execute(archive, "select digest from manifests")]
    with served(archive) as datasette:
        page = await Site(datasette).page("/-/manifests")
    assert texts(page, ".register h2") == ["2026-03-02", "2026-03-01"]
    assert texts(page, ".register code") == digests[::-1]
    assert texts(page, ".register .facts") == [
        "Tidsstämplat av tiden.example 5 mars 2026 kl. 10.10",
    ]
    assert texts(page, ".register .quiet") == ["Inte tidsstämplat av någon utanför arkivet"]


async def test_data_and_feed(archive: Path) -> None:
    with served(archive) as datasette:
        site = Site(datasette)
        data = await site.json("/-/manifests.json")
        feed = await site.feed("/-/manifests.atom?lang=en")
        rows = await site.csv("/-/manifests.csv")
    newest, first = data["manifests"]
    assert (newest["day"], newest["previous"]) == ("2026-03-02", first["digest"])
    stamp = {"authority": AUTHORITY, "stamped": "2026-03-05T09:10:00+00:00"}
    assert (newest["stamps"], first["stamps"]) == ([stamp], [])
    assert [row["digest"] for row in rows] == [newest["digest"], first["digest"]]
    assert [entry.title for entry in feed.entries] == [
        f"{row['day']}: {row['digest']}" for row in (newest, first)
    ]
    assert feed.entries[0].summary == f"{AUTHORITY} 2026-03-05T09:10:00+00:00"
    # a stamp that comes later is news to a reader of the feed
    assert feed.entries[0].updated == "2026-03-05T09:10:00+00:00"


async def test_archive_without_manifests(empty_site: Site) -> None:
    assert "Arkivet har inget manifest än" in await empty_site.text("/-/manifests")
    assert (await empty_site.json("/-/manifests.json"))["manifests"] == []
