"""What robots.txt and llms.txt say."""

from __future__ import annotations

ROBOTS = (  # in an order that first-match readers understand, too
    ("Allow", "/archive/releases/"),
    ("Disallow", "/search"),
    ("Disallow", "/-/diff/"),
    ("Disallow", "/-/evidence/"),
    ("Disallow", "/-/edits?"),
    ("Disallow", "/-/removed?"),
    ("Disallow", "/-/delta."),
    ("Disallow", "/archive"),
)
LLMS = """\
# Myndighetsarkivet

> An archive of what Swedish government agencies publish on their news pages: {releases} releases, each as it stood on \
the agency's website, with every later edit and removal that the archive saw. Most texts are in Swedish.

What to know before quoting:

- `published` and `updated` are the agency's own words and are null where the page does not say; `first_seen` and \
`last_checked` are when the archive looked (UTC). Never take one for the other.
- A date may be a month (2024-05), a day (2024-05-18) or a moment with its offset.
- A release that `gone` dates was removed by the agency. One with `moved_to` goes on under that number.
- Edits are what the agency changed (cause `source`); `parser` means that the archive read the same page otherwise.
- The texts are the agencies' own; name the agency and link both to `url` (the original) and to the release here.

## Pages

- [Search]({site}/search?q=): words, phrases in quotation marks; `q`, `agency`, `tag`, `year`
- [Agencies]({site}/agencies): each at {site}/agency/SLUG, a month of it at {site}/agency/SLUG/2024-05
- [A release]({site}/archive/releases/1): permanent address; a question in it at #question-1
- [Edits]({site}/-/edits) and [removals]({site}/-/removed): also .json, .csv, .atom
- [How dates are read, what weights mean, limits]({site}/about?lang=en)

## Data

- [One release as JSON]({site}/archive/releases/1.json?_shape=objects)
- [Releases of a word]({site}/archive/releases.json?_search=skog&_sort_desc=published&_shape=objects&_size=20)
- [Questions and answers]({site}/archive/questions.json?_shape=objects)
- [All tables and columns, described]({site}/archive); any SELECT as {site}/archive.json?sql=…&_shape=array
- [All of it, and then what changes]({site}/-/delta.json?size=20): follow `next`, keep `cursor`
- [Everything there is to read]({site}/sitemap.xml)
"""


def to_llms(site: str, releases: int) -> str:
    """The text for a site at that address."""
    return LLMS.format(site=site, releases=releases)
