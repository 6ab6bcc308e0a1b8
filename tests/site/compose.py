"""Composes releases from the sentences in texts/*.toml: always the same on every machine."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.site.paths import PATHS, to_slug
from tests.site.releases import Answered, Release
from tests.site.stamps import to_stamp
from tests.site.swedish import MONTHS
from tests.site.trimmings import contacts, papers, picture

TEXTS = Path(__file__).with_name("texts")
STOCKHOLM = ZoneInfo("Europe/Stockholm")
SLUGS = ("skogsbruksradet", "farledsverket", "lasframjandenamnden", "hushallsmyndigheten")
COUNTIES = [
    "Gävleborgs län", "Norrbottens län", "Skåne", "Kronobergs län", "Värmland", "Uppsala län",
    "Jämtland", "Östergötland", "Blekinge", "Dalarna",
]  # fmt: skip
STAMPS = {  # the date formats of each agency, used in turn
    "sitevision": (
        "labelled_days iso_kl reviewed page_updated seconds"
        " bare_under_kind corrected print_only undated next_time"
    ),
    "episerver": (
        "no_year both_below dotted_time reviewed_colon no_year decision published_kl undated"
        " changed"
    ),
    "wordpress": (
        "clock_first day_and_tags month_first zone_named day_then_section in_brackets undated"
        " published_colon"
    ),
    "drupal": (
        "kind_then_day spaced_comma year_first no_year"
        " iso_then_kind page_updated published_colon undated reviewed"
    ),
}
QA_FORMS = [
    "h2", "bold_dash", "details", "h3", "accordion", "bold_each", "dl", "bold_mixed", "jsonld",
    "bold_hyphen", "h2_dash", "bold_nbsp", "three", "bold_minus", "h3_dash", "bold_unspaced",
    "bold_em", "bold_plain",
]  # fmt: skip
HEADINGS = [
    "Stora skillnader i landet", "Så går arbetet vidare", "Bakgrund", "Vad händer nu?",
    "Fler har fått kunskap", "Läget i siffror",
]  # fmt: skip
COUNTS = {2: "två", 3: "tre", 4: "fyra"}


@cache
def load_text(slug: str) -> dict[str, Any]:
    """Return the sentences of an agency."""
    return tomllib.loads((TEXTS / f"{model_of(slug)}.toml").read_text(encoding="utf-8"))


def model_of(slug: str) -> str:
    """Which of the four an agency is, or is a further one like: of its own host, and other
    releases.

    >>> model_of("farledsverket-2")
    'farledsverket'
    """
    return slug.partition("-")[0]


def compose(slug: str, number: int | None = None) -> list[Release]:
    """Return an agency's releases, newest last: 21 and an English translation, or any `number` of
    them.
    """
    base = [
        (topic, i, *told)
        for topic in load_text(slug)["topics"]
        for i, told in enumerate(topic["releases"])
    ]
    order = random.Random(slug)
    order.shuffle(base)
    wanted = len(base) if number is None else number
    told = base[:wanted] + [invent(slug, n) for n in range(len(base), wanted)]
    turns = accumulate(
        (is_asked(place) for _, place, *_ in told), initial=9 * SLUGS.index(model_of(slug))
    )
    made = [
        compose_one(slug, n, turn, each)
        for n, (turn, each) in enumerate(zip(turns, told, strict=False))
    ]
    return list(with_twin(slug, made)) if number is None else made


def invent(slug: str, n: int) -> tuple[dict[str, Any], int, str, str]:
    """Return topic, number within it, title and lead of release n after the written ones."""
    rng = random.Random(f"{slug}:{n}:title")
    topic = rng.choice(load_text(slug)["topics"])
    county, month, year = rng.choice(COUNTIES), rng.choice(MONTHS), rng.randint(2010, 2025)
    title = f"{topic['name']}: rapport {n} från {county} för {month} {year}"
    lead = (
        f"{fill(rng.choice(topic['sentences']), rng, year)} Det framgår av rapporten för {month}"
        f" från {county}."
    )
    return topic, n % 7, title, lead


def is_asked(place: int) -> bool:
    """Return whether the release at this position of its topic has questions."""
    return place in (2, 4, 6)


def compose_one(
    slug: str, n: int, turn: int, told: tuple[dict[str, Any], int, str, str]
) -> Release:
    """Compose release n: written title and lead, a text of the topic's sentences, images, files and
    contacts.
    """
    topic, place, title, lead = told
    text = load_text(slug)
    cms = text["cms"]
    rng = random.Random(f"{slug}:{n}")
    form = STAMPS[cms].split()[n % len(STAMPS[cms].split())]
    created, modified = moments(rng, n, same_year=form == "no_year")
    kind = "Pressmeddelande" if form in PRESS or (n % 3 == 0 and form not in NEWS) else "Nyhet"
    qa_form = QA_FORMS[turn % len(QA_FORMS)] if is_asked(place) else None
    asked = ask(topic, rng) if qa_form else ()
    person = "{}, {} på {}".format(*rng.choice(text["people"]), text["name"])
    answered_by = person if qa_form in DASHED else None
    blocks = list(write(topic, text, rng, created.year, long=not qa_form, person=person))
    if answered_by:
        subject = topic["name"].lower()
        blocks.append(("p", f"{person}, svarar här på {COUNTS[len(asked)]} frågor om {subject}:"))
    tags = tuple(rng.sample(topic["tags"], rng.randint(1, len(topic["tags"]))))
    stamp = to_stamp(form, created, modified, tags)
    # the URL of an undated page must have no date either
    dated = f"{created:%Y-%m-%d}" if stamp.published else ""
    return Release(
        agency=slug,
        path=PATHS[cms].release(to_slug(title), dated, kind),
        title=title,
        lead=lead,
        blocks=tuple(blocks),
        created=created,
        modified=modified,
        stamp=stamp,
        kind=kind,
        form=qa_form,
        questions=asked,
        answered_by=answered_by,
        tags=tags,
        picture=picture(cms, topic, text, rng, created) if rng.random() < 0.7 else None,
        papers=papers(cms, topic, rng, created) if rng.random() < 0.5 else (),
        contacts=contacts(text, random.Random(f"{slug}:{n}:contacts"), person=n % 2 == 0),
    )


PRESS = {"zone_named", "bare_under_kind", "month_first", "iso_then_kind", "kind_then_day"}
NEWS = {"day_then_section", "in_brackets"}
DASHED = {name for name in QA_FORMS if name.startswith("bold_") and name != "bold_plain"} | {
    "three"
}


def moments(rng: random.Random, n: int, *, same_year: bool) -> tuple[datetime, datetime]:
    """Return when release n was published and last changed: from 2014 on, in office hours."""
    created = datetime(2014, 1, 7, tzinfo=STOCKHOLM) + timedelta(days=rng.randint(0, 4500))
    created = created.replace(
        hour=rng.randint(7, 16), minute=rng.randint(0, 59), second=rng.randint(0, 59)
    )
    modified = created + timedelta(days=rng.choice((0, 0, 1, 6, 40)), minutes=rng.randint(5, 90))
    if same_year and modified.year != created.year:
        modified = created + timedelta(minutes=20)
    return created, modified


def ask(topic: dict[str, Any], rng: random.Random) -> tuple[Answered, ...]:
    """Choose two to four of the topic's questions, some with an answer of one paragraph."""
    chosen = rng.sample(topic["questions"], rng.choice((2, 3, 3, 4)))
    return tuple(
        Answered(question=question, answer=tuple(answer if rng.random() < 0.7 else answer[:1]))
        for question, *answer in chosen
    )


def write(
    topic: dict[str, Any],
    text: dict[str, Any],
    rng: random.Random,
    year: int,
    *,
    long: bool,
    person: str,
) -> Iterator[tuple[str, str]]:
    """Compose the text as blocks."""
    sentences = [
        fill(s, rng, year) for s in rng.sample(topic["sentences"], len(topic["sentences"]))
    ]
    common = [fill(s, rng, year) for s in rng.sample(text["common"], 2)]
    yield "p", " ".join(sentences[0:2])
    yield "p", " ".join([sentences[2], common[0]])
    if not long:
        return
    quotes = rng.sample(topic["quotes"], 2)
    yield "p", f"– {quotes[0]}, säger {person}."
    headings = rng.sample(HEADINGS, 2)
    yield "h2", headings[0]
    yield "p", " ".join(sentences[3:6])
    extra = rng.choice(("ul", "table", "quote", "p"))
    if extra == "ul":
        yield "ul", "\n".join(sentences[6:9])
    elif extra == "table":
        rows = [
            f"{county}|{rng.randint(40, 900)}|{rng.randint(2, 60)} %"
            for county in rng.sample(COUNTIES, 4)
        ]
        yield "table", "\n".join(["Område|Antal|Andel", *rows])
    elif extra == "quote":
        yield "p", f"– {quotes[1]}, säger {person.partition(',')[0]}."
        yield "p", " ".join(sentences[6:8])
    else:
        yield "p", " ".join(sentences[6:9])
    yield "h2", headings[1]
    yield "p", " ".join([sentences[9], common[1]])
    report = f"[[rapporten om {topic['name'].lower()}]]"
    yield "p", f"Underlaget finns i {report}, som också beskriver metoden."


def fill(sentence: str, rng: random.Random, year: int) -> str:
    """Fill the placeholders of a sentence with numbers and places."""
    thousands = f"{rng.randint(1, 48)} {rng.randint(0, 9)}00"
    n2, p, county = rng.randint(3, 60), rng.randint(4, 78), rng.choice(COUNTIES)
    return sentence.format(n=thousands, n2=n2, p=p, lan=county, ar=year + 1)


def with_twin(slug: str, made: list[Release]) -> Iterator[Release]:
    """Add the English translation after its release, and link the two."""
    text = load_text(slug)
    told = text["english"]
    for release in made:
        if release.title != told["of"]:
            yield release
            continue
        twin_path = PATHS[text["cms"]].english(to_slug(told["title"]))
        yield replace(release, twin=twin_path)
        yield Release(
            agency=slug,
            path=twin_path,
            title=told["title"],
            lead=told["lead"],
            blocks=tuple(("p", paragraph) for paragraph in told["body"]),
            created=release.created,
            modified=release.modified,
            stamp=to_stamp("english", release.created, release.modified, ()),
            kind="News",
            contacts=tuple(
                replace(office, role="Press Office")
                for office in contacts(text, random.Random(), person=False)
            ),
            language="en",
            twin=release.path,
        )
