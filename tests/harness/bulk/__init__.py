"""Measures the cost of datasets and the change feed, and checks their contents: `make bulk`."""
