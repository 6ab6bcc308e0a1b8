"""Whether the archive still gets what agencies publish.

Other rooms use:

    rules           states of agencies and their faults
    metrics         figures that the rules judge, and which fields an agency's pages usually have
    coverage        what sources list, compared with what is stored
    health_report   all this in words, for the status page and the terminal
"""
