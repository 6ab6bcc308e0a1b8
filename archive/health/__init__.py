"""Health: does the archive still receive what agencies publish?

Other packages use:

    rules               what determines the state of each agency and its faults
    metrics             figures that the rules judge, and which fields pages usually have
    publishing_rhythm   how often an agency publishes, and how long it is usually silent
    coverage            what sources list, compared with what is stored
    audited_sources     what an audit found
    health_report       all of this in words, for the status page and the terminal
"""
