"""Prose that begins like a date's label stays text; dates of other texts, files and events are not the page's."""

from __future__ import annotations

from datetime import date

import pytest

from tests.scraper.pages_of import TEXT, read

URL = "https://www.exempel.se/nyheter/ny-bro/"
HEADING = "<h1>Ny bro öppnar</h1>"
DATED = "<p class='date'>Publicerad 1 februari 2024</p>"
CLOSE = "<p>Bron får namn efter den första färjkarlen vid ån, som rodde folk över i fyrtio år.</p>"

PROSE = {
    "a correction": "<p>Rättelse 3 maj 2024: bron är 80 meter lång, inte 90.</p>",
    "a result to come": "<p>Offentliggörande av vinnaren sker 5 november 2025.</p>",
    "a report to come": "<p>Rapporten publiceras den 5 november 2025.</p>",
    "a heading": "<h2>Ändrade avgifter från 1 juli 2025</h2><p>Lastbilar betalar 20 kronor.</p>",
    "a heading that is a date": "<h2>Uppdaterad 3 maj 2024</h2><p>Nu går även bussen över bron.</p>",
    "an end": "<p>Förordningen upphör att gälla den 5 juli 2018.</p>",
    "a programme's heading": "<h3>Tisdag 12 mars</h3><p>Bron är stängd hela dagen.</p>",
    "a meeting": "<ul><li>Datum: 14 juni 2025</li><li>Plats: Strömstorp</li></ul>",
    "a table": "<table><tr><th>Datum</th><th>Ort</th></tr><tr><td>3 maj 2024</td><td>Umeå</td></tr></table>",
}


@pytest.mark.parametrize("prose", PROSE)
@pytest.mark.parametrize("dated", [DATED, ""], ids=["dated", "undated"])
def test_prose_stays(prose: str, dated: str) -> None:
    release = read(HEADING + dated + TEXT + PROSE[prose] + CLOSE, url=URL)
    kept = release.body.split("projektledaren.")[1].split("Bron får namn")[0]
    words = "".join(part.split(">")[-1] for part in PROSE[prose].split("<"))
    assert [sign for sign in kept if sign.isalnum()] == [sign for sign in words if sign.isalnum()]
    assert release.published == (date(2024, 2, 1) if dated else None)
    assert release.updated == (date(2024, 5, 3) if "3 maj 2024" in words and "Umeå" not in words else None)


def test_prose_that_opens_the_text_stays() -> None:
    release = read(HEADING + DATED + "<p>Avgiften upphör den 5 juli 2018.</p>" + TEXT, url=URL)
    assert release.body.startswith("Avgiften upphör den 5 juli 2018.")
    assert "februari" not in release.body


OF_OTHERS = {
    "an entry of a list": "<ul><li><a href='/x'>Gamla bron rivs</a> <span>Publicerad 9 juni 2024</span></li></ul>",
    "a file": "<div><a href='/r.pdf'>Rapport om broar</a><br>Publicerad: 9 juni 2019</div>",
    "a card": "<div><h3><a href='/x'>Gamla bron rivs nästa sommar</a></h3><p>Publicerad 9 juni 2024</p></div>",
}


@pytest.mark.parametrize("other", OF_OTHERS)
@pytest.mark.parametrize("inside", [True, False], ids=["in the main element", "after it"])
def test_the_date_of_another_text_is_not_the_pages(other: str, inside: bool) -> None:
    markup = OF_OTHERS[other]
    release = read(HEADING + TEXT + markup, url=URL) if inside else read(HEADING + TEXT, after=markup, url=URL)
    assert release.published is None


@pytest.mark.parametrize(
    "line",
    [
        "<p>Tid: 1 mars 2025 kl. 10–12</p>",
        "<p>När: 1 mars 2025 kl. 10–12</p>",
        "<p>1 mars 2025 10.00–12.00</p>",
        "<p>1 mars 2025 – 3 mars 2025</p>",
        "<p>15–16 mars 2025</p>",
        "<dl><dt>Datum</dt><dd>1 mars 2025</dd><dt>Plats</dt><dd>Umeå</dd></dl>",
        "<p>Datum: 1 mars 2025<br>Tid: 10.00</p>",
    ],
)
def test_when_something_takes_place_is_no_date_of_publication(line: str) -> None:
    assert read(HEADING + line + TEXT, url=URL).published is None


def test_a_label_with_names_beside_it_is_one() -> None:
    for line in (
        "Publicerad av Eva Ek Lind, enheten för broar, 3 maj 2024",
        "Publicerad i Nyheter 3 maj 2024",
        "Publicerad 3 maj 2024 | Bygge, Trafik",
        "Av Eva Ek Lind 3 maj 2024",
    ):
        release = read(f"{HEADING}<p>{line}</p>{TEXT}", url=URL)
        assert "2024" not in release.body, line
        assert release.published == date(2024, 5, 3) or line.startswith("Av ")
