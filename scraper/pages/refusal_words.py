"""How error pages, walls, outages and redirect stubs say what they are, in the languages of the north and English."""

from __future__ import annotations

import re

from scraper.normalise.words import either


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
