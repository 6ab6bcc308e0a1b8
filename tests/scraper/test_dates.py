"""Date labels: roles, days and moments, missing years, clocks, and what must not be guessed."""

from __future__ import annotations

from datetime import date

import pytest

from scraper.normalise.dates import NoDateError, infer_year, parse_date, parse_label, split_date_labels

SE, FI, NO, COM = "https://www.a.se/x/", "https://a.fi/sv/x", "https://www.a.no/x", "https://news.a.com/x"

LABELS = [
    ("Publicerad: 3 mars 2022", SE, "published", "2022-03-03"),
    ("Publicerad 3 mars 2022 kl. 08.05", SE, "published", "2022-03-03T08:05:00+01:00"),
    ("Publiceringsdatum: 24 juni 2023", SE, "published", "2023-06-24"),
    ("Pressmeddelande, 09 augusti 2021", SE, "published", "2021-08-09"),
    ("Senast uppdaterad: 14:30 - 2 juli, 2020", SE, "updated", "2020-07-02T14:30:00+02:00"),
    ("Sidan senast ändrad 2019-11-30", SE, "updated", "2019-11-30"),
    ("Senast publicerad 2020-01-07", SE, "updated", "2020-01-07"),
    ("Last published 7 January 2020", SE, "updated", "2020-01-07"),
    ("Senast granskad: 2018-02-28", SE, "reviewed", "2018-02-28"),
    ("Pressmeddelanden • Okt 05, 2019 11:00 CEST", COM, "published", "2019-10-05T11:00:00+02:00"),
    ("2020 okt 07", SE, "published", "2020-10-07"),
    ("Utgivningsdatum 10.2.2022 12.00", FI, "published", "2022-02-10T12:00:00+02:00"),
    ("30.6.2020 13.50", FI, "published", "2020-06-30T13:50:00+03:00"),
    ("Pressemelding 05.06.2023", NO, "published", "2023-06-05"),
    ("Sist oppdatert: 17. mai 2023", NO, "updated", "2023-05-17"),
    ("Veröffentlicht am 26. Januar 2022 um 10:15 Uhr", "https://a.de/", "published", "2022-01-26T10:15:00+01:00"),
    ("Posted on February 5, 2020 3:45 p.m. EST", "https://a.gov/x", "published", "2020-02-05T15:45:00-05:00"),
    ("Date: 02/05/2020", "https://a.gov/x", "published", "2020-02-05"),
    ("Published 05/02/2020", "https://a.gov.uk/x", "published", "2020-02-05"),
    ("21.4.14", FI, "published", "2014-04-21"),
    ("3 maj -24", SE, "published", "2024-05-03"),
    ("03-May-24", "https://a.gov.uk/x", "published", "2024-05-03"),
    ("Publicerad 3-24 maj 2025", SE, "published", "2025-05-24"),
    ("Publicerad:3:dje maj 2024", SE, "published", "2024-05-03"),
    ("Opdateret 04-05-2024", "https://a.dk/x", "updated", "2024-05-04"),
    ("Sist revidert 3. mai 2024", NO, "updated", "2024-05-03"),
    ("Sist kontrollert 3. mai 2024", NO, "reviewed", "2024-05-03"),
    ("Senest redigeret: 03.05.2024", "https://a.dk/x", "updated", "2024-05-03"),
    ("Publisert 3. mai 2024 klokka 10:57", NO, "published", "2024-05-03T10:57:00+02:00"),
    ("Überarbeitet am 3. Mai 2024", "https://a.de/", "updated", "2024-05-03"),
    ("Senaste uppdatering: 2024-05-03", SE, "updated", "2024-05-03"),
    ("Den här sidan uppdaterades senast den 3 maj 2024.", SE, "updated", "2024-05-03"),
    ("Skapad: 2024-05-03", SE, "published", "2024-05-03"),
    ("Publicerad 3 maj 2024 | Giltig till vidare", SE, "published", "2024-05-03"),
    ("2024-05-01T22:30:00Z", SE, "published", "2024-05-02T00:30:00+02:00"),
]


@pytest.mark.parametrize(("text", "url", "role", "value"), LABELS, ids=[row[0] for row in LABELS])
def test_label(text: str, url: str, role: str, value: str) -> None:
    found_role, found = parse_label(text, url)
    assert found is not None
    assert (found_role, found.isoformat()) == (role, value)


@pytest.mark.parametrize(
    "text",
    [
        "Nästa publicering: 2030-01-01",
        "Datum för beslut: 2023-05-06",
        "Källa: Verket | 5 apr 2018 11:11",
        "Innehållet publicerades under perioden 1 maj 2014 och 3 juni 2018",
        "Mellan den 1 maj 2014 och den 3 juni 2018 var hon minister.",
        "Gäller från 3 maj 2024",
        "Beslutad: 3 maj 2024",
        "Startdatum: 3 maj 2024",
        "Høringsfrist: 03.05.2024",
        "Svara senast den 3 maj 2024",
        "Hämtad 2024-05-03",
        "Tid: 3 maj 2024 kl. 10.00",
        "När: 3 maj 2024",
        "Datum och tid: fredag 3 maj 2024 kl. 15.30",
        "3-24 maj 2025",
        "3 maj 2025 – 5 maj 2025",
        "3 maj 2025 10.00–12.00",
        "3 maj 2025 kl. 10–12",
        "Publicering av rapporten 3 maj 2025",
    ],
)
def test_dates_that_say_nothing_of_publication(text: str) -> None:
    assert parse_label(text, SE) == ("none", None)


@pytest.mark.parametrize("text", ["", "Publicerad", "I juni 2022", "Tel. 08-123 45 67", "Beslut 17/2023"])
def test_a_text_without_a_date(text: str) -> None:
    with pytest.raises(NoDateError):
        parse_label(text, SE)


@pytest.mark.parametrize("text", ["32 maj 2024", "2024-13-01", "29 februari 2023", "04/05/2020", "3 mars 25:10"])
def test_a_date_that_cannot_be_read_for_certain(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_date(text, COM)
    assert not isinstance(caught.value, NoDateError)


def test_clock_changes() -> None:
    with pytest.raises(ValueError, match="does not exist in the time zone"):
        parse_date("2023-03-26 02:30", SE)
    assert parse_date("2023-10-29 02:30", SE).isoformat() == "2023-10-29T02:30:00+02:00"
    assert parse_date("2023-10-29 02:30 CET", SE).isoformat() == "2023-10-29T02:30:00+01:00"
    assert parse_date("2023-03-26 02:30", "https://a.is/").isoformat() == "2023-03-26T02:30:00+00:00"


def test_a_day_stays_a_day() -> None:
    assert type(parse_date("1 maj 2024", SE)) is date


def test_year_from_the_address() -> None:
    assert parse_label("Publicerad 20 mars 10:19", "https://p.se/2023/mars/20/x/")[1] is not None
    assert infer_year("https://p.se/2024/januari/1/x/", 12, 31) == 2023
    with pytest.raises(ValueError, match="neither"):
        parse_label("Publicerad 20 mars 10:19", SE)
    with pytest.raises(ValueError, match="neither"):
        infer_year("https://p.se/nyheter-2019/rapport-2021/", 3, 20)


def test_two_labels_in_one_line() -> None:
    labels = split_date_labels("Publicerad 5 maj 2020 · Uppdaterad 6 maj 2020 kl. 10.00")
    assert [parse_label(label, SE)[0] for label in labels] == ["published", "updated"]
