"""A survey: what the sites of many agencies offer, how their releases are read, and a verdict.

Other rooms use:

    survey_record       what was found, and the bytes it was read from
    survey_spider       surveys several agencies at once
    survey_report       the report, what changed or would change, and the review by a person
    survey_acceptance   writes the confirmed findings into the list of agencies
"""
