"""Lines that serve the page, not the text: share rows, print buttons, pointers to other pages, closing headings."""

from __future__ import annotations

import re

from scraper.normalise.words import either

# A whole line that is a button or a note of the page.
SERVICE = re.compile(
    "^"
    + either(r"""
        dela(?:(?: sidan| artikeln| på| denna| med)\b.{0,30})? | skriv ut(?: sidan)? | kopiera länk.{0,20}
        tipsa(?: en vän| andra| om sidan| någon| polisen)?\b(?: om.{0,20})?
        lyssna(?: på (?:sidan|texten))? | listen | print(?: this page)? | share(?: this.{0,30})? | del(?: på)?
        till toppen | upp | tillbaka(?: till (?:start|förra|föregående|listan|toppen|nyhet|press|översikt).{0,30})?
        back(?: to.{0,40})? | nach oben
        facebook | twitter | x | linkedin | e-?post | e-?mail | mail | whatsapp | telegram | tweet | reddit | pinterest
        instagram | bluesky | mastodon | threads | messenger | sms | skicka | kopiera
        läs (?:också|även|mer) | läs mer om | lue myös | les også | read (?:more|also|next) | mehr zum thema
        related.{0,25} | relaterat.{0,20}
        visa (?:mer|fler|alla|större bild) | stäng | close | öppna alla | stäng alla | (?:expand|collapse|show|hide) all
        (?:foto|photo|bild|image|picture|credit) ?:.{0,60} | texten? av | text ?:.{0,40} | av ?:.{0,40}
        advert(?:isement)? | annons | anzeige | annonse | laddar.{0,15} | loading.{0,10}
        seite (?:drucken|teilen|empfehlen).{0,20} | drucken | teilen
        """)
    + r"\W*$",
    re.IGNORECASE,
)
# Who wrote the text, in a line of its own over it: "Av Eva Ek", "By Eva Ek, Agency".
BYLINE = re.compile(
    r"^(?:[Bb]y|BY|[Vv]on|[Aa][vf]|AV|Text|Tekst|Skribent|Autor(?:in)?|Author|Written by|Text och foto)(?:\s*:)?"
    r"(?: (?:[A-ZÅÄÖÉÜ][\w.’'-]*|von|van|de|af|och|and|und|og|&)){1,6}(?:, [\w .&-]{2,40})?\W*$"
)
# What points to other texts, where links make up a good part of it.
POINTER = re.compile(
    r"^\W*"
    + either(r"""
        läs (?:också|även|mer) | se (?:också|även) | mer om | mer information | fler\b
        les (?:også|mer) | læs (?:også|mere) | lue myös | lesen sie (?:auch|dazu|mehr) | mehr (?:zum thema|dazu)
        see (?:more|also) | read (?:more|also) | also read | related | don't miss | more: | lire aussi | leggi anche
        lea también | (?:le|te) puede interesar | czytaj (?:też|także|również|więcej) | zobacz (?:też|także|również)
        """),
    re.IGNORECASE,
)
# Headings under which only contacts and service stand.
CONTACT = re.compile(
    r"^\W*"
    + either(r"""
        (?:press|media) contacts? | for (?:more|further) information.{1,30}
        presskontakt\w* | kontakt(?:personer|uppgifter)? | kontaktinformation | för mer information.{0,30}
        ytterligare information | har du (?:några )?frågor | pressjour | kontakta oss | sidansvarig | hjälpte .{0,40}
        pressekontakt\w*
        """)
    + r"\W*$",
    re.IGNORECASE,
)
# Headings under which only what others say and do with the text stands, how to get more, or who wrote it.
BESIDE = re.compile(
    r"^\W*"
    + either(r"""
        dela(?: (?:sidan|artikeln|på|denna|med andra)\b.{0,30})? | taggar | kommentarer | om författaren
        nyhetsbrev | prenumerera.{0,40} | newsletters? | subscribe.{0,40} | sign up for.{0,40}
        share this.{0,20} | about the author | tags? | comments? | \d+ (?:comments?|kommentarer)
        leave a (?:reply|comment) | über den autor | kommentare | schlagworte?
        """)
    + r"\W*$",
    re.IGNORECASE,
)
# Headings under which only other texts are pointed to.
ELSEWHERE = re.compile(
    r"^\W*"
    + either(r"""
        läs (?:också|även|mer)(?: om.{0,40})? | mer (?:om ämnet|i ämnet|nyheter) | andra läser
        relatera(?:t|d\w*)(?: (?:innehåll|material|nyhet|artikl|länk|dokument|information|sid|läsning|rapport)\w*.*)?
        fler (?:nyheter|artiklar|pressmeddelanden).{0,30} | senaste nytt | senaste nyheterna
        related.{0,30} | you may also like | more (?:stories|news|articles|from).{0,30} | read next | don't miss
        recommended(?: (?:for you|reading|articles|stories|content|links).{0,20})? | latest (?:news|stories).{0,20}
        popular(?: (?:now|articles|stories|posts|news|topics|right).{0,20})? | trending.{0,20} | most read.{0,20}
        mehr (?:zum thema.{0,40}|themen) | auch interessant.{0,20} | zum thema | verwandte.{0,20}
        weitere (?:meldungen|artikel|nachrichten|themen|informationen).{0,30}
        das könnte (?:sie|dich) auch interessieren.{0,10} | les også | mer om | læs også
        """)
    + r"\W*$",
    re.IGNORECASE,
)
PICTURE_CREDIT = re.compile(
    r"\((?:image|photo|foto|bild|picture|pic|credit|ap photo|afp|reuters)\b[^()]*\)$", re.IGNORECASE
)
