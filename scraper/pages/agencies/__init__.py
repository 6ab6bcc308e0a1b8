"""Page classes of single agencies, for what no key of agencies.toml describes.

An agency's key `page` names a file here: `page = "polisen"` is the class PolisenPage in polisen.py.
The class derives from NewsPage, or from the class for the site's CMS (scraper.pages.page_classes).
It overrides selectors (`lead_css` …) or the method for a field (`extract_tags` …). A file imports
nothing from the other files here, so that a change to it only affects the releases of its own
agency.
"""
