"""Spiders: news finds releases, revisit checks stored ones, refetch fetches pages again, audit reads all sources."""
