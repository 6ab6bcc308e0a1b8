"""Swedish and English words: converts texts to the terms for searching and comparing.

Other rooms use:

    terms       analyze(text, language): lemmas, parts of compounds, words; the language of a text
    lemmas      base forms
    compounds   how compounds are split and joined; readings of a word
    reference_patterns  references to documents in a text: prop. 2023/24:99
    synonyms    words that queries add and drop
"""
