"""Big archives for the benchmark: any number of invented releases in the real schema and index.

words.py speaks like a collection of texts · releases.py invents agencies and releases · rows.py
turns releases into rows, in processes of its own · filling.py writes them, then what an archive
gathers beside them.
"""
