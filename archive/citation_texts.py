"""The interface's words for citations and single revisions, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

CITATION = {
    "cite": Text("Hänvisa till lydelsen", "Cite this version"),
    "cite_title": Text("Hänvisa till: {title}", "Cite: {title}"),
    "cite_about": Text(
        "Den fasta adressen leder alltid till just den här lydelsen, vad myndigheten än ändrar senare.",
        "The permanent address always leads to this very version, whatever the agency changes later.",
    ),
    "cite_permalink": Text("Fast adress till lydelsen", "Permanent address of the version"),
    "cite_captured": Text("Läst av arkivet", "Read by the archive"),
    "cite_imported": Text("Hämtad från en annan samling", "Taken over from another collection"),
    "cite_sha256": Text("SHA-256 av sidan som den kom", "SHA-256 of the page as it came"),
    "cite_state_sha256": Text("SHA-256 av uppgifterna", "SHA-256 of the fields"),
    "cite_sentence": Text("Som mening", "As a sentence"),
    "cite_more": Text("Alla former, att kopiera", "All forms, to copy"),
    "cite_download": Text("Hämta som fil:", "Download as a file:"),
    "cite_undated": Text("u.å.", "n.d."),
    "cite_read": Text(
        "Lydelsen som Myndighetsarkivet läste {when}, {permalink}",
        "Version read by Myndighetsarkivet on {when}, {permalink}",
    ),
    "cite_taken_over": Text(
        "Lydelsen som Myndighetsarkivet hämtade från en annan samling {when}, {permalink}",
        "Version that Myndighetsarkivet took over from another collection on {when}, {permalink}",
    ),
    "cite_hash": Text("SHA-256 av sidan: {hash}", "SHA-256 of the page: {hash}"),
    "cite_state_hash": Text("SHA-256 av uppgifterna: {hash}", "SHA-256 of the fields: {hash}"),
    "cite_original": Text("Ursprunglig adress: {url}", "Original address: {url}"),
    # a single revision
    "revision_title": Text("Lydelsen {when}: {title}", "Version of {when}: {title}"),
    "revision_older": Text("Det här är en äldre lydelse", "This is an older version"),
    "revision_taken_over": Text(
        "Den här lydelsen togs över från en annan samling {when}; arkivet har inte själv läst den.",
        "This version was taken over from another collection on {when}; the archive has not read it itself.",
    ),
    "revision_older_hint": Text(
        "Så här stod meddelandet när arkivet läste det {when}. Det har ändrats sedan dess.",
        "This is how the release stood when the archive read it on {when}. It has changed since.",
    ),
    "revision_newest": Text("Så här står meddelandet i dag", "The release as it stands today"),
    "revision_stands_hint": Text(
        "Den lydelse som gäller nu, läst av arkivet {when}.",
        "The version that stands now, read by the archive on {when}.",
    ),
    "revision_compare": Text("Jämför med dagens lydelse", "Compare with today’s version"),
    "revision_missing": Text("Arkivet har ingen lydelse {revision}.", "The archive holds no revision {revision}."),
}
