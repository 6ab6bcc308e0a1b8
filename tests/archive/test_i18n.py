from __future__ import annotations

import re

import pytest

from archive.i18n import (
    choose_language,
    describe_edit_time,
    format_number,
    format_stated_time,
    format_time,
    swedish_sort_key,
    translate,
)
from tests.archive.sample import ROOT

# variables of templates that an agency or reader states
STATED = ("period", "published", "updated", "newest", "when", "day")
# recorded by the archive
OTHER_TIMES = (
    "edit.when",
    "removal.when",
    "first_revision.when",
    "moved_here.when",
    "newest_edit.when",
)
DAYS = ("status.html", "status_agency.html")  # templates that format only days of these variables


@pytest.mark.parametrize(
    ("requested", "accept_language", "language"),
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
def test_choose_language(requested: str | None, accept_language: str | None, language: str) -> None:
    assert choose_language(requested, accept_language) == language


@pytest.mark.parametrize(
    ("text", "swedish", "english"),
    [
        ("2021-05-18T10:57:00+02:00", "18 maj 2021 kl.\u00a010.57", "18 May 2021, 10:57"),
        ("2021-05-18", "18 maj 2021", "18 May 2021"),
        ("2024-01-03T23:30:00+00:00", "3 januari 2024 kl.\u00a023.30", "3 January 2024, 23:30"),
        (None, "", ""),
    ],
)
def test_stated_time_is_in_its_own_time_zone(text: str | None, swedish: str, english: str) -> None:
    assert (format_stated_time("sv", text), format_stated_time("en", text)) == (swedish, english)


@pytest.mark.parametrize(
    ("language", "text", "formatted"),
    [
        ("sv", "2024-01-03T23:30:00+00:00", "4 januari 2024 kl.\u00a000.30"),
        ("en", "2024-06-03T23:30:00+00:00", "4 June 2024, 01:30"),
        ("en", "9999-12-31T23:59:59+00:00", "31 December 9999, 23:59"),  # has no Swedish time
        ("sv", "2024-06-03", "3 juni 2024"),
        ("sv", None, ""),
    ],
)
def test_recorded_time_is_in_swedish_time(language: str, text: str | None, formatted: str) -> None:
    assert format_time(language, text) == formatted


def test_templates_format_stated_times_in_their_own_time_zone() -> None:
    wrong = []
    for path in sorted((ROOT / "archive/templates").rglob("*.html")):
        for stated, variable in re.findall(
            r"format_(stated_)?time\(([\w.]+)\)", path.read_text("utf-8")
        ):
            is_stated = variable.rpartition(".")[2] in STATED and variable not in OTHER_TIMES
            if bool(stated) != is_stated and path.name not in DAYS:
                wrong.append((path.name, variable))
    assert wrong == []


def test_numbers_and_plurals() -> None:
    assert format_number("sv", 1234567) == "1\u00a0234\u00a0567"
    assert [translate("sv", "list.n_releases", n=n) for n in (0, 1)] == [
        "0 meddelanden",
        "1 meddelande",
    ]
    assert translate("en", "list.n_releases", n=12345) == "12,345 releases"


def test_swedish_letters_are_sorted_after_z() -> None:
    names = ["Önskeverket", "Älgverket", "Ålverket", "zooverket", "Apverket"]
    assert sorted(names, key=swedish_sort_key) == names[::-1]


@pytest.mark.parametrize(
    ("after", "swedish", "english"),
    [
        (None, "Upptäckt 3 juni 2024 kl.\u00a010.15.", "Found on 3 June 2024, 10:15."),
        (
            "2024-06-03T08:15:01+00:00",  # the same minute is named once
            "Gjord 3 juni 2024 kl.\u00a010.15, mellan två kontroller samma minut.",
            "Made on 3 June 2024, 10:15, between two checks in the same minute.",
        ),
        (
            "2024-06-03T08:14:59+00:00",
            "Gjord mellan två kontroller: 3 juni 2024"
            " kl.\u00a010.14 och 3 juni 2024 kl.\u00a010.15.",
            "Made between two checks: 3 June 2024, 10:14 and 3 June 2024, 10:15.",
        ),
    ],
)
def test_time_of_an_edit(after: str | None, swedish: str, english: str) -> None:
    when = "2024-06-03T08:15:40+00:00"
    assert describe_edit_time("sv", after, when) == swedish
    assert describe_edit_time("en", after, when) == english
