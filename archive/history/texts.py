"""The interface's words for edits, removals and comparisons, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

WEIGHTS = (  # the least weight, the marks it gets of four, and how it is said
    (80, 4, Text("mycket tung", "very weighty")),
    (50, 3, Text("tung", "weighty")),
    (20, 2, Text("märkbar", "noticeable")),
    (0, 1, Text("liten", "slight")),
)
ABSENCES = {  # what was seen in a release's place (removals.kind)
    "gone": Text("Sidan svarade {status}.", "The page answered {status}."),
    "error page": Text("Sidan sade att den inte finns.", "The page said that it does not exist."),
    "redirected": Text("Adressen ledde till {target}", "The address led to {target}"),
    "replaced": Text("En annan text stod på adressen: ”{target}”.", "Another text stood at the address: “{target}”."),
    "moved": Text("Flyttad till {target}", "Moved to {target}"),
}
ABSENCE_CHOICES = {  # the same, as a choice
    "gone": Text("sidan svarade att den inte finns", "the page answered that it is not there"),
    "error page": Text("sidan sade att den inte finns", "the page said that it does not exist"),
    "redirected": Text("adressen ledde någon annanstans", "the address led elsewhere"),
    "replaced": Text("en annan text stod på adressen", "another text stood at the address"),
    "moved": Text("flyttad till en annan adress", "moved to another address"),
}
STAMP_CHOICES = {  # what the agency's own update stamp did at an edit (archive.history.STAMPS), as a choice
    "moved": Text("ändrades samtidigt", "moved with it"),
    "not moved": Text("ändrades inte", "did not move"),
    "none told": Text("anges inte", "is not told"),
}
HISTORY = {
    "edits": Text("Ändringar", "Edits"),
    "removed": Text("Borttaget", "Removed"),
    "edits_atom": Text("Ändringar som Atom", "Edits as Atom"),
    "removed_atom": Text("Borttaget som Atom", "Removed as Atom"),
    # an edit, wherever it is told
    "edited": Text("Ändrad", "Changed"),
    "edited_times": Text(
        ("Ändrad en gång sedan den först sågs här", "Ändrad {n} gånger sedan den först sågs här"),
        ("Changed once since first seen here", "Changed {n} times since first seen here"),
    ),
    "unannounced": Text("oannonserad", "unannounced"),
    "stamp_still": Text(
        "Oannonserad: gjord utan att myndigheten ändrade sitt uppdateringsdatum.",
        "Not announced: the agency’s own update date did not move.",
    ),
    "stamp_none": Text("Sidan anger inget uppdateringsdatum.", "The page states no update date."),
    "between_looks": Text(
        "Gjord mellan två kontroller: {after} och {when}.", "Made between two checks: {after} and {when}."
    ),
    "found_at_look": Text("Sedd {when}.", "Seen {when}."),
    "weight_of": Text("tyngd {n} av 100", "weight {n} of 100"),
    "back_to": Text("Tillbaka till lydelsen från {when}", "Back to the wording of {when}"),
    "show_change": Text("Visa ändringen", "Show the change"),
    "show_difference": Text("Visa skillnaden", "Show the difference"),
    "evidence": Text("Underlag (zip)", "Evidence (zip)"),
    # the timeline
    "history": Text("Historik", "History"),
    "history_of": Text("Historik: {title}", "History: {title}"),
    "event_first": Text("Först läst av arkivet", "First read by the archive"),
    "event_edit": Text("Ändrad av myndigheten", "Changed by the agency"),
    "event_reread": Text(
        "Arkivet läste sidan på nytt: ingen ändring av myndigheten",
        "We read the page anew: not an edit by the agency",
    ),
    "event_same": Text(
        "Läst på sin nya adress: ingen ändring av myndigheten", "Read at its new address: not an edit by the agency"
    ),
    "event_own": Text(
        "Först läst av arkivet självt; lydelsen före kom från en annan samling",
        "First read by the archive itself; the version before came from another collection",
    ),
    "event_import": Text("Hämtad från en annan samling", "Taken over from another collection"),
    "checked": Text(
        (
            "Kontrollerad {n} gång därefter, {when}: oförändrad.",
            "Kontrollerad {n} gånger därefter, senast {when}: oförändrad.",
        ),
        ("Checked {n} time since, {when}: unchanged.", "Checked {n} times since, last {when}: unchanged."),
    ),
    "not_checked": Text("Inte kontrollerad igen sedan dess.", "Not checked again since."),
    "not_seen": Text("Inte sedd igen sedan dess.", "Not seen again since."),
    "at_address": Text("På adressen {url}", "At the address {url}"),
    "moved_from": Text("Flyttad från {old} till {target}", "Moved from {old} to {target}"),
    "away_confirmed": Text("Borttagen av myndigheten", "Removed by the agency"),
    "away_doubt": Text("Kanske borttagen", "Perhaps removed"),
    "away_passed": Text("Tillfälligt borta", "Away for a while"),
    "away_checks": Text(
        ("Sett vid {n} kontroll.", "Sett vid {n} kontroller, senast {when}."),
        ("Seen by {n} check.", "Seen by {n} checks, last {when}."),
    ),
    "confirmed_when": Text("Bekräftad {when}.", "Confirmed {when}."),
    "not_confirmed": Text(
        "Inte bekräftad: flera kontroller under minst ett dygn krävs.",
        "Not confirmed: several checks over at least a day are needed.",
    ),
    "passed": Text("Blev aldrig bekräftad.", "Was never confirmed."),
    "back_when": Text("Tillbaka {when}.", "Back {when}."),
    "found_when": Text("Återfunnen på en annan adress {when}.", "Found again at another address {when}."),
    "show_older": Text(("{year}: {n} händelse", "{year}: {n} händelser"), ("{year}: {n} event", "{year}: {n} events")),
    "follow_release": Text("Följ ändringarna (Atom)", "Follow the edits (Atom)"),
    "all_edits_of": Text("Bara myndighetens ändringar", "Only the agency’s edits"),
    "whole_history": Text("Hela historiken som data", "The whole history as data"),
    # what stands in the way of reading it as today's
    "standing": Text("Meddelandets läge", "Where the release stands"),
    "stands_gone": Text("Borttagen av myndigheten", "Removed by the agency"),
    "stands_doubt": Text("Kanske borttagen, inte bekräftat", "Perhaps removed, not confirmed"),
    "stands_moved": Text("Flyttad", "Moved"),
    "stands_outage": Text("Kan inte kontrolleras just nu", "Cannot be checked at the moment"),
    "stands_forbidden": Text("Får inte längre kontrolleras", "May no longer be checked"),
    "stands_unread": Text("Kan inte läsas just nu", "Cannot be read at the moment"),
    "first_seen_so": Text("Upptäckt {when}.", "First seen {when}."),
    "last_text": Text(
        "Texten nedan är den sista som arkivet såg, den stod kvar {when}.",
        "The text below is the last that the archive saw; it stood {when}.",
    ),
    "record_goes_on": Text("Dess historik fortsätter på den nya adressen", "Its record goes on at the new address"),
    "outage_since": Text(
        "Myndighetens sida svarade senast som den ska {since}, senast prövad {when}. Det är inget tecken på att"
        " texten är borttagen.",
        "The agency’s page last answered as it should {since}, last tried {when}. That is no sign that the text was"
        " removed.",
    ),
    "forbidden_since": Text(
        "Myndighetens robots.txt har förbjudit arkivet att läsa sidan sedan {since}, senast prövat {when}. Det är"
        " inget tecken på att texten är borttagen.",
        "The agency’s robots.txt has forbidden the archive to read the page since {since}, last tried {when}. That is"
        " no sign that the text was removed.",
    ),
    "unread_since": Text(
        "Sedan {since} svarar sidan inte med något som arkivet kan läsa, senast prövat {when}.",
        "Since {since} the page has answered with nothing the archive can read, last tried {when}.",
    ),
    "moved_here": Text("Flyttad hit från {old}, sett {when}", "Moved here from {old}, seen {when}"),
    "last_seen": Text("Senast sedd", "Last seen standing"),
    "last_tried": Text("Senast prövad", "Last tried"),
    "removed_mark": Text("borttagen", "removed"),
    # the registers
    "edits_title": Text("Ändringar i publicerade meddelanden", "Edits to published releases"),
    "edits_about": Text(
        "Vad myndigheterna har ändrat i texter som redan var publicerade, nyast först.",
        "What agencies changed in texts that were already published, newest first.",
    ),
    "removed_title": Text("Borttagna meddelanden", "Removed releases"),
    "removed_about": Text(
        "Meddelanden som flera kontroller under minst ett dygn fann borta. Den sista texten finns kvar här.",
        "Releases that several checks over at least a day found gone. The last text is kept here.",
    ),
    "filter": Text("Visa", "Show"),
    "every_agency": Text("Alla myndigheter", "All agencies"),
    "every_weight": Text("Alla", "All"),
    "from_weight": Text("minst {n}: {word}", "at least {n}: {word}"),
    "only_unannounced": Text("Bara oannonserade", "Only unannounced"),
    "stamp_choice": Text("Uppdateringsdatumet", "The update date"),
    "every_stamp": Text("Oavsett", "Whatever it did"),
    "from_day": Text("Från och med", "From"),
    "to_day": Text("Till och med", "To"),
    "only_back": Text("Bara de som kom tillbaka", "Only those that came back"),
    "every_kind": Text("Alla borttagna", "All removed"),
    "absence_kind": Text("Vad som sågs", "What was seen"),
    "n_edits": Text(("{n} ändring", "{n} ändringar"), ("{n} edit", "{n} edits")),
    "n_removals": Text(("{n} borttagning", "{n} borttagningar"), ("{n} removal", "{n} removals")),
    "n_moves": Text(("{n} flytt", "{n} flyttar"), ("{n} move", "{n} moves")),
    "more_than": Text("fler än {n}", "more than {n}"),
    "of_one_release": Text("Bara ett meddelande", "Only one release"),
    "folded": Text(
        (
            "{n} ändring till av samma meddelande, tyngd {most}",
            "{n} ändringar till av samma meddelande, den tyngsta {most}",
        ),
        ("{n} more edit of the same release, weight {most}", "{n} more edits of the same release, the heaviest {most}"),
    ),
    "older": Text("Äldre", "Older"),
    "newest_again": Text("Till de nyaste", "To the newest"),
    "no_edits": Text("Inga ändringar att visa", "No edits to show"),
    "no_edits_hint": Text(
        "Arkivet har inte sett någon ändring som passar. Pröva färre avgränsningar.",
        "The archive has seen no edit that fits. Try fewer filters.",
    ),
    "no_edits_yet": Text("Ingen ändring har setts än;", "No edit has been seen yet;"),
    "no_removals_yet": Text("Ingen borttagning har setts än;", "No removal has been seen yet;"),
    "looks_for_them": Text("letar efter dem.", "looks for them."),
    "latest_edits": Text("Senaste ändringar", "Latest edits"),
    "all_edits": Text("Alla ändringar", "All edits"),
    "no_removals": Text("Inget borttaget att visa", "Nothing removed to show"),
    "no_removals_hint": Text(
        "Arkivet har inte sett någon borttagning som passar. Pröva färre avgränsningar.",
        "The archive has seen no removal that fits. Try fewer filters.",
    ),
    "without_choices": Text("Visa utan avgränsningar", "Show without filters"),
    "moves_apart": Text("Flyttade meddelanden visas för sig", "Moved releases are shown apart"),
    "last_text_link": Text("Läs den sista texten", "Read the last text"),
    # refusals
    "refused_404": Text("Sidan finns inte", "There is no such page"),
    "refused_400": Text("Avgränsningen går inte att använda", "The filter cannot be used"),
    "refused_503": Text("Det tog för lång tid", "It took too long"),
    "bad_filter": Text("Värdet ”{value}” för {name} kan inte läsas.", "The value “{value}” of {name} cannot be read."),
    "bad_agency": Text("Arkivet känner ingen myndighet ”{value}”.", "The archive knows no agency “{value}”."),
    "bad_days": Text(
        "Från och med ({value}) är senare än till och med ({until}).", "From ({value}) is later than to ({until})."
    ),
    "too_slow_list": Text("Listan tog för lång tid. Pröva en avgränsning.", "The list took too long. Try a filter."),
    "diff_same": Text(
        "Lydelsen {revision} kan inte jämföras med sig själv.", "Revision {revision} cannot be compared with itself."
    ),
    "diff_missing": Text("Arkivet har ingen lydelse {revision}.", "The archive holds no revision {revision}."),
    "no_such_removal": Text("Arkivet har ingen borttagning {removal}.", "The archive holds no removal {removal}."),
    "diff_other": Text(
        "Lydelserna {one} och {other} hör till olika meddelanden och kan inte jämföras.",
        "Revisions {one} and {other} belong to different releases and cannot be compared.",
    ),
    "no_such_release": Text("Arkivet har inget meddelande {release}.", "The archive holds no release {release}."),
    # search for an address
    "address_unknown": Text(
        "Arkivet har inget meddelande som stått på den adressen.",
        "The archive holds no release that stood at that address.",
    ),
}
