"""Converts Swedish and English texts into terms for searching and comparing.

Other packages use:

    terms       analyze(text, language): a text's words, lemmas and parts of compounds; its language
    lemmas      base forms
    compounds   how compounds are split and joined; readings of a word
    reference_patterns  references to documents in a text, such as prop. 2023/24:99
    synonyms    words that a search adds to a query or drops from it
"""
