"""One contact from lines; names, roles, word lists.

The words contacts are told by: headings, sentences that lead to them, titles, offices, labels and notes.

The words of a contact's line told apart: a person's name, a title or office, a number, an address.

Reading contacts from lines of text: which words are a name, which a title, and where one contact ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scraper.items import ContactItem
from scraper.normalise.contacts import tokenise_contact_line
from scraper.normalise.text import build_alternation, cache_by_text

# Offices whose name is a heading too.
PRESS_OFFICE = r"(?:pressjour\w*|presstjänst\w*|press ?office|pressestelle)"
# Headings under which whom to ask is named. Those of the first group say so by themselves.
CERTAIN_HEADING = build_alternation(rf"""
    {PRESS_OFFICE}
    presse?-?\s?kontakt\w* | medi[ae]-?kontakt\w* | (?:press|media) contacts? | contacts? for (?:the )?(?:media|press)
    (?:for|f[öø]r) (?:media|press|journalister) | kontaktperson(?:er)?
    kontakt (?:f[öø]r|till) (?:media|press|massmedi)\w* | kontaktuppgifter | kontakter | contacts | contact persons?
    ansprechpartner\w* | pressefragen
    fr[åa]gor besvaras av | (?:ytterligare |vidare |mer )?upplysningar(?: l[äa]mnas av)? | fragen beantwortet
    f[öo]r (?:mer|ytterligare|vidare) (?:information|upplysningar)\W+(?:v[äa]nligen )?kontakta
    for (?:more|further|mer|ytterligere) (?:information|informasjon)\W+(?:please )?(?:contact|kontakt)
    yhteyshenkil[öo]\w* | lis[äa]tietoja(?: antaa| antavat)? | yhteystiedot
    """)
DOUBTFUL_HEADING = build_alternation(r"""
    kontakt | contact | contact us | kontakta oss | kontaktinformation | contact (?:info|details|information)
    (?:f[öo]r )?(?:mer|ytterligare|mera|vidare) information | (?:for )?(?:more|further) information
    har du (?:n[åa]gra )?fr[åa]gor | har du en fr[åa]ga | (?:vid )?fr[åa]gor | questions | fragen | rückfragen
    vill du veta mer
    """)
HEADING_SUFFIX = r"(?:\s(?:för|hos|på|vid|till|om|i|for|at|to|about|für|bei|zu|zum|zur)\s[^:.!?]{1,60})?"
CONTACT_HEADING = re.compile(
    rf"^\W*(?:(?P<certain>{CERTAIN_HEADING})|(?P<doubtful>{DOUBTFUL_HEADING})){HEADING_SUFFIX}\W*$", re.IGNORECASE
)
# The same words before a colon, with the contact after it; and sentences that ask the reader to turn to somebody.
CONTACT_LEAD_IN = re.compile(rf"^\W*(?P<certain>{CERTAIN_HEADING}|kontakt){HEADING_SUFFIX}\s?:\s*(?=\S)", re.IGNORECASE)
# A part of each word above: what has none is no heading.
CONTACT_STEM = re.compile(
    r"(?i:kontakt|contact|press)|medi|r[åa]gor|nformation|pplysn|nsprech|ragen|stions|hteys|isätieto|veta mer"
)
# What a sentence is about that asks to contact somebody, and where it says whom.
ENQUIRY_WORD = re.compile(
    r"\b"
    + build_alternation(r"""
        information\w* | frågor | \w*förfrågning\w* | upplysning\w* | intervju\w* | interviews? | questions
        medi[ae]\w* | press\w* | intresse\w* | ackreditering\w*
        """)
    + r"\b",
    re.IGNORECASE,
)
CONTACT_VERB = re.compile(r"\b(?:kontakta|contact)\b\s?:?\s*(?=\S)", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[a-zåäö0-9)][.!?])\s+(?=[A-ZÅÄÖ])")
SENTENCE_VERB = re.compile(
    r"\b(?:har|är|finns|kan|nås|ska|ger|får|gör|vill|blir|can|is|are|has|have|will)\b", re.IGNORECASE
)
PRESS_WORD = re.compile(r"press|medi(?:a|e)", re.IGNORECASE)
# Titles stand beside a name, or before it without a comma: "pressekreterare Eva Ek".
ROLE_WORD = re.compile(
    build_alternation(r"""
        \w*(?:chef|sekreterare|ledare|direkt[öo]r|handläggare|ansvarige?|kommunikatör|talesperson|talesman|jurist)
        \w*(?:utredare|forskare|analytiker|expert|samordnare|strateg|redaktör|minister|rådgivare|assistent|konsult)
        \w*(?:ingenjör|inspektör|ekonom|statistiker|läkare|veterinär|åklagare|domare|råd|ordförande|sakkunnig)
        \w*(?:sprecher(?:in)?|leiter(?:in)?|referent(?:in)?|rådgiver|direktør|sjef|leder|tiedottaja|johtaja|päällikkö)
        professor | docent | lektor | major | överste | kommendör | kommiss\w+ | doktor | dr | pressvakt
        press | chief | senior | deputy | head | executive | communications? | media | information | public | policy
        officer | manager | director | spokes\w+ | secretary | advis[eo]r | coordinator | editor | relations | affairs
        """)
    + r"[.,]?$",
    re.IGNORECASE,
)
# A word that makes of capitalised words an office, not a person.
OFFICE_WORD = re.compile(
    build_alternation(r"""
        \w*(?:verket|verk|myndighet\w*|nämnd\w*|styrelse\w*|institut\w*|centr(?:um|al|er|et)\w*|universitet\w*)
        \w*(?:högskola\w*|departement\w*|kansli\w*|avdelning\w*|enhet\w*|tjänst\w*|jour|redaktion\w*|förbund\w*)
        \w*(?:rådet|pressestelle|kommun\w*|region\w*|behörde|ministerium|abteilung|referat|bolaget|fonden|museet)
        polis\w* | län | läns | service | support | registrator\w* | registratur\w* | kontakt\w* | info\w* | bundes\w*
        amt | office | department | agency | ministry | unit | division | team | desk | bureau | council | university
        institute | centre | center | committee | commission | european | parliament | sverige\w* | svenska | swedish
        sweden | skåne | gotland | stockholm\w* | göteborg\w* | malmö | uppsala | norra | södra | östra | västra
        telefon\w* | mobil\w* | e-?post\w* | e-?mail | mejl | fax | webb\w* | adress\w* | twitter | facebook | linkedin
        läs | mer | visa | skicka | hitta | till | nästa | dela | följ | om | frågor | svar | the | our
        """)
    + "$",
    re.IGNORECASE,
)
# A capitalised word or an initial; within a name small words such as "von" as well.
CAPITALISED_WORD = r"(?:[A-ZÅÄÖÆØÉÜ]\.|[^\W\d_a-zåäöæøéü][\w'’-]*)"
NAME_PARTICLE = r"(?:von|van|af|de|der|den|da|di|du|el|al|bin|la|le|zu)"
PERSON_NAME = re.compile(rf"{CAPITALISED_WORD}(?:\s(?:{NAME_PARTICLE}\s){{0,2}}{CAPITALISED_WORD}){{1,4}}")
# Names of elements: a box of contacts, the foot of a site.
CONTACT_BOX_CLASS = re.compile(
    r"(?:^|[\s_-])(?:press|media)?-?(?:contacts?|kontakte?r?|kontaktperson\w*|vcard|h-card)"
    r"(?:[-_]?(?:card|box|block|person|info|list|item|portlet|details?|section|wrapper|container))?(?=$|[\s_-])",
    re.IGNORECASE,
)
FOOTER_CLASS = re.compile(
    r"(?:^|[\s_-])(?:site|page|main|global|c|l)?[-_]?(?:footer|sidfot|fotter|bunntekst|colophon)(?=$|[\s_-])",
    re.IGNORECASE,
)
# What a mail link is called: nobody's name, but it may tell whose address it is.
MAIL_LINK_TEXT = re.compile(
    r"^(?:skicka |send |schreiben sie )?(?:an? |eine? |ett )?(?:e-?post|e-?mail|mejla?|maila?|mail)(?:adress\w*)?"
    r"(?:(?: till| to| an| til)? (?P<whose>.+))?$",
    re.IGNORECASE,
)
# Words for what the value after them is; `part` of a name.
CONTACT_LABEL = re.compile(
    build_alternation(r"""
        (?P<part>vorname|nachname|förnamn|efternamn|first name|last name) | namn | name | titel | title | befattning
        position | roll | funktion | function | e-?post(?:adress)? | e-?mail(?:-?adresse?)? | mejl | mail
        organisation | enhet | avdelning | tele(?:f|ph)on(?:nummer| number)? | mobil(?:telefon|nummer|e)? | phone
        kontaktdata | contact data | kontakta | kontakt | contact | (?:tele)?fax | (?:besöks|post)?adress(?:e|s)?
        """)
    + r"\s?:?",
    re.IGNORECASE,
)
# Lines and words of a box that tell nothing of the contact.
NON_CONTACT_LINE = re.compile(
    r"^\W*"
    + build_alternation(r"""
        (?:sena(?:st|ste) )?(?:publi|uppdater|granskad|ändrad|last |updated|reviewed|skriv ut|print|dela|share|lyssna).*
        (?:besöks|post|leverans|fakturerings)?adress\w*.* | address.* | öppettider.* | opening hours.* | box \d.*
        webb(?:plats|sida)?\W.* | internet\W.* | twitter.* | facebook.* | linkedin.* | instagram.* | www\..* | https?:.*
        kontaktuppgifter (?:nedan|ovan).* | (?:för|inför|vid|med|om|for|with) .* | sidansvarig.* | ansvarig för sidan.*
        (?:foto|photo|bild)\W.* | kopiera.* | copy.* | ladda ner.* | (?:visa|show|läs|se|hitta|find|read|more|all) .*
        (?:fler|alla|ring|call) .* | till toppen | tillbaka.* | kontaktformulär.* | contact form.* | v-?card | \d.*
        (?:var)?dagar .* | måndag.* | telefontid.* | följande.* | eller | och | or | and | alternativt | öppnas.*
        [\w.-]+\.(?:se|eu|org)
        """)
    + r"\W*$",
    re.IGNORECASE,
)


CHUNK_SEPARATOR = re.compile(r"[,;|•·()\t]|(?<=[\w.]):(?!\S)|(?<!\S)[–—-](?!\S)|/(?=\s)")
EDGE_PUNCTUATION = " .,;:–—-*\"'”“→›»"  # around a chunk, never part of it
# What leads to a name in a sentence, and what ends the words before a number.
NAME_LEAD_IN = re.compile(
    r"^(?:.*\b(?:kontakta|contact|kontakt|av|svarar)\s+|(?:vänligen|please|även|också|eller|och|samt|via|på|or|and)\s+)",
    re.IGNORECASE,
)
CALL_TO_CONTACT = re.compile(
    r"^(?:vänligen |please |eller |och |or |and )?(?:kontakta|contact|ring|mejla) ", re.IGNORECASE
)
TRAILING_PREPOSITION = re.compile(r" (?:på|via|per|eller|och|at|on|by|or|and|tel|nås på)$", re.IGNORECASE)
PREPOSITION = re.compile(r"\b(?:åt|hos|till|för|vid|på|to|at|of|for|i|om)\b")
PRESS_OFFICE_ONLY = re.compile(PRESS_OFFICE, re.IGNORECASE)
ABBREVIATION = re.compile(r"[A-ZÅÄÖ]{1,5}|vxl?|[\W\d_]*")
MAX_ROLE_LENGTH = 100
MAX_CHUNK_WORDS = 9  # of a chunk: more are a sentence
MAX_OFFICE_WORDS = 8  # words


@cache_by_text()
def parse_contact_line(line: str) -> tuple[tuple[str, str], ...]:
    """A line as (kind, text): name, role, whose, phone, mail. Cached, as `split_reach` is.

    >>> parse_contact_line("Eva Ek, utredare, tel. 010-123 45 67")
    (('name', 'Eva Ek'), ('role', 'utredare'), ('phone', '010-123 45 67'))
    >>> parse_contact_line("Skogsbruk: pressekreterare Eva Ek 010-123 45 67 (BXL)")
    (('role', 'Skogsbruk'), ('role', 'pressekreterare'), ('name', 'Eva Ek'), ('phone', '010-123 45 67'))
    """
    found: list[tuple[str, str]] = []
    for kind, text in tokenise_contact_line(line):
        if kind != "text":
            found.append((kind, text))
            continue
        part = False
        for piece in CHUNK_SEPARATOR.split(text):
            chunk = piece.strip(EDGE_PUNCTUATION)
            if label := CONTACT_LABEL.fullmatch(chunk):
                part = label["part"] is not None
            elif chunk:
                found += [("part", chunk)] if part else parse_contact_chunk(chunk)
    return tuple(found)


def parse_contact_chunk(chunk: str) -> Iterator[tuple[str, str]]:
    """Words between two marks as (kind, text)."""
    if note := MAIL_LINK_TEXT.match(chunk):
        if note["whose"]:
            yield "whose", note["whose"]
    elif PRESS_OFFICE_ONLY.fullmatch(chunk) or not any(
        pattern.fullmatch(chunk) for pattern in (NON_CONTACT_LINE, CONTACT_HEADING, ABBREVIATION)
    ):
        name, role = split_name_and_role(chunk)
        told = [("name", name), ("role", role)]
        if name and role and not chunk.startswith(name):
            told.reverse()
        yield from ((kind, words) for kind, words in told if words)


def split_name_and_role(chunk: str) -> tuple[str | None, str | None]:
    """A chunk's name and title; either may be None, both where it is a sentence.

    >>> split_name_and_role("Eva Ek"), split_name_and_role("pressekreterare Eva Ek"), split_name_and_role("Eva von Ek utredare")
    (('Eva Ek', None), ('Eva Ek', 'pressekreterare'), ('Eva von Ek', 'utredare'))
    >>> split_name_and_role("Pressekreterare åt skolminister Eva Ek"), split_name_and_role("Presstjänsten")
    ((None, 'Pressekreterare åt skolminister Eva Ek'), (None, 'Presstjänsten'))
    """
    if is_person_name(chunk):
        return chunk, None
    words = NAME_LEAD_IN.sub("", chunk).split()
    for start in range(
        1, min(len(words) - 1, MAX_CHUNK_WORDS)
    ):  # a title first: "civilministerns pressekreterare Eva Ek"
        before, name = words[:start], find_longest_name(words[start:])
        if name and ROLE_WORD.match(before[-1]) and not PREPOSITION.search(" ".join(before)):
            return " ".join(name), " ".join(before)
    first = find_longest_name(words)
    if first:
        after = words[len(first) :]
        role = parse_role(" ".join(after)) if after and ROLE_WORD.match(after[0]) else None
        if role or not after or len(words) < len(chunk.split()) or after[0][0].islower():
            return " ".join(first), role
    return None, parse_role(TRAILING_PREPOSITION.sub("", CALL_TO_CONTACT.sub("", chunk)))


def find_longest_name(words: list[str]) -> list[str] | None:
    """The longest row of opening words that is a name."""
    longest = min(len(words), MAX_CHUNK_WORDS)
    return next((words[:end] for end in range(longest, 1, -1) if is_person_name(" ".join(words[:end]))), None)


def is_person_name(text: str) -> bool:
    """Whether a text is two to five capitalised words, none of which names an office or a title.

    >>> is_person_name("Pia-Maria Lindroos"), is_person_name("Press Officer"), is_person_name("Region Gotland"), is_person_name("Eva")
    (True, False, False, False)
    """
    return PERSON_NAME.fullmatch(text) is not None and not any(
        OFFICE_WORD.match(w) or ROLE_WORD.match(w) for w in text.split()
    )


def may_be_office(text: str) -> bool:
    """Whether words without a name beside them can be an office rather than a part of a sentence."""
    return text[0].isupper() and len(text.split()) <= MAX_OFFICE_WORDS


def parse_role(text: str) -> str | None:
    """A title or office, None where the text is too long for one or a sentence."""
    fits = 2 < len(text) <= MAX_ROLE_LENGTH and len(text.split()) <= MAX_CHUNK_WORDS
    return text if fits and not SENTENCE_VERB.search(text) else None


def has_job_title(role: str | None) -> bool:
    """Whether a role holds a word that is somebody's title."""
    return any(map(ROLE_WORD.match, (role or "").split()))


MAX_ROLES = 2


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A line as read: heading's rank (9 for what is none), whether it is bold, whether it is but a link elsewhere."""

    text: str
    level: int = 9
    bold: bool = False
    is_link: bool = False


@dataclass(slots=True)
class ContactDraft:
    """A contact as it is put together."""

    name: str | None = None
    roles: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    email: str | None = None

    @property
    def has_phone_or_email(self) -> bool:
        """Whether it can be called or written to."""
        return bool(self.phones or self.email)


def parse_contacts(lines: Iterable[ContactLine], heading: str, *, heading_is_certain: bool) -> list[ContactItem]:
    """The contacts that lines under a heading tell. certain: the heading alone makes a name a contact."""
    reader = ContactParser(heading, heading_is_certain=heading_is_certain)
    for line in lines:
        reader.feed_line(line)
    reader.finish_contact()
    return reader.contacts


def parse_contact_sentences(text: str) -> list[ContactItem]:
    """The contacts that sentences of a running text ask to turn to: a person, the press office, or a bare address.

    >>> parse_contact_sentences("Bron är klar. För mer information, kontakta pressekreterare Eva Ek.")[0].name
    'Eva Ek'
    >>> parse_contact_sentences("Har du uppgifter, kontakta polisen. Den som vill ha information kan kontakta Rädda Barnen.")
    []
    """
    found: list[ContactItem] = []
    for sentence in SENTENCE_END.split(text):
        to = CONTACT_VERB.search(sentence)
        if to and ENQUIRY_WORD.search(sentence):
            rest = sentence[to.end() :]
            kinds = [kind for kind, told in parse_contact_line(rest) if kind != "role" or not PRESS_WORD.search(told)]
            if kinds[:1] != ["role"] or kinds[1:2] == ["name"]:
                told = parse_contacts([ContactLine(rest)], "", heading_is_certain=True)
                # capitalised words alone may be anything; a title, or being called a press contact, makes them a person
                called = "presskontakt" in sentence.lower()
                found += [one for one in told if one.phone or one.email or called or has_job_title(one.role)]
    return found


class ContactParser:
    """Takes one line after another and notes a contact whenever one is whole."""

    def __init__(self, heading: str, *, heading_is_certain: bool) -> None:
        self.heading, self.heading_is_certain = heading, heading_is_certain
        self.draft = ContactDraft()
        self.contacts: list[ContactItem] = []
        self.only_contact_lines = True  # whether every line so far was about a contact

    def feed_line(self, line: ContactLine) -> None:
        """One more line."""
        parts = parse_contact_line(line.text)
        kinds = {kind for kind, _ in parts}
        reached, named = bool(kinds & {"phone", "mail"}), "name" in kinds
        if CONTACT_HEADING.match(line.text) and not reached:
            self.finish_contact()
            self.heading = line.text
            return
        titled = any(kind == "role" and has_job_title(text) for kind, text in parts)
        self.only_contact_lines = self.only_contact_lines and (reached or named or titled)
        if line.is_link and not reached and not named:
            return
        opens = line.level < 9 or line.bold
        if self.draft.has_phone_or_email and ((reached and any(kind == "role" for kind, _ in parts)) or opens):
            self.finish_contact()
        if named and (self.draft.name or self.draft.has_phone_or_email):
            self.finish_contact()
        for kind, text in parts:
            getattr(self, kind)(text)

    def name(self, text: str) -> None:
        """A person's name."""
        if self.draft.name and self.draft.name != text:
            self.finish_contact()
        self.draft.name = text

    def part(self, text: str) -> None:
        """A given or a family name by itself."""
        self.draft.name = f"{self.draft.name} {text}" if self.draft.name else text

    def whose(self, text: str) -> None:
        """Whose address a link says it is: a name where there is none yet."""
        name, role = split_name_and_role(text)
        if name and name != self.draft.name:
            self.name(name)
        elif role and not self.draft.name and not self.draft.roles:
            self.draft.roles = [role]

    def role(self, text: str) -> None:
        """A title, an office, or what the contact is for."""
        if self.draft.has_phone_or_email and (self.draft.roles or not self.draft.name):
            self.finish_contact()
        if len(self.draft.roles) < MAX_ROLES:
            self.draft.roles.append(text)

    def phone(self, text: str) -> None:
        """A number."""
        if text not in self.draft.phones:
            self.draft.phones.append(text)

    def mail(self, text: str) -> None:
        """An address; a second one is another contact's."""
        if self.draft.email and self.draft.email.lower() != text.lower():
            self.finish_contact()
        self.draft.email = text

    def finish_contact(self) -> None:
        """Note the contact, if it is one."""
        draft, self.draft = self.draft, ContactDraft()
        if not draft.name:
            draft.roles = [role for role in draft.roles if may_be_office(role)]
        if not draft.has_phone_or_email and not (draft.name and self.heading_is_certain and self.only_contact_lines):
            return
        if not draft.name and not draft.roles and PRESS_WORD.search(self.heading):
            draft.roles = [self.heading.strip(EDGE_PUNCTUATION)]
        self.contacts.append(
            ContactItem(
                name=draft.name,
                role=", ".join(draft.roles) or None,
                phone=", ".join(draft.phones) or None,
                email=draft.email,
            )
        )
