"""Normalises contacts, and finds the telephone numbers and email addresses in a line of text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from archive.database.models import Contact
from scraper.items import ContactItem
from scraper.normalise.text_cleaning import build_alternation, cache_by_text, normalise_line

LETTER = "a-z0-9åäöæøéü"
DOMAIN = rf"(?:[{LETTER}](?:[\w-]*[{LETTER}])?\.)+[a-z]{{2,24}}"
# "@", or a word for it in brackets; without brackets "at" is an ordinary word.
AT_SIGN = r"(?:@|\s?[\[({]\s?(?:at|ät|@|snabel-?a)\s?[\])}]\s?|\(a\))"
# Words for a number that several people share: a switchboard, or a desk such as the press office.
SWITCHBOARD = build_alternation(r"""
    (?:telefon)?v[äa]xel(?:n|nummer|telefon)? | vxl?
    switchboard | main (?:phone )?number | sentralbord(?:et)?
    omstilling(?:en)? | hovednummer | (?:puhelin)?vaihde | (?:telefon)?zentrale
    (?:kontakt|kund|service)cent(?:er|ret|rum|rumet)
    kundesenter | asiakaskesku\w* | contact centre
    """)
DESK = build_alternation(r"""
    (?:presse?|media|medie)(?:jour|vakt|tj[äe]nst|tjeneste|telefon)(?:e?n|et)?
    (?:presse?|media|medie)(?:nummer|linje|kontor|stelle|service)(?:e?n|et)?
    press(?:enhet|avdelning|grupp|funktion|center)(?:en|et)? | (?:press|media) ?(?:office|desk|line)
    jour(?:telefon|nummer)(?:en|et)? | (?:jour|vakt)havande \w+
    tjänsteman i beredskap | (?:media|lehdistö)(?:päivystys|puhelin) | reception(?:en)?
    kund(?:tjänst|service|endienst)(?:en)? | kundeservice
    asiakaspalvelu | customer services? | help ?desk | hotline
    """)
SHARED_NUMBER = re.compile(rf"(?<![\w-])(?:{SWITCHBOARD}|{DESK})(?![\w-])", re.IGNORECASE)
# A word or letter before a number that labels it; a letter or a desk must be followed by a colon.
PHONE_LABEL = (
    r"(?<![\w-])"
    + build_alternation(rf"""
        (?:direkt|mobil|press|jour)?telefon(?:nummer|nr)? | tfn
        telnr | tel | tlf | {SWITCHBOARD} | {DESK}(?=:)
        mobil(?:telefon|e)?(?:nummer|nr)? | mob | direkt(?:nummer|nr)? | puhelin | puh | handy
        (?:tele|mobile )?phone(?: number)? | mobile(?: number)?
        cell | gsm | (?-i:[TM])(?=:) | [tp](?=\.\s?[+0(])
        """)
    + r"(?![\w-])(?: nr| nummer)?\.?(?:\s?\([^()\d]{0,30}\))?\s?[:.]?"
)
# Groups of digits separated by a space, hyphen, dash, slash or bracket: 08-405 10 00, +46 (0)8 405
# 10 00, (703) 292-5111. A space before an area code and its hyphen separates two numbers.
DIGIT_SEPARATOR = r"(?:\s?[-–‑−/]\s?|\s(?!0\d{0,3}\s?[-–/])|(?=\()|(?<=\)))"
PHONE_NUMBER_PATTERN = rf"(?:\+\s?)?\(?\+?\d+\)?(?:{DIGIT_SEPARATOR}\(?\d+\)?){{0,9}}"
# Numbers that are not telephone numbers, by the word before them.
NON_PHONE_NUMBER = (
    r"(?<!\w)"
    + build_alternation(r"""
        (?:tele)?fax(?:nummer)? | org(?:anisations)?\.?\s?(?:nr|nummer)
        orgnr | bankgiro | plusgiro | bg | pg
        diarienummer | dnr | postnummer | box | postfach | iban | isbn | issn
        """)
    + rf"\b\W{{0,4}}{PHONE_NUMBER_PATTERN}"
)
CONTACT_TOKEN = re.compile(
    rf"(?P<email>(?<![\w.+-])(?P<local>\w[\w.+'-]*){AT_SIGN}(?P<domain>{DOMAIN})(?![\w-]))"
    rf"|(?P<other>{NON_PHONE_NUMBER})"
    rf"|{PHONE_LABEL}\s*(?P<labelled>{PHONE_NUMBER_PATTERN})"
    rf"|(?<![\w.,:/+-])(?P<bare>(?!000)(?=\(?\+|\(?0\d){PHONE_NUMBER_PATTERN})(?![\w:]|[.,]\d)"
    rf"|(?P<label>{PHONE_LABEL})",
    re.IGNORECASE,
)
# A note behind its number: "010-123 45 67 (växel)". The number is atomic, because brackets in it
# can be matched in several ways.
NOTE_AFTER_NUMBER = re.compile(
    rf"(?<![\w+])(?P<number>(?>{PHONE_NUMBER_PATTERN}))\s?"
    rf"(?:\((?P<note>{SWITCHBOARD}|{DESK})[^()\d]{{0,30}}\)"
    rf"|,?\s(?P<last>{SWITCHBOARD}|{DESK})\W*$)",
    re.IGNORECASE,
)
# An "@" or a word for it in brackets, or the digits of the shortest number: texts without them need
# not be parsed.
CONTACT_SIGN = re.compile(r"@|[\[({]\s?(?:at|ät|snabel|a\))|\d(?:\W{0,5}\d){4}", re.IGNORECASE)
DATE_OR_TIME_RANGE = re.compile(
    r"\d{2}[-–/]\d{2}[-–/](?:19|20)\d\d|(?:\d{1,2}\s?[-–]\s?\d{1,2}\W*)+"
)
MIN_PHONE_DIGITS, MIN_UNLABELLED_PHONE_DIGITS = 5, 7
MAX_PHONE_DIGITS = 15  # ITU-T E.164


class ContactToken(NamedTuple):
    kind: str  # email, phone or text
    text: str


def normalise_contacts(items: Iterable[ContactItem]) -> tuple[Contact, ...]:
    """Return contacts in page order, without contacts that are empty or covered by another one.

    >>> full = ContactItem(name="Eva Ek", role="utredare", phone="010-123 45 67, 070-123 45 67")
    >>> part = ContactItem(name=" Eva  Ek", phone="010-123 45 67")
    >>> [contact.role for contact in normalise_contacts([part, full, full])]
    ['utredare']
    """
    contacts: list[Contact] = []
    for item in items:
        contact = Contact(
            **{field: normalise_line(getattr(item, field)) for field in item.__slots__}
        )
        if contact == Contact() or any(_covers_contact(other, contact) for other in contacts):
            continue
        index = next(
            (number for number, other in enumerate(contacts) if _covers_contact(contact, other)),
            len(contacts),
        )
        contacts = [other for other in contacts if not _covers_contact(contact, other)]
        contacts.insert(index, contact)
    return tuple(contacts)


def _covers_contact(whole: Contact, part: Contact) -> bool:
    """Return whether `whole` contains everything that `part` contains.

    If both name the same person, a role also covers a shorter role that it contains.
    """
    (name, role, phone, email), (part_name, part_role, part_phone, part_email) = (
        [(getattr(contact, field) or "").casefold() for field in Contact.__slots__]
        for contact in (whole, part)
    )
    return (
        part_name in ("", name)
        and (part_role in ("", role) or (part_name != "" and part_role in role))
        and part_email in ("", email)
        and (not part_phone or set(part_phone.split(", ")) <= set(phone.split(", ")))
    )


@cache_by_text()
def tokenise_contact_line(line: str) -> tuple[ContactToken, ...]:
    """Split a line into telephone numbers, email addresses and the text between them.

    Words that label numbers are left out. The labels of shared numbers, such as a switchboard's
    number, are kept, and each is put before its number. Results are cached, because many pages of a
    site have the same contacts.

    >>> line = "Telefon 08-405 10 00 (växel), mobil: 076-123 45 67, press@verket.se"
    >>> [token.text for token in tokenise_contact_line(line)]
    ['växel ', '08-405 10 00', ', ', '076-123 45 67', ', ', 'press@verket.se']
    >>> tokenise_contact_line("Tel. 22 24 90 90, eva.ek(at)verket.se")[::2]
    (ContactToken(kind='phone', text='22 24 90 90'),
     ContactToken(kind='email', text='eva.ek@verket.se'))
    >>> line = "Fax 08-405 10 01, 03-04-2021 kl. 09-16, 350 000 kr, möte (a) torget.nu"
    >>> [token.text for token in tokenise_contact_line(line)]
    [', 03-04-2021 kl. 09-16, 350 000 kr, möte (a) torget.nu']
    """
    found: list[ContactToken] = []
    text, end = "", 0
    line = NOTE_AFTER_NUMBER.sub(r"\g<note>\g<last> \g<number>", line)
    for match in CONTACT_TOKEN.finditer(line):
        text, end = text + line[end : match.start()], match.end()
        text += _read_shared_label(match)
        if token := _build_token(match):
            found += [ContactToken("text", text), token] if text else [token]
            text = ""
        elif match["labelled"] or match["bare"]:
            text += match[0]
    text += line[end:]
    return (*found, ContactToken("text", text)) if text else tuple(found)


def _read_shared_label(match: re.Match[str]) -> str:
    """Return the label of a shared number (such as "växel") as text to put before the number.

    Returns "" if the number has no such label.
    """
    shared = None if match["email"] else SHARED_NUMBER.search(match[0])
    if shared is None:
        return ""
    return f", {shared[0]} " if shared.start() else f"{shared[0]} "


def _build_token(match: re.Match[str]) -> ContactToken | None:
    """Return the token for an email address or a telephone number.

    Returns None if the digits are not a telephone number.
    """
    if match["email"]:
        return ContactToken("email", f"{match['local']}@{match['domain']}")
    number = match["labelled"] or match["bare"] or ""
    min_digits = MIN_PHONE_DIGITS if match["labelled"] else MIN_UNLABELLED_PHONE_DIGITS
    is_phone = min_digits <= sum(map(str.isdigit, number)) <= MAX_PHONE_DIGITS
    if not is_phone or DATE_OR_TIME_RANGE.fullmatch(number):
        return None
    return ContactToken("phone", number.strip())


def may_have_phone_or_email(line: str) -> bool:
    """Return whether a line has enough digits for a phone number, or has @ or a substitute for @.

    >>> texts = ["Eva Ek den 3 juni 2024", "eva.ek(at)verket.se", "tel 123 45"]
    >>> list(map(may_have_phone_or_email, texts))
    [False, True, True]
    """
    return CONTACT_SIGN.search(line) is not None
