"""The pages of the site. archive/plugins/archive_site.py collects their routes.

The docstring of each module says which paths the module serves.
"""
