"""Adds images with credits, attached files and contacts to releases."""

from __future__ import annotations

import random
from datetime import datetime
from textwrap import wrap
from typing import Any

from tests.site.paths import PATHS, to_slug
from tests.site.releases import Paper, Person, Picture, Release

CREDITS = [
    "Foto: {0}", "Foto: {0}/{1}", "Foto {0}", "FOTO: {2}", "Foto. {0}", "fotograf {0}",
    "Bild: {0}", "Illustration: {0}",
]  # fmt: skip


def picture(
    cms: str, topic: dict[str, Any], text: dict[str, Any], rng: random.Random, when: datetime
) -> Picture:
    """Return an image with caption and credit in an agency's format."""
    name, caption = rng.choice(text["photographers"]), rng.choice(topic["captions"])
    way = rng.choice(CREDITS)
    credit = name.upper() if "{2}" in way else f"{name}/{text['name']}" if "{1}" in way else name
    line = f"{caption} {way.format(name, text['name'], name.upper())}"
    path = PATHS[cms].picture(to_slug(caption), f"{when:%Y/%m}")
    alt = caption.removesuffix(".")
    return Picture(path=path, alt=alt, caption=caption, credit=credit, line=line)


def papers(
    cms: str, topic: dict[str, Any], rng: random.Random, when: datetime
) -> tuple[Paper, ...]:
    """Return one or two attached PDFs."""
    titles, month = topic["attachments"], f"{when:%Y-%m}"
    return tuple(
        Paper(path=PATHS[cms].paper(to_slug(title), month), title=title)
        for title in rng.sample(titles, rng.randint(1, len(titles)))
    )


def write_paper(paper: Paper, release: Release) -> tuple[str, ...]:
    """Return the pages of an attached PDF: its title and what the release says in short, and then a
    paragraph.
    """
    first = [paper.title, "", *wrap(release.lead or release.title, 58)]
    more = next((text for tag, text in release.blocks if tag == "p"), "")
    return "\n".join(first), "\n".join(wrap(more, 58))


def contacts(text: dict[str, Any], rng: random.Random, *, person: bool) -> tuple[Person, ...]:
    """Return an expert and the press office."""
    office = Person(
        role=text["press"], phone=text["press_phone"], email=f"press@{text['slug']}.example"
    )
    if not person:
        return (office,)
    name, role = rng.choice(text["people"])
    phone = f"{text['press_phone'][:-4]}{rng.randint(1, 8)} {rng.randint(10, 99)}"
    email = f"{to_slug(name).replace('-', '.')}@{text['slug']}.example"
    return Person(name=name, role=role, phone=phone, email=email), office
