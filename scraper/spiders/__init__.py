"""Spiders: news finds new releases, revisit checks stored ones, refetch fetches pages again, audit
reads sources.

attachments fetches files that releases link to, where workers checked the releases.
"""
