"""Hostile weather: each fault on one of several hosts. See `python -m tests.harness.weather`."""
