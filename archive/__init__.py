"""Stores releases and all their edits in SQLite, and serves them through Datasette."""
