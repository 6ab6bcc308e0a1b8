"""From parsed pages to stored releases: edits, redesigns, moves, duplicate pages and imports."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from archive.database.models import Release
from archive.database.quarantined_pages import QuarantineReason
from archive.store.jsonl_import import import_file
from archive.store.releases import Archive, SaveResult
from archive.times import now
from scraper.ingest.parsed_page import FetchedPage
from scraper.ingest.saving import CrawlRecorder, accept_quarantined, accept_repaired
from scraper.revisit_schedule import parse_schedule
from tests.scraper.offline import SLUG, STORED, OfflineCrawl
from tests.site.agency import SampleAgency
from tests.site.compose import SLUGS

COUNT_SHORT_LEADS = "select count(*) from releases where length(coalesce(lead, '')) < 40"
COUNT_DECISIONS = "select decision, count(*) from quarantine group by 1"


@pytest.mark.parametrize("slug", SLUGS)
def test_new_template_is_no_edit(tmp_path: Path, slug: str) -> None:
    with OfflineCrawl(tmp_path / "archive.db", site=SampleAgency(slug, 6, None)) as crawl:
        paths = list(crawl.site.releases)
        crawl.add_links(paths)
        assert crawl.save_all(paths) == [SaveResult.NEW] * 6
        crawl.site.design = "modern"
        crawl.save_all(paths)
        assert crawl.rows("select count(*) from revisions where cause = 'source'") == [(0,)]


def test_new_parser_and_edit_are_separate_revisions(offline: OfflineCrawl) -> None:
    unchanged, edited = offline.paths[:2]
    offline.write("update revisions set parser_version = 'NewsPage 0', hash = 'old', lead = null")
    offline.write("update releases set hash = 'old', lead = null")
    offline.edit(edited, title="En helt ny rubrik om skog")
    assert offline.save_all([unchanged, edited]) == [SaveResult.REPARSED, SaveResult.REVISED]
    assert [offline.causes(path) for path in (unchanged, edited)] == [
        ["first", "parser"],
        ["first", "parser", "source"],
    ]
    ((changes,),) = offline.rows("select changes from revisions where cause = 'source'")
    assert ('"title"' in changes, '"lead"' in changes) == (True, False)


def test_edit_is_stored_though_the_bytes_before_it_are_lost(
    offline: OfflineCrawl, tmp_path: Path
) -> None:
    (tmp_path / "captures.db").unlink()
    path = offline.paths[0]
    with OfflineCrawl(offline.path, site=offline.site, new_captures=True) as crawl:
        crawl.edit(path, title="En helt ny rubrik om skog")
        assert crawl.save_all([path]) == [SaveResult.REVISED]
        releases = crawl.rows("select title from releases where url = ?", crawl.base + path)
        assert releases == [("En helt ny rubrik om skog",)]


def test_release_is_merged_with_its_copy_at_a_new_url(offline: OfflineCrawl) -> None:
    old, new = offline.paths[0], "/nyheter/flyttad-text"
    offline.edit(old, path=new)
    offline.add_links([new])
    assert offline.save_all([new]) == [SaveResult.NEW]  # a news crawl found it first
    old_id, new_id = (offline.archive.find_release_id(offline.base + path) for path in (old, new))
    assert old_id != new_id
    page = offline.parse(new)
    redirected = replace(page, url=offline.base + old, release_id=old_id)
    offline.ingest.save(redirected)
    assert offline.rows("select moved_to from releases where id = ?", old_id) == [(new_id,)]
    revisions = offline.rows("select previous is not null from revisions where release = ?", new_id)
    assert revisions == [(1,)]


def test_release_stored_under_a_wrong_canonical_url_makes_room_for_its_owner(
    offline: OfflineCrawl,
) -> None:
    wrong, own = "/nyheter/slarv", "/nyheter/mall"
    text, later_text, own_text = offline.paths[-3:]
    offline.site.aliases |= {wrong: text, own: own_text}
    offline.add_links([wrong])
    assert offline.save(wrong, url=offline.base + own) is SaveResult.NEW
    # the canonical URL is corrected, and the page has another text
    offline.site.aliases[wrong] = later_text
    assert offline.save(wrong, url=offline.base + wrong) is SaveResult.NEW
    first, second = (offline.archive.find_release_id(offline.base + path) for path in (own, wrong))
    assert first is not None
    assert offline.save(own, url=offline.base + own) is SaveResult.NEW
    third = offline.archive.find_release_id(offline.base + own)
    assert third not in (first, second)
    releases = offline.rows("select moved_to, url from releases where id = ?", first)
    assert releases == [(second, f"{offline.base}{wrong}#{first}")]
    assert offline.rows(
        "select count(*) from revisions where release in (?, ?, ?)", first, second, third
    ) == [(3,)]
    assert offline.save(own, url=offline.base + own) is SaveResult.UNCHANGED


def test_print_version_is_no_edit(offline: OfflineCrawl) -> None:
    path, print_path = offline.paths[0], "/utskrift.html"
    offline.site.aliases[print_path] = path
    offline.add_links([print_path])
    before = offline.states()
    body = f"{offline.parse(path).item.body}\n\nUtskriven på en tisdag."
    for _ in range(2):  # found, and known as the release's
        assert offline.save(print_path, body=body) is SaveResult.UNCHANGED
        assert offline.save_all([path]) == [SaveResult.UNCHANGED]
    assert offline.states() == before
    offline.edit(path, title="Ett nytt namn")
    assert offline.save(print_path, body=body) is SaveResult.UNCHANGED
    due = offline.archive.frontier.list_stale(offline.slug, offline.moment, 1000, timedelta(days=1))
    assert offline.base + path in due, "the release's own URL is requested next"
    assert offline.save_all([path]) == [SaveResult.REVISED]
    assert offline.causes(path) == ["first", "source"]


def test_imported_release_is_reparsed_without_an_edit(tmp_path: Path) -> None:
    with OfflineCrawl(tmp_path / "archive.db", site=SampleAgency(SLUGS[0], 3, None)) as crawl:
        first, second, third = crawl.paths
        release = crawl.site.releases[first]
        rows = (
            {
                "url": f"{crawl.base}{first}?utm_source=rss#top",
                "title": release.title,
                "body": f"{release.body}\n\nEn *annan* samlings rad.",
            },
            {"url": crawl.base + second, "title": "Bara en annan rubrik"},
        )
        (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
        assert import_file(crawl.archive, tmp_path / "a.jsonl", crawl.slug, crawl.moment).new == 2
        crawl.add_links(crawl.paths)  # as a news crawl does
        due = crawl.archive.frontier.list_due(crawl.slug, crawl.moment, 10, frozenset())
        assert [row.url for row in due] == [crawl.base + third]
        assert [crawl.causes(path) for path in (first, second)] == [["import"]] * 2
        for expected in (SaveResult.REPARSED, SaveResult.UNCHANGED):
            assert crawl.save_all([first, second]) == [expected] * 2
            assert [crawl.causes(path) for path in (first, second)] == [["import", "first"]] * 2
        assert crawl.rows("select count(*) from edits") == [(0,)]
        assert crawl.rows("select count(*) from removals") == [(0,)]


def test_missing_field_of_accepted_pages_is_no_longer_suspicious(offline: OfflineCrawl) -> None:
    new = offline.paths[STORED : STORED + 6]
    offline.add_links(new)
    offline.site.buried = True
    offline.crawl(new[:4])
    found = {accept_quarantined(offline.ingest, page, "accepted") for page in offline.pending()}
    assert found == {SaveResult.NEW}
    assert offline.pending() == []
    assert offline.rows(COUNT_SHORT_LEADS) == [(4,)]
    assert offline.crawl(new[4:])[0] == [SaveResult.NEW] * 2
    assert offline.crawl(offline.paths[:1])[0] == [SaveResult.REPARSED], (
        "a stored release without its lead"
    )


def test_dropped_pages_are_not_quarantined_again(offline: OfflineCrawl) -> None:
    before, new = offline.states(), offline.paths[STORED : STORED + 3]
    offline.add_links(new)
    offline.site.buried = True
    offline.crawl(new)
    for page in offline.pending():
        with offline.archive.transaction():
            offline.ingest.quarantine.decide(page.id, "dropped", now())
    offline.crawl(new)
    assert (offline.pending(), offline.states()) == ([], before)
    assert offline.rows(COUNT_DECISIONS) == [("dropped", 3)]


def test_pages_are_accepted_when_rules_are_repaired(offline: OfflineCrawl) -> None:
    before, new = offline.states(), offline.paths[STORED : STORED + 3]
    offline.add_links(new)
    offline.site.buried = True
    offline.crawl([*new, *offline.paths[:3]])
    assert accept_repaired(offline.ingest, SLUG) == {SaveResult.QUARANTINED: 6}, "by the same rules"
    offline.use_agency(replace(offline.agency, lead=".puff"))
    assert accept_repaired(offline.ingest, SLUG) == {SaveResult.NEW: 3, SaveResult.UNCHANGED: 3}
    assert offline.pending() == []
    assert offline.rows(COUNT_SHORT_LEADS) == [(0,)]
    assert offline.states()[:1] == before[:1]
    assert offline.rows("select count(*) from revisions where cause = 'source'") == [(0,)]
    assert accept_repaired(offline.ingest, SLUG) == {}


def test_pages_that_are_complete_again_are_superseded(offline: OfflineCrawl) -> None:
    for buried in (True, False):
        offline.site.buried = buried
        offline.crawl(offline.paths[:3])
    assert offline.pending() == []
    assert offline.rows(COUNT_DECISIONS) == [("superseded", 3)]


def accept_earlier(offline: OfflineCrawl, days: int, *reasons: QuarantineReason) -> None:
    """Add a page that was quarantined for these reasons and accepted some days ago."""
    with offline.archive.transaction():
        offline.ingest.quarantine.add(
            agency=SLUG,
            crawl_id=None,
            url="x",
            release_id=None,
            seen_at=offline.moment,
            state={},
            capture_id=1,
            reasons=reasons,
        )
        ((key,),) = offline.rows("select max(id) from quarantine")
        offline.ingest.quarantine.decide(key, "accepted", offline.moment - timedelta(days=days))


@pytest.mark.parametrize(
    ("days", "new", "stored"),
    [(3, SaveResult.QUARANTINED, SaveResult.QUARANTINED), (0, SaveResult.NEW, SaveResult.REVISED)],
    ids=["complete releases since", "none since"],
)
def test_field_loss_is_suspicious_again_after_complete_releases(
    offline: OfflineCrawl,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    new: SaveResult,
    stored: SaveResult,
) -> None:
    accept_earlier(
        offline, days, {"field": "body", "why": "short"}, {"field": "title", "why": "repeated"}
    )
    paths, namesakes = offline.paths[STORED : STORED + 2], offline.paths[STORED + 2 : STORED + 4]
    offline.add_links([*paths, *namesakes])
    parse = offline.parse

    def parse_short(path: str) -> object:
        item = parse(path).item
        return parse(path, body=(item.body or "")[:15], body_html=(item.body_html or "")[:15])

    monkeypatch.setattr(offline, "parse", parse_short)
    assert offline.save_all([*paths, *offline.paths[:2]]) == [new] * 2 + [stored] * 2
    monkeypatch.undo()
    for path in namesakes:
        offline.edit(path, title="Nyheter från rådet")
    assert offline.save_all(namesakes) == [SaveResult.NEW, new], (
        "the second title is another release's"
    )


@pytest.mark.parametrize(
    ("record_url", "status", "captures"), [(None, 410, 1), ("https://via.tt.se/json?x", None, 0)]
)
def test_evidence_of_an_empty_response(
    tmp_path: Path, record_url: str | None, status: int | None, captures: int
) -> None:
    url = "https://skog.example/nyheter/a"
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("skog", name="Skog", home="https://skog.example/")
        archive.save(
            Release(agency="skog", url=url, title="Skog", body="", body_html=""), seen_at=now()
        )
        recorder = CrawlRecorder(archive, parse_schedule("else=1d"))
        response = FetchedPage(
            url=url, fetched_at=now(), status=410, headers={}, body=b"", record_url=record_url
        )
        recorder.record_missing(url, 1, response, "gone")
        removals = list(archive.db.query("select kind, status from removals"))
        assert removals == [{"kind": "gone", "status": status}]
        assert archive.db.table("captures").count == captures
        recorder.close()


def remove(offline: OfflineCrawl, path: str, checks: int) -> None:
    """Let the agency remove a release, as found by this many checks, half a day apart."""
    url = offline.base + path
    release_id = offline.archive.find_release_id(url)
    assert release_id is not None
    for _ in range(checks):
        offline.moment += timedelta(hours=12)
        response = FetchedPage(
            url=url, fetched_at=offline.moment, status=404, headers={}, body=b"Saknas"
        )
        offline.recorder.record_missing(url, release_id, response, "gone")


@pytest.mark.parametrize("checks", [3, 1], ids=["confirmed", "found once"])
@pytest.mark.parametrize("is_repaired", [False, True], ids=["accepted by hand", "corrected rules"])
def test_accepting_a_page_does_not_end_a_later_removal(
    offline: OfflineCrawl, checks: int, is_repaired: bool
) -> None:
    path = offline.paths[0]
    offline.edit(path, title="En helt ny rubrik om skog")
    offline.site.buried = True
    offline.crawl([path, *offline.paths[1:4]])
    remove(offline, path, checks)
    removals = offline.rows("select * from removals")
    ((url, removed_at),) = offline.rows(
        "select url, removed_at from releases where url = ?", offline.base + path
    )
    if is_repaired:
        offline.use_agency(replace(offline.agency, lead=".puff"))
        assert accept_repaired(offline.ingest, SLUG)[SaveResult.REVISED] == 1
    else:
        accepted = [
            accept_quarantined(offline.ingest, page, "accepted") for page in offline.pending()
        ]
        assert accepted[0] is SaveResult.REVISED
    assert offline.pending() == []
    assert offline.rows("select * from removals") == removals
    releases = offline.rows("select title, removed_at from releases where url = ?", url)
    assert releases == [("En helt ny rubrik om skog", removed_at)]
    assert (removed_at is not None) == (checks == 3)
    assert offline.rows("select state from frontier where url = ?", url) == [("gone",)]


def test_accepting_a_page_ends_an_earlier_removal(offline: OfflineCrawl) -> None:
    path = offline.paths[0]
    remove(offline, path, 3)
    offline.site.buried = True
    offline.crawl([path, *offline.paths[1:4]])
    for page in offline.pending():
        accept_quarantined(offline.ingest, page, "accepted")
    assert offline.rows("select count(*) from removals where ended is null") == [(0,)]
    releases = offline.rows("select removed_at from releases where url = ?", offline.base + path)
    assert releases == [(None,)]


def test_accepting_a_page_does_not_overwrite_what_was_read_later(offline: OfflineCrawl) -> None:
    old, new = offline.paths[0], "/nyheter/flyttad-text"
    offline.edit(old, path=new)
    offline.site.aliases[old] = new
    offline.site.buried = True
    assert offline.save_all([old]) == [SaveResult.QUARANTINED]
    offline.site.buried = False
    offline.edit(new, title="En helt ny rubrik om skog")
    offline.add_links([new])
    assert offline.save(new) is SaveResult.NEW
    states = offline.states()
    accepted = [accept_quarantined(offline.ingest, page, "accepted") for page in offline.pending()]
    assert accepted == [SaveResult.QUARANTINED]
    assert offline.states() == states
