"""The words contacts are told by: headings, sentences that lead to them, titles, offices, labels and notes."""

from __future__ import annotations

import re

from scraper.normalise.words import either

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
