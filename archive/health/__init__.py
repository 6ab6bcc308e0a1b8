"""Health: does the archive still receive what agencies publish?

Other packages use:

    rules               what determines the state of each agency and its faults
    metrics             figures that the rules judge, and the fields that pages usually contain
    publishing_rhythm   how often an agency publishes, and how long it is usually silent
    coverage            what sources list, compared with what is stored
    audited_sources     what an audit found
    health_report       describes all of this in words, for the status page and the terminal
"""
