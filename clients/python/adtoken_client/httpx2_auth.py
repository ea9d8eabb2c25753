"""Authentication of `httpx2` by leases: `httpx2.Client(auth=LeaseAuth(adtoken, "facebook", "611..."))`."""

from collections.abc import AsyncGenerator, Generator, Iterable
from urllib.parse import parse_qsl

import httpx2

from adtoken_client import flows
from adtoken_client.aio import AsyncAdToken
from adtoken_client.client import AdToken
from adtoken_client.models import Lease, Name, Purpose, Send


class LeaseAuth(httpx2.Auth):
    """Adds the lease to requests to the channel; a refused one is reported, and sent once more where AdToken has another token.

    Other origins than that of the lease's `base_url` and `origins` get nothing of it. A body that can be sent only once is not sent
    again. With an AsyncAdToken it is for httpx2.AsyncClient.
    """

    def __init__(
        self,
        adtoken: AdToken | AsyncAdToken,
        channel: str,
        native_id: str,
        purpose: Purpose = "publish",
        *,
        origins: Iterable[str] = (),
    ) -> None:
        self._adtoken, self._name = adtoken, Name(channel, native_id, purpose)
        self._origins = tuple(origins)

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """See httpx2.Auth."""
        adtoken, bare = self._adtoken, request.url
        if not isinstance(adtoken, AdToken):
            raise TypeError("An AsyncAdToken is for httpx2.AsyncClient.")
        lease = adtoken.lease(*self._name)
        if not flows.covers(lease, str(bare), self._origins):
            yield request
            return
        lease, send = adtoken.send_of(lease, request.method, str(bare), _form(request))
        response = yield _merged(request, bare, send)
        if _may_be_refused(lease, response):
            response.read()
        if _is_refused(lease, response):
            body = flows.body_of(response.text)
            fresh = adtoken.recover(lease, response.status_code, body, request.method)
            if fresh and _can_be_sent_again(request):
                yield _merged(
                    request, bare, adtoken.send_of(fresh, request.method, str(bare), _form(request))[1]
                )

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """See httpx2.Auth."""
        adtoken, bare = self._adtoken, request.url
        if not isinstance(adtoken, AsyncAdToken):
            raise TypeError("An AdToken is for httpx2.Client.")
        lease = await adtoken.lease(*self._name)
        if not flows.covers(lease, str(bare), self._origins):
            yield request
            return
        lease, send = await adtoken.send_of(lease, request.method, str(bare), _form(request))
        response = yield _merged(request, bare, send)
        if _may_be_refused(lease, response):
            await response.aread()
        if _is_refused(lease, response):
            body = flows.body_of(response.text)
            fresh = await adtoken.recover(lease, response.status_code, body, request.method)
            if fresh and _can_be_sent_again(request):
                _, send = await adtoken.send_of(fresh, request.method, str(bare), _form(request))
                yield _merged(request, bare, send)


def _merged(request: httpx2.Request, bare: httpx2.URL, send: Send) -> httpx2.Request:
    request.url = httpx2.URL(flows.merge_url(str(bare), send))
    request.headers.update(send.headers)
    return request


def _form(request: httpx2.Request) -> dict[str, str]:
    """Return the fields of a form, which are signed, too."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.content.decode(), keep_blank_values=True))
    return {}


def _may_be_refused(lease: Lease, response: httpx2.Response) -> bool:
    """Return whether the body is wanted: a good answer may be a stream."""
    is_json = "json" in response.headers.get("content-type", "")
    return response.status_code in flows.REFUSALS or (lease.name.channel == "tiktok" and is_json)


def _is_refused(lease: Lease, response: httpx2.Response) -> bool:
    wanted = _may_be_refused(lease, response)
    return wanted and flows.is_refusal(lease, response.status_code, lambda: response.text)


def _can_be_sent_again(request: httpx2.Request) -> bool:
    return isinstance(request.stream, httpx2.ByteStream)
