"""Ad accounts and their pools of tokens: linking, settling, failover, the broker."""
