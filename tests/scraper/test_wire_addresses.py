"""A release on the agency's own site and at a press wire: one release, or two near-duplicates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.search.near_duplicates import find_duplicates
from archive.store.releases import Archive, SaveResult
from scraper.agency import Agency
from scraper.commands import reparse
from scraper.ingest.misreadings import QuarantineCheck
from scraper.ingest.parsed_page import FetchedPage, ParsedPage
from scraper.ingest.saving import CrawlRecorder, Ingest
from scraper.pages.page_reader import open_document, read_document
from scraper.revisit_schedule import parse_schedule

AGENCY = Agency(slug="skog", name="Skog", home="https://skog.se/", wire=("viatt:7",))
SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
OWN, WIRE = "https://skog.se/nyheter/a", "https://via.tt.se/pressmeddelande/1/a"
TITLE, LEAD = "Fler älgar", "Det här är ingressen till texten om älgar."
TEXT = " ".join(
    f"Ord nummer {number} står i den här långa texten om skog och älg." for number in range(12)
)
EDITED = f"{TEXT} Och en mening till."


def write_page(url: str, text: str) -> bytes:
    if url == WIRE:
        record = {
            "title": TITLE,
            "leadtext": LEAD,
            "body": text,
            "published": "2026-03-01T08:00:00+01:00",
        }
        return json.dumps(record | {"language": "sv"}).encode()
    return (
        f'<html lang="sv"><body><main><article><h1>{TITLE}</h1><p>Publicerad: 1 mars 2026</p>'
        f'<p class="ingress">{LEAD}</p><p>{text}</p></article></main></body></html>'
    ).encode()


class Saving:
    """Saves pages of an agency with a wire, read at given times."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        archive.add_agency("skog", name="Skog", home="https://skog.se/")
        self.recorder = CrawlRecorder(archive, parse_schedule("else=1d"))
        self.ingest = Ingest(archive, self.recorder, {"skog": AGENCY})

    def save(self, url: str, body: bytes, seen_at: datetime) -> SaveResult:
        archive = self.archive
        with archive.transaction():
            archive.frontier.add(url, agency="skog", role="release", seen_at=seen_at)
        row, document = archive.frontier.get(url), open_document(body, url)
        page = ParsedPage(
            item=read_document(document.copy(), AGENCY),
            url=url,
            release_id=row.release_id if row else None,
            response=FetchedPage(url=url, fetched_at=seen_at, status=200, headers={}, body=body),
            document=document,
        )
        return self.ingest.save(page, QuarantineCheck(archive, "skog", url == WIRE)).outcome


@pytest.fixture
def saving(tmp_path: Path) -> Iterator[Saving]:
    with Archive(tmp_path / "archive.db") as archive:
        made = Saving(archive)
        yield made
        made.recorder.close()


@pytest.mark.parametrize(
    ("first", "second"), [(OWN, WIRE), (WIRE, OWN)], ids=["site first", "wire first"]
)
def test_second_address(
    saving: Saving, first: str, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(100))

    def save(url: str, text: str) -> SaveResult:
        return saving.save(url, write_page(url, text), SEEN + timedelta(hours=next(moments)))

    def list_ids() -> list[int | None]:
        return [
            row.release_id for url in (first, second) if (row := saving.archive.frontier.get(url))
        ]

    assert [save(url, TEXT) for url in (first, second, second, first)] == [
        SaveResult.NEW,
        *[SaveResult.UNCHANGED] * 3,
    ]
    assert list_ids() == [1, 1]
    assert [save(second, EDITED), save(first, TEXT), save(second, EDITED)] == [
        SaveResult.NEW,
        *[SaveResult.UNCHANGED] * 2,
    ]
    assert list_ids() == [1, 2]
    (found,) = find_duplicates(saving.archive.db.conn, 1)
    assert (found["id"], found["url"], found["similarity"] < 1) == (2, second, True)
    results: list[str] = []
    releases = [(OWN, AGENCY), (WIRE, AGENCY)]
    monkeypatch.setattr(reparse, "_read_page", None)  # the current rules have read both
    reparse.reparse_releases(saving.archive, saving.recorder.captures, releases, results.append)
    assert results == ["unchanged", "unchanged"]


@pytest.mark.parametrize(("days", "outcome"), [(2, SaveResult.UNCHANGED), (370, SaveResult.NEW)])
def test_page_without_a_date_is_the_release_of_about_the_same_time(
    saving: Saving, days: int, outcome: SaveResult
) -> None:
    undated = write_page(OWN, TEXT).replace(b"<p>Publicerad: 1 mars 2026</p>", b"")
    assert saving.save(WIRE, write_page(WIRE, TEXT), SEEN) is SaveResult.NEW
    assert saving.save(OWN, undated, SEEN + timedelta(days=days)) is outcome
    assert saving.save(OWN, undated, SEEN + timedelta(days=800)) is SaveResult.UNCHANGED


@pytest.mark.parametrize(
    ("own", "at_wire", "outcome"),
    [
        (
            ["/filer/Rapport%20A.pdf"],
            ["https://media.example/1/Rapport A.pdf"],
            SaveResult.UNCHANGED,
        ),
        (["/filer/rapport.pdf"], [], SaveResult.NEW),
        (["/filer/rapport.pdf"], ["https://media.example/bilaga.pdf"], SaveResult.NEW),
    ],
    ids=range(3),
)
def test_addresses_of_one_release_have_the_same_files(
    saving: Saving, own: list[str], at_wire: list[str], outcome: SaveResult
) -> None:
    record = json.loads(write_page(WIRE, TEXT)) | {
        "documents": [{"url": url, "caption": "Rapport"} for url in at_wire]
    }
    links = "".join(f'<p><a href="{url}">Rapport</a></p>' for url in own).encode()
    page = write_page(OWN, TEXT).replace(b"</article>", links + b"</article>")
    assert saving.save(WIRE, json.dumps(record).encode(), SEEN) is SaveResult.NEW
    assert saving.save(OWN, page, SEEN) is outcome


def test_other_address_has_its_own_capture(saving: Saving) -> None:
    pages = [
        (WIRE, write_page(WIRE, TEXT)),
        *[(OWN, write_page(OWN, TEXT) + end) for end in (b"", b"", b"<!-- 2 -->")],
    ]
    for hour, (url, body) in enumerate(pages):
        saving.save(url, body, SEEN + timedelta(hours=hour))
    rows = saving.archive.db.execute("select url, sha256 from captures order by id").fetchall()
    assert rows == [(url, hashlib.sha256(body).hexdigest()) for url, body in (*pages[:2], pages[3])]
    stored = saving.archive.get(WIRE)
    assert (stored.sha256 if stored else None) == rows[0][1]
