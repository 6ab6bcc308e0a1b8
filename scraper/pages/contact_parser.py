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
from scraper.normalise.contacts import split_reach
from scraper.normalise.text import either, repeated

# Offices whose name is a heading too.
OFFICE = r"(?:pressjour\w*|presstjänst\w*|press ?office|pressestelle)"
# Headings under which whom to ask is named. Those of the first group say so by themselves.
CERTAIN = either(rf"""
    {OFFICE}
    presse?-?\s?kontakt\w* | medi[ae]-?kontakt\w* | (?:press|media) contacts? | contacts? for (?:the )?(?:media|press)
    (?:for|f[öø]r) (?:media|press|journalister) | kontaktperson(?:er)?
    kontakt (?:f[öø]r|till) (?:media|press|massmedi)\w* | kontaktuppgifter | kontakter | contacts | contact persons?
    ansprechpartner\w* | pressefragen
    fr[åa]gor besvaras av | (?:ytterligare |vidare |mer )?upplysningar(?: l[äa]mnas av)? | fragen beantwortet
    f[öo]r (?:mer|ytterligare|vidare) (?:information|upplysningar)\W+(?:v[äa]nligen )?kontakta
    for (?:more|further|mer|ytterligere) (?:information|informasjon)\W+(?:please )?(?:contact|kontakt)
    yhteyshenkil[öo]\w* | lis[äa]tietoja(?: antaa| antavat)? | yhteystiedot
    """)
DOUBTFUL = either(r"""
    kontakt | contact | contact us | kontakta oss | kontaktinformation | contact (?:info|details|information)
    (?:f[öo]r )?(?:mer|ytterligare|mera|vidare) information | (?:for )?(?:more|further) information
    har du (?:n[åa]gra )?fr[åa]gor | har du en fr[åa]ga | (?:vid )?fr[åa]gor | questions | fragen | rückfragen
    vill du veta mer
    """)
OF = r"(?:\s(?:för|hos|på|vid|till|om|i|for|at|to|about|für|bei|zu|zum|zur)\s[^:.!?]{1,60})?"
HEADING = re.compile(rf"^\W*(?:(?P<certain>{CERTAIN})|(?P<doubtful>{DOUBTFUL})){OF}\W*$", re.IGNORECASE)
# The same words before a colon, with the contact after it; and sentences that ask the reader to turn to somebody.
LEADING = re.compile(rf"^\W*(?P<certain>{CERTAIN}|kontakt){OF}\s?:\s*(?=\S)", re.IGNORECASE)
# A part of each word above: what has none is no heading.
STEM = re.compile(
    r"(?i:kontakt|contact|press)|medi|r[åa]gor|nformation|pplysn|nsprech|ragen|stions|hteys|isätieto|veta mer"
)
# What a sentence is about that asks to contact somebody, and where it says whom.
ASKING = re.compile(
    r"\b"
    + either(r"""
        information\w* | frågor | \w*förfrågning\w* | upplysning\w* | intervju\w* | interviews? | questions
        medi[ae]\w* | press\w* | intresse\w* | ackreditering\w*
        """)
    + r"\b",
    re.IGNORECASE,
)
TO = re.compile(r"\b(?:kontakta|contact)\b\s?:?\s*(?=\S)", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[a-zåäö0-9)][.!?])\s+(?=[A-ZÅÄÖ])")
VERB = re.compile(r"\b(?:har|är|finns|kan|nås|ska|ger|får|gör|vill|blir|can|is|are|has|have|will)\b", re.IGNORECASE)
PRESS = re.compile(r"press|medi(?:a|e)", re.IGNORECASE)
# Titles stand beside a name, or before it without a comma: "pressekreterare Eva Ek".
ROLE_WORD = re.compile(
    either(r"""
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
    either(r"""
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
CAPITAL = r"(?:[A-ZÅÄÖÆØÉÜ]\.|[^\W\d_a-zåäöæøéü][\w'’-]*)"
SMALL = r"(?:von|van|af|de|der|den|da|di|du|el|al|bin|la|le|zu)"
NAME = re.compile(rf"{CAPITAL}(?:\s(?:{SMALL}\s){{0,2}}{CAPITAL}){{1,4}}")
# Names of elements: a box of contacts, the foot of a site.
BOX = re.compile(
    r"(?:^|[\s_-])(?:press|media)?-?(?:contacts?|kontakte?r?|kontaktperson\w*|vcard|h-card)"
    r"(?:[-_]?(?:card|box|block|person|info|list|item|portlet|details?|section|wrapper|container))?(?=$|[\s_-])",
    re.IGNORECASE,
)
FOOT = re.compile(
    r"(?:^|[\s_-])(?:site|page|main|global|c|l)?[-_]?(?:footer|sidfot|fotter|bunntekst|colophon)(?=$|[\s_-])",
    re.IGNORECASE,
)
# What a mail link is called: nobody's name, but it may tell whose address it is.
MAIL_NOTE = re.compile(
    r"^(?:skicka |send |schreiben sie )?(?:an? |eine? |ett )?(?:e-?post|e-?mail|mejla?|maila?|mail)(?:adress\w*)?"
    r"(?:(?: till| to| an| til)? (?P<whose>.+))?$",
    re.IGNORECASE,
)
# Words for what the value after them is; `part` of a name.
LABEL = re.compile(
    either(r"""
        (?P<part>vorname|nachname|förnamn|efternamn|first name|last name) | namn | name | titel | title | befattning
        position | roll | funktion | function | e-?post(?:adress)? | e-?mail(?:-?adresse?)? | mejl | mail
        organisation | enhet | avdelning | tele(?:f|ph)on(?:nummer| number)? | mobil(?:telefon|nummer|e)? | phone
        kontaktdata | contact data | kontakta | kontakt | contact | (?:tele)?fax | (?:besöks|post)?adress(?:e|s)?
        """)
    + r"\s?:?",
    re.IGNORECASE,
)
# Lines and words of a box that tell nothing of the contact.
NOTE = re.compile(
    r"^\W*"
    + either(r"""
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


SEPARATOR = re.compile(r"[,;|•·()\t]|(?<=[\w.]):(?!\S)|(?<!\S)[–—-](?!\S)|/(?=\s)")
FRINGE = " .,;:–—-*\"'”“→›»"  # around a chunk, never part of it
# What leads to a name in a sentence, and what ends the words before a number.
BEFORE = re.compile(
    r"^(?:.*\b(?:kontakta|contact|kontakt|av|svarar)\s+|(?:vänligen|please|även|också|eller|och|samt|via|på|or|and)\s+)",
    re.IGNORECASE,
)
CALL = re.compile(r"^(?:vänligen |please |eller |och |or |and )?(?:kontakta|contact|ring|mejla) ", re.IGNORECASE)
AFTER = re.compile(r" (?:på|via|per|eller|och|at|on|by|or|and|tel|nås på)$", re.IGNORECASE)
ON_BEHALF = re.compile(r"\b(?:åt|hos|till|för|vid|på|to|at|of|for|i|om)\b")
IS_OFFICE = re.compile(OFFICE, re.IGNORECASE)
CODE = re.compile(r"[A-ZÅÄÖ]{1,5}|vxl?|[\W\d_]*")
LONGEST_ROLE = 100
MOST_WORDS = 9  # of a chunk: more are a sentence
LONGEST_OFFICE = 8  # words


@repeated()
def read_parts(line: str) -> tuple[tuple[str, str], ...]:
    """A line as (kind, text): name, role, whose, phone, mail. Cached, as `split_reach` is.

    >>> read_parts("Eva Ek, utredare, tel. 010-123 45 67")
    (('name', 'Eva Ek'), ('role', 'utredare'), ('phone', '010-123 45 67'))
    >>> read_parts("Skogsbruk: pressekreterare Eva Ek 010-123 45 67 (BXL)")
    (('role', 'Skogsbruk'), ('role', 'pressekreterare'), ('name', 'Eva Ek'), ('phone', '010-123 45 67'))
    """
    found: list[tuple[str, str]] = []
    for kind, text in split_reach(line):
        if kind != "text":
            found.append((kind, text))
            continue
        part = False
        for piece in SEPARATOR.split(text):
            chunk = piece.strip(FRINGE)
            if label := LABEL.fullmatch(chunk):
                part = label["part"] is not None
            elif chunk:
                found += [("part", chunk)] if part else read_chunk(chunk)
    return tuple(found)


def read_chunk(chunk: str) -> Iterator[tuple[str, str]]:
    """Words between two marks as (kind, text)."""
    if note := MAIL_NOTE.match(chunk):
        if note["whose"]:
            yield "whose", note["whose"]
    elif IS_OFFICE.fullmatch(chunk) or not any(pattern.fullmatch(chunk) for pattern in (NOTE, HEADING, CODE)):
        name, role = split_name(chunk)
        told = [("name", name), ("role", role)]
        if name and role and not chunk.startswith(name):
            told.reverse()
        yield from ((kind, words) for kind, words in told if words)


def split_name(chunk: str) -> tuple[str | None, str | None]:
    """A chunk's name and title; either may be None, both where it is a sentence.

    >>> split_name("Eva Ek"), split_name("pressekreterare Eva Ek"), split_name("Eva von Ek utredare")
    (('Eva Ek', None), ('Eva Ek', 'pressekreterare'), ('Eva von Ek', 'utredare'))
    >>> split_name("Pressekreterare åt skolminister Eva Ek"), split_name("Presstjänsten")
    ((None, 'Pressekreterare åt skolminister Eva Ek'), (None, 'Presstjänsten'))
    """
    if is_name(chunk):
        return chunk, None
    words = BEFORE.sub("", chunk).split()
    for start in range(1, min(len(words) - 1, MOST_WORDS)):  # a title first: "civilministerns pressekreterare Eva Ek"
        before, name = words[:start], longest_name(words[start:])
        if name and ROLE_WORD.match(before[-1]) and not ON_BEHALF.search(" ".join(before)):
            return " ".join(name), " ".join(before)
    first = longest_name(words)
    if first:
        after = words[len(first) :]
        role = to_role(" ".join(after)) if after and ROLE_WORD.match(after[0]) else None
        if role or not after or len(words) < len(chunk.split()) or after[0][0].islower():
            return " ".join(first), role
    return None, to_role(AFTER.sub("", CALL.sub("", chunk)))


def longest_name(words: list[str]) -> list[str] | None:
    """The longest row of opening words that is a name."""
    longest = min(len(words), MOST_WORDS)
    return next((words[:end] for end in range(longest, 1, -1) if is_name(" ".join(words[:end]))), None)


def is_name(text: str) -> bool:
    """Whether a text is two to five capitalised words, none of which names an office or a title.

    >>> is_name("Pia-Maria Lindroos"), is_name("Press Officer"), is_name("Region Gotland"), is_name("Eva")
    (True, False, False, False)
    """
    return NAME.fullmatch(text) is not None and not any(
        OFFICE_WORD.match(w) or ROLE_WORD.match(w) for w in text.split()
    )


def is_office(text: str) -> bool:
    """Whether words without a name beside them can be an office rather than a part of a sentence."""
    return text[0].isupper() and len(text.split()) <= LONGEST_OFFICE


def to_role(text: str) -> str | None:
    """A title or office, None where the text is too long for one or a sentence."""
    fits = 2 < len(text) <= LONGEST_ROLE and len(text.split()) <= MOST_WORDS
    return text if fits and not VERB.search(text) else None


def has_title(role: str | None) -> bool:
    """Whether a role holds a word that is somebody's title."""
    return any(map(ROLE_WORD.match, (role or "").split()))


MOST_ROLES = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read: heading's rank (9 for what is none), whether it is bold, whether it is but a link elsewhere."""

    text: str
    rank: int = 9
    bold: bool = False
    linked: bool = False


@dataclass(slots=True)
class Draft:
    """A contact as it is put together."""

    name: str | None = None
    roles: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    email: str | None = None

    @property
    def reached(self) -> bool:
        """Whether it can be called or written to."""
        return bool(self.phones or self.email)


def read_contacts(lines: Iterable[Line], heading: str, *, certain: bool) -> list[ContactItem]:
    """The contacts that lines under a heading tell. certain: the heading alone makes a name a contact."""
    reader = Reader(heading, certain=certain)
    for line in lines:
        reader.tell(line)
    reader.finish()
    return reader.found


def read_sentences(text: str) -> list[ContactItem]:
    """The contacts that sentences of a running text ask to turn to: a person, the press office, or a bare address.

    >>> read_sentences("Bron är klar. För mer information, kontakta pressekreterare Eva Ek.")[0].name
    'Eva Ek'
    >>> read_sentences("Har du uppgifter, kontakta polisen. Den som vill ha information kan kontakta Rädda Barnen.")
    []
    """
    found: list[ContactItem] = []
    for sentence in SENTENCE_END.split(text):
        to = TO.search(sentence)
        if to and ASKING.search(sentence):
            rest = sentence[to.end() :]
            kinds = [kind for kind, told in read_parts(rest) if kind != "role" or not PRESS.search(told)]
            if kinds[:1] != ["role"] or kinds[1:2] == ["name"]:
                told = read_contacts([Line(rest)], "", certain=True)
                # capitalised words alone may be anything; a title, or being called a press contact, makes them a person
                called = "presskontakt" in sentence.lower()
                found += [one for one in told if one.phone or one.email or called or has_title(one.role)]
    return found


class Reader:
    """Takes one line after another and notes a contact whenever one is whole."""

    def __init__(self, heading: str, *, certain: bool) -> None:
        self.heading, self.certain = heading, certain
        self.draft = Draft()
        self.found: list[ContactItem] = []
        self.pure = True  # whether every line so far was about a contact

    def tell(self, line: Line) -> None:
        """One more line."""
        parts = read_parts(line.text)
        kinds = {kind for kind, _ in parts}
        reached, named = bool(kinds & {"phone", "mail"}), "name" in kinds
        if HEADING.match(line.text) and not reached:
            self.finish()
            self.heading = line.text
            return
        titled = any(kind == "role" and has_title(text) for kind, text in parts)
        self.pure = self.pure and (reached or named or titled)
        if line.linked and not reached and not named:
            return
        opens = line.rank < 9 or line.bold
        if self.draft.reached and ((reached and any(kind == "role" for kind, _ in parts)) or opens):
            self.finish()
        if named and (self.draft.name or self.draft.reached):
            self.finish()
        for kind, text in parts:
            getattr(self, kind)(text)

    def name(self, text: str) -> None:
        """A person's name."""
        if self.draft.name and self.draft.name != text:
            self.finish()
        self.draft.name = text

    def part(self, text: str) -> None:
        """A given or a family name by itself."""
        self.draft.name = f"{self.draft.name} {text}" if self.draft.name else text

    def whose(self, text: str) -> None:
        """Whose address a link says it is: a name where there is none yet."""
        name, role = split_name(text)
        if name and name != self.draft.name:
            self.name(name)
        elif role and not self.draft.name and not self.draft.roles:
            self.draft.roles = [role]

    def role(self, text: str) -> None:
        """A title, an office, or what the contact is for."""
        if self.draft.reached and (self.draft.roles or not self.draft.name):
            self.finish()
        if len(self.draft.roles) < MOST_ROLES:
            self.draft.roles.append(text)

    def phone(self, text: str) -> None:
        """A number."""
        if text not in self.draft.phones:
            self.draft.phones.append(text)

    def mail(self, text: str) -> None:
        """An address; a second one is another contact's."""
        if self.draft.email and self.draft.email.lower() != text.lower():
            self.finish()
        self.draft.email = text

    def finish(self) -> None:
        """Note the contact, if it is one."""
        draft, self.draft = self.draft, Draft()
        if not draft.name:
            draft.roles = [role for role in draft.roles if is_office(role)]
        if not draft.reached and not (draft.name and self.certain and self.pure):
            return
        if not draft.name and not draft.roles and PRESS.search(self.heading):
            draft.roles = [self.heading.strip(FRINGE)]
        self.found.append(
            ContactItem(
                name=draft.name,
                role=", ".join(draft.roles) or None,
                phone=", ".join(draft.phones) or None,
                email=draft.email,
            )
        )
