"""Contacts deduplicated; phone/e-mail tokens.

Contacts as records: each once, with nothing told by another already.

Telephone numbers and e-mail addresses within a line of text, and the words between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from archive.models import Contact
from scraper.items import ContactItem
from scraper.normalise.text import build_alternation, cache_by_text, normalise_line


def normalise_contacts(items: Iterable[ContactItem]) -> tuple[Contact, ...]:
    """Contacts in the page's order; one is left out that tells nothing, or no more than another one does.

    >>> full = ContactItem(name="Eva Ek", role="utredare", phone="010-123 45 67, 070-123 45 67")
    >>> [contact.role for contact in normalise_contacts([ContactItem(name=" Eva  Ek", phone="010-123 45 67"), full, full])]
    ['utredare']
    """
    kept: list[Contact] = []
    for contact in filter(has_contact_fields, map(normalise_contact, items)):
        if any(covers_contact(other, contact) for other in kept):
            continue
        place = next((at for at, other in enumerate(kept) if covers_contact(contact, other)), len(kept))
        kept = [other for other in kept if not covers_contact(contact, other)]
        kept.insert(place, contact)
    return tuple(kept)


def normalise_contact(item: ContactItem) -> Contact:
    """One contact, its texts cleaned."""
    return Contact(
        name=normalise_line(item.name),
        role=normalise_line(item.role),
        phone=normalise_line(item.phone),
        email=normalise_line(item.email),
    )


def has_contact_fields(contact: Contact) -> bool:
    """Whether a contact tells anything."""
    return any((contact.name, contact.role, contact.phone, contact.email))


def covers_contact(whole: Contact, part: Contact) -> bool:
    """Whether a contact tells all that another one does: of the same person a longer title may do."""
    name, role, email = (
        less is None or casefold_or_empty(more) == casefold_or_empty(less)
        for more, less in ((whole.name, part.name), (whole.role, part.role), (whole.email, part.email))
    )
    longer = part.name is not None and casefold_or_empty(part.role) in casefold_or_empty(whole.role)
    phones = (
        set(casefold_or_empty(part.phone).split(", ")) <= set(casefold_or_empty(whole.phone).split(", "))
        if part.phone
        else True
    )
    return name and (role or longer) and email and phones


def casefold_or_empty(text: str | None) -> str:
    """A text in small letters, for comparison; none is an empty one."""
    return (text or "").casefold()


LETTER = "a-z0-9åäöæøéü"
DOMAIN = rf"(?:[{LETTER}](?:[\w-]*[{LETTER}])?\.)+[a-z]{{2,24}}"
# "@", or in brackets what is said for it; without brackets "at" is a word like others.
AT_SIGN = r"(?:@|\s?[\[({]\s?(?:at|ät|@|snabel-?a)\s?[\])}]\s?|\(a\))"
# One word or letter before a number says what it is: a letter only with a mark after it.
PHONE_LABEL = (
    r"(?<![\w-])"
    + build_alternation(r"""
        (?:direkt|mobil|press|jour)?telefon(?:nummer|nr)? | tfn | telnr | tel | tlf
        mobil(?:telefon|e)?(?:nummer|nr)? | mob | v[äa]xel | vxl? | direkt(?:nummer|nr)? | puhelin | puh | handy
        (?:tele|mobile )?phone(?: number)? | mobile(?: number)? | cell | gsm | (?-i:[TM])(?=:)
        """)
    + r"(?![\w-])(?: nr| nummer)?\.?(?:\s?\([^()\d]{0,30}\))?\s?[:.]?"
)
# Groups of digits parted by a space, hyphen, dash, slash or bracket: 08-405 10 00, +46 (0)8 405 10 00, (703) 292-5111.
# A space before an area code and its hyphen parts two numbers.
DIGIT_SEPARATOR = r"(?:\s?[-–‑−/]\s?|\s(?!0\d{0,3}\s?[-–/])|(?=\()|(?<=\)))"
PHONE_NUMBER_PATTERN = rf"(?:\+\s?)?\(?\+?\d+\)?(?:{DIGIT_SEPARATOR}\(?\d+\)?){{0,9}}"
# Numbers that are nobody's telephone: the word before them says so.
NON_PHONE_NUMBER = (
    r"(?<!\w)"
    + build_alternation(r"""
        (?:tele)?fax(?:nummer)? | org(?:anisations)?\.?\s?(?:nr|nummer) | orgnr | bankgiro | plusgiro | bg | pg
        diarienummer | dnr | postnummer | box | postfach | iban | isbn | issn
        """)
    + rf"\b\W{{0,4}}{PHONE_NUMBER_PATTERN}"
)
CONTACT_TOKEN = re.compile(
    rf"(?P<mail>(?<![\w.+-])(?P<who>\w[\w.+'-]*){AT_SIGN}(?P<where>{DOMAIN})(?![\w-]))|(?P<other>{NON_PHONE_NUMBER})"
    rf"|{PHONE_LABEL}\s*(?P<labelled>{PHONE_NUMBER_PATTERN})|(?<![\w.,:/+-])(?P<bare>(?=\(?\+|\(?0\d){PHONE_NUMBER_PATTERN})(?![\w:]|[.,]\d)"
    rf"|(?P<label>{PHONE_LABEL})",
    re.IGNORECASE,
)
CONTACT_SIGN = re.compile(r"[\d@(\[{]")
DATE_OR_TIME_RANGE = re.compile(
    r"\d{2}[-–/]\d{2}[-–/](?:19|20)\d\d|(?:\d{1,2}\s?[-–]\s?\d{1,2}\W*)+"
)  # a day, clock times
MIN_PHONE_DIGITS, MIN_UNLABELLED_PHONE_DIGITS, MAX_PHONE_DIGITS = (
    5,
    7,
    15,
)  # digits; 15 are the most a number has (ITU-T E.164)


class ContactToken(NamedTuple):
    """A piece of a line: mail, phone, or text."""

    kind: str
    text: str


@cache_by_text()
def tokenise_contact_line(line: str) -> tuple[ContactToken, ...]:
    """A line's numbers and addresses as printed and the text between; the words that label numbers are left out.

    Cached: the same people and offices are named on many of a site's pages.

    >>> [token.text for token in tokenise_contact_line("Telefon (växel) 08-405 10 00, mobil: 076-123 45 67, press@verket.se")]
    ['08-405 10 00', ', ', '076-123 45 67', ', ', 'press@verket.se']
    >>> [token for token in tokenise_contact_line("Eva Ek, tel. 22 24 90 90, eva.ek(at)verket.se") if token.kind != "text"]
    [ContactToken(kind='phone', text='22 24 90 90'), ContactToken(kind='mail', text='eva.ek@verket.se')]
    >>> [token.text for token in tokenise_contact_line("Fax 08-405 10 01, 03-04-2021 kl. 09-16, 350 000 kr, möte (a) torget.nu")]
    [', 03-04-2021 kl. 09-16, 350 000 kr, möte (a) torget.nu']
    """
    found: list[ContactToken] = []
    text, end = "", 0
    for match in CONTACT_TOKEN.finditer(line):
        text, end = text + line[end : match.start()], match.end()
        number = match["labelled"] or match["bare"]
        if number and not is_phone_number(
            number, MIN_PHONE_DIGITS if match["labelled"] else MIN_UNLABELLED_PHONE_DIGITS
        ):
            text += match[0]
        elif number or match["mail"]:
            found += [ContactToken("text", text)] if text else []
            mail = f"{match['who']}@{match['where']}" if match["mail"] else None
            found.append(ContactToken("mail", mail) if mail else ContactToken("phone", number.strip()))
            text = ""
    text += line[end:]
    found += [ContactToken("text", text)] if text else []
    return tuple(found)


def may_have_phone_or_email(line: str) -> bool:
    """Whether a line can hold a number or an address at all: it has a digit, or a sign that parts an address.

    >>> may_have_phone_or_email("Eva Ek, pressekreterare"), may_have_phone_or_email("eva.ek(at)verket.se")
    (False, True)
    """
    return CONTACT_SIGN.search(line) is not None


def is_phone_number(number: str, min_digits: int) -> bool:
    """Whether digits are as many as a telephone number has, and neither a day nor clock times."""
    return min_digits <= sum(map(str.isdigit, number)) <= MAX_PHONE_DIGITS and not DATE_OR_TIME_RANGE.fullmatch(number)
