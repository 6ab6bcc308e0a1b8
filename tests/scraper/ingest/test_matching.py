"""Which stored release a page belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from archive.database.models import Capture, Release
from archive.store.releases import Archive, prepare_release
from scraper.ingest.candidates import find_candidates
from scraper.ingest.matching import match_page
from scraper.ingest.parsed_page import FetchedPage, ParsedPage
from scraper.items import ReleaseItem

SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
BASE = "https://skog.example/nyheter/"
TEXT = (
    "Stödet till den som planterar ädellövskog höjs i vår. Ansökan görs på webben senast den"
    " siste maj, säger Ada Ek."
)
OTHER = (
    "Älgarna i Ljusdal har räknats från luften. Flera hundra djur sågs på myrarna norr om älven"
    " under vintern."
)
FIRST = Release(
    agency="skog", url=f"{BASE}1", title="Mer lövskog", body=TEXT, body_html=f"<p>{TEXT}</p>"
)
SECOND = replace(FIRST, url=f"{BASE}2", title="Fler älgar", body=OTHER, body_html=f"<p>{OTHER}</p>")
PRINTED = replace(FIRST, body=f"{TEXT}\n\nUtskriven på en tisdag.")
EDITED_TEXT = TEXT.replace("höjs", "sänks")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive of both releases, 1 and 2, each read at its own URL."""
    with Archive(tmp_path / "archive.db") as opened:
        opened.add_agency("skog", name="Skogsbruksrådet", home="https://skog.example/")
        for number, release in enumerate((FIRST, SECOND), 1):
            capture = Capture(
                url=release.url, seen=SEEN, status=200, headers={}, sha256=f"{number}" * 64, bytes=1
            )
            opened.frontier.add(release.url, agency="skog", role="release", seen_at=SEEN)
            opened.save(release, seen_at=SEEN, capture_id=opened.add_capture(capture))
            opened.frontier.mark_stored(release.url, number, SEEN)
        yield opened


def match(archive: Archive, release: Release, visited: str, redirected: str | None = None) -> str:
    """Match a page; return the kind of the match and the end of the release's URL."""
    url = BASE + visited
    row = archive.frontier.get(url)
    response = FetchedPage(
        url=BASE + (redirected or visited), fetched_at=SEEN, status=200, headers={}, body=b""
    )
    release_id = row.release_id if row else None
    page = ParsedPage(
        item=ReleaseItem(url=release.url), url=url, release_id=release_id, response=response
    )
    prepared = prepare_release(release, with_features=False)
    found = match_page(prepared, page, find_candidates(archive, prepared, page))
    return f"{found.kind} {found.url.removeprefix(BASE)}"


def add_url(archive: Archive, end: str, release_id: int) -> None:
    archive.frontier.add(BASE + end, agency="skog", role="release", seen_at=SEEN)
    archive.frontier.mark_stored(BASE + end, release_id, SEEN)


def change(release: Release = FIRST, *, url: str = "1", **fields: object) -> Release:
    return replace(release, url=BASE + url, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("release", "visited", "redirected", "expected"),
    [
        pytest.param(change(body=EDITED_TEXT), "1", None, "same 1", id="edited"),
        pytest.param(
            change(url="arkiv"), "1", "arkiv", "renamed arkiv", id="redirected to a new URL"
        ),
        pytest.param(change(url="arkiv"), "1", None, "renamed arkiv", id="another canonical URL"),
        pytest.param(
            change(SECOND, url="3"), "1", "3", "redirected 1", id="redirected to another text"
        ),
        pytest.param(
            change(
                SECOND,
                title="Nya kartor",
                body="Kartor över alla myrar finns nu att hämta på webben.",
            ),
            *("3", None, "same 3"),
            id="canonical URL of another text",
        ),
        pytest.param(
            change(title="Hoppsan", body=OTHER),
            "1",
            None,
            "replaced 1",
            id="another title and text",
        ),
        pytest.param(change(body=OTHER), "1", None, "same 1", id="another text only"),
        pytest.param(PRINTED, "1/utskrift", None, "duplicate 1", id="print version"),
        pytest.param(FIRST, "1/utskrift", None, "same 1", id="print version with the same text"),
        pytest.param(PRINTED, "nr-1", "1", "same 1", id="redirected to the release itself"),
    ],
)
def test_match_with_stored_release(
    archive: Archive, release: Release, visited: str, redirected: str | None, expected: str
) -> None:
    assert match(archive, release, visited, redirected) == expected


def test_redirect_to_a_similar_release_that_is_older_is_no_move(archive: Archive) -> None:
    similar = change(
        SECOND, url="2", body=TEXT.replace("siste maj", "förste juni"), title="Mer lövskog i juni"
    )
    archive.save(similar, seen_at=SEEN)
    archive.mark_checked(1, SEEN + timedelta(days=9))
    assert match(archive, similar, "1", "2") == "redirected 1"


def test_redirect_to_a_release_with_the_same_text_merges(archive: Archive) -> None:
    archive.save(change(url="2"), seen_at=SEEN)
    assert match(archive, change(url="2"), "1", "2") == "merged 2"


def test_old_url_of_a_moved_release_can_be_used_for_another_one(archive: Archive) -> None:
    archive.removals.mark_moved(1, SEEN, f"{BASE}arkiv")
    assert match(archive, change(title="Ny rapport", body=OTHER), "1") == "same 1"
    assert archive.find_release_id(FIRST.url) is None


def test_release_read_at_another_url_is_misplaced(archive: Archive) -> None:
    archive.removals.mark_moved(2, SEEN, f"{BASE}mall")  # its page had declared this URL canonical
    add_url(archive, "mall", 2)
    own = change(
        url="mall", title="Mallen", body="Det här är mallens egen text om skogens alla vägar."
    )
    assert match(archive, own, "mall") == "misplaced mall"


def test_known_print_version_is_a_duplicate_while_the_release_is_current(archive: Archive) -> None:
    add_url(archive, "1/utskrift", 1)
    assert match(archive, PRINTED, "1/utskrift") == "duplicate 1"
    found = match(archive, replace(PRINTED, title="Hoppsan", body=OTHER), "1/utskrift")
    assert found == "duplicate 1"
    for day in range(3):
        archive.removals.mark_missing(1, SEEN + timedelta(days=day), "gone", status=404)
    assert match(archive, PRINTED, "1/kopia") == "same 1"


def test_recurring_release_has_its_own_url(archive: Archive) -> None:
    weekly = change(url="lage", title="Läget i skogen", published=date(2026, 3, 2))
    archive.save(weekly, seen_at=SEEN)
    edited = replace(weekly, body=EDITED_TEXT.replace("maj", "juni"))
    assert match(archive, replace(edited, published=date(2026, 3, 9)), "lage-2") == "same lage-2"
    assert match(archive, edited, "lage-2") == "duplicate lage"
