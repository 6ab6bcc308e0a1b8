"""Runs ordinary clients against served archives, to check that each gets what the database
contains.
"""
