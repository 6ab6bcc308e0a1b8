"""Surveys agencies' sites: what they offer, how well their releases are parsed, and a verdict on
each.

Other packages use:

    survey_record       stores the findings, and the bytes of the responses
    survey_spider       surveys several agencies at once
    survey_report       the report, the changes, and the review by a person
    survey_acceptance   writes the confirmed findings into the list of agencies
"""
