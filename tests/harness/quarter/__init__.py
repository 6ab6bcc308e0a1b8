"""Three scripted months of sample agencies: what the status page said each week, and whether it was true."""
