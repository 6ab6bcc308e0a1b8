"""Stores every release and every later edit in SQLite, and serves them through Datasette."""
