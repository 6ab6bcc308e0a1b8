"""Quotations: finds who said what in releases, and checks whether a quotation is correct."""

from archive.quotes.person_names import build_role_key
from archive.quotes.quotation_comparison import find_quotations
from archive.quotes.quotation_lookup import (
    MAX_QUOTATION_WORDS,
    MIN_QUOTATION_WORDS,
    QuotationCheck,
    QuotationResult,
    add_speakers,
)
from archive.quotes.speakers import QUOTES_VERSION, Quote, find_quotes, write_quotes

__all__ = [
    "MAX_QUOTATION_WORDS",
    "MIN_QUOTATION_WORDS",
    "QUOTES_VERSION",
    "QuotationCheck",
    "QuotationResult",
    "Quote",
    "add_speakers",
    "build_role_key",
    "find_quotations",
    "find_quotes",
    "write_quotes",
]
