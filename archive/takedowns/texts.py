"""What the site says of takedowns, in Swedish and English side by side (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

TAKEDOWNS = {
    "takedowns_title": Text("Dolt och överstruket", "Hidden and redacted"),
    "takedowns_about": Text(
        "Vad arkivet självt har dolt eller strukit över, när och varför. Vad myndigheterna tog bort står"
        " under Borttaget.",
        "What the archive itself has hidden or redacted, when and why. What agencies took away stands under Removed.",
    ),
    "takedowns_hashes": Text(
        "Varje lydelses kontrollsumma står kvar och visar vad som fanns.",
        "The hash of each version stays and proves what was there.",
    ),
    "takedowns_none": Text("Inget är dolt eller överstruket.", "Nothing is hidden or redacted."),
    "takedown_hide": Text("Dolt meddelande", "Hidden release"),
    "takedown_redact": Text("Överstruken passage", "Redacted passage"),
    "takedown_at": Text("Sedan {when}", "Since {when}"),
    "takedown_lifted": Text("Upphävt {when}: {why}", "Lifted {when}: {why}"),
    "takedown_hidden": Text("En annan post döljer meddelandet", "Another entry hides the release"),
    "takedown_redacted": Text(
        "En annan post stryker över delar av meddelandet", "Another entry redacts parts of the release"
    ),
    "takedown_log": Text("Allt som är dolt eller överstruket", "All that is hidden or redacted"),
    "release_number": Text("Meddelande {number}", "Release {number}"),
    "stands_hidden": Text("Arkivet visar inte det här meddelandet", "The archive does not show this release"),
    "stands_redacted": Text("Arkivet har strukit över delar av texten", "The archive has redacted parts of this text"),
}
