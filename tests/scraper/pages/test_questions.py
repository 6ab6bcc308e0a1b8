"""Questions and answers of pages."""

from __future__ import annotations

import pytest

from tests.case_tables import load_table
from tests.scraper.pages.sample_page import HEADING, TEXT, read_release

WORDS = {
    "Q1": "Varför byggs en ny bro?",
    "A1": "Den gamla bron var sliten och för smal för bussar.",
    "Q2": "Vad har bron kostat hittills?",
    "A2": "Drygt fyrtio miljoner kronor, enligt kalkylen.",
}
DETAILS = "".join(
    f"<details><summary>{WORDS[f'Q{number}']}</summary><p>{WORDS[f'A{number}']}</p></details>"
    for number in (1, 2)
)


@pytest.mark.parametrize(
    ("markup", "head", "after", "pairs", "answered_by"),
    load_table(__file__, "questions.tsv", WORDS),
)
def test_questions(
    markup: str | None,
    *,
    head: str | None,
    after: str | None,
    pairs: str | None,
    answered_by: str | None,
) -> None:
    release = read_release(HEADING + TEXT + (markup or ""), head or "", after or "")
    expected = [tuple(pair.split(" => ")) for pair in (pairs or "").split(" | ") if pair]
    assert [(pair.question, pair.answer) for pair in release.questions] == expected
    assert [pair.position for pair in release.questions] == list(range(1, len(expected) + 1))
    assert {pair.answered_by for pair in release.questions} <= {answered_by}
    places = [release.body.index(text.partition("\n")[0]) for pair in expected for text in pair]
    assert places == sorted(places)
    assert release.body_html.count('id="question-') == len(expected)
    assert f'id="question-{len(expected)}"' in release.body_html or not expected
    if after:
        assert release.body.endswith(expected[-1][1])


def test_questions_in_footer_of_article() -> None:
    release = read_release(
        f"<article>{HEADING}<div>{TEXT}</div><footer>{DETAILS}</footer></article>"
    )
    assert [pair.question for pair in release.questions] == [WORDS["Q1"], WORDS["Q2"]]
    assert [pair.answer for pair in release.questions] == [WORDS["A1"], WORDS["A2"]]
    assert release.body.endswith(WORDS["A2"])


def test_text_after_last_answer_is_body() -> None:
    terms = "<dl><dt>{Q1}</dt><dd>{A1}</dd><dt>{Q2}</dt><dd>{A2}</dd></dl>".format(**WORDS)
    assert (
        "Brochefen beslutade."
        in read_release(f"{HEADING}{TEXT}{terms}<p>Brochefen beslutade.</p>").body
    )


def test_name_before_answer_is_answered_by() -> None:
    article = "<h2>{Q1}</h2><p>Eva Ek, utredare:</p><p>{A1}</p>".format(**WORDS)
    release = read_release(f"<h1>Frågor och svar om bron</h1>{TEXT}{article}")
    found = [(pair.answer, pair.answered_by) for pair in release.questions]
    assert found == [(WORDS["A1"], "Eva Ek, utredare")]
