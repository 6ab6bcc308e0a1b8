"""The folder of plugins that Datasette loads (`--plugins-dir`): archive_site.py."""
