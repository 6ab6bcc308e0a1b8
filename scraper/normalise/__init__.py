"""Converts a ReleaseItem, with fields as found on a page, to a typed Release.

Other packages use `to_release` and these modules:

    dates             dates and times in a text; parse_label
    conversion        types of releases, media types, warnings
    text_cleaning     cleaning of text, and patterns made from lists of words
    contact_details   telephone numbers and email addresses in a line
    page_urls         canonical URLs of links, and session ids in URLs
"""

from scraper.normalise.conversion import to_release

__all__ = ["to_release"]
