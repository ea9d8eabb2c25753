"""Links in mails that renew a log-in without a password."""
