from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from datasette.database import QueryInterrupted
from lxml.html import HtmlElement, fromstring

from archive.database.models import FILE_PARSER, Attachment, Release
from archive.evidence.bundles import write_bundle
from archive.store.releases import Archive
from tests.archive import sample_history as history
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import (
    HOSTILE,
    SEEN,
    STOCKHOLM,
    Site,
    build_release,
    hrefs,
    import_release,
    served,
    special_releases,
    texts,
)
from tests.archive.sample_evidence import create_evidence_archive
from tests.case_tables import load_cases

HOME = f"https://{history.AGENCY}.example"
HOST = "http://localhost"
BROWSER_ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
FIRST, ANNOUNCED, UNANNOUNCED, REPARSED, NEWEST = history.EDITED_REVISIONS
EDIT_URLS = [
    f"/-/diff/{FIRST}/{ANNOUNCED}",
    f"/-/diff/{ANNOUNCED}/{UNANNOUNCED}",
    f"/-/diff/{REPARSED}/{NEWEST}",
]


async def read_release_page(site: Site, title: str) -> HtmlElement:
    return await site.page(f"/archive/releases/{await site.id_of(title)}")


def to_text(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


# Timeline


@pytest.mark.parametrize(("release", "entries"), load_cases(__file__, "timeline"))
async def test_timeline(history_site: Site, release: int, entries: list[list[str]]) -> None:
    page = await history_site.page(f"/archive/releases/{release}")
    for entry, sentences in zip(page.cssselect(".timeline > li"), entries, strict=True):
        assert [sentence for sentence in sentences if sentence not in to_text(entry)] == []
    assert not page.cssselect(".banner")


@pytest.mark.parametrize(
    ("kind", "finding"), load_cases(__file__, "removed release has banner and text")
)
async def test_removed_release_has_banner_and_text(
    history_site: Site, kind: str, finding: str
) -> None:
    page = await read_release_page(history_site, history.REMOVED[kind])
    banner = to_text(page.cssselect(".banner")[0])
    assert banner.startswith(f"Borttaget av myndigheten {finding}")
    for sentence in (
        "Meddelandet saknades första gången 6 juni 2024 kl. 10.15. Saknades"
        " vid 3 kontroller, senast 8 juni 2024 kl. 10.15.",
        "Bekräftat 8 juni 2024 kl. 10.15. Texten nedan är den senaste som arkivet har läst.",
        "Den fanns på sidan 5 juni 2024 kl. 10.15.",
    ):
        assert sentence in banner
    assert f"{history.REMOVED[kind]}: så här är det." in to_text(page.cssselect(".body")[0])
    times = to_text(page.cssselect(".times")[0])
    assert "Senast sett 5 juni 2024 kl. 10.15 Senast kontrollerat 8 juni 2024 kl. 10.15" in times
    assert texts(page, ".dates span")[1:] == [
        "senast sett 5 juni 2024 kl. 10.15",
        "senast kontrollerat 8 juni 2024 kl. 10.15",
    ]
    removal, _ = page.cssselect(".timeline > li")
    assert finding in to_text(removal)
    evidence = f"/-/evidence/{removal.attrib['id']}.zip"
    assert hrefs(removal, ".ways a") == [evidence]


@pytest.mark.parametrize(
    ("title", "banner", "last_check"), load_cases(__file__, "unconfirmed removal or outage")
)
async def test_unconfirmed_removal_or_outage(
    history_site: Site, title: str, banner: str, last_check: str
) -> None:
    page = await read_release_page(history_site, title)
    assert to_text(page.cssselect(".banner")[0]).startswith(banner)
    assert "Borttaget av myndigheten" not in to_text(page)
    times = to_text(page.cssselect(".times")[0])
    assert f"Senast sett 3 juni 2024 kl. 10.15 {last_check} 4 juni 2024 kl. 10.15" in times
    first = to_text(page.cssselect(".timeline > li")[-1])
    assert "Inte sett sedan dess." in first
    assert "Inte kontrollerat" not in first


async def test_timeline_as_csv_and_feed(history_site: Site) -> None:
    rows = await history_site.csv("/-/history/51.csv")
    assert [row["checks"] for row in rows] == ["1", "0", "0", "3", "4"]
    returned, _ = (await history_site.feed("/-/history/60.atom")).entries
    assert (returned.published, returned.updated) == (
        "2024-06-04T08:15:00+00:00",
        "2024-06-11T08:15:00+00:00",
    )


async def test_lists_mark_removed_releases_and_omit_moved_ones(history_site: Site) -> None:
    page = await history_site.page(f"/search?q={history.REMOVED['gone']}")
    hit = next(
        hit for hit in page.cssselect(".releases li") if history.REMOVED["gone"] in to_text(hit)
    )
    assert hit.cssselect(".gone")[0].text == "borttaget"
    hits = (await history_site.page("/search?q=småbåtshamnar")).cssselect(".releases h3 a")
    assert [hit.attrib["href"].partition("?")[0] for hit in hits] == ["/archive/releases/54"]
    assert "(13)" in await history_site.text("/search?q=dinosaurie")
    assert "Ändringsverket 13" in await history_site.text("/")


@pytest.mark.parametrize(
    ("path", "title"), load_cases(__file__, "search for a url finds its release")
)
async def test_search_for_a_url_finds_its_release(
    history_site: Site, path: str, title: str
) -> None:
    locations = set()
    for start in (HOME, HOME.replace("https", "http"), HOME.replace("//", "//www.")):
        response = await history_site.datasette.client.get(
            "/search", params={"q": start + path, "lang": "en"}
        )
        assert response.status_code == 302
        locations.add(response.headers["location"])
    page = await history_site.page(*locations)
    assert (page.get("lang"), page.cssselect("h1")[0].text) == ("en", title)
    assert not page.cssselect(".banner")


# Comparisons


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (f"/-/diff/{NEWEST}/{FIRST}.json?show=all", f"/-/diff/{FIRST}/{NEWEST}.json?show=all"),
        (f"/-/diff/0{FIRST}/{NEWEST}", f"/-/diff/{FIRST}/{NEWEST}"),
    ],
)
async def test_diff_redirects_to_older_revision_first(
    history_site: Site, url: str, location: str
) -> None:
    response = await history_site.get(url)
    assert (response.status_code, response.headers["location"]) == (301, location)


async def test_diff_across_a_move(history_site: Site) -> None:
    (edit,) = (await history_site.json("/-/edits.json?release=54"))["edits"]
    text = await history_site.text(edit["diff"].removeprefix(HOST))
    assert "[borttaget: 1 juli]" in text.replace("den ", "")


@pytest.mark.parametrize(
    ("pair", "sentence", "error"), load_cases(__file__, "impossible diff states why")
)
async def test_impossible_diff_states_why(
    history_site: Site, pair: str, sentence: str, error: str | None
) -> None:
    response = await history_site.get(f"/-/diff/{pair}")
    assert response.status_code == 404
    assert sentence in response.text
    if error:
        data = await history_site.get(f"/-/diff/{pair}.json")
        assert (data.status_code, data.json()["ok"], data.json()["error"]) == (404, False, error)


async def test_diff_as_data(history_site: Site) -> None:
    data = await history_site.json(f"{EDIT_URLS[0]}.json")
    body = [piece for piece in data["pieces"] if piece["field"] == "body" and piece["place"] == 1]
    before = "".join(piece["text"] for piece in body if piece["op"] != "ins")
    assert before == "Stödet till båtbyggare blir 20 miljoner kronor i år."
    assert (data["importance"], data["summary_en"]) == (75, "1 amount changed")
    rows = await history_site.csv(f"{EDIT_URLS[0]}.csv")
    assert [row["text"] for row in rows] == [piece["text"] for piece in data["pieces"]]
    feed = await history_site.feed(f"{EDIT_URLS[0]}.atom")
    assert not feed.bozo
    assert "<del>20 miljoner kronor" in feed.entries[0].content[0].value


# A copy of the sample archive with two edits and two agencies that publish the same text


LIGHTS = "\n\n".join(
    f"Fyren på {place} tänds den första juni. Den som seglar förbi ser ljuset på tolv sjömils håll,"
    f" och {keeper} sköter lampan tills en ny vaktare har anställts vid stationen."
    for place, keeper in (
        ("Norrskär", "Ada Ek"),
        ("Ekö", "Bo Strand"),
        ("Lillgrund", "Cia Mård"),
        ("Hamnö", "Dan Alm"),
    )
)


@pytest.fixture(scope="module")
async def edited_site(
    sample_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    warblers, *_, hostile = special_releases("https://{slug}.example")
    answer, new_answer = "Då är det tyst i vassen.", "Då är det tyst i skogen."  # also in the body
    body = warblers.body.replace(answer, new_answer)
    questions = (replace(warblers.questions[0], answer=new_answer), *warblers.questions[1:])
    warblers = replace(
        warblers, body=body, body_html=history.to_html(body), questions=questions, kind="article"
    )
    path = history.copy_archive(sample_archive, tmp_path_factory.mktemp("edited"))
    with Archive(path) as archive:
        hostile = replace(hostile, title="<img src=x>", body=hostile.body + " <b>Ny\x01</b>")
        archive.save(hostile, seen_at=SEEN + history.DAY)
        archive.save(
            replace(warblers, published=date(2024, 5, 28), updated=date(2024, 6, 4)),
            seen_at=SEEN + history.DAY,
        )
        archive.add_agency(
            "hamnverket",
            name="Hamnverket",
            name_en="Port Authority",
            home="https://hamnverket.example/",
        )
        archive.add_agency("vagverket", name="<Vägverket>", home="https://vag.example/")
        at_nine = datetime(2024, 6, 1, 9, 0, tzinfo=STOCKHOLM)
        near = f"{LIGHTS}\n\nKör lugnt dit."
        for agency, text, published in (
            ("fyrstyrelsen", LIGHTS, at_nine.replace(hour=11)),
            ("hamnverket", LIGHTS, at_nine),
            ("vagverket", near, None),
        ):
            lights = build_release(agency, "fyrar", "Fyrar", text, published=published)
            archive.save(lights, seen_at=SEEN)
        url = "https://hamnverket.example/ny-kaj.pdf"
        file = Attachment(url=url, title="Ny kaj", media_type="application/pdf")
        file_release = Release(
            agency="hamnverket", url=url, title="Ny kaj", body="", body_html="", attachments=(file,)
        )
        archive.save(file_release, seen_at=SEEN, parser_version=FILE_PARSER)
    with served(path) as datasette:
        yield Site(datasette)


HOSTILE_DIFF, WARBLERS_DIFF = "/-/diff/5/51", "/-/diff/1/52"  # the newest edit comes first in lists


async def test_answer_in_the_body_is_once_in_the_feed(edited_site: Site) -> None:
    newest, *_ = (await edited_site.feed("/-/edits.atom")).entries
    assert newest.content[0].value.count("<del>vassen</del>") == 1
    assert "tyst i <del>vassen</del> <ins>skogen</ins>." in newest.content[0].value


async def test_markup_in_a_text_is_escaped(edited_site: Site) -> None:
    for url in (HOSTILE_DIFF, f"{HOSTILE_DIFF}?show=all", "/-/edits"):
        page = await edited_site.page(url)
        assert "<img src=x>" in to_text(page)
        assert not page.cssselect("main img, main script, main b")
    feed = await edited_site.feed("/-/edits.atom")
    assert not feed.bozo
    assert feed.entries[1].title == "Vägmyndigheten: <img src=x>"


@pytest.mark.parametrize(
    ("query", "label", "line"), load_cases(__file__, "addresses and texts at a press wire")
)
async def test_addresses_and_texts_at_a_press_wire(
    tmp_path: Path, query: str, label: str, line: str
) -> None:
    own, wire, cision = (
        "https://skog.example/a",
        "https://via.tt.se/pressmeddelande/1/a",
        "https://news.cision.com/a",
    )
    text = " ".join(
        f"Ord nummer {number} står i den här långa texten om skog och älg." for number in range(12)
    )
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
        for url, body in ((own, text), (wire, f"{text} Och en mening till.")):
            release = build_release("skog", "a", "Fler älgar", body, language="sv")
            archive.save(replace(release, url=url, published=date(2024, 3, 1)), seen_at=SEEN)
        with archive.transaction():
            for url in (own, cision, "https://www.skog.example/gammal"):
                archive.frontier.add(url, agency="skog", role="release", seen_at=SEEN)
                archive.frontier.mark_stored(url, 1, SEEN)
    with served(tmp_path / "archive.db") as datasette:
        site = Site(datasette)
        page = await site.page(f"/archive/releases/1{query}")
        assert label in texts(page, "dt")
        addresses = texts(page, "dd.address")
        assert [address for address in addresses if address.startswith("https:")] == [own, cision]
        assert texts(page, ".joint li") == [line]
        diff = await site.page(page.cssselect(".joint a")[1].attrib["href"])
        (mark,) = diff.cssselect(".field-body ins")
        assert "Och en mening till." in to_text(mark)


# Evidence


async def test_evidence_is_sent_with_its_etag(tmp_path: Path) -> None:
    path = create_evidence_archive(tmp_path)
    expected = io.BytesIO()
    write_bundle(path, "revisions", [8], expected)
    with served(path) as datasette:
        site = Site(datasette)
        response = await site.get("/-/evidence/8.zip")
        assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
        assert response.headers["content-disposition"] == 'attachment; filename="evidence-8.zip"'
        assert int(response.headers["content-length"]) == len(response.content)
        assert response.content == expected.getvalue()
        assert list(await site.json("/.json")) == ["archive"]
        etag = response.headers["etag"]
        again = await site.get("/-/evidence/8.zip", if_none_match=etag)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        other = await site.get("/-/evidence/11.zip", if_none_match=etag)
        assert (other.status_code, other.headers["etag"] != etag) == (200, True)
        with Archive(path) as archive:
            archive.db.execute("update releases set title = 'En annan rubrik'")
            archive.db.execute("update revisions set title = 'En annan rubrik'")
        assert await site.status("/-/evidence/8.zip", if_none_match=etag) == 200


async def test_evidence_of_both_versions_is_that_of_each(tmp_path: Path) -> None:
    path = create_evidence_archive(tmp_path)
    with served(path) as datasette:
        site = Site(datasette)
        data = await site.json("/archive/revisions.json?release=3&_shape=array&_sort=id")
        before, after = (row["id"] for row in data[:2])
        response = await site.get(f"/-/evidence/{before}-{after}.zip")
        names = f"evidence-{before}-{after}.zip"
        assert response.headers["content-disposition"] == f'attachment; filename="{names}"'
        single = [(await site.get(f"/-/evidence/{key}.zip")).content for key in (before, after)]
        assert read_zip(response.content) == read_zip(single[0]) | read_zip(single[1])
        assert (await site.get(f"/-/evidence/{after}-{before}.zip")).content == response.content
        for pair in (f"{before}-999", f"{before}-{before}", "1-2"):
            assert await site.status(f"/-/evidence/{pair}.zip") == 404, pair


def read_zip(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


@pytest.mark.parametrize(
    ("name", "language", "words"), load_cases(__file__, "missing evidence is a page")
)
async def test_missing_evidence_is_a_page(
    site: Site, name: str, language: str, words: list[str]
) -> None:
    response = await site.get(
        f"/-/evidence/{name}.zip", accept_language=language, accept=BROWSER_ACCEPT
    )
    assert response.status_code == 404
    for sentence in words:
        assert sentence in response.text


@pytest.mark.parametrize(
    "path", load_cases(__file__, "missing file is an error that programs can read")
)
async def test_missing_file_is_an_error_that_programs_can_read(site: Site, path: str) -> None:
    response = await site.get(path)
    assert (response.status_code, response.json()["ok"]) == (404, False)
    assert "database" not in response.json()["error"]
    page = await site.get(path, accept=BROWSER_ACCEPT)
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (404, "text/html")


# The release's page


async def test_times_of_an_imported_release(sample_archive: Path, tmp_path: Path) -> None:
    path = history.copy_archive(sample_archive, tmp_path)
    url, title = "https://fyrstyrelsen.example/gammalt", "Gammal fyr"
    release = Release(
        agency="fyrstyrelsen",
        url=url,
        title=title,
        body="x",
        body_html="",
        published=date(1999, 5, 1),
        published_text="1999-05-01",
    )
    with Archive(path) as archive:
        import_release(archive, release, SEEN)
    with served(path) as datasette:
        page = await read_release_page(Site(datasette), title)
    assert texts(page, ".dates span") == [
        "Publicerat 1 maj 1999",
        "importerat från samlingen museum.jsonl 3 juni 2024 kl. 10.15",
        "inte kontrollerat än",
    ]
    assert not page.cssselect(".newest, .related, .body")
    assert texts(page, ".times > div") == [
        "Publicerat enligt samlingen museum.jsonl 1 maj 1999 i samlingen: ”1999-05-01”",
        "Uppdaterat enligt samlingen museum.jsonl Anges inte i samlingen",
        "Importerat från samlingen museum.jsonl 3 juni 2024 kl. 10.15",
        "Senast kontrollerat Inte kontrollerat än",
    ]


async def test_markup_in_a_title_is_escaped(site: Site) -> None:
    response = await site.get(f"/archive/releases/{await site.id_of(HOSTILE)}")
    assert fromstring(response.text).cssselect("h1")[0].text == HOSTILE
    (data,) = fromstring(response.text).cssselect("script")
    assert (data.get("type"), json.loads(data.text or "")["headline"]) == (
        "application/ld+json",
        HOSTILE,
    )


# Pages that were reached from a search


def read_found(page: HtmlElement) -> tuple[str, dict[str, str]]:
    """Return the text of the navigation of the search, and its links."""
    (nav,) = page.cssselect("nav.from-search")
    return to_text(nav), {to_text(link): link.attrib["href"] for link in nav.cssselect("a")}


def list_marks(page: HtmlElement, selector: str = "main") -> list[str]:
    return [
        mark.text_content() for part in page.cssselect(selector) for mark in part.cssselect("mark")
    ]


async def test_results_lead_to_marked_pages_and_back(site: Site) -> None:
    results = await site.page("/search?q=vägarna&year=2023&order=newest&size=10&page=2&lang=en")
    hits = hrefs(results, ".releases h3 a")
    ids = [href.split("?")[0] for href in hits]
    search = "q=v%C3%A4garna&year=2023&order=newest&size=10"
    assert hits[2] == f"{ids[2]}?{search}&hit=13&lang=en"
    page = await site.page(hits[2])
    text, links = read_found(page)
    assert text.startswith("Back to the results Result 13 of 45 ")
    assert list(links.values()) == [
        f"/search?{search.replace('size', 'page=2&size')}&lang=en#hit-13",
        f"{ids[1]}?{search}&hit=12&lang=en",
        f"{ids[3]}?{search}&hit=14&lang=en",
        "#place-1",
    ]
    assert [item.get("id") for item in results.cssselect(".releases > li")][2] == "hit-13"
    marks = list_marks(page)
    assert {mark.lower() for mark in marks} == {"vägarna"}
    assert f"highlighted in {len(marks)} places" in text
    assert page.cssselect("link[rel=canonical]")[0].get("href") == f"{HOST}{ids[2]}?lang=en"
    (swedish,) = page.cssselect("header.site a[hreflang=sv]")
    assert "hit=13" in swedish.attrib["href"]


async def test_question_leads_to_questions(site: Site) -> None:
    results = await site.page("/search?show=questions&order=newest&q=")
    assert results.cssselect(".releases h3 a")[0].get("href") == "/archive/releases/2#question-2"
    results = await site.page("/search?show=questions&q=vass+OR+betala+OR+tänds")
    hits = hrefs(results, ".releases h3 a")
    assert len(hits) == 3
    for number, hit in enumerate(hits):
        links = read_found(await site.page(hit))[1]
        beside = [href for name, href in links.items() if "träff:" in name]
        assert beside == hits[max(0, number - 1) : number] + hits[number + 1 : number + 2]


@pytest.mark.parametrize(
    "query",
    ["q=", "q=%22", "q=((&hit=1", "hit=3", "order=up&show=all", "q=&hit=x", "kind=&page=", "q=%00"],
)
async def test_page_of_no_search_is_plain(site: Site, query: str) -> None:
    response = await site.get(f"/archive/releases/1?{query}".replace("&page=", ""))
    page = fromstring(response.text)
    assert response.status_code == 200
    assert not page.cssselect("nav.from-search, mark, .steps")


async def test_page_of_a_search_that_is_too_slow_has_marks(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupt(*_: object) -> None:
        raise QueryInterrupted(None, "", {})

    monkeypatch.setattr("archive.views.release.find_hit_position", interrupt)
    page = await site.page("/archive/releases/1?q=vass&hit=1")
    assert "vassarna" in list_marks(page)
    assert list(read_found(page)[1]) == ["Till träffarna", "Gå till den första markeringen"]


async def test_words_that_do_not_occur_and_long_texts_are_stated(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        "Sökorden finns inte i den här texten."
        in read_found(await site.page("/archive/releases/1?q=fyr"))[0]
    )
    monkeypatch.setattr("archive.web.highlights.MAX_SEARCHED_LENGTH", 60)
    text = read_found(await site.page("/archive/releases/1?q=vass"))[0]
    assert (
        "markerade på ett ställe. Gå till markeringen Texten är så lång att sökorden bara är markerade i början."
        in text
    )


async def test_row_as_data_has_no_search(site: Site) -> None:
    for path in (
        "/archive/releases/1.json?q=fyr",
        "/archive/tags/1?q=fyr",
        f"{EDIT_URLS[0]}.json?q=fyr",
    ):
        assert await site.status(path) == 400, path


async def test_former_hit_leads_to_the_comparison_with_its_words(history_site: Site) -> None:
    search = "q=%2220+miljoner%22&versions=all"
    page = await history_site.page(f"/search?{search}")
    (hit,) = (link.attrib["href"] for link in page.cssselect(".releases h3 a"))
    page = await history_site.page(hit)
    text, links = read_found(page)
    checks = "7 juni 2024 kl. 10.15 och 8 juni 2024 kl. 10.15"
    assert (
        f"Orden finns inte längre i texten. De togs bort mellan två kontroller: {checks}." in text
    )
    assert links["Jämför versionerna"] == f"{EDIT_URLS[0]}?{search}&hit=1"
    page = await history_site.page(links["Jämför versionerna"])
    assert list_marks(page) == ["20 miljoner"]
    assert texts(page, ".pieces del mark") == ["20 miljoner"]
    text, links = read_found(page)
    assert "Träff 1 av 1" in text
    assert list(links.values()) == [f"/search?{search}#hit-1", "#place-1"]


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(
    pages: list[PageCheck], site: Site, history_site: Site, edited_site: Site
) -> None:
    for page in pages:
        await page.check({"site": site, "history": history_site, "edited": edited_site})
