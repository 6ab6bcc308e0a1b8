"""Error pages, walls, outages and stubs are told from releases about error pages, walls, outages and stubs."""

from __future__ import annotations

import gzip
import json

import pytest

from scraper.errors import NotARelease
from scraper.failures import classify_failure, detect_rejection
from scraper.pages import read_page
from scraper.pages.page_type import PageSignals, find_rejection, find_short_page_rejection
from tests.scraper.pages_of import TEXT, URL, read
from tests.stored import ROOT

CORPUS = ROOT / "corpus/regeringen.jsonl.gz"
# The frame a page keeps when its text is a fault's: a menu, a footer, a form to search with.
FRAME = """<html lang="sv"><head><title>{title}</title></head><body><nav><a href="/">Start</a> <a href="/nyheter/">
Nyheter</a></nav><main><h1>{heading}</h1>{text}</main><footer><p>Exempelverket</p></footer></body></html>"""


def refused(title: str, text: str, heading: str | None = None) -> NotARelease:
    html = FRAME.format(title=title, heading=title if heading is None else heading, text=text)
    with pytest.raises(NotARelease) as caught:
        read_page(html.encode(), URL)
    return caught.value


LOST = [
    "404 Not Found",
    "Fel 404",
    "Error 404: Page not found",
    "HTTP Status 404 – Not Found",
    "404 – sidan kunde inte hittas",
    "Vi kan inte hitta sidan",
    "Sidan du söker kan inte hittas",
    "Ingen sida hittades",
    "Sidan existerar inte",
    "Hoppsan! Sidan finns inte längre",
    "Sorry, we can't find that page",
    "The page you requested could not be found",
    "The page is no longer available",
    "Siden du leter etter finnes ikke",
    "Siden blev ikke fundet",
    "Vi kunne ikke finde siden",
    "Sivua ei löytynyt",
    "Die Seite wurde nicht gefunden",
]
WALLS = [
    "500 Internal Server Error",
    "503 Service Temporarily Unavailable",
    "Fel 500",
    "403 Forbidden",
    "Access Denied",
    "Just a moment...",
    "Request Rejected",
    "Captcha",
    "Checking your browser before accessing exempel.se",
    "Vänta medan vi kontrollerar din webbläsare",
]
NEWS = [
    "500 miljoner kronor till vindkraft",
    "400 nya jobb",
    "503 personer",
    "410 miljoner till kommunerna",
    "404 nya platser",
    "Fel 500 kronor i bidrag",
    "500 – så många är vi nu",
    "Sidan saknas i pass – så gör du",
    "Hantera cookies rätt – ny vägledning från PTS",
    "Vi använder kakor på ett nytt sätt – så väljer du",
    "Cookie consent guidelines updated",
    "Innan du fortsätter resan…",
    "Forbidden substances: new list",
    "Moved permanently: agency relocates",
    "Ny captcha på webbplatsen",
    "Planerat underhåll av farleden i höst",
    "Logga in med e-legitimation – så fungerar det",
    "Tekniskt fel bakom urspårningen",
    "Vi bygger om väg 40 vid Ulricehamn",
    "Ny webbplats för den som söker stöd",
    "Serverfel stoppade utbetalningar",
    "Välkommen till fritt wifi på biblioteken i Västerbotten",
    "Snart tillbaka på spåret",
]
SERVERS = [  # the error pages of ASP.NET and IIS
    "Server Error in '/' Application.",
    "Serverfel i programmet '/'.",
    "IIS 10.0 Detailed Error - 500.19 - Internal Server Error",
]
PORTALS = [
    "Captive Portal",
    "Hotspot Login",
    "Logga in på nätverket",
    "Sign in to network",
    "Network Authentication Required",
]
DEFAULTS = ["IIS Windows Server", "Welcome to nginx!", "Apache2 Debian Default Page: It works"]


@pytest.mark.parametrize("title", LOST)
def test_a_title_that_says_the_page_is_away(title: str) -> None:
    assert refused(title, TEXT * 3).kind == "error page"
    assert refused("Exempelverket", "<p>Gå till startsidan.</p>", title).kind == "error page"


@pytest.mark.parametrize("title", WALLS)
def test_a_title_of_a_wall_or_fault(title: str) -> None:
    assert refused(title, TEXT * 3).kind == "blocked"


@pytest.mark.parametrize("title", [*SERVERS, *PORTALS])
def test_a_servers_error_page_and_a_networks_login_are_named(title: str) -> None:
    kind = "server error page" if title in SERVERS else "captive portal"
    assert classify_failure(refused("Runtime Error", TEXT * 3, title)) == kind


@pytest.mark.parametrize("title", DEFAULTS)
def test_the_page_of_a_server_that_nobody_has_set_up(title: str) -> None:
    found = refused(title, TEXT * 3)
    assert (found.kind, found.target, classify_failure(found)) == ("placeholder", title, "placeholder")


CHALLENGE = "<script>window._cf_chl_opt = {cType: 'managed'};</script>"
TURNSTILE = '<div class="cf-turnstile" data-sitekey="0x4"></div><p>Bekräfta nedan, så skickas du vidare till sidan.</p>'
WISPR = "<!-- <WISPAccessGatewayParam><Redirect></Redirect></WISPAccessGatewayParam> -->"


@pytest.mark.parametrize(
    ("text", "kind"),
    [(CHALLENGE + TEXT * 3, "block page"), (TURNSTILE, "block page"), (WISPR + TEXT * 3, "captive portal")],
)
def test_a_wall_is_known_by_its_markup(text: str, kind: str) -> None:
    assert classify_failure(refused("www.exempel.se", text)) == kind


def test_a_release_with_a_form_that_asks_for_people_is_one() -> None:
    form = '<form action="/kontakt"><div class="cf-turnstile"></div></form>'
    scripts = '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
    assert read(f"<h1>Ny bro öppnar</h1>{TEXT * 2}{form}{scripts}").title == "Ny bro öppnar"
    assert read(f"<h1>Ny bro öppnar</h1><p>Publicerad 3 mars 2022</p>{TEXT}{form}").title == "Ny bro öppnar"


def test_a_short_release_of_a_site_with_a_challenge_in_its_footer_is_one() -> None:
    footer = '<footer><form><div class="g-recaptcha"></div></form></footer>'
    text = "<p>Kontoret i Luleå håller stängt under julhelgen. Vi öppnar igen den 27 december klockan nio.</p>"
    assert read(f"<h1>Kontoret stängt 24 december</h1>{text}{footer}").title == "Kontoret stängt 24 december"


def test_what_a_redirect_to_another_host_with_a_login_is() -> None:
    html = f'<title>Hotell Lugnet</title><h1>Välkommen</h1>{TEXT * 3}<input type="password" name="kod">'.encode()
    assert detect_rejection(html, "http://10.example/") is None
    found = detect_rejection(html, "http://portal.example/", is_elsewhere=True)
    assert classify_failure(found) == "login"


@pytest.mark.parametrize("title", NEWS)
def test_a_release_is_no_error_page(title: str) -> None:
    html = FRAME.format(title=title, heading=title, text=TEXT)
    assert read_page(html.encode(), URL).title == title


@pytest.mark.parametrize(
    ("title", "text", "kind"),
    [
        ("Exempelverket", "Hoppsan! Nyheten är avpublicerad.", "error page"),
        ("Nyhet", "Det gick inte. Vi kan inte hitta sidan som du söker.", "error page"),
        ("Nyhet", "Sidan är inte tillgänglig. Försök gärna med en sökning.", "error page"),
        ("Nyhet", "Artikeln är inte längre tillgänglig. Sök bland våra nyheter.", "error page"),
        ("Nyhet", "Sidan är inte tillgänglig just nu. Försök igen om en stund.", "blocked"),
        ("Nyhet", "Sidan är tillfälligt stängd för underhåll. Välkommen åter!", "blocked"),
        ("Nyhet", "The site is down for scheduled maintenance. Please try again later.", "blocked"),
        ("Vi bygger om webbplatsen", "Snart finns här en ny webbplats. Tack för ditt tålamod.", "placeholder"),
        ("Under ombyggnad", "Snart finns här en ny webbplats. Tack för ditt tålamod.", "placeholder"),
        ("Coming soon", "Our new website will be launched here within a few weeks.", "placeholder"),
        ("Välkommen till Hotell Lugnets wifi", "Godkänn villkoren för att komma ut på internet.", "blocked"),
        ("Planerat underhåll", "Vi är snart tillbaka. Tack för ditt tålamod under tiden.", "blocked"),
        ("Ett fel har inträffat", "Försök igen om en stund eller kontakta oss för hjälp.", "blocked"),
        ("Something went wrong", "Please try again in a moment, or contact our support.", "blocked"),
        ("Nyhet", "Tekniskt fel. Försök igen om en stund eller kontakta oss för hjälp.", "blocked"),
        ("Nyhet", "Det oppstod en feil. Prøv igjen om litt, eller gå til forsiden vår.", "blocked"),
        ("Exempel", "The requested URL was rejected. Your support ID is: 123456789012345.", "blocked"),
        ("Vi använder kakor", "Välj vilka kakor du godkänner innan du går vidare till sidan.", "blocked"),
        ("Exempel", "Vi använder kakor för att sidan ska fungera. Godkänn alla eller välj själv.", "blocked"),
        ("Logga in", '<form><label>Lösenord <input type="password"></label></form><p>Ange dina uppgifter.', "blocked"),
    ],
)
def test_a_page_of_few_words_that_tells_why_there_are_no_more(title: str, text: str, kind: str) -> None:
    assert refused(title, f"<p>{text}</p>").kind == kind


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Vi använder kakor", "Vi använder kakor. Från den 1 juni gäller nya regler."),
        ("Planerat underhåll", "Webbplatsen är stängd för underhåll på lördag."),
        ("Ett fel har inträffat", "Ett fel har inträffat. Så här rättar vi till det."),
        ("Logga in", '<form><input type="password"></form>Så loggar du in i den nya tjänsten.'),
    ],
)
def test_a_release_about_such_things_is_one(title: str, text: str) -> None:
    assert read(f"<h1>{title}</h1><p>{text}</p>{TEXT * 2}", f"<title>{title}</title>").title == title
    short = f"<h1>{title}</h1><p>Publicerad 3 mars 2022</p><p>{text} Det gäller alla som besöker oss.</p>"
    assert read(short, f"<title>{title}</title>").published is not None


@pytest.mark.parametrize(
    ("head", "body", "target"),
    [
        ('<meta http-equiv="refresh" content="0; url=/ny/">', "<p>Flyttad.</p>", "https://www.exempel.se/ny/"),
        ("<meta http-equiv=Refresh content=\"5;URL='https://b.se/x?y=1'\">", "", "https://b.se/x?y=1"),
        ("", '<h1>Object Moved</h1>Found <a href="/ny/">here</a>', "https://www.exempel.se/ny/"),
    ],
)
def test_a_stub_tells_where_it_leads(head: str, body: str, target: str) -> None:
    with pytest.raises(NotARelease) as caught:
        read_page(f"<head><title>Nyhet</title>{head}</head><body>{body}".encode(), URL)
    assert (caught.value.kind, caught.value.target) == ("redirected", target)
    assert target in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        f'<meta http-equiv="refresh" content="600; url={URL}">',
        '<meta http-equiv="refresh" content="600">',
        '<noscript><meta http-equiv="refresh" content="0; url=/utan-script/"></noscript>',
        '<meta http-equiv="refresh" content="0; url=http://[">',
    ],
)
def test_a_page_that_only_reloads_itself_is_no_stub(head: str) -> None:
    assert read(f"<h1>Ny bro öppnar</h1>{TEXT}", head).title == "Ny bro öppnar"


@pytest.mark.skipif(not CORPUS.exists(), reason=f"no {CORPUS}: name its folder with PAGES=")
def test_no_stored_release_is_refused() -> None:
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = []
    for row in rows:
        seen = PageSignals((row["title"],), text=None, asks_for_password=True, refresh_url=None, first_link=None)
        short = find_short_page_rejection(seen, row["title"], row["body"], has_date=False)
        if find_rejection(seen) or (short and short.kind != "other"):
            found.append(row["title"])
    assert len(rows) > 10_000
    assert not found
