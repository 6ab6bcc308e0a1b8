"""The folder of plugins that Datasette loads (`--plugins-dir`): only archive_site.py."""
