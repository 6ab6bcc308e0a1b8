"""An edit is the agency's; a new design, a mended rule or a field that was not read before is ours."""

from __future__ import annotations

from typing import Any

import pytest

from archive.records import Attachment, Release
from archive.state import to_state
from scraper.causes import find_cause

URL = "https://skog.example/nyheter/1"
LONG = "Stödet till den som planterar ädellövskog höjs i vår, och ansökan görs på webben som förra året."
OLD_NAMES = [
    "sv-text-portlet",
    "sv-layout",
    "pagecontent",
    "normal",
    "heading",
    "subheading",
    "ingress",
    "menu",
    "foot",
]
NEW_NAMES = ["hero", "prose", "shell", "grid-main", "card-list", "topbar", "crumbs", "bottom", "lead-in", "aside-box"]


def page(paragraphs: list[str], names: list[str], beside: str = "") -> bytes:
    """A page built with some class names."""
    built = "".join(f'<div class="{name}"></div>' for name in names)
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"<html><body>{built}<main><h1>Mer lövskog</h1>{text}</main><div>{beside}</div></body></html>".encode()


def state(*paragraphs: str, files: tuple[str, ...] = ()) -> dict[str, Any]:
    """A release that says so."""
    body_html = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    attachments = tuple(Attachment(url=f"https://skog.example/{name}", title=name) for name in files)
    body = "\n\n".join(paragraphs)
    return to_state(
        Release(agency="skog", url=URL, title="Mer lövskog", body=body, body_html=body_html, attachments=attachments)
    )


def test_the_same_design_and_another_text_is_an_edit() -> None:
    old, new = page([LONG], OLD_NAMES), page([LONG, "Nej."], OLD_NAMES)
    assert find_cause(state(LONG), state(LONG, "Nej."), old, new, URL) == "source"


def test_what_a_new_design_only_lets_us_read_otherwise_is_none() -> None:
    box = "Har du frågor om stödet? Ring växeln."
    old, new = page([LONG, box], OLD_NAMES), page([LONG], NEW_NAMES, beside=box)
    assert find_cause(state(LONG, box), state(LONG), old, new, URL) == "parser"
    assert (
        find_cause(state(LONG), state(LONG, box), page([LONG], OLD_NAMES, box), page([LONG, box], NEW_NAMES), URL)
        == "parser"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([LONG, "Gränsen är 18 år."], [LONG, "Gränsen är 19 år."]),
        ([LONG, "Nej."], [LONG, "Ja."]),
        ([LONG], [LONG, "Beslutet gäller inte längre."]),
        ([LONG.replace("höjs", "sänks")], [LONG]),
    ],
)
def test_an_edit_under_a_new_design_is_one(before: list[str], after: list[str]) -> None:
    old, new = page(before, OLD_NAMES, "Vi börja. 1919 år sedan"), page(after, NEW_NAMES, "Vi börja. 1919 år sedan")
    assert find_cause(state(*before), state(*after), old, new, URL) == "source"


def test_another_file_under_a_new_design_is_an_edit() -> None:
    old = page([LONG, '<a href="/rapport-1.pdf">Rapport</a>'], OLD_NAMES)
    new = page([LONG, '<a href="/rapport-2.pdf">Rapport</a>'], NEW_NAMES)
    before, after = state(LONG, files=("rapport-1.pdf",)), state(LONG, files=("rapport-2.pdf",))
    assert find_cause(before, after, old, new, URL) == "source"


def test_a_page_of_few_names_shows_no_design() -> None:
    box = "Har du frågor om stödet? Ring växeln."
    old, new = page([LONG, box], ["a-text"]), page([LONG], ["b-text"], beside=box)
    assert find_cause(state(LONG, box), state(LONG), old, new, URL) == "source"


def test_a_list_that_was_not_read_before_is_no_edit() -> None:
    before = {**state(LONG), "contacts": None}
    after = {**state(LONG), "contacts": [{"name": "Ada Ek", "role": None, "phone": "010-1", "email": None}]}
    assert find_cause(before, after, None, page([LONG], OLD_NAMES), URL) == "parser"
