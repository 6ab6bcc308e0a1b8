"""Parses contacts from lines of text: finds names and roles, and decides where a contact ends.

Also contains the words by which contacts are recognised: headings, verbs, titles, offices, labels
and notes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from scraper.items import ContactItem
from scraper.normalise.contact_details import (
    DESK,
    SHARED_NUMBER,
    SWITCHBOARD,
    tokenise_contact_line,
)
from scraper.normalise.text_cleaning import build_alternation, cache_by_text

# Offices whose name may also be a heading.
PRESS_OFFICE = r"(?:pressjour\w*|presstjänst\w*|press ?office|pressestelle)"
# Headings above contacts; those in the first group are only used above contacts.
CERTAIN_HEADING = build_alternation(rf"""
    {PRESS_OFFICE}
    presse?-?\s?kontakt\w* | medi[ae]-?kontakt\w*
    (?:press|media) contacts? | contacts? for (?:the )?(?:media|press)
    (?:for|f[öø]r) (?:media|press|journalister) | kontaktperson(?:er)?
    kontakt (?:f[öø]r|till) (?:media|press|massmedi)\w*
    kontaktuppgifter | kontakter | contacts | contact persons?
    ansprechpartner\w* | pressefragen
    fr[åa]gor besvaras av | (?:ytterligare |vidare |mer )?upplysningar(?: l[äa]mnas av)?
    fragen beantwortet
    f[öo]r (?:mer|ytterligare|vidare) (?:information|upplysningar)\W+(?:v[äa]nligen )?kontakta
    for (?:more|further|mer|ytterligere) informa(?:tion|sjon)\W+(?:please )?(?:contact|kontakt)
    yhteyshenkil[öo]\w* | lis[äa]tietoja(?: antaa| antavat)? | yhteystiedot
    """)
DOUBTFUL_HEADING = build_alternation(r"""
    kontakte? | contact | contact us | kontakta oss
    kontaktinformation | contact (?:info|details|information)
    (?:f[öo]r )?(?:mer|ytterligare|mera|vidare) information | (?:for )?(?:more|further) information
    har du (?:n[åa]gra )?fr[åa]gor | har du en fr[åa]ga | (?:vid )?fr[åa]gor | questions | fragen
    rückfragen(?: an)? | vill du veta mer | (?:\w+[,?!]? ){1,4}kontakta?
    kontakta (?:g[äa]rna|n[åa]gon av oss) | contact (?:our|the) \w+
    kontaktaa meit[äa] | kontakti | kontaktitie?[do]o?t? | ota yhth?eytt[äa]
    lasetiäđuh | lass[ei]dieđut | lââ.?ss?z?teâđ(?:aid)? | vielie bïevnesh
    """)
HEADING_SUFFIX = (
    r"(?:\s(?:för|hos|på|vid|till|om|i|for|at|to|about|für|bei|zu|zum|zur)\s[^:.!?]{1,60})?"
)
CONTACT_HEADING = re.compile(
    rf"^\W*(?:(?P<certain>{CERTAIN_HEADING})|(?P<doubtful>{DOUBTFUL_HEADING})){HEADING_SUFFIX}\W*$",
    re.IGNORECASE,
)
# The same words before a colon, with the contact after it.
CONTACT_LEAD_IN = re.compile(
    rf"^\W*(?:(?P<certain>{CERTAIN_HEADING}|kontakt)|(?P<doubtful>{DOUBTFUL_HEADING}))"
    rf"{HEADING_SUFFIX}\s?:\s*(?=\S)",
    re.IGNORECASE,
)
# Parts of the words above; a text without any of them is not such a heading.
CONTACT_STEM = re.compile(
    r"(?i:kontakt|contact|press)|medi|r[åa]gor|nformation|pplysn|nsprech|ragen|stions|hth?ey"
    r"|isätieto|veta mer|(?i:lasetiäđuh|lass[ei]dieđut|teâđ|bïevnesh)"
)
# Words of sentences that invite the reader to contact someone, and the verb before the contact.
ENQUIRY_WORD = re.compile(
    r"\b(?:information\w*|frågor|\w*förfrågning\w*|upplysning\w*|intervju\w*|interviews?|questions"
    r"|medi[ae]\w*|press\w*|intresse\w*|ackreditering\w*)\b",
    re.IGNORECASE,
)
CONTACT_VERB = re.compile(r"\b(?:kontakta|contact)\b\s?:?\s*(?=\S)", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[a-zåäö0-9)][.!?])\s+(?=[A-ZÅÄÖ])")
SENTENCE_VERB = re.compile(
    r"\b(?:har|är|finns|kan|nås|ska|ger|får|gör|vill|blir|can|is|are|has|have|will)\b",
    re.IGNORECASE,
)
PRESS_WORD = re.compile(r"press|medi(?:a|e)", re.IGNORECASE)
# Titles beside a name, or before it without a comma: "pressekreterare Eva Ek".
ROLE_ENDING = build_alternation("""
    chef | sekreterare | ledare | direkt[öo]r | handläggare
    ansvarige? | kommunikatör | talesperson
    talesman | jurist | utredare | forskare | analytiker | expert | samordnare | strateg | redaktör
    minister | rådgivare | assistent | konsult | ingenjör
    inspektör | ekonom | statistiker | läkare
    veterinär | åklagare | domare | råd | ordförande | sakkunnig
    sprecher(?:in)? | leiter(?:in)? | referent(?:in)? | rådgiver | direktør | sjef | leder
    tiedottaja | johtaja | päällikkö | dutki | totkee | tutkija | tarkastaja | suunnittelija
    sihteeri | jođiheaddji | jođetteijee | čálli | čällee | bargi | pargee | tärhisteijee
    tuʹtǩǩeei | taʹrǩǩeei | åvtehke | asiantuntija | forsker | forscher(?:in)? | konsulent
    """)
ROLE_WORD = re.compile(
    build_alternation(rf"""
        \w*{ROLE_ENDING}
        professor | docent | lektor | rektor\w* | arkeo\w+ | major | överste | kommendör
        kommiss\w+ | doktor | dr
        pressvakt | press | chief | senior | deputy | head | executive | communications? | media
        information | public | policy | officer | manager | director | spokes\w+ | secretary
        advis[eo]r | coordinator | editor | relations | affairs
        """)
    + r"[.,]?$",
    re.IGNORECASE,
)
# A word that makes capitalised words the name of an office, not of a person.
OFFICE_ENDING = build_alternation(r"""
    verket | verk | myndighet\w* | nämnd\w* | styrelse\w* | institut\w* | centr(?:um|al|er|et)\w*
    universitet\w* | skol(?:a|an|or|orna) | högskola\w* | departement\w* | kansli\w* | avdelning\w*
    enhet\w* | tjänst\w* | jour | redaktion\w* | förbund\w* | rådet | pressestelle | kommun\w*
    region\w* | behörde | ministerium | abteilung | referat | bolaget | fonden | museet
    """)
OFFICE_WORD = re.compile(
    build_alternation(rf"""
        \w*{OFFICE_ENDING}
        polis\w* | län | läns | service | support | registrator\w* | registratur\w* | kontakt\w*
        info\w* | bundes\w* | benefits | programs? | services
        amt | office | department | agency | ministry | unit | division | team | desk | bureau
        council | university | institute | centre | center | committee | commission | european
        parliament | sverige\w* | svenska | swedish | sweden | skåne | gotland | stockholm\w*
        göteborg\w* | malmö | uppsala | norra | södra | östra | västra
        telefon\w* | mobil\w* | e-?post\w* | e-?mail | mejl | fax | webb\w* | adress\w*
        twitter | facebook | linkedin | läs | mer | visa | skicka | hitta | till | nästa | dela
        följ | om | frågor | svar | the | our
        """)
    + "$",
    re.IGNORECASE,
)
# A capitalised word or an initial, and particles in a name, such as "von".
CAPITALISED_WORD = r"(?:[A-ZÅÄÖÆØÉÜ]\.|[^\W\d_a-zåäöæøéü](?:[^\W\d_]|['’ʹ-])*)"
NAME_PARTICLE = r"(?:von|van|af|de|der|den|da|di|du|el|al|bin|la|le|zu)"
PERSON_NAME = re.compile(
    rf"{CAPITALISED_WORD}(?:\s(?:{NAME_PARTICLE}\s){{0,2}}{CAPITALISED_WORD}){{1,4}}"
)
# Classes of contact boxes and of site footers.
CONTACT_BOX_CLASS = re.compile(
    r"(?:^|[\s_-])(?:press|media)?-?(?:contacts?|kontakte?r?|kontaktperson\w*|vcard|h-card)"
    r"(?:[-_]?(?:card|box|block|person|info|list|item|portlet|details?|section|wrapper"
    r"|container))?(?=$|[\s_-])",
    re.IGNORECASE,
)
FOOTER_CLASS = re.compile(
    r"(?:^|[\s_-])(?:site|page|main|global|c|l)?[-_]?(?:footer|sidfot|fotter|bunntekst|colophon)"
    r"(?=$|[\s_-])",
    re.IGNORECASE,
)
# Text of a mail link: not a name, but it may mention the owner of the address.
MAIL_LINK_TEXT = re.compile(
    r"^(?:skicka |send |schreiben sie )?(?:an? |eine? |ett )?"
    r"(?:e-?post|e-?mail|mejla?|maila?|mail)(?:adress\w*)?"
    r"(?:(?: till| to| an| til)? (?P<owner>.+))?$",
    re.IGNORECASE,
)
# Labels of values; those in the group `name_part` label a given name or family name.
CONTACT_LABEL = re.compile(
    build_alternation(r"""
        (?P<name_part>vorname|nachname|förnamn|efternamn|first name|last name)
        namn | name | titel | title
        befattning | position | roll | funktion | function
        e-?post(?:adress|i)? | e-?mail(?:-?adresse?)? | mejl | mail
        organisation | enhet | avdelning | tele(?:f|ph)on(?:nummer| number)?
        mobil(?:telefon|nummer|e)? | phone
        telefoo?ni(?:numero)? | sähköposti
        kontaktdata | contact data | kontakta | kontakt | contact
        (?:tele)?fax | (?:besöks|post)?adress(?:e|s)?
        """)
    + r"\s?:?",
    re.IGNORECASE,
)
# Lines and words of a contact box that are not about the contact.
NON_CONTACT_LINE = re.compile(
    r"^\W*"
    + build_alternation(r"""
        (?:sena(?:st|ste) )?(?:publi|uppdater|granskad|ändrad|last |updated|reviewed).*
        (?:sena(?:st|ste) )?(?:skriv ut|print|dela|share|lyssna).*
        (?:besöks|post|leverans|fakturerings)?adress\w*.*
        address.* | öppettider.* | opening hours.* | box \d.*
        webb(?:plats|sida)?\W.* | internet\W.* | twitter.*
        facebook.* | linkedin.* | instagram.* | www\..* | https?:.*
        kontaktuppgifter (?:nedan|ovan).* | (?:för|inför|vid|med|om|for|with) .*
        sidansvarig.* | ansvarig för sidan.*
        (?:foto|photo|bild)\W.* | kopiera.* | copy.* | ladda ner.*
        (?:visa|show|läs|se|hitta|find|read|more|all) .*
        (?:fler|alla|ring|call) .* | till toppen | tillbaka.*
        kontaktformulär.* | contact form.* | v-?card | \d.*
        (?:var)?dagar .* | måndag.* | telefontid.*
        följande.* | eller | och | or | and | alternativt
        tai | eli | elikkä | oder | og | dahje | teikâ | öppnas.*
        [\w.-]+\.(?:se|eu|org)
        """)
    + r"\W*$",
    re.IGNORECASE,
)
CHUNK_SEPARATOR = re.compile(r"[,;|•·()\t]|(?<=[\w.]):(?!\S)|(?<!\S)[–—-](?!\S)|/(?=\s)")
EDGE_PUNCTUATION = " .,;:–—-*\"'”“→›»"  # removed at both ends of a chunk
# Words before a name in a sentence, before a call, and at the end of a chunk before a number.
NAME_LEAD_IN = re.compile(
    r"^(?:.*\b(?:kontakta|contact|kontakt|av|svarar)\s+"
    r"|(?:vänligen|please|även|också|eller|och|samt|via|på|or|and|oder|und|tai|eli|elikkä|og|dahje"
    r"|teikâ|leʹbe)\s+)",
    re.IGNORECASE,
)
CALL_TO_CONTACT = re.compile(
    r"^(?:vänligen |please |eller |och |or |and )?(?:kontakta|contact|ring|mejla) ", re.IGNORECASE
)
TRAILING_PREPOSITION = re.compile(
    r" (?:på|via|per|eller|och|at|on|by|or|and|tel|nås på)$", re.IGNORECASE
)
# Words that may follow a name in a sentence.
AFTER_NAME = re.compile(r"(?:på|via|per|at|on|by|tel|nås|åt|hos|till|för|vid|i|om|for)$")
PREPOSITION = re.compile(r"\b(?:åt|hos|till|för|vid|på|to|at|of|for|i|om)\b")
ABBREVIATION = re.compile(r"[A-ZÅÄÖ]{1,5}|[\W\d_]*")
NON_CONTACT_PATTERNS = (NON_CONTACT_LINE, CONTACT_HEADING, ABBREVIATION)  # of a whole chunk
# The name of a switchboard or a desk, with its office or hours: "Broverkets pressjour", "Pressjour
# dygnet runt".
DESK_NAME = re.compile(
    rf"(?P<before>(?:[\w-]+\s){{0,3}})(?:(?P<switchboard>{SWITCHBOARD})|{DESK})(?P<after>\s.+)?",
    re.IGNORECASE,
)
# Words for one of several numbers of a person.
OWN_NUMBER = re.compile(
    r"(?:arb(?:ete)?|jobb|hem|bostad|kontor|privat|sms|direct|work|office|home)"
    r"(?: (?:line|phone|number))?\.?",
    re.IGNORECASE,
)
# Words that lead to a desk instead of a person: "Eva Ek via pressjouren".
DESK_AFTER_NAME = re.compile(
    rf"\s(?:via|genom|through)\s(?P<desk>(?:{SWITCHBOARD}|{DESK})$)", re.IGNORECASE
)
DESK_AT_END = re.compile(rf"{SHARED_NUMBER.pattern}(?:\W+(?:på|at|on))?\W*$", re.IGNORECASE)
# Initials, words and punctuation of a sentence; and what joins a number to the one before it.
NAME_TOKEN = re.compile(r"[^\W\d_]\.(?=\s[^\W\d_])|[\w'’-]+|[^\w\s]")
CONNECTION = re.compile(
    r"\W*(?:(?:och|eller|samt|and|or|und|oder|tai|eli|elikkä|ja|og|på|via|per|e-?post\w*|e-?mail"
    r"|mejl\w*|mail)\W*)*",
    re.IGNORECASE,
)
CONJUNCTION = re.compile(r"\b(?:och|eller|samt|respektive|and|or|und|oder)\b", re.IGNORECASE)
MAX_ROLE_LENGTH = 100
MAX_CHUNK_WORDS = 9  # words; a longer chunk is a sentence
MAX_OFFICE_WORDS = 8
MAX_ROLES = 2  # roles per contact


class ContactLine(NamedTuple):
    text: str
    level: int = 9  # level of a heading; 9 for other lines
    bold: bool = False  # whether all of it is bold
    is_link: bool = False  # whether it is only a link to another page
    block: Any = None  # the innermost block element that contains it


@dataclass(slots=True)
class ContactDraft:
    """A contact whose parts are still being collected."""

    name: str | None = None
    roles: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    email: str | None = None

    @property
    def has_phone_or_email(self) -> bool:
        return bool(self.phones or self.email)

    def conflicts_with(self, kind: str, text: str) -> bool:
        """Return whether a part of a line must belong to another contact.

        kind: the type of the part (see `parse_contact_line`).
        """
        if kind == "name":
            return self.name not in (None, text)
        if kind == "role":
            return self.has_phone_or_email and (bool(self.roles) or not self.name)
        if kind == "email":
            return self.email is not None and self.email.lower() != text.lower()
        return False

    def add_part(self, kind: str, text: str) -> None:
        if kind == "name":
            self.name = text
        elif kind == "name part":
            self.name = f"{self.name} {text}" if self.name else text
        elif kind == "role" and len(self.roles) < MAX_ROLES:
            self.roles.append(text)
        elif kind == "phone" and text not in self.phones:
            self.phones.append(text)
        elif kind == "email":
            self.email = text

    def build_item(self) -> ContactItem:
        return ContactItem(
            name=self.name,
            role=", ".join(self.roles) or None,
            phone=", ".join(self.phones) or None,
            email=self.email,
        )


def has_own_address(contact: ContactItem) -> bool:
    """Return whether the email address of a contact contains a word of the contact's name."""
    address = (contact.email or "").lower().partition("@")[0]
    name = unicodedata.normalize("NFD", (contact.name or "").lower())
    words = name.encode("ascii", "ignore").decode().split()
    return any(
        (len(word) > 2 and word in address) or word in re.split(r"[._-]", address) for word in words
    )


def parse_contacts(
    lines: Iterable[ContactLine], heading: str, *, heading_is_certain: bool
) -> list[ContactItem]:
    """Return the contacts in lines under a heading.

    heading_is_certain: whether a name under this heading counts as a contact even if it has no
        telephone number or email address.
    """
    parser = ContactParser(heading, heading_is_certain=heading_is_certain)
    for line in lines:
        parser.feed_line(line)
    parser.finish_contact()
    return parser.contacts


def parse_contact_sentences(text: str) -> list[ContactItem]:
    """Return the people, press offices and email addresses that a text asks the reader to contact.

    >>> parse_contact_sentences("För mer information, kontakta pressekreterare Eva Ek.")[0].name
    'Eva Ek'
    >>> parse_contact_sentences("Kontakta polisen. För information, kontakta Rädda Barnen.")
    []
    """
    found: list[ContactItem] = []
    for sentence in SENTENCE_END.split(text):
        verb = CONTACT_VERB.search(sentence)
        if verb and ENQUIRY_WORD.search(sentence):
            found += _parse_contact_request(sentence, sentence[verb.end() :])
    return found


def _parse_contact_request(sentence: str, request: str) -> list[ContactItem]:
    """Return the contacts in the part of a sentence that follows a verb such as "kontakta".

    A name counts only with a number, an email address or a job title, unless the sentence contains
    the word "presskontakt".
    """
    if _begins_with_other_office(request):
        return []
    contacts = parse_contacts([ContactLine(request)], "", heading_is_certain=True)
    if "presskontakt" in sentence.lower():
        return contacts
    return [
        contact
        for contact in contacts
        if contact.phone or contact.email or has_job_title(contact.role)
    ]


def _begins_with_other_office(request: str) -> bool:
    """Return whether a contact request begins with an office other than the press office.

    Returns False if a person's name follows the office.
    """
    kinds = [
        kind
        for kind, words in parse_contact_line(request)
        if kind not in ("role", "desk") or not PRESS_WORD.search(words)
    ]
    return kinds[:1] in (["role"], ["desk"]) and kinds[1:2] != ["name"]


def parse_people(text: str) -> list[ContactItem]:
    """Return the people in a text, each with the numbers and email addresses that follow the name.

    A number after several names is left out, because it could belong to any of them.

    >>> text = "Frågor besvaras av utredare Eva Ek, 010-123 45 67, och Bo Ek vid ån, bo@verket.se."
    >>> [(person.name, person.role, person.email) for person in parse_people(text)]
    [('Eva Ek', 'utredare', None), ('Bo Ek', None, 'bo@verket.se')]
    >>> parse_people("Eva Ek och Bo Ek nås på 010-123 45 67.")
    []
    """
    people: list[ContactItem] = []
    for sentence in SENTENCE_END.split(text):
        drafts = _draft_people(sentence)
        people += [
            draft.build_item() for draft in drafts if draft.name and draft.has_phone_or_email
        ]
    return people


def _draft_people(sentence: str) -> list[ContactDraft]:
    """Return contact drafts with the people named in a sentence.

    Each draft contains the telephone numbers and the email address that follow the name. If the
    words before a number name nobody or several people, the draft has no name.
    """
    drafts = [ContactDraft()]
    for kind, part in tokenise_contact_line(sentence):
        if kind == "phone":
            drafts[-1].phones.append(part)
        elif kind == "email":
            drafts[-1].email = drafts[-1].email or part
        elif not CONNECTION.fullmatch(part):
            is_desk = DESK_AT_END.search(part) is not None
            drafts.append(ContactDraft() if is_desk else _find_only_person(part))
    return drafts


def _find_only_person(text: str) -> ContactDraft:
    """Return a draft with the only person in a text and the title before the person's name.

    The draft is empty if the text names nobody or several people.
    """
    people = _find_people(text)
    return people[0] if len(people) == 1 else ContactDraft()


def _find_people(text: str) -> list[ContactDraft]:
    words = NAME_TOKEN.findall(CALL_TO_CONTACT.sub("", text.lstrip()))
    people: list[ContactDraft] = []
    start = 0
    while start < len(words):
        name = _find_longest_name(words[start:])
        if name:
            title = words[start - 1 : start] if start else []
            people.append(ContactDraft(" ".join(name), list(filter(ROLE_WORD.match, title))))
        start += len(name or [""])
    return people


def _opens_with_several_people(line: str) -> bool:
    """Return whether a line names several people before its first number or email address.

    Returns False if the text before that number or address contains no conjunction such as "eller".
    """
    kind, text = next(iter(tokenise_contact_line(line)), ("", ""))
    return kind == "text" and CONJUNCTION.search(text) is not None and len(_find_people(text)) > 1


class ParsedLine:
    """A line split by `parse_contact_line`, with facts such as whether it is a heading."""

    def __init__(self, line: ContactLine) -> None:
        self.text, self.parts = line.text, parse_contact_line(line.text)
        self.is_link, self.is_heading = line.is_link, line.level < 9 or line.bold
        self.kinds = {kind for kind, _ in self.parts}
        self.has_reach = bool(self.kinds & {"phone", "email"})
        self.has_name = "name" in self.kinds

    @property
    def is_contact_heading(self) -> bool:
        has_contact = self.has_reach or "desk" in self.kinds
        return not has_contact and CONTACT_HEADING.match(self.text) is not None

    @property
    def is_about_contact(self) -> bool:
        if self.has_reach or self.has_name or "desk" in self.kinds:
            return True
        return any(kind == "role" and has_job_title(text) for kind, text in self.parts)

    @property
    def is_note(self) -> bool:
        is_long_or_link = self.is_link or len(self.text) > MAX_ROLE_LENGTH
        return is_long_or_link and not (self.has_reach or self.has_name)

    @property
    def is_prose(self) -> bool:
        has_people = self.has_name and _opens_with_several_people(self.text)
        return has_people or SENTENCE_VERB.search(self.text) is not None


class ContactParser:
    """Parses lines one by one, and collects the contacts in `contacts`."""

    def __init__(self, heading: str, *, heading_is_certain: bool) -> None:
        self.heading, self.heading_is_certain = heading, heading_is_certain
        self.draft = ContactDraft()
        self.desk: ContactDraft | None = None  # the desk that was named last
        self.desks: list[ContactDraft] = []  # all that were named since the draft was started
        self.contacts: list[ContactItem] = []
        self.only_contact_lines = True  # whether every line so far was about a contact

    def feed_line(self, line: ContactLine) -> None:
        parsed = ParsedLine(line)
        if parsed.has_reach and self.take_people(parsed):
            return
        if parsed.is_contact_heading:
            self.finish_contact()
            self.heading = line.text
            return
        # before its kinds are corrected: a correction needs a name or a number anyway
        self.only_contact_lines = self.only_contact_lines and parsed.is_about_contact
        if parsed.is_note:
            return
        parts = self.correct_kinds(line.text, parsed.parts)
        if self.begins_new_contact(parsed):
            self.finish_contact()
        for kind, text in parts:
            self.add_part(kind, text)

    def take_people(self, line: ParsedLine) -> bool:
        """Store the people in a line that is a sentence with telephone numbers or email addresses.

        Returns whether the line is such a sentence.
        """
        if (line.has_name or "owner" in line.kinds) and not line.is_prose:
            return False
        people = parse_people(line.text)
        if not people and not line.has_name:
            return False
        self.finish_contact()
        self.contacts += people
        return True

    def correct_kinds(self, line: str, parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the parts of a line, with corrected types for names of organisations and desks."""
        corrected = list(parts)
        if [kind for kind, _ in parts[:3]] == ["role", "name", "name"]:
            # "Rektor Eva Ek, Nya Gården": the second name is that of an organisation
            corrected[2] = ("role", parts[2][1])
        if self.draft.name and self.draft.roles and _is_labelled_number(line, corrected):
            corrected[0] = ("desk", parts[0][1])
        return corrected

    def begins_new_contact(self, line: ParsedLine) -> bool:
        if line.has_name and self.draft.name:
            return True
        if not any(draft.has_phone_or_email for draft in (self.draft, *self.desks)):
            return False
        return line.has_name or line.is_heading or (line.has_reach and "role" in line.kinds)

    def add_part(self, kind: str, text: str) -> None:
        """Add a part of a line (see `parse_contact_line`) to the current contact.

        If the part conflicts with that contact, a new contact is started.
        """
        if kind == "owner":
            self.add_owner(text)
            return
        draft = self.choose_draft(kind, text)
        if draft.conflicts_with(kind, text):
            self.finish_contact()
            draft = self.draft
        if kind == "desk":
            self.desk = ContactDraft(roles=[text])
            self.desks.append(self.desk)
        elif kind != "email" or draft.name or not self.has_address(text):
            draft.add_part(kind, text)
        if kind == "name":
            self.desk = None

    def add_owner(self, text: str) -> None:
        """Add the owner of an email link to the current contact.

        The owner is stored as the name, or as the role if the contact has neither name nor role.
        """
        name, role = _split_name_and_role(text)
        if name:
            self.add_part("name", name)
        elif role and not self.draft.name and not self.draft.roles:
            self.draft.roles = [role]

    def choose_draft(self, kind: str, text: str) -> ContactDraft:
        """Return the draft that a part belongs to: the current contact or its last desk.

        The parts after the name of a desk belong to that desk. Exceptions are a second number of a
        switchboard, and an email address that contains a word of the person's name.
        """
        desk, draft = self.desk, self.draft
        if desk is None or kind not in ("role", "phone", "email"):
            return draft
        if kind == "phone" and desk.phones and _is_switchboard(desk.roles[0]):
            self.desk = None
        elif kind != "email" or not has_own_address(ContactItem(name=draft.name, email=text)):
            return desk
        return draft

    def has_address(self, email: str) -> bool:
        """Return whether the previous contact has this email address.

        If it has, a link to the address only repeats the address.
        """
        return bool(self.contacts) and self.contacts[-1].email == email

    def finish_contact(self) -> None:
        """Store the current contact and the desks named with it, and start a new contact.

        Incomplete contacts and desks are not stored.
        """
        draft, named = self.draft, self.desks
        self.draft, self.desk, self.desks = ContactDraft(), None, []
        if not draft.name:
            draft.roles = self.choose_office_names(draft.roles)
            _name_switchboards([draft, *named])
        desks = [desk for desk in named if desk.has_phone_or_email]
        is_name_enough = desks or (self.heading_is_certain and self.only_contact_lines)
        if draft.has_phone_or_email or (draft.name and is_name_enough):
            self.contacts.append(draft.build_item())
        self.contacts += [desk.build_item() for desk in desks]

    def choose_office_names(self, roles: Sequence[str]) -> list[str]:
        """Return the roles that may be names of offices.

        If there are none, and the heading is about the press, the heading is returned.
        """
        offices = [
            role for role in roles if role[0].isupper() and len(role.split()) <= MAX_OFFICE_WORDS
        ]
        if not offices and PRESS_WORD.search(self.heading):
            return [self.heading.strip(EDGE_PUNCTUATION)]
        return offices


@cache_by_text()
def parse_contact_line(line: str) -> tuple[tuple[str, str], ...]:
    """Split a line into parts, each of which is a pair of a type and a text.

    The types are: name, name part, owner (of an email link), role, desk, phone, email.

    A role is a title, an office, or the subject that the contact is responsible for. A desk has a
    number that several people share (see `SHARED_NUMBER`). Results are cached, because the pages of
    a site have the same contacts.

    >>> parse_contact_line("Eva Ek, utredare, tel. 010-123 45 67")
    (('name', 'Eva Ek'), ('role', 'utredare'), ('phone', '010-123 45 67'))
    >>> parse_contact_line("Skogsbruk: pressekreterare Eva Ek 010-123 45 67 (BXL)")
    (('role', 'Skogsbruk'), ('role', 'pressekreterare'), ('name', 'Eva Ek'),
     ('phone', '010-123 45 67'))
    """
    found: list[tuple[str, str]] = []
    for kind, text in tokenise_contact_line(line):
        if kind != "text":
            found.append((kind, text))
            continue
        is_name_part = False
        for chunk in (piece.strip(EDGE_PUNCTUATION) for piece in CHUNK_SEPARATOR.split(text)):
            if label := CONTACT_LABEL.fullmatch(chunk):
                is_name_part = label["name_part"] is not None
            elif chunk:
                found += [("name part", chunk)] if is_name_part else _parse_contact_chunk(chunk)
    return tuple(found)


def _is_labelled_number(line: str, parts: Sequence[tuple[str, str]]) -> bool:
    """Return whether a line begins with a label and its number ("Arkivet: 010-123 45 67").

    A label that is followed by a comma does not count, and neither does a word for a person's own
    number ("Arbete").

    >>> lines = ["Arkivet: 010-123 45 67", "Arkivet, 010-123 45 67", "Arbete: 010-123 45 67"]
    >>> [_is_labelled_number(line, parse_contact_line(line)) for line in lines]
    [True, False, False]
    """
    label = parts[0][1] if [kind for kind, _ in parts[:2]] == ["role", "phone"] else ""
    is_label = label[:1].isupper() and line.startswith((f"{label}:", f"{label} "))
    return is_label and not OWN_NUMBER.fullmatch(label)


def _parse_contact_chunk(chunk: str) -> Iterator[tuple[str, str]]:
    if note := MAIL_LINK_TEXT.match(chunk):
        if note["owner"]:
            yield "owner", note["owner"]
    elif desk := _read_desk(chunk):
        yield "desk", desk
    elif through := DESK_AFTER_NAME.search(chunk):
        yield from _parse_contact_chunk(chunk[: through.start()])
        yield "desk", through["desk"]
    elif not any(pattern.fullmatch(chunk) for pattern in NON_CONTACT_PATTERNS):
        yield from _order_name_and_role(chunk)


def _order_name_and_role(chunk: str) -> list[tuple[str, str]]:
    name, role = _split_name_and_role(chunk)
    parts = [("name", name), ("role", role)]
    if name and role and not chunk.startswith(name):
        parts.reverse()
    return [(kind, words) for kind, words in parts if words]


def _read_desk(chunk: str) -> str | None:
    """Return the name of a switchboard or desk, or None if the chunk is not such a name.

    Words such as "kontakta" and "på" around the name are left out.

    >>> _read_desk("Broverkets pressjour på"), _read_desk("chef för presstjänsten")
    ('Broverkets pressjour', None)
    >>> _read_desk("enhetschef kundtjänst") is None
    True
    """
    words = TRAILING_PREPOSITION.sub("", NAME_LEAD_IN.sub("", CALL_TO_CONTACT.sub("", chunk)))
    found = DESK_NAME.fullmatch(words)
    if not found or SENTENCE_VERB.search(words) or PREPOSITION.search(found["before"]):
        return None
    around = f"{found['before']} {found['after'] or ''}"
    return None if has_job_title(around) or has_person_name(around) else words


def _name_switchboards(contacts: Sequence[ContactDraft]) -> None:
    """Name each switchboard after the office before it, if the office has no number or address.

    Example: "Presstjänsten", then "Telefon (växel) 010-123 45 00".
    """
    for office, desk in pairwise(contacts):
        is_office = bool(office.roles) and not _is_switchboard(office.roles[0])
        if is_office and not office.has_phone_or_email and _is_switchboard(desk.roles[0]):
            desk.roles = office.roles


def _is_switchboard(desk: str) -> bool:
    found = DESK_NAME.fullmatch(desk)
    return found is not None and found["switchboard"] is not None


def _split_name_and_role(chunk: str) -> tuple[str | None, str | None]:
    """Return the name and the title in a chunk.

    A name or title that is missing is None. Both are None if the chunk is a sentence.

    >>> _split_name_and_role("Eva Ek"), _split_name_and_role("pressekreterare Eva Ek")
    (('Eva Ek', None), ('Eva Ek', 'pressekreterare'))
    >>> _split_name_and_role("Eva von Ek utredare")
    ('Eva von Ek', 'utredare')
    >>> _split_name_and_role("Pressekreterare åt skolminister Eva Ek")
    (None, 'Pressekreterare åt skolminister Eva Ek')
    >>> _split_name_and_role("Presstjänsten")
    (None, 'Presstjänsten')
    """
    if is_person_name(chunk):
        return chunk, None
    words = NAME_LEAD_IN.sub("", chunk).split()
    return (
        _find_name_after_title(words)
        or _find_name_before_title(words, has_lead_in=len(words) < len(chunk.split()))
        or (None, _parse_role(TRAILING_PREPOSITION.sub("", CALL_TO_CONTACT.sub("", chunk))))
    )


def _find_name_after_title(words: list[str]) -> tuple[str, str] | None:
    """Return the name and the title before it, or None if there is no such name.

    An example is "civilministerns pressekreterare Eva Ek".
    """
    for start in range(1, min(len(words) - 1, MAX_CHUNK_WORDS)):
        before, name = words[:start], _find_longest_name(words[start:])
        if name and ROLE_WORD.match(before[-1]) and not PREPOSITION.search(" ".join(before)):
            return " ".join(name), " ".join(before)
    return None


def _find_name_before_title(
    words: list[str], *, has_lead_in: bool
) -> tuple[str, str | None] | None:
    """Return the name at the start of `words` and the title after it.

    The title is None if no title follows. Returns None if there is no name, or if the words after
    the name show that it is part of a sentence.

    has_lead_in: whether the text before `words` shows that a name follows. If so, the name may be
        followed by any words.
    """
    name = _find_longest_name(words)
    if name is None:
        return None
    after = words[len(name) :]
    role = _parse_role(" ".join(after)) if after and ROLE_WORD.match(after[0]) else None
    if role or has_lead_in or not after or AFTER_NAME.match(after[0]):
        return " ".join(name), role
    return None


def _find_longest_name(words: list[str]) -> list[str] | None:
    """Return the longest name at the start of `words`, or None if they do not start with a name."""
    longest = min(len(words), MAX_CHUNK_WORDS)
    return next(
        (words[:end] for end in range(longest, 1, -1) if is_person_name(" ".join(words[:end]))),
        None,
    )


def is_person_name(text: str) -> bool:
    """Return whether a text looks like a person's name.

    Such a text consists of two to five capitalised words, none of which is a word for an office or
    a title.

    >>> list(map(is_person_name, ["Pia-Maria Lindroos", "Press Officer", "Region Gotland", "Eva"]))
    [True, False, False, False]
    """
    return PERSON_NAME.fullmatch(text) is not None and not any(
        OFFICE_WORD.match(w) or ROLE_WORD.match(w) for w in text.split()
    )


def has_person_name(text: str) -> bool:
    """Return whether a text contains a person's name, with or without a title.

    >>> texts = ["generaldirektör Eva Ek", "Eva Ek, utredare", "Region Gotland", "Frågor om Bron"]
    >>> list(map(has_person_name, texts))
    [True, True, False, False]
    """
    words = text.replace(",", " ,").split()
    return any(_find_longest_name(words[start:]) for start in range(len(words) - 1))


def _parse_role(text: str) -> str | None:
    """Return a title or office, or None if the text is a sentence, too short or too long."""
    fits = 2 < len(text) <= MAX_ROLE_LENGTH and len(text.split()) <= MAX_CHUNK_WORDS
    return text if fits and not SENTENCE_VERB.search(text) else None


def has_job_title(role: str | None) -> bool:
    return any(map(ROLE_WORD.match, (role or "").split()))
