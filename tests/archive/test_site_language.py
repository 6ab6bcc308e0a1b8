"""The choice of a language, and times, numbers and names in it."""

from __future__ import annotations

import pytest

from archive.i18n import (
    LANGUAGES,
    choose_language,
    format_number,
    format_stated_time,
    format_time,
    swedish_sort_key,
    translate,
)
from tests.archive.sample import Site


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, None, "sv"),
        (None, "", "sv"),
        (None, "de", "sv"),
        (None, "de, en;q=0.3", "en"),
        (None, "sv-SE,sv;q=0.9,en;q=0.8", "sv"),
        (None, "en-US,en;q=0.9", "en"),
        (None, "en;q=0.4, sv;q=0.6", "sv"),
        (None, "en;q=0, sv;q=0.1", "sv"),
        (None, "en;q=zero", "sv"),
        (None, ";;,=,q=", "sv"),
        ("en", "sv", "en"),
        ("sv", "en", "sv"),
        ("klingon", "en", "en"),
    ],
)
def test_choosing_a_language(asked: str | None, accepted: str | None, language: str) -> None:
    assert choose_language(asked, accepted) == language


def test_times_in_words() -> None:
    said = [
        (language, format_stated_time(language, text))
        for text in ("2021-05-18T10:57:00+02:00", "2021-05-18", "2024-01-03T23:30:00+00:00", None)
        for language in LANGUAGES
    ]
    assert said == [
        ("sv", "18 maj 2021 kl.\u00a010.57"),
        ("en", "18 May 2021, 10:57"),
        ("sv", "18 maj 2021"),
        ("en", "18 May 2021"),
        ("sv", "3 januari 2024 kl.\u00a023.30"),  # London's clock in winter
        ("en", "3 January 2024, 23:30"),
        ("sv", ""),
        ("en", ""),
    ]


def test_our_own_notes_are_in_utc_and_said_in_swedish_time() -> None:
    assert format_time("sv", "2024-01-03T23:30:00+00:00") == "4 januari 2024 kl.\u00a000.30"
    assert format_time("en", "2024-06-03T23:30:00+00:00") == "4 June 2024, 01:30"
    assert format_time("en", "9999-12-31T23:59:59+00:00") == "31 December 9999, 23:59"
    assert [format_time("sv", text) for text in ("2024-06-03", None)] == ["3 juni 2024", ""]


def test_numbers_and_plurals() -> None:
    assert format_number("sv", 1234567) == "1\u00a0234\u00a0567"
    assert translate("sv", "list.n_releases", n=1) == "1 meddelande"
    assert translate("sv", "list.n_releases", n=0) == "0 meddelanden"
    assert translate("en", "list.n_releases", n=12345) == "12,345 releases"


def test_swedish_order() -> None:
    assert sorted(["Önskeverket", "Älgverket", "Ålverket", "zooverket", "Apverket"], key=swedish_sort_key) == [
        "Apverket",
        "zooverket",
        "Ålverket",
        "Älgverket",
        "Önskeverket",
    ]


async def test_a_text_of_no_known_language_is_not_called_english(site: Site) -> None:
    assert (await site.page("/tag/1?lang=en")).cssselect("h1")[0].get("lang") == ""
    assert (await site.page("/tag/1?lang=sv")).cssselect("h1")[0].get("lang") is None
