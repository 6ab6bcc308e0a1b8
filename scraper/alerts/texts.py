"""The words of alerts, in Swedish and English."""

from __future__ import annotations

import json

from archive.alerts import Event
from archive.health.saying import say_reason, say_state
from archive.texts import Text

HEADINGS = {
    "faults": Text("Nya fel:", "New faults:"),
    "recoveries": Text("Åter i ordning:", "Recovered:"),
    "passed": Text("Fel som kom och gick:", "Faults that came and went:"),
}
COUNTED = {
    "faults": Text(("{n} nytt fel", "{n} nya fel"), ("{n} new fault", "{n} new faults")),
    "recoveries": Text(("{n} åter i ordning", "{n} åter i ordning"), ("{n} recovered", "{n} recovered")),
    "passed": Text(("{n} övergående", "{n} övergående"), ("{n} passing", "{n} passing")),
}
MORE = Text("- och {n} till", "- and {n} more")
STATUS = Text("Läget nu:", "How it stands:")


def say(text: Text, language: str, n: int = 0) -> str:
    """A text in a language, for a number.

    >>> say(COUNTED["faults"], "sv", 1), say(COUNTED["faults"], "en", 2)
    ('1 nytt fel', '2 new faults')
    """
    words = text.en if language == "en" else text.sv
    return (words if isinstance(words, str) else words[n != 1]).format(n=n)


def subject_of(numbers: dict[str, int], language: str) -> str:
    """What a message is about.

    >>> subject_of({"faults": 2, "recoveries": 0, "passed": 1}, "en")
    'Myndighetsarkivet: 2 new faults, 1 passing'
    """
    counted = [say(COUNTED[kind], language, number) for kind, number in numbers.items() if number]
    return f"Myndighetsarkivet: {', '.join(counted)}"


def tell_reason(event: Event, language: str) -> str:
    """State and reason of an event, as the status page says them."""
    return f"{say_state(language, event.state)}. {say_reason(language, json.loads(event.reason))}"
