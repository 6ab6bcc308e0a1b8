"""A server that reads snapshots (archive/snapshots) and goes over to a newer one without turning anybody away.

The keeper holds the listening socket and lends it to Datasette, a process of its own over one snapshot. A newer
snapshot gets another Datasette on the same socket; once that one answers, the older is told to finish what it was
asked and leave. Whoever connects meanwhile, or while one that was killed is being replaced, waits in the socket.
"""
