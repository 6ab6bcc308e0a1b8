"""Attacks on the served archive, one by one and eight at once beside an innocent reader; `python -m tests.locked`."""
