"""Where a request comes from, behind so many proxies as TRUSTED_PROXIES says."""

from ipaddress import ip_address

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the client's IP address, or None where it cannot be told: a Unix socket, or a proxy that sends nonsense."""
    try:
        text = str(get_adapter().get_client_ip(request))
        return str(ip_address(text.strip().partition("%")[0]))  # an IPv6 zone says nothing outside its host
    except (PermissionDenied, ImproperlyConfigured, ValueError):
        return None
