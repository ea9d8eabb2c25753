"""PostgreSQL and Valkey from wheels, so that an empty machine runs everything. For demo and tests, never for production data.

Nothing in this package imports Django: the servers are up before settings are read.
"""
