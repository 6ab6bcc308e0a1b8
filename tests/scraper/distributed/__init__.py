"""Distributed crawling."""
