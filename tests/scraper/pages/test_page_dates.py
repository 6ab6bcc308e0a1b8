"""Dates of pages: labels, declared dates, and dates that say nothing about the page."""

from __future__ import annotations

from datetime import date

import pytest

from scraper.errors import PageError
from tests.case_tables import load_table
from tests.scraper.pages.sample_page import HEADING, MARKUP, TEXT, read_release

LABEL = "<p class='date'>Publicerad 1 februari 2024</p>"
LAST = "<p>Bron får namn efter den första färjkarlen vid ån, som rodde folk över i fyrtio år.</p>"
DAY_3 = date(2024, 5, 3)


@pytest.mark.parametrize(
    ("article", "head", "after", "published", "updated"),
    load_table(__file__, "dates.tsv", MARKUP),
)
def test_dates(
    article: str, head: str | None, after: str | None, published: str | None, updated: str | None
) -> None:
    release = read_release(article, head or "", after or "")
    assert [value and str(value) for value in (release.published, release.updated)] == [
        published,
        updated,
    ]
    for value in filter(None, (published, updated)):
        assert value[:4] not in release.body


@pytest.mark.parametrize(
    ("prose", "updated"),
    [
        ("<p>Rättelse 3 maj 2024: bron är 80 meter lång, inte 90.</p>", DAY_3),
        ("<p>Offentliggörande av vinnaren sker 5 november 2025.</p>", None),
        ("<p>Rapporten publiceras den 5 november 2025.</p>", None),
        ("<h2>Ändrade avgifter från 1 juli 2025</h2><p>Lastbilar betalar 20 kronor.</p>", None),
        ("<h2>Uppdaterad 3 maj 2024</h2><p>Nu går även bussen över bron.</p>", DAY_3),
        ("<p>Förordningen upphör att gälla den 5 juli 2018.</p>", None),
        ("<h3>Tisdag 12 mars</h3><p>Bron är stängd hela dagen.</p>", None),
        ("<ul><li>Datum: 14 juni 2025</li><li>Plats: Strömstorp</li></ul>", None),
        (
            "<table><tr><th>Datum</th><th>Ort</th></tr><tr><td>3 maj"
            " 2024</td><td>Umeå</td></tr></table>",
            None,
        ),
    ],
)
@pytest.mark.parametrize("label", [LABEL, ""], ids=["dated", "undated"])
def test_prose_with_date_stays_in_body(label: str, prose: str, updated: date | None) -> None:
    release = read_release(HEADING + label + TEXT + prose + LAST)
    kept = release.body.split("projektledaren.")[1].split("Bron får namn")[0]
    words = "".join(part.split(">")[-1] for part in prose.split("<"))
    assert [sign for sign in kept if sign.isalnum()] == [sign for sign in words if sign.isalnum()]
    assert release.published == (date(2024, 2, 1) if label else None)
    assert release.updated == updated


def test_days_of_a_timeline_are_not_the_publication() -> None:
    days = (
        "<div class='date'>3 maj, 2024</div><p>Bron fick en båge.</p><div class='date'>4 maj,"
        " 2024</div>"
    )
    release = read_release(HEADING + TEXT + LAST * 3 + days + LAST)
    assert release.published is None
    assert "3 maj, 2024" in release.body


def test_prose_with_date_after_label_opens_body() -> None:
    release = read_release(HEADING + LABEL + "<p>Avgiften upphör den 5 juli 2018.</p>" + TEXT)
    assert release.body.startswith("Avgiften upphör den 5 juli 2018.")
    assert "februari" not in release.body


def test_dates_at_end_of_text_stay_in_body() -> None:
    release = read_release(
        HEADING
        + "<p>3 mars 2022</p>"
        + TEXT
        + "<p>Sista dag: 5 maj 2022</p><p>Torsdag 9 juni 2022</p>"
    )
    assert release.body.endswith("Sista dag: 5 maj 2022\n\nTorsdag 9 juni 2022")
    assert "3 mars" not in release.body


def test_time_in_title_is_not_a_date_though_the_url_has_a_year() -> None:
    release = read_release(
        f"<h1>3 mars 10.30, Brand, Lund</h1>{TEXT}",
        url="https://www.exempel.se/nyheter/2024/brand/",
    )
    assert (release.published, release.updated) == (None, None)


@pytest.mark.parametrize(("day", "second"), [("03", 45), ("09", 0)])
def test_date_label_takes_seconds_from_declared_date_of_same_day(day: str, second: int) -> None:
    head = f'<meta property="dc:Date.Created" content="2022-03-{day} 10:30:45">'
    article = f"{HEADING}<p>Publicerad 3 mars 10.30</p>{TEXT}"
    published = read_release(article, head, url="https://www.exempel.se/2022/mars/3/x/").published
    assert str(published) == f"2022-03-03 10:30:{second:02}+01:00"


def test_unreadable_date_label_is_an_error() -> None:
    with pytest.raises(PageError, match="31 februari 2022") as caught:
        read_release(HEADING + "<p>Publicerad: 31 februari 2022</p>" + TEXT)
    assert caught.value.field == "published"
