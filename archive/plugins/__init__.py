"""The folder of plugins that Datasette loads (`--plugins-dir`), with one plugin: archive_site.py.
"""
