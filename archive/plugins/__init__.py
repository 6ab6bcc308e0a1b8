"""The folder of plugins that Datasette loads (`--plugins-dir`). It contains only
archive_site.py.
"""
