"""Tests replicas behind a proxy while a crawl writes, and restored copies: `make replicas`."""
