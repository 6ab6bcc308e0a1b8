"""Ordinary clients against served archives: does each get what the database holds?"""
