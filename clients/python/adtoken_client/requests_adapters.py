"""Adapters for sessions of `requests`, also those inside a vendor's SDK.

session.mount("https://graph.facebook.com/", LeaseAdapter(adtoken, "facebook", "611420987315526"))
session.mount("https://graph-video.facebook.com/", ProxyAdapter("https://adtoken.example.com/proxy/facebook-video"))
"""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import rewind_body

from adtoken_client import channel as channels
from adtoken_client.client import AdToken
from adtoken_client.models import Lease, Name, Purpose, Send


class LeaseAdapter(HTTPAdapter):
    """Adds a lease to each request below the address where it is mounted (end that with `/`).

    A refused one is reported, and sent once more where AdToken has another token and the body can be sent again.
    """

    def __init__(
        self, adtoken: AdToken, channel: str, native_id: str, purpose: Purpose = "publish", **more: Any
    ) -> None:
        super().__init__(**more)
        self._adtoken, self._name = adtoken, Name(channel, native_id, purpose)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """See HTTPAdapter."""
        adtoken, method, url = self._adtoken, request.method or "GET", request.url or ""
        lease, send = adtoken.send_of(adtoken.lease(*self._name), method, url, _form(request))
        answer = super().send(_merged(request, send), *args, **kwargs)
        if not _is_refused(lease, answer):
            return answer
        fresh = adtoken.recover(lease, answer.status_code, channels.body_of(answer.text), method)
        kept = isinstance(request.body, bytes | str | None)
        if fresh is None or not (kept or hasattr(request.body, "seek")):
            return answer
        again = _merged(request, adtoken.send_of(fresh, method, url, _form(request))[1])
        if not kept:
            rewind_body(again)
        return super().send(again, *args, **kwargs)


class ProxyAdapter(HTTPAdapter):
    """Sends what is meant for a vendor's host to a base address, such as AdToken's proxy: for SDKs whose hosts are constants.

    `https://graph-video.facebook.com/v26.0/act_1/advideos` becomes `{base}/v26.0/act_1/advideos`. The answer names the vendor's
    address again, as the SDK expects. `verify`: certificates for the base address, where the SDK brings its own for the vendor.
    """

    def __init__(self, base: str, *, verify: bool | str | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._base, self._verify = base.rstrip("/"), verify

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """See HTTPAdapter."""
        parts, moved = urlsplit(request.url or ""), request.copy()
        moved.url = self._base + parts._replace(scheme="", netloc="", fragment="").geturl()
        moved.headers.pop("Host", None)
        if self._verify is not None:
            kwargs["verify"] = self._verify
        answer = super().send(moved, *args, **kwargs)
        answer.url, answer.request = request.url or "", request
        return answer


def _merged(request: requests.PreparedRequest, send: Send) -> requests.PreparedRequest:
    merged = request.copy()
    merged.url = channels.merge_url(request.url or "", send)
    merged.headers.update(send.headers)
    return merged


def _form(request: requests.PreparedRequest) -> dict[str, str]:
    kind = request.headers.get("Content-Type")
    return channels.form_of(kind.decode() if isinstance(kind, bytes) else kind, request.body)


def _is_refused(lease: Lease, answer: requests.Response) -> bool:
    kind = answer.headers.get("content-type", "")
    return channels.is_refusal(lease, answer.status_code, kind, lambda: answer.text)
