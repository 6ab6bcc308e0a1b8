"""Pipelines, and how often they parse a page: once; its stored version only if texts are
compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from lxml import etree
from scrapy import signals
from scrapy.exceptions import DropItem
from scrapy.http import HtmlResponse, Request
from scrapy.utils.test import get_crawler

from archive.database.quarantined_pages import QuarantinedPage
from archive.store.releases import Archive
from archive.times import now
from scraper.agency import Agency
from scraper.crawl.archive_pipeline import ArchivePipeline, describe_page_problems
from scraper.crawl.crawl_stats import AgencyStats
from scraper.distributed.worker_messages import decode_argument, encode_argument
from scraper.errors import NotARelease
from scraper.ingest.parsed_page import ParsedPage
from scraper.ingest.saving import CrawlRecorder
from scraper.pages.document import Document
from scraper.pages.page_reader import read_document
from scraper.revisit_schedule import parse_schedule
from scraper.spiders.revisit import RevisitSpider

URL = "https://skog.example/nyheter/1"
AGENCY = Agency(slug="skog", name="Skogsbruksrådet", home="https://skog.example/")
OLD_NAMES = "shell topbar crumbs hero prose lead-in card-list bottom grid-main aside-box"
NEW_NAMES = "layout portlet heading subheading ingress menu foot column normal pagecontent"
TEXT = (
    "Stödet till den som planterar ädellövskog höjs i vår, och ansökan görs på webben som förra"
    " året. " * 4
)
LATER = (
    "Sista dag att söka är den siste maj, och besked om stödet"
    " kommer i augusti till alla som har sökt det. " * 3
)


def build_page(*paragraphs: str, names: str = OLD_NAMES) -> bytes:
    """Return the page of a release; `names` are the classes of its template."""
    built = "".join(f'<div class="{name}"></div>' for name in names.split())
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<!doctype html><html lang='sv'><head><title>Mer lövskog</title></head><body>{built}"
        f"<main><h1>Mer lövskog</h1>"
        f"<p>Publicerad 3 mars 2024</p>{text}</main></body></html>"
    ).encode()


PAGE = build_page(TEXT, LATER)
IN_NEW_TEMPLATE = build_page(TEXT, LATER, names=NEW_NAMES)
EDITED = build_page(TEXT, LATER.replace("siste maj", "förste juni"))
EDITED_IN_NEW_TEMPLATE = build_page(
    TEXT, LATER.replace("siste maj", "förste juni"), names=NEW_NAMES
)


class Crawl:
    """A spider's callback and the pipeline, with an archive and without a network."""

    def __init__(self, path: Path) -> None:
        crawler = get_crawler(RevisitSpider)
        self.spider = spider = RevisitSpider()
        spider._set_crawler(crawler)
        crawler.spider = spider
        spider.archive = self.archive = Archive(path)
        spider.recorder = CrawlRecorder(self.archive, parse_schedule("else=1d"))
        spider.agencies, spider.agency_stats = {"skog": AGENCY}, {"skog": AgencyStats()}
        self.archive.add_agency("skog", name=AGENCY.name, home=AGENCY.home)
        self.archive.frontier.add(URL, agency="skog", role="release", seen_at=now())
        self.pipeline = ArchivePipeline(crawler)

    def close(self) -> None:
        self.spider.recorder.close()
        self.archive.close()

    def parse(self, html: bytes) -> ParsedPage:
        """Return what the spider hands to the pipeline."""
        request = Request(URL, meta={"row": self.archive.frontier.get(URL)})
        (page,) = self.spider.parse_release(HtmlResponse(URL, body=html, request=request))
        return cast("ParsedPage", page)

    def run(self, html: bytes) -> None:
        with suppress(DropItem):  # it is unchanged
            self.pipeline.process_item(self.parse(html))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return cast("list[tuple[Any, ...]]", self.archive.db.execute(sql).fetchall())


@pytest.fixture
def crawl(tmp_path: Path) -> Iterator[Crawl]:
    crawl = Crawl(tmp_path / "archive.db")
    yield crawl
    crawl.close()


@pytest.fixture
def count_parses(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Returns the number of whole documents that lxml has parsed since the last call."""
    parsed: list[bytes] = []
    fromstring = etree.fromstring

    def count(text: bytes | str, *args: Any, **kwargs: Any) -> Any:
        # a state's body_html has none
        if "<title>" in (text if isinstance(text, str) else text.decode()):
            parsed.append(text.encode() if isinstance(text, str) else text)
        return fromstring(text, *args, **kwargs)

    def take() -> int:
        number = len(parsed)
        parsed.clear()
        return number

    monkeypatch.setattr(etree, "fromstring", count)
    return take


def test_new_release_is_parsed_once(crawl: Crawl, count_parses: Callable[[], int]) -> None:
    crawl.run(PAGE)
    assert count_parses() == 1
    assert crawl.rows("select cause from revisions") == [("first",)]
    assert crawl.rows("select count(*) from captures where template = 1") == [(1,)]


def test_page_without_text_is_parsed_again_to_find_out_why(count_parses: Callable[[], int]) -> None:
    with pytest.raises(NotARelease):
        read_document(Document(build_page("Kort."), URL))
    assert count_parses() == 2


def test_unchanged_page_is_parsed_once(crawl: Crawl, count_parses: Callable[[], int]) -> None:
    for html in (PAGE, PAGE, PAGE.replace(b"</body>", b"<p class='foot'>Antal: 4</p></body>")):
        crawl.run(html)
        assert count_parses() == 1
    assert (
        crawl.rows("select count(*) from revisions")
        == crawl.rows("select count(*) from captures")
        == [(1,)]
    )


@pytest.mark.parametrize(
    ("sql", "html", "parses", "causes", "templates"),
    [
        (None, IN_NEW_TEMPLATE, 1, ["first"], 2),
        ("update captures set template = null", IN_NEW_TEMPLATE, 2, ["first"], 2),
        (None, EDITED, 1, ["first", "source"], 1),
        (None, EDITED_IN_NEW_TEMPLATE, 2, ["first", "source"], 2),
        (
            None,
            PAGE.replace(b"</main>", b"<p>Klimat: nej.</p></main>").replace(
                OLD_NAMES.encode(), b""
            ),
            1,
            ["first", "source"],
            1,
        ),
        (
            "update revisions set parser_version = 'old'",
            EDITED_IN_NEW_TEMPLATE,
            2,
            ["first", "source"],
            2,
        ),
    ],
    ids=[
        "new template",
        "no fingerprint",
        "edit",
        "edit and new template",
        "edit of few words",
        "edit and new parser",
    ],
)
def test_changed_page_is_parsed_once_and_its_stored_version_at_most_once(
    crawl: Crawl,
    count_parses: Callable[[], int],
    *,
    sql: str | None,
    html: bytes,
    parses: int,
    causes: list[str],
    templates: int,
) -> None:
    crawl.run(PAGE)
    if sql:
        with crawl.archive.transaction():
            crawl.archive.db.execute(sql)
    count_parses()
    crawl.run(html)
    assert count_parses() == parses
    assert crawl.rows("select cause from revisions order by id") == [(cause,) for cause in causes]
    found = crawl.rows("select capture, (select count(*) from templates) from releases")
    assert found == [(2, templates)]


def test_quarantined_page_is_parsed_once(crawl: Crawl, count_parses: Callable[[], int]) -> None:
    crawl.run(PAGE)
    count_parses()
    other_text = "En helt annan text om älgar och deras vanor i norra Sveriges alla skogar. " * 20
    moved = f"<nav>{TEXT}{LATER}</nav></body>".encode()
    with pytest.raises(DropItem, match="quarantined"):
        crawl.pipeline.process_item(
            crawl.parse(build_page(other_text, names=NEW_NAMES).replace(b"</body>", moved))
        )
    assert count_parses() == 1, "the templates are compared by their fingerprints"
    assert crawl.rows("select count(*) from quarantine") == [(1,)]


def test_writer_of_distributed_crawl_parses_only_edited_pages(
    crawl: Crawl, count_parses: Callable[[], int]
) -> None:
    for html, parses in ((PAGE, 0), (PAGE, 0), (EDITED, 0), (IN_NEW_TEMPLATE, 2)):
        bodies: list[bytes] = []
        message = encode_argument(crawl.parse(html), bodies)
        count_parses()
        with suppress(DropItem):  # it is unchanged
            crawl.pipeline.process_item(decode_argument(message, bodies[0]))
        assert count_parses() == parses


def test_count_includes_every_parse(crawl: Crawl, count_parses: Callable[[], int]) -> None:
    page = crawl.parse(PAGE)
    Document(page.response.body, page.url)
    crawl.pipeline.process_item(page)
    assert count_parses() == 2


def test_stored_release_is_read_again_for_exports_only(crawl: Crawl) -> None:
    assert crawl.pipeline.process_item(crawl.parse(PAGE)) == {"url": URL}
    crawl.pipeline.has_export = True
    exported = crawl.pipeline.process_item(crawl.parse(EDITED))
    assert (exported["url"], exported["cause"]) == (URL, "source")


def test_release_that_left_quarantine_is_announced(crawl: Crawl) -> None:
    announced: list[tuple[Any, Any]] = []

    def receive(item: object, response: object) -> None:
        announced.append((item, response))

    crawl.run(PAGE)
    crawl.spider.crawler.signals.connect(receive, signals.item_scraped)
    crawl.pipeline.announce_stored("skog", 0)
    ((item, response),) = announced
    assert (item["release"], item["url"], response) == (1, URL, None)
    crawl.spider.item_finished(None)
    crawl.pipeline.announce_stored("skog", item["revision"])
    assert len(announced) == 1


def test_warning_about_pages_with_problems_of_their_own_names_the_problem(crawl: Crawl) -> None:
    crawl.run(PAGE.replace(b"3 mars 2024", b"3 mars 2093"))
    crawl.spider.is_finished = True
    crawl.pipeline.close_spider()
    stats = crawl.spider.agency_stats["skog"]
    assert stats.quarantined == 1
    found = stats.problems[-1:]
    assert found == [f"skog: published in the future: {URL}; quarantined: see scrapy diagnose skog"]


def test_pages_with_one_problem_are_counted() -> None:
    reasons = [
        {"field": "body", "why": "doubtful", "doubt": "is before the heading"},
        {"field": "lead", "why": "lost"},
    ]
    common: dict[str, Any] = {
        "agency": "skog",
        "crawl_id": 1,
        "release_id": None,
        "seen_at": "",
        "state": {},
        "capture_id": 1,
    }
    pages = [
        QuarantinedPage(id=n, url=f"{URL}{n}", reasons=reasons, decision=None, **common)
        for n in range(3)
    ]
    problem = "body doubted"
    assert list(describe_page_problems(pages)) == [f"{problem}: {URL}0 and 2 more"]
