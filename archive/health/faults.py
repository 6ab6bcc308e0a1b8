"""What can go wrong with a request or a page, by kind: as `crawls.faults` counts it and the status page says it."""

from __future__ import annotations

from archive.texts import Text

FAULTS = {
    # no answer
    "timeout": Text("webbplatsen svarade inte i tid", "the site did not answer in time"),
    "dns": Text("adressen finns inte längre i DNS", "there is no such host in DNS"),
    "tls": Text("den säkra anslutningen misslyckades", "the secure connection failed"),
    "refused connection": Text("webbplatsen tog inte emot anslutningen", "the site refused the connection"),
    "broken answer": Text("svaren bröts av", "answers broke off"),
    # an answer that says no
    "status 5xx": Text("webbplatsen svarade med serverfel", "the site answered with a server’s fault"),
    "status 403": Text("webbplatsen nekade åtkomst", "the site denied access"),
    "status 404": Text("adressen finns inte", "the address does not exist"),
    "status 429": Text("webbplatsen bad oss vänta", "the site asked us to wait"),
    "status 4xx": Text("webbplatsen avvisade frågan", "the site rejected the request"),
    "status": Text("webbplatsen svarade oväntat", "the site answered unexpectedly"),
    "host paused": Text("webbplatsen lämnas i fred en tid", "the site is left in peace for a while"),
    "robots": Text("robots.txt förbjuder läsning", "robots.txt forbids reading"),
    "robots unreachable": Text("robots.txt gick inte att läsa", "robots.txt could not be read"),
    # something stands between us and the page
    "block page": Text("en spärrsida visades i stället", "a block page was shown instead"),
    "consent wall": Text("en samtyckesruta visades i stället", "a consent wall was shown instead"),
    "login": Text("en inloggning visades i stället", "a login was shown instead"),
    "outage": Text("webbplatsen sade att den är ur funktion", "the site said that it is out of order"),
    # a page that is no release
    "error page": Text("sidorna sade att de inte finns", "pages said that they do not exist"),
    "redirected": Text("adresserna ledde någon annanstans", "addresses led elsewhere"),
    "listing": Text("sidorna var listor, inga meddelanden", "pages were lists, not releases"),
    "no release": Text("sidorna var inga meddelanden", "pages were no releases"),
    "unreadable": Text("uppgifter på sidorna gick inte att läsa", "what pages told could not be read"),
    # a source
    "unreadable source": Text("listan över meddelanden gick inte att läsa", "the list of releases could not be read"),
    # ours
    "left out": Text("adresser lämnades därhän av säkerhetsskäl", "addresses were left alone for safety"),
    "our fault": Text("arkivets eget program fallerade", "the archive’s own program failed"),
    "other": Text("något annat gick fel", "something else went wrong"),
}
WALLS = ("status 403", "status 429", "block page", "consent wall", "login")  # who asks is kept out, not the public
