"""What a collection calls a release, as the archive calls it."""

from __future__ import annotations

from archive.texts import RELEASE_KINDS

PLURALS = {  # Swedish and English, as sections of a site are named
    "press release": "pressmeddelanden pressreleaser",
    "opinion": "debattartiklar debatt opinions",
    "speech": "tal anföranden speeches",
    "statement": "uttalanden statements",
    "interview": "intervjuer interviews",
    "notice": "notiser notices",
    "consultation": "remisser consultations",
    "decision": "decisions",
    "report": "rapporter reports",
    "regulation": "föreskrifter regulations",
    "blog": "bloggar blogs",
    "event": "evenemang events",
    "newsletter": "nyhetsbrev newsletters",
    "news": "nyheter",
    "article": "artiklar articles",
}
KNOWN = {
    word: kind
    for kind, text in RELEASE_KINDS.items()
    for word in (kind, str(text.sv), str(text.en), *PLURALS.get(kind, "").split(" "))
}


def to_kind(text: str | None) -> str | None:
    """The English word for a type word; one that is not known stays as it is, for it is the agency's own.

    >>> to_kind("Pressmeddelanden"), to_kind("artiklar"), to_kind("Telegram"), to_kind(None)
    ('press release', 'article', 'Telegram', None)
    """
    return KNOWN.get(text.casefold(), text) if text else None
