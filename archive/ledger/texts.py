"""The words for the completeness ledger, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

SOURCE_KINDS = {
    "feed": Text("flöde", "feed"),
    "sitemap": Text("sajtkarta", "sitemap"),
    "listing": Text("lista", "list"),
    "archive": Text("arkivsida", "archive page"),
    "home": Text("startsida", "front page"),
    "robots": Text("robots.txt", "robots.txt"),
}
GAPS = {
    "unseen": Text("inte funnet av någon insamling", "not found by any crawl"),
    "due": Text("funnet, står på tur att läsas", "found, waits its turn to be read"),
    "failed": Text("sidan svarade inte", "the page did not answer"),
    "aside": Text("läst, men hålls undan tills någon sett på det", "read, but kept aside until looked at"),
}
LEDGER = {
    **{f"kind_{kind}": text for kind, text in SOURCE_KINDS.items()},
    **{f"gap_{state}": text for state, text in GAPS.items()},
    "ledger": Text("Fullständighet", "Completeness"),
    "ledger_title": Text(
        "Vad myndigheterna listar, och vad som saknas här", "What agencies list, and what is missing here"
    ),
    "ledger_about": Text(
        "Då och då läses myndigheternas egna listor, flöden och sajtkartor från början till slut, och varje adress i"
        " dem jämförs med arkivet.",
        "Now and then the agencies’ own lists, feeds and sitemaps are read from beginning to end, and every address in"
        " them is compared with the archive.",
    ),
    "ledger_none": Text("Ingen jämförelse är gjord än.", "No comparison has been made yet."),
    "ledger_none_hint": Text("Den görs av", "It is made by"),
    "ledger_all": Text("Alla myndigheters fullständighet", "Completeness of all agencies"),
    "ledger_more": Text(
        "Vad myndigheterna listar, jämfört med vad arkivet har:", "What agencies list, against what the archive holds:"
    ),
    "compared_when": Text("Jämfört {when}.", "Compared {when}."),
    "compared_last": Text("Senast jämfört {when}.", "Last compared {when}."),
    "n_missing": Text(
        ("{n} listat meddelande saknas", "{n} listade meddelanden saknas"),
        ("{n} listed release is missing", "{n} listed releases are missing"),
    ),
    "none_missing": Text("Inget listat meddelande saknas", "No listed release is missing"),
    "of_n_listed": Text("av {n} listade", "of {n} listed"),
    "n_delisted": Text(
        (
            "Minst {n} meddelande i arkivet listas inte längre, fast sidan står kvar.",
            "Minst {n} meddelanden i arkivet listas inte längre, fast sidorna står kvar.",
        ),
        (
            "At least {n} release held is no longer listed, though its page still stands.",
            "At least {n} releases held are no longer listed, though their pages still stand.",
        ),
    ),
    "broke_off": Text(
        "Läsningen av en källa avbröts, så det kan listas mer än här räknats.",
        "A source broke off while it was read, so more may be listed than was counted here.",
    ),
    "partly_read": Text("delvis läst", "partly read"),
    "never_compared": Text("Listorna har inte jämförts med arkivet än.", "Its lists have not been compared yet."),
    "head_gaps": Text("Något saknas", "Something is missing"),
    "head_broke_off": Text("Läsningen avbröts", "Reading broke off"),
    "head_complete": Text("Inget saknas", "Nothing is missing"),
    "n_uncompared": Text(
        ("{n} myndighet är inte jämförd än.", "{n} myndigheter är inte jämförda än."),
        ("{n} agency has not been compared yet.", "{n} agencies have not been compared yet."),
    ),
    "col_missing": Text("Saknas", "Missing"),
    "col_no_release": Text("Inget att läsa", "Nothing to read"),
    "col_delisted": Text("Ej längre listade", "No longer listed"),
    "col_month": Text("Publicerat", "Published"),
    "col_source": Text("Källa", "Source"),
    "gaps_by_name": Text("Det som saknas", "What is missing"),
    "by_source": Text("Källa för källa", "Source by source"),
    "month_unknown": Text("okänd månad", "month unknown"),
    "listed_as": Text("daterat {when} i källan", "dated {when} by the source"),
    "missed_since": Text("saknas sedan {when}", "missing since {when}"),
    "more_gaps": Text("Fler som saknas", "More that are missing"),
    "first_gaps": Text("Från början", "From the beginning"),
    "no_release_means": Text(
        "Inget att läsa: adressen är prövad, men där fanns inget meddelande som gick att läsa.",
        "Nothing to read: the address was tried, but no release could be read there.",
    ),
    "gaps_as_data": Text("Luckorna som tabell", "The gaps as a table"),
}
