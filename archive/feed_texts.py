"""The interface's words for what can be followed, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

FEEDS = {
    "feed_new": Text("Nya meddelanden", "New releases"),
    "feed_new_of": Text("Nya meddelanden: {name}", "New releases: {name}"),
    "feed_new_tag": Text("Nya meddelanden om {tag}", "New releases on {tag}"),
    "feed_edits_of": Text("Ändringar: {name}", "Edits: {name}"),
    "feed_removed_of": Text("Borttaget: {name}", "Removed: {name}"),
    "new_atom": Text("Nya meddelanden som Atom", "New releases as Atom"),
    "no_such_agency": Text("Arkivet har ingen myndighet {agency}.", "The archive holds no agency {agency}."),
    "no_such_tag": Text("Arkivet har inget ämnesord {tag}.", "The archive holds no tag {tag}."),
    "of_one_tag": Text("Bara med ett visst ämnesord", "Only with one tag"),
}
