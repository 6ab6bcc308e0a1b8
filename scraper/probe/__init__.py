"""Probes a site before it is crawled, for `scrapy probe` and `scrapy extract`."""
