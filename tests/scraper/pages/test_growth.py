"""The work of reading a page grows with its length, not with the square of it."""

from __future__ import annotations

from cProfile import Profile

import pytest

from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from tests.scraper.pages.sample_page import HEADING, TEXT, URL, build_page

SENTENCE = (
    "Bron ska vila på pelare av betong, och var och en av dem ska bära mer än den gamla bron vägde."
)
CARD = f'<div><a href="/b">En bro till</a> <i>3 mars 2024</i><p>{SENTENCE}</p></div>'
PARTS = {
    "paragraphs": f"<p>{SENTENCE}</p>",
    "questions": f"<h3>Hur går det till?</h3><p>{SENTENCE}</p>",
    "boxes": f'<div class="row"><p>{SENTENCE}</p></div>',
    "lines": f"{SENTENCE}<br>",
    "cards": f'<div class="c"><h3><a href="/b">En bro till</a></h3><p>{SENTENCE}</p></div>',
    "rows of cards": f"<div>{CARD}{CARD}</div>",
    "documents": '<p><a href="/r.pdf">Rapport om bron</a></p>',
    "items": f"<ul><li>{SENTENCE}</li></ul>",
    "rows": f"<table><tr><td>Bro</td><td>{SENTENCE}</td></tr></table>",
}


def count_calls(part: str, number: int) -> int:
    page = build_page(HEADING + TEXT * 10 + part * number)
    profile = Profile()
    profile.runcall(lambda: to_release(read_page(page, URL)))
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.slow("extreme input")
@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_work_grows_with_the_length(part: str) -> None:
    count_calls(part, 1)  # fills the caches
    assert count_calls(part, 400) < 6 * count_calls(part, 100)
