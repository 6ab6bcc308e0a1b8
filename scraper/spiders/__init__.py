"""Spiders: news finds new releases, revisit checks stored ones, refetch fetches pages again, audit reads sources."""
