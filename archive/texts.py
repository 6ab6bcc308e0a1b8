"""Every word of the interface, in Swedish and English side by side; a pair in brackets is (one, many) by {n}."""

from __future__ import annotations

from typing import NamedTuple

Words = str | tuple[str, str]


class Text(NamedTuple):
    """One text of the interface in both languages."""

    sv: Words
    en: Words


MONTHS = (
    Text("januari", "January"),
    Text("februari", "February"),
    Text("mars", "March"),
    Text("april", "April"),
    Text("maj", "May"),
    Text("juni", "June"),
    Text("juli", "July"),
    Text("augusti", "August"),
    Text("september", "September"),
    Text("oktober", "October"),
    Text("november", "November"),
    Text("december", "December"),
)

KINDS = {  # what releases.kind holds; a kind not named here is shown as it is
    "press release": Text("pressmeddelande", "press release"),
    "opinion": Text("debattartikel", "opinion"),
    "speech": Text("tal", "speech"),
    "statement": Text("uttalande", "statement"),
    "interview": Text("intervju", "interview"),
    "notice": Text("notis", "notice"),
    "consultation": Text("remiss", "consultation"),
    "decision": Text("beslut", "decision"),
    "report": Text("rapport", "report"),
    "regulation": Text("föreskrift", "regulation"),
    "blog": Text("blogg", "blog"),
    "event": Text("evenemang", "event"),
    "newsletter": Text("nyhetsbrev", "newsletter"),
    "news": Text("nyhet", "news"),
    "article": Text("artikel", "article"),
}

TEXTS = {
    # every page
    "site": Text("Myndighetsarkivet", "Myndighetsarkivet"),
    "skip": Text("Hoppa till innehållet", "Skip to the content"),
    "main_menu": Text("Huvudmeny", "Main menu"),
    "search": Text("Sök", "Search"),
    "data": Text("Data", "Data"),
    "other_language": Text("In English", "På svenska"),
    "about_source": Text(
        "Texterna är myndigheternas egna och återges så som de stod på deras webbplatser.",
        "The texts are the agencies’ own, shown as they stood on their websites.",
    ),
    "powered": Text("Byggt på Datasette", "Built on Datasette"),
    # lists of releases
    "published_on": Text("Publicerad {when}", "Published {when}"),
    "updated_on": Text("Uppdaterad {when}", "Updated {when}"),
    "seen_on": Text("Först sedd {when}", "First seen {when}"),
    # index
    "tagline": Text(
        "Svenska myndigheters pressmeddelanden och nyheter, samlade och sökbara. Varje senare ändring sparas.",
        "Press releases and news from Swedish government agencies, gathered and searchable. Every later edit is kept.",
    ),
    "holds": Text(
        ("{n} meddelande från {agencies}.", "{n} meddelanden från {agencies}."),
        ("{n} release from {agencies}.", "{n} releases from {agencies}."),
    ),
    "n_agencies": Text(("{n} myndighet", "{n} myndigheter"), ("{n} agency", "{n} agencies")),
    "fresh": Text("Senast läst {when}.", "Last read {when}."),
    "newest": Text("Senaste meddelanden", "Newest releases"),
    "all_releases": Text("Alla meddelanden", "All releases"),
    "agencies": Text("Myndigheter", "Agencies"),
    "silent": Text(
        ("{n} myndighet utan meddelanden än", "{n} myndigheter utan meddelanden än"),
        ("{n} agency without releases yet", "{n} agencies without releases yet"),
    ),
    "empty_archive": Text("Arkivet är tomt än så länge.", "The archive is still empty."),
    "empty_archive_hint": Text(
        "Så snart en insamling har gått visas meddelandena här.",
        "Releases are shown here as soon as a crawl has run.",
    ),
    "use_data": Text("Använd uppgifterna", "Use the data"),
    "use_data_hint": Text(
        "Allt i arkivet går att hämta som JSON och CSV, och att fråga med SQL.",
        "Everything in the archive can be had as JSON and CSV, and queried with SQL.",
    ),
    "browse_tables": Text("Alla tabeller", "All tables"),
    "releases_json": Text("Meddelanden som JSON", "Releases as JSON"),
    "releases_csv": Text("Meddelanden som CSV", "Releases as CSV"),
    # search
    "search_title": Text("Sök i arkivet", "Search the archive"),
    "search_for": Text("Sök: {words}", "Search: {words}"),
    "search_label": Text("Ord att söka efter", "Words to search for"),
    "search_tips": Text(
        "Alla ord måste finnas med. Citattecken håller ihop en fras, och en stjärna efter minst tre bokstäver"
        " tar med ordets fortsättningar:",
        "All words must occur. Quotation marks keep a phrase together, and a star after at least three letters"
        " takes in longer words:",
    ),
    "example_phrase": Text('"på natten"', '"på natten"'),
    "example_star": Text("miljö*", "miljö*"),
    "hits": Text(("{n} meddelande", "{n} meddelanden"), ("{n} release", "{n} releases")),
    "hits_capped": Text("Fler än {n} meddelanden", "More than {n} releases"),
    "newest_first": Text("nyast först", "newest first"),
    "narrow": Text("Avgränsa", "Narrow down"),
    "facet_agency": Text("Myndighet", "Agency"),
    "facet_year": Text("År", "Year"),
    "facet_tag": Text("Ämnesord", "Tag"),
    "year_none": Text("Utan datum", "Undated"),
    "more_choices": Text("Visa {n} till", "Show {n} more"),
    "chosen": Text("Valda avgränsningar", "Chosen filters"),
    "remove_filter": Text("Ta bort avgränsningen {name}", "Remove the filter {name}"),
    "pages": Text("Sidor", "Pages"),
    "previous": Text("Föregående", "Previous"),
    "next": Text("Nästa", "Next"),
    "page_of": Text("Sida {page} av {pages}", "Page {page} of {pages}"),
    "no_hits": Text("Inget meddelande hittades.", "No release was found."),
    "searched": Text(
        ("Sökningen gick igenom {n} meddelande från", "Sökningen gick igenom {n} meddelanden från"),
        ("The search went through {n} release from", "The search went through {n} releases from"),
    ),
    "no_hits_advice": Text(
        "Pröva färre ord, en annan böjning eller en stjärna sist i ordet.",
        "Try fewer words, another form of the word, or a star at its end.",
    ),
    "without_filters": Text("Sök utan avgränsningar", "Search without filters"),
    "no_word": Text(
        "Det som skrevs innehåller inga bokstäver eller siffror att söka efter.",
        "What was typed holds no letters or digits to search for.",
    ),
    "cut": Text(
        "Bara de {n} första orden togs med i sökningen.",
        "Only the first {n} words were used in the search.",
    ),
    "too_slow": Text(
        "Sökningen tog för lång tid. Pröva ovanligare ord eller en avgränsning.",
        "The search took too long. Try rarer words or a filter.",
    ),
    # reading page
    "questions": Text("Frågor och svar", "Questions and answers"),
    "answers_by": Text("Svarar: {who}", "Answered by {who}"),
    "tags": Text("Ämnesord", "Tags"),
    "joint": Text("Också publicerad av", "Also published by"),
    "joint_earlier": Text("före den här", "before this one"),
    "joint_nearly": Text("nästan samma text", "nearly the same text"),
    "images": Text("Bilder", "Pictures"),
    "image_link": Text("Bild hos myndigheten", "Picture at the agency"),
    "credit": Text("Foto/bild: {who}", "Credit: {who}"),
    "attachments": Text("Bilagor", "Attachments"),
    "contacts": Text("Kontakt", "Contact"),
    "facts": Text("Om meddelandet", "About this release"),
    "agency": Text("Myndighet", "Agency"),
    "kind": Text("Slag", "Kind"),
    "published": Text("Publicerad enligt myndigheten", "Published, says the agency"),
    "updated": Text("Uppdaterad enligt myndigheten", "Updated, says the agency"),
    "not_told": Text("Framgår inte av sidan", "The page does not say"),
    "in_its_words": Text("på sidan: ”{words}”", "on the page: “{words}”"),
    "first_seen": Text("Först sedd av arkivet", "First seen by the archive"),
    "last_checked": Text("Senast kontrollerad", "Last checked"),
    "language": Text("Språk", "Language"),
    "lang_sv": Text("svenska", "Swedish"),
    "lang_en": Text("engelska", "English"),
    "original": Text("Läs originalet hos {agency}", "Read the original at {agency}"),
    "address": Text("Adress", "Address"),
    "versions": Text(("{n} sparad lydelse", "{n} sparade lydelser"), ("{n} kept version", "{n} kept versions")),
    "as_data": Text("Som data", "As data"),
    # an address that leads nowhere
    "not_found": Text("Sidan finns inte", "There is no such page"),
    "not_found_hint": Text(
        "Adressen leder inte till något i arkivet. Pröva att söka i stället.",
        "The address leads to nothing in the archive. Try a search instead.",
    ),
}
