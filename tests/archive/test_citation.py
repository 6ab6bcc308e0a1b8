"""Citations of one revision: the card, the page, the files; and the page of a single revision."""

from __future__ import annotations

import json
import re

import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from lxml.html import HtmlElement

from archive.citations import Citation, format_bibtex, format_reference, format_ris
from tests.archive.sample import HOSTILE, LIGHTHOUSES, UNDATED, WARBLERS, Site
from tests.archive.sample_history import EDITED

FORMS = ("txt", "bib", "ris", "csl.json")


async def revision_of(site: Site, title: str) -> int:
    rows = await site.datasette.get_database("archive").execute("select id from revisions where title = ?", [title])
    return int(rows.first()["id"])


async def test_the_sentence_tells_who_when_what_where_and_which_version(history_site: Site) -> None:
    revision = await revision_of(history_site, LIGHTHOUSES)
    told = (await history_site.get(f"/-/cite/{revision}.txt")).text
    assert told.startswith("Fyrstyrelsen (1 juni 2024). Tre fyrar tänds igen [pressmeddelande]. https://fyrstyrelsen")
    assert (
        f"Version läst av Myndighetsarkivet 3 juni 2024 kl. 10.15, http://localhost/-/revision/{revision} (SHA-256"
        in told
    )
    english = (await history_site.get(f"/-/cite/{revision}.txt?lang=en")).text
    assert english.startswith("Fyrstyrelsen (1 June 2024). Tre fyrar tänds igen [press release]. ")


async def test_what_the_page_does_not_tell_is_not_made_up(history_site: Site) -> None:
    revision = await revision_of(history_site, UNDATED)
    assert "Vägmyndigheten (u.å.). Ny karta" in (await history_site.get(f"/-/cite/{revision}.txt")).text
    (item,) = (await history_site.get(f"/-/cite/{revision}.csl.json")).json()
    assert "issued" not in item
    assert "year" not in (await history_site.get(f"/-/cite/{revision}.bib")).text
    assert "PY  -" not in (await history_site.get(f"/-/cite/{revision}.ris")).text


@pytest.mark.parametrize("title", [WARBLERS, HOSTILE])
async def test_reference_managers_read_it(history_site: Site, title: str) -> None:
    revision = await revision_of(history_site, title)
    library = parse_string((await history_site.get(f"/-/cite/{revision}.bib")).text)
    assert not library.failed_blocks
    (entry,) = library.entries
    assert entry["url"] == f"http://localhost/-/revision/{revision}"
    assert re.sub(r"\\(.)|[{}]", r"\1", entry["title"]) == title
    (record,) = rispy.loads((await history_site.get(f"/-/cite/{revision}.ris")).text)
    assert (record["title"], record["urls"]) == (title, [f"http://localhost/-/revision/{revision}"])
    (item,) = (await history_site.get(f"/-/cite/{revision}.csl.json")).json()
    assert (item["title"], item["type"]) == (title, "webpage")
    assert item["accessed"] == {"date-parts": [[2024, 6, 3]]}


async def test_capture_time_and_hash_are_those_of_the_bytes(history_site: Site) -> None:
    told = (await history_site.get(f"/-/cite/{await revision_of(history_site, EDITED)}.txt")).text
    assert "SHA-256 för sidan: " + "0" * 64 in told
    text = await history_site.text(f"/-/cite/{await revision_of(history_site, WARBLERS)}")
    assert "SHA-256 för de sparade uppgifterna" in text  # no bytes are kept


def areas(page: HtmlElement) -> dict[str, str]:
    """The texts to be copied, by what they are."""
    return {
        area.attrib["id"].removeprefix("cite-"): area.text_content() for area in page.cssselect("textarea[readonly]")
    }


async def test_the_card_needs_no_script(history_site: Site) -> None:
    page = await history_site.page(f"/archive/releases/{await history_site.id_of(LIGHTHOUSES)}")
    revision = await revision_of(history_site, LIGHTHOUSES)
    assert not page.cssselect("script")
    told = areas(page)
    for ending in FORMS:
        wanted = (await history_site.get(f"/-/cite/{revision}.{ending}")).text.strip()
        assert told[ending.replace(".", "-")].split() == wanted.split()
        assert page.cssselect(f".cite a[href='/-/cite/{revision}.{ending}']")
    for area in page.cssselect(".cite textarea"):
        assert page.cssselect(f"label[for='{area.get('id')}']")
    assert page.cssselect(f".cite a[href='/-/revision/{revision}']")


async def test_the_page_holds_the_same(history_site: Site) -> None:
    revision = await revision_of(history_site, LIGHTHOUSES)
    page = await history_site.page(f"/-/cite/{revision}?lang=en")
    assert set(areas(page)) == {"txt", "bib", "ris", "csl-json"}
    assert page.cssselect("meta[name=robots]")[0].get("content") == "noindex"
    assert json.loads(areas(page)["csl-json"])[0]["genre"] == "press release"


async def test_an_older_revision_says_so_and_stays_as_it_was(history_site: Site) -> None:
    first = await revision_of(history_site, EDITED)
    answer = await history_site.get(f"/-/revision/{first}")
    assert answer.headers["x-robots-tag"] == "noindex"
    text = await history_site.text(f"/-/revision/{first}")
    assert "Det här är en äldre version" in text
    assert "20 miljoner kronor" in text
    assert "Den som bygger båtar." in text
    page = await history_site.page(f"/-/revision/{first}")
    for link in page.cssselect(".banner a"):
        assert (await history_site.get(link.attrib["href"])).status_code == 200
    newest = await revision_of(history_site, EDITED.replace("höjs", "sänks"))
    assert "äldre" not in await history_site.text(f"/-/revision/{newest}")


@pytest.mark.parametrize("address", ["/-/revision/99999", "/-/cite/99999", "/-/cite/99999.bib"])
async def test_a_revision_that_is_not_there(history_site: Site, address: str) -> None:
    answer = await history_site.get(address)
    assert answer.status_code == 404
    assert "99999" in answer.text


async def test_what_the_reader_has_is_not_sent_again(history_site: Site) -> None:
    etag = (await history_site.get("/-/cite/1.bib")).headers["etag"]
    again = await history_site.get("/-/cite/1.bib", if_none_match=etag)
    assert (again.status_code, again.content) == (304, b"")


def test_a_month_is_no_day_and_an_import_no_reading() -> None:
    cited = Citation(
        revision=7,
        agency="fyr",
        author="Fyr & Co",
        title="Ljus?",
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
    assert format_reference(cited, "sv").startswith("Fyr & Co (juni 2024). Ljus? https://a.se/50%25_x – Version")
    assert "Version importerad av Myndighetsarkivet från samlingen museum.jsonl 4 juni 2024" in format_reference(
        cited, "sv"
    )
    assert "month = {6}" in format_bibtex(cited, "sv")
    assert "day =" not in format_bibtex(cited, "sv")
    assert r"Fyr \& Co" in format_bibtex(cited, "sv")
    assert r"50\%25\_x" in format_bibtex(cited, "sv")
    assert "DA  - 2024/06\r\n" in format_ris(cited, "sv")
    assert format_ris(cited, "sv").endswith("ER  - \r\n")
