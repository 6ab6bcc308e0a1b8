"""scrapy crawl past: what web archives captured becomes versions that are theirs, not ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from archive.evidence.verification import verify
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from scraper.errors import AgencyError
from scraper.spiders.past import PastSpider
from tests.archive.sample import Site, served
from tests.archive.sample_evidence import read_bundle, read_guide
from tests.scraper.crawling import SLUG, Crawling
from tests.site.web_archive import DIALECTS, WebArchive

FIRST = datetime(2021, 5, 3, 8, 15, tzinfo=UTC)
YEAR = timedelta(days=365)
OUR_OWN = (  # what no capture of others may change
    "select count(*) from revisions where cause <> 'import'",
    "select count(*) from revisions where is_edit",
    "select group_concat(coalesce(first_seen, '-') || checks || coalesce(capture, '-'))"
    " from releases where first_seen is not null",
    "select count(*) from captures where observer is null",
    "select agency, state, reason, facts from health order by 1",
    "select count(*), sum(requests) from crawls",
    "select count(*) from quarantine",
    "select count(*) from changefeed where ifnull(revision, 0) not in"
    " (select id from revisions where cause = 'import')",
)


@dataclass
class Past:
    """A crawled site, and a web archive of its pages."""

    crawl: Crawling
    web_archive: WebArchive

    def capture(self, moment: datetime, url: str, **changes: object) -> None:
        """Let the web archive capture a page of the site as it would be after some changes."""
        site = self.crawl.site
        agency, path = site.locate(url)
        held = agency.releases[path]
        site.edit(url, changes, noted=False)
        body = agency.answer(path, "", url.removesuffix(path)).make()
        agency.releases[path] = held
        self.web_archive.capture(moment, url, body)

    def read(self, *arguments: str, code: int = 0, **settings: str) -> str:
        words = [f"source={self.web_archive.address} Museet", f"agency={SLUG}", *arguments]
        arguments = tuple(word for each in words for word in ("-a", each))
        found, printed = self.crawl.run("past", *arguments, **settings)
        assert (found, "Traceback" in printed) == (code, False), printed
        return printed

    def versions(self, url: str) -> list[tuple[object, ...]]:
        return self.crawl.rows(
            "select v.cause, v.parser_version, v.title, (select group_concat(substr(seen, 1, 10))"
            " from observations where revision = v.id) from revisions v"
            " join releases r on r.id = v.release where r.url = ? order by v.id",
            url,
        )

    def edits(self) -> list[tuple[object, ...]]:
        return self.crawl.rows(
            "select substr(after, 1, 10), substr(seen, 1, 10), paragraphs is null, summary_en"
            " from past_edits where is_edit order by seen"
        )

    def ours(self) -> list[list[tuple[object, ...]]]:
        return [self.crawl.rows(sql) for sql in OUR_OWN]


@pytest.fixture
def past(crawled_site: Crawling) -> Past:
    web_archive = WebArchive()
    crawled_site.site.web_archives[web_archive.host] = web_archive
    return Past(crawled_site, web_archive)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_captures_become_versions_in_order_of_time(past: Past, dialect: str) -> None:
    past.web_archive.dialect = dialect
    one, other, *_ = past.crawl.urls()
    title = past.crawl.site.truth[one].title
    past.capture(FIRST + YEAR, one, title=f"{title} igen och igen")
    past.capture(FIRST, one, title=f"{title} som förr")
    past.capture(FIRST + 2 * YEAR, one)
    past.capture(FIRST, other)
    past.web_archive.capture(FIRST, f"{one}-flyttad", b"", status=302)
    before = past.ours()
    printed = past.read()
    assert past.versions(one) == [
        ("first", *past.versions(one)[0][1:3], "2023-05-03"),
        ("import", "past/Museet", f"{title} som förr", "2021-05-03"),
        ("import", "past/Museet", f"{title} igen och igen", "2022-05-03"),
    ], printed
    assert [(row[0], row[3]) for row in past.versions(other)] == [("first", "2021-05-03")]
    days = ["2021-05-03", "2022-05-03", "2023-05-03"]
    assert [row[:3] for row in past.edits()] == [(*days[:2], 1), (*days[1:], 1)]
    assert "2 revised, 2 unchanged" in printed
    assert past.ours() == before
    assert [*verify(past.crawl.archive).findings] == []


def test_another_crawl_asks_for_nothing_again(past: Past) -> None:
    one, *_ = past.crawl.urls()
    for number in range(6):  # of the same bytes, those in the middle are not requested
        past.capture(FIRST + number * timedelta(days=9), one)
    past.read()
    log = past.crawl.site.log = []
    past.read()
    assert [each for each in log if "robots" not in each.path] == []
    past.crawl.write("update frontier set fetched = '2026-01-01' where role = 'captures'")
    past.capture(FIRST + YEAR, one, title="En rubrik som kom senare")
    past.read()
    assert sum("id_/" in each.path for each in log) == 1
    seen = [row[3] for row in past.versions(one)]
    assert seen == [None, "2022-05-03", "2021-05-03,2021-06-17"]


def test_a_version_between_captures_of_another_is_put_there(past: Past) -> None:
    """Whatever order the captures are found in."""
    one, *_ = past.crawl.urls()
    past.capture(FIRST, one, title="En helt annan rubrik")
    past.capture(FIRST + 2 * YEAR, one, title="En helt annan rubrik")
    past.capture(FIRST + 3 * YEAR, one)
    past.read()
    past.crawl.write("update frontier set fetched = '2026-01-01' where role = 'captures'")
    past.capture(FIRST + YEAR, one, title="En rubrik däremellan")
    past.capture(FIRST + YEAR * 4, one, title="En rubrik på slutet")
    past.read()
    assert sorted((row[3], row[2]) for row in past.versions(one) if row[3]) == [
        ("2021-05-03", "En helt annan rubrik"),
        ("2022-05-03", "En rubrik däremellan"),
        ("2023-05-03", "En helt annan rubrik"),
        ("2024-05-02", past.crawl.site.truth[one].title),
        ("2025-05-02", "En rubrik på slutet"),
    ]
    steps = [row[:2] for row in past.edits()]
    days = ["2021-05-03", "2022-05-03", "2023-05-03", "2024-05-02", "2025-05-02"]
    assert steps[:-1] == list(pairwise(days))
    assert steps[-1][0] == days[-1], "and what the archive read first"


def test_what_is_no_evidence_is_not_stored(past: Past) -> None:
    one, other, third, *_ = past.crawl.urls()
    past.capture(FIRST, one, title="En annan rubrik")
    past.capture(FIRST + YEAR, one, title="En tredje rubrik")
    past.web_archive.missing.add("20210503081500")
    past.web_archive.capture(
        FIRST + YEAR, other, b"<html><title>404</title><h1>Sidan finns inte</h1>"
    )
    past.web_archive.capture(
        FIRST + YEAR, third, f"<p><a href='{past.web_archive.address}2021/{one}'>".encode()
    )
    printed = past.read()
    assert [row[3] for row in past.versions(one)] == [None, "2022-05-03"]
    assert [len(past.versions(url)) for url in (other, third)] == [1, 1]
    for count in ("1 revised", "1 of another time", "1 no release", "1 rewritten"):
        assert count in printed, printed
    past.web_archive.banner = True
    past.capture(FIRST + 3 * YEAR, one, title="En fjärde rubrik")
    past.crawl.write("update frontier set fetched = '2026-01-01' where role = 'captures'")
    assert "1 rewritten" in past.read()


def test_a_release_that_is_gone_is_known_from_its_captures(past: Past) -> None:
    """If its address fits the pattern of the agency."""
    one, *_ = past.crawl.urls()
    gone, lost = f"{one}-borttaget", one.replace("/nyheter/", "/annat/")
    past.capture(FIRST, one, title="En rubrik som har funnits")
    for url in (gone, lost):
        past.web_archive.capture(FIRST, url, past.web_archive.captures[0].body)
    past.web_archive.captures.pop(0)
    table = past.crawl.agencies.read_text("utf-8")
    past.crawl.agencies.write_text(re.sub("(?m)^releases = .*", "", table), "utf-8")
    past.read()
    assert past.versions(gone) == []
    past.crawl.add_to_table('releases = "^/nyheter/."')
    past.crawl.write("update frontier set fetched = '2026-01-01' where role = 'captures'")
    past.read()
    assert past.versions(gone)[0][:2] == ("import", "past/Museet")
    assert past.versions(lost) == []
    row = "select first_seen, capture, checks from releases where url = ?"
    assert past.crawl.rows(row, gone) == [(None, None, 0)]
    state = "select role, state, release is null from frontier where url = ?"
    assert past.crawl.rows(state, gone) == [("release", "stored", 0)]
    assert past.crawl.scrapy("reparse")[0] == 0
    assert len(past.versions(gone)) == 1
    assert [*verify(past.crawl.archive).findings] == []


def test_what_the_archive_reads_first_is_compared_with_the_last_capture(past: Past) -> None:
    """Also if the release was known from the web archive alone until then."""
    site, (url, *_) = past.crawl.site, past.crawl.urls()
    new = site.publish(replace(site.truth[url], title="En rubrik om skog och vatten"))
    past.capture(FIRST, new, title="En rubrik om skog utan vatten")
    past.read()
    assert [row[0] for row in past.versions(new)] == ["import"]
    with Archive(past.crawl.archive) as archive:
        stored = archive.get(new)
        assert stored is not None
        assert (stored.captured_url, bool(stored.sha256)) == (None, True)
    code, printed = past.crawl.run("refetch", "-a", f"url={new}")
    assert code == 0, printed
    assert [row[0] for row in past.versions(new)] == ["import", "first"]
    ((after, _, is_whole, summary),) = past.edits()
    assert (after, is_whole, "1 word" in str(summary)) == ("2021-05-03", 1, True), summary
    assert past.crawl.rows("select count(*) from revisions where is_edit") == [(0,)]


def test_a_release_that_is_taken_down_is_left_out(past: Past) -> None:
    one, other, *_ = past.crawl.urls()
    past.capture(FIRST, one, title="En rubrik som inte får visas")
    past.read()
    past.capture(FIRST, other, title="En rubrik som inte får visas")
    past.crawl.write("update frontier set fetched = '2026-01-01' where role = 'captures'")
    ids = dict(past.crawl.rows("select url, id from releases"))
    with Archive(past.crawl.archive) as archive:
        for url in (one, other):
            hide_release(archive, ids[url], datetime.now(UTC), reason="Skäl")
    past.read()
    assert len(past.versions(other)) == 1
    assert past.crawl.rows(
        "select v.title, p.summary from past_edits p join revisions v on v.id = p.previous"
    ) == [("█████", "Ingen ändring")]
    assert b"inte f\xc3\xa5r visas" not in past.crawl.archive.read_bytes()


@pytest.mark.parametrize(
    ("settings", "robots", "words"),
    [
        ({"PAST_BUDGET": "2"}, "", "the 2 requests of this day are used up (PAST_BUDGET)"),
        (
            {},
            "User-agent: *\nDisallow: /past/\n",
            "a later crawl continues with the pages at this host",
        ),
    ],
)
def test_limits(past: Past, settings: dict[str, str], robots: str, words: str) -> None:
    past.web_archive.robots = robots
    for url in past.crawl.urls()[:3]:
        past.capture(FIRST, url, title="En annan rubrik")
    log = past.crawl.site.log = []
    printed = past.read(code=1 if robots else 0, **settings)
    assert words in printed
    asked = [each for each in log if "robots" not in each.path]
    assert len(asked) == (0 if robots else 2)
    if not robots:
        past.read(PAST_BUDGET="100")
        assert len([each for each in log if "id_/" in each.path]) == 3


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_busy_web_archive_is_left_alone(past: Past, status: int) -> None:
    """Also one that refuses the crawl: no capture counts as read."""
    one, *_ = past.crawl.urls()
    for number in range(8):
        past.capture(FIRST + number * YEAR / 9, one, title=f"Rubrik nummer {number}")
    past.web_archive.dialect = "pywb"
    for each in past.web_archive.captures:
        url = f"{past.web_archive.address}{each.timestamp}id_/{each.url}"
        past.crawl.site.break_(url, status=status)
    printed = past.read(code=1)
    assert "arkiv.example is paused until" in printed
    states = dict(
        past.crawl.rows("select state, count(*) from frontier where role = 'capture' group by 1")
    )
    assert states == {"failed": 5, "due": 3}
    past.crawl.site.mend()
    past.crawl.write("update hosts set paused_until = null")
    past.crawl.write("update frontier set next_due = '2026-01-01' where state = 'failed'")
    assert "8 revised" in past.read()


def test_an_index_that_is_refused_is_no_missing_index(past: Past) -> None:
    past.crawl.site.break_("arkiv.example/*", status=403)
    past.read(code=1)
    assert set(past.crawl.rows("select role, state from frontier where role like 'capture%'")) == {
        ("captures", "failed")
    }


def test_nothing_is_looked_up_for_a_paused_web_archive(past: Past) -> None:
    one, *_ = past.crawl.urls()
    for number in range(3):
        past.capture(FIRST + number * YEAR, one, title=f"Rubrik nummer {number}")
    past.read(PAST_BUDGET="2")  # two indexes
    source = {"agency": SLUG, "source": f"{past.web_archive.address} Museet"}
    with past.crawl.open_spider(PastSpider, source) as spider:
        spider.prepare()
        assert [row.role for row in spider.next_rows(SLUG, 1)] == ["capture"]
        spider.deferred_hosts[SLUG].add(past.web_archive.host)
        assert [*spider.next_rows(SLUG, 1)] == []
        assert spider.skipped_urls == set()


OTHER_ROW = """
    insert into frontier (url, agency, role, state, first_seen, source)
    values ('http://annat.example/{0}', '{1}', '{0}', 'due', '2020-01-01', 'http://annat.example/')
"""


def test_rows_of_another_web_archive_stop_nothing(past: Past) -> None:
    """Such as one that the key `past` had before."""
    for role in ("captures", "capture"):
        past.crawl.write(OTHER_ROW.format(role, SLUG))
    one, *_ = past.crawl.urls()
    past.capture(FIRST, one, title="En rubrik som förr")
    past.read()
    past.crawl.write("update frontier set fetched = '2026-01-01' where role = 'captures'")
    past.capture(FIRST + YEAR, one, title="En rubrik som kom senare")
    past.read()
    assert [row[3] for row in past.versions(one)] == [None, "2021-05-03", "2022-05-03"]
    other = "select role, state from frontier where source like '%annat%' order by 1"
    assert past.crawl.rows(other) == [("capture", "due"), ("captures", "due")]


def test_an_index_is_read_again_once_all_its_captures_have_been_requested(past: Past) -> None:
    """Whether or not they could be read: one may fail for ever."""
    one, other, *_ = past.crawl.urls()
    past.capture(FIRST, one, title="En rubrik som förr")
    past.capture(FIRST, other, title="En rubrik som förr")
    past.crawl.site.break_(f"{past.web_archive.address}20210503081500id_/{one}", status=500)
    is_old = "update frontier set fetched = '2026-01-01', next_due = '2026-01-01' where role = '{}'"
    log = past.crawl.site.log = []
    past.read(code=1, PAST_BUDGET="3")  # two indexes, and the capture that fails
    for indexes in (2, 4):
        for role in ("captures", "capture"):
            past.crawl.write(is_old.format(role))
        past.read(code=1, PAST_BUDGET="100")
        assert sum("/cdx" in each.path for each in log) == indexes
    assert len(past.versions(other)) == 2


def test_a_captured_redirect_is_not_the_page_to_which_it_leads(past: Past) -> None:
    """A TimeMap does not say which captures are redirects."""
    one, other, *_ = past.crawl.urls()
    past.web_archive.dialect = "timemap"
    past.capture(FIRST, other, title="En helt annan rubrik")
    target = f"{past.web_archive.address}20210503081500id_/{other}"
    past.web_archive.capture(FIRST, one, b"", status=302, location=target)
    printed = past.read()
    assert ("1 revised" in printed, "1 of another page" in printed) == (True, True), printed
    assert [len(past.versions(url)) for url in (one, other)] == [1, 2]


@pytest.mark.parametrize("dated", ["", "Mon, 03 May 99999999999999999999 08:15:00 GMT"])
def test_a_capture_without_a_time_is_not_stored(past: Past, dated: str) -> None:
    one, *_ = past.crawl.urls()
    past.capture(FIRST, one, title="En helt annan rubrik")
    past.web_archive.dated = dated or "i går"
    assert "1 of another time" in past.read()
    assert len(past.versions(one)) == 1


def test_an_index_that_is_too_long_is_split(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """By year, then by month; what a month has beyond that is told."""
    monkeypatch.setattr("scraper.spiders.past.MAX_INDEX_LINES", 2)
    one, *_ = past.crawl.urls()
    day = YEAR / 365
    days = [0 * day, 40 * day, 80 * day, YEAR, YEAR * 2, YEAR * 2 + day, YEAR * 2 + 2 * day]
    for number, after in enumerate(days[:4]):
        past.capture(FIRST + after, one, title=f"Rubrik nummer {number}")
    assert "4 revised" in past.read()
    for number, after in enumerate(days[4:]):
        past.capture(FIRST + after, one, title=f"Rubrik nummer 1{number}")
    past.crawl.write("update frontier set fetched = '2026-01-01' where role = 'captures'")
    printed = past.read(code=1)
    assert ("2 revised" in printed, "the rest is not known" in printed) == (True, True), printed


@pytest.mark.parametrize(
    "source",
    ["arkiv.example", "ftp://arkiv.example/", "https://"],
)
def test_a_source_is_an_address(past: Past, source: str) -> None:
    with (
        pytest.raises(AgencyError, match="source"),
        past.crawl.open_spider(PastSpider, {"source": source}),
    ):
        pass


@pytest.fixture
def read_past(past: Past) -> Past:
    one, *_ = past.crawl.urls()
    past.capture(FIRST, one, title=f"{past.crawl.site.truth[one].title} som förr")
    past.read()
    return past


async def test_each_version_names_its_source(read_past: Past) -> None:
    past, one = read_past, read_past.crawl.urls()[0]
    ((release, first, captured),) = past.crawl.rows(
        "select v.release, min(v.id), max(v.id) from revisions v join releases r on r.id ="
        " v.release where r.url = ? group by 1",
        one,
    )
    with served(past.crawl.archive) as datasette:
        site = Site(datasette)
        page = await site.text(f"/archive/releases/{release}")
        assert "Sparat av Museet" in page
        assert ", då Museet sparade sidan, och" in page
        assert ", då arkivet först läste den." in page
        linked = (await site.get(f"/archive/releases/{release}")).text
        assert f"/-/diff/{captured}/{first}" in linked
        assert "amlingen Museet" not in page
        version = await site.text(f"/-/revision/{captured}")
        assert "Museet sparade den här versionen 3 maj 2021" in version
        diff = await site.text(f"/-/diff/{captured}/{first}")
        assert ", då Museet sparade sidan, och" in diff
        assert "Unannounced" not in diff
        past.crawl.write("update past_edits set is_edit = 0")
        diff = await site.text(f"/-/diff/{captured}/{first}")
        assert "går inte att säga om myndigheten har ändrat texten" in diff
        assert ("Betydelse" in diff, "Detta ändrades" in diff) == (False, False)
        past.crawl.write("update past_edits set is_edit = 1")
        cited = (await site.get(f"/-/cite/{captured}.txt")).text
        assert "Version sparad av Museet 3 maj 2021" in cited
        assert one in cited, "the agency's address"
        found = (await site.get("/-/edits.json?kind=past")).json()["edits"]
        assert [(row["kind"], row["collection"], row["revision"]) for row in found] == [
            ("past", "Museet", first)
        ]
        assert (await site.get("/-/edits.json")).json()["edits"] == []
        assert "Ändringar från tiden före arkivets egen insamling" in await site.text(
            "/-/edits?kind=past"
        )
        events = (await site.get(f"/-/history/{release}.json")).json()["events"]
        assert {row["collection"] for row in events} == {None, "Museet"}
        feed = (await site.get(f"/-/history/{release}.atom")).text
        assert "Sparat av Museet" in feed
        guide = read_guide(read_bundle(past.crawl.archive, captured), "sv")
        assert f"{past.web_archive.address}20210503081500id_/{one}" in guide
        assert "Första gången webbarkivet sparade versionen: 2021-05-03" in guide
