"""Telling this machine from others."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only mean this machine. Takes brackets of IPv6; a wildcard means others, too."""
    host = host.strip("[]").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return not host.startswith(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
