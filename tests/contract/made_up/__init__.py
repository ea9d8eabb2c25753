"""Channels that do not exist: each needs something of the seam that none of the six does. The tests register them (`installed`)."""
