"""Page classes of single agencies (scraper/pages/agencies): stored real pages where a folder of them
exists (PAGES=, else ../shared), and small pages with the agency's markup.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scraper.agency import PAGE_CLASSES, load_agencies, load_page_class
from scraper.normalise.conversion import to_release
from scraper.pages import page_classes
from scraper.pages.page_classes import NewsPage, compute_parser_version
from scraper.pages.page_reader import read_page
from scraper.probe.proposal import STORED_PAGES_DIR
from tests.scraper.pages.sample_page import HEADING, TEXT, build_page
from tests.stored import ROOT, stored_rows

AGENCIES = {agency.page: agency for agency in load_agencies().values() if agency.page}
NAMES = sorted(path.stem for path in PAGE_CLASSES.glob("[!_]*.py"))
NOTICE = {
    "title": "3 mars 10.12, Brand, Lund",
    "lead_starts": "Brand i ett skjul.",
    "published": "2022-03-03T10:30:45+01:00",
    "updated": None,
    "body_lacks": ["kortfattade", "Eva Ek"],
}


def build_notice(dates: str) -> bytes:
    return build_page(
        '<div id="main-content"><div class="event-page"><h1>3 mars 10.12, Brand, Lund</h1>'
        f'<p class="preamble">Brand i ett skjul.</p><div>{TEXT}</div>{dates}'
        '<div class="block"><span>Notiserna är kortfattade.</span></div></div></div>',
        '<meta property="dc:Date.Created" content="2022-03-03 10:30:45">'
        '<link href="/siteassets/x.css" rel="stylesheet">',
    )


# page class, page, URL, and what is known of the release
WRITTEN: list[tuple[str, bytes, str, dict[str, Any]]] = [
    *(
        (
            "polisen",
            build_notice(dates),
            "https://polisen.se/aktuellt/handelser/2022/mars/3/x/",
            NOTICE,
        )
        for dates in (
            '<div class="meta-data-container">Publicerad<br><span class="date">3 mars'
            " 10.30</span></div>",
            '<div class="meta-data-container">Publicerad<br>'
            '<time class="date" datetime="2022-03-03T10:30:45">3 mars 10.30</time></div>',
            '<div class="page-meta-data"><dl><dt>Text av</dt><dd>Eva Ek</dd><dt>Publicerad</dt>'
            '<dd><time datetime="2022-03-03T10:30:45">3 mars 2022 10.30</time></dd></dl></div>',
        )
    ),
    (
        "lakemedelsverket",
        build_page(f"{HEADING}{TEXT}<p>den 5 december 2019, [Apotek, Handel &amp; tillsyn]</p>"),
        "https://www.lakemedelsverket.se/sv/nyheter/ny-bro",
        {"published": "2019-12-05", "tags": ["Apotek", "Handel & tillsyn"]},
    ),
    (
        "lakemedelsverket",
        build_page(
            f'{HEADING}<div class="post-info">den 5 december 2019, [APOTEK]</div>{TEXT}'
            "<p>Nyckelord: Handel</p>"
        ),
        "https://www.lakemedelsverket.se/sv/nyheter/ny-bro",
        {"published": "2019-12-05", "tags": ["Handel"], "body_lacks": ["december"]},
    ),
]


def list_stored() -> list[Any]:
    """Return a case for each stored page of an agency with a class, or one skipped case."""
    cases = [
        pytest.param(name, ROOT / "pages" / row["file"], row["url"], row, id=row["file"])
        for row in stored_rows("pages")
        for name, agency in AGENCIES.items()
        if "title" in row and agency.owns(row["url"])
    ]
    skip = pytest.mark.skip(reason=f"no stored pages in {ROOT}: name their folder with PAGES=")
    return cases or [pytest.param("", b"", "", {}, id="absent", marks=skip)]


@pytest.mark.parametrize(("name", "page", "url", "known"), [*WRITTEN, *list_stored()])
def test_agency_page(name: str, page: bytes | Path, url: str, known: dict[str, Any]) -> None:
    html = page if isinstance(page, bytes) else page.read_bytes()
    item = read_page(html, url, AGENCIES[name])
    release = to_release(item)
    found = item.parser_version
    assert found == f"{load_page_class(name).__name__} {compute_parser_version(AGENCIES[name])}"
    assert release.title == " ".join(known.get("title", release.title).split())
    # a notice without a text after the lead has the lead as its text
    lead = " ".join(known.get("lead_starts", "").rstrip(".…").split())
    assert (release.lead or release.body).startswith(lead)
    published = datetime.fromisoformat(known["published"])
    assert release.published == (published if published.tzinfo else published.date())
    assert release.updated == known.get("updated", release.updated)
    assert list(release.tags) == known.get("tags", list(release.tags))
    assert [words for words in known.get("body_lacks", ()) if words in release.body] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_class_is_used_and_has_a_page(name: str) -> None:
    assert issubclass(load_page_class(name), NewsPage)
    assert name in AGENCIES, "no agency names it: delete the file"
    is_stored = (STORED_PAGES_DIR / AGENCIES[name].slug).exists()
    assert is_stored or name in {case[0] for case in WRITTEN}


def test_changed_class_is_a_new_parser_for_its_agency_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(PAGE_CLASSES, tmp_path / "agencies")
    monkeypatch.setattr(page_classes, "PAGE_CLASSES", folder)
    agencies = [None, AGENCIES["polisen"], AGENCIES["lakemedelsverket"]]
    before = list(map(compute_parser_version.__wrapped__, agencies))
    with (folder / "polisen.py").open("a") as file:
        file.write("# changed\n")
    after = list(map(compute_parser_version.__wrapped__, agencies))
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]
