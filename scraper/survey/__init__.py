"""Surveys the sites of agencies, and gives a verdict on each.

A survey finds the sources of a site, and checks how well the releases are parsed.

Other packages use:

    survey_record       stores the findings, and the bytes of the responses
    survey_spider       surveys several agencies at once
    survey_report       the report, the changes, and the review by a person
    survey_acceptance   writes the confirmed findings into the list of agencies
"""
