"""The search page's words, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

SEARCH = {
    "search_title": Text("Sök i arkivet", "Search the archive"),
    "search_for": Text("Sök: {words}", "Search: {words}"),
    "search_label": Text("Ord att söka efter", "Words to search for"),
    # the help line beside the box
    "search_tips": Text(
        "Alla ord måste finnas med, i vilken böjning som helst.", "All words must occur, in any inflected form."
    ),
    "more_ways": Text("Fler sätt att söka", "More ways to search"),
    "way_phrase": Text("orden i just den följden", "the words in that very order"),
    "way_not": Text("utan det ordet", "without that word"),
    "way_or": Text("det ena eller det andra", "the one or the other"),
    "way_star": Text("ord som börjar så, minst tre bokstäver", "words that begin so, three letters at least"),
    "way_near": Text("högst fem ord emellan", "at most five words between"),
    "way_field": Text(
        "bara i rubriken; också ingress:, fråga:, svar:", "only in the title; also lead:, question:, answer:"
    ),
    "way_agency": Text("bara den myndigheten", "only that agency"),
    "way_tag": Text("bara med det ämnesordet", "only with that tag"),
    "way_days": Text("publicerat de dagarna, månaderna eller åren", "published on those days, months or years"),
    "ask_phrase": Text('"på natten"', '"på natten"'),
    "ask_not": Text("skola -förskola", "skola -förskola"),
    "ask_or": Text("polis OR åklagare", "polis OR åklagare"),
    "ask_star": Text("miljö*", "miljö*"),
    "ask_near": Text("barn NEAR/5 vård", "barn NEAR/5 vård"),
    "ask_field": Text("rubrik:budget", "title:budget"),
    "ask_agency": Text("myndighet:polisen", "agency:polisen"),
    "ask_tag": Text('ämne:"mänskliga rättigheter"', 'tag:"mänskliga rättigheter"'),
    "ask_days": Text("från:2023-09 till:2024", "from:2023-09 to:2024"),
    # what was read otherwise than it may have been meant
    "search_note_open_quote": Text(
        "Ett citattecken saknar sin andra hälft. Orden efter det söktes vart för sig.",
        "A quotation mark lacks its other half. The words after it were searched for one by one.",
    ),
    "search_note_short_star": Text(
        "Före en stjärna behövs minst tre bokstäver. {words} lästes som ett helt ord.",
        "A star needs at least three letters before it. {words} was read as a whole word.",
    ),
    "search_note_many_begin": Text(
        "Så många ord börjar som {words} att bara de vanligaste av dem söktes, och de nyaste träffarna står först.",
        "So many words begin like {words} that only the commonest of them were searched, the newest hits first.",
    ),
    "search_note_lone": Text(
        "{words} behöver ett ord på var sida. Här lästes det som ett vanligt ord.",
        "{words} needs a word on either side. Here it was read as an ordinary word.",
    ),
    "search_note_only_not": Text(
        "Sökningen säger bara vad som inte ska vara med. Allt annat visas.",
        "The search says only what must not be there. All else is shown.",
    ),
    "search_note_no_day": Text(
        "{words} är inget datum och lästes som vanliga ord. Datum skrivs 2024, 2024-03 eller 2024-03-15.",
        "{words} is no date and was read as ordinary words. Dates are written 2024, 2024-03 or 2024-03-15.",
    ),
    "search_note_no_time": Text(
        "Tiden {words} slutar innan den börjar, så inget kan vara publicerat då.",
        "The time {words} ends before it begins, so nothing can have been published in it.",
    ),
    "search_note_no_field": Text(
        "{words} är inget fält och lästes som vanliga ord. Fälten är rubrik, ingress, text, fråga, svar, myndighet,"
        " ämne, från och till.",
        "{words} is no field and was read as ordinary words. The fields are title, lead, body, question, answer,"
        " agency, tag, from and to.",
    ),
    "search_note_no_value_of": Text(
        "Efter {words} står inget att söka efter, så det lästes som ett vanligt ord.",
        "Nothing to search for stands after {words}, so it was read as an ordinary word.",
    ),
    "search_note_no_agency": Text(
        "Ingen myndighet i arkivet heter {words}.", "No agency in the archive is called {words}."
    ),
    "search_note_no_tag": Text("Inget ämnesord i arkivet heter {words}.", "No tag in the archive is called {words}."),
    "search_note_not_read": Text(
        "{words} i adressen går inte att läsa och räknas inte med.",
        "{words} in the address cannot be read and is left out.",
    ),
    "search_note_no_value": Text(
        "{words} i adressen: det värdet finns inte i arkivet.", "{words} in the address: the archive has no such value."
    ),
    "search_note_most_size": Text(
        "En sida rymmer högst 100 träffar; {words} i adressen är för mycket.",
        "A page holds 100 hits at most; {words} in the address is too much.",
    ),
    "search_note_no_page": Text(
        "Det finns ingen sida {words}: träffarna tar slut före den.",
        "There is no page {words}: the hits end before it.",
    ),
    "search_note_cut": Text(
        "Bara de första orden togs med i sökningen: högst 32 ord och 2\u00a0000 tecken.",
        "Only the first words were used in the search: 32 words and 2,000 characters at most.",
    ),
    "search_note_titled": Text(
        "Så vanliga ord vägs inte: meddelanden med alla ord i rubriken står först, sedan de nyaste.",
        "Words so common are not weighed: releases with all words in the title come first, then the newest.",
    ),
    "search_note_partial": Text(
        "Talen vid en vald avgränsning är räknade bland högst 10\u00a0000 meddelanden, de nyaste.",
        "The numbers beside a chosen filter are counted among 10,000 releases at most, the newest.",
    ),
    # what is shown, and in which order
    "show_releases": Text("Meddelanden", "Releases"),
    "show_questions": Text("Frågor och svar", "Questions and answers"),
    "what_to_show": Text("Vad som visas", "What is shown"),
    "order": Text("Ordning", "Order"),
    "best_first": Text("bäst först", "best first"),
    "newest_first": Text("nyast först", "newest first"),
    "hits": Text(("{n} meddelande", "{n} meddelanden"), ("{n} release", "{n} releases")),
    "hits_capped": Text("Fler än {n} meddelanden", "More than {n} releases"),
    "pairs": Text(("{n} fråga med svar", "{n} frågor med svar"), ("{n} question answered", "{n} questions answered")),
    "pairs_capped": Text("Fler än {n} frågor med svar", "More than {n} questions answered"),
    "capped_hint": Text(
        "Fler än så räknas inte, varken i allt eller efter myndighet, år och annat. Träffarna är de nyaste.",
        "No more than that are counted, in all or by agency, year and so on. The hits are the newest.",
    ),
    "capped_pairs": Text(
        "Fler än så räknas inte. Träffarna är de som arkivet läste in sist.",
        "No more than that are counted. The hits are those the archive read last.",
    ),
    "answered_in": Text("Ur {title}", "From {title}"),
    "in_question": Text("I fråga {n}:", "In question {n}:"),
    # facets
    "narrow": Text("Avgränsa", "Narrow down"),
    "facet_agency": Text("Myndighet", "Agency"),
    "facet_kind": Text("Slag", "Kind"),
    "facet_year": Text("År", "Year"),
    "facet_tag": Text("Ämnesord", "Tag"),
    "facet_questions": Text("Frågor och svar", "Questions and answers"),
    "value_year_none": Text("Utan datum", "Undated"),
    "value_kind_none": Text("Framgår inte", "Not told"),
    "value_questions_yes": Text("Med frågor och svar", "With questions and answers"),
    "value_questions_no": Text("Utan", "Without"),
    "exclude": Text("Uteslut {name}", "Leave out {name}"),
    "without_value": Text("Utan {name}", "Without {name}"),
    "more_choices": Text("Visa {n} till", "Show {n} more"),
    "choices_left": Text(
        "{n} till med färre träffar står i JSON. En myndighet väljs också med myndighet: i sökrutan.",
        "{n} more with fewer hits are in the JSON. An agency can be chosen with agency: in the search box, too.",
    ),
    "chosen": Text("Valda avgränsningar", "Chosen filters"),
    "remove_filter": Text("Ta bort avgränsningen {name}", "Remove the filter {name}"),
    # why a hit was found
    "why": Text("Varför den här träffen?", "Why this hit?"),
    "why_title": Text("rubriken", "the title"),
    "why_lead": Text("ingressen", "the lead"),
    "why_body": Text("texten", "the text"),
    "why_question": Text("en fråga", "a question"),
    "why_answer": Text("ett svar", "an answer"),
    "why_stands": Text("{asked} finns i", "{asked} is in"),
    # other spellings
    "did_you_mean": Text("Menade du", "Did you mean"),
    "apart": Text(
        "Orden finns, men inte tillsammans i den följden. Sök dem vart för sig:",
        "The words are there, but not together in that order. Search for them one by one:",
    ),
    # pages of hits
    "pages": Text("Sidor", "Pages"),
    "previous": Text("Föregående", "Previous"),
    "next": Text("Nästa", "Next"),
    "page_of": Text("Sida {page} av {pages}", "Page {page} of {pages}"),
    # nothing found
    "no_hits": Text("Inget meddelande hittades.", "No release was found."),
    "no_pairs": Text("Ingen fråga med svar hittades.", "No answered question was found."),
    "searched": Text(
        ("Sökningen gick igenom {n} meddelande från", "Sökningen gick igenom {n} meddelanden från"),
        ("The search went through {n} release from", "The search went through {n} releases from"),
    ),
    "searched_more": Text("{n} till", "{n} more"),
    "fresh_newest": Text("Det nyaste meddelandet är från {when}.", "The newest release is of {when}."),
    "fresh_status": Text("Så mår läsningen av varje myndighet", "How the reading of each agency fares"),
    "no_hits_advice": Text(
        "Pröva färre ord, ett annat ord för samma sak eller OR mellan två ord.",
        "Try fewer words, another word for the same thing, or OR between two words.",
    ),
    "without_filters": Text("Sök utan avgränsningar", "Search without filters"),
    "no_word": Text(
        "Det som skrevs innehåller inga bokstäver eller siffror att söka efter.",
        "What was typed holds no letters or digits to search for.",
    ),
    "too_slow": Text(
        "Sökningen tog för lång tid. Pröva ovanligare ord eller en avgränsning.",
        "The search took too long. Try rarer words or a filter.",
    ),
}
