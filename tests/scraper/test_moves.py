"""Where a reading belongs: what calls itself by another's address, moved, was replaced, or is used anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from archive.models import Capture, Release
from archive.store import Archive, SaveResult
from scraper.items import ReleaseItem
from scraper.matching import match_page
from scraper.parsed_page import FetchedPage, ParsedPage
from tests.scraper.reading_room import SLUG, ReadingRoom

SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOST = "https://skog.example/nyheter/"
TEXT = (
    "Stödet till den som planterar ädellövskog höjs i vår. Ansökan görs på webben senast den siste maj, säger Ada Ek."
)
OTHER = "Älgarna i Ljusdal har räknats från luften. Flera hundra djur sågs på myrarna norr om älven under vintern."
FIRST = Release(agency="skog", url=f"{HOST}1", title="Mer lövskog", body=TEXT, body_html=f"<p>{TEXT}</p>")
SECOND = replace(FIRST, url=f"{HOST}2", title="Fler älgar", body=OTHER, body_html=f"<p>{OTHER}</p>")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Both releases, read at their own addresses."""
    with Archive(tmp_path / "archive.db") as opened:
        opened.add_agency("skog", name="Skogsbruksrådet", home="https://skog.example/")
        for number, release in enumerate((FIRST, SECOND), 1):
            capture = Capture(url=release.url, seen=SEEN, status=200, headers={}, sha256=f"{number}" * 64, bytes=1)
            opened.frontier.add(release.url, agency="skog", role="release", seen_at=SEEN)
            opened.save(release, seen_at=SEEN, capture_id=opened.add_capture(capture))
            opened.frontier.mark_stored(release.url, number, SEEN)
        yield opened


def place(archive: Archive, release: Release, visited: str, held: int | None, landed: str | None = None) -> str:
    """The kind of place a reading has, and the number its address ends with."""
    answer = FetchedPage(url=landed or visited, fetched_at=SEEN, status=200, headers={}, body=b"")
    reading = ParsedPage(item=ReleaseItem(url=release.url), url=visited, release_id=held, response=answer)
    found = match_page(archive, release, reading)
    return f"{found.kind} {found.url.removeprefix(HOST)}"


def test_what_stands_where_it_stood_stays(archive: Archive) -> None:
    edited = replace(FIRST, body=TEXT.replace("höjs", "sänks"))
    assert place(archive, edited, FIRST.url, 1) == "same 1"


def test_a_new_address_is_a_move(archive: Archive) -> None:
    there = replace(FIRST, url=f"{HOST}arkiv")
    assert place(archive, there, FIRST.url, 1, there.url) == "renamed arkiv"
    assert place(archive, there, FIRST.url, 1) == "renamed arkiv"  # by its canonical address alone


def test_a_redirect_to_a_release_that_stood_beside_it_is_no_move(archive: Archive) -> None:
    similar = replace(SECOND, body=TEXT.replace("siste maj", "förste juni"), title="Mer lövskog i juni")
    archive.save(similar, seen_at=SEEN)
    archive.mark_checked(1, SEEN + timedelta(days=9))
    assert place(archive, similar, FIRST.url, 1, SECOND.url) == "redirected 1"


def test_a_redirect_to_the_same_text_joins(archive: Archive) -> None:
    archive.save(replace(FIRST, url=SECOND.url), seen_at=SEEN)
    assert place(archive, replace(FIRST, url=SECOND.url), FIRST.url, 1, SECOND.url) == "merged 2"


def test_a_redirect_to_another_text_is_none(archive: Archive) -> None:
    assert place(archive, replace(SECOND, url=f"{HOST}3"), FIRST.url, 1, f"{HOST}3") == "redirected 1"


def test_a_page_that_calls_itself_by_another_texts_address_goes_by_its_own(archive: Archive) -> None:
    third = replace(
        SECOND, url=FIRST.url, title="Nya kartor", body="Kartor över alla myrar finns nu att hämta på webben."
    )
    assert place(archive, third, f"{HOST}3", None) == "same 3"


def test_an_address_whose_release_moved_away_can_be_used_anew(archive: Archive) -> None:
    archive.removals.mark_moved(1, SEEN, f"{HOST}arkiv")
    fresh = replace(FIRST, title="Ny rapport", body=OTHER)
    assert place(archive, fresh, FIRST.url, 1) == "same 1"
    assert archive.find_release_id(FIRST.url) is None, "it will be a release of its own"


def test_another_text_is_a_doubt_first(archive: Archive) -> None:
    assert place(archive, replace(FIRST, title="Hoppsan", body=OTHER), FIRST.url, 1) == "replaced 1"
    assert place(archive, replace(FIRST, body=OTHER), FIRST.url, 1) == "same 1"  # under the same title it is an edit


def test_what_was_read_elsewhere_gives_its_address_back(archive: Archive) -> None:
    archive.removals.mark_moved(2, SEEN, f"{HOST}mall")  # it had called itself so
    archive.frontier.add(f"{HOST}mall", agency="skog", role="release", seen_at=SEEN)
    archive.frontier.mark_stored(f"{HOST}mall", 2, SEEN)
    own = replace(FIRST, url=f"{HOST}mall", title="Mallen", body="Det här är mallens egen text om skogens alla vägar.")
    assert place(archive, own, own.url, 2) == "misplaced mall"


def test_what_was_read_where_another_is_held_by_now_goes_on_as_that(room: ReadingRoom) -> None:
    slip, own = "/nyheter/slarv", "/nyheter/mall"
    page, edited, other = room.paths[-3:]
    for path, body in ((slip, page), (own, other)):
        room.site.aliases[path] = body
    room.find([slip])

    def keep(path: str, calls_itself: str) -> SaveResult:
        reading = room.read(path)
        item = replace(reading.item, url=room.base + calls_itself)
        return room.keeping.save(replace(reading, item=item)).outcome

    assert keep(slip, own) is SaveResult.NEW
    room.site.aliases[slip] = edited  # the slip is mended, and the page says something else
    assert keep(slip, slip) is SaveResult.NEW
    first, second = (room.archive.find_release_id(room.base + path) for path in (own, slip))
    assert first is not None
    assert keep(own, own) is SaveResult.NEW
    third = room.archive.find_release_id(room.base + own)
    assert third not in (first, second)
    assert room.rows("select moved_to, url from releases where id = ?", first) == [
        (second, f"{room.base}{slip}#{first}")
    ]
    assert room.rows("select count(*) from revisions where release in (?, ?, ?)", first, second, third) == [(3,)]
    assert keep(own, own) is SaveResult.UNCHANGED


def test_another_page_of_a_release_that_reads_otherwise_is_its_twin(archive: Archive) -> None:
    printed = replace(FIRST, body=f"{TEXT}\n\nUtskriven på en tisdag.")
    assert place(archive, printed, f"{HOST}1/utskrift", None) == "duplicate 1"
    assert place(archive, FIRST, f"{HOST}1/utskrift", None) == "same 1"
    assert place(archive, printed, f"{HOST}nr-1", None, FIRST.url) == "same 1", "it was led to the page itself"
    archive.frontier.add(f"{HOST}1/utskrift", agency="skog", role="release", seen_at=SEEN)
    archive.frontier.mark_stored(f"{HOST}1/utskrift", 1, SEEN)
    assert place(archive, printed, f"{HOST}1/utskrift", 1) == "duplicate 1"
    assert place(archive, replace(printed, title="Hoppsan", body=OTHER), f"{HOST}1/utskrift", 1) == "duplicate 1"
    for day in range(3):
        archive.removals.mark_missing(1, SEEN + timedelta(days=day), "gone", status=404)
    assert place(archive, printed, f"{HOST}1/utskrift", None) == "same 1", "it is all there is of the release"


def test_a_text_of_the_same_title_and_another_day_goes_by_its_own_address(archive: Archive) -> None:
    weekly = replace(FIRST, url=f"{HOST}lage", title="Läget i skogen", published=date(2026, 3, 2))
    archive.save(weekly, seen_at=SEEN)
    edited = replace(weekly, body=TEXT.replace("höjs", "sänks").replace("maj", "juni"))
    assert place(archive, replace(edited, published=date(2026, 3, 9)), f"{HOST}lage-2", None) == "same lage-2"
    assert place(archive, edited, f"{HOST}lage-2", None) == "duplicate lage"


def test_a_print_version_is_no_edit(room: ReadingRoom) -> None:
    path, printed = room.paths[0], "/utskrift.html"
    room.site.aliases[printed] = path
    room.find([printed])
    before = room.states()

    def keep_printed() -> SaveResult:
        reading = room.read(printed)
        item = replace(reading.item, body=f"{reading.item.body}\n\nUtskriven på en tisdag.")
        return room.keeping.save(replace(reading, item=item)).outcome

    for _ in range(2):  # found, and known as the release's
        assert keep_printed() is SaveResult.UNCHANGED
        assert room.read_all([path]) == [SaveResult.UNCHANGED]
    assert room.states() == before

    room.edit(path, title="Ett nytt namn")
    assert keep_printed() is SaveResult.UNCHANGED
    url = room.base + path
    due = room.archive.frontier.list_stale(SLUG, room.moment, 1000)
    assert url in due, "the release's own address is asked next"
    assert room.read_all([path]) == [SaveResult.REVISED]
    causes = "select cause from revisions v join releases r on r.id = v.release where r.url = ? order by v.id"
    assert room.rows(causes, url) == [("first",), ("source",)]
