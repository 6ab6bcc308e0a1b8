"""Files that releases link to: fetched after their releases, with their texts and later changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive.database.captures import Captures
from archive.evidence.verification import verify
from tests.scraper.crawling import Crawling, make_due
from tests.site import files
from tests.site.plain import PDF, make_page
from tests.site.server import Site

SLUG, HOST = "arkiv", "arkivnamnden.localhost"
NAMES = ("beslut.pdf", "tabell.pdf", "borta.pdf", "sida.pdf", "stor.pdf", "skannad.pdf")
DECISION = files.make_pdf("Beslut om fyren", "Bilaga till beslutet")
TEXT = (
    "Nämnden har beslutat om nya regler för fyren. Reglerna"
    " gäller från och med i år, och beslutet finns här. " * 5
)
VERSIONS = """
    select v.cause, v.checks, f.sha256, f.kind, f.pages, f.letters, f.problem
    from attachment_versions v join attachment_files f on f.id = v.file where v.url like ?
      order by v.id
"""


@pytest.fixture
def crawling(tmp_path: Path) -> Iterator[Crawling]:
    with Site(releases=0) as site:
        home = f"http://{HOST}:{site.port}/"
        agencies = tmp_path / "agencies.toml"
        table = f'[{SLUG}]\nname = "Arkivnämnden"\nhome = "{home}"\nlistings = ["{home}press/"]\n'
        agencies.write_text(table, "utf-8")
        host = site.plain[HOST]
        links = "".join(f'<p><a href="/filer/{name}">Fil {name[:-4]}</a></p>' for name in NAMES)
        host.add(
            "/press/",
            make_page(
                "Nyheter", '<ul><li>2024-03-03 <a href="/press/fyren">Regler för fyren</a></ul>'
            ),
        )
        host.add(
            "/press/fyren",
            make_page("Regler för fyren", f"<p>Publicerad 3 mars 2024</p><p>{TEXT}</p>{links}"),
        )
        for name, body in (
            ("beslut.pdf", DECISION),
            ("tabell.pdf", files.make_pdf("Hemligt", encrypt=True)),
            ("stor.pdf", b"%PDF-1.4" + b" " * 300_000),
            ("skannad.pdf", files.make_pdf("")),
        ):
            host.add(f"/filer/{name}", body, PDF)
        host.add("/filer/sida.pdf", "<!doctype html><h1>Logga in</h1>")
        yield Crawling(site, agencies, tmp_path / "archive.db")


def run(crawling: Crawling, spider: str = "news", **settings: str) -> str:
    return crawling.succeed(spider, ATTACHMENT_MAXSIZE="200000", **settings)


def find_versions(crawling: Crawling, name: str) -> list[tuple[Any, ...]]:
    return crawling.rows(VERSIONS, f"%/{name}")


def let_a_day_pass(crawling: Crawling) -> None:
    """Let every release be due, and its files as if they had been fetched long ago."""
    make_due(crawling)
    crawling.write(
        "update frontier set fetched = '2024-01-01T00:00:00+00:00' where role = 'attachment'"
    )


def test_files_are_fetched_with_their_texts_and_changes(crawling: Crawling) -> None:
    printed = run(crawling)
    sha256 = hashlib.sha256(DECISION).hexdigest()
    assert find_versions(crawling, "beslut.pdf") == [("first", 1, sha256, "pdf", 2, 31, None)], (
        printed
    )
    assert find_versions(crawling, "tabell.pdf")[0][3:] == (None, None, 0, "encrypted")
    assert find_versions(crawling, "skannad.pdf")[0][3:] == ("pdf", 1, 0, None)
    pages = (
        "select p.text from attachment_pages p join attachment_files f on f.id = p.file where"
        " sha256 = ?"
    )
    assert crawling.rows(f"{pages} order by page", sha256) == [
        ("Beslut om fyren",),
        ("Bilaga till beslutet",),
    ]
    with Captures(crawling.archive, readonly=True) as captures:
        assert captures.read(sha256) == DECISION

    states = dict(
        crawling.rows("select substr(url, -9), state from frontier where role = 'attachment'")
    )
    assert states == {"eslut.pdf": "done", "abell.pdf": "done", "annad.pdf": "done"} | {
        "borta.pdf": "gone",
        "/sida.pdf": "rejected",
        "/stor.pdf": "rejected",
    }
    ((problems, errors, rejected),) = crawling.rows("select problems, errors, rejected from crawls")
    assert (errors, rejected) == (0, 0)
    for words in (
        "sida.pdf: page: is a web page",
        "borta.pdf: page: answered 404",
        "larger than 200,000 bytes",
    ):
        assert words in " ".join(json.loads(problems))

    # a day later: one file has changed, the others have not
    changed = files.make_pdf("Beslut om båken")
    url = f"http://{HOST}:{crawling.site.port}/filer/beslut.pdf"
    crawling.site.break_(url, body=changed, headers={"Content-Type": PDF})
    let_a_day_pass(crawling)
    printed = run(crawling, "revisit")
    assert "beslut.pdf: the file has changed" in printed
    assert [row[:2] for row in find_versions(crawling, "beslut.pdf")] == [
        ("first", 1),
        ("source", 1),
    ]
    assert [row[:2] for row in find_versions(crawling, "tabell.pdf")] == [("first", 2)]
    changes = (
        "select v.importance, v.summary from attachment_edits e join attachment_versions v on"
        " v.id = e.version"
    )
    assert crawling.rows(changes) == [(53, "1 stycke borttaget; 1 formulering ändrad")]
    assert crawling.rows("select cause from revisions") == [("first",)]
    crawls = crawling.rows("select unchanged, revised from crawls where spider = 'revisit'")
    assert crawls == [(1, 0)]
    assert verify(crawling.archive).findings == []
    # the validator of the file before is forgotten, although the new response has none
    frontier = crawling.rows("select etag, last_modified from frontier where url = ?", url)
    assert frontier == [("", "")]

    # an hour later: no file is due
    make_due(crawling)
    run(crawling, "revisit")
    assert [row[:2] for row in find_versions(crawling, "tabell.pdf")] == [("first", 2)]


def set_mode(crawling: Crawling, before: str, mode: str) -> None:
    table = crawling.agencies.read_text("utf-8")
    crawling.agencies.write_text(
        table.replace(f'attachments = "{before}"', f'attachments = "{mode}"'), "utf-8"
    )


def test_files_are_left_alone_or_only_kept(crawling: Crawling) -> None:
    crawling.add_to_table('attachments = "none"', SLUG)
    run(crawling)
    assert crawling.rows("select count(*) from attachment_links") == [(0,)]
    set_mode(crawling, "none", "links")
    make_due(crawling)
    run(crawling, "revisit")
    assert find_versions(crawling, "beslut.pdf")[0][3:] == (None,) * 4
    # with the text wanted later, a file that is unchanged is read from its stored bytes
    set_mode(crawling, "links", "text")
    let_a_day_pass(crawling)
    run(crawling, "revisit")
    assert find_versions(crawling, "beslut.pdf")[0][1:] == (
        2,
        hashlib.sha256(DECISION).hexdigest(),
        "pdf",
        2,
        31,
        None,
    )


def test_redirected_file_is_confirmed_or_replaced(crawling: Crawling) -> None:
    url = f"http://{HOST}:{crawling.site.port}/filer/"
    crawling.site.break_(f"{url}beslut.pdf", status=302, headers={"Location": f"{url}flyttad.pdf"})
    crawling.site.plain[HOST].add("/filer/flyttad.pdf", DECISION, PDF)
    run(crawling)
    let_a_day_pass(crawling)
    # the validators of the file are sent to the URL that redirects, and then to the one of the file
    run(crawling, "revisit")
    frontier = crawling.rows("select etag <> '', state from frontier where url like '%/beslut.pdf'")
    assert frontier == [(1, "done")]
    assert [row[:2] for row in find_versions(crawling, "beslut.pdf")] == [("first", 2)]


@pytest.mark.parametrize(
    ("status", "body"), [(200, b""), (202, b"please wait"), (206, DECISION[:100])]
)
def test_responses_without_the_whole_file_are_no_new_version(
    crawling: Crawling, status: int, body: bytes
) -> None:
    run(crawling)
    url = f"http://{HOST}:{crawling.site.port}/filer/beslut.pdf"
    crawling.site.break_(url, status=status, body=body, headers={"Content-Type": PDF})
    let_a_day_pass(crawling)
    run(crawling, "revisit")
    assert [row[:2] for row in find_versions(crawling, "beslut.pdf")] == [("first", 1)]
    assert crawling.rows("select state from frontier where url = ?", url) == [("rejected",)]


def test_files_beyond_the_budget_stay_due(crawling: Crawling) -> None:
    run(crawling, DAILY_BUDGET="8")
    due = "select count(*) from frontier where role = 'attachment' and state = 'due'"
    ((left,),) = crawling.rows(due)
    assert 0 < left <= len(NAMES)
    ((requests,),) = crawling.rows("select requests from crawls")
    assert requests == 4  # the others are left for releases
    host = crawling.site.plain[HOST]
    host.add(
        "/press/baken", make_page("Regler för båken", f"<p>Publicerad 4 mars 2024</p><p>{TEXT}</p>")
    )
    item = '<li>2024-03-04 <a href="/press/baken">Regler för båken</a>'
    host.add("/press/", make_page("Nyheter", f"<ul>{item}</ul>"))
    run(crawling, DAILY_BUDGET="8")
    assert crawling.rows("select count(*) from releases") == [(2,)]
    assert crawling.rows(due) == [(left,)]
    run(crawling)
    assert crawling.rows(due) == [(0,)]
    assert len(find_versions(crawling, "beslut.pdf")) == 1


def test_files_of_releases_that_workers_checked_are_fetched_by_a_crawl_of_their_own(
    crawling: Crawling,
) -> None:
    crawling.add_to_table('attachments = "none"', SLUG)  # as workers, who fetch none
    run(crawling)
    set_mode(crawling, "none", "text")
    releases = crawling.rows("select last_checked, checks from releases")
    crawling.site.clear_counts()
    run(crawling, "attachments")
    assert find_versions(crawling, "beslut.pdf")[0][3:] == ("pdf", 2, 31, None)
    assert crawling.rows("select last_checked, checks from releases") == releases
    assert {path for _, path in crawling.site.counts.paths} == {
        "/robots.txt",
        *(f"/filer/{name}" for name in NAMES),
    }
    crawling.site.clear_counts()
    run(crawling, "attachments")  # no release was checked since
    assert crawling.site.counts.total == 0
