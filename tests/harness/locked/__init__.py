"""Attacks the served archive, alone and eight at once beside a reader: `python -m
tests.harness.locked`.
"""
