"""An edit is the agency's; a new design, a mended rule or a field that was not read before is ours."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from archive.models import Attachment, Release, to_state
from scraper.redesign import PageVersion, find_change_cause

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


def find_cause(
    before: dict[str, Any], after: dict[str, Any], old: bytes | None, new: bytes, url: str, *, url_changed: bool = False
) -> str:
    """The cause of a change between two pages that are given as bytes."""
    versions = [html if html is None else PageVersion(url, partial(bytes, html)) for html in (old, new)]
    assert versions[1]
    return find_change_cause(before, after, versions[0], versions[1], url, url_changed=url_changed)


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


@pytest.mark.parametrize(
    ("was", "now", "beside", "cause"),
    [
        ("2026-03-01", "2026-02-15", "", "source"),
        ("2026-03-01", "2026-03-01T09:30:00+01:00", "", "parser"),
        ("2026-03", "2026-03-01", "", "parser"),
        ("2026-03-01", None, "", "parser"),
        (None, "2026-03-01", "", "parser"),
        ("2026-03-01", "2026-02-15", "Skapad 2026-02-15, visad 2026-03-01", "parser"),  # another one is read
    ],
)
@pytest.mark.parametrize("name", ["published", "updated"])
def test_another_date_under_a_new_design_is_an_edit(
    name: str, was: str | None, now: str | None, beside: str, cause: str
) -> None:
    old, new = page([LONG, was or ""], OLD_NAMES, beside), page([LONG, now or ""], NEW_NAMES, beside)
    before, after = ({**state(LONG), name: told, f"{name}_text": told} for told in (was, now))
    assert find_cause(before, after, old, new, URL) == cause


def linked(*links: tuple[str, str], menu: str = "") -> tuple[dict[str, Any], bytes, bytes]:
    """A release with some links, by words and addresses, and its page in the old and in the new design."""
    text = LONG + "".join(f' <a href="{target}">{words}</a>' for words, target in links)
    plain = " ".join((LONG, *(words for words, _ in links)))
    told = {**state(plain), "body_html": f"<p>{text}</p>".replace('"/', '"https://skog.example/')}
    return told, page([text], OLD_NAMES, menu), page([text], NEW_NAMES, menu)


OLD_MENU = '<a href="/om.html">Om oss</a><a href="/nyheter.html">Nyheter</a><a href="/">Start</a>'
NEW_MENU = '<a href="/om-oss">Om oss</a><a href="/aktuellt">Nyheter</a><a href="/">Start</a>'


@pytest.mark.parametrize(
    ("was", "now", "cause"),
    [
        ("/a", "/b", "source"),
        ("https://verket.example/a", "https://verket.example/b", "source"),
        ("https://verket.example/a", "https://www.verket.example/a/?utm_source=skog", "parser"),
        ("https://verket.example/a", "/ut?till=https://verket.example/a", "parser"),
        ("mailto:ada@skog.example", "mailto:bo@skog.example", "source"),
        ("mailto:ada@skog.example", "mailto:ADA@skog.example?subject=Skog", "parser"),
        ("mailto:ada@skog.example", "/kontakt", "parser"),
        ("tel:010-123 45 67", "tel:+46101234567", "parser"),
        ("/nyhet/rapport.html", "/publicerat/2026/rapport", "parser"),
    ],
)
def test_a_link_that_leads_elsewhere_under_a_new_design_is_an_edit(was: str, now: str, cause: str) -> None:
    before, old, _ = linked(("rapporten", was), menu=OLD_MENU)
    after, _, new = linked(("rapporten", now), menu=OLD_MENU)
    assert find_cause(before, after, old, new, URL) == cause


def test_a_new_design_that_writes_the_sites_addresses_anew_is_no_edit() -> None:
    before, old, _ = linked(("rapporten", "/12.html"), ("läs mer", "/13.html"), menu=OLD_MENU)
    after, _, new = linked(("rapporten", "/en-rapport"), ("läs mer", "/lovskog"), menu=NEW_MENU)
    assert find_cause(before, after, old, new, URL) == "parser"
    _, _, kept = linked(("rapporten", "/en-rapport"), ("läs mer", "/lovskog"), menu=OLD_MENU)
    assert find_cause(before, after, old, kept, URL) == "source"
    assert find_cause(before, after, old, kept, URL, url_changed=True) == "parser"


def test_a_link_to_another_site_that_came_or_went_under_a_new_design_is_an_edit() -> None:
    away = "https://verket.example/b?c=1&amp;d=2"
    before, old, _ = linked(("rapporten", away))
    after, _, new = linked()
    after |= {name: before[name] for name in ("body",)}
    new = new.replace(b"</main>", b"<p>rapporten</p></main>").replace(LONG.encode(), f"{LONG} rapporten".encode())
    assert find_cause(before, after, old, new, URL) == "source"
    assert find_cause(after, before, new, old, URL) == "source"
    elsewhere = new.replace(b"</body>", f'<a href="{away}">Ut</a></body>'.encode())
    assert find_cause(before, after, old, elsewhere, URL) == "parser", "the page has it where it is not read"


def test_two_links_on_the_same_words_are_told_apart() -> None:
    before, old, _ = linked(("läs mer", "/a.html"), ("läs mer", "/b.html"))
    after, _, new = linked(("läs mer", "/ny/b"), ("läs mer", "/ny/a"))
    assert find_cause(before, after, old, new, URL) == "parser"
    after, _, new = linked(("läs mer", "/ny/b"), ("läs mer", "/ny/c"))
    assert find_cause(before, after, old, new, URL) == "source"


def test_a_page_of_few_names_shows_no_design() -> None:
    box = "Har du frågor om stödet? Ring växeln."
    old, new = page([LONG, box], ["a-text"]), page([LONG], ["b-text"], beside=box)
    assert find_cause(state(LONG, box), state(LONG), old, new, URL) == "source"


def test_a_list_that_was_not_read_before_is_no_edit() -> None:
    before = {**state(LONG), "contacts": None}
    after = {**state(LONG), "contacts": [{"name": "Ada Ek", "role": None, "phone": "010-1", "email": None}]}
    assert find_cause(before, after, None, page([LONG], OLD_NAMES), URL) == "parser"
