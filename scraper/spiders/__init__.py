"""Spiders: news finds new releases, revisit checks stored ones, audit counts what sources list."""
