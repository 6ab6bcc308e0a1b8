"""The interface's words for comparisons of two versions, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

FIELDS = {  # as a comparison heads them
    "title": Text("Rubrik", "Title"),
    "lead": Text("Ingress", "Lead"),
    "kind": Text("Slag", "Kind"),
    "published": Text("Publicerad enligt myndigheten", "Published, says the agency"),
    "updated": Text("Uppdaterad enligt myndigheten", "Updated, says the agency"),
    "language": Text("Språk", "Language"),
    "body": Text("Text", "Text"),
    "body_html": Text("Text", "Text"),
    "questions": Text("Frågor och svar", "Questions and answers"),
    "tags": Text("Ämnesord", "Tags"),
    "images": Text("Bilder", "Pictures"),
    "attachments": Text("Bilagor", "Attachments"),
    "contacts": Text("Kontakt", "Contact"),
    "links": Text("Länkar i texten", "Links in the text"),
    "layout": Text("Utformning", "Layout"),
}

COMPARISON = {
    "diff_title": Text("Ändring: {title}", "Change: {title}"),
    "diff_other_title": Text("Jämförelse: {title}", "Comparison: {title}"),
    "diff_head": Text("Ändring:", "Change:"),
    "diff_other_head": Text("Jämförelse:", "Comparison:"),
    "two_versions": Text(
        "Lydelsen {one} jämförd med lydelsen {other}.", "The version of {one} compared with that of {other}."
    ),
    "diff_reread": Text(
        "Skillnaden kommer av att arkivet läste sidan på nytt. Den är ingen ändring av myndigheten.",
        "The difference comes from our reading the page anew. It is not an edit by the agency.",
    ),
    "legend": Text("Så visas det:", "How it is shown:"),
    "added": Text("tillagt", "added"),
    "deleted": Text("borttaget", "removed"),
    "added_from": Text("[tillagt: ", "[added: "),
    "deleted_from": Text("[borttaget: ", "[removed: "),
    "show_all": Text("Visa hela texten", "Show the whole text"),
    "show_changes": Text("Visa bara ändringarna", "Show only the changes"),
    "gap": Text(
        ("… {n} stycke oförändrat …", "… {n} stycken oförändrade …"),
        ("… {n} paragraph unchanged …", "… {n} paragraphs unchanged …"),
    ),
    "no_difference": Text(
        "Lydelserna är lika i allt som visas här.", "The versions are alike in all that is shown here."
    ),
    "note_reordered": Text("Samma innehåll i en annan ordning.", "The same content in another order."),
    "note_layout_only": Text(
        "Bara utformningen skiljer: rubriker, listor eller fetstil. Orden är desamma.",
        "Only the layout differs: headings, lists or emphasis. The words are the same.",
    ),
    "question_number": Text("Fråga {n}", "Question {n}"),
    "answered_by": Text("Svarar", "Answered by"),
    "told_above": Text("Samma ändring, bland frågorna", "The same change, among the questions"),
    "told_above_of": Text(
        "Frågor och svar: samma ändring som i texten ovan.", "Questions and answers: the same change as in the text."
    ),
    "what_changed": Text("Vad som ändrades", "What was changed"),
    "change_weight": Text("Tyngd", "Weight"),
    "more_changes": Text(("{n} ändring till", "{n} ändringar till"), ("{n} more change", "{n} more changes")),
    "neighbours": Text("Meddelandets andra ändringar", "The release’s other edits"),
    "previous_edit": Text("Föregående ändring", "Previous edit"),
    "next_edit": Text("Nästa ändring", "Next edit"),
    "permalink": Text("Fast adress", "Permanent address"),
    "evidence_for": Text("Underlag för lydelsen {when}", "Evidence for the version of {when}"),
    "to_release": Text("Meddelandet och dess historik", "The release and its history"),
}
