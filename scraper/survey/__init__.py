"""A survey: what the sites of many agencies offer, how their releases are read, and a verdict each.

Other rooms use:

    survey_record   what was found, and the bytes it was read from
"""
