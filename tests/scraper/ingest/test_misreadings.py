"""Pages that look misread are quarantined; a single release that lacks a field is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from archive.database.quarantined_pages import (
    MAX_HABIT_RELEASES,
    MIN_LINE_PAGES,
    PAGE_REASONS,
    RepeatedLines,
)
from archive.store.releases import SaveResult
from archive.store.takedowns import hide_release
from scraper.commands.diagnose import diagnose_agencies
from scraper.ingest.misreadings import (
    PAGE_PROBLEMS,
    QuarantineCheck,
    describe_reasons,
    list_symptoms,
)
from scraper.ingest.saving import accept_quarantined, review_quarantine
from tests.scraper.offline import LISTING, SLUG, STORED, OfflineCrawl
from tests.site.stamps import to_stamp

NEW, QUARANTINED = SaveResult.NEW, SaveResult.QUARANTINED


def add_new(
    offline: OfflineCrawl, count: int = 4, source: str | None = None, links: int | None = None
) -> list[str]:
    """Add the next new releases to the frontier; return their paths."""
    paths = offline.paths[STORED : STORED + count]
    offline.add_links(paths, source, links)
    return paths


def list_decisions(offline: OfflineCrawl) -> list[str | None]:
    return [page.decision for page in offline.pending()]


def test_new_releases_without_their_lead_are_quarantined(offline: OfflineCrawl) -> None:
    before, new = offline.states(), add_new(offline, 4, LISTING, 10)
    offline.site.buried = True
    outcomes, losses = offline.crawl(new)
    assert outcomes == [QUARANTINED] * 4
    found = [(loss.reason_key, loss.is_stored, loss.page_count, loss.total) for loss in losses]
    assert found == [("lead", False, 4, 4)]
    assert offline.states() == before
    assert [(page.decision, page.release_id, page.lost_keys) for page in offline.pending()] == [
        ("confirmed", None, {"lead"})
    ] * 4
    assert offline.rows(
        "select count(*), count(next_due) from frontier where state = 'quarantined'"
    ) == [(4, 4)]


def test_stored_releases_are_not_overwritten(offline: OfflineCrawl) -> None:
    before = offline.states()
    offline.site.buried = True
    outcomes, losses = offline.crawl(offline.paths[:6])
    assert outcomes == [QUARANTINED] * 6
    assert [(loss.reason_key, loss.is_stored) for loss in losses] == [("lead", True)]
    assert offline.states() == before
    assert offline.rows("select count(*) from frontier where state = 'stored'") == [(STORED,)]
    releases = offline.rows("select count(*) from releases where next_check > last_checked")
    assert releases == [(STORED,)]


def test_each_state_is_quarantined_once(offline: OfflineCrawl) -> None:
    offline.site.buried = True
    for _ in range(2):
        offline.crawl(offline.paths[:4])
    assert len(offline.pending()) == 4
    offline.edit(
        offline.paths[0], lead="Från och med den 1 juli gäller nya regler för alla som äger skog."
    )
    offline.crawl(offline.paths[:4])
    assert len(offline.pending()) == 5


def test_lead_that_the_agency_removed_is_an_edit(offline: OfflineCrawl) -> None:
    path = offline.paths[2]
    offline.edit(path, lead="")
    outcomes, _ = offline.crawl([path, *offline.paths[3:6]])
    assert outcomes == [SaveResult.REVISED, *[SaveResult.UNCHANGED] * 3]
    assert offline.rows("select cause from revisions where previous is not null") == [("source",)]


def test_single_new_release_without_a_lead_is_stored_when_the_crawl_ends(
    offline: OfflineCrawl,
) -> None:
    new = add_new(offline)
    offline.edit(new[0], lead="")
    assert offline.crawl(new) == ([QUARANTINED, NEW, NEW, NEW], [])
    assert offline.pending() == []
    ((seen, first_seen),) = offline.rows(
        "select h.seen, r.first_seen from quarantine h join frontier f using (url) join releases r"
        " on r.id = f.release"
    )
    assert seen == first_seen
    assert offline.rows("select decision from quarantine") == [("genuine",)]


def test_single_pages_of_several_crawls_are_a_field_loss(offline: OfflineCrawl) -> None:
    new = add_new(offline)
    offline.site.buried = True
    assert [bool(offline.crawl([path])[1]) for path in new] == [False, False, True, True]
    assert list_decisions(offline) == ["confirmed"] * 2


def test_pages_of_a_killed_crawl_are_reviewed_after_the_next(offline: OfflineCrawl) -> None:
    new = add_new(offline)
    offline.site.buried = True
    offline.save_all(new[:2])
    assert list_decisions(offline) == [None, None]
    _, losses = offline.crawl(new[2:])
    assert losses
    assert list_decisions(offline) == ["confirmed"] * 4


def test_new_releases_of_a_source_with_far_fewer_links_are_quarantined(
    offline: OfflineCrawl,
) -> None:
    outcomes, losses = offline.crawl(add_new(offline, 4, LISTING, links=4))
    assert (outcomes, [loss.reason_key for loss in losses]) == ([QUARANTINED] * 4, [LISTING])
    found = {accept_quarantined(offline.ingest, page, "accepted") for page in offline.pending()}
    assert found == {NEW}
    later = offline.paths[STORED + 4 : STORED + 6]
    offline.add_links(later, LISTING, links=4)
    assert offline.crawl(later)[0] == [NEW] * 2, "the number of links was accepted"


@pytest.mark.parametrize(
    ("links", "counts"),
    [
        pytest.param(None, (1, 1), id="a listing that begins again with one release"),
        pytest.param(2, (2, 10), id="a short listing"),
    ],
)
def test_single_new_release_of_a_short_listing_is_stored(
    offline: OfflineCrawl, links: int | None, counts: tuple[int, int]
) -> None:
    assert offline.crawl(add_new(offline, 1, LISTING, links))[1] == []
    assert offline.pending() == []
    frontier = offline.rows("select links, usual_links from frontier where url = ?", LISTING)
    assert frontier == [counts]


def test_taken_down_text_is_not_in_quarantine(offline: OfflineCrawl) -> None:
    for path in offline.paths[:2]:
        offline.edit(path, tags=("Hemligt ord",))
    hide_release(offline.archive, 1, offline.moment, reason="Begärt")
    offline.site.buried = True
    offline.crawl(offline.paths[:3])
    hide_release(offline.archive, 2, offline.moment, reason="Begärt")
    takedowns = offline.archive.takedowns
    offline.ingest.quarantine.redact_states(
        2, lambda state: takedowns.redact_for_display(2, state)[0]
    )
    assert (
        offline.rows("select release from quarantine where state like '%ord%' and release < 3")
        == []
    )
    assert offline.rows("select count(*) from quarantine") == [(3,)]


def test_first_releases_of_an_agency_are_stored(tmp_path: Path) -> None:
    with OfflineCrawl(tmp_path / "archive.db") as crawl:
        crawl.add_links(crawl.paths[:5])
        crawl.site.buried = True
        assert crawl.crawl(crawl.paths[:5]) == ([NEW] * 5, [])


def bury_leads(offline: OfflineCrawl, paths: list[str]) -> list[str]:
    """Lose the leads of all pages, in an archive of which no crawl has ended."""
    offline.write("delete from crawls")
    offline.site.buried = True
    return paths


def date_before_stored_releases(offline: OfflineCrawl, paths: list[str]) -> list[str]:
    offline.write("update frontier set listed = '1999-01-01'")
    for path in paths:
        offline.edit(path, lead="", stamp=to_stamp("reviewed", offline.moment, offline.moment, ()))
    return paths


def move_stored_releases(offline: OfflineCrawl, paths: list[str]) -> list[str]:
    moved = [path.replace("/nyheter/", "/arkiv/") for path in offline.paths[:4]]
    for path, target in zip(offline.paths[:4], moved, strict=True):
        offline.edit(path, path=target)
    offline.add_links(moved)
    return moved


@pytest.mark.parametrize("prepare", [bury_leads, date_before_stored_releases, move_stored_releases])
def test_old_or_moved_releases_are_not_quarantined(
    offline: OfflineCrawl, prepare: Callable[[OfflineCrawl, list[str]], list[str]]
) -> None:
    assert offline.crawl(prepare(offline, add_new(offline))) == ([NEW] * 4, [])


def test_title_shared_by_several_releases_is_suspicious(offline: OfflineCrawl) -> None:
    new = add_new(offline)
    for path in new:
        offline.edit(path, title="Nyheter från rådet")
    outcomes, losses = offline.crawl(new)
    assert outcomes == [NEW, *[QUARANTINED] * 3], "nothing is known of the first one's title"
    assert [loss.reason_key for loss in losses] == ["title"]


@pytest.mark.parametrize(
    ("published", "updated", "problem"),
    [
        pytest.param(timedelta(hours=20), None, "", id="within a day of clocks and time zones"),
        pytest.param(
            timedelta(days=3), None, ", after the page was fetched (", id="later than the fetch"
        ),
        pytest.param(timedelta(days=-9), timedelta(days=-300), "", id="a corrected date"),
        pytest.param(
            timedelta(days=-9),
            timedelta(days=-900),
            ", years after the page was updated (",
            id="years after the update",
        ),
        pytest.param(timedelta(days=-900), timedelta(days=-9), "", id="updated years later"),
    ],
)
def test_impossible_dates_are_suspicious_on_any_page(
    offline: OfflineCrawl, published: timedelta, updated: timedelta | None, problem: str
) -> None:
    moment = offline.moment
    dates = {
        "published": (moment + published).isoformat(),
        "updated": (moment + updated).isoformat() if updated else None,
    }
    (path,) = add_new(offline, 1)
    offline.write("delete from crawls")  # the first crawl of an agency has no habits
    result = offline.ingest.save(
        offline.parse(path, **dates), QuarantineCheck(offline.archive, SLUG)
    )
    assert problem in describe_reasons(list(result.reasons))
    assert (result.outcome is QUARANTINED) == bool(problem)
    for page in offline.pending():
        row = replace(page, reasons=[{"field": "published", "why": "missing"}])
        assert (page.has_page_reason, row.has_page_reason) == (True, False)


def test_doubtful_body_is_quarantined_until_it_is_accepted(offline: OfflineCrawl) -> None:
    (path,) = add_new(offline, 1)
    offline.write("delete from crawls")
    result = offline.ingest.save(
        offline.parse(path, doubt="is before the heading"), QuarantineCheck(offline.archive, SLUG)
    )
    assert (result.outcome, describe_reasons(list(result.reasons))) == (
        QUARANTINED,
        "body is before the heading",
    )
    review_quarantine(offline.ingest, SLUG)
    assert list_decisions(offline) == ["confirmed"]
    (diagnosis,) = diagnose_agencies(offline.path, [offline.agency])
    assert diagnosis.symptoms == {"body doubted": 1}
    assert [finding.field for finding in diagnosis.fields if finding.died and finding.new] == []


def test_symptoms_are_lost_fields_and_problems_of_the_page(offline: OfflineCrawl) -> None:
    assert PAGE_PROBLEMS.keys() == set(PAGE_REASONS)
    (path,) = add_new(offline, 1)
    offline.ingest.save(
        offline.parse(path, doubt="is before the heading"), QuarantineCheck(offline.archive, SLUG)
    )
    (page,) = offline.pending()
    reasons = [
        {"field": "lead", "why": "missing"},
        {"source": LISTING, "field": "source", "why": "few links"},
        {"field": "body", "why": "boilerplate"},
        {"field": "published", "why": "future"},
    ]
    assert list_symptoms(replace(page, reasons=reasons)) == {
        *("lead", LISTING, "body of lines that other releases have", "published in the future")
    }


FOOTER = "\n\n".join(
    f"Kontoret i distrikt {number} är öppet alla vardagar och har växel." for number in range(12)
)


def save_bodies(offline: OfflineCrawl, bodies: list[str]) -> list[str]:
    """Store releases with these bodies; return why they are suspicious."""
    check = QuarantineCheck(offline.archive, SLUG)
    paths = add_new(offline, len(bodies))
    results = [
        offline.ingest.save(offline.parse(path, body=body), check)
        for path, body in zip(paths, bodies, strict=True)
    ]
    review_quarantine(offline.ingest, SLUG)
    return [describe_reasons(list(result.reasons)) for result in results]


def test_bodies_of_lines_that_other_releases_have_are_suspicious(offline: OfflineCrawl) -> None:
    bodies = [f"Besked nummer {number}.\n\n{FOOTER}" for number in range(8)]
    found = save_bodies(offline, bodies)
    assert found[:5] == [""] * 5, "a line of a few releases is not repeated"
    assert all(
        "% of body are lines that other releases have too, such as 'Kontoret i" in reason
        for reason in found[5:]
    )
    assert list_decisions(offline) == ["confirmed"] * 3, "whatever the share of such pages"
    for page in offline.pending():
        accept_quarantined(offline.ingest, page, "accepted")
    check = QuarantineCheck(offline.archive, SLUG)
    assert check.accepted_losses == {}, "the agency's bodies are not short from now on"
    assert not list(check.find_repeated_lines("https://a.se/", {"body": bodies[0]}, None)), (
        "these lines were accepted"
    )


def test_short_closing_line_of_every_release_is_not_suspicious(offline: OfflineCrawl) -> None:
    texts = [
        f"Rådet anställer {number} personer. " + "Arbetet börjar i vår. " * number
        for number in range(40, 48)
    ]
    found = save_bodies(offline, [f"{text}\n\nPressjour: 08-123 45 67." for text in texts])
    assert found == [""] * 8


def test_only_lines_of_the_newest_pages_are_counted() -> None:
    known = RepeatedLines()
    for number in range(MAX_HABIT_RELEASES + 3):
        known.add(
            f"https://a.se/{number}", "Tidig rad." if number < MIN_LINE_PAGES + 2 else "Sen rad."
        )
    known.add("https://a.se/100", "Ny rad.")
    assert len(known.pages) == MAX_HABIT_RELEASES
    found = [known.find("https://a.se/", line) for line in ("Tidig rad.", "Sen rad.", "Ny rad.")]
    assert found == [
        [],
        ["Sen rad."],
        [],
    ]


def test_unchanged_pages_need_no_habits(offline: OfflineCrawl) -> None:
    check = QuarantineCheck(offline.archive, SLUG)
    for path in offline.paths[:3]:
        offline.ingest.save(offline.parse(path), check)
    assert "habits" not in vars(check)
    assert review_quarantine(offline.ingest, SLUG) == ([], {})
