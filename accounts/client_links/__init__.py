"""Links by which a client without an account here authorises ad accounts."""
