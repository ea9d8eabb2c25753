"""Bringing in accounts and log-ins from before, by a file on a page of the portal.

`tables` reads a file, `checking` says of each line what is wrong with it, `planning` what is here already, `writing` writes. `uploads`
keeps a file until it is imported, by a job.
"""
