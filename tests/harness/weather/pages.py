"""Conditions of the page itself: charset, type, content and size."""

from __future__ import annotations

from tests.harness.weather.host import BAD, Expected, Weather, bad_page, write_release
from tests.harness.weather.network import refused

TITLE = "Översyn av åtgärder på Åland"
FIELD = "select title from releases where agency = ? and url like '%daligt-vader'"


def held(outcome: str, look: str | None = None, said: str = "") -> Expected:
    """Expect that the URL with the fault is stored as well."""
    return Expected(state="stored", held=4, outcome=outcome, look=look, said=said)


def make_pages() -> list[Weather]:
    """Return every condition of this kind."""
    return [*charsets(), *media(), *contents(), *sizes()]


def charsets() -> list[Weather]:
    """Return conditions with wrong, missing and rare charsets."""
    text = write_release(TITLE)
    meta = text.replace("<head>", '<head><meta charset="utf-8">')
    right = held("held, letters and all", FIELD, f"^{TITLE}$")
    return [
        Weather(
            name="charset-wrong",
            sky="UTF-8 sent as ISO-8859-1",
            expected=right,
            faults=bad_page(meta.encode(), "text/html; charset=iso-8859-1"),
        ),
        Weather(
            name="charset-wrong-too",
            sky="Latin-1 sent as UTF-8",
            expected=right,
            faults=bad_page(meta.encode("latin-1"), "text/html; charset=utf-8"),
        ),
        Weather(
            name="charset-none",
            sky="no charset anywhere",
            expected=right,
            faults=bad_page(text.encode(), "text/html"),
        ),
        Weather(
            name="charset-utf-16",
            sky="UTF-16",
            expected=right,
            faults=bad_page(text.encode("utf-16"), "text/html; charset=utf-16"),
        ),
        Weather(
            name="charset-unknown",
            sky="a charset that is none",
            expected=right,
            faults=bad_page(text.encode(), "text/html; charset=x-klingon"),
        ),
    ]


def media() -> list[Weather]:
    """Return conditions with a wrong media type."""
    paper = (
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
        + bytes(range(256)) * 200
    )
    return [
        Weather(
            name="pdf-as-html",
            sky="a PDF sent as HTML",
            expected=refused("is a PDF file", "refused: a PDF file"),
            faults=bad_page(paper),
        ),
        Weather(
            name="html-as-pdf",
            sky="HTML sent as a PDF",
            expected=held("held: the bytes tell"),
            faults=bad_page(write_release(), "application/pdf"),
        ),
    ]


def contents() -> list[Weather]:
    """Return conditions with strange contents."""
    script = "&lt;script&gt;alert(1)&lt;/script&gt; i rubriken"
    dates = "select published from releases where agency = ? and url like '%daligt-vader'"
    return [
        Weather(
            name="date-future",
            sky="published in 2190",
            expected=refused("has no year from 1900", "refused: a year that cannot be"),
            faults=bad_page(write_release(day="15 mars 2190")),
        ),
        Weather(
            name="date-1970",
            sky="published on 1 January 1970",
            expected=held("held, as the page says", dates, "^1970-01-01"),
            faults=bad_page(write_release(day="1 januari 1970")),
        ),
        Weather(
            name="title-script",
            sky="a title with a script in it",
            expected=held("held, as text", FIELD, r"^<script>alert\(1\)</script> i rubriken$"),
            faults=bad_page(write_release(script)),
        ),
        Weather(
            name="controls",
            sky="NUL and control characters",
            expected=held("held without them", FIELD, "^[^\x00-\x1f\x7f]+$"),
            faults=bad_page(write_release("En\x00ny\x07het\x1b[31m i rött&#0;&#7;").encode()),
        ),
        Weather(
            name="twins",
            sky="one release under two addresses",
            listed=(BAD, BAD + "-igen"),
            expected=Expected(state="stored", held=2, outcome="held under both addresses"),
            faults={f"{BAD}-igen": bad_page(write_release())[BAD]},
        ),
        Weather(
            name="empty",
            sky="an empty body",
            expected=refused("is empty", "refused: nothing there"),
            faults=bad_page(""),
        ),
    ]


def sizes() -> list[Weather]:
    """Return conditions with pages of few bytes that need much memory."""
    return [
        Weather(
            name="million-rows",
            sky="a table of a million rows, 9 MB",
            expected=refused("tags|bytes", "refused: too long"),
            faults=bad_page(write_release(more="<table>" + "<tr><td>1" * 1_000_000 + "</table>")),
        ),
        Weather(
            name="many-rows",
            sky="a table of 100,000 rows, 0.9 MB",
            expected=refused("tags", "refused: too many tags"),
            faults=bad_page(write_release(more="<table>" + "<tr><td>1" * 100_000 + "</table>")),
        ),
        Weather(
            name="deep-nesting",
            sky="90,000 elements inside each other",
            expected=refused("page: |body: ", "refused: nested too deeply"),
            faults=bad_page(write_release(more="<div>" * 90_000)),
        ),
        Weather(
            name="long-line",
            sky="a paragraph of 15 MB",
            expected=refused("more than 4,000,000 bytes", "refused: too long"),
            faults=bad_page(write_release(more=f"<p>{'Ett ord till. ' * 1_000_000}</p>")),
        ),
    ]
