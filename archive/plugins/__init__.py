"""The folder of plugins that Datasette loads (`--plugins-dir`). The only plugin is archive_site.py.
"""
