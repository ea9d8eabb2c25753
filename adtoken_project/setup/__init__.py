"""What an installation needs before it runs: safe settings, groups, rights of the database role."""
