"""What the harnesses and the benchmark share: processes, servers, simulated time, changing sites,
checks and tables.
"""
