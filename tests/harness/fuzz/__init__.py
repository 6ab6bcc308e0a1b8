"""Checks that mutated pages, feeds and sitemaps only cause documented errors (`make fuzz`)."""
