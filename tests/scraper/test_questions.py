"""Questions and answers in every form agencies give them, and what only looks like them."""

from __future__ import annotations

import pytest

from archive.models import Release
from tests.scraper.pages_of import TEXT, read

FIRST, SECOND = "Varför byggs en ny bro?", "Vad har bron kostat hittills?"
ONE, TWO = "Den gamla bron var sliten och för smal för bussar.", "Drygt fyrtio miljoner kronor, enligt kalkylen."
PAIRS = [(FIRST, ONE), (SECOND, TWO)]

FORMS = {
    "h2": f"<h2>{FIRST}</h2><p>{ONE}</p><h2>{SECOND}</h2><p>{TWO}</p>",
    "h3": f"<h2>Frågor och svar</h2><h3>{FIRST}</h3><p>{ONE}</p><h3>{SECOND}</h3><p>{TWO}</p>",
    "bold and dash": f"<p><strong>{FIRST}</strong></p><p>– {ONE}</p><p><b>{SECOND}</b></p><p>−\u00a0{TWO}</p>",
    "bold and break": f"<p><strong>{FIRST}</strong><br>– {ONE}</p><p><strong>{SECOND}</strong><br>– {TWO}</p>",
    "details": f"<details><summary>{FIRST}</summary><p>{ONE}</p></details>"
    f"<details><summary>{SECOND}</summary><p>{TWO}</p></details>",
    "ARIA": "".join(
        f'<h3><button aria-expanded="false" aria-controls="p{number}">{question}</button></h3>'
        f'<div id="p{number}" role="region" hidden aria-hidden="true"><p>{answer}</p></div>'
        for number, (question, answer) in enumerate(PAIRS)
    ),
    "accordion by class": "".join(
        f'<div class="accordion__item"><div class="accordion__title">{question}</div><div>{answer}</div></div>'
        for question, answer in PAIRS
    ),
    "dl": f"<dl><dt>{FIRST}</dt><dd>{ONE}</dd><dt>{SECOND}</dt><dd>{TWO}</dd></dl>",
    "marked": f"<p>Fråga: {FIRST}<br>Svar: {ONE}</p><p>Fråga: {SECOND}<br>Svar: {TWO}</p>",
    "marked by letters": f"<p>F. {FIRST}</p><p>S. {ONE}</p><p>F. {SECOND}</p><p>S. {TWO}</p>",
    "bold, answer in the same line": f"<p><b>{FIRST}</b> {ONE}</p><p><b>{SECOND}</b> {TWO}</p>",
    "a dash alone": f"<p>{FIRST}</p><p>– {ONE}</p><p>{SECOND}</p><p>– {TWO}</p>",
    "a sign in the title": "".join(
        f'<details><summary>{question}<span aria-hidden="true">+</span></summary><p>{answer}</p></details>'
        for question, answer in PAIRS
    ),
    "role alone": "".join(
        f'<div role="button" tabindex="0">{question}</div><div>{answer}</div>' for question, answer in PAIRS
    ),
    "state on the panel": "".join(
        f'<div class="x"><button type="button">{question}</button>'
        f'<div role="region" aria-expanded="false">{answer}</div></div>'
        for question, answer in PAIRS
    ),
    "cards": "".join(
        f'<div class="card"><div class="card-header">{question}</div><div class="card-body">{answer}</div></div>'
        for question, answer in PAIRS
    ),
    "links": "".join(
        f'<div class="item"><a href="#" class="toggle">{question}</a><div>{answer}</div></div>'
        for question, answer in PAIRS
    ),
    "side by side": "".join(f'<div class="x">{question}</div><p>{answer}</p>' for question, answer in PAIRS),
    "links in a list": "<ul>"
    + "".join(f'<li><a href="#">{question}</a><div>{answer}</div></li>' for question, answer in PAIRS)
    + "</ul>",
    "list": f"<h2>Vanliga frågor</h2><ol><li><strong>{FIRST}</strong><br>{ONE}</li>"
    f"<li><strong>{SECOND}</strong><br>{TWO}</li></ol>",
}


def pairs(release: Release) -> list[tuple[str, str]]:
    return [(found.question, found.answer) for found in release.questions]


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form: str) -> None:
    release = read(f"<h1>Ny bro</h1>{TEXT}{FORMS[form]}")
    assert pairs(release) == PAIRS
    assert [found.position for found in release.questions] == [1, 2]
    assert release.body.index(FIRST) < release.body.index(ONE) < release.body.index(SECOND)
    assert 'id="question-1"' in release.body_html
    assert 'id="question-2"' in release.body_html


@pytest.mark.parametrize("names", ['class="faq-section"', ""])
@pytest.mark.parametrize("form", ["details", "ARIA"])
def test_questions_outside_the_text_are_brought_to_its_end(names: str, form: str) -> None:
    release = read(f"<h1>Ny bro</h1><div>{TEXT}{TEXT}</div>", after=f"<section {names}>{FORMS[form]}</section>")
    assert pairs(release) == PAIRS
    assert release.body.endswith(TWO)


def test_questions_in_the_foot_of_the_text_belong_to_it() -> None:
    release = read(f"<article><h1>Ny bro</h1><div>{TEXT}</div><footer>{FORMS['details']}</footer></article>")
    assert pairs(release) == PAIRS
    assert release.body.endswith(TWO)


@pytest.mark.parametrize("dashes", [("– ", "– "), ("– ", ""), ("", "")])
def test_an_answer_of_several_paragraphs(dashes: tuple[str, str]) -> None:
    first, second = dashes
    answer = f"<p>{first}{ONE}</p><p>{second}Det visade besiktningen.</p>"
    release = read(f"<h1>Ny bro</h1>{TEXT}<h2>{FIRST}</h2>{answer}<h2>{SECOND}</h2><p>{first}{TWO}</p>")
    assert pairs(release) == [(FIRST, f"{ONE}\n\nDet visade besiktningen."), (SECOND, TWO)]


@pytest.mark.parametrize("form", ["<details><summary>{}</summary>{}</details>", '<p class="question">{}</p>{}'])
def test_every_paragraph_of_a_folded_answer(form: str) -> None:
    answer = f"<p>{ONE}</p><p>Det visade besiktningen.</p>"
    release = read(f"<h1>Ny bro</h1>{TEXT}{form.format(FIRST, answer)}{form.format(SECOND, f'<p>{TWO}</p>')}")
    assert pairs(release) == [(FIRST, f"{ONE}\n\nDet visade besiktningen."), (SECOND, TWO)]


def test_a_panel_that_does_not_ask_between_those_that_do() -> None:
    panel = '<div><button aria-expanded="false">{}</button><div><p>{}</p></div></div>'
    row = [(FIRST, ONE), ("Tidplan för bygget", "Arbetet tar två år från start till mål."), (SECOND, TWO)]
    other = panel.format("Om projektet", "Bron är ett projekt.") + panel.format("Om kommunen", "Den har en å.") * 3
    rows = "".join(panel.format(*pair) for pair in row)
    release = read(f"<h1>Ny bro</h1>{TEXT}{other}<h2>Vanliga frågor</h2>{rows}")
    assert pairs(release) == row


@pytest.mark.parametrize(
    ("intro", "who"),
    [
        ("Eva Ek, utredare på Verket svarar här på två frågor:", "Eva Ek, utredare på Verket"),
        ("Här svarar Eva Ek, generaldirektör, på två frågor om bron.", "Eva Ek, generaldirektör"),
        ("Vi har samlat det viktigaste.", None),
    ],
)
def test_who_answers(intro: str, who: str | None) -> None:
    release = read(f"<h1>Ny bro</h1>{TEXT}<p>{intro}</p>{FORMS['bold and dash']}")
    assert [found.answered_by for found in release.questions] == [who, who]


def test_a_name_before_the_answer_answers_it() -> None:
    release = read(f"<h1>Frågor och svar om bron</h1>{TEXT}<h2>{FIRST}</h2><p>Eva Ek, utredare:</p><p>{ONE}</p>")
    assert [(found.answer, found.answered_by) for found in release.questions] == [(ONE, "Eva Ek, utredare")]


def test_an_answer_ends_where_another_section_begins() -> None:
    release = read(f"<h1>Ny bro</h1>{TEXT}{FORMS['h2']}<h2>Så görs bygget</h2><p>Först gjuts fundamenten.</p>")
    assert pairs(release) == PAIRS


def test_questions_that_the_pages_data_names_are_believed() -> None:
    head = f"""<script type="application/ld+json">{{"@type": "FAQPage", "mainEntity": [{{"@type": "Question",
    "name": "{FIRST}", "acceptedAnswer": {{"text": "x"}}}}]}}</script>"""
    article = (
        f"<h1>Ny bro</h1>{TEXT}<h2>Bakgrund</h2><p>En bro.</p><h2>{FIRST}</h2><p>{ONE}</p><h2>Tid</h2><p>Höst.</p>"
    )
    assert pairs(read(article, head)) == [(FIRST, ONE)]
    assert pairs(read(article)) == []


@pytest.mark.parametrize(
    "article",
    [
        "<h2>Vad händer nu?</h2><p>Bygget går vidare under våren.</p><h2>Bakgrund</h2><p>Bron är gammal.</p>"
        "<h2>Kostnad</h2><p>Den är känd.</p>",
        "<h2>Har du frågor?</h2><p>Ring oss på telefon.</p>",
        "<p>Hur blev det så? Det vet ingen.</p>",
        "<p>Hur blev det så?</p><p>– Det vet ingen, säger projektledaren.</p><p>Bygget fortsätter.</p>",
        "<p><b>Hur blev det så?</b> undrar många.</p>",
        '<h2>Vill du veta mer?</h2><ul><li><a href="/a">Om bron</a></li></ul>',
        "<details><summary>Visa tidtabellen</summary><p>Klockan tio.</p></details>",
    ],
)
def test_what_only_looks_like_questions(article: str) -> None:
    assert pairs(read(f"<h1>Ny bro</h1>{TEXT}{article}")) == []


def test_a_short_question_is_one_and_loses_none_after_it() -> None:
    pairs = (("Vad händer nu?", "Nu målas räcket."), ("Varför?", "Det rostar."), (FIRST, ONE))
    article = "<h2>Frågor och svar</h2>" + "".join(f"<h3>{asked}</h3><p>{told}</p>" for asked, told in pairs)
    release = read(f"<h1>Ny bro öppnar</h1>{TEXT}{article}")
    assert [(pair.question, pair.answer) for pair in release.questions] == list(pairs)


def test_the_last_answer_of_a_list_of_terms_ends_with_it() -> None:
    article = FORMS["dl"] + "<p>Beslutet fattades av brochefen Eva Ek efter samråd med byalaget.</p>"
    release = read(f"<h1>Ny bro öppnar</h1>{TEXT}{article}")
    assert [pair.answer for pair in release.questions] == [ONE, TWO]
    assert "Eva Ek" in release.body


def test_a_letter_that_opens_a_name_marks_nothing() -> None:
    article = (
        f"<h2>Frågor och svar</h2><h3>{FIRST}</h3><p>S:t Eriks bro var sliten.</p><h3>{SECOND}</h3><p>A. Ek vet.</p>"
    )
    release = read(f"<h1>Ny bro öppnar</h1>{TEXT}{article}")
    assert [pair.answer for pair in release.questions] == ["S:t Eriks bro var sliten.", "A. Ek vet."]
    for text in (
        "<h2>Q2: Trafiken ökade</h2><p>Den ökade med fem procent.</p>",
        "<p>F. Ek ritade bron.</p><p>Den är fin.</p>",
    ):
        assert not read(f"<h1>Ny bro öppnar</h1>{TEXT}{text}").questions
