"""Authentication of `httpx2` by leases: `httpx2.Client(auth=LeaseAuth(adtoken, "facebook", "611..."))`."""

from collections.abc import AsyncGenerator, Generator, Iterable

import httpx2

from adtoken_client import channel as channels
from adtoken_client.aio import AsyncAdToken
from adtoken_client.client import AdToken
from adtoken_client.models import Name, Purpose, Send


class LeaseAuth(httpx2.Auth):
    """Adds the lease to requests to the channel; a refused one is reported, and sent once more where AdToken has another token.

    Other origins than that of the lease's `base_url` and `origins` get nothing of it. A stream or a multipart body is not
    sent again. With an AsyncAdToken it is for httpx2.AsyncClient.
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
        if not channels.covers(lease, str(bare), self._origins):
            yield request
            return
        lease, send = adtoken.send_of(lease, request.method, str(bare), _form(request))
        response = yield _merged(request, bare, send)
        kind = response.headers.get("content-type", "")
        if channels.may_be_refusal(lease, response.status_code, kind):
            response.read()
        if channels.is_refusal(lease, response.status_code, kind, lambda: response.text):
            body = channels.body_of(response.text)
            fresh = adtoken.recover(lease, response.status_code, body, request.method)
            if fresh and _is_kept(request):
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
        if not channels.covers(lease, str(bare), self._origins):
            yield request
            return
        lease, send = await adtoken.send_of(lease, request.method, str(bare), _form(request))
        response = yield _merged(request, bare, send)
        kind = response.headers.get("content-type", "")
        if channels.may_be_refusal(lease, response.status_code, kind):
            await response.aread()
        if channels.is_refusal(lease, response.status_code, kind, lambda: response.text):
            body = channels.body_of(response.text)
            fresh = await adtoken.recover(lease, response.status_code, body, request.method)
            if fresh and _is_kept(request):
                _, send = await adtoken.send_of(fresh, request.method, str(bare), _form(request))
                yield _merged(request, bare, send)


def _merged(request: httpx2.Request, bare: httpx2.URL, send: Send) -> httpx2.Request:
    request.url = httpx2.URL(channels.merge_url(str(bare), send))
    request.headers.update(send.headers)
    return request


def _form(request: httpx2.Request) -> dict[str, str]:
    return channels.form_of(
        request.headers.get("content-type"), request.content if _is_kept(request) else None
    )


def _is_kept(request: httpx2.Request) -> bool:
    """Return whether the body can be read and sent again."""
    return isinstance(request.stream, httpx2.ByteStream)
