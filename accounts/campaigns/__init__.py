"""Re-auth campaigns: beginning and ending them, the mails, how far each log-in is, and who sees which."""
