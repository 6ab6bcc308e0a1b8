"""Date labels as text: which date it is, and its value."""

from __future__ import annotations

from datetime import date

import pytest

from scraper.normalise.dates import (
    NoDateError,
    find_address_day,
    infer_year,
    parse_date,
    parse_label,
    split_date_labels,
)
from tests.case_tables import load_table

SE, COM = "https://www.a.se/x/", "https://news.a.com/x"


@pytest.mark.parametrize(("text", "url", "role", "value"), load_table(__file__, "labels.tsv"))
def test_parse_label(text: str, url: str, role: str, value: str | None) -> None:
    found_role, found = parse_label(text, url)
    assert (found_role, found and found.isoformat()) == (role, value)


@pytest.mark.parametrize(
    "text", ["", "Publicerad", "I juni 2022", "Tel. 08-123 45 67", "Beslut 17/2023"]
)
def test_text_without_date(text: str) -> None:
    with pytest.raises(NoDateError):
        parse_label(text, SE)


@pytest.mark.parametrize(
    ("text", "url", "problem"),
    [
        ("32 maj 2024", COM, "."),
        ("2024-13-01", COM, "."),
        ("29 februari 2023", COM, "."),
        ("04/05/2020", COM, "."),
        ("3 mars 25:10", COM, "."),
        ("2023-03-26 02:30", SE, "does not exist in the time zone"),
        ("Publicerad 20 mars 10:19", SE, "neither"),
    ],
)
def test_uncertain_date_is_an_error(text: str, url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        parse_label(text, url)
    assert not isinstance(caught.value, NoDateError)


@pytest.mark.parametrize(
    ("text", "url", "value"),
    [
        ("2023-10-29 02:30", SE, "2023-10-29 02:30:00+02:00"),
        ("2023-10-29 02:30 CET", SE, "2023-10-29 02:30:00+01:00"),
        ("2023-03-26 02:30", "https://a.is/", "2023-03-26 02:30:00+00:00"),
        ("Publicerad 20 mars 10:19", "https://p.se/2023/mars/20/x/", "2023-03-20 10:19:00+01:00"),
    ],
)
def test_time_at_clock_change_or_without_year(text: str, url: str, value: str) -> None:
    assert str(parse_label(text, url)[1]) == value


def test_date_without_time_is_a_date() -> None:
    assert type(parse_date("1 maj 2024", SE)) is date


def test_infer_year() -> None:
    assert infer_year("https://p.se/2024/januari/1/x/", 12, 31) == 2023
    assert infer_year("https://p.se/nyheter/2024/x/", 12, 31) == 2024
    with pytest.raises(ValueError, match="neither"):
        infer_year("https://p.se/nyheter-2019/rapport-2021/", 3, 20)


def test_split_date_labels() -> None:
    labels = split_date_labels("Publicerad 5 maj 2020 · Uppdaterad 6 maj 2020 kl. 10.00")
    assert [parse_label(label, SE)[0] for label in labels] == ["published", "updated"]


def test_address_that_ends_in_a_day() -> None:
    assert find_address_day("https://a.se/mote-2022-06-01/2026-09-14") is None
