"""Why we fetch: news.py finds what is new."""
