"""Releases that are files: from their listing to the archive, and their checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.database.redaction import REDACTION_MARK
from archive.evidence.verification import verify
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown
from archive.times import now
from tests.scraper.crawling import Crawling, make_due
from tests.site import files
from tests.site.plain import PAPERS, PDF
from tests.site.server import Site

SLUG = "arkiv"
FILES = "http://arkivnamnden.localhost:{port}/globalassets/press/"


@pytest.fixture
def crawling(tmp_path: Path) -> Iterator[Crawling]:
    with Site(releases=0) as site:
        home = f"http://arkivnamnden.localhost:{site.port}/"
        agencies = tmp_path / "agencies.toml"
        table = f'[{SLUG}]\nname = "Arkivnämnden"\nhome = "{home}"\nlistings = ["{home}press/"]\n'
        agencies.write_text(table, "utf-8")
        yield Crawling(site, agencies, tmp_path / "archive.db")


def test_file_is_stored_with_the_title_and_day_of_its_listing_and_checked(
    crawling: Crawling,
) -> None:
    site, folder = crawling.site, FILES.format(port=crawling.site.port)
    crawling.succeed()
    stored = (
        "select url, title, body, published, published_text from releases order by published desc"
    )
    assert crawling.rows(stored) == [
        (f"{folder}remiss-14.pdf", PAPERS["remiss-14.pdf"][0], "", "2024-03-14", "14 mars 2024"),
        (f"{folder}gallring-3.pdf", PAPERS["gallring-3.pdf"][0], "", "2024-02-03", "2024-02-03"),
        (f"{folder}oppet-hus.pdf", PAPERS["oppet-hus.pdf"][0], "", None, None),
    ]
    attached = crawling.rows("select url, title, media_type from attachments order by url desc")
    assert attached[0] == (f"{folder}remiss-14.pdf", PAPERS["remiss-14.pdf"][0], "application/pdf")
    assert crawling.rows("select count(*) from quarantine") == [(0,)]

    # revisited: one is unchanged by its validator, one has other bytes, one is a page now
    host = site.plain["arkivnamnden.localhost"]
    host.add("/globalassets/press/gallring-3.pdf", files.make_pdf("Ny text"), PDF)
    host.add(
        "/globalassets/press/oppet-hus.pdf",
        "<!doctype html><h1>Sidan kunde inte hittas</h1><p>Fel 404.</p>",
    )
    make_due(crawling)
    code, printed = crawling.run("revisit")
    assert f"{folder}gallring-3.pdf: the file has changed" in printed
    counts = "select unchanged, not_modified, revised, missing from crawls where spider = 'revisit'"
    assert crawling.rows(counts) == [(2, 1, 0, 1)], printed
    hashes = "select count(distinct sha256) from captures where url = ?"
    assert crawling.rows(hashes, f"{folder}gallring-3.pdf") == [(2,)]

    # the listing corrects a title: an edit of the agency
    body, media = host.pages["/press/"]
    host.pages["/press/"] = (body.replace(b"remissen om", "förslaget om".encode()), media)
    code, printed = crawling.run()
    assert code == 0, printed
    edits = (
        "select title, cause from revisions where release = (select id from releases where url = ?)"
    )
    causes = [cause for _, cause in crawling.rows(f"{edits} order by id", f"{folder}remiss-14.pdf")]
    assert causes == ["first", "source"], printed
    ((failures,),) = crawling.rows(
        "select failures from crawls where spider = 'news' order by id desc limit 1"
    )
    assert json.loads(failures) == {}


def test_web_page_at_the_address_of_a_file_is_rejected(crawling: Crawling) -> None:
    page = "<!doctype html><h1>Nya regler</h1><p>Reglerna gäller från i år.</p>" * 20
    crawling.site.plain["arkivnamnden.localhost"].add("/globalassets/press/gallring-3.pdf", page)
    _, printed = crawling.run()
    assert (
        "gallring-3.pdf: page: is a web page, not the file 'Nya regler för gallring av protokoll'"
        in printed
    )
    assert crawling.rows("select count(*) from releases") == [(2,)]
    assert crawling.rows("select rejected from crawls") == [(1,)]


def test_text_of_a_file_is_searchable(crawling: Crawling) -> None:
    crawling.run()
    for _ in range(2):
        make_due(crawling)
        crawling.succeed("revisit")
    texts = """
        select v.cause, v.checks, f.pages, p.text from attachment_versions v join attachment_files f
          on f.id = v.file
        join attachment_pages p on p.file = f.id where v.url like '%gallring-3.pdf' order by v.id
    """
    ((cause, checks, pages, text),) = crawling.rows(texts)
    assert (cause, checks, pages) == ("first", 3, 1)
    host = crawling.site.plain["arkivnamnden.localhost"]
    host.add("/globalassets/press/gallring-3.pdf", files.make_pdf("Ny text"), PDF)
    make_due(crawling)
    crawling.run("revisit")
    assert [(row[0], row[3]) for row in crawling.rows(texts)] == [
        ("first", text),
        ("source", "Ny text"),
    ]
    assert verify(crawling.archive, texts=True).findings == []
    # no file is requested twice
    assert crawling.rows("select count(*) from frontier where role = 'attachment'") == [(0,)]
    with Archive(crawling.archive) as archive:
        ((release_id,),) = crawling.rows("select id from releases where url like '%gallring-3.pdf'")
        hide_release(archive, release_id, now(), reason="Domstols beslut")
    assert b"Ny text" not in crawling.archive.read_bytes()
    make_due(crawling)
    crawling.run("revisit")
    assert crawling.rows(texts) == []


def test_title_of_a_file_that_is_taken_down_does_not_come_back(crawling: Crawling) -> None:
    crawling.run()
    titles = "select file_title from frontier where url like '%remiss-14.pdf'"
    title = PAPERS["remiss-14.pdf"][0]
    with Archive(crawling.archive) as archive:
        ((release_id,),) = crawling.rows("select id from releases where url like '%remiss-14.pdf'")
        takedown_id = hide_release(archive, release_id, now(), reason="Domstols beslut")
    for spider in ("revisit", "news"):
        make_due(crawling)
        crawling.succeed(spider)
        assert crawling.rows(titles) == [(REDACTION_MARK,)]
    assert title.encode() not in crawling.archive.read_bytes()
    revisions = crawling.rows("select cause from revisions where release = ?", release_id)
    assert revisions == [("first",)]
    with Archive(crawling.archive) as archive:
        lift_takedown(archive, takedown_id, now(), "Upphävt")
    assert crawling.rows(titles) == [(title,)]


def test_files_can_be_left_out(crawling: Crawling) -> None:
    crawling.add_to_table("files = false", SLUG)
    crawling.succeed()
    assert crawling.rows("select count(*) from releases") == [(0,)]
