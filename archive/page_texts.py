"""The interface's words for the pages around the releases, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

PAGES = {
    # every page
    "about": Text("Om arkivet", "About"),
    "help": Text("Hjälp", "Help"),
    "search_help": Text("Hjälp om sökning", "Help with searching"),
    "more_menu": Text("Om webbplatsen", "About the site"),
    # index
    "what_is_this": Text(
        "Arkivet läser myndigheternas nyhetssidor, sparar varje text som den stod och visar vad som senare ändrades"
        " eller togs bort.",
        "The archive reads the agencies’ news pages, keeps each text as it stood and shows what was later changed or"
        " removed.",
    ),
    "more_about": Text("Mer om arkivet", "More about the archive"),
    "all_agencies": Text(("Alla myndigheter", "Alla {n} myndigheter"), ("All agencies", "All {n} agencies")),
    "last_added": Text("Senast utökat {when}.", "Last added to {when}."),
    "by_month": Text("Månad för månad", "Month by month"),
    # agencies
    "agencies_about": Text("De myndigheter som arkivet läser.", "The agencies that the archive reads."),
    "no_agencies": Text("Arkivet läser ingen myndighet än.", "The archive reads no agency yet."),
    # one agency
    "agency_about": Text(
        "Vad {agency} har publicerat, som arkivet såg det.", "What {agency} has published, as the archive saw it."
    ),
    "agency_home": Text("Myndighetens webbplats", "The agency’s website"),
    "org_number": Text("Organisationsnummer {number}", "Organisation number {number}"),
    "search_agency": Text("Sök hos {agency}", "Search {agency}"),
    "record": Text("I arkivet", "In the archive"),
    "held": Text("Meddelanden", "Releases"),
    "edits_made": Text("Ändringar", "Edits"),
    "n_unannounced": Text("varav {n} oannonserade", "{n} of them unannounced"),
    "removed_count": Text("Borttagna", "Removed"),
    "last_crawl": Text("Senast läst", "Last read"),
    "crawl_good": Text("utan fel", "without errors"),
    "crawl_faults": Text(
        ("{n} adress svarade inte", "{n} adresser svarade inte"),
        ("{n} address did not answer", "{n} addresses did not answer"),
    ),
    "crawl_stopped": Text("avbruten i förtid", "ended early"),
    "never_crawled": Text("Ännu aldrig av arkivet", "Never yet by the archive"),
    "read_since": Text("Läst sedan", "Read since"),
    "agency_empty": Text(
        "Arkivet har inget meddelande från {agency} än.", "The archive has no release from {agency} yet."
    ),
    "agency_empty_hint": Text(
        "Så snart en insamling har hittat något visas det här.",
        "As soon as a crawl has found something it is shown here.",
    ),
    "months": Text("Månader", "Months"),
    "n_undated": Text(("{n} utan datum", "{n} utan datum"), ("{n} undated", "{n} undated")),
    "older_years": Text("Äldre år", "Earlier years"),
    "older_releases": Text("Äldre meddelanden", "Older releases"),
    "most_used_tags": Text("Vanliga ämnesord", "Common tags"),
    # one tag
    "tag_title": Text("Ämnesord: {tag}", "Tag: {tag}"),
    "tag_head": Text("Ämnesord", "Tag"),
    "tag_about": Text(
        "Meddelanden som myndigheterna själva har märkt så.", "Releases that the agencies themselves have tagged so."
    ),
    "search_tag": Text("Sök bland dem", "Search among them"),
    "used_by": Text("Används av", "Used by"),
    "tag_empty": Text("Inget meddelande har det ämnesordet längre.", "No release has that tag any more."),
    # one month
    "month_of": Text("{agency}: {month}", "{agency}: {month}"),
    "undated_title": Text("Utan datum", "Undated"),
    "undated_about": Text(
        "Sidor som inte säger när de publicerades. De står i ordning efter när de uppdaterades eller först sågs.",
        "Pages that do not say when they were published, in the order in which they were updated or first seen.",
    ),
    "month_about": Text("Publicerat enligt myndigheterna.", "Published, say the agencies."),
    "month_empty": Text("Inget meddelande från den månaden.", "No release from that month."),
    "month_empty_hint": Text(
        "Arkivet har inget som publicerades då. Pröva en annan månad.",
        "The archive has nothing that was published then. Try another month.",
    ),
    "every_month_of": Text("Alla månader från {agency}", "Every month of {agency}"),
    "everyone": Text("Alla myndigheter denna månad", "All agencies that month"),
    "other_months": Text("Andra månader", "Other months"),
    "other_years": Text("Andra år", "Other years"),
    # reading page
    "times": Text("Fyra tider", "Four times"),
    "taken_over": Text("Hämtad till arkivet ur en annan samling", "Taken over from another collection"),
    "in_given_words": Text("i den samlingen: ”{words}”", "in that collection: “{words}”"),
    "never_checked": Text("Ännu aldrig av arkivet", "Never yet by the archive"),
    "neighbours_of": Text("Fler från {agency}", "More from {agency}"),
    "earlier": Text("Tidigare", "Earlier"),
    "later": Text("Senare", "Later"),
}
