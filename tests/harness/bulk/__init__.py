"""What datasets and the delta cost, and whether they hold what the archive shows: `make bulk`."""
