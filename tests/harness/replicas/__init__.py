"""Replicas behind a proxy while a crawl writes, and copies put back: `make replicas`."""
