from __future__ import annotations

import re

import pytest
import rispy
from bibtexparser.entrypoint import parse_string

from archive.publish.citations import Citation, format_bibtex, format_reference, format_ris
from tests.archive.sample import HOSTILE, LIGHTHOUSES, UNDATED, WARBLERS, Site
from tests.archive.sample_history import EDITED_REVISIONS

REVISIONS = {WARBLERS: 1, LIGHTHOUSES: 2, UNDATED: 4, HOSTILE: 5}


async def test_reference(history_site: Site) -> None:
    revision = REVISIONS[LIGHTHOUSES]
    reference = (await history_site.get(f"/-/cite/{revision}.txt")).text
    assert reference.startswith(
        "Fyrstyrelsen (1 juni 2024). Tre fyrar tänds igen [pressmeddelande]. https://fyrstyrelsen"
    )
    note = (
        f"Version läst av Myndighetsarkivet 3 juni 2024 kl. 10.15,"
        f" http://localhost/-/revision/{revision} (SHA-256"
    )
    assert note in reference
    english = (await history_site.get(f"/-/cite/{revision}.txt?lang=en")).text
    assert english.startswith("Fyrstyrelsen (1 June 2024). Tre fyrar tänds igen [press release]. ")
    (item,) = (await history_site.get(f"/-/cite/{revision}.csl.json?lang=en")).json()
    assert item["genre"] == "press release"


async def test_release_without_date(history_site: Site) -> None:
    url = f"/-/cite/{REVISIONS[UNDATED]}"
    assert "Vägmyndigheten (u.å.). Ny karta" in (await history_site.get(f"{url}.txt")).text
    (item,) = (await history_site.get(f"{url}.csl.json")).json()
    assert "issued" not in item
    assert "year" not in (await history_site.get(f"{url}.bib")).text
    assert "PY  -" not in (await history_site.get(f"{url}.ris")).text


@pytest.mark.parametrize("title", [WARBLERS, HOSTILE])
async def test_reference_managers_can_parse_citation(history_site: Site, title: str) -> None:
    url = f"/-/cite/{REVISIONS[title]}"
    permalink = f"http://localhost/-/revision/{REVISIONS[title]}"
    library = parse_string((await history_site.get(f"{url}.bib")).text)
    assert not library.failed_blocks
    (entry,) = library.entries
    assert entry["url"] == permalink
    assert re.sub(r"\\(.)|[{}]", r"\1", entry["title"]) == title
    (record,) = rispy.loads((await history_site.get(f"{url}.ris")).text)
    assert (record["title"], record["urls"]) == (title, [permalink])
    (item,) = (await history_site.get(f"{url}.csl.json")).json()
    assert (item["title"], item["type"]) == (title, "webpage")
    assert item["accessed"] == {"date-parts": [[2024, 6, 3]]}


async def test_hash_is_of_the_bytes_if_they_are_stored(history_site: Site) -> None:
    reference = (await history_site.get(f"/-/cite/{EDITED_REVISIONS[0]}.txt")).text
    assert "SHA-256 för sidan: " + "0" * 64 in reference
    text = await history_site.text(f"/-/cite/{REVISIONS[WARBLERS]}")
    assert "SHA-256 för de sparade uppgifterna" in text


@pytest.mark.parametrize("url", ["/archive/releases/2", "/-/cite/2"])
async def test_page_has_citations_to_copy_without_a_script(history_site: Site, url: str) -> None:
    page = await history_site.page(f"{url}?lang=en")
    assert not page.cssselect("script:not([type='application/ld+json'])")
    areas = {area.get("id"): area.text_content() for area in page.cssselect("textarea[readonly]")}
    for suffix in ("txt", "bib", "ris", "csl.json"):
        citation = (await history_site.get(f"/-/cite/2.{suffix}?lang=en")).text
        assert areas.pop(f"cite-{suffix.replace('.', '-')}").split() == citation.split()
        assert page.cssselect(f".cite a[href='/-/cite/2.{suffix}?lang=en']")
        assert page.cssselect(f"label[for='cite-{suffix.replace('.', '-')}']")
    assert areas == {}
    assert page.cssselect(".cite a[href='/-/revision/2?lang=en']")
    is_indexed = not page.cssselect("meta[name=robots]")
    assert is_indexed == (url != "/-/cite/2")
    assert is_indexed or page.cssselect("meta[name=robots]")[0].get("content") == "noindex"


async def test_older_revision_keeps_its_text(history_site: Site) -> None:
    response = await history_site.get(f"/-/revision/{EDITED_REVISIONS[0]}")
    assert response.headers["x-robots-tag"] == "noindex"
    page = await history_site.page(f"/-/revision/{EDITED_REVISIONS[0]}")
    for words in (
        "Det här är inte den nuvarande versionen",
        "20 miljoner kronor",
        "Den som bygger båtar.",
    ):
        assert words in " ".join(page.text_content().split())
    *links, stored_page = [link.attrib["href"] for link in page.cssselect(".banner a")]
    assert stored_page.startswith("/-/web/")  # this archive has no bytes
    for link in links:
        assert (await history_site.get(link)).status_code == 200
    assert "äldre" not in await history_site.text(f"/-/revision/{EDITED_REVISIONS[-1]}")


@pytest.mark.parametrize("url", ["/-/revision/99999", "/-/cite/99999", "/-/cite/99999.bib"])
async def test_missing_revision(history_site: Site, url: str) -> None:
    response = await history_site.get(url)
    assert response.status_code == 404
    assert "99999" in response.text


async def test_known_etag_is_answered_with_304(history_site: Site) -> None:
    etag = (await history_site.get("/-/cite/1.bib")).headers["etag"]
    again = await history_site.get("/-/cite/1.bib", if_none_match=etag)
    assert (again.status_code, again.content) == (304, b"")


async def test_comparison_is_cited_with_both_versions(history_site: Site) -> None:
    data = (await history_site.get("/-/cite/52/51.csl.json?lang=en")).json()
    assert (data[0]["id"], data[0]["title"]) == (
        "andringsverket-2024-51-52",
        "Edit: Stödet till båtbyggare höjs",
    )
    assert data[0]["URL"] == "http://localhost/-/diff/51/52"
    for words in ("/-/revision/51 (SHA-256", "/-/revision/52 (SHA-256", "Before: Version read"):
        assert words in data[0]["note"]
    ris = (await history_site.get("/-/cite/51/52.ris")).text
    assert "UR  - http://localhost/-/diff/51/52" in ris
    page = await history_site.page("/-/diff/51/52")
    assert page.cssselect("#cite-ris")[0].text_content().split() == ris.split()


def test_imported_release_with_a_month_and_special_characters() -> None:
    citation = Citation(
        revision=7,
        agency="fyr",
        author="Fyr & Co",
        title="50 % ljus?",
        kind=None,
        published="2024-06",
        language=None,
        url="https://a.se/50%25_x",
        permalink="https://b.se/-/revision/7",
        seen="2024-06-03T22:30:00+00:00",
        sha256="ab",
        is_bytes_hash=False,
        collection="museum.jsonl",
    )
    reference = format_reference(citation, "sv")
    assert reference.startswith("Fyr & Co (juni 2024). 50 % ljus? https://a.se/50%25_x – Version")
    assert (
        "Version importerad av Myndighetsarkivet från samlingen museum.jsonl 4 juni 2024"
        in reference
    )
    bibtex = format_bibtex(citation, "sv")
    assert "day =" not in bibtex
    for words in ("month = {6}", r"Fyr \& Co", r"50 \% ljus?", r"50\%25\_x"):
        assert words in bibtex
    ris = format_ris(citation, "sv")
    assert "DA  - 2024/06\r\n" in ris
    assert ris.endswith("ER  - \r\n")
