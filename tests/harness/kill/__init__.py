"""kill -9 at random moments of crawls, revisits, reparses and rounds: `make kill N=200`."""
