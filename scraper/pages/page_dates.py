"""Finds the dates on which a page was published and updated.

Dates come from labels ("Publicerad", "Senast uppdaterad"), from the page's declared dates, from
microdata, and from a date that stands alone next to the title or before the text. Dates of other
texts, of files and of events are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain, islice, takewhile
from typing import cast
from urllib.parse import urlsplit

from lxml import etree

from scraper.items import Provenance
from scraper.normalise.conversion import guess_media_type, normalise_kind
from scraper.normalise.dates import (
    ANY_MONTH,
    BOX_CREATION,
    DATE_ROLE,
    DATE_ROLE_PATTERNS,
    DATE_SPAN,
    MONTH_NAME_PATTERN,
    MONTHS_BY_NAME,
    NON_PUBLICATION_DATE,
    NoDateError,
    find_address_day,
    find_date_role,
    find_first_date,
    parse_date,
    parse_label,
    split_date_labels,
)
from scraper.normalise.text_cleaning import (
    build_alternation,
    cache_by_text,
    clean_line,
    compile_name_pattern,
    compile_phrases,
)
from scraper.pages.boilerplate import SERVICE_LINE, is_card, is_side_column, split_camel_case
from scraper.pages.document import (
    HEADING_TAGS,
    INLINE_TAGS,
    Document,
    Element,
    count_linked_letters,
    count_text_letters,
    format_element_path,
    get_text_content,
    has_min_letters,
    iter_declared_dates,
    read_short_line,
    remove_element,
    select_xpath,
)

# Words in a line.
ADDRESS_RULE = "from the address"  # the rule of a date that only the address states
DIGIT = re.compile(r"\d")
LONG_WORD = re.compile(r"[^\W\d_]{4,}")
COPYRIGHT_NOTICE = re.compile(r"\W*(?:©|\(c\)|copyright\b)", re.IGNORECASE)
LINE_WORD = re.compile(r"[^\W\d_]{3,}")
ENDS_WITH_ORDINAL = re.compile(r"\d\.$")  # may also be the end of a sentence
# "Tisdag 12 mars" has neither: it is the heading of a programme.
YEAR_OR_TIME = re.compile(r"(?:19|20)\d\d|\d[.:]\d\d")

# Microdata, other texts and events.
# field → itemprop (schema.org)
SCHEMA_DATE_PROPERTIES = {"published": "datePublished", "updated": "dateModified"}
EVENT_OR_DEADLINE = re.compile(
    r"event|kalend|calendar|deadline|start-?date|end-?date", re.IGNORECASE
)
# Words in an address whose day is that of the subject, such as an event.
DATED_SUBJECT = re.compile(
    r"protokoll|mote|moten|sammantr|beslut|kallelse|remiss|minutes|meeting|decision", re.IGNORECASE
)
_has_date_word = compile_name_pattern((r"(?:pub|publish|post|news|entry)?date", "datum", "dato"))
NON_DATE_CLASS = re.compile(r"updat|modif|revis|event|deadline|expir|start|end")
NON_DATE_PARENTS = ("p", "li", "table", "blockquote", "figure", "aside")
TEASER_TAGS = ("article", "li", "a")
ITEM_TAGS = ("li", "p", "div", "section", "article", "td", "dd")
LIST_CONTAINER_TAGS = ("dl", "ul", "ol", "table", "div", "section")
# characters of an entry in a list of other texts, and of the link in it
MAX_ITEM_LENGTH, MIN_LINK_TEXT_LENGTH = 300, 8
MIN_HEADLINE_LENGTH = 18  # characters; the name of an author is shorter
# Words near "Datum" that show that the date is that of an event.
EVENT_DETAIL = re.compile(
    r"\W*(?:plats|tid|tidpunkt|lokal|var|place|time|venue|location|where)\b", re.IGNORECASE
)

# Dates without a label.
MIN_PARAGRAPH_LENGTH = 60
MAX_DATE_LENGTH = 20
MAX_DATE_AND_TAGS_LENGTH = 400
TRAILING_BRACKETS = re.compile(r",?\s*\[[^\[\]]*\]$")  # tags after the date
PLACE_NAME = r"(?:[A-ZÅÄÖ][\w.-]+(?: [A-ZÅÄÖ][\w.-]+)?,? (?:den |the |am )?)?"
DATELINE_DAY = (
    rf"(?:[0-3]?\d\.\s?[01]?\d\.\s?(?:19|20)\d\d|[0-3]?\d\.? {MONTH_NAME_PATTERN},? (?:19|20)\d\d)"
)
# "Bern, 17.08.2007 - Rede von …": a separator must follow the date.
DATELINE = re.compile(rf"^{PLACE_NAME}{DATELINE_DAY}(?=\s*(?:[-–—:|„“\"]|$))", re.IGNORECASE)

# Labels. Words before the word that gives a date its role:
LABEL_OPENING = build_alternation(r"""
    den här | denna | detta | det här | sidan? | sidans
    webbsidan? | artikeln? | texten? | nyheten? | informationen
    innehållet | sidinnehållet | publikationen | dokumentet? | pressmeddelande\w* | nyhet\w* | press
    senast | senaste | först | första | ursprungligen | är | blev | har | datum för
    siden | artikkelen | artiklen | teksten | innholdet
    indholdet | denne | dette | sist | siste | sidst | sidste
    senest | seneste | først | ble | er | faglig | nyhet
    pressemelding | pressemeddelelse | dato for
    diese | seite | artikel | beitrag | inhalt | text | wurde
    zuletzt | letzte | am | datum der | pressemitteilung
    news | page | this | article | story | content | document
    was | is | on | are | last | first | latest
    originally | date | web | viimeksi | sivu
    """)
# Words in a line with a date that do not change its meaning.
PLAIN_WORDS = compile_phrases(
    r"""
        (?:mån|tis|ons|tors|fre|lör|sön)dag(?:en)? | (?:man|tirs|ons|tors|fre|lør|søn)dag
        (?:mon|tues|wednes|thurs|fri|satur|sun)day
        (?:mon|diens|donners|frei|sams|sonn)tag | mittwoch
        den | det | the | der | das | vid | och | and | und
        klockan | kloekken | uhr | cest | cet | utc | gmt | est
    """,
    before=rf"\b(?:{LABEL_OPENING}|{ANY_MONTH}|",
    after=r")\b",
)
AUTHOR_LEAD_IN = re.compile(
    r"\W*(?:(?:written|skriven) )?(?:av|af|by|von)\b|\W*(?:ansvarig|redaktör|författare)\w*\s*:",
    re.IGNORECASE,
)
# words between a label and its date: "i Nyheter", or "av" and a name
MAX_WORDS_BETWEEN, MAX_AUTHOR_WORDS = 1, 5
MAX_DATE_LINE_LENGTH = 90
MAX_WORDS_AFTER_DATE = 2  # words; a sentence after a date has more
# Text after a date, as in "Rättelse 3 maj 2024: beloppet är …".
DATE_THEN_COLON = re.compile(r"\s*(?:kl\.?\s*)?(?:\d{1,2}[.:]\d\d(?:[.:]\d\d)?)?\s*:\s")
MAX_DATE_LABEL_LENGTH = 160
# elements that contain only the label, in front of the element with its date
MAX_LABEL_WRAPPERS = 3
ANY_ROLE_PATTERN = "|".join(DATE_ROLE_PATTERNS.values())
# A label begins its line. Both patterns are for lower-case text: every text of a page is matched,
# and matching without regard to case takes twice as long.
DATE_LABEL = re.compile(rf"\W*(?:{LABEL_OPENING}\W+){{0,5}}(?:{ANY_ROLE_PATTERN})")
# "3 maj 2024 (uppdaterad 9 maj 2024)": a date begins the line, and a label follows it.
LATER_LABEL = re.compile(
    rf"\d[^\w\d]*[,(·•|–-]\s*(?:{LABEL_OPENING}\W+){{0,5}}(?:{ANY_ROLE_PATTERN})\W"
)
MAX_FIRST_DIGIT_OFFSET = 30  # characters before the first digit of a date at the start of a line
TRAILING_LABEL_OPENING = re.compile(rf"(?:\W+{LABEL_OPENING})+\W*$", re.IGNORECASE)
SENTENCE_INLINE_TAGS = INLINE_TAGS - {"br", "time"}  # the text after these may continue a sentence
LABEL_START = re.compile(r"\s*[·|•(–—/]|\W*[A-ZÅÄÖÆØÜ]")
# does not say what the date means
GENERIC_DATE_LABEL = re.compile(r"^\W*dat(?:e|um|o)\b", re.IGNORECASE)
# elements that may have an invisible label
ACCESSIBLE_NAME_TAGS = ("time", "span", "p", "div", "dd", "abbr")


@dataclass(frozen=True, slots=True)
class PageDate:
    """A date found on a page.

    role: the field that the date is for (published or updated).
    """

    role: str
    text: str
    value: date | datetime | None  # None: it looks like a date but cannot be parsed with certainty
    evidence: Provenance


LabelReader = Callable[[Document, Element], list[PageDate]]


def choose_dates(
    document: Document,
    main: Element,
    heading: Element | None,
    selected: Mapping[str, PageDate | None],
) -> Iterator[tuple[str, PageDate]]:
    """Yield the dates of a page as pairs of field and date, and remove date lines from the tree.

    The fields are published and updated. For `published`, a date in an element that a selector
    matched ranks highest. Next come labelled dates, declared dates, a date that stands alone next
    to the title, and declared dates whose meaning is not stated. The day in the URL is used only if
    the page has no date at all.

    selected: for each field, the date in an element that a selector matched, or None if there is no
        such date.
    """
    # read first, because reading labels and the date beside the title changes the tree
    declared_publications = _read_declared_dates(document, main, "published")
    declared_updates = _read_declared_dates(document, main, "updated")
    labels = _find_labelled_dates(document, main)
    unlabelled = _find_unlabelled_date(document, heading, main)
    ranked = [*_filter_by_role(labels, "published"), *declared_publications]
    if unlabelled:
        ranked.append(unlabelled)
    published = selected["published"] or _choose_published(document, main, ranked)
    updated = selected["updated"] or _choose_updated(labels, declared_updates, published)
    if published:
        yield "published", published
    if updated:
        yield "updated", updated
    has_any_date = published or updated or labels
    if not has_any_date and (found := _read_address_date(document.url)):
        yield "published", found


def _read_declared_dates(document: Document, main: Element, field: str) -> list[PageDate]:
    stated = _parse_stated_dates(document, field, iter_declared_dates(document, field))
    return [*stated, *_find_microdata_dates(document, main, field)]


def _choose_published(
    document: Document, main: Element, ranked: Sequence[PageDate]
) -> PageDate | None:
    unspecified = _parse_stated_dates(document, "published", iter_declared_dates(document, None))
    created = _parse_stated_dates(document, "published", iter_declared_dates(document, "created"))
    found = _choose_date([*ranked, *unspecified], created)
    return found or _find_date_by_class(document, main)


def _choose_updated(
    labels: Sequence[PageDate], declared: Sequence[PageDate], published: PageDate | None
) -> PageDate | None:
    later = [other for other in declared if published is None or _is_later(other, published)]
    return _choose_date([*_filter_by_role(labels, "updated"), *later])


def _filter_by_role(dates: Iterable[PageDate], role: str) -> list[PageDate]:
    return [found for found in dates if found.role == role]


def _is_later(update: PageDate, published: PageDate) -> bool:
    """Return whether a declared update may be later than the publication.

    An update at the time of publication carries no information. An update on an earlier day must be
    wrong.
    """
    if published.value is None or update.value is None:
        return True
    return update.value != published.value and str(update.value)[:10] >= str(published.value)[:10]


def _read_address_date(url: str) -> PageDate | None:
    """Return the day in a page's URL, or None if the URL contains no day.

    The day of an event, a meeting or a decision does not count.
    """
    day, path = find_address_day(url), urlsplit(url).path.rstrip("/")
    if (
        day is None
        or EVENT_OR_DEADLINE.search(path)
        or DATED_SUBJECT.search(path.rpartition("/")[0])
    ):
        return None
    return PageDate(
        "published", day, date.fromisoformat(day), Provenance(rule=ADDRESS_RULE, element="address")
    )


def _choose_date(ranked: Sequence[PageDate], exact: Iterable[PageDate] = ()) -> PageDate | None:
    """Return the first date that could be parsed.

    If a more exact date agrees with it, the more exact one is returned instead. If no date could be
    parsed, the first one is returned, or None if there are no dates.

    exact: further dates, which are returned only if they agree with that date and are more exact.
    """
    first = next((found for found in ranked if found.value is not None), None)
    if first is None:
        return ranked[0] if ranked else None  # present but unreadable: to_release raises the error
    return next(
        (other for other in (*ranked, *exact) if _is_more_exact(other.value, first.value)), first
    )


def _is_more_exact(exact: date | datetime | None, value: date | datetime | None) -> bool:
    """Return whether `exact` is the same date as `value`, with a time of day or seconds added."""
    if not isinstance(exact, datetime) or value is None:
        return False
    if isinstance(value, datetime):
        return exact != value and 0 <= (exact - value).total_seconds() < 60
    return exact.date() == value and (exact.hour, exact.minute, exact.second) != (0, 0, 0)


def _prefer_exact_date(
    text: str, value: date | datetime | None, timestamp: str | None, url: str
) -> tuple[str, date | datetime | None]:
    exact = _parse_machine_date(timestamp, url)
    return (timestamp, exact) if timestamp and _is_more_exact(exact, value) else (text, value)


def _parse_machine_date(timestamp: str | None, url: str) -> date | datetime | None:
    try:
        return parse_date(timestamp, url) if timestamp else None
    except ValueError:
        return None


def _find_labelled_dates(document: Document, main: Element) -> list[PageDate]:
    """Return the labelled dates of the page, and remove their lines from the tree.

    Dates in the main element come first. Lines that belong to the text, such as a heading or a
    sentence that contains a label, are not removed.
    """
    inside: list[PageDate] = []
    outside: list[PageDate] = []
    for element, text, read in _iter_labels(document.root):
        if _is_label_of_page(element, text, main, document.root):
            is_inside = element is main or main in element.iterancestors()
            (inside if is_inside else outside).extend(read(document, element))
    return inside + outside


def _iter_labels(root: Element) -> Iterator[tuple[Element, str | None, LabelReader]]:
    """Yield each element with a label, the label's text, and the function that parses its dates."""
    for element in list(root.iter(etree.Element)):
        # half of the texts on a page are links
        if element.tag != "a" and _may_open_with_label(element.text):
            yield element, element.text, _read_label_dates
        elif _may_open_with_label(element.tail) and (
            element.tag not in SENTENCE_INLINE_TAGS or LABEL_START.match(element.tail or "")
        ):
            yield element, element.tail, _read_tail_dates
        elif element.tag in ACCESSIBLE_NAME_TAGS:
            name = _get_accessible_name(element)
            if _may_open_with_label(name):
                yield element, name, _read_accessible_name_dates


def _is_label_of_page(element: Element, text: str | None, main: Element, root: Element) -> bool:
    """Return whether a label belongs to the page and not to an event, a box or another text."""
    parents = list(element.iterancestors())
    if root not in parents:
        return False  # removed with an earlier label
    if any(part.tag == "h1" for part in (element, *parents)):
        return False  # "30 mars 14.31, Uppdatering" in a title is not the label of a date
    if GENERIC_DATE_LABEL.match(text or "") and _is_event_date(element, main):
        return False
    if BOX_CREATION.match(text or "") and _is_in_box(element, main):
        return False
    return not _is_date_of_other_text(element, main)


def _is_in_box(element: Element, main: Element) -> bool:
    """Return whether an element is in a side column, or outside `main` in a box with a heading."""
    boxes = _list_boxes_beside(main, element)
    has_heading = any(box.find(f".//{tag}") is not None for box in boxes for tag in HEADING_TAGS)
    return any(map(is_side_column, boxes)) or (has_heading and main not in element.iterancestors())


def _list_boxes_beside(main: Element, element: Element) -> list[Element]:
    """Return an element and its ancestors, except `main` and the ancestors of `main`."""
    around_main = {main, *main.iterancestors()}
    parents = (element, *element.iterancestors())
    return list(takewhile(lambda part: part not in around_main, parents))


def _may_open_with_label(text: str | None) -> bool:
    if not text or not 3 < len(text) < MAX_DATE_LABEL_LENGTH * 2 or text.isspace():
        return False
    return _starts_with_date_label(text)


@cache_by_text(16_384)
def _starts_with_date_label(text: str) -> bool:
    """Return whether a text starts with the label of a date, such as "Publicerad".

    A date may precede the label. Results are cached, because the pages of a site have many texts in
    common.
    """
    lower = text.lower()
    if DATE_LABEL.match(lower):
        return True
    later = LATER_LABEL.search(lower) if DIGIT.search(text, 0, MAX_FIRST_DIGIT_OFFSET) else None
    return later is not None and _is_date_only(text[: later.start()])


def _get_accessible_name(element: Element) -> str | None:
    return element.get("aria-label") or element.get("title")


def _read_label_dates(document: Document, element: Element) -> list[PageDate]:
    """Return the dates that belong to the label in an element.

    The dates are looked for in the element itself, then in the line that it forms with the next
    element, and then in its parent.
    """
    following, parent = find_next_element(element), element.getparent()
    for parts in ([element], [element, following], [parent]):
        elements = [part for part in parts if part is not None]
        found = _read_element_dates(document, elements) if len(elements) == len(parts) else []
        if found:
            return found
    return []


def find_next_element(element: Element) -> Element | None:
    """Return the next sibling of an element or, if it has none, of an ancestor with the same text.

    Such an ancestor is, for example, a <dt> or a wrapper. Returns None if there is no such sibling.
    """
    text = clean_line(get_text_content(element))
    for part in (element, *islice(element.iterancestors(), MAX_LABEL_WRAPPERS)):
        if clean_line(get_text_content(part)) != text:
            return None
        if (following := part.getnext()) is not None:
            return following
    return None


def _read_tail_dates(document: Document, element: Element) -> list[PageDate]:
    """Return the labelled dates in the text directly after an element.

    They are in the line that the element's parent forms, or in the text after a line break.
    """
    parent = element.getparent()
    if parent is None:
        return []
    is_line = parent.find(".//a") is None and parent.find(".//h1") is None
    if is_line and (found := _read_element_dates(document, [parent])):
        return found
    line = clean_line(element.tail or "")
    if element.tag in INLINE_TAGS - {"br"} or len(line) > MAX_DATE_LABEL_LENGTH:
        return []
    found = list(_parse_line_dates(line, [], format_element_path(parent), document.url))
    if found and not _has_text_after_date(line, document.url):
        element.tail = None
    return found


def _read_accessible_name_dates(document: Document, element: Element) -> list[PageDate]:
    name = _get_accessible_name(element) or ""
    line = clean_line(name if DIGIT.search(name) else f"{name} {get_text_content(element)}")
    stamps = _read_datetime_attributes(element)
    found = list(_parse_line_dates(line, stamps, format_element_path(element), document.url))
    if found:
        remove_element(element)
    return found


def _read_element_dates(document: Document, elements: Sequence[Element]) -> list[PageDate]:
    """Return the dates in the line formed by the given elements, and remove these from the tree.

    Headings, and elements in which a sentence follows the date, are not removed.
    """
    text = clean_line(" ".join(map(get_text_content, elements)))
    if len(text) > MAX_DATE_LABEL_LENGTH or not DIGIT.search(text):
        return []
    stamps = _read_datetime_attributes(*elements)
    found = list(_parse_line_dates(text, stamps, format_element_path(elements[-1]), document.url))
    is_heading = len(elements) == 1 and _is_in_heading(elements[0])
    if found and not is_heading and not _has_text_after_date(text, document.url):
        for part in elements:
            if part.tag not in ("body", "main", "article"):
                remove_element(part)
    return found


def _is_in_heading(element: Element) -> bool:
    return (
        element.tag in HEADING_TAGS or next(element.iterancestors(*HEADING_TAGS), None) is not None
    )


def _has_text_after_date(line: str, url: str) -> bool:
    return any(_continues_after_date(label, url) for label in split_date_labels(line))


def _parse_line_dates(
    text: str, timestamps: Sequence[str | None], path: str, url: str
) -> Iterator[PageDate]:
    """Yield the labelled dates of one line, and any unlabelled date at the start of the line.

    timestamps: the datetime attributes in the line. If there is one attribute for each label, the
        attributes replace less exact dates.
    """
    labels = split_date_labels(text)
    for number, label in enumerate(labels):
        role = _find_label_role(labels[number:], url)
        if role is None:
            continue
        stamp = timestamps[number] if len(timestamps) == len(labels) else None
        evidence = Provenance(rule=f"label {label.split()[0]}", element=path)
        if found := _parse_label_date(label, role, stamp, url):
            yield PageDate(*found, evidence)


def _find_label_role(labels: Sequence[str], url: str) -> str | None:
    """Return the role of the first label's date, or None if the date is not about the page."""
    label = labels[0]
    role = find_date_role(label)
    if role is None and _starts_with_unlabelled_date(labels):
        role = "published"
    if role is None:
        return None
    if GENERIC_DATE_LABEL.match(label) and EVENT_OR_DEADLINE.search(urlsplit(url).path):
        return None
    return role if _is_label_of_date(label, url) else None


def _parse_label_date(
    label: str, role: str, stamp: str | None, url: str
) -> tuple[str, str, date | datetime | None] | None:
    """Return the role, the text and the value of a label's date.

    Returns None if the label has no date of publication or update. The value is None if the date
    cannot be parsed.

    role: the role given by the label's words.
    stamp: the datetime attribute of the date.
    """
    words = label.strip(" ·|,(")
    try:
        role, value = parse_label(label, url)
    except ValueError as error:
        if NON_PUBLICATION_DATE.search(label):
            return None
        has_no_date = isinstance(error, NoDateError)
        exact = _parse_machine_date(stamp, url)
        if exact is not None:  # "3 maj" or "April 2025" with a complete datetime attribute
            return role, f"{words} {stamp}" if has_no_date else str(stamp), exact
        return None if has_no_date else (role, words, None)
    return None if value is None else (role, *_prefer_exact_date(words, value, stamp, url))


def _starts_with_unlabelled_date(labels: Sequence[str]) -> bool:
    if len(labels) < 2 or find_date_role(labels[1]) != "updated" or not DIGIT.search(labels[1]):
        return False
    return _is_date_only(TRAILING_LABEL_OPENING.sub("", labels[0]))


def is_date_line(text: str, url: str, is_opening: bool) -> bool:
    """Return whether a short line is only a date, either with a label or at the start of a text.

    >>> is_date_line("Publicerad 3 maj 2024", "https://a.se/", is_opening=False)
    True
    >>> is_date_line("Lagen börjar gälla den 3 maj 2024.", "https://a.se/", is_opening=True)
    False
    """
    if len(text) > MAX_DATE_LINE_LENGTH or not any(map(str.isdigit, text)):
        return False
    if _parse_role(text, url) in (None, "none"):
        return False
    word_count = len(_find_non_label_words(text))
    if word_count and text[-1] in ".!?":
        return False
    if find_date_role(text) is not None:
        return word_count <= MAX_AUTHOR_WORDS and _is_label_of_date(text, url)
    return (
        is_opening
        and word_count <= _max_words_beside_date(text)
        and YEAR_OR_TIME.search(text) is not None
    )


def _parse_role(label: str, url: str) -> str | None:
    try:
        return parse_label(label, url)[0]
    except ValueError:
        return None


def _is_label_of_date(label: str, url: str) -> bool:
    """Return whether a label and the date after it belong together.

    Only the author may be named between them.

    >>> _is_label_of_date("Publicerad av Eva Ek 3 maj 2024", "https://a.se/")
    True
    >>> _is_label_of_date("Ändrade regler från 3 maj 2024", "https://a.se/")
    False
    """
    before = label[: _find_date_start(label, url)]
    role = next(DATE_ROLE.finditer(before), None)
    between = before[role.end() :] if role else before
    return len(_find_non_label_words(between)) <= _max_words_beside_date(between)


def _continues_after_date(label: str, url: str) -> bool:
    """Return whether a sentence follows the date in a line, for example about what was changed.

    >>> _continues_after_date("Rättelse 3 maj 2024: beloppet är två miljoner.", "https://a.se/")
    True
    >>> _continues_after_date("Sidan ändrades 3 maj 2024.", "https://a.se/")
    False
    """
    try:
        match, _ = find_first_date(label, url)
    except ValueError:
        return False
    after = label[match.end() :].strip()
    is_long = len(_find_non_label_words(after)) > MAX_WORDS_AFTER_DATE
    return is_long and (
        after[-1:] in ".!?" or DATE_THEN_COLON.match(label, match.end()) is not None
    )


def _find_non_label_words(text: str) -> list[str]:
    plain = PLAIN_WORDS.sub(" ", DATE_ROLE.sub(" ", text))
    return [word for word in LINE_WORD.findall(plain) if not normalise_kind(word)]


def _max_words_beside_date(text: str) -> int:
    """Return the maximum number of words between a label and its date.

    The maximum is higher if the text names the author.
    """
    return MAX_AUTHOR_WORDS if AUTHOR_LEAD_IN.match(text) else MAX_WORDS_BETWEEN


def _find_date_start(label: str, url: str) -> int:
    try:
        return find_first_date(label, url)[0].start()
    except ValueError:
        return next(
            (index for index, character in enumerate(label) if character.isdigit()), len(label)
        )


def _is_date_only(text: str) -> bool:
    """Return whether a line has at most one word besides a date and a release type.

    Returns False if the line has such a word and ends in a digit and a full stop, because it may
    then be a sentence.
    """
    found = LONG_WORD.findall(text)
    words = [
        word for word in found if not normalise_kind(word) and word.lower() not in MONTHS_BY_NAME
    ]
    return len(words) <= 1 and not (words and ENDS_WITH_ORDINAL.search(text))


def _find_unlabelled_date(
    document: Document, heading: Element | None, main: Element
) -> PageDate | None:
    """Return a date of publication that has no label, or None if there is none.

    This is a date that stands alone (next to the title, before the text, or in a <time> outside
    paragraphs, lists and tables), or else the date in a dateline. A date that stands alone is
    removed from the tree.
    """
    beside_title = iter_title_neighbours(heading) if heading is not None else ()
    times = (
        time
        for time in main.iter("time")
        if next(time.iterancestors("p", "li", "table"), None) is None
    )
    for element in chain(beside_title, _iter_opening_elements(main), times):
        found = _read_unlabelled_date(element, main, document.url)
        if found:
            remove_element(element)
            return found
    return _find_dateline(document, main)


def iter_title_neighbours(heading: Element) -> Iterator[Element]:
    """Yield the short elements in the title, and then those around the title, nearest first."""
    yield from heading.iter("time", "span")
    node = heading
    for _ in range(3):
        for sibling in [
            *islice(node.itersiblings(), 3),
            *islice(node.itersiblings(preceding=True), 2),
        ]:
            if read_short_line(sibling, MAX_DATE_AND_TAGS_LENGTH) is not None:
                parts = [sibling, *sibling.iter("time", "p", "span", "div", "li", "dd")]
                yield from (part for part in parts if part.getparent() is not None)
        parent = node.getparent()
        if parent is None or parent.tag in ("body", "main", "html"):
            return
        node = parent


def _iter_opening_elements(main: Element) -> Iterator[Element]:
    """Yield the short elements of the main element up to its first paragraph of text."""
    for element in list(main.iter("p", "span", "div", "li", "dd")):
        if read_short_line(element, MIN_PARAGRAPH_LENGTH) is not None:
            yield element
        elif element.tag == "p":
            return


def _find_date_by_class(document: Document, main: Element) -> PageDate | None:
    """Return the date at the end of the main element, and remove its element.

    The element must have a class for dates. Returns None if there is no such date, or if it is in
    the future. A date within the text is not used, because it belongs to something that the text is
    about.
    """
    blocks = filter(_is_block_in_flow, document.select_by_class(_is_date_class))
    elements = [block for block in blocks if main in block.iterancestors()]
    if not elements or not _follow_last_sentence(elements, main):
        return None
    found = _read_unlabelled_date(elements[0], main, document.url, "class of a date")
    if found is None or str(found.value)[:10] > datetime.now(UTC).date().isoformat():
        return None
    for element in elements:
        remove_element(element)
    return found


def _is_block_in_flow(element: Element) -> bool:
    return (
        element.tag not in INLINE_TAGS
        and next(element.iterancestors(*NON_DATE_PARENTS), None) is None
    )


def _follow_last_sentence(elements: Sequence[Element], main: Element) -> bool:
    """Return whether elements are the last in the main element and directly follow a sentence.

    Returns False if the elements have different texts.
    """
    wordings = {clean_line(get_text_content(element)) for element in elements}
    ending = "".join("".join(wordings).split()) * len(elements)
    text = "".join("".join(main.itertext()).split())
    before = text.removesuffix(ending)
    return len(wordings) == 1 and before != text and before.endswith((".", "!", "?"))


@cache_by_text()
def _is_date_class(names: str) -> bool:
    names = split_camel_case(names)
    return _has_date_word(names) and NON_DATE_CLASS.search(names) is None


def _read_unlabelled_date(
    element: Element, main: Element, url: str, rule: str = "date beside the title"
) -> PageDate | None:
    text = TRAILING_BRACKETS.sub("", read_short_line(element, MAX_DATE_AND_TAGS_LENGTH) or "")
    if not text or len(text) > 60 or not DIGIT.search(text) or _is_event_or_deadline(element, url):
        return None
    if _is_entry_or_link(element):
        return None
    value = _parse_lone_date(text, url)
    if value is None or _is_date_of_neighbour(element, main):
        return None
    text, value = _prefer_exact_date(text, value, _find_timestamp(element), url)
    evidence = Provenance(rule=rule, element=format_element_path(element))
    return PageDate("published", text, value, evidence)


def _is_entry_or_link(element: Element) -> bool:
    if element.find(".//a" if element.tag == "li" else ".//li//a") is not None:
        return True
    return count_linked_letters(element) == count_text_letters(element)


def _parse_lone_date(text: str, url: str) -> date | datetime | None:
    try:
        role, value = parse_label(text, url)
    except ValueError:
        return None
    return value if role == "published" and _is_date_only(text) else None


def _is_date_of_neighbour(element: Element, main: Element) -> bool:
    """Return whether a date belongs to an event, or to another text beside the date."""
    if _is_event_date(element, main) or _follows_link_to_other_text(element, main):
        return True
    return main not in element.iterancestors() and _follows_linked_line(element)


def _find_timestamp(element: Element) -> str | None:
    """Return the datetime attribute of an element or of the only <time> in it.

    Returns None if there is no such attribute.
    """
    stamps = _read_datetime_attributes(element)
    return element.get("datetime") or (stamps[0] if len(stamps) == 1 else None)


def _find_dateline(document: Document, main: Element) -> PageDate | None:
    """Return the date in a dateline (the place and date before a text's first words).

    Returns None if there is no dateline.
    """
    paragraphs = filter(_is_paragraph, main.iter("p", "div"))
    for paragraph in islice(paragraphs, 4):
        line = clean_line(get_text_content(paragraph))[:80]
        opening = DATELINE.match(line)
        if not opening or find_date_role(opening[0]) is not None:
            continue
        if line == opening[0] and _is_event_date(paragraph, main):
            continue
        if _is_event_or_deadline(paragraph, document.url):
            continue
        if not DATE_SPAN.search(line, 0, opening.end() + MAX_DATE_LENGTH):
            evidence = Provenance(rule="dateline", element=format_element_path(paragraph))
            return PageDate("published", opening[0], parse_date(opening[0], document.url), evidence)
    return None


def _is_paragraph(element: Element) -> bool:
    return element.tag == "p" or bool((element.text or "").strip())


def _is_event_or_deadline(element: Element, url: str) -> bool:
    near = (element, *islice(element.iterancestors(), 2))
    return EVENT_OR_DEADLINE.search(urlsplit(url).path) is not None or any(
        EVENT_OR_DEADLINE.search(f"{part.get('class') or ''} {part.get('id') or ''}")
        for part in near
    )


def _is_event_date(element: Element, main: Element) -> bool:
    """Return whether lines near a date state a place or a time of day, as for an event."""
    return any(EVENT_DETAIL.match(text) for text in _iter_nearby_texts(element, main))


def _iter_nearby_texts(element: Element, main: Element) -> Iterator[str]:
    parts = [element, *islice(element.itersiblings(), 2)]
    container = next(
        (
            part
            for part in element.iterancestors()
            if part is main or part.tag in LIST_CONTAINER_TAGS
        ),
        None,
    )
    if (
        container is not None
        and container is not main
        and not has_min_letters(container, MAX_ITEM_LENGTH)
    ):
        parts.append(container)
    for part in parts:
        yield from part.itertext()


def _is_date_of_other_text(element: Element, main: Element) -> bool:
    """Return whether a date belongs to another text or to the site.

    Such a date is in a teaser, or after a link or a copyright notice.
    """
    parents = list(element.iterancestors())
    is_inside = element is main or main in parents
    if _is_in_teaser(parents, main, is_inside=is_inside):
        return True
    before = element.getprevious()
    if before is not None and COPYRIGHT_NOTICE.match(before.text or ""):
        return True
    return _follows_link_to_other_text(element, main) or (
        not is_inside and _follows_linked_line(element)
    )


def _is_in_teaser(parents: Iterable[Element], main: Element, *, is_inside: bool) -> bool:
    """Return whether any of an element's ancestors is a teaser.

    is_inside: whether the element is in the main element. There, only cards are teasers. Elsewhere,
        any item with a link is a teaser.
    """
    is_teaser = is_card if is_inside else _is_linked_item
    return any(is_teaser(part) for part in parents if part.tag in TEASER_TAGS and part is not main)


def _is_linked_item(element: Element) -> bool:
    return element.tag == "a" or element.find(".//a") is not None


def _follows_linked_line(element: Element) -> bool:
    """Return whether the line before an element is a link to another text, as in a news list."""
    before = element.getprevious()
    if before is None or SERVICE_LINE.match(clean_line(get_text_content(before))):
        return False
    length = count_text_letters(before)
    links = [before] if before.tag == "a" else before.iter("a")
    has_target = any(
        not (link.get("href") or "#").startswith(("#", "mailto:", "tel:")) for link in links
    )
    return length >= MIN_LINK_TEXT_LENGTH and has_target and count_linked_letters(before) == length


def _follows_link_to_other_text(element: Element, main: Element) -> bool:
    """Return whether a date is in a short box that begins with a link to another text or a file."""
    parents = list(element.iterancestors())
    items = (part for part in parents if part is not main and part.tag in ITEM_TAGS)
    return any(
        _is_link_to_other_text(link, part)
        for part in takewhile(lambda item: not has_min_letters(item, MAX_ITEM_LENGTH), items)
        for link in takewhile(
            lambda other: other is not element, part.iter("a", cast("str", element.tag))
        )
        if link not in parents
    )


def _is_link_to_other_text(link: Element, item: Element) -> bool:
    """Return whether an item is only about the text that a link leads to.

    The item must be a list entry, or the link must lead to a file or be in a heading.
    """
    href = link.get("href") or "#"
    if link.tag != "a" or href.startswith(("#", "mailto:", "tel:")):
        return False
    length = count_text_letters(link)
    if item.tag == "li" or guess_media_type(href):
        return length >= MIN_LINK_TEXT_LENGTH
    is_headline = _is_in_heading(link) or any(True for _ in link.iter(*HEADING_TAGS))
    return is_headline and length >= MIN_HEADLINE_LENGTH


def _parse_stated_dates(
    document: Document, field: str, stated: Iterable[tuple[str, str]], element: str = "head"
) -> Iterator[PageDate]:
    for rule, text in stated:
        value = _parse_machine_date(text, document.url)
        if value is not None:
            yield PageDate(field, text, value, Provenance(rule=rule, element=element))


def _find_microdata_dates(document: Document, main: Element, field: str) -> list[PageDate]:
    """Return the dates of elements with the itemprop of a field, such as datePublished.

    A date outside the main element is used only if it is the only such date on the page.
    """
    in_main = list(_iter_microdata_dates(document, main, main, field))
    on_page = [] if in_main else list(_iter_microdata_dates(document, document.root, main, field))
    return on_page if len(on_page) == 1 else in_main


def _iter_microdata_dates(
    document: Document,
    scope: Element,
    main: Element,
    field: str,
) -> Iterator[PageDate]:
    """Yield the dates of the elements that have a field's itemprop. Dates that cannot be parsed are
    left out.

    A <time> may instead have the field's name as a class. Outside the main element, dates in side
    columns are left out.
    """
    prop = SCHEMA_DATE_PROPERTIES[field]
    for element in _list_dated_elements(document, scope, prop):
        if element.get("itemprop") == prop or field in (element.get("class") or "").split():
            boxes = _list_boxes_beside(main, element) if scope is not main else []
            if any(map(is_side_column, boxes)) or not is_date_of_field(element, field):
                continue
            text = (
                element.get("datetime")
                or element.get("content")
                or clean_line(get_text_content(element))
            )
            yield from _parse_stated_dates(
                document, field, [(f"itemprop {prop}", text)], format_element_path(element)
            )


def _list_dated_elements(document: Document, scope: Element, prop: str) -> list[Element]:
    # most pages do not have the word, and looking for it first is cheaper than at each element
    if prop in document.text:
        return select_xpath(scope, f".//*[@itemprop='{prop}'] | .//time")
    return [time for time in document.select_by_tag("time") if scope in time.iterancestors()]


def is_date_of_field(element: Element, field: str) -> bool:
    """Return whether the words in an element allow its date to be the date of a field.

    "Publicerat", for example, allows only the field `published`.
    """
    return find_date_role(get_text_content(element)) in (None, field)


def _read_datetime_attributes(*elements: Element) -> list[str | None]:
    """Return the datetime attribute of each <time> in the elements, or None for a <time> without
    it.
    """
    return [time.get("datetime") for element in elements for time in element.iter("time")]
