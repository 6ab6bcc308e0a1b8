"""One module for each page of the site; archive/plugins/archive_site.py joins their ROUTES."""
