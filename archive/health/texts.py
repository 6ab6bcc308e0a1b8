"""The words for health and the status page, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

STATES = {
    "failing": Text("ur funktion", "failing"),
    "never worked": Text("har aldrig fungerat", "never worked"),
    "suspect": Text("misstänkt", "suspect"),
    "quiet": Text("tyst", "quiet"),
    "healthy": Text("fungerar", "healthy"),
    "paused": Text("avstängd", "paused"),
}
REASONS = {  # by the reason's code: see the table in archive/health/__init__.py
    "paused": Text("Läsningen är avstängd tills vidare.", "Reading is switched off for the time being."),
    "unlisted": Text("Står inte på listan över dem som läses.", "Is not on the list of those that are read."),
    "never_crawled": Text("Arkivet har inte försökt läsa den än.", "The archive has not tried to read it yet."),
    "not_read": Text(
        "Arkivet har inte läst den sedan {last}. Felet är arkivets.",
        "The archive has not read it since {last}. The fault is the archive’s.",
    ),
    "all_fails": Text(
        "Inget har gått att läsa sedan {since}: {fault}.", "Nothing could be read since {since}: {fault}."
    ),
    "lists_nothing": Text(
        "Svarar, men listar inga meddelanden sedan {since}.", "Answers, but has listed no releases since {since}."
    ),
    "all_refused": Text(
        "Ingen av {bad} listade sidor gick att läsa: {fault}.", "None of {bad} listed pages could be read: {fault}."
    ),
    "none_held": Text("Listar meddelanden, men inget har lästs.", "Lists releases, but none was read."),
    "held_back": Text(
        (
            "{n} meddelande hålls undan tills någon har sett på det.",
            "{n} meddelanden hålls undan tills någon sett dem.",
        ),
        ("{n} release is kept aside until looked at.", "{n} releases are kept aside until looked at."),
    ),
    "fields": Text(
        "Sidorna säger inte längre {fields}: {now} % av dem, mot {before} % förr. De kan ha fått ny utformning.",
        "Pages no longer tell {fields}: {now}% of them, {before}% before. They may have a new design.",
    ),
    "many_refused": Text(
        "{bad} av {n} sidor gick inte att läsa: {fault}.", "{bad} of {n} pages could not be read: {fault}."
    ),
    "source_fails": Text(
        "En av källorna svarar inte sedan {since}: {url}", "One of the sources has not answered since {since}: {url}"
    ),
    "lists_fewer": Text("Listar {n} meddelanden, mot {before} som vanligt.", "Lists {n} releases; {before} are usual."),
    "too_few": Text(
        "Läsningen fungerar. Hur ofta den brukar publicera är inte känt än.",
        "Reading works. How often it usually publishes is not known yet.",
    ),
    "silent": Text(
        "Läsningen fungerar, men inget nytt sedan {newest}. Sällan dröjer det mer än {long} dagar.",
        "Reading works, but nothing new since {newest}. It seldom takes more than {long} days.",
    ),
    "quiet_season": Text(
        "Inget nytt sedan {newest}. Lika tyst har det varit vid samma tid förr om åren.",
        "Nothing new since {newest}. It was as silent at this time of earlier years.",
    ),
    "quiet_holiday": Text(
        "Inget nytt sedan {newest}, som hos många i semestertider.",
        "Nothing new since {newest}, as with many in the holidays.",
    ),
    "quiet": Text(
        "Inget nytt sedan {newest}. Så länge dröjer det ibland.",
        "Nothing new since {newest}. It sometimes takes so long.",
    ),
    "fewer": Text(
        "{n} meddelanden på tre månader, mot {before} samma tid förra året.",
        "{n} releases in three months; {before} at the same time last year.",
    ),
    "usual": Text("Kommer som vanligt.", "As usual."),
}
TOLD = {  # fields, as the middle of a sentence
    "title": Text("rubrik", "a title"),
    "lead": Text("ingress", "a lead"),
    "published": Text("publiceringsdatum", "when they were published"),
    "updated": Text("uppdateringsdatum", "when they were updated"),
    "tags": Text("ämnesord", "tags"),
    "questions": Text("frågor och svar", "questions and answers"),
}
FILLS = {  # fields, as a label
    "title": Text("rubrik", "title"),
    "lead": Text("ingress", "lead"),
    "published": Text("publicerad", "published"),
    "updated": Text("uppdaterad", "updated"),
    "tags": Text("ämnesord", "tags"),
    "questions": Text("frågor", "questions"),
}
ROBOTS = {
    "allowed": Text("robots.txt tillåter", "robots.txt allows"),
    "forbidden": Text("robots.txt förbjuder", "robots.txt forbids"),
    "unreachable": Text("robots.txt går inte att läsa", "robots.txt cannot be read"),
    "absent": Text("ingen robots.txt", "no robots.txt"),
}
STATUS = {
    "status": Text("Driftläge", "Status"),
    "status_title": Text("Vad arkivet läser, och vad som inte fungerar", "What the archive reads, and what fails"),
    "status_about": Text(
        "Varje myndighet bedöms efter vad som har kommit in, jämfört med dess egen vana. En tystnad här kan alltså vara"
        " myndighetens, eller vår.",
        "Each agency is judged by what came in, against its own habit. So a silence here may be the agency’s, or ours.",
    ),
    "status_none": Text("Ingen myndighet är bedömd än.", "No agency has been judged yet."),
    "status_none_hint": Text("Det sker efter varje insamling.", "That is done after each crawl."),
    "judged_when": Text("Bedömt {when}.", "Judged {when}."),
    "judged_late": Text(
        "Inget har lästs eller bedömts sedan {when}. Det nedan kan vara inaktuellt: felet är arkivets.",
        "Nothing has been read or judged since {when}. This may be out of date: the fault is the archive’s.",
    ),
    "n_faults": Text(
        ("{n} myndighet läses inte som den ska", "{n} myndigheter läses inte som de ska"),
        ("{n} agency is not read as it should be", "{n} agencies are not read as they should be"),
    ),
    "n_read": Text(
        ("{n} myndighet läses som den ska", "{n} myndigheter läses som de ska"),
        ("{n} agency is read as it should be", "{n} agencies are read as they should be"),
    ),
    "none_read": Text("Ingen myndighet läses just nu", "No agency is read at the moment"),
    "n_known": Text(("{n} känt fel", "{n} kända fel"), ("{n} known fault", "{n} known faults")),
    "since_when": Text("så sedan {when}", "so since {when}"),
    "status_all": Text("Alla myndigheters driftläge", "Status of all agencies"),
    "known_fault": Text("känt fel", "known fault"),
    "expected_by": Text("väntas senast {when}", "expected by {when}"),
    "newest_of": Text("nyast {when}", "newest {when}"),
    "worked_when": Text("senast läst {when}", "last read {when}"),
    "worked_never": Text("aldrig läst med framgång", "never read successfully"),
    "held_of_listed": Text("{held} i arkivet, {listed} listade", "{held} held, {listed} listed"),
    "head_quiet": Text("Tysta inom sin vana", "Quiet within their habit"),
    "head_healthy": Text("Fungerar", "Healthy"),
    "head_paused": Text("Avstängda", "Paused"),
    "head_untried": Text("Ännu inte prövade", "Not tried yet"),
    "fields_told": Text("Andel lästa sidor som anger", "Share of pages read that tell"),
    "field": Text("Uppgift", "Field"),
    "now": Text("Nu", "Now"),
    "before": Text("Förr", "Before"),
    "usual_gap": Text("Brukar dröja", "Usually takes"),
    "n_days": Text(("{n} dag", "{n} dagar"), ("{n} day", "{n} days")),
    "found_week": Text("Nya den senaste veckan", "New in the last week"),
    "refused_week": Text("Oläsliga den senaste veckan", "Unreadable in the last week"),
    "kept_aside": Text("Hålls undan", "Kept aside"),
    "tried_when": Text("Senast försökt", "Last tried"),
    "state_history": Text("Så har läget ändrats", "How the state changed"),
    "guest_one": Text("De senaste trettio dagarna.", "The last thirty days."),
    "faults_week": Text("Fel den senaste veckan", "Faults of the last week"),
    "col_agency": Text("Myndighet", "Agency"),
    "col_newest": Text("Nyast", "Newest"),
    "col_expected": Text("Väntas senast", "Expected by"),
    "col_held": Text("I arkivet", "Held"),
    "col_listed": Text("Listade", "Listed"),
    "col_read": Text("Senast läst med framgång", "Last read successfully"),
    "guest_title": Text("Hur arkivet uppför sig", "How the archive behaves"),
    "guest_about": Text("De senaste trettio dagarna hos alla myndigheter.", "The last thirty days at all agencies."),
    "guest_requests": Text("Frågor till webbplatser", "Requests to sites"),
    "guest_bytes": Text("Hämtat", "Received"),
    "guest_same": Text("Oförändrat enligt servern (304)", "Not modified, says the server (304)"),
    "guest_delay": Text("Kortaste paus mellan två frågor", "Shortest pause between two requests"),
    "guest_robots": Text("robots.txt", "robots.txt"),
    "seconds": Text("{n} sekunder", "{n} seconds"),
    "status_atom": Text("Driftläge: ändringar", "Status: changes"),
    "became": Text("{agency}: {state}", "{agency}: {state}"),
    "status_more": Text(
        "Vad som läses, och vad som just nu inte fungerar:", "What is read, and what fails at the moment:"
    ),
}
