"""Is this a release, listing, error page, login, consent wall ….

Telling a listing: a page that is a row of entries leading to other pages, with hardly a text of its own.

How error pages, walls, outages and redirect stubs say what they are, in the languages of the north and English.

Telling pages that are no release: error pages served as 200, redirect stubs, walls, outages.

A release may be about any of this ("404 nya jobb", "Nya regler för kakor"), so words alone decide only where they
are all that a title says; else the page must hold next to nothing beside them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lxml import etree

from scraper.normalise.text import clean_line, clean_text, either
from scraper.pages.content import CARD_HEADINGS, LONGEST_CARD, leads_away, links_away, text_length
from scraper.pages.document import INLINE, Document, Element, whole_text
from scraper.pages.title import names_of_site, without_site

FEWEST_ENTRIES = 5
SHARE_OF_ENTRIES = 0.75
MOST_TEXT = 400  # characters beside the entries: a heading and a few words on what is listed
DATED = re.compile(r"\b(?:19|20)\d\d\b")


def is_listing(main: Element) -> bool:
    """Whether one row of entries makes up next to all of the main element's text."""
    total = text_length(main)
    for row in rows_of(main):
        listed = sum(map(text_length, row))
        if listed > SHARE_OF_ENTRIES * total and total - listed < MOST_TEXT:
            return all(map(links_away, row)) and 2 * sum(map(is_entry, row)) > len(row)
    return False


def rows_of(main: Element) -> Iterator[list[Element]]:
    """Elements of the same tag and class under one parent, where there are several."""
    for parent in main.iter("ul", "ol", "div", "section", "main", "article", "tbody"):
        if len(parent) >= FEWEST_ENTRIES:
            rows: dict[tuple[object, str | None], list[Element]] = defaultdict(list)
            for child in parent:
                rows[child.tag, child.get("class")].append(child)
            yield from (row for row in rows.values() if len(row) >= FEWEST_ENTRIES)


def is_entry(element: Element) -> bool:
    """Whether an element announces another page in few words: a linked heading, or a link with a date."""
    if text_length(element) > LONGEST_CARD:
        return False
    dated = element.find(".//time") is not None or DATED.search(whole_text(element)) is not None
    return dated or any(map(leads_away, element.iter(*CARD_HEADINGS)))


def pattern(text: str) -> re.Pattern[str]:
    """Compiled, without regard to case."""
    return re.compile(text, re.IGNORECASE)


OPENING = either(r"""
    hoppsan | oj(?:då)? | tyvärr | vi beklagar | beklagar | ursäkta | oops | o+ps | sorry | we(?:'re| are) sorry
    whoops
    beklager | vi beklager | desværre | dessverre | pahoittelut | valitettavasti | hups | leider | error | fel
    feil | fejl
    """)
START = rf"^\W*(?:{OPENING}\b\W+)*" + (
    r"(?:(?:but|men|att|the|this|that|den(?: här)?|denna|denne|die|diese|der|requested|begärda|hakemaasi)\s+)*"
)
END = (
    r"(?:\s*[(\[-]?\s*(?:error|fel|http)?\s*(?:404|410)[)\]]?"
    r"|\s+(?:längre|anymore|here|här|lenger|længere|mehr|on (?:this|the|our) (?:web)?(?:server|site)"
    r"|på (?:servern|webbplatsen)))?\W*$"
)
# -- codes: "404 nya jobb" and "500 miljoner kronor" are news ------------------------------------------------

CERTAIN = r"(?:felsida|felkod|felmeddelande|http(?:/\d\.\d)?|status\s?(?:code|kod)?|error code)"
ORDINARY = r"(?:error|fel|feil|fejl|fehler|virhe)"
FAMILY = either(r"""
    error | fel | feil | fejl | fehler | virhe | not found | page | the page | page not found | file not found | gone
    sida(?:n)?(?: saknas)? | siden? | seite | sivu | (?:kunde|kan) inte (?:hittas|visas) | finns inte | hittades inte
    hittas inte | was not found | (?:could|can) ?not be found | ikke funnet | ikke fundet | blev ikke fundet
    finnes ikke | findes ikke | nicht gefunden | ei löy\w+ | internal | server | internal server error | bad request
    bad gateway | gateway time-?out | time-?out | service(?: temporarily)? unavailable | temporarily unavailable
    forbidden | access denied | unauthori[sz]ed | authori[sz]ation required | method not allowed | too many requests
    åtkomst nekad | oops | sorry | tyvärr | hoppsan
    """)


def coded(codes: str) -> re.Pattern[str]:
    """A title of one of these codes: alone, among words that go with it, or after a word for an error."""
    after = rf"(?=\W*$|\s*[|–—:·-]|\W+{FAMILY}\b)"
    return pattern(
        rf"^\W*(?:{ORDINARY}\W*)?(?:{CERTAIN}\W*)+{codes}\b|^\W*(?:{ORDINARY}\W*)+{codes}\b{after}"
        rf"|^\W*{codes}(?:\W+{FAMILY}\b)*\W*$"
    )


LOST_CODE, FAULT_CODE = coded("(?:404|410)"), coded("(?:40[0-9]|429|50[0-4])")
FAULT_PAGE = pattern(r"^\W*(?:felsida|error page|fejlside|feilside|fehlerseite|virhesivu)\W*$")
# -- it does not exist (any more) ----------------------------------------------------------------------------

THING = either(r"""
    sidan? | artikeln | nyheten | texten | dokumentet | innehållet | pressmeddelandet | siden | artikkelen | artiklen
    nyheden | page | article | document | content | file | site | url | seite | artikel | inhalt | sivua?
    artikkelia?
    """)
LOST = either(r"""
    finns (?:tyvärr )?(?:inte|ej) | existerar inte | är borttage[nt] | tagits bort | togs bort | avpublicera\w+
    har utgått
    saknas(?=\W*$|\s*[.!|]) | (?:kan|kunde) (?:tyvärr )?(?:inte|ej) hittas | (?:hittades|hittas) (?:inte|ej)
    inte längre tillgänglig\w* | finnes ikke | findes ikke | fins ikke | eksisterer ikke
    (?:ble|blev|er) ikke (?:funnet|fundet) | (?:kunne|kan) ikke (?:findes|finnes|bli funnet) | ikke (?:funnet|fundet)
    er fjernet | er slettet | er blevet (?:slettet|fjernet) | (?:ikke|ikkje) lenger(?: er)? tilgjengelig
    (?:ikke længere|ikke lenger) (?:tilgængelig|tilgjengelig) | har been removed | has been (?:removed|deleted)
    (?:was |could |can )?not (?:be )?found | cannot be found | can['’]t be found | couldn['’]t be found
    (?:is )?no longer (?:available|exists?) | (?:does not|doesn['’]t|do not) exist | existiert nicht(?: mehr)?
    nicht mehr (?:verfügbar|vorhanden) | (?:wurde |konnte |kann )?nicht gefunden(?: werden)? | wurde gelöscht
    ei (?:ole )?löy\w+ | ei ole (?:enää )?olemassa | on poistettu | ei ole enää (?:saatavilla|käytettävissä)
    """)
SEEK = either(r"""
    (?:vi )?(?:kan|kunde) (?:tyvärr )?inte hitta | (?:vi )?(?:hittar|hittade) (?:tyvärr )?inte
    (?:we )?(?:can['’]?t|can ?not|could ?n[o'’]t|couldn['’]?t|could not|were unable to|are unable to) (?:seem to )?find
    (?:vi )?(?:kunne|kan) (?:dessverre |desværre )?ikke (?:finde|finne) | (?:vi )?(?:fant|fandt|finner|finder) ikke
    wir (?:konnten|können) | emme löy\w+
    """)
NONE = either(r"""
    ingen sida (?:kunde )?hitta(?:de)?s | (?:no|nothing) (?:page )?(?:was )?found
    ingen side (?:ble |blev )?(?:funnet|fundet)
    page not found | not found | keine seite gefunden
    """)
AWAY = rf"\b{THING}\b[^.!?:–|]{{0,45}}?\b{LOST}"
SOUGHT = rf"\b{SEEK}\b[^.!?:–|]{{0,30}}?\b{THING}\b"
LOST_TITLE = pattern(rf"{START}(?:{AWAY}|{SOUGHT}[^.!?:–|]{{0,45}}|{NONE}){END}")
LOST_TEXT = pattern(rf"{AWAY}(?!\w)|{SOUGHT}|^\W*{NONE}\W*$")
# Said of what is away for good and of what a fault keeps from us: believed only where nothing speaks of a fault.
VAGUE = pattern(
    rf"\b{THING}\b[^.!?]{{0,40}}\b"
    + either(r"""
        kan inte visas | (?:är )?inte tillgänglig[t]?(?!\w|\s+(?:för|i|på|via)\b) | ikke tilg(?:jen|æn)gelig
        (?:is )?not available(?!\s+(?:in|for|to)\b) | cannot be displayed | nicht verfügbar | ei ole saatavilla
        """)
)
PASSING = pattern(
    either(r"""
        tillfällig\w* | just nu | för närvarande | för tillfället | underhåll\w* | temporar\w+ | currently | right now
        at the moment | maintenance | midlertidig\w* | for øyeblikket | for tiden | i øjeblikket | vedlike?hold\w*
        vorübergehend | derzeit | zurzeit | wartung\w* | tilapäises\w* | huolto\w*
        """)
)
# -- something stands between us and the page ----------------------------------------------------------------

WALL_TITLE = pattern(
    r"^\W*"
    + either(r"""
        access(?: to this page has been)? denied | forbidden | bad gateway | service(?: temporarily)? unavailable
        gateway time-?out | too many requests | just a moment | attention required\W*(?:cloudflare)?
        request rejected
        are you a (?:human|robot)\b.* | (?:please )?verify (?:that )?you are (?:a )?human\b.* | (?:re)?captcha
        robot check
        internal server error | (?:un|not )authori[sz]ed | åtkomst nekad | pardon our interruption | security check
        you have been blocked | request unsuccessful | ddos protection\b.* | checking your browser\b.*
        (?:vänta|var god vänta|ett ögonblick)\b.{0,20}(?:kontrollerar|verifierar)\b.*
        """)
    + r"\W*$"
)
WALL_TEXT = pattern(
    either(r"""
        request rejected | requested url was rejected | support id\b | (?:do not|don['’]t) have permission to access
        verify (?:that )?you are (?:a )?human | checking your browser | unusual traffic | complete the captcha
        (?:kontrollerar|verifierar) (?:din webbläsare|att du är (?:en )?människa) | ovanlig trafik från
        bekräfta att du (?:är (?:en )?människa|inte är en robot) | javascript and cookies to continue
        kontrollerer (?:nettleseren|din browser) | tarkistamme selaintasi | browser wird überprüft
        incapsula incident
        """)
)
SITE = pattern(
    r"\b"
    + either(r"""
        sidan | webbplats(?:en)? | webbsida[nr]? | webben | sajten | hemsidan | siten | e-tjänst(?:en|erna)?
        tjänsten | systemet
        (?:web)?site | page | service | server | we(?:'re| are) | nettside[nr]? | nettstedet | siden | hjemmesiden
        websted(?:et)?
        sivusto\w* | palvelu\w* | website | seite | webseite | vi
        """)
    + r"\b"
)
DOWN = pattern(
    r"\b"
    + either(r"""
        stängd | nere | otillgänglig | inte tillgänglig | ur funktion | ligger nere | uppdateras | underhålls | utför
        closed | down | unavailable | not available | offline | undergoing | under | performing | nede | lukket
        stengt
        utilgjengelig | utilgængelig | ikke tilg\w+ | poissa käytöstä | suljettu | ei ole käytettävissä
        nicht erreichbar
        nicht verfügbar | geschlossen
        """)
    + r"\b"
)
OUTAGE_TITLE = pattern(
    START
    + either(r"""
        (?:planerat |pågående |tillfälligt )?underhåll(?:sarbete)?(?: pågår)?
        (?:down for |under |scheduled |site )*maintenance(?: mode)?
        driftstörning | driftstopp | tekniska problem | tekniskt fel | planlagt vedlikehold | planlagt vedligehold
        huoltokatko | wartungsarbeiten | wartungsmodus | temporarily (?:unavailable|closed|down)
        tillfälligt (?:stängd|fel|avbrott)
        """)
    + r"\W*$"
)
FAULT_LINE = pattern(
    START
    + either(r"""
        (?:det har )?(?:ett )?(?:tekniskt |oväntat |internt |okänt )*fel (?:har )?(?:inträffat|uppstått)
        (?:ett )?(?:tekniskt |oväntat |internt |okänt )*fel (?:uppstod|inträffade)
        det (?:har )?(?:inträffat|uppstått|uppstod|inträffade) ett (?:tekniskt |oväntat |internt )*fel | tekniskt fel
        något (?:har )?(?:gick|gått)(?: tyvärr)? (?:fel|snett) | (?:nu )?blev det (?:något )?fel | serverfel
        something(?: has)? (?:went|gone) wrong
        an? (?:unexpected |internal |unknown |technical |application )*error (?:has )?occurred
        det (?:oppstod|har oppstått) en (?:teknisk |uventet )?feil
        (?:der|det) (?:opstod|er opstået|er sket|skete) en (?:teknisk |uventet )?fejl
        no[eg]e?t? gikk? galt | jo(?:tain|kin) meni (?:pieleen|vikaan) | (?:tapahtui|on tapahtunut) virhe
        virhe tapahtui
        (?:es ist )?ein (?:technischer |unerwarteter )?fehler (?:ist )?aufgetreten | etwas ist schief ?gelaufen
        """)
    + r"(?:\s+(?:på|när|vid|i|on|while|with|during|processing|ved|da|palvelussa|beim)\b.{0,60})?\W*$"
)
COOKIES = r"(?:kakor|cookies?|informasjonskapsler|evästei\w+)"
WE_USE = either(r"""
    vi använder | vi bruger | vi bruker | we use | käytämme | wir verwenden | denna webbplats använder
    this (?:web)?site uses
    """)
CONSENT_TITLE = pattern(
    r"^\W*"
    + either(rf"""
        innan du fortsätter(?: till \S+)? | before you continue(?: to \S+)?
        (?:hantera|godkänn|acceptera|om) {COOKIES}(?: och {COOKIES})?
        cookies? (?:settings|consent|preferences|notice) | (?:inställningar för {COOKIES})
        {COOKIES} på (?:\S+|vår webbplats)
        {WE_USE} {COOKIES}
        {WE_USE} {COOKIES} (?:(?:på|on) (?:\S+\.\w+|vår\w*|our|this|den här|denna)\b|för att\b|to\b)[^–—:]{{0,50}}
        we (?:value|respect|care about) your privacy | vi (?:värnar|bryr oss) om din integritet | din integritet
        """)
    + r"(?:\s*\(?(?:cookies|kakor)\)?)?\W*$"
)
CONSENT_TEXT = pattern(rf"^\W*{WE_USE}\s(?:\w+\s){{0,2}}{COOKIES}")
LOGIN_TITLE = pattern(
    r"^\W*"
    + either(r"""
        logga in | inloggning | (?:please )?sign[ -]?in | (?:please )?log[ -]?in | logg inn | innlogging | log ind
        kirjaudu
        kirjaudu sisään | sisäänkirjautuminen | anmelden | anmeldung
        """)
    + r"(?:\s+(?:på|till|to|til|i|with|med|your account)\b.{0,40})?\W*$"
)
# -- it stands elsewhere -------------------------------------------------------------------------------------

STUB_TITLE = pattern(
    r"^\W*(?:(?:document|object|page) (?:has )?moved|(?:30[1278]\W+)?moved permanently|302\W+found)\W*$"
)
MOVED_TITLE = pattern(
    r"^\W*(?:sidan (?:har |är )?(?:flyttats?|flyttad)|(?:the |this )?page has (?:been )?moved"
    r"|siden (?:er|har) flytt\w+)\W*$"
)
REFRESH = re.compile(r"^\s*\d+(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"']+)", re.IGNORECASE)


LONGEST_LOST = 400  # characters of a page that says so: a release on what was removed says more
LONGEST_STUB = 1500  # characters of a whole page, menus and all, that only leads on
LEAST_TEXT = 30  # an extract shorter than this tells nothing: the whole page is looked at instead
CONSENT, LOGIN, WALL = "is a consent wall", "asks to sign in", "is an error page or a wall"  # read by scraper.faults
OUTAGE, FAULT = "is out of order", "tells of a fault"
UNSEEN = {"script", "style", "template", "title"}
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class Refusal(NamedTuple):
    """What a page is instead of a release (a kind of NotARelease), the words that tell, where it leads."""

    kind: str
    problem: str
    target: str | None = None


ALONE = (  # a title or first heading that says nothing else
    (LOST_CODE, "error page", "is an error page"),
    (LOST_TITLE, "error page", "is an error page"),
    (FAULT_PAGE, "error page", "is an error page"),
    (FAULT_CODE, "blocked", WALL),
    (WALL_TITLE, "blocked", WALL),
    (STUB_TITLE, "redirected", "only leads to another page"),
)
SHORT = (  # a title that does, over a page of a few words
    (CONSENT_TITLE, "blocked", CONSENT),
    (OUTAGE_TITLE, "blocked", OUTAGE),
    (FAULT_LINE, "blocked", FAULT),
    (MOVED_TITLE, "redirected", "only leads to another page"),
)


@dataclass(frozen=True, slots=True)
class Glance:
    """What must be seen of a page before anything is taken out of it."""

    titles: tuple[str, ...]  # the document's, without the site's name, and the first heading
    text: str | None  # all of its text, where that was looked at and is short
    asks_password: bool
    refresh: str | None  # the address it sends the reader on to
    link: str | None  # the first address it links to


def look_at(document: Document, *, whole: bool = False) -> Glance:
    """A glance at a page, at its text only where that is asked for or the page leads on."""
    body, heading, refresh = document.root.find("body"), next(document.root.iter("h1"), None), find_refresh(document)
    longest = LONGEST_STUB if whole or refresh else 0
    title = without_site(document.title, names_of_site(document)) if document.title else ""
    first = clean_line(whole_text(heading)) if heading is not None else ""
    return Glance(
        titles=tuple(dict.fromkeys(filter(None, (title.split(" | ")[0], first)))),
        text=short_text(body if body is not None else document.root, longest) if longest else None,
        asks_password=any(map(LOGIN_TITLE.search, (title, first))) and asks_password(document),
        refresh=refresh,
        link=next(filter(None, (document.absolute(link.get("href") or "") for link in document.root.iter("a"))), None),
    )


def find_refusal(seen: Glance) -> Refusal | None:
    """What a page is that says itself it is no release; None where it does not."""
    for title in seen.titles:
        if found := refuse_title(title):
            return leading_on(seen, found.problem) if found.kind == "redirected" else found
    if seen.refresh and seen.text is not None:
        return leading_on(seen, "only leads to another page")
    return None


def leading_on(seen: Glance, problem: str) -> Refusal:
    """A page that leads to another one, and to which."""
    target = seen.refresh or seen.link
    return Refusal("redirected", f"{problem}: {target}" if target else problem, target)


def refuse_title(title: str) -> Refusal | None:
    """What a page of any length is by a title that says nothing else.

    >>> refuse_title("404 – sidan kunde inte hittas"), refuse_title("404 nya jobb")
    (Refusal(kind='error page', problem="is an error page: '404 – sidan kunde inte hittas'", target=None), None)
    """
    for pattern, kind, problem in ALONE:
        if pattern.search(title):
            return Refusal(kind, f"{problem}: {title!r}")
    return None


def find_short_refusal(seen: Glance, title: str | None, text: str, *, dated: bool) -> Refusal | None:
    """What a page of a few words or none is instead of a release; None where it may be one.

    title, text: as read. dated: whether it tells when it was published, as walls and outages do not.
    """
    empty = len(text) < LEAST_TEXT
    words, most = (seen.text, LONGEST_STUB) if empty and seen.text is not None else (text, LONGEST_LOST)
    titles = tuple(dict.fromkeys(filter(None, (title, *seen.titles))))
    if len(title or "") + len(words) < most:
        sentences = [line for part in SENTENCE.split(words) if (line := clean_line(part))]
        for found in (
            refuse_lost(LOST_TEXT, [*titles, *sentences]),
            None if dated else refuse_few_words(seen, titles, sentences),
            refuse_lost(VAGUE, [*titles, *sentences]),
        ):
            if found:
                return found
    return Refusal("other", "holds no text of its own") if empty else None


def refuse_few_words(seen: Glance, titles: tuple[str, ...], sentences: list[str]) -> Refusal | None:
    """What keeps a reader from a page, or leads away from it, by the few words it says."""
    for title in titles:
        for pattern, kind, problem in SHORT:
            if pattern.search(title):
                told = f"{problem}: {title!r}"
                return leading_on(seen, told) if kind == "redirected" else Refusal(kind, told)
        if seen.asks_password and LOGIN_TITLE.search(title):
            return Refusal("blocked", f"{LOGIN}: {title!r}")
    if sentences and CONSENT_TEXT.search(sentences[0]):
        return Refusal("blocked", f"{CONSENT}: {sentences[0]!r}")
    for line in (*titles, *sentences):
        if WALL_TEXT.search(line):
            return Refusal("blocked", f"{WALL}: {line!r}")
        if FAULT_LINE.search(line):
            return Refusal("blocked", f"{FAULT}: {line!r}")
        if all(pattern.search(line) for pattern in (SITE, DOWN, PASSING)):
            return Refusal("blocked", f"{OUTAGE}: {line!r}")
    return None


def refuse_lost(pattern: re.Pattern[str], lines: list[str]) -> Refusal | None:
    """A page that says that what was asked for is not there: for good, unless it says for how long."""
    for line in lines:
        if pattern.search(line):
            if PASSING.search(line):
                return Refusal("blocked", f"{OUTAGE}: {line!r}")
            return Refusal("error page", f"says that it is not there any more: {line!r}")
    return None


def asks_password(document: Document) -> bool:
    """Whether a page has a field for a password; most hold not even the word, which is seen at once."""
    fields = document.root.iter("input") if "assword" in document.text else ()
    return any((field.get("type") or "").lower() == "password" for field in fields)


def find_refresh(document: Document) -> str | None:
    """The other address that a page sends its reader on to (meta refresh), save where only scripts are off."""
    if "refresh" not in document.meta:
        return None
    for element in document.root.iter("meta"):
        parent = element.getparent()
        named = (element.get("http-equiv") or "").strip().lower() == "refresh"
        if named and (parent is None or parent.tag != "noscript"):
            match = REFRESH.match(element.get("content") or "")
            target = document.absolute(match[1]) if match else None
            return target if target != document.url else None
    return None


def short_text(root: Element, most: int) -> str | None:
    """All text of a page that a reader sees, a block a line; None where it is longer, which is not read on for."""
    parts: list[str] = []
    length = 0
    for event, element in etree.iterwalk(root, ("start", "end")):
        text = element.tail if event == "end" else element.text if element.tag not in UNSEEN else None
        if element.tag not in INLINE:
            parts.append("\n")
        if text and not text.isspace():
            length += len(clean_line(text))
            if length > most:
                return None
        parts.append(" ".join(text.splitlines()) if text else "")
    return clean_text("".join(parts))
