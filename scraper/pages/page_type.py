"""Recognises pages that are not releases.

These are error pages with status 200, pages that only redirect, walls (login, consent, challenges),
outages and listings.

A release may mention any of these ("404 nya jobb", "Nya regler för kakor"). Therefore, a page is
rejected only if its title consists only of such a phrase, or if the page has almost no other text.
The patterns cover the Nordic languages, German and English.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from scraper.errors import NotARelease, PageError
from scraper.normalise.page_urls import resolve_canonical_url
from scraper.normalise.text_cleaning import build_alternation, clean_line, compile_phrases
from scraper.pages.boilerplate import (
    CARD_HEADINGS,
    MAX_CARD_LENGTH,
    has_outgoing_link,
    is_linked_heading,
)
from scraper.pages.document import (
    Document,
    Element,
    count_text_letters,
    get_text_content,
    read_short_text,
)
from scraper.pages.title import find_site_names, strip_site_name

if TYPE_CHECKING:
    from scraper.agency import Agency

# URLs of listings: the folder of news itself, its default page, or its part for a year, month or
# page number.
LISTING_FOLDER = build_alternation(r"""
    nyheter | nyhetsarkiv | nyhetslista | nyhetsrum | aktuellt
    press | pressmeddelanden | pressrum | presscenter
    news | newsroom | press-?releases | aktuelt | nyheder
    pressemeldinger | pressemeddelelser | aktuelles
    pressemitteilungen | ajankohtaista | uutiset | tiedotteet
    """)
LISTING_NAME = re.compile(
    rf"(?:{LISTING_FOLDER})(?:-(?:(?:och|og|ja|and|und)-)?(?:{LISTING_FOLDER}))*(?:-arkiv)?",
    re.IGNORECASE,
)
HOME_PATH = re.compile(r"(?:/(?:sv|en|fi|no|nb|nn|da|de|se))?")  # of the site or a language
DEFAULT_PAGE = re.compile(
    r"(?:/(?:pages|sidor))?/(?:default|index|start|startsida|startpage)$", re.IGNORECASE
)
LISTING_PART = re.compile(
    r"/(?:19|20)\d\d(?:/\d\d?)?$|/(?:page|sida|sivu|side|seite)[-/]?\d+$", re.IGNORECASE
)
# ".4.": pages of SiteVision
PAGE_EXTENSION = re.compile(r"(?:\.4\.[0-9a-f]+)?\.(?:html?|aspx?|php|jsp)$", re.IGNORECASE)
PAGING_PARAMETER = re.compile(
    r"page(?:index|number|no)?|sida|pn|start|offset|year|ar|month", re.IGNORECASE
)

# Listings, recognised by their text.
MIN_LISTING_ENTRIES = 5
MIN_ENTRY_SHARE = 0.75  # share of the text that is in entries
MAX_TEXT_OUTSIDE_ENTRIES = 400  # characters outside entries: a heading and a short introduction
YEAR_IN_TEXT = re.compile(r"\b(?:19|20)\d\d\b")

# Words that surround the message in a title.
APOLOGY = build_alternation(r"""
    hoppsan | oj(?:då)? | tyvärr | vi beklagar | beklagar
    ursäkta | oops | o+ps | sorry | we(?:'re| are) sorry
    whoops | beklager | vi beklager | desværre | dessverre
    pahoittelut | valitettavasti | hups | leider | error
    fel | feil | fejl
    """)
TITLE_START = rf"^\W*(?:{APOLOGY}\b\W+)*" + (
    r"(?:(?:but|men|att|the|this|that|den(?: här)?|denna|denne|die|diese|der|requested|begärda"
    r"|hakemaasi)\s+)*"
)
TITLE_END = (
    r"(?:\s*[(\[-]?\s*(?:error|fel|http)?\s*(?:404|410)[)\]]?"
    r"|\s+(?:längre|anymore|here|här|lenger|længere|mehr"
    r"|on (?:this|the|our) (?:web)?(?:server|site)|på (?:servern|webbplatsen)))?\W*$"
)

# Status codes. "404 nya jobb" and "500 miljoner kronor" are news.
CERTAIN_ERROR_WORD = (
    r"(?:felsida|felkod|felmeddelande|http(?:/\d\.\d)?|status\s?(?:code|kod)?|error code)"
)
ERROR_WORD = r"(?:error|fel|feil|fejl|fehler|virhe)"
ERROR_CONTEXT_WORD = build_alternation(r"""
    error | fel | feil | fejl | fehler | virhe | not found
    page | the page | page not found | file not found | gone
    sida(?:n)?(?: saknas)? | siden? | seite | sivu
    (?:kunde|kan) inte (?:hittas|visas) | finns inte | hittades inte
    hittas inte | was not found | (?:could|can) ?not be found
    ikke funnet | ikke fundet | blev ikke fundet
    finnes ikke | findes ikke | nicht gefunden | ei löy\w+
    internal | server | internal server error | bad request
    bad gateway | gateway time-?out | time-?out
    service(?: temporarily)? unavailable | temporarily unavailable
    forbidden | access denied | unauthori[sz]ed
    authori[sz]ation required | method not allowed | too many requests
    åtkomst nekad | oops | sorry | tyvärr | hoppsan
    """)
# A title that is a status code: alone, with the usual words, or after a word for an error. CODES is
# replaced below.
STATUS_CODE_TITLE = (
    rf"^\W*(?:{ERROR_WORD}\W*)?(?:{CERTAIN_ERROR_WORD}\W*)+CODES\b"
    rf"|^\W*(?:{ERROR_WORD}\W*)+CODES\b(?=\W*$|\s*[|–—:·-]|\W+{ERROR_CONTEXT_WORD}\b)"
    rf"|^\W*CODES(?:\W+{ERROR_CONTEXT_WORD}\b)*\W*$"
)
NOT_FOUND_CODE_TITLE = re.compile(STATUS_CODE_TITLE.replace("CODES", "(?:404|410)"), re.IGNORECASE)
ERROR_CODE_TITLE = re.compile(
    STATUS_CODE_TITLE.replace("CODES", "(?:40[0-9]|429|50[0-4])"), re.IGNORECASE
)
ERROR_PAGE_TITLE = re.compile(
    r"^\W*(?:felsida|error page|fejlside|feilside|fehlerseite|virhesivu)\W*$", re.IGNORECASE
)

# The page does not exist, or no longer exists.
PAGE_NOUN = build_alternation(r"""
    sidan? | artikeln | nyheten | texten | dokumentet | innehållet
    pressmeddelandet | siden | artikkelen | artiklen
    nyheden | page | article | document | content | file
    site | url | seite | artikel | inhalt | sivua?
    artikkelia?
    """)
NOT_FOUND_PHRASE = build_alternation(r"""
    finns (?:tyvärr )?(?:inte|ej) | existerar inte
    är borttage[nt] | tagits bort | togs bort | avpublicera\w+
    har utgått
    saknas(?=\W*$|\s*[.!|]) | (?:kan|kunde) (?:tyvärr )?(?:inte|ej) hittas
    (?:hittades|hittas) (?:inte|ej)
    inte längre tillgänglig\w* | finnes ikke | findes ikke | fins ikke | eksisterer ikke
    (?:ble|blev|er) ikke (?:funnet|fundet)
    (?:kunne|kan) ikke (?:findes|finnes|bli funnet)
    ikke (?:funnet|fundet)
    er fjernet | er slettet | er blevet (?:slettet|fjernet)
    (?:ikke|ikkje) lenger(?: er)? tilgjengelig
    (?:ikke længere|ikke lenger) (?:tilgængelig|tilgjengelig)
    har been removed | has been (?:removed|deleted)
    (?:was |could |can )?not (?:be )?found | cannot be found
    can['’]t be found | couldn['’]t be found
    (?:is )?no longer (?:available|exists?)
    (?:does not|doesn['’]t|do not) exist | existiert nicht(?: mehr)?
    nicht mehr (?:verfügbar|vorhanden)
    (?:wurde |konnte |kann )?nicht gefunden(?: werden)?
    wurde gelöscht
    ei (?:ole )?löy\w+ | ei ole (?:enää )?olemassa
    on poistettu | ei ole enää (?:saatavilla|käytettävissä)
    """)
CANNOT_FIND_PHRASE = build_alternation(r"""
    (?:vi )?(?:kan|kunde) (?:tyvärr )?inte hitta | (?:vi )?(?:hittar|hittade) (?:tyvärr )?inte
    (?:we )?(?:can['’]?t|can ?not|could ?n[o'’]t|couldn['’]?t|could not) (?:seem to )?find
    (?:we )?(?:were|are) unable to (?:seem to )?find
    (?:vi )?(?:kunne|kan) (?:dessverre |desværre )?ikke (?:finde|finne)
    (?:vi )?(?:fant|fandt|finner|finder) ikke
    wir (?:konnten|können) | emme löy\w+
    """)
NO_PAGE_PHRASE = build_alternation(r"""
    ingen sida (?:kunde )?hitta(?:de)?s | (?:no|nothing) (?:page )?(?:was )?found
    ingen side (?:ble |blev )?(?:funnet|fundet) | page not found | not found | keine seite gefunden
    """)
PAGE_NOT_FOUND = rf"\b{PAGE_NOUN}\b[^.!?:–|]{{0,45}}?\b{NOT_FOUND_PHRASE}"
PAGE_CANNOT_BE_FOUND = rf"\b{CANNOT_FIND_PHRASE}\b[^.!?:–|]{{0,30}}?\b{PAGE_NOUN}\b"
NOT_FOUND_TITLE = re.compile(
    rf"{TITLE_START}(?:{PAGE_NOT_FOUND}|{PAGE_CANNOT_BE_FOUND}[^.!?:–|]{{0,45}}|{NO_PAGE_PHRASE})"
    rf"{TITLE_END}",
    re.IGNORECASE,
)
NOT_FOUND_TEXT = re.compile(
    rf"{PAGE_NOT_FOUND}(?!\w)|{PAGE_CANNOT_BE_FOUND}|^\W*{NO_PAGE_PHRASE}\W*$", re.IGNORECASE
)
# These words describe both removed pages and pages that cannot be shown now, so they only count
# without a sign of an outage.
UNAVAILABLE_TEXT = compile_phrases(
    r"""
        kan inte visas | (?:är )?inte tillgänglig[t]?(?!\w|\s+(?:för|i|på|via)\b)
        ikke tilg(?:jen|æn)gelig
        (?:is )?not available(?!\s+(?:in|for|to)\b)
        cannot be displayed | nicht verfügbar | ei ole saatavilla
    """,
    before=rf"\b{PAGE_NOUN}\b[^.!?]{{0,40}}\b",
    after="",
)
TEMPORARY_WORD = compile_phrases(
    r"""
        tillfällig\w* | just nu | för närvarande | för tillfället
        underhåll\w* | temporar\w+ | currently | right now
        at the moment | maintenance | midlertidig\w* | for øyeblikket
        for tiden | i øjeblikket | vedlike?hold\w*
        vorübergehend | derzeit | zurzeit | wartung\w* | tilapäises\w* | huolto\w*
    """,
    before="",
    after="",
)

# A wall, an outage, a consent banner or a login instead of the page.
WALL_TITLE = compile_phrases(r"""
    access(?: to this page has been)? denied | forbidden
    bad gateway | service(?: temporarily)? unavailable
    gateway time-?out | too many requests | just a moment
    attention required\W*(?:cloudflare)? | request rejected
    are you a (?:human|robot)\b.*
    (?:please )?verify (?:that )?you are (?:a )?human\b.*
    (?:re)?captcha
    robot check | internal server error | (?:un|not )authori[sz]ed
    åtkomst nekad | pardon our interruption
    security check | you have been blocked | request unsuccessful
    ddos protection\b.* | checking your browser\b.*
    (?:vänta|var god vänta|ett ögonblick)\b.{0,20}(?:kontrollerar|verifierar)\b.*
    """)
WALL_TEXT = compile_phrases(
    r"""
        request rejected | requested url was rejected | support id\b
        (?:do not|don['’]t) have permission to access
        verify (?:that )?you are (?:a )?human | checking your browser
        unusual traffic | complete the captcha
        (?:kontrollerar|verifierar) (?:din webbläsare|att du är (?:en )?människa)
        ovanlig trafik från
        bekräfta att du (?:är (?:en )?människa|inte är en robot)
        javascript and cookies to continue
        kontrollerer (?:nettleseren|din browser) | tarkistamme selaintasi | browser wird überprüft
        incapsula incident
    """,
    before="",
    after="",
)
# The widget of a challenge, which may also be part of a contact form.
CHALLENGE_WIDGETS = (".cf-turnstile", ".h-captcha", ".g-recaptcha")
FRAME_TAGS = ("header", "nav", "aside", "footer")
# Error pages of ASP.NET and IIS.
SERVER_ERROR_TITLE = compile_phrases(r"""
    server error in\b.{0,60}\bapplication | serverfel i (?:programmet|tillämpningen)\b.{0,60}
    serverfeil i\b.{0,60} | serverfejl i\b.{0,60} | serverfehler in der anwendung\b.{0,60}
    palvelinvirhe sovelluksessa\b.{0,60} | iis \d+\.\d+ detailed error\b.*
    """)
NETWORK = (
    r"(?:(?:the |our |vårt |ditt )?(?:trådlösa |guest |wi-?fi |wireless )?"
    r"(?:nätverk(?:et)?|network|gästnät(?:verk)?(?:et)?))"
)
PORTAL_TITLE = compile_phrases(rf"""
    captive portal(?: log-?in)? | hotspot log-?in
    (?:wi-?fi|network|guest) (?:log-?in|authentication)
    network authentication required | (?:nätverks|gäst)inloggning
    (?:inloggning|logga in) (?:på|till) {NETWORK}
    (?:log|sign) ?in to {NETWORK} | anslut till {NETWORK} | connect to {NETWORK}
    """)
PORTAL_WELCOME = re.compile(
    rf"^\W*(?:välkommen till|welcome to)\b.{{0,40}}\b(?:wi-?fi|hotspot|{NETWORK})\W*$",
    re.IGNORECASE,
)
SITE_NOUN = compile_phrases(
    r"""
        sidan | webbplats(?:en)? | webbsida[nr]? | webben
        sajten | hemsidan | siten | e-tjänst(?:en|erna)?
        tjänsten | systemet | (?:web)?site | page | service
        server | we(?:'re| are) | nettside[nr]? | nettstedet
        siden | hjemmesiden | websted(?:et)? | sivusto\w*
        palvelu\w* | website | seite | webseite | vi
    """,
    before=r"\b",
    after=r"\b",
)
OUT_OF_SERVICE_WORD = compile_phrases(
    r"""
        stängd | nere | otillgänglig | inte tillgänglig | ur funktion
        ligger nere | uppdateras | underhålls | utför
        closed | down | unavailable | not available | offline
        undergoing | under | performing | nede | lukket
        stengt | utilgjengelig | utilgængelig | ikke tilg\w+
        poissa käytöstä | suljettu | ei ole käytettävissä
        nicht erreichbar | nicht verfügbar | geschlossen
    """,
    before=r"\b",
    after=r"\b",
)
OUTAGE_TITLE = compile_phrases(
    r"""
        (?:planerat |pågående |tillfälligt )?underhåll(?:sarbete)?(?: pågår)?
        (?:down for |under |scheduled |site )*maintenance(?: mode)?
        driftstörning | driftstopp | tekniska problem
        tekniskt fel | planlagt vedlikehold | planlagt vedligehold
        huoltokatko | wartungsarbeiten | wartungsmodus
        temporarily (?:unavailable|closed|down) | tillfälligt (?:stängd|fel|avbrott)
    """,
    before=TITLE_START,
)
TECHNICAL_ERROR_LINE = compile_phrases(
    r"""
        (?:det har )?(?:ett )?(?:tekniskt |oväntat |internt |okänt )*fel (?:har )?inträffat
        (?:det har )?(?:ett )?(?:tekniskt |oväntat |internt |okänt )*fel (?:har )?uppstått
        (?:ett )?(?:tekniskt |oväntat |internt |okänt )*fel (?:uppstod|inträffade)
        det (?:har )?(?:inträffat|uppstått) ett (?:tekniskt |oväntat |internt )*fel
        det (?:har )?(?:uppstod|inträffade) ett (?:tekniskt |oväntat |internt )*fel
        tekniskt fel
        något (?:har )?(?:gick|gått)(?: tyvärr)? (?:fel|snett)
        (?:nu )?blev det (?:något )?fel | serverfel
        something(?: has)? (?:went|gone) wrong
        an? (?:unexpected |internal |unknown |technical |application )*error (?:has )?occurred
        det (?:oppstod|har oppstått) en (?:teknisk |uventet )?feil
        (?:der|det) (?:opstod|er opstået|er sket|skete) en (?:teknisk |uventet )?fejl
        no[eg]e?t? gikk? galt
        jo(?:tain|kin) meni (?:pieleen|vikaan) | (?:tapahtui|on tapahtunut) virhe | virhe tapahtui
        (?:es ist )?ein (?:technischer |unerwarteter )?fehler (?:ist )?aufgetreten
        etwas ist schief ?gelaufen
    """,
    before=TITLE_START,
    after=(
        r"(?:\s+(?:på|när|vid|i|on|while|with|during|processing|ved|da|palvelussa"
        r"|beim)\b.{0,60})?\W*$"
    ),
)
# One page for all URLs of a site that is being rebuilt, or of a server that has not been set up.
PLACEHOLDER_TITLE = compile_phrases(r"""
    vi bygger (?:just nu )?(?:om|upp)
    vi bygger (?:just nu )?(?:om|upp) (?:vår )?(?:nya )?(?:webbplats(?:en)?|sajt(?:en)?|hemsidan?)
    (?:webbplatsen|webben|sajten|hemsidan|sidan) (?:byggs om|är under (?:om|upp)byggnad)
    under (?:om|upp)byggnad
    (?:(?:vår|en) )?ny (?:webbplats|sajt|hemsida)(?: är)? (?:på (?:gång|väg)|kommer(?: snart)?)
    (?:vi är )?snart tillbaka | kommer snart | coming soon | (?:site )?under construction
    (?:we are|we['’]re) (?:re)?building (?:our|the|this) (?:new )?(?:web)?site
    (?:our )?new (?:web)?site (?:is )?(?:coming soon|on its way)
    we(?:['’]ll| will) be (?:right )?back(?: soon| shortly)? | nettstedet er under (?:om)?bygging
    hjemmesiden er under ombygning | diese seite wird (?:um|über)?arbeitet | sivustoa uudistetaan
    """)
DEFAULT_PAGE_TITLE = compile_phrases(r"""
    iis windows(?: server)? | iis\d | welcome to nginx | apache2 \w+ default page\b.* | it works
    (?:http server )?test page(?: for the (?:apache|nginx|http)\b.*|, powered by .*)?
    default web site page
    """)
COOKIE_WORD = r"(?:kakor|cookies?|informasjonskapsler|evästei\w+)"
WE_USE_PHRASE = build_alternation(r"""
    vi använder | vi bruger | vi bruker | we use
    käytämme | wir verwenden | denna webbplats använder
    this (?:web)?site uses
    """)
ON_THIS_SITE = r"(?:på|on) (?:\S+\.\w+|vår\w*|our|this|den här|denna)\b"
CONSENT_TITLE = compile_phrases(
    rf"""
        innan du fortsätter(?: till \S+)? | before you continue(?: to \S+)?
        (?:hantera|godkänn|acceptera|om) {COOKIE_WORD}(?: och {COOKIE_WORD})?
        cookies? (?:settings|consent|preferences|notice) | (?:inställningar för {COOKIE_WORD})
        {COOKIE_WORD} på (?:\S+|vår webbplats) | {WE_USE_PHRASE} {COOKIE_WORD}
        {WE_USE_PHRASE} {COOKIE_WORD} (?:{ON_THIS_SITE}|för att\b|to\b)[^–—:]{{0,50}}
        we (?:value|respect|care about) your privacy
        vi (?:värnar|bryr oss) om din integritet | din integritet
    """,
    after=r"(?:\s*\(?(?:cookies|kakor)\)?)?\W*$",
)
CONSENT_TEXT = re.compile(rf"^\W*{WE_USE_PHRASE}\s(?:\w+\s){{0,2}}{COOKIE_WORD}", re.IGNORECASE)
LOGIN_TITLE = compile_phrases(
    r"""
        logga in | inloggning | (?:please )?sign[ -]?in
        (?:please )?log[ -]?in | logg inn | innlogging | log ind
        kirjaudu | kirjaudu sisään | sisäänkirjautuminen | anmelden | anmeldung
    """,
    after=r"(?:\s+(?:på|till|to|til|i|with|med|your account)\b.{0,40})?\W*$",
)

# The page is at another URL.
REDIRECT_TITLE = re.compile(
    r"^\W*(?:(?:document|object|page) (?:has )?moved|(?:30[1278]\W+)?moved permanently"
    r"|302\W+found)\W*$",
    re.IGNORECASE,
)
MOVED_TITLE = re.compile(
    r"^\W*(?:sidan (?:har |är )?(?:flyttats?|flyttad)|(?:the |this )?page has (?:been )?moved"
    r"|siden (?:er|har) flytt\w+)\W*$",
    re.IGNORECASE,
)
META_REFRESH = re.compile(
    r"^\s*\d+(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"']+)", re.IGNORECASE
)

# Limits, in characters.
MAX_ERROR_PAGE_LENGTH = 400  # length of the text; a release about a removed page is longer
MAX_STUB_LENGTH = 1500  # length of a whole page, menus included, that only leads to another page
MIN_TEXT_LENGTH = 30  # length of an extracted text; if it is shorter, the whole page is checked
SENTENCE_BREAK = re.compile(r"(?<=[.!?])\s+|\n+")

# Problems of blocked pages and placeholders, which scraper.crawl.failures recognises too.
CONSENT_PROBLEM = "is a consent wall"
LOGIN_PROBLEM = "asks to sign in"
WALL_PROBLEM = "is an error page or a wall"
OUTAGE_PROBLEM = "is out of service"
TECHNICAL_ERROR_PROBLEM = "reports a technical error"
SERVER_ERROR_PROBLEM = "is an error page of the web server"
PORTAL_PROBLEM = "is the login page of a network"
PLACEHOLDER_PROBLEM = "is a placeholder"

# Markup that only Cloudflare's challenges and captive portals (WISPr) have.
WALL_MARKS = {"_cf_chl_opt": WALL_PROBLEM, "WISPAccessGatewayParam": PORTAL_PROBLEM}

OUTAGE_PATTERNS = (SITE_NOUN, OUT_OF_SERVICE_WORD, TEMPORARY_WORD)  # of a line that has them all
# Rules: (pattern of a title or first heading, kind, problem).
TITLE_RULES = (  # for pages of any length
    (NOT_FOUND_CODE_TITLE, "error page", "is an error page"),
    (NOT_FOUND_TITLE, "error page", "is an error page"),
    (ERROR_PAGE_TITLE, "error page", "is an error page"),
    (ERROR_CODE_TITLE, "blocked", WALL_PROBLEM),
    (WALL_TITLE, "blocked", WALL_PROBLEM),
    (SERVER_ERROR_TITLE, "blocked", SERVER_ERROR_PROBLEM),
    (PORTAL_TITLE, "blocked", PORTAL_PROBLEM),
    (DEFAULT_PAGE_TITLE, "placeholder", PLACEHOLDER_PROBLEM),
    (REDIRECT_TITLE, "redirected", "only leads to another page"),
)
SHORT_PAGE_RULES = (  # for pages with only a few words
    (CONSENT_TITLE, "blocked", CONSENT_PROBLEM),
    (OUTAGE_TITLE, "blocked", OUTAGE_PROBLEM),
    (TECHNICAL_ERROR_LINE, "blocked", TECHNICAL_ERROR_PROBLEM),
    (PORTAL_WELCOME, "blocked", PORTAL_PROBLEM),
    (PLACEHOLDER_TITLE, "placeholder", PLACEHOLDER_PROBLEM),
    (MOVED_TITLE, "redirected", "only leads to another page"),
)


class PageRejection(NamedTuple):
    """The reason why a page is not a release."""

    kind: str  # the type of NotARelease
    problem: str  # the problem, with words from the page
    target: str | None = None  # the URL that the page leads to, or the title of a placeholder


@dataclass(frozen=True, slots=True)
class PageSignals:
    """Facts that show whether a page is a release.

    They are collected before elements are removed from the page.
    """

    titles: tuple[str, ...]  # the document's title without the site's name, and the first heading
    text: str | None  # the whole text of the page, if it was read and is short
    asks_for_password: bool
    refresh_url: str | None  # the URL that it redirects to
    first_link: str | None  # the first URL that it links to
    wall: str | None = None  # the problem, if the markup is that of a wall
    has_challenge: bool = False  # whether it has a challenge widget, which keeps robots out


def read_page_signals(document: Document, *, include_text: bool = False) -> PageSignals:
    """Return the signals of a page (see `PageSignals`).

    The page's text is included only if `include_text` is set or the page redirects.
    """
    body = document.root.find("body")
    refresh = _find_meta_refresh_url(document)
    max_length = MAX_STUB_LENGTH if include_text or refresh else 0
    title, heading = _read_title_without_site(document), _read_first_heading(document)
    urls = (document.resolve_url(link.get("href") or "") for link in document.root.iter("a"))
    return PageSignals(
        titles=tuple(dict.fromkeys(filter(None, (title.split(" | ")[0], heading)))),
        text=read_short_text(body if body is not None else document.root, max_length)
        if max_length
        else None,
        asks_for_password=any(map(LOGIN_TITLE.search, (title, heading)))
        and _has_password_field(document),
        refresh_url=refresh,
        first_link=next(filter(None, urls), None),
        wall=next((problem for mark, problem in WALL_MARKS.items() if mark in document.text), None),
        has_challenge=_is_challenge(document),
    )


def _read_title_without_site(document: Document) -> str:
    return strip_site_name(document.title, find_site_names(document)) if document.title else ""


def _read_first_heading(document: Document) -> str:
    heading = next(iter(document.select_by_tag("h1")), None)
    return clean_line(get_text_content(heading)) if heading is not None else ""


def _is_challenge(document: Document) -> bool:
    """Return whether a page consists of little more than a challenge, such as a captcha.

    The text of menus counts as part of the page's text. A challenge in the footer is ignored.
    """
    widgets = [widget for css in CHALLENGE_WIDGETS for widget in document.select(css)]
    return (
        any(next(widget.iterancestors(*FRAME_TAGS), None) is None for widget in widgets)
        and read_short_text(document.root, MAX_ERROR_PAGE_LENGTH) is not None
    )


def _find_meta_refresh_url(document: Document) -> str | None:
    """Return the target of a page's meta refresh, or None if the page has none.

    Also returns None if the target is the page itself, or if the meta refresh is in a noscript
    element.
    """
    if "refresh" not in document.meta:
        return None
    for element in document.root.iter("meta"):
        parent = element.getparent()
        is_refresh = (element.get("http-equiv") or "").strip().lower() == "refresh"
        if is_refresh and (parent is None or parent.tag != "noscript"):
            match = META_REFRESH.match(element.get("content") or "")
            target = document.resolve_url(match[1]) if match else None
            return target if target != document.url else None
    return None


def _has_password_field(document: Document) -> bool:
    # a quick test: most pages do not contain the word
    fields = document.root.iter("input") if "assword" in document.text else ()
    return any((field.get("type") or "").lower() == "password" for field in fields)


def find_rejection(signals: PageSignals) -> PageRejection | None:
    """Return why a page is not a release, or None if no sign of this is found.

    Only signs that are reliable on a page of any length are used.
    """
    if signals.wall:
        return PageRejection("blocked", f"{signals.wall}: {(*signals.titles, '')[0]!r}")
    for title in signals.titles:
        if found := _reject_by_title(title):
            return _reject_redirect(signals, found.problem) if found.kind == "redirected" else found
    if signals.refresh_url and signals.text is not None:
        return _reject_redirect(signals, "only leads to another page")
    return None


def _reject_by_title(title: str) -> PageRejection | None:
    """Return why a page is not a release, judged by its title.

    Returns None unless the title is only an error message or something similar.

    >>> _reject_by_title("404 – sidan kunde inte hittas"), _reject_by_title("404 nya jobb")
    (PageRejection(kind='error page', problem="is an error page: '404 – sidan kunde inte hittas'",
    target=None), None)
    """
    for pattern, kind, problem in TITLE_RULES:
        if pattern.search(title):
            return PageRejection(
                kind, f"{problem}: {title!r}", title if kind == "placeholder" else None
            )
    return None


def _reject_redirect(signals: PageSignals, problem: str) -> PageRejection:
    target = signals.refresh_url or signals.first_link
    return PageRejection("redirected", f"{problem}: {target}" if target else problem, target)


def find_short_page_rejection(
    signals: PageSignals, title: str | None, text: str, *, has_date: bool
) -> PageRejection | None:
    """Return why a page with few or no words is not a release.

    Returns None if no sign of this is found. Only signs that would be unreliable on a longer page
    are used.

    title, text: the title and the text that were extracted from the page.
    has_date: whether the page has a publication date, which walls and outages lack.
    """
    is_empty = len(text) < MIN_TEXT_LENGTH
    words, max_length = text, MAX_ERROR_PAGE_LENGTH
    if is_empty and signals.text is not None:
        words, max_length = signals.text, MAX_STUB_LENGTH
    titles = tuple(dict.fromkeys(filter(None, (title, *signals.titles))))
    if len(title or "") + len(words) < max_length:
        sentences = list(filter(None, map(clean_line, SENTENCE_BREAK.split(words))))
        found = (
            _reject_not_found(NOT_FOUND_TEXT, [*titles, *sentences])
            or (None if has_date else _reject_by_few_words(signals, titles, sentences))
            or _reject_not_found(UNAVAILABLE_TEXT, [*titles, *sentences])
        )
        if found:
            return found
    return PageRejection("other", "has no text of its own") if is_empty else None


def _reject_by_few_words(
    signals: PageSignals, titles: tuple[str, ...], sentences: list[str]
) -> PageRejection | None:
    """Return why a page with few words blocks or redirects its visitors.

    Returns None if it does neither.
    """
    for title in titles:
        if found := _reject_by_short_title(signals, title):
            return found
    if signals.has_challenge:
        return PageRejection("blocked", f"{WALL_PROBLEM}: {(*titles, '')[0]!r}")
    if sentences and CONSENT_TEXT.search(sentences[0]):
        return PageRejection("blocked", f"{CONSENT_PROBLEM}: {sentences[0]!r}")
    for line in (*titles, *sentences):
        if problem := _find_problem_in_line(line):
            return PageRejection("blocked", f"{problem}: {line!r}")
    return None


def _reject_by_short_title(signals: PageSignals, title: str) -> PageRejection | None:
    for pattern, kind, problem in SHORT_PAGE_RULES:
        if pattern.search(title):
            reason = f"{problem}: {title!r}"
            if kind == "redirected":
                return _reject_redirect(signals, reason)
            return PageRejection(kind, reason, title if kind == "placeholder" else None)
    if signals.asks_for_password and LOGIN_TITLE.search(title):
        return PageRejection("blocked", f"{LOGIN_PROBLEM}: {title!r}")
    return None


def _find_problem_in_line(line: str) -> str | None:
    """Return the problem that a line reports, or None if it reports none.

    Problems are walls, technical errors and outages.
    """
    if WALL_TEXT.search(line):
        return WALL_PROBLEM
    if TECHNICAL_ERROR_LINE.search(line):
        return TECHNICAL_ERROR_PROBLEM
    if all(pattern.search(line) for pattern in OUTAGE_PATTERNS):
        return OUTAGE_PROBLEM
    return None


def _reject_not_found(pattern: re.Pattern[str], lines: list[str]) -> PageRejection | None:
    for line in lines:
        if pattern.search(line):
            if TEMPORARY_WORD.search(line):
                return PageRejection("blocked", f"{OUTAGE_PROBLEM}: {line!r}")
            return PageRejection("error page", f"reports that it no longer exists: {line!r}")
    return None


def is_listing_url(url: str, agency: Agency | None = None) -> bool:
    """Return whether a URL leads to one of the agency's listings, a home page, or a folder of news.

    The query of a folder's URL may contain only a page number or a time, because in some CMSs a
    number in the query identifies a release.

    >>> paths = "/nyheter/", "/om/press/Pages/default.aspx", "/news/2024/?page=2", "/nyheter/?id=12"
    >>> [is_listing_url(f"https://a.se{path}") for path in paths]
    [True, True, True, False]
    """
    address = resolve_canonical_url(url, url) or url
    if agency is not None and address in (
        resolve_canonical_url(listing, listing) for listing in agency.listings
    ):
        return True
    parts = urlsplit(address)
    if not all(
        PAGING_PARAMETER.fullmatch(name)
        for name, _ in parse_qsl(parts.query, keep_blank_values=True)
    ):
        return False
    path = DEFAULT_PAGE.sub("", PAGE_EXTENSION.sub("", parts.path.rstrip("/")))
    if HOME_PATH.fullmatch(path) and parts.netloc and not parts.query:
        return True
    return LISTING_NAME.fullmatch(LISTING_PART.sub("", path).rpartition("/")[2]) is not None


def is_listing(main: Element) -> bool:
    """Return whether almost all the text of the main element is in a row of entries with links."""
    total = count_text_letters(main)
    for row in _iter_sibling_rows(main):
        entry_letters = sum(map(count_text_letters, row))
        if (
            entry_letters > MIN_ENTRY_SHARE * total
            and total - entry_letters < MAX_TEXT_OUTSIDE_ENTRIES
        ):
            return all(map(has_outgoing_link, row)) and 2 * sum(map(_is_listing_entry, row)) > len(
                row
            )
    return False


def _iter_sibling_rows(main: Element) -> Iterator[list[Element]]:
    for parent in main.iter("ul", "ol", "div", "section", "main", "article", "tbody"):
        if len(parent) >= MIN_LISTING_ENTRIES:
            rows: dict[tuple[object, str | None], list[Element]] = defaultdict(list)
            for child in parent:
                rows[child.tag, child.get("class")].append(child)
            yield from (row for row in rows.values() if len(row) >= MIN_LISTING_ENTRIES)


def _is_listing_entry(element: Element) -> bool:
    """Return whether an element is short and contains a linked heading or a date."""
    if count_text_letters(element) > MAX_CARD_LENGTH:
        return False
    has_date = (
        element.find(".//time") is not None
        or YEAR_IN_TEXT.search(get_text_content(element)) is not None
    )
    return has_date or any(map(is_linked_heading, element.iter(*CARD_HEADINGS)))


def detect_rejection(body: bytes, url: str, *, is_elsewhere: bool = False) -> NotARelease | None:
    """Return a NotARelease if a response is an error page, a wall, an outage page or a placeholder.

    Otherwise returns None.

    is_elsewhere: whether the request was redirected to another host. If so, any page with a
        password field counts as a wall.
    """
    try:
        document = Document(body, url)
        signals = read_page_signals(document, include_text=True)
    except PageError:
        return None
    rejection = find_rejection(signals)
    if rejection is None:
        rejection = find_short_page_rejection(
            signals, document.title, signals.text or "", has_date=False
        )
        if rejection and rejection.kind not in ("blocked", "placeholder"):
            rejection = None  # a listing may contain such words when it is empty
    if rejection is None and is_elsewhere and _has_password_field(document):
        return NotARelease(url, f"{LOGIN_PROBLEM}: {document.title!r}", "blocked")
    return (
        NotARelease(url, rejection.problem, rejection.kind, rejection.target) if rejection else None
    )
