"""Looking again: edits are seen, what did not change costs a row, what is away is told without losing it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.scraper.crawling import SLUG, Crawling, first_url, make_due, revisit


def test_what_has_not_changed_costs_one_conditional_request_and_no_capture(held: Crawling) -> None:
    before = held.rows("select count(*) from captures")
    revisit(held)
    assert held.site.counts.statuses[304] == 24
    assert held.rows(
        "select sum(requests), sum(not_modified), sum(unchanged), sum(revised) from crawls where id > 4"
    ) == [(24, 24, 24, 0)]
    assert held.rows("select count(*) from captures") == before
    assert held.rows("select count(*), min(checks), max(checks) from releases where next_check > last_checked") == [
        (24, 1, 1)
    ]


def test_nothing_is_asked_before_it_is_due(held: Crawling) -> None:
    revisit(held)
    held.site.clear_counts()
    revisit(held)
    assert held.site.counts.total == 0


def test_a_silent_edit_and_a_dated_one_are_seen_and_told_apart(held: Crawling) -> None:
    urls = [url for url in sorted(held.site.truth) if f"//{SLUG}." in url][:2]
    for url, stamped in zip(urls, (False, True), strict=True):
        held.site.edit(url, {"lead": "Från och med den 1 juli gäller nya regler."}, stamped=stamped)
    revisit(held)
    found = {
        url: (cause, dated, weight > 0, capture is not None)
        for url, cause, dated, weight, capture in held.rows(
            "select r.url, v.cause, v.update_date_changed, v.importance, v.capture from revisions v"
            " join releases r on r.id = v.release"
            " where v.previous is not null"
        )
    }
    assert found == {urls[0]: ("source", 0, True, True), urls[1]: ("source", 1, True, True)}


def test_a_new_design_is_no_edit(held: Crawling) -> None:
    for slug in held.site.agencies:
        held.site.redesign(slug, "modern")
    revisit(held)
    assert held.rows("select count(*) from revisions where cause = 'source'") == [(0,)]
    assert held.site.counts.statuses[200] >= 24


def test_what_is_gone_is_a_doubt_first_and_keeps_its_text(held: Crawling) -> None:
    url = first_url(held)
    held.site.delete(url, 404)
    revisit(held)
    assert held.rows("select kind, status, checks, confirmed, capture > 0 from removals") == [("gone", 404, 1, None, 1)]
    assert held.rows("select removed_at, body <> '' from releases where url = ?", url) == [(None, 1)]
    assert held.rows("select sum(missing), sum(errors) from crawls where id > 4") == [(1, 0)]
    assert held.rows(
        "select julianday(next_check) - julianday(last_checked) between 0.3 and 0.4 from releases where url = ?", url
    ) == [(1,)]


def test_that_a_removed_release_is_still_missing_is_no_failure(held: Crawling) -> None:
    url = first_url(held)
    held.site.delete(url, 404)
    revisit(held)
    with closing(sqlite3.connect(held.archive)) as db, db:
        db.execute("update removals set confirmed = first_seen")
        db.execute("update releases set removed_at = last_checked where url = ?", [url])
    make_due(held)
    before = held.rows("select max(id) from crawls")[0][0]
    revisit(held)
    assert held.rows("select distinct failures from crawls where id > ?", before) == [("{}",)]
    assert held.rows("select sum(missing) from crawls where id > ?", before) == [(1,)]


def test_what_comes_back_with_304_is_no_longer_away(held: Crawling) -> None:
    url = first_url(held)
    release = held.site.delete(url, 404)
    revisit(held)
    held.site.restore(release)
    make_due(held)
    revisit(held)
    assert held.rows("select ended is not null, confirmed from removals") == [(1, None)]
    assert held.rows("select state from frontier where url = ?", url) == [("stored",)]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"soft_404": True}, "error page"),
        ({"status": 302, "headers": {"location": "/"}}, "redirected"),
        ({"body": "<title>Hoppsan</title><h1>Hoppsan</h1><p>Här var det tomt. Prova en annan väg in.</p>"}, "replaced"),
    ],
)
def test_what_stands_in_its_place_is_told(held: Crawling, fault: dict[str, object], kind: str) -> None:
    held.site.break_(first_url(held), **fault)
    revisit(held)
    assert held.rows("select kind, confirmed from removals") == [(kind, None)]
    assert held.rows("select count(*) from revisions where previous is not null") == [(0,)]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"reset": True},
        {"status": 403},
        {"status": 429},
        {"body": "<title>Just a moment...</title><h1>Verify you are human</h1><p>captcha</p>"},
    ],
)
def test_an_outage_is_no_removal_and_a_site_that_is_down_is_left_in_peace(
    held: Crawling, fault: dict[str, object]
) -> None:
    held.site.break_(f"{SLUG}/*", **fault)
    code, printed = held.run("revisit")
    assert code == 1, printed
    assert "seems to be down" in printed or held.rows("select errors from crawls where id > 4 order by agency")
    assert held.rows("select count(*) from removals") == [(0,)]
    assert held.rows("select count(*) from revisions where previous is not null") == [(0,)]
    asked = held.site.counts.hosts[f"{SLUG}.localhost"]
    assert asked < 12, "the site was asked on and on"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<title>Logga in</title><h1>Logga in</h1><form><input name=u><input type=password name=p></form>", "login"),
        (
            "<title>Driftstopp</title><h1>Driftstopp</h1><p>Webbplatsen är tillfälligt stängd för underhåll.</p>",
            "outage",
        ),
    ],
)
def test_a_redirect_to_a_login_or_an_outage_is_no_removal(held: Crawling, body: str, kind: str) -> None:
    url = first_url(held)
    held.site.break_(url, status=302, headers={"location": "/stopp?fran=1"})
    held.site.break_(held.site.url(SLUG, "/stopp?fran=1"), body=body)
    held.site.break_(held.site.url(SLUG, "/stopp"), body=body)
    code, printed = held.run("revisit")
    assert (code, f"(redirected to {held.site.url(SLUG, '/stopp?fran=1')})" in printed) == (1, True), printed
    assert held.rows("select count(*) from removals") == [(0,)]
    assert held.rows("select failures from crawls where id > 4 and errors > 0") == [(f'{{"{kind}": 1}}',)]


UNKNOWN_PLACEHOLDER = (
    "<title>En ny webb tar form</title><main><h1>En ny webb tar form</h1><p>Här växer något nytt fram. Under tiden når"
    " du oss på telefon och med brev, och våra kontor är öppna som vanligt på vardagar.</p></main>"
)


@pytest.mark.parametrize(
    "body", [UNKNOWN_PLACEHOLDER, UNKNOWN_PLACEHOLDER.replace("En ny webb tar form", "Vi bygger om")]
)
def test_one_page_for_a_whole_site_is_told_at_once_though_a_single_release_was_due(held: Crawling, body: str) -> None:
    held.write("update releases set next_check = '2099-01-01', last_checked = '2026-01-01T00:00:00+00:00'")
    url = first_url(held)
    held.write(f"update releases set next_check = '2026-01-01' where url = '{url}'")
    held.site.break_(f"{SLUG}/*", body=body)
    held.site.break_(held.site.url(SLUG, "/robots.txt"), status=404)
    code, printed = held.run("revisit")
    assert code == 0, printed
    assert held.rows("select distinct kind, confirmed from removals") == [("replaced", None)]
    assert held.rows("select count(*) from removals") == [(6,)], "five more were looked at"
    ((state, reason),) = held.rows("select state, reason from health where agency = ?", SLUG)
    assert state == "suspect"
    assert '"code": "pages_alike"' in reason
    # a new address with that page is no release either
    new = held.site.url(SLUG, "/nyheter/2026/2026-01-01-ny.5.0123456789abcdef.html")
    held.write(
        "insert into frontier (url, agency, role, state, first_seen) values"
        f" ('{new}', '{SLUG}', 'release', 'due', '2026-01-01T00:00:00+00:00')"
    )
    held.run("news", "-a", f"agency={SLUG}")
    assert held.rows("select state, release from frontier where url = ?", new) == [("rejected", None)]


def test_a_challenge_a_yellow_page_and_a_portal_are_no_removals(held: Crawling) -> None:
    urls = [url for (url,) in held.rows("select url from releases where agency = ? order by id", SLUG)][:4]
    yellow = "<title>Runtime Error</title><h1>Server Error in '/' Application.<hr></h1><h2><i>Runtime Error</i></h2>"
    held.site.break_(urls[0], body="<title>Just a moment...</title><script>window._cf_chl_opt={}</script>")
    held.site.break_(urls[1], body=yellow)
    held.site.break_(urls[2], status=302, headers={"location": "http://10.0.0.1/login"})
    held.site.break_(urls[3], headers={"cf-mitigated": "challenge"}, body=UNKNOWN_PLACEHOLDER)
    code, printed = held.run("revisit", "-a", f"agency={SLUG}")
    assert code == 1, printed
    assert held.rows("select count(*) from removals") == [(0,)]
    ((failures,),) = held.rows("select failures from crawls where id > 4")
    assert json.loads(failures) == {"block page": 2, "server error page": 1, "private network": 1}


def test_robots_that_forbid_are_told_and_are_no_removal(held: Crawling) -> None:
    held.site.forbid(SLUG)
    code, printed = held.run("revisit")
    assert code == 0, printed
    assert held.rows("select count(*) from removals") == [(0,)]
    ((problem,),) = held.rows("select problem from frontier where url = ?", first_url(held))
    assert "robots.txt" in problem


def test_a_moved_release_keeps_its_id_and_its_old_address_finds_it(held: Crawling) -> None:
    url = first_url(held)
    ((key,),) = held.rows("select id from releases where url = ?", url)
    new = held.site.move(url, urlsplit(url).path.replace("/20", "/arkiv/20", 1))
    revisit(held)
    assert held.rows("select id, removed_at from releases where url = ?", new) == [(key, None)]
    assert held.rows("select release from frontier where url in (?, ?)", url, new) == [(key,), (key,)]
    assert held.rows("select kind, target, moved_to from removals") == [("moved", new, key)]


def test_a_move_that_news_found_first_joins_the_histories(held: Crawling) -> None:
    url = first_url(held, "lasframjandenamnden")
    ((key,),) = held.rows("select id from releases where url = ?", url)
    new = held.site.move(url, "/nyhet/flyttad-text/")
    held.run()
    ((other,),) = held.rows("select id from releases where url = ?", new)
    make_due(held)
    revisit(held)
    assert other != key
    assert held.rows("select moved_to from releases where id = ?", key) == [(other,)]
    assert held.rows("select v.previous is not null from revisions v where v.release = ?", other) == [(1,)]


def test_the_budget_of_a_day_is_kept_over_several_revisits(held: Crawling) -> None:
    only = ("revisit", "-a", f"agency={SLUG}")
    _, printed = held.run(*only, REVISIT_BUDGET="4")
    assert "more releases are due than the 4 requests left" in printed
    held.run(*only, REVISIT_BUDGET="4")
    assert held.rows("select sum(requests) from crawls where spider = 'revisit'") == [(4,)]


def test_an_edit_is_seen_though_the_bytes_before_it_are_lost(held: Crawling) -> None:
    held.archive.with_name("captures.db").unlink()
    url = first_url(held)
    held.site.edit(url, {"title": "En helt ny rubrik om skog"})
    revisit(held, NEW_CAPTURES="True")
    assert held.rows("select title from releases where url = ?", url) == [("En helt ny rubrik om skog",)]


def test_a_304_to_a_condition_that_a_redirect_took_along_is_no_look(held: Crawling) -> None:
    url = first_url(held)
    held.site.delete(url, 302, to="/")
    held.write(f"update frontier set etag = null, last_modified = 'Sat, 01 Jan 2050 00:00:00 GMT' where url = '{url}'")
    revisit(held)
    assert held.rows("select kind from removals") == [("redirected",)]
