"""Mutated pages, feeds and sitemaps: whatever comes, only documented errors (`make fuzz`)."""
