"""What Datasette shows beyond its own: one page or hook a file (datasette --plugins-dir archive/plugins)."""
