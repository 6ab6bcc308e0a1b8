"""Probe a site before it is crawled: what `scrapy probe` and `scrapy extract` show."""
