"""Page classes for individual agencies, for pages that the keys of agencies.toml cannot describe.

An agency's key `page` names a file in this package: `page = "polisen"` selects the class
PolisenPage in polisen.py. The class derives from NewsPage, or from the class for the site's CMS
(scraper.pages.page_classes). It overrides selectors (`lead_css` …) or the method for a field
(`extract_tags` …). A file imports nothing from the other files in this package, so that a change to
it affects only the releases of its own agency.
"""
