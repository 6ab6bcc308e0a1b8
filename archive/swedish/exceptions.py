"""The few words that are told otherwise than the rules would: those without inflection, and forms no source has right.

Words of the closed classes (pronouns, prepositions, conjunctions, adverbs, months) look like forms of rare words:
mot of mod, mars of mara, hur of hu. They stand for themselves.
"""

from __future__ import annotations

CLOSED = """
    alla allt alltid allting andra annars antingen att av bakom bara bland bort borta bredvid båda både de den
    denna deras dess dessa dessutom det detta dig din då där därefter därför efter eftersom ej eller emellan en
    enda endast enligt er ett fler flera flest fram framför från för före förra genom gentemot han hans hellre
    helt henne hennes hit hon honom hos hur här i igen igenom in inför innan inne inom inte istället ju just
    jämte kanske kring längs med medan mellan men mer mera mest mig min mot många ned nedan nej ner ni nog nu
    någon någonsin något några när och också olika om omkring oss ovan på redan samma samt sedan sig sin sina
    sitt själv snart som strax stundom så sådan tack till tills tillsammans trots under upp uppe ut utan utanför
    utöver vad var varandra vare varför varje vars vart vem vi via vid vidare vilka vilken vilket visst vår våra
    väl åt än ändå ännu även över överallt januari februari mars april maj juni juli augusti september oktober
    november december
"""
FORMS = {
    "göra": "gör göra göras gjord gjorda gjorde gjordes gjort gjorts görs",
    "ko": "kor korna kornas",
    "bli": "blev blevs blir bliva bliver blivit",
    "bot": "böter böterna böternas böters",
    "bred": "brett",
    "bror": "broder brodern broderns bror brors bröder bröderna brödernas bröders",
    "data": "data",
    "finna": "fann",
    "finnas": "fanns finns",
    "fisk": "fisken fiskens fiskar fiskarna fiskarnas fiskars",
    "gälla": "gälla gäller gällt",
    "hand": "händer",
    "läsa": "läs",
    "lång": "längre längst längsta längste",
    "liten": "litet lilla lille små mindre minst minsta",
    "nöt": "nötter nötterna nötternas nötters",
    "nära": "närmare närmast närmaste",
    "politiker": "politikern politikerna politikernas politikerns politikers",
    "remiss": "remisser remisserna remissernas remissers",
    "se": "såg sågs",
    "ska": "ska skall skulle",
    "sälja": "såld sålda sålde såldes sålt sålts säljer säljs",
    "stå": "stod stods",
    "timme": "timma timman timmans timmar timmarna timmarnas timmars",
    "vinna": "vann vanns vinna vinnas vinner vinns vunna vunnen vunnet vunnit vunnits",
    "visa": "visat visade visades visas",
    "god": "bättre bäst bästa goda gott",
    "veta": "vet veta vetat vetas visste",
    "vit": "vitt",
    "öga": "ögon ögonen ögonens ögons",
    "öra": "öron öronen öronens örons",
}
OTHERWISE = {word: word for word in CLOSED.split()} | {
    form: base for base, forms in FORMS.items() for form in forms.split()
}
