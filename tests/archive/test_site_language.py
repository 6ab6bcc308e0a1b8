"""Both languages of the interface are complete and agree with the templates."""

from __future__ import annotations

import re
import string

import pytest

from archive.i18n import (
    ALL_TEXTS,
    FIELD_HEADINGS,
    IMPORTANCE_LEVELS,
    LANGUAGES,
    MONTH_NAMES,
    RELEASE_KIND_TEXTS,
    REMOVAL_CHOICES,
    REMOVAL_TEXTS,
    TextForms,
    Translation,
    choose_language,
    format_number,
    format_stated_time,
    format_time,
    swedish_sort_key,
    translate,
)
from scraper.normalise.vocabulary import KIND_PHRASES
from tests.archive.sample import ROOT, Site

CALL = re.compile(r"""\bt\(["'](\w+)["']( ~)?""")


def forms(words: TextForms) -> tuple[str, ...]:
    """A text's forms: one, or one for one and one for many."""
    return words if isinstance(words, tuple) else (words,)


def names(words: TextForms) -> set[str]:
    """What is filled into a text."""
    return {name for form in forms(words) for _, name, _, _ in string.Formatter().parse(form) if name}


@pytest.mark.parametrize("key", ALL_TEXTS)
def test_both_languages_say_the_same(key: str) -> None:
    sv, en = ALL_TEXTS[key]
    assert all(form.strip() for form in (*forms(sv), *forms(en)))
    assert names(sv) == names(en)


def test_templates_and_texts_agree() -> None:
    used: set[str] = set()
    begun: set[str] = set()
    for path in (ROOT / "archive/templates").iterdir():
        for key, joined in CALL.findall(path.read_text(encoding="utf-8")):
            (begun if joined else used).add(key)
    assert used <= set(ALL_TEXTS)
    told = ("facet_", "lang_", "event_", "stands_", "note_", "refused_", "search_note_", "kind_", "gap_", "takedown_")
    assert begun == {*told, "ask_", "way_"}
    code = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "archive").rglob("*.py") if path.name != "i18n.py"
    )
    left = {key for key in ALL_TEXTS if key not in used and not key.startswith(tuple(begun)) and f'"{key}"' not in code}
    assert left == {"outage_since", "forbidden_since", "unread_since"}  # said by the standing's kind


def test_every_kind_a_release_can_have_has_words() -> None:
    assert set(RELEASE_KIND_TEXTS) == set(KIND_PHRASES)
    assert len(MONTH_NAMES) == 12
    assert all(
        isinstance(text, Translation)
        for text in (*RELEASE_KIND_TEXTS.values(), *MONTH_NAMES, *FIELD_HEADINGS.values(), *REMOVAL_CHOICES.values())
    )
    assert set(REMOVAL_TEXTS) == set(REMOVAL_CHOICES)
    assert [least for least, _, _ in IMPORTANCE_LEVELS] == sorted(
        (least for least, _, _ in IMPORTANCE_LEVELS), reverse=True
    )


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
    assert translate("sv", "hits", n=1) == "1 meddelande"
    assert translate("sv", "hits", n=0) == "0 meddelanden"
    assert translate("en", "hits", n=12345) == "12,345 releases"


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
