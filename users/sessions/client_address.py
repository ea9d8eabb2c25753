"""Where a request comes from, behind so many proxies as TRUSTED_PROXIES says."""

from functools import lru_cache
from ipaddress import ip_address

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the client's IP address, or None where it cannot be told: a Unix socket, or a proxy that sends nonsense."""
    return address_of(request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR"))


def address_of(peer: str | None, forwarded: str | None) -> str | None:
    """Return the same of a request that Django does not serve: who connected, and what `X-Forwarded-For` says."""
    return _address(peer, forwarded, settings.ALLAUTH_TRUSTED_PROXY_COUNT)


@lru_cache(maxsize=1024)  # jobs come from few addresses, thousands of times
def _address(peer: str | None, forwarded: str | None, _proxies: int) -> str | None:
    """Ask the library, which goes by these three alone."""
    request = HttpRequest()
    request.META = {
        name: value
        for name, value in (("REMOTE_ADDR", peer), ("HTTP_X_FORWARDED_FOR", forwarded))
        if value is not None
    }
    try:
        text = str(get_adapter().get_client_ip(request))
        return str(ip_address(text.strip().partition("%")[0]))  # an IPv6 zone says nothing outside its host
    except (PermissionDenied, ImproperlyConfigured, ValueError):
        return None
