"""What the handshake that a request answers is about, for pages that are made where its state is no longer at hand."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

_NAME = "adtoken_begun"  # an attribute of the request


def keep(request: HttpRequest, data: Mapping[str, Any]) -> None:
    """Note it for this request."""
    vars(request)[_NAME] = data


def of_request(request: HttpRequest) -> Mapping[str, Any]:
    """Return what was noted; empty where the request answers no handshake that was taken."""
    found: Mapping[str, Any] = vars(request).get(_NAME, {})
    return found
