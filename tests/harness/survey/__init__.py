"""Thirty agencies for `scrapy survey`, each with the verdict that a careful operator would give.

Twenty are made of stored real pages, ten are invented. The verdicts in `verdicts.tsv` were decided
by reading the pages, before any survey was run. See `python -m tests.harness.survey`.
"""
