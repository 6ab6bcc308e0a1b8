"""Hostile conditions ("weather"), each on a host of its own.

See `python -m tests.harness.weather`.
"""
