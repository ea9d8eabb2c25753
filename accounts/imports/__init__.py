"""Bringing in accounts and log-ins from before, by a file on a page of the portal.

`tables` reads a file, `rules` says of each line what is wrong with it, or what it would do, `services` keeps a file until it is imported,
by a job, and writes.
"""
