"""Formats that state when a release was published, and in some when it was changed."""

from __future__ import annotations

from datetime import datetime

from markupsafe import escape

from tests.site.releases import Stamp
from tests.site.swedish import MONTHS, box, day


def labelled_days(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Publiceringsdatum: 15 mars 2024, and Senast uppdaterad."""
    lines = (f"Publiceringsdatum: {day(created)}", f"Senast uppdaterad: {day(modified)}")
    top = f'<div class="dates"><div>{lines[0]}</div><div>{lines[1]}</div></div>'
    return Stamp(form="", top=top, published=created.date(), updated=modified.date())


def seconds(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """2015-10-02 15:27:20."""
    return Stamp(form="", top=box(f"{created:%Y-%m-%d %H:%M:%S}"), published=created)


def zone_named(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Pressmeddelande Publicerad: 2020-03-26 15:23 CET."""
    text = f"Pressmeddelande <span>Publicerad: {created:%Y-%m-%d %H:%M} {zone(created)}</span>"
    return Stamp(form="", top=box(text, "meta"), published=created.replace(second=0))


def bare_under_kind(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """2018-08-06, bare under the word Pressmeddelande."""
    top = f'<p class="kind">Pressmeddelande</p><p class="when">{created:%Y-%m-%d}</p>'
    return Stamp(form="", top=top, published=created.date())


def iso_kl(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """2015-12-28 kl. 10:56."""
    return Stamp(
        form="",
        top=box(f"{created:%Y-%m-%d} kl. {created:%H:%M}"),
        published=created.replace(second=0),
    )


def month_first(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Pressmeddelanden • Maj 03, 2019 11:00 CEST."""
    month = MONTHS[created.month - 1][:3].capitalize()
    text = f"Pressmeddelanden &nbsp; • &nbsp; {month} {created:%d, %Y %H:%M} {zone(created)}"
    return Stamp(form="", top=box(text, "info"), published=created.replace(second=0))


def iso_then_kind(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """2016-05-23 - Pressmeddelanden."""
    return Stamp(
        form="", top=box(f"{created:%Y-%m-%d} - Pressmeddelanden"), published=created.date()
    )


def no_year(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Publicerad 20 mars 10:19, Uppdaterad 20 mars 12:20: the year is in the URL."""
    last = modified if modified.year == created.year else created
    texts = [
        f'<span class="date">{word} {moment.day} {MONTHS[moment.month - 1]} {moment:%H:%M}</span>'
        for word, moment in (("Publicerad", created), ("Uppdaterad", last))
    ]
    published, updated = created.replace(second=0), last.replace(second=0)
    return Stamp(form="", top=" ".join(texts), published=published, updated=updated)


def dotted_time(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Publicerad 10 augusti 2026 13.46."""
    text = (
        f"<dt>Publicerad</dt><dd><time"
        f' datetime="{created:%Y-%m-%d %H:%M}'
        f'">{day(created)}'
        f" {created:%H.%M}</time></dd>"
    )
    return Stamp(
        form="", top=f"<dl class='publish-info'>{text}</dl>", published=created.replace(second=0)
    )


def day_and_tags(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """den 5 december 2019, [TAGG, TAGG]."""
    names = escape(", ".join(tag.upper() for tag in tags))
    return Stamp(
        form="", top=box(f"den {day(created)}, [{names}]", "post-info"), published=created.date()
    )


def kind_then_day(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Pressmeddelande, 04 maj 2020."""
    return Stamp(
        form="", top=box(f"Pressmeddelande, {day(created, zero=True)}"), published=created.date()
    )


def spaced_comma(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """14 maj 2019 , 11.21."""
    return Stamp(
        form="", top=box(f"{day(created)} , {created:%H.%M}"), published=created.replace(second=0)
    )


def year_first(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """2020 jul 07."""
    text = f"{created.year} {MONTHS[created.month - 1][:3]} {created:%d}"
    return Stamp(form="", top=box(text), published=created.date())


def both_below(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Publicerad 29 februari 2016 · Uppdaterad 1 mars 2016, each in a time element, below the
    text.
    """
    times = [
        f'<time datetime="{moment:%Y-%m-%d}">{day(moment)}</time>' for moment in (created, modified)
    ]
    foot = box(f"Publicerad {times[0]} · Uppdaterad {times[1]}", "published")
    return Stamp(form="", foot=foot, published=created.date(), updated=modified.date())


def day_then_section(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """09 februari 2026 · Nyheter."""
    return Stamp(
        form="",
        top=box(f"{day(created, zero=True)} · Nyheter", "entry-meta"),
        published=created.date(),
    )


def in_brackets(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Nyhet (29 apr, 2019)."""
    text = f"Nyhet ({created.day} {MONTHS[created.month - 1][:3]}, {created.year})"
    return Stamp(form="", top=box(text, "entry-meta"), published=created.date())


def published_kl(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Publicerad 6 februari 2023 kl 10.23."""
    text = f"Publicerad {day(created)} kl {created:%H.%M}"
    return Stamp(form="", top=box(text), published=created.replace(second=0))


def corrected(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Publicerad: 2014-11-02 and Korrigering 2014-11-12."""
    top = box(f"Publicerad: {created:%Y-%m-%d}") + box(
        f"Korrigering {modified:%Y-%m-%d}", "correction"
    )
    return Stamp(form="", top=top, published=created.date(), updated=modified.date())


def published_colon(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Publicerad: 2018-02-14."""
    return Stamp(form="", top=box(f"Publicerad: {created:%Y-%m-%d}"), published=created.date())


def decision(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Datum för beslut: 2023-10-17, next to a day of publication."""
    rows = (("Datum för beslut:", created.replace(day=1)), ("Publicerad:", created))
    facts = "".join(f"<dt>{label}</dt><dd>{moment:%Y-%m-%d}</dd>" for label, moment in rows)
    return Stamp(form="", top=f'<dl class="facts">{facts}</dl>', published=created.date())


def english(created: datetime, modified: datetime, tags: tuple[str, ...]) -> Stamp:
    """Published 5 March 2024, on an English translation."""
    names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    text = f"Published: {created.day} {names[created.month - 1]} {created.year}"
    return Stamp(form="", top=box(text), published=created.date())


def zone(moment: datetime) -> str:
    """CET or CEST."""
    return moment.tzname() or ""
