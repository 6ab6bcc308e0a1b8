"""Hostile weather: each fault on one agency's host while the others are healthy. See `python -m tests.weather`."""
