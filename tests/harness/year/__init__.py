"""A year in the life of the sample site, at a simulated pace: what happened to it against what the
archive tells.
"""
