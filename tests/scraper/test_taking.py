"""What was kept aside is taken in by somebody or by mended rules, dropped, or superseded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from archive.quarantine import QuarantineReason
from archive.store import SaveResult
from scraper.ingest import accept_quarantined, accept_repaired, drop_quarantined
from scraper.items import ReleaseItem
from scraper.pages import read_document
from tests.scraper.reading_room import HELD, SLUG, ReadingRoom


def test_what_is_taken_in_by_hand_is_not_missed_any_more(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 6]
    room.find(new)
    room.site.buried = True
    room.crawl(new[:4])
    assert {accept_quarantined(room.keeping, kept, "accepted") for kept in room.waiting()} == {SaveResult.NEW}
    assert room.waiting() == []
    assert room.rows("select count(*) from releases where length(coalesce(lead, '')) < 40") == [(4,)]
    assert room.crawl(new[4:])[0] == [SaveResult.NEW] * 2
    assert room.crawl(room.paths[:1])[0] == [SaveResult.REPARSED], "what held releases lack, neither"


def test_what_is_dropped_is_not_staged_again(room: ReadingRoom) -> None:
    before, new = room.states(), room.paths[HELD : HELD + 3]
    room.find(new)
    room.site.buried = True
    room.crawl(new)
    for kept in room.waiting():
        drop_quarantined(room.keeping, kept)
    room.crawl(new)
    assert (room.waiting(), room.states()) == ([], before)
    assert room.rows("select decision, count(*) from quarantine group by 1") == [("dropped", 3)]


def test_a_mended_rule_takes_in_what_it_reads_whole(room: ReadingRoom) -> None:
    before, new = room.states(), room.paths[HELD : HELD + 3]
    room.find(new)
    room.site.buried = True
    room.crawl([*new, *room.paths[:3]])
    assert accept_repaired(room.keeping, SLUG) == {SaveResult.QUARANTINED: 6}, "the rules are as they were"
    room.take_agency(replace(room.agency, lead=".puff"))
    assert accept_repaired(room.keeping, SLUG) == {SaveResult.NEW: 3, SaveResult.UNCHANGED: 3}
    assert room.waiting() == []
    assert room.rows("select count(*) from releases where length(coalesce(lead, '')) < 40") == [(0,)]
    assert room.states()[:1] == before[:1]
    assert room.rows("select count(*) from revisions where cause = 'source'") == [(0,)]
    assert accept_repaired(room.keeping, SLUG) == {}


def test_what_is_read_whole_later_needs_no_one(room: ReadingRoom) -> None:
    held = room.paths[:3]
    room.site.buried = True
    room.crawl(held)
    room.site.buried = False
    room.crawl(held)
    assert room.waiting() == []
    assert room.rows("select decision, count(*) from quarantine group by 1") == [("superseded", 3)]


def shorten(item: ReleaseItem) -> ReleaseItem:
    """What a rule for the text reads that has died."""
    return replace(item, body=(item.body or "")[:15], body_html=(item.body_html or "")[:15])


def accept(room: ReadingRoom, days: int, *reasons: QuarantineReason) -> None:
    """Somebody took in a release with these reasons, so many days ago: three is before all that is held was read."""
    with room.archive.transaction():
        room.keeping.quarantine.add(
            agency=SLUG,
            crawl_id=None,
            url="x",
            release_id=None,
            seen_at=room.moment,
            state={},
            capture_id=1,
            reasons=reasons,
        )
        ((key,),) = room.rows("select max(id) from quarantine")
        room.keeping.quarantine.decide(key, "accepted", room.moment - timedelta(days=days))


@pytest.mark.parametrize(("days", "outcome"), [(3, SaveResult.QUARANTINED), (0, SaveResult.NEW)])
def test_a_text_that_is_whole_again_is_missed_again(
    room: ReadingRoom, monkeypatch: pytest.MonkeyPatch, days: int, outcome: SaveResult
) -> None:
    accept(room, days, {"field": "body", "why": "short"}, {"field": "title", "why": "repeated"})
    monkeypatch.setattr("tests.scraper.reading_room.read_document", lambda *args: shorten(read_document(*args)))
    new, held = room.paths[HELD : HELD + 2], room.paths[:2]
    room.find(new)
    was_held = SaveResult.QUARANTINED if outcome is SaveResult.QUARANTINED else SaveResult.REVISED
    assert room.read_all([*new, *held]) == [outcome] * 2 + [was_held] * 2
    monkeypatch.undo()
    twins = room.paths[HELD + 2 : HELD + 4]
    room.find(twins)
    for path in twins:
        room.edit(path, title="Nyheter från rådet")
    assert room.read_all(twins) == [SaveResult.NEW, outcome], "a title is another's again"
