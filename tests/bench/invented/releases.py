"""Invents agencies and releases: 300 agencies of very different size, twenty growing years, and
every field of a page. A third of the releases quote somebody, and some refer to a statute.

An archive is as old as a twentieth of its releases: all before was read when it began, one agency
after the other and newest first, as a first crawl does; what came since stands in the order of its
days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from archive.database.models import Attachment, Contact, Image, Question, Release
from archive.i18n import SWEDISH_TIME
from tests.bench.invented.words import LEADS, PASSAGES, Voice

AGENCIES, YEARS, END = 300, 20, date(2025, 10, 31)
FIELDS = ("skog", "vag", "vatten", "skatt", "bygg", "djur", "ljus", "gruv", "kust", "rymd")
DAILY = 0.05  # of the releases were found by daily crawls
KINDS = ("news", "press release", "article", "notice", "speech", "opinion", "report", None)
SHARES = (55, 22, 8, 5, 3, 2, 2, 3)
PARAGRAPHS = (0.85, 0.6)  # per body, lognormal: about 150 words in all
NEW = 0.9  # of the releases contain an invented word
LED, QUESTIONS, PICTURES, FILES, CONTACTS = 0.7, 0.06, 0.6, 0.1, 0.2
QUOTED, REFERRED = 1 / 3, 0.06  # the share with a statute is that of the collection
FIRST_NAMES = ("Ada", "Bo", "Cilla", "David", "Elin", "Fredrik", "Greta", "Hans", "Ida", "Jonas")
LAST_NAMES = ("Berg", "Dahl", "Ek", "Fors", "Gran", "Holm", "Lind", "Moberg", "Näslund", "Öst")
ROLES = ("generaldirektör", "avdelningschef", "utredare", "pressekreterare")
CHANGED = 0.1  # of the paragraphs of an edited release, but at least one


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a release in the archive: its number, agency, day, and when it was found."""

    number: int
    agency: int
    day: date
    found: datetime


def plan(number: int, seed: int) -> list[Place]:
    """Return all releases in the order in which they were found."""
    chance = Random(seed)
    weights = [1 / (rank + 3) ** 0.8 for rank in range(AGENCIES)]
    agencies = chance.choices(range(AGENCIES), weights, k=number)
    days = [
        END - timedelta(days=int((1 - chance.random() ** 0.7) * 365.25 * YEARS))
        for _ in range(number)
    ]
    begun = sorted(days)[int(number * (1 - DAILY))] if number > 1 else END
    order = list(range(AGENCIES))
    chance.shuffle(order)
    turn = {agency: place for place, agency in enumerate(order)}
    both = list(zip(agencies, days, strict=True))
    first = sorted(
        (each for each in both if each[1] < begun),
        key=lambda each: (turn[each[0]], -each[1].toordinal()),
    )
    later = sorted((each for each in both if each[1] >= begun), key=lambda each: each[1])
    start = datetime.combine(begun, time(4), UTC)
    found = [
        start - timedelta(days=20 - 20 * place / max(1, len(first))) for place in range(len(first))
    ]
    found += [datetime.combine(day, time(16), UTC) for _, day in later]
    return [
        Place(place, *each, found=moment)
        for place, (each, moment) in enumerate(zip([*first, *later], found, strict=True), start=1)
    ]


def slug_of(agency: int) -> str:
    """Return a name that no real agency has."""
    return f"{FIELDS[agency % len(FIELDS)]}sverket-{agency}"


def home_of(agency: int) -> str:
    return f"https://www.{slug_of(agency)}.example/"


def invent(voice: Voice, place: Place, seed: int) -> Release:
    """Return the release of a place; always the same for a seed."""
    chance = Random(f"{seed} {place.number}")
    agency = Random(place.agency)  # decides how the agency's pages are made
    dated, timed, stamped = agency.random() < 0.92, agency.random() < 0.3, agency.random() < 0.3
    moment = datetime.combine(
        place.day, time(chance.randrange(6, 18), chance.randrange(60)), SWEDISH_TIME
    )
    published = (moment if timed else place.day) if dated else None
    updated = moment + timedelta(days=int(chance.random() ** 3 * 30)) if stamped else None
    title = " ".join(voice.sentence(chance)[:9]).rstrip(".:,")
    kind = chance.choices(KINDS, SHARES)[0]
    lead, passages, made = choose_passages(voice, place, seed)
    body = "\n\n".join(map(voice.passage, passages)) + made
    asking = range(1, chance.randrange(3, 8)) if chance.random() < QUESTIONS else ()
    questions = tuple(ask(voice, chance, number) for number in asking)
    asked = "".join(
        f'<h2 id="question-{q.position}">{q.question}</h2><p>{q.answer}</p>' for q in questions
    )
    body_html = "".join(f"<p>{part}</p>" for part in body.split("\n\n")) + asked
    tags = tuple(
        dict.fromkeys(voice.heads[int(chance.random() ** 3 * len(voice.heads))] for _ in range(3))
    )
    url = (
        f"{home_of(place.agency)}nyheter/{place.day.year}/{place.number}"
        f"-{title[:30].lower().replace(' ', '-')}"
    )
    return Release(
        agency=slug_of(place.agency),
        url=url,
        title=title,
        lead=voice.passage(lead) if lead else None,
        body="\n\n".join([body, *(f"{q.question}\n\n{q.answer}" for q in questions)]),
        body_html=body_html,
        kind=kind,
        published=published,
        published_text=str(published) if published else None,
        updated=updated,
        updated_text=str(updated) if updated else None,
        language="sv",
        tags=tags if agency.random() < 0.7 else (),
        questions=questions,
        images=(Image(url=f"{url}/bild.jpg", caption=title, credit="Foto: Ada Berg"),)
        if chance.random() < PICTURES
        else (),
        attachments=(Attachment(url=f"{url}/fil.pdf", title=title, media_type="application/pdf"),)
        if chance.random() < FILES
        else (),
        contacts=(Contact(name="Ada Berg", role="presschef", phone="08-000 00 00"),)
        if chance.random() < CONTACTS
        else (),
    )


def choose_passages(voice: Voice, place: Place, seed: int) -> tuple[int, list[int], str]:
    """Return the number of a release's lead (0: none), those of its body's passages, and what no
    other body has: an invented word, a statute, a quotation.
    """
    chance = Random(f"{seed} body {place.number}")
    number = max(1, round(chance.lognormvariate(*PARAGRAPHS)))
    made = f" {voice.compound(chance)}." if chance.random() < NEW else ""
    if chance.random() < REFERRED:
        made += f" Se lagen ({chance.randrange(1990, 2026)}:{chance.randrange(1, 1500)})."
    if chance.random() < QUOTED:
        made += f"\n\n{speak(voice, chance, place.agency)}"
    lead = PASSAGES + chance.randrange(LEADS) if chance.random() < LED else 0
    return lead, [chance.randrange(PASSAGES) for _ in range(number)], made


def speak(voice: Voice, chance: Random, agency: int) -> str:
    """Return a quotation of one of the hundred people of an agency; the first ones speak most."""
    number = int(chance.random() ** 2 * 100)
    name = f"{FIRST_NAMES[number % 10]} {LAST_NAMES[number // 10]}"
    role = ROLES[number % len(ROLES)]
    said = " ".join(voice.sentence(chance)).rstrip(".:,?!")
    return f"– {said}, säger {name}, {role} på {slug_of(agency).capitalize()}."


def ask(voice: Voice, chance: Random, number: int) -> Question:
    """Return a question with its answer."""
    question = " ".join(voice.sentence(chance)[:10]).rstrip(".:,") + "?"
    return Question(
        position=number, question=question, answer=voice.text(chance, 25), answered_by="Ada Berg"
    )


def edit(voice: Voice, release: Release, seed: int) -> Release:
    """Return a release with a tenth of its paragraphs changed, and at least one: reworded, replaced
    or removed.
    """
    chance = Random(f"{seed} {release.url}")
    paragraphs = release.body.split("\n\n")
    for place in chance.sample(range(len(paragraphs)), max(1, round(len(paragraphs) * CHANGED))):
        words = paragraphs[place].split()
        kind = chance.choices(("reworded", "replaced", "removed"), (6, 3, 1))[0]
        if kind == "reworded":
            words[chance.randrange(len(words))] = voice.text(chance, 2).split()[0]
        paragraphs[place] = (
            voice.text(chance, len(words)) if kind == "replaced" else " ".join(words)
        )
        if kind == "removed" and len(paragraphs) > 1:
            paragraphs[place] = ""
    paragraphs = [paragraph for paragraph in paragraphs if paragraph]
    markup = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return replace(release, body="\n\n".join(paragraphs), body_html=markup)
