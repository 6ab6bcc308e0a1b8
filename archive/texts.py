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

RELEASE_KINDS = {  # what releases.kind holds; a kind not named here is shown as it is
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
