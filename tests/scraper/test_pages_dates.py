"""Date labels as pages show them: where the word stands, where the date, and which machine value belongs to which."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.scraper.pages_of import TEXT, read

HEADING = "<h1>Ny bro öppnar</h1>"
THIRD, NINTH = date(2024, 5, 3), date(2024, 5, 9)

LINES = {
    "an ARIA label": ('<time aria-label="Publicerad 3 maj 2024">3 maj</time>', THIRD, None),
    "a tooltip": ('<span title="Senast uppdaterad">9 maj 2024</span>', None, NINTH),
    "for screen readers only": (
        '<p><span class="visually-hidden">Uppdaterad</span> <time>9 maj 2024</time></p>',
        None,
        NINTH,
    ),
    "a time without a machine value": ("<time>3 maj 2024</time>", THIRD, None),
    "after a date alone": ("<p>3 maj 2024 (uppdaterad 9 maj 2024)</p>", THIRD, NINTH),
    "between two times": (
        '<p><time datetime="2024-05-03">3 maj</time> · Senast ändrad <time datetime="2024-05-09">9 maj</time></p>',
        THIRD,
        NINTH,
    ),
    "after the author": ("<p><b>Eva Ek</b> Publicerad 3 maj 2024</p>", THIRD, None),
    "after a break": (
        f"<p>{'Texten bygger på samtal med många. ' * 6}<br>Senast uppdaterad 9 maj 2024</p>",
        None,
        NINTH,
    ),
    "in two cells": ("<table><tr><th>Publicerad</th><td>3 maj 2024</td></tr></table>", THIRD, None),
    "a whole sentence": ("<p>Den här sidan uppdaterades senast den 9 maj 2024.</p>", None, NINTH),
    "Norwegian": ("<p>Siden ble sist oppdatert 9. mai 2024</p>", None, NINTH),
    "Danish": ("<p>Udgivet 3. maj 2024 | Senest redigeret 9. maj 2024</p>", THIRD, NINTH),
    "German": ("<p>Diese Seite wurde zuletzt aktualisiert am: 9. Mai 2024</p>", None, NINTH),
    "Finland": ("<p>Publicerad 3.5.2024 | Uppdaterad 9.5.2024</p>", THIRD, NINTH),
    "a deadline": ("<p>Sista svarsdag: 3 maj 2024</p>", None, None),
    "a decision": ("<p>Beslutad: 3 maj 2024</p>", None, None),
    "a title that speaks of an update": ("<h1>Uppdatering 3 maj 2024 om bron</h1>", None, None),
    "a list of reports": ('<ul><li><a href="/r">Rapport</a>, publicerad 3 maj 2024</li></ul>', None, None),
    "running text": (
        "<p>Boken om <i>broar</i> publicerades 3 maj 2024 och har sålts i tusen exemplar.</p>",
        None,
        None,
    ),
}


@pytest.mark.parametrize("line", LINES)
def test_where_a_label_stands(line: str) -> None:
    markup, published, updated = LINES[line]
    release = read(HEADING + markup + TEXT, url="https://www.exempel.se/nyheter/ny-bro/")
    assert (release.published, release.updated) == (published, updated)
    if published or updated:
        assert "2024" not in release.body


def test_a_year_that_only_the_machine_value_tells() -> None:
    day = '<dt>{}</dt><dd><time datetime="{}">{} maj 10.57</time></dd>'
    stamps = day.format("Publicerad", "2024-05-03T10:57:03+02:00", 3) + day.format("Uppdaterad", "2024-05-09", 9)
    release = read(HEADING + f"<dl>{stamps}</dl>" + TEXT, url="https://www.exempel.se/nyheter/ny-bro/")
    assert str(release.published) == "2024-05-03 10:57:03+02:00"
    assert release.updated == NINTH


def test_microdata_counts_in_the_pages_order_however_its_attribute_is_written() -> None:
    stamp = '<time class="published" datetime="2024-05-03T10:00+02:00">fredag</time>'
    prop = '<span itemProp="datePublished" content="2024-05-03T12:00+02:00">fredag</span>'
    for article, hour in ((prop, 12), (stamp + prop, 10), (prop + stamp, 12)):
        published = read(HEADING + article + TEXT).published
        assert isinstance(published, datetime)
        assert published.hour == hour
