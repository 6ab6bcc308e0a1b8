"""Finds the quotations in a release, with the name and role printed for each speaker.

What is a quotation
  - A reply with a dialogue dash, if it has an attribution (", säger NAME") or is where only speech
    can occur: below a printed question, next to attributed replies, or after a line that
    introduces the reply. List items are not quotations.
  - A passage in quotation marks with an attribution right after or before it. A title or a word in
    quotation marks is not a quotation.
  - Paragraphs below a line such as "NAME har gjort följande uttalande:".

Who the speaker is
  - The person named in the attribution. If it contains only a part of the name, a pronoun ("säger
    hon") or a role ("sa statsministern"), or is missing, the name is looked for in the rest of the
    release: before the quotation, then after it. Names are never taken from another release.
  - The name is corrected if the release proves that it is misprinted (`find_right_name`).
  - The role is the one in the attribution, or else a role that is printed with the name in the same
    release.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from itertools import chain, count, groupby, islice, pairwise
from operator import attrgetter
from typing import Literal, NamedTuple

from sqlite_utils import Database

from archive.database.models import build_name_key, build_slug
from archive.quotes.person_names import (
    ADVERBS,
    NAME_WORD,
    NO_PERSON,
    ROLE_HEAD,
    UPPER,
    Subject,
    find_organisation,
    find_right_name,
    find_role_after,
    find_role_before,
    has_full_name,
    is_genitive,
    is_single_name,
    iter_names,
    name_in,
    opens_sentence,
    parse_introduction,
    parse_lead_in,
    parse_subject,
    segment_end,
    sentence_start,
)
from archive.quotes.quotation_comparison import (
    CLOSING_MARKS,
    DOUBLE_MARKS,
    LINE,
    ROLE_HEADS,
    SENTENCE_END,
    SPEECH_AFTER_COLON,
    SPEECH_DASH,
    SPEECH_VERBS,
    Quotation,
    find_marked_passages,
)

# raise it whenever the quotations of any text, or their speakers, change
QUOTES_VERSION = "2"
QUOTED_FIELDS = ("title", "lead", "body")
MAX_NEAR_PEOPLE = 200  # mentions of people before a quotation, in its paragraph, and after it
MAX_PRONOUN_DISTANCE = 4  # paragraphs between a pronoun and the name that it stands for
MAX_LEAD_IN_LENGTH = 600  # characters before a passage in marks: a paragraph may have thousands
MAX_WORDS = 8  # of the name of a person
WORD = re.compile(r"\w+")
MIN_MARKED_WORDS = 3  # of a passage in marks that only a line before it attributes
ATTRIBUTION_START = re.compile(
    rf"(?P<comma>(?:[!?….]?[{DOUBLE_MARKS}’]?[,!?…]|[{DOUBLE_MARKS}])[{DOUBLE_MARKS}’]?)"
    rf"\s+(?P<verb>{SPEECH_VERBS})(?!\w)"
    rf"(?: (?:{ADVERBS})(?!\w))?,?\s+(?=\w)",
)
# "…,” NAME said"
SUBJECT_FIRST = re.compile(
    rf"[,.!?]?[{DOUBLE_MARKS}’]\s+(?P<subject>[^.,:\n{DOUBLE_MARKS}]{{2,80}}?) "
    r"(?:said|says|added|adds|stated|noted|explained|explains|stressed|concluded|continued|wrote)"
    r"(?!\w)"
)
# At the end of a reply, where a full name must follow: another verb ("reflekterade NAME"), or none.
FINAL_ATTRIBUTIONS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\s+(?:säger|sade|sa),\s+"
        rf"(?=(?:[\w-]+-? ){{0,6}}{NAME_WORD} (?:[{UPPER}] )?{NAME_WORD}[^.\n]*\.?$)",
        rf",\s+(?={NAME_WORD} [^,.]*, [^,.]*\b{ROLE_HEAD}[^,.]*\.?$)",
        rf",\s+(?=(?:[\w-]+-,? )*(?:och )?[\w-]*(?:{ROLE_HEADS})"
        rf" {NAME_WORD} {NAME_WORD}[^,.]{{0,30}}\.?$)",
        r"(?:,|(?<=[!?]))\s+(?:\w{3,}(?:ade|ar|er)|slår|slog)\s+"
        rf"(?=(?:[\w-]+ ){{0,3}}{NAME_WORD} (?:[{UPPER}] )?{NAME_WORD}[^,.]*\.?$)",
        rf"\s+(?:berättar|berättade|konstaterar|konstaterade|fortsätter|tillägger)\s+"
        rf"(?=(?:[\w-]+-? ){{0,6}}{NAME_WORD} (?:[{UPPER}] )?{NAME_WORD}[^.\n]*\.?$)",
        rf"\s+(?:säger|sade|sa)\s+(?=[^.\n]*[{UPPER}][^.\n]*\.?$)",
    )
)
# of a reply with a bullet
FINAL_SAID = re.compile(rf",\s+(?:säger|sade|sa|says|said)\s+(?=[^.,\n]*{NAME_WORD} [^.\n]*\.?$)")
DEPUTIES = frozenset(
    (
        *("vice", "biträdande", "bitr", "ställföreträdande", "tf"),
        *("tillförordnad", "tidigare", "förre", "deputy"),
    )
)
LIST_OPENER = re.compile(
    r"(?::|\b(?:att|om|för|och|i|som|av|med|på|ska|vill|bör|måste|kan|behöver))$"
)
# A line that announces points, even if it names somebody: "NAME lägger fram tre förslag:"
ANNOUNCES_POINTS = re.compile(
    r"\b(?:två|tre|fyra|fem|sex|sju|åtta|\d+|följande|bland annat|förslag\w*|punkter\w*"
    r"|åtgärder\w*|mål\w*|frågor\w*|prioriteringar\w*|teman?|vill|ska|föreslår|kräver|lovar"
    r"|presenterar|three|four|five|following|points)\b[^.!?]*:?$",
    re.IGNORECASE,
)
BULLET = re.compile(r"[•·*]\s*")
# "Det sade NAME när …" after a reply
SAID_BY = re.compile(rf"(?:Det|Så|Detta) (?:{SPEECH_VERBS}) (?=\w)")
INTRODUCTION = re.compile(
    rf"(?<!\w)(?:{SPEECH_VERBS}|citerar|beskrev|formuleringen|uttalande|uttryckte|enligt)(?!\w)"
)
STATEMENT = re.compile(
    r"(?:följande|gemensamma) (?:gemensamma )?(?:uttalande|kommentar|kommentarer)[^.\n]{0,40}:$"
)
FIRST_PERSON = re.compile(
    r"(?<!\w)(?:jag|vi|mig|oss|min|mitt|mina|vår|vårt|våra|I|we|our|us)(?!\w)", re.IGNORECASE
)
THIRD_PERSON = re.compile(
    rf"(?:(?:han|hon|he|she) (?:[\w]+ )?(?:{SPEECH_VERBS}|lyfter|lyfte|avslutar|framhäver)(?!\w))",
    re.IGNORECASE,
)
# "säger NAME, samtidigt som han betonar …": what follows is the text's, no speech
CLAUSE_OF_SPEAKER = re.compile(r"(?<!\w)(?:som|medan|när|där|och) (?:han|hon|hen|he|she)(?!\w)")
# the named person asks, and does not answer
ASKS = re.compile(r"(?<!\w)(?:frågar|frågade|undrar|undrade|asks|asked)(?!\w)")
NO_SPEECH_VERB = re.compile("enligt|according")  # it names a source of the speaker
# after a verb of saying: what a speaker says of their own words, or what follows no subject
OWN_WORDS = re.compile(
    r"(?:jag|vi|du|ni|man|att|det|i|på|om|till|hur|vad|varför|då|nej|ja|så|I|we|you|that|this|it)"
    r"(?!\w)",
    re.IGNORECASE,
)
Origin = Literal["attribution", "pronoun", "role", "context"]
Kind = Literal["dash", "marks", "interview", "block"]
Span = tuple[int, int]
Attribution = tuple[re.Match[str], Subject]  # how ", säger NAME" begins, and its subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quotation in a release.

    spans: the positions of its words in the field. An attribution separates one span from the next.
    speaker: the name as printed, or None if only a role is printed.
    person: the name, corrected if the release proves that it is misprinted, or "" if only a role is
        printed.
    organisation: the organisation to which the speaker belongs.
    origin: how the speaker's name was found: in the attribution, by a pronoun, by a role, or in the
        text around the quotation.
    """

    field: str
    spans: tuple[Span, ...]
    kind: Kind
    text: str
    speaker: str | None = None
    person: str = ""
    role: str | None = None
    organisation: str | None = None
    origin: Origin = "attribution"


class Person(NamedTuple):
    """A person's name outside speech, with the role printed beside it."""

    name: str
    role: str | None
    paragraph: int
    start: int
    is_opening: bool  # of a sentence


@dataclass(slots=True)
class Paragraph:
    """A line of a field, and the parts of the line that are speech."""

    field: str
    start: int
    text: str
    index: int
    dash: int = 0  # where the words after a dash begin
    speech: list[Span] = dataclass_field(default_factory=list)
    subject: Subject | None = None
    kind: Kind | None = None

    def end_of_sentence(self) -> bool:
        return SENTENCE_END.search(self.text[-4:]) is not None

    def is_undecided(self) -> bool:
        return self.kind is None and self.subject is None

    def list_spans(self) -> tuple[Span, ...]:
        """Return the positions of the paragraph's speech in the text of the field."""
        return tuple((self.start + start, self.start + end) for start, end in self.speech)

    def join_speech(self) -> str:
        return " ".join(self.text[start:end] for start, end in self.speech)


def find_quotes(texts: Mapping[str, str | None]) -> list[Quote]:
    """Return the quotations in the title, lead and body of a release, in order.

    >>> body = "– Det är klart, säger hamnchef Anna Ek.\\n– Vi bygger nu, säger hon."
    >>> for quote in find_quotes({"body": body}):
    ...     print(quote.spans, quote.speaker, quote.role, quote.origin)
    ((2, 14),) Anna Ek hamnchef attribution
    ((42, 54),) Anna Ek hamnchef pronoun
    """
    paragraphs = [*_iter_fields(texts)]
    for paragraph in paragraphs:
        _attribute_paragraph(paragraph)
    _mark_context(paragraphs)
    if not any(paragraph.kind for paragraph in paragraphs):
        return []
    people = _find_people(paragraphs) if any(map(_needs_people, paragraphs)) else []
    return _name_speakers(_build_quotes(paragraphs, people), paragraphs)


def _name_speakers(quotes: Sequence[Quote], paragraphs: Sequence[Paragraph]) -> list[Quote]:
    """Set `person` in each quotation to the speaker's name, corrected by `find_right_name`."""
    text = "\n".join(paragraph.text for paragraph in paragraphs)
    names = [
        (each.speaker, find_right_name(each.speaker or "", each.role or "", text))
        for each in quotes
    ]
    right = {name: other for name, other in names if other != name}
    return [replace(each, person=right.get(each.speaker, each.speaker or "")) for each in quotes]


def _build_quotes(paragraphs: Sequence[Paragraph], people: Sequence[Person]) -> list[Quote]:
    quotes, last, speaker = list[Quote](), None, None
    for paragraph in paragraphs:
        if paragraph.subject is UNNAMED:
            last = speaker = None  # what follows may be said by the same person
        if paragraph.kind is None:
            continue
        if paragraph.subject is CONTINUED:
            if speaker is not None:  # somebody is known to have begun it
                quotes[-1] = _continue_quote(quotes[-1], paragraph)
            continue
        speaker = _resolve_speaker(paragraph, paragraphs, people, last)
        if speaker is None:
            continue
        last = speaker[0] or last
        quotes.append(_build_quote(paragraph, paragraph.kind, *speaker))
    return quotes


def _build_quote(
    paragraph: Paragraph, kind: Kind, person: str | None, role: str | None, origin: Origin
) -> Quote:
    organisation = find_organisation(role) if role else None
    if not organisation and paragraph.subject:
        organisation = paragraph.subject.organisation
    return Quote(
        field=paragraph.field,
        spans=paragraph.list_spans(),
        kind=kind,
        text=paragraph.join_speech(),
        speaker=person,
        role=role,
        organisation=organisation,
        origin=origin,
    )


def _continue_quote(quote: Quote, paragraph: Paragraph) -> Quote:
    whole = f"{quote.text}\n\n{paragraph.join_speech()}"
    return replace(quote, spans=(*quote.spans, *paragraph.list_spans()), text=whole)


CONTINUED = Subject(None, None, False, 0)  # of a paragraph that goes on with the answer before it
# of a reply whose attribution has no name or role: "säger en besökare"
UNNAMED = Subject(None, None, False, -1)


def _needs_people(paragraph: Paragraph) -> bool:
    """Return whether the full name or role of a paragraph's speaker must be looked for."""
    subject = paragraph.subject
    if paragraph.kind is None or subject is CONTINUED:
        return False
    return subject is None or not subject.role or " " not in (subject.name or "")


def _iter_fields(texts: Mapping[str, str | None]) -> Iterator[Paragraph]:
    """Yield the paragraphs of a release, without paragraphs of the body that repeat the lead."""
    index, seen = 0, set[str]()
    for name in QUOTED_FIELDS:
        text = (texts.get(name) or "").replace("\u00a0", " ")
        for line in LINE.finditer(text):
            content = line[0].strip()
            if not content or (name == "body" and content in seen):
                continue
            if name == "lead":
                seen.add(content)
            yield Paragraph(name, line.start() + line[0].index(content), content, index)
            index += 1


def _attribute_paragraph(paragraph: Paragraph) -> None:
    """Mark the speech in a paragraph that has an attribution, and set the paragraph's subject."""
    text = paragraph.text
    dash = SPEECH_DASH.match(text)
    introduced = SPEECH_AFTER_COLON.search(text) if not dash else None
    if introduced:
        dash = SPEECH_DASH.match(text, introduced.end())
    if dash and paragraph.field != "title":
        paragraph.dash = dash.end()
        _attribute_reply(paragraph)
        if introduced and paragraph.subject is None:
            _attribute_to_introduction(paragraph, introduced.start())
        return
    _attribute_marks(paragraph)
    if paragraph.kind is None and paragraph.field != "title":
        _attribute_bullet(paragraph)


def _attribute_to_introduction(paragraph: Paragraph, colon: int) -> None:
    """Attribute a reply to the person named before a colon ("NAME sade: – Det är klart.")."""
    text = paragraph.text
    if INTRODUCTION.search(text, 0, colon):
        paragraph.subject = parse_introduction(text[:colon])
        paragraph.kind, paragraph.speech = "dash", [(paragraph.dash, len(text))]


def _attribute_bullet(paragraph: Paragraph) -> None:
    """Attribute a list item that ends with ", säger NAME" to the person named."""
    text = paragraph.text
    bullet = BULLET.match(text)
    final = FINAL_SAID.search(text) if bullet else None
    if bullet is None or final is None:
        return
    subject = parse_subject(text, final.end())
    if subject is None or " " not in (subject.name or ""):
        return
    if not text[subject.end :].strip(" ."):
        paragraph.subject, paragraph.kind = subject, "dash"
        paragraph.speech = [_trim_span(text, (bullet.end(), final.start()))]


def _attribute_reply(paragraph: Paragraph) -> None:
    """Mark the speech in a reply with a dialogue dash, and set its subject if it is attributed."""
    text, start = paragraph.text, paragraph.dash
    found = _find_attributions(text, start)
    if not found:
        if _has_unnamed_speaker(text, start):
            paragraph.subject, paragraph.speech = UNNAMED, [(0, len(text))]
        return
    final = found[-1][1]
    rest = text[final.end :].strip(" .")
    speaker = final if not rest or final.name else found[0][1]
    trimmed = [_trim_span(text, span) for span in _cut_attributions(text, start, found, speaker)]
    paragraph.speech = [span for span in trimmed if text[slice(*span)].strip(" .,")]
    if paragraph.speech:
        paragraph.subject, paragraph.kind = speaker, "dash"


def _find_attributions(text: str, start: int) -> list[Attribution]:
    """Return the attributions in a reply or, if there are none, one of a rarer form at its end."""
    found = [
        (match, subject)
        for match in ATTRIBUTION_START.finditer(text, start)
        if (subject := parse_subject(text, match.end())) is not None
    ]
    if found:
        return found
    for pattern in FINAL_ATTRIBUTIONS:
        match = pattern.search(text, start)
        subject = parse_subject(text, match.end()) if match else None
        if match and subject and " " in (subject.name or ""):
            return [(match, subject)]
    return []


def _has_unnamed_speaker(text: str, start: int) -> bool:
    """Return whether a reply ends with an attribution without a name or role."""
    starts = [
        match
        for match in ATTRIBUTION_START.finditer(text, start)
        if not NO_SPEECH_VERB.match(match["verb"])
    ]
    return bool(starts) and _is_unnamed_subject(text[starts[-1].end() :])


def _cut_attributions(
    text: str, start: int, found: Sequence[Attribution], speaker: Subject
) -> list[Span]:
    """Return the spans of speech in a reply, without attributions and text about the speaker."""
    spans, position = list[Span](), start
    for match, subject in found:
        if _is_another_person(subject, speaker):
            continue  # somebody quoted by the speaker
        spans.append((position, match.start() + (match[0][0] in "!?…")))
        position = subject.end
    rest = text[position:].lstrip(" .,")
    is_told = CLAUSE_OF_SPEAKER.search(text, found[-1][0].end(), position) is not None
    if rest and not is_told and not _is_narration(rest, speaker.name):
        offset, dash = len(text) - len(rest), SPEECH_DASH.match(rest)
        spans.append((offset + (dash.end() if dash else 0), len(text)))
    return spans


def _is_another_person(subject: Subject, speaker: Subject) -> bool:
    if subject is speaker or not subject.name or not speaker.name:
        return False
    return subject.name not in speaker.name


def _is_unnamed_subject(text: str) -> bool:
    """Return whether the text after a verb of saying consists only of a subject without a name."""
    return not OWN_WORDS.match(text) and segment_end(text, 0) >= len(text) - 1


def _trim_span(text: str, span: Span) -> Span:
    """Return a span without spaces and quotation marks at its ends."""
    start, end = span
    while start < end and (text[start].isspace() or text[start] in CLOSING_MARKS):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in DOUBLE_MARKS + ","):
        end -= 1
    return start, end


def _is_narration(text: str, name: str | None) -> bool:
    """Return whether a sentence after an attribution is about the speaker."""
    return THIRD_PERSON.match(text) is not None or bool(name and name_in(name, text))


def _attribute_marks(paragraph: Paragraph) -> None:
    text = paragraph.text
    if not any(mark in text for mark in DOUBLE_MARKS):
        return
    for passage in find_marked_passages(text, 0, len(text)):
        if passage.text.count(" ") < MIN_MARKED_WORDS - 1:
            continue
        subject = _find_passage_speaker(text, passage)
        if subject is None or (paragraph.subject is not None and paragraph.subject != subject):
            continue
        paragraph.subject, paragraph.kind = subject, "marks"
        paragraph.speech.append(_trim_span(text, (passage.start, passage.end)))


def _find_passage_speaker(text: str, passage: Quotation) -> Subject | None:
    """Return the speaker named next to a passage in quotation marks, or None if there is none."""
    subject, end = None, passage.end - (passage.text[-1:] in ",.!?…")
    after = ATTRIBUTION_START.match(text, end)
    if after:
        subject = parse_subject(text, after.end())
    elif inverted := SUBJECT_FIRST.match(text, end):
        subject = parse_introduction(inverted["subject"])
    if subject is None:
        before = text[max(passage.start - 1 - MAX_LEAD_IN_LENGTH, 0) : passage.start - 1]
        subject = parse_lead_in(before.rstrip())
    return subject


def _mark_context(paragraphs: Sequence[Paragraph]) -> None:
    """Mark the speech in paragraphs without an attribution, judging by nearby paragraphs."""
    _join_attributions(paragraphs)
    for (name, has_dash), group in groupby(
        paragraphs, key=lambda each: (each.field, each.dash > 0)
    ):
        run = list(group)
        if has_dash:
            _mark_replies(run, paragraphs[run[0].index - 1] if run[0].index else None)
        elif name == "body":
            _mark_blocks(run, paragraphs)
    for number, paragraph in enumerate(paragraphs):
        if paragraph.kind == "interview" and paragraph.subject is None:
            _continue_answer(paragraphs, number)


def _join_attributions(paragraphs: Sequence[Paragraph]) -> None:
    for reply, below in pairwise(paragraphs):
        is_open = reply.dash and reply.is_undecided()
        if is_open and not below.dash and reply.field == below.field:
            _join_attribution(reply, below)


def _join_attribution(reply: Paragraph, below: Paragraph) -> None:
    """Mark a reply that continues in the line below it, if that line ends with an attribution."""
    text = below.text
    found = [
        (match, parse_subject(text, match.end())) for match in ATTRIBUTION_START.finditer(text)
    ]
    match, subject = found[-1] if found else (None, None)
    if match is None or subject is None or text[subject.end :].strip(" ."):
        return
    if not _goes_on_with(reply, text[: match.start()]):
        return
    reply.kind, reply.subject = "dash", subject
    reply.speech = [_trim_span(reply.text, (reply.dash, len(reply.text)))]
    below.kind, below.subject = "dash", CONTINUED
    below.speech = [_trim_span(text, (0, match.start()))]


def _goes_on_with(reply: Paragraph, words: str) -> bool:
    """Return whether the words in the line below a reply are said by the same person."""
    goes_on = not reply.end_of_sentence() and words[:1].islower()
    if not (goes_on or FIRST_PERSON.search(words)):
        return False
    return not (THIRD_PERSON.match(words) or has_full_name(words[:40]))


def _mark_replies(run: Sequence[Paragraph], above: Paragraph | None) -> None:
    """Mark the speech in consecutive paragraphs that start with a dash and are not list items."""
    is_attributed = any(each.subject for each in run)
    if above and not is_attributed and _opens_list(above, run):
        return
    kind: Kind = "interview" if above and _is_question(above) else "dash"
    for paragraph in _find_replies(run, is_attributed=is_attributed):
        paragraph.kind = kind
        paragraph.speech = [_trim_span(paragraph.text, (paragraph.dash, len(paragraph.text)))]


def _find_replies(run: Sequence[Paragraph], *, is_attributed: bool) -> Iterator[Paragraph]:
    """Yield the replies among consecutive paragraphs with a dash.

    If none of the paragraphs has an attribution, all of them must end as sentences do.
    """
    unfinished = sum(not each.end_of_sentence() for each in run)
    for paragraph in run:
        others = unfinished - (not paragraph.end_of_sentence())
        may_be_speech = is_attributed or not others
        if may_be_speech and paragraph.is_undecided() and _is_reply(paragraph):
            yield paragraph


def _is_question(paragraph: Paragraph) -> bool:
    return paragraph.text.endswith("?") and not paragraph.dash


def _is_reply(paragraph: Paragraph) -> bool:
    """Return whether the words after a dash begin and end like sentences."""
    first = paragraph.text[paragraph.dash : paragraph.dash + 1]
    begins = first.isupper() or first.isdigit() or first in (*CLOSING_MARKS, "…")
    return begins and (paragraph.end_of_sentence() or paragraph.text.endswith(":"))


def _opens_list(above: Paragraph, run: Sequence[Paragraph]) -> bool:
    """Return whether the line above paragraphs with a dash introduces them as a list."""
    text = above.text
    if above.field != run[0].field or not LIST_OPENER.search(text) or INTRODUCTION.search(text):
        return False
    return not has_full_name(text) or (len(run) > 1 and ANNOUNCES_POINTS.search(text) is not None)


def _mark_blocks(run: Sequence[Paragraph], paragraphs: Sequence[Paragraph]) -> None:
    for paragraph in run:
        if paragraph.kind is None and paragraph.index:
            _mark_block(paragraphs, paragraph.index)


def _mark_block(paragraphs: Sequence[Paragraph], number: int) -> None:
    """Mark a paragraph in quotation marks as speech if the line before or after it names a speaker.

    Paragraphs below a line such as "NAME har gjort följande uttalande:" are also marked.
    """
    before, paragraph = paragraphs[number - 1], paragraphs[number]
    text = paragraph.text
    passages = find_marked_passages(text, 0, len(text)) if text[0] in CLOSING_MARKS else []
    if len(passages) == 1 and not text[passages[0].end :].strip(DOUBLE_MARKS + "’., "):
        after = paragraphs[number + 1] if number + 1 < len(paragraphs) else None
        if subject := _find_block_speaker(before, after):
            paragraph.kind, paragraph.subject = "marks", subject
            paragraph.speech = [_trim_span(text, (passages[0].start, passages[0].end))]
    elif STATEMENT.search(before.text) and has_full_name(before.text):
        _mark_statement(before.text, paragraphs[number:])


def _find_block_speaker(before: Paragraph, after: Paragraph | None) -> Subject | None:
    """Return the speaker named before or after a quoted paragraph, or None if there is none."""
    sentence = before.text[sentence_start(before.text, len(before.text) - 1) :]
    if sentence.endswith(":") and (verb := INTRODUCTION.search(sentence)):
        return parse_introduction(sentence[: verb.start()]) or parse_introduction(sentence)
    if after and (said := SAID_BY.match(after.text)):
        return parse_subject(after.text, said.end())
    return None


def _mark_statement(introduction: str, paragraphs: Sequence[Paragraph]) -> None:
    """Mark as speech the full sentences below "NAME har gjort följande uttalande:"."""
    start, end, name = next(found for found in iter_names(introduction) if " " in found[2])
    role = find_role_before(introduction, start) or find_role_after(introduction, end)
    subject = Subject(name, role, False, 0)
    for paragraph in paragraphs:
        if paragraph.dash or not paragraph.end_of_sentence():
            break
        paragraph.kind, paragraph.speech = "block", [(0, len(paragraph.text))]
        paragraph.subject = subject
        subject = CONTINUED


def _continue_answer(paragraphs: Sequence[Paragraph], number: int) -> None:
    """Mark the paragraphs that continue an answer as speech, unless a dash precedes the answer."""
    if paragraphs[number - 1].dash:
        return
    for each in paragraphs[number + 1 :]:
        if _ends_answer(each, paragraphs):
            break
        each.kind, each.subject, each.speech = "interview", CONTINUED, [(0, len(each.text))]


def _ends_answer(paragraph: Paragraph, paragraphs: Sequence[Paragraph]) -> bool:
    """Return whether a paragraph does not belong to the answer above it."""
    if paragraph.dash or paragraph.kind:
        return True
    number = paragraph.index + 1
    is_answered = number < len(paragraphs) and paragraphs[number].dash > 0
    if is_answered and _is_question(paragraph):
        return True
    if not (paragraph.end_of_sentence() or paragraph.text[-1] in DOUBLE_MARKS):
        return True
    return THIRD_PERSON.match(paragraph.text) is not None or has_full_name(paragraph.text)


def _find_people(paragraphs: Sequence[Paragraph]) -> list[Person]:
    """Return the people named outside speech and in attributions, in order."""
    people = list(chain.from_iterable(map(_iter_people, paragraphs)))
    names = {person.name for person in people if " " in person.name}
    subjects = {each.subject.name for each in paragraphs if each.subject and each.subject.name}
    trusted = {name for name in subjects if " " in name}
    full_names = _map_parts_of_names(names, trusted)
    return [
        person._replace(name=_find_plain_name(name, names, trusted))
        for person in people
        if " " in (name := full_names.get(person.name, person.name))
    ]


def _iter_people(paragraph: Paragraph) -> Iterator[Person]:
    """Yield the people that a paragraph names outside speech or in its attribution."""
    subject, role_end = paragraph.subject, 0
    text = _blank_spans(paragraph.text, paragraph.speech)
    for start, end, found in iter_names(text):
        name = _strip_genitive(found, text, end)
        is_subject = subject is not None and subject.name == name
        if not is_subject and (start < role_end or NO_PERSON.search(name)):
            continue
        role = find_role_before(text, start, end)
        if role is None and (role := find_role_after(text, end)):
            role_end = max(end, text.find(role, end)) + len(role)
        if subject and is_subject and paragraph.speech:
            role = subject.role
        yield Person(name, role, paragraph.index, start, opens_sentence(text, start, role or ""))


def _strip_genitive(name: str, text: str, end: int) -> str:
    return name[:-1] if name.endswith("s") and is_genitive(text, end) else name


def _map_parts_of_names(names: Set[str], trusted: Set[str]) -> dict[str, str]:
    """Return a map from each word that occurs in only one person's name to the full name."""
    bearers: dict[str, set[str]] = {}
    for name in names | trusted:
        for word in name.split():
            bearers.setdefault(word, set()).add(_find_plain_name(name, names, trusted))
    return {word: next(iter(found)) for word, found in bearers.items() if len(found) == 1}


def _blank_spans(text: str, spans: Sequence[Span]) -> str:
    """Return a text with the given spans, which are in order, replaced by line ends."""
    parts, position = list[str](), 0
    for start, end in spans:
        parts += (text[position:start], "\n" * (end - start))
        position = end
    return "".join((*parts, text[position:]))


def _find_plain_name(name: str, names: Set[str], trusted: Set[str]) -> str:
    """Return a name without a genitive ending or capitalised words that do not belong to it."""
    if name.endswith("s") and name[:-1] in names:
        name = name[:-1]
    words = [match.span() for match in WORD.finditer(name)]
    parts = {
        name[start:end]
        for first, (start, _) in enumerate(words)
        for _, end in words[first : first + MAX_WORDS]
    }
    parts |= {part.removesuffix("s") for part in parts}
    return min(parts & trusted - {name}, default=name)


def _resolve_speaker(
    paragraph: Paragraph,
    paragraphs: Sequence[Paragraph],
    people: Sequence[Person],
    last: str | None,
) -> tuple[str | None, str | None, Origin] | None:
    """Return the name, the role and the origin of a quotation's speaker.

    Returns None if the release names nobody who could have said the quotation.
    """
    subject = paragraph.subject
    role: str | None = None
    origin: Origin = "pronoun"
    if subject is None:
        near, far = _find_context_speakers(paragraph, paragraphs, people, last)
        if not last and paragraph.kind != "interview":
            far = []
        name, origin = _choose_speaker(near, far, paragraph.text), "context"
    elif subject.name:
        name, origin = _complete_name(subject.name, paragraph, people), "attribution"
        role = subject.role
    elif subject.is_author:
        name = _find_author(paragraphs, people)
    elif subject.is_pronoun:
        name = _find_nearest(paragraph, people, last)
    elif subject.role:
        return _find_by_role(subject.role, paragraph, people), subject.role, "role"
    else:
        return None
    return (name, role or _find_role(name, paragraph, people), origin) if name else None


def _find_author(paragraphs: Sequence[Paragraph], people: Sequence[Person]) -> str | None:
    """Return the first person named in the title or lead, or None if there is none."""
    for person in people:
        if paragraphs[person.paragraph].field != "body":
            return person.name
    return None


def _ordered_people(paragraph: Paragraph, people: Sequence[Person]) -> list[Person]:
    """Return the people, sorted by their nearness to a quotation.

    People in the quotation's paragraph come first, then people before it, the nearest first, and
    then people after it. If there are very many people, only those near the quotation are included.
    """
    start = bisect_left(people, paragraph.index, key=attrgetter("paragraph"))
    end = bisect_right(people, paragraph.index, key=attrgetter("paragraph"))
    own = people[start:end][:MAX_NEAR_PEOPLE]
    before = people[max(start - MAX_NEAR_PEOPLE, 0) : start]
    return [*own, *reversed(before), *people[end : end + MAX_NEAR_PEOPLE]]


def _complete_name(name: str, paragraph: Paragraph, people: Sequence[Person]) -> str | None:
    """Return the full name that contains `name`, else `name` if it may be a person's, else None."""
    if " " in name:
        return name
    for person in _ordered_people(paragraph, people):
        if " " in person.name and {name, name.removesuffix("s")} & set(person.name.split()):
            return person.name
    return name if is_single_name(name) else None


def _find_role(name: str, paragraph: Paragraph, people: Sequence[Person]) -> str | None:
    nearest = _ordered_people(paragraph, people)
    return next((each.role for each in nearest if each.name == name and each.role), None)


def _find_by_role(role: str, paragraph: Paragraph, people: Sequence[Person]) -> str | None:
    """Return the nearest person with a role (definite or indefinite), or None if nobody has it."""
    stems = _list_role_stems(role)
    endings = (*stems, *(stem + "n" for stem in stems))
    deputy = DEPUTIES.intersection(role.casefold().split())
    matches = list[tuple[str, str]]()
    for person in _ordered_people(paragraph, people):
        words = (person.role or "").casefold().replace(",", " ").split()
        has_role = any(each.endswith(endings) for each in words)
        if has_role and DEPUTIES.intersection(words) == deputy:
            matches.append((person.name, " ".join(words)))
    # "statsministern" is the one without a country, if one is printed
    nearest = matches[0][0] if matches else None
    return next((name for name, words in matches if words in stems), nearest)


def _list_role_stems(role: str) -> set[str]:
    """Return the last word of a role, with and without a possible definite ending."""
    word = role.rsplit(maxsplit=1)[-1].casefold()
    stems = {word, *(word.removesuffix(ending) for ending in ("n", "en", "et"))}
    return stems | {"minister"} if word == "statsrådet" else stems


def _find_nearest(paragraph: Paragraph, people: Sequence[Person], last: str | None) -> str | None:
    """Return the person to whom a pronoun in an attribution refers, or None if nobody is near.

    If there is no attribution, return the person that the text right before the quotation is about.
    """
    start = paragraph.speech[0][0] if paragraph.kind == "marks" else 0
    end = bisect_left(people, (paragraph.index, start), key=attrgetter("paragraph", "start"))
    before = people[max(end - MAX_NEAR_PEOPLE, 0) : end]
    if not before or before[-1].paragraph < paragraph.index - MAX_PRONOUN_DISTANCE:
        return None
    nearest = [person for person in before if person.paragraph == before[-1].paragraph]
    if any(person.name == last for person in nearest):
        return last
    openings = (person for person in reversed(nearest) if person.is_opening)
    return next(openings, nearest[-1]).name


def _choose_speaker(near: Sequence[str], far: Sequence[str], text: str) -> str | None:
    """Return the first person not named in the quotation, as speakers call themselves "jag"."""
    for name in near:
        if not name_in(name, text):
            return name
    if near:
        return None
    return next((name for name in far if not name_in(name, text)), None)


def _find_context_speakers(
    paragraph: Paragraph,
    paragraphs: Sequence[Paragraph],
    people: Sequence[Person],
    last: str | None,
) -> tuple[list[str], list[str]]:
    """Return the possible speakers of a quotation without an attribution: near ones, and others.

    The likeliest come first. Near speakers are named in the line after the quotation ("Det sade
    NAME"), spoke right before it, are named right before it, or speak right after it. The others
    are the last speaker and everyone named before or after the quotation.
    """
    before = paragraphs[paragraph.index - 1] if paragraph.index else None
    if before and before.subject is UNNAMED:
        return [], []
    near = [_find_speaker_in_next_line(paragraph, paragraphs, people)]
    if before and before.kind and paragraph.field == before.field:
        near.append(last)
    if before:
        people = _leave_out_asker(people, before)
        if _speaks_of_speaker(before, paragraph, people):
            near.append(_find_nearest(paragraph, people, last))
    near.append(_find_next_speaker(paragraph, paragraphs, people))
    return list(filter(None, near)), _list_other_speakers(paragraph, people, last)


def _find_names(paragraph: Paragraph, people: Sequence[Person]) -> set[str]:
    return {person.name for person in people if person.paragraph == paragraph.index}


def _leave_out_asker(people: Sequence[Person], before: Paragraph) -> Sequence[Person]:
    """Return the people, except anyone who asks the question in the preceding paragraph."""
    if not _is_question(before) or not ASKS.search(before.text):
        return people
    asking = _find_names(before, people)
    return [person for person in people if person.name not in asking]


def _find_speaker_in_next_line(
    paragraph: Paragraph, paragraphs: Sequence[Paragraph], people: Sequence[Person]
) -> str | None:
    """Return the speaker named after a quotation ("Det sade NAME"), or None if there is none."""
    if paragraph.index + 1 == len(paragraphs):
        return None
    text = paragraphs[paragraph.index + 1].text
    said = SAID_BY.match(text)
    subject = parse_subject(text, said.end()) if said else None
    return _complete_name(subject.name, paragraph, people) if subject and subject.name else None


def _speaks_of_speaker(before: Paragraph, paragraph: Paragraph, people: Sequence[Person]) -> bool:
    """Return whether the line before a quotation names a possible speaker.

    A title must name exactly one person, and the quotation must be in the first person.
    """
    named = _find_names(before, people)
    if before.field != "title":
        return bool(named)
    return len(named) == 1 and FIRST_PERSON.search(paragraph.text) is not None


def _find_next_speaker(
    paragraph: Paragraph, paragraphs: Sequence[Paragraph], people: Sequence[Person]
) -> str | None:
    """Return the first speaker named in replies below a quotation, or None if there is none."""
    for each in islice(paragraphs, paragraph.index + 1, None):
        if not each.dash:
            return None
        if each.subject and each.subject.name:
            return _complete_name(each.subject.name, paragraph, people)
    return None


def _list_other_speakers(
    paragraph: Paragraph, people: Sequence[Person], last: str | None
) -> list[str]:
    earlier = [person for person in people if person.paragraph < paragraph.index]
    later = [person for person in people if person.paragraph > paragraph.index]
    with_role = [person for person in reversed(earlier) if person.role]
    names = [last, *(person.name for person in (*with_role, *earlier, *later))]
    return list(filter(None, names))


# Rows


def write_quotes(db: Database, revision_id: int, quotes: Sequence[Quote]) -> bool:
    """Replace the stored quotations of a revision, and delete people who no longer have quotations.

    Returns whether the new quotations differ from the stored ones. Does not commit.
    """
    rows = [
        (
            *(
                position,
                build_name_key(quote.person),
                quote.speaker,
                quote.role,
                quote.organisation,
            ),
            *(quote.text, quote.field, json.dumps(quote.spans), quote.kind, quote.origin),
        )
        for position, quote in enumerate(quotes, 1)
    ]
    stored = db.execute(
        "select q.person, q.position, ifnull(p.key, ''), q.speaker, q.role, q.organisation, q.text,"
        " q.field, q.spans, q.kind, q.origin from quotes q left join people p on p.id = q.person"
        " where q.revision = ? order by q.position",
        [revision_id],
    ).fetchall()
    if rows == [row[1:] for row in stored]:
        return False
    release_id, agency = db.execute(
        "select r.id, r.agency from revisions v join releases r on r.id = v.release where v.id = ?",
        [revision_id],
    ).fetchone()
    if stored:
        db.execute("delete from quotes where revision = ?", [revision_id])
    named = [quote for quote in quotes if quote.person]
    people = {quote.speaker: _find_or_add_person(db, quote.person, agency) for quote in named}
    for position, _, speaker, *columns in rows:
        db.execute(
            "insert into quotes (release, revision, position, person, speaker, role, organisation,"
            " text, field, spans, kind, origin) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [release_id, revision_id, position, people.get(speaker), speaker, *columns],
        )
    _update_people(db, people, [(row[3], row[0]) for row in stored])
    return True


def _find_or_add_person(db: Database, name: str, agency: str) -> int:
    key = build_name_key(name)
    row = db.execute(
        "select id, same_as from people where key = ? and agency = ? order by same_as limit 1",
        [key, agency],
    ).fetchone()
    if row and row[1]:  # it is somebody's name again
        db.execute("update people set same_as = null where id = ?", row[:1])
    if row is None:
        slugs = chain([build_slug(name)], (f"{build_slug(name)}-{number}" for number in count(2)))
        taken = "select 1 from people where slug = ?"
        slug = next(each for each in slugs if not db.execute(taken, [each]).fetchone())
        sql = "insert into people (slug, name, agency, key) values (?, ?, ?, ?) returning id"
        row = db.execute(sql, [slug, name, agency, key]).fetchone()
    return int(row[0])


def _update_people(
    db: Database, people: Mapping[str | None, int], stored: Iterable[tuple[str, int | None]]
) -> None:
    """Update the names of people in a changed revision, and delete people without quotations.

    A person's name is stored in the spelling that most releases print. If a name turns out to be a
    spelling of another person's name, the address of its page leads to that person as long as a
    release prints the spelling.

    people: a map from each name as printed to the id of the person now quoted in the revision.
    stored: the printed names and the ids of the people previously quoted in the revision.
    """
    former = {name: person_id for name, person_id in stored if person_id}
    for name, person_id in {*people.items(), *former.items()}:
        usual, key = db.execute("select name, key from people where id = ?", [person_id]).fetchone()
        # one more of the usual spelling changes nothing, and counting takes ever longer
        if name != usual or name in former:
            sql = "select -count(distinct release), speaker from quotes where person = ? group by 2"
            own = [each for each in db.execute(sql, [person_id]) if build_name_key(each[1]) == key]
            usual = min(own)[1] if own else usual
            db.execute("update people set name = ? where id = ?", [usual, person_id])
        db.execute(
            "update people set same_as = ?, name = ? where id = ?"
            " and not exists (select 1 from quotes where person = people.id)",
            [people.get(name), name, person_id],
        )
    db.execute(
        "delete from people where (id in (select value from json_each(?1))"
        " or same_as in (select value from json_each(?1))) and not exists (select 1 from quotes"
        " where person = ifnull(same_as, people.id)"
        " and (same_as is null or speaker = people.name))",
        [json.dumps([*former.values()])],
    )
