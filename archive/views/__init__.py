"""The pages of the site, one module for each. archive/plugins/archive_site.py joins their routes.

Each module's own docstring says which paths it serves.
"""
