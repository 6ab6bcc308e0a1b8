"""Runs workers that crawl for one archive, some of which are killed: `make workers`."""
