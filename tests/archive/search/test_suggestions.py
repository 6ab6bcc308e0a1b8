"""Other spellings, and phrases without quotation marks."""

from __future__ import annotations

import pytest

from tests.archive.search.conftest import Searcher


@pytest.mark.parametrize(
    ("text", "suggestion", "reason"),
    [
        ("rorsangaren", "rörsångaren", "spelling"),
        ("invnteringen", "inventeringen", "spelling"),
        ("rör sångaren", "rörsångaren", "spelling"),
        ('"igen fyrar"', "igen fyrar", "loose"),
    ],
)
async def test_suggestion_has_its_hits(sample: Searcher, text: str, suggestion: str, reason: str) -> None:
    (found,) = (await sample.find(text)).suggestions
    assert (found.request.text, found.reason, found.total) == (suggestion, reason, 1)


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("vägarna", []),
        ("xyzzy", []),
        ('rubrik:fyar -krig "TRE"', ['rubrik:fyrar -krig "TRE"']),
        ("till:vägarn", []),
    ],
)
async def test_suggestions_correct_only_misspelt_words(sample: Searcher, text: str, suggestions: list[str]) -> None:
    assert [found.request.text for found in (await sample.find(text)).suggestions] == suggestions


async def test_word_that_is_also_a_field_is_corrected(sample: Searcher) -> None:
    assert (await sample.find("till vägarn")).suggestions[0].request.text == "till vägarna"
