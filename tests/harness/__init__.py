"""Programs that simulate: time, faults, attacks, kills and load. Each is run by `make <name>`."""
