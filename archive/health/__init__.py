"""Health: does the archive still receive what agencies publish?

Other packages use:

    rules               rules that determine the state of each agency and its faults
    metrics             figures that the rules judge, and which fields pages usually have
    publishing_rhythm   how often an agency publishes, and how long a silence is usual for it
    coverage            what sources list, compared with what is stored
    audited_sources     what an audit found
    health_report       all of this in words, for the status page and the terminal
"""
