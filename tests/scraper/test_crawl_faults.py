"""A crawl among faults: bad pages, dead hosts, wrong settings. Each is named and counted, and spoils nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.scraper.crawling import Crawling
from tests.site import Site

UNREADABLE = """<html lang="sv"><body><main><article><h1>Fler älgar räknade i år</h1>
<p>Publicerad: 35 mars 2024</p><p>Räkningen gjordes i mars av tvåhundra frivilliga, som gick tre mil var.</p>
</article></main></body></html>"""
ERROR_PAGE = "<html><body><h1>Sidan kunde inte hittas</h1><p>Fel 404.</p></body></html>"


@pytest.mark.parametrize(("body", "field"), [(ERROR_PAGE, "page: "), (UNREADABLE, "published: 'Publicerad: 35 mars")])
def test_a_page_that_cannot_be_read_is_refused_and_named(crawling: Crawling, body: str, field: str) -> None:
    url = next(iter(crawling.site.truth))
    crawling.site.break_(url, body=body)
    code, printed = crawling.run()
    assert code == 0, printed
    assert f"{url}: {field}" in printed
    ((state, problem),) = crawling.rows("select state, problem from frontier where url = ?", url)
    assert state == "rejected"
    assert problem.startswith(f"{url}: {field}")
    assert crawling.rows("select sum(rejected), sum(new) from crawls") == [(1, 23)]
    assert f"{url}: {field}" in json.dumps(crawling.rows("select problems from crawls"), ensure_ascii=False)


def test_broken_letters_are_named_and_the_release_is_kept(crawling: Crawling) -> None:
    url = next(iter(crawling.site.truth))
    crawling.site.edit(url, {"title": "FÃ¶r Ã…re", "lead": "Beslutet om f\ufffdrskolan."})
    code, printed = crawling.run()
    assert code == 0, printed
    told = f"{url}: lead: has broken letters: 'Beslutet om f\ufffdrskolan.'"
    assert printed.count(told) == 1
    assert crawling.rows("select title, lead from releases where url = ?", url) == [
        ("För Åre", "Beslutet om f\ufffdrskolan.")
    ]
    problems = crawling.rows("select sum(rejected), sum(errors), group_concat(problems, '') from crawls")
    assert (problems[0][:2], told in problems[0][2]) == ((0, 0), True)
    _, printed = crawling.run()
    assert told not in printed  # it stands as it was kept


def test_a_server_error_is_counted_and_tried_again_later(crawling: Crawling) -> None:
    url = next(iter(crawling.site.truth))
    crawling.site.break_(url, status=500)
    code, printed = crawling.run()
    assert code == 1, printed
    assert crawling.rows("select state, tries from frontier where url = ?", url) == [("failed", 1)]
    assert f"{url}: answered 500" in printed


def test_a_host_that_does_not_answer_spoils_nothing_else(crawling: Crawling) -> None:
    nowhere = '[borta]\nname = "Borta"\nhome = "http://borta.invalid/"\nfeeds = ["http://borta.invalid/feed"]\n'
    crawling.agencies.write_text(crawling.agencies.read_text("utf-8") + nowhere, "utf-8")
    code, printed = crawling.run()
    assert code == 1, printed
    assert "http://borta.invalid/feed: " in printed
    assert crawling.rows("select errors from crawls where agency = 'borta'") == [(1,)]
    assert crawling.rows("select count(*) from releases") == [(24,)]


def test_a_site_without_robots_txt_is_read(crawling: Crawling) -> None:
    crawling.site.break_(crawling.site.url("hushallsmyndigheten", "/robots.txt"), status=404)
    code, printed = crawling.run("news", "-a", "agency=hushallsmyndigheten")
    assert code == 0, printed
    assert crawling.rows("select errors, new > 0 from crawls") == [(0, 1)]


def test_a_second_crawl_beside_the_first_is_kept_out(tmp_path: Path) -> None:
    with Site(releases=24, crawl_delay=0.5) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        with crawling.start() as process:
            while not site.counts.total:
                time.sleep(0.02)
            code, printed = crawling.run()
            process.kill()
            process.communicate()
    assert code == 0  # nothing failed, and nothing was left undone that nobody does
    assert printed.count("is already being crawled") == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AGENCIES": "/nowhere.toml"}, "/nowhere.toml: no such file"),
        ({"ARCHIVE": "/nowhere/archive.db"}, "/nowhere/archive.db"),
        ({"CONTACT": "", "AGENCIES": ""}, "CONTACT must be set"),
    ],
)
def test_a_wrong_setting_ends_with_2_and_a_sentence(crawling: Crawling, change: dict[str, str], message: str) -> None:
    code, printed = crawling.run(**change)
    assert code == 2, printed
    assert message in printed
    assert "Traceback" not in printed
    assert not crawling.archive.exists()


def test_wrong_arguments_end_with_2_and_a_sentence(crawling: Crawling) -> None:
    code, printed = crawling.run("news", "-a", "since=soon")
    assert (code, "'soon' is not a date" in printed) == (2, True), printed
    code, printed = crawling.run("news", "-a", "agency=nobody")
    assert (code, "[nobody] is not in the list" in printed) == (2, True), printed
    code, printed = crawling.run("olds")
    assert (code, "Spider not found" in printed) == (2, True), printed


def test_pages_that_share_a_canonical_address_by_a_slip_are_all_kept(crawling: Crawling) -> None:
    urls = [url for url in crawling.site.truth if "//lasframjandenamnden." in url][:3]
    for number, url in enumerate(urls):
        page = UNREADABLE.replace("<body>", '<link rel="canonical" href="/nyhet/mall/"><body>')
        body = page.replace("35 mars", "15 mars").replace("Fler älgar", f"{number} älgar")
        crawling.site.break_(url, body=body)
    code, printed = crawling.run()
    assert code == 0, printed
    assert crawling.rows("select count(*), count(distinct url) from releases") == [(24, 24)]
    assert crawling.rows("select count(*) from revisions where cause <> 'first'") == [(0,)]


def test_a_release_that_redirects_to_its_listing_is_refused(crawling: Crawling) -> None:
    url = next(url for url in crawling.site.truth if "//skogsbruksradet." in url)
    listing = crawling.site.agencies["skogsbruksradet"].paths.listing
    crawling.site.break_(url, status=302, headers={"Location": listing})
    code, printed = crawling.run()
    assert code == 0, printed
    assert f"{url}: page: redirected to a page that is not a release" in printed
    assert crawling.rows("select count(*) from releases where url like '%' || ?", listing) == [(0,)]


def list_page(crawling: Crawling, pager: str, *paths: str) -> str:
    """A listing with some of the agency's releases, and a pager."""
    items = "".join(f'<li><a href="{path}">En nyhet</a></li>' for path in paths)
    return f"<html><body><main><h1>Nyheter</h1><ul>{items}</ul><div class=pager>{pager}</div></main></body></html>"


@pytest.mark.parametrize(
    ("pager", "last", "state"),
    [
        ('<a href="/arkiv/sida/2">»</a>', {"body": None}, "done"),
        ('<a rel="next" href="/arkiv/sida/2">Nästa</a>', {"status": 404}, "done"),
        (
            '<a href="/arkiv/sida/1">1</a> <a href="/arkiv/sida/2">2</a> <a href="/arkiv/sida/2">»</a>',
            {"body": None},
            "failed",
        ),
        ('<a href="/arkiv/sida/2">»</a>', {"body": "<title>Access denied</title><h1>Access denied</h1>"}, "failed"),
        ('<a href="/arkiv/sida/2">»</a>', {"status": 500}, "failed"),
    ],
)
@pytest.mark.parametrize("spider", ["news", "audit"])
def test_a_pagers_last_link_may_lead_past_the_end(
    crawling: Crawling, pager: str, last: dict[str, object], state: str, spider: str
) -> None:
    slug = "skogsbruksradet"
    agency = crawling.site.agencies[slug]
    paths = [path for path in agency.releases if path.startswith("/nyheter/")][:3]
    listing = crawling.site.url(slug, agency.paths.listing)
    crawling.site.break_(listing, body=list_page(crawling, pager, *paths))
    body = list_page(crawling, '<a href="/arkiv/sida/3">»</a>')
    crawling.site.break_(crawling.site.url(slug, "/arkiv/sida/2"), **{**last, "body": last.get("body") or body})
    code, printed = crawling.run(spider, "-a", f"agency={slug}")
    assert (code, "lists nothing" in printed) == ((0, False) if state == "done" else (1, "body" in last)), printed
    if spider == "audit":
        rows = crawling.rows("select min(complete) from coverage where source = ?", listing)
        assert rows == [(int(state == "done"),)]
    else:
        assert crawling.rows("select count(*) from frontier where state = 'failed'") == [(int(state == "failed"),)]
        assert crawling.rows("select errors from crawls") == [(int(state == "failed"),)]
