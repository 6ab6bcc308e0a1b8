"""The delta: a log of all that changes what the archive shows of a release, for mirrors that follow it.

Rows of the table `delta` are written by triggers, in the transaction of the change itself (tables.py), and never
altered. Every writer begins its transaction with `begin immediate`, so there is one at a time, and it has committed
before the next takes a number: whoever has read as far as a number never misses a smaller one. `change` says what
happened:

    added      first read, or taken over from another collection       hidden     by a takedown
    changed    another state stands (revision)                         redacted   by a takedown
    removed    the agency took it away; the archive goes on showing it restored   a takedown was lifted
    returned   it stands again at the agency                           deleted    its row was deleted by hand
    moved      its address changed, or it goes on as another release

Being looked at and found as held changes nothing here. What a row leaves to be done is told as it is read (log.py):
only the last row of a release brings the state it stands in, read in the same statement.
"""
