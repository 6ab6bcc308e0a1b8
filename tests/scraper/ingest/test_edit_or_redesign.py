"""Causes of a change: the agency's edit, or a new template or parser."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from archive.database.models import Attachment, Release, to_state
from scraper.ingest.edit_or_redesign import PageVersion, find_change_cause

URL = "https://skog.example/nyheter/1"
TEXT = (
    "Stödet till den som planterar ädellövskog höjs i vår, och ansökan görs på webben som förra"
    " året."
)
BOX = "Har du frågor om stödet? Ring växeln."
OLD_NAMES = "sv-text-portlet sv-layout pagecontent normal heading subheading ingress menu foot"
NEW_NAMES = "hero prose shell grid-main card-list topbar crumbs bottom lead-in aside-box"
OLD_MENU = '<a href="/om.html">Om oss</a><a href="/nyheter.html">Nyheter</a><a href="/">Start</a>'
NEW_MENU = '<a href="/om-oss">Om oss</a><a href="/aktuellt">Nyheter</a><a href="/">Start</a>'


def build_page(*paragraphs: str, names: str, outside: str = "") -> bytes:
    """A page of a template with these class names, and text outside its main element."""
    template = "".join(f'<div class="{name}"></div>' for name in names.split())
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    html = (
        f"<html><body>{template}<main><h1>Mer lövskog</h1>{text}</main><div>{outside}</div></"
        f"body></html>"
    )
    return html.encode()


def build_state(*paragraphs: str, files: tuple[str, ...] = ()) -> dict[str, Any]:
    body_html = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    attachments = tuple(
        Attachment(url=f"https://skog.example/{name}", title=name) for name in files
    )
    body = "\n\n".join(paragraphs)
    return to_state(
        Release(
            agency="skog",
            url=URL,
            title="Mer lövskog",
            body=body,
            body_html=body_html,
            attachments=attachments,
        )
    )


def build_linked(*links: tuple[str, str], menu: str = "") -> tuple[dict[str, Any], bytes, bytes]:
    """The state of a release with links (text, URL), and its page in the old and in the new
    template.
    """
    text = TEXT + "".join(f' <a href="{target}">{words}</a>' for words, target in links)
    plain = " ".join((TEXT, *(words for words, _ in links)))
    state = {
        **build_state(plain),
        "body_html": f"<p>{text}</p>".replace('"/', '"https://skog.example/'),
    }
    return (
        state,
        build_page(text, names=OLD_NAMES, outside=menu),
        build_page(text, names=NEW_NAMES, outside=menu),
    )


def find_cause(
    before: dict[str, Any],
    after: dict[str, Any],
    old: bytes | None,
    new: bytes,
    *,
    url_changed: bool = False,
) -> str:
    old_version = None if old is None else PageVersion(URL, partial(bytes, old))
    return find_change_cause(
        before,
        after,
        old_version,
        PageVersion(URL, partial(bytes, new)),
        URL,
        url_changed=url_changed,
    )


@pytest.mark.parametrize(
    ("before", "after", "names", "outside", "cause"),
    [
        pytest.param([TEXT], [TEXT, "Nej."], OLD_NAMES, "", "source", id="same template"),
        pytest.param([TEXT, BOX], [TEXT], NEW_NAMES, BOX, "parser", id="text is now outside"),
        (
            [TEXT, "Gränsen är 18 år."],
            [TEXT, "Gränsen är 19 år."],
            NEW_NAMES,
            "Vi börja. 1919 år sedan",
            "source",
        ),
        ([TEXT, "Nej."], [TEXT, "Ja."], NEW_NAMES, "Vi börja. 1919 år sedan", "source"),
        (
            [TEXT],
            [TEXT, "Beslutet gäller inte längre."],
            NEW_NAMES,
            "Vi börja. 1919 år sedan",
            "source",
        ),
        ([TEXT.replace("höjs", "sänks")], [TEXT], NEW_NAMES, "Vi börja. 1919 år sedan", "source"),
    ],
)
def test_changed_text(
    before: list[str], after: list[str], names: str, outside: str, cause: str
) -> None:
    old_outside = "" if outside == BOX else outside
    old = build_page(*before, names=OLD_NAMES, outside=old_outside)
    new = build_page(*after, names=names, outside=outside)
    assert find_cause(build_state(*before), build_state(*after), old, new) == cause


def test_text_that_was_outside_before_a_redesign_is_no_edit() -> None:
    old, new = (
        build_page(TEXT, names=OLD_NAMES, outside=BOX),
        build_page(TEXT, BOX, names=NEW_NAMES),
    )
    assert find_cause(build_state(TEXT), build_state(TEXT, BOX), old, new) == "parser"


def test_template_with_few_class_names_is_not_recognised() -> None:
    old, new = build_page(TEXT, BOX, names="a-text"), build_page(TEXT, names="b-text", outside=BOX)
    assert find_cause(build_state(TEXT, BOX), build_state(TEXT), old, new) == "source"


def test_list_that_was_not_parsed_before_is_no_edit() -> None:
    before = {**build_state(TEXT), "contacts": None}
    after = {
        **build_state(TEXT),
        "contacts": [{"name": "Ada Ek", "role": None, "phone": "010-1", "email": None}],
    }
    assert find_cause(before, after, None, build_page(TEXT, names=OLD_NAMES)) == "parser"


def test_another_file_in_a_new_template_is_an_edit() -> None:
    old = build_page(TEXT, '<a href="/rapport-1.pdf">Rapport</a>', names=OLD_NAMES)
    new = build_page(TEXT, '<a href="/rapport-2.pdf">Rapport</a>', names=NEW_NAMES)
    before, after = (
        build_state(TEXT, files=("rapport-1.pdf",)),
        build_state(TEXT, files=("rapport-2.pdf",)),
    )
    assert find_cause(before, after, old, new) == "source"


@pytest.mark.parametrize(
    ("old_date", "new_date", "outside", "cause"),
    [
        ("2026-03-01", "2026-02-15", "", "source"),
        ("2026-03-01", "2026-03-01T09:30:00+01:00", "", "parser"),
        ("2026-03", "2026-03-01", "", "parser"),
        ("2026-03-01", None, "", "parser"),
        (None, "2026-03-01", "", "parser"),
        # both pages show both dates, and another one is parsed now
        ("2026-03-01", "2026-02-15", "Skapad 2026-02-15, visad 2026-03-01", "parser"),
    ],
)
@pytest.mark.parametrize("name", ["published", "updated"])
def test_changed_date_in_a_new_template(
    name: str, old_date: str | None, new_date: str | None, outside: str, cause: str
) -> None:
    old = build_page(TEXT, old_date or "", names=OLD_NAMES, outside=outside)
    new = build_page(TEXT, new_date or "", names=NEW_NAMES, outside=outside)
    before, after = (
        {**build_state(TEXT), name: day, f"{name}_text": day} for day in (old_date, new_date)
    )
    assert find_cause(before, after, old, new) == cause


@pytest.mark.parametrize(
    ("old_target", "new_target", "cause"),
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
def test_changed_link_target_in_a_new_template(
    old_target: str, new_target: str, cause: str
) -> None:
    before, old, _ = build_linked(("rapporten", old_target), menu=OLD_MENU)
    after, _, new = build_linked(("rapporten", new_target), menu=OLD_MENU)
    assert find_cause(before, after, old, new) == cause


def test_new_urls_of_the_whole_site_are_no_edit() -> None:
    before, old, _ = build_linked(("rapporten", "/12.html"), ("läs mer", "/13.html"), menu=OLD_MENU)
    new_links = (("rapporten", "/en-rapport"), ("läs mer", "/lovskog"))
    after, _, new = build_linked(*new_links, menu=NEW_MENU)
    assert find_cause(before, after, old, new) == "parser"
    _, _, same_menu = build_linked(*new_links, menu=OLD_MENU)
    assert find_cause(before, after, old, same_menu) == "source"
    assert find_cause(before, after, old, same_menu, url_changed=True) == "parser"


def test_added_or_removed_link_to_another_site_is_an_edit() -> None:
    target = "https://verket.example/b?c=1&amp;d=2"
    before, old, _ = build_linked(("rapporten", target))
    after, _, new = build_linked()
    after |= {"body": before["body"]}
    new = new.replace(b"</main>", b"<p>rapporten</p></main>").replace(
        TEXT.encode(), f"{TEXT} rapporten".encode()
    )
    assert find_cause(before, after, old, new) == "source"
    assert find_cause(after, before, new, old) == "source"
    outside = new.replace(b"</body>", f'<a href="{target}">Ut</a></body>'.encode())
    assert find_cause(before, after, old, outside) == "parser", (
        "the link is on the page, outside the text"
    )


def test_links_with_the_same_text_are_compared_as_a_set() -> None:
    before, old, _ = build_linked(("läs mer", "/a.html"), ("läs mer", "/b.html"))
    for targets, cause in ((("/ny/b", "/ny/a"), "parser"), (("/ny/b", "/ny/c"), "source")):
        after, _, new = build_linked(*(("läs mer", target) for target in targets))
        assert find_cause(before, after, old, new) == cause
