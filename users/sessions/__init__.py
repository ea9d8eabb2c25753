"""Sessions and the record of log-ins."""
