"""Captions and credits: who took the picture, parted from what it shows."""

from __future__ import annotations

import re

from scraper.normalise.text import clean_line

# Words for a photograph may follow any words; "bild" and its kin open a credit only after a full stop or alone,
# for captions say "Från vänster i bild: …".
PHOTO = r"foto(?:graf(?:i|er(?:ing)?)?)?|photo(?:graph(?:er)?)?(?: by| credit)?|©"
PICTURE = r"bild|bilde|billede|kuva|illustration|illustratör|grafik|image(?: credit)?|credit"
NAME = r"(?P<credit>[^()]{2,120}?)\)?\s*\.?$"
CREDIT = re.compile(
    rf"(?:(?:^|(?<=[\s.,;|(/–-]))(?:{PHOTO})(?:\s*[:.]|(?<=©))|(?:^|(?<=[.!?)|(/–]\s)|(?<=[(|]))(?:{PICTURE})\s*:)\s*{NAME}",
    re.IGNORECASE,
)
# Without a mark after the word, a name must follow: "fotograf Eva Ek", not "ett foto som säger mycket".
UNMARKED = re.compile(
    rf"(?:^|(?<=[\s.,;|(/–-]))(?:[Ff]oto(?:graf)?|FOTO|[Pp]hoto(?: by)?)\s+(?=[^\W\d_a-zåäö])(?!av\b){NAME}"
)


def split_credit(text: str) -> tuple[str | None, str | None]:
    """A caption as (what it shows, whose picture it is); either may be None.

    >>> split_credit("A och B. Foto: Eva Ek/Byrå")
    ('A och B.', 'Eva Ek/Byrå')
    >>> split_credit("Foto. Eva Ek"), split_credit("Verket, fotograf Eva Ek"), split_credit("FOTO: EVA EK")
    ((None, 'Eva Ek'), ('Verket', 'Eva Ek'), (None, 'EVA EK'))
    >>> split_credit("Till vänster i bild: A och B. Foto: Eva Ek")
    ('Till vänster i bild: A och B.', 'Eva Ek')
    >>> split_credit("Sjön i höstljus. Foto Eva Ek"), split_credit("Ett foto som säger mycket")
    (('Sjön i höstljus.', 'Eva Ek'), ('Ett foto som säger mycket', None))
    """
    line = clean_line(text)
    match = last(CREDIT, line) or last(UNMARKED, line)
    if not match:
        return line or None, None
    caption = line[: match.start()].rstrip(" ,;|(/–-")
    return caption or None, match["credit"].strip(" .,;") or None


def last(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    """The last place a pattern matches, told from the end: a caption's own colons come before the credit."""
    match = pattern.search(line)
    while match and (later := pattern.search(line, match.start() + 1)):
        match = later
    return match
