"""A rule that dies writes nothing over good data; a single release that lacks something is as it is."""

from __future__ import annotations

from pathlib import Path

from archive.store import SaveResult
from archive.takedowns import hide_release
from scraper.ingest import accept_quarantined, review_quarantine
from scraper.quarantine import QuarantineCheck
from tests.scraper.reading_room import HELD, LISTING, SLUG, ReadingRoom
from tests.site.stamps import to_stamp


def test_new_releases_that_lost_their_lead_are_kept_aside(room: ReadingRoom) -> None:
    before, new = room.states(), room.paths[HELD : HELD + 4]
    room.find(new, LISTING, links=10)
    room.site.buried = True
    outcomes, collapses = room.crawl(new)
    assert outcomes == [SaveResult.QUARANTINED] * 4
    assert [(c.reason_key, c.is_stored, c.page_count, c.total) for c in collapses] == [("lead", False, 4, 4)]
    assert room.states() == before
    assert [(kept.decision, kept.release_id, kept.reason_keys) for kept in room.waiting()] == [
        ("confirmed", None, {"lead"})
    ] * 4
    assert room.rows("select count(*), count(next_due) from frontier where state = 'quarantined'") == [(4, 4)]


def test_held_releases_are_not_written_over(room: ReadingRoom) -> None:
    before, held = room.states(), room.paths[:6]
    room.site.buried = True
    outcomes, collapses = room.crawl(held)
    assert outcomes == [SaveResult.QUARANTINED] * 6
    assert [(c.reason_key, c.is_stored) for c in collapses] == [("lead", True)]
    assert room.states() == before
    assert room.rows("select count(*) from frontier where state = 'stored'") == [(HELD,)]
    assert room.rows("select count(*) from releases where next_check > last_checked") == [(HELD,)]


def test_a_second_crawl_does_not_double_what_waits(room: ReadingRoom) -> None:
    room.site.buried = True
    for _ in range(2):
        room.crawl(room.paths[:4])
    assert len(room.waiting()) == 4
    room.edit(room.paths[0], lead="Från och med den 1 juli gäller nya regler för alla som äger skog.")
    room.crawl(room.paths[:4])
    assert len(room.waiting()) == 5, "another state of one of them waits as well"


def test_a_lead_that_the_agency_took_away_is_an_edit_at_once(room: ReadingRoom) -> None:
    path = room.paths[2]
    room.edit(path, lead="")
    assert room.crawl([path, *room.paths[3:6]])[0] == [SaveResult.REVISED, *[SaveResult.UNCHANGED] * 3]
    assert room.rows("select cause from revisions where previous is not null") == [("source",)]


def test_a_single_new_release_without_a_lead_is_taken_in_at_the_crawls_end(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 4]
    room.find(new)
    room.edit(new[0], lead="")
    outcomes, collapses = room.crawl(new)
    assert (outcomes, collapses) == ([SaveResult.QUARANTINED, *[SaveResult.NEW] * 3], [])
    assert room.waiting() == []
    ((seen, first_seen),) = room.rows(
        "select h.seen, r.first_seen from quarantine h join frontier f using (url) join releases r on r.id = f.release"
    )
    assert seen == first_seen, "it is held as of when it was read"
    assert room.rows("select decision from quarantine") == [("genuine",)]


def test_single_releases_of_several_crawls_make_a_collapse(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 4]
    room.find(new)
    room.site.buried = True
    assert [bool(room.crawl([path])[1]) for path in new] == [False, False, True, True]
    assert [kept.decision for kept in room.waiting()] == ["confirmed"] * 2


def test_a_killed_crawl_is_judged_at_the_end_of_the_next(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 4]
    room.find(new)
    room.site.buried = True
    room.read_all(new[:2])
    assert [kept.decision for kept in room.waiting()] == [None, None]
    _, collapses = room.crawl(new[2:])
    assert collapses
    assert [kept.decision for kept in room.waiting()] == ["confirmed"] * 4


def test_new_releases_of_a_source_that_lists_far_fewer_are_kept_aside(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 4]
    room.find(new, LISTING, links=4)
    outcomes, collapses = room.crawl(new)
    assert (outcomes, [collapse.reason_key for collapse in collapses]) == ([SaveResult.QUARANTINED] * 4, [LISTING])
    assert {accept_quarantined(room.keeping, kept, "accepted") for kept in room.waiting()} == {SaveResult.NEW}
    later = room.paths[HELD + 4 : HELD + 6]
    room.find(later, LISTING, links=4)
    assert room.crawl(later)[0] == [SaveResult.NEW] * 2, "it is right that it lists four"


def test_a_listing_that_begins_anew_in_january_holds_nothing_up(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 1]
    room.find(new, LISTING)
    assert room.crawl(new)[1] == []
    assert room.waiting() == []
    assert room.rows("select links, usual_links from frontier where url = ?", LISTING) == [(1, 1)]


def test_a_list_that_was_only_cut_lists_too_few_until_somebody_says_it_is_right(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 1]
    room.find(new, LISTING, links=2)
    assert room.crawl(new)[1] == []
    assert room.waiting() == [], "a single release is no collapse"
    assert room.rows("select links, usual_links from frontier where url = ?", LISTING) == [(2, 10)]


def test_what_is_taken_down_is_not_shown_by_what_waits_either(room: ReadingRoom) -> None:
    for path in room.paths[:2]:
        room.edit(path, tags=("Hemligt ord",))
    hide_release(room.archive, 1, room.moment, reason="Begärt")
    room.site.buried = True
    room.crawl(room.paths[:3])
    hide_release(room.archive, 2, room.moment, reason="Begärt")
    room.keeping.quarantine.redact_states(2, lambda state: room.archive.takedowns.redact_for_display(2, state)[0])
    assert room.rows("select release from quarantine where state like '%ord%' and release < 3") == []
    assert room.rows("select count(*) from quarantine") == [(3,)]


def test_an_agency_without_a_past_is_taken_as_it_is(tmp_path: Path) -> None:
    with ReadingRoom(tmp_path / "archive.db") as room:
        room.find(room.paths[:5])
        room.site.buried = True
        assert room.crawl(room.paths[:5]) == ([SaveResult.NEW] * 5, [])


def test_old_pages_are_not_held_to_the_habits_of_new_ones(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 4]
    room.write("delete from crawls")
    room.find(new)
    room.site.buried = True
    assert room.crawl(new) == ([SaveResult.NEW] * 4, []), "the first search has never come to its end"


def test_what_is_dated_before_all_that_is_held_is_an_old_page(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 3]
    room.find(new)
    room.write("update frontier set listed = '1999-01-01'")
    for path in new:
        room.edit(path, lead="", stamp=to_stamp("reviewed", room.moment, room.moment, ()))
    assert room.crawl(new)[0] == [SaveResult.NEW] * 3


def test_a_title_that_is_the_sites_own_is_another_releases_as_well(room: ReadingRoom) -> None:
    new = room.paths[HELD : HELD + 4]
    room.find(new)
    for path in new:
        room.edit(path, title="Nyheter från rådet")
    outcomes, collapses = room.crawl(new)
    assert outcomes == [SaveResult.NEW, *[SaveResult.QUARANTINED] * 3], "the first cannot be told"
    assert [collapse.reason_key for collapse in collapses] == ["title"]


def test_releases_that_all_moved_are_none_of_our_misreadings(room: ReadingRoom) -> None:
    moved = []
    for path in room.paths[:5]:
        moved.append(path.replace("/nyheter/", "/arkiv/"))
        room.edit(path, path=moved[-1])
    room.find(moved)
    assert room.crawl(moved) == ([SaveResult.NEW] * 5, [])


def test_nothing_is_asked_of_the_database_for_what_stands_as_held(room: ReadingRoom) -> None:
    suspicion = QuarantineCheck(room.archive, SLUG)
    for path in room.paths[:3]:
        room.keeping.save(room.read(path), suspicion)
    assert "habits" not in vars(suspicion)
    assert review_quarantine(room.keeping, SLUG) == ([], {})
