"""Other spellings, and phrases without quotation marks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from archive.database.models import Release
from archive.database.sqlite_files import build_connection_runner
from archive.language.synonyms import TRANSLATIONS_FILE
from archive.search.column_cache import ColumnCache
from archive.search.spelling_corrections import correct_query, measure_spelling_difference
from archive.search.suggestions import MAX_TRANSLATED_WORDS, load_translations
from archive.store.releases import Archive
from tests.archive.sample import SEEN
from tests.archive.search.conftest import Searcher, build_request


@pytest.mark.parametrize(
    ("text", "suggestion", "reason"),
    [
        ("rorsangaren", "rörsångaren", "spelling"),
        ("invnteringen", "inventeringen", "spelling"),
        ("rör sångaren", "rörsångaren", "spelling"),
        ("rörsångarenpå", "rörsångaren", "spelling"),
        ('"igen fyrar"', "igen fyrar", "loose"),
    ],
)
async def test_suggestion_has_its_hits(
    sample: Searcher, text: str, suggestion: str, reason: str
) -> None:
    (found,) = (await sample.find(text)).suggestions
    assert (found.request.text, found.reason, found.total) == (suggestion, reason, 1)


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("vägarna", []),
        ("xyzzy", []),
        ('rubrik:fyar -krig "TRE"', ['rubrik:fyrar -krig "TRE"']),
        ("till:vägarn", []),
        ("fyrra hamnnarna", ["fyrar hamnarna"]),
    ],
)
async def test_suggestions_correct_only_misspelt_words(
    sample: Searcher, text: str, suggestions: list[str]
) -> None:
    assert [found.request.text for found in (await sample.find(text)).suggestions] == suggestions


async def test_word_that_is_also_a_field_is_corrected(sample: Searcher) -> None:
    assert (await sample.find("till vägarn")).suggestions[0].request.text == "till vägarna"


@pytest.mark.parametrize(
    ("typed", "meant", "other"),
    [
        ("christersson", "kristersson", "christensen"),  # by sound
        ("sjärna", "stjärna", "tjäna"),
        ("cindkraft", "vindkraft", "handkraft"),  # by keyboard, first letter
        ("räkntta", "räkneta", "räknats"),
        ("arbettslöshet", "arbetslöshet", "arbetslösheten"),  # doubled letter
        ("menniska", "människa", "mensliga"),
    ],
)
def test_likely_spelling_differs_least(typed: str, meant: str, other: str) -> None:
    assert measure_spelling_difference(typed, meant) < measure_spelling_difference(typed, other)


@pytest.fixture(scope="module")
def bilingual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """An archive of releases in two languages."""
    texts = [
        (
            "sv",
            "Åtgärder mot gängvåld",
            "Gängvåldet ökar. En gång i veckan skjuts någon. Statsminister Ulf Kristersson.",
        ),
        (
            "sv",
            "Om psykisk ohälsa",
            "Psykisk ohälsa bland unga ökar. En gång till. Ett rotavdrag. Det kristna.",
        ),
        (
            "en",
            "A day at the lighthouse",
            "The government lit the lighthouse. A violence of waves, and the way of a gang.",
        ),
    ]
    with (
        Archive(tmp_path_factory.mktemp("bilingual") / "archive.db") as archive,
        archive.transaction(),
    ):
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        for number, (language, title, body) in enumerate(
            [
                *texts * 4,
                ("sv", "Saluter", "De skjutes."),
                *[("sv", "Om ransomware", "Det ökar.")] * 10,
            ]
        ):
            release = Release(
                agency="prov",
                url=f"https://prov.example/{number}",
                title=title,
                body=body,
                body_html="",
                language=language,
            )
            archive.save(release, seen_at=SEEN)
    with closing(sqlite3.connect(archive.path)) as connection:
        yield Searcher(build_connection_runner(connection))


@pytest.mark.parametrize(
    ("text", "suggestions", "notes"),
    [
        ("Ulf Christersson", ["Ulf Kristersson"], []),
        ("gang violence", ["gängvåld"], []),
        ("gang violence statistics", [], ["english"]),
        ("lighthouse", [], []),
        ("goverment", ["government"], []),
        ("mental illness", ["psykisk ohälsa"], ["english"]),
        *(
            (text, [], ["english"])
            for text in ("mental illness från:2024", "mental illness -sleep", "rubrik:illness")
        ),
        ("mental illness OR violence", [], ["english"]),
        ("ransomware", [], []),  # has no Swedish word, and enough hits
        ("psykiskohälsa", ["psykisk ohälsa"], []),
        ("ROT-avdrag", [], []),  # finds rotavdrag
        ("dnr A2021/0123", [], ["no_reference"]),
        ("Christersson gängvlåd", ["Kristersson gängvåld"], []),
    ],
)
async def test_suggestions_stay_in_their_language(
    bilingual: Searcher, text: str, suggestions: list[str], notes: list[str]
) -> None:
    results = await bilingual.find(text)
    assert [found.request.text for found in results.suggestions] == suggestions
    assert [note.key for note in results.notes] == notes


@pytest.mark.parametrize(
    ("text", "loose"), [("Christersson", 4), ('"Christersson"', 0), ("+Christersson", 0)]
)
async def test_likely_spelling_has_loose_hits(bilingual: Searcher, text: str, loose: int) -> None:
    hit_page = (await bilingual.find(text)).hit_page
    assert (hit_page.total, len(hit_page.loose.queries)) == (0, loose)


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("Christersson skjutes", "Kristersson skjutes"),  # although "skjuts" is more common
        ('"Christersson" gängvlåd', '"Christersson" gängvåld'),
        ("+Christersson gängvlåd", "+Christersson gängvåld"),
        ('"Christersson" skjutes', '"Christersson" skjutes'),
        ("skjutes", "skjutes"),
    ],
)
async def test_only_words_that_occur_nowhere_are_respelt_for_loose_hits(
    bilingual: Searcher, text: str, corrected: str
) -> None:
    query, _ = await correct_query(bilingual.run, ColumnCache(), build_request(text))
    assert query.text == corrected


@pytest.mark.parametrize(
    ("text", "swedish"),
    [
        ("court of appeal", "hovrätt"),
        ("rule of law in Hungary", "rättsstatens principer ungern"),
        ("men's violence against women", "mäns våld mot kvinnor"),
    ],
)
async def test_function_words_do_not_hide_a_translation(
    tmp_path: Path, text: str, swedish: str
) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        url = "https://prov.example/1"
        archive.save(
            Release(
                agency="prov", url=url, title=swedish, body=swedish, body_html=f"<p>{swedish}</p>"
            ),
            seen_at=SEEN,
        )
    with closing(sqlite3.connect(tmp_path / "archive.db")) as db:
        found = await Searcher(build_connection_runner(db)).find(text)
    assert [each.text for each in found.suggestions if each.reason == "translation"] == [swedish]


def test_every_translation_is_two_texts() -> None:
    for line in TRANSLATIONS_FILE.read_text("utf-8").splitlines():
        cells = line.split("\t")  # English, Swedish, and perhaps the source
        assert line.startswith("#") or (all(map(str.strip, cells)) and len(cells) in (2, 3)), line
    assert max(map(len, load_translations())) <= MAX_TRANSLATED_WORDS
