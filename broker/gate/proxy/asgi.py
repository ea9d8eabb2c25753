"""The proxy: `/proxy/{channel}[-{host}]/...`, an ASGI application. A vendor's client goes on while its log-in dies.

A request is decided (`decisions`), put on record, and sent to the channel as the person who serves the account now; the answer is streamed
back. A small textual answer is read first: where the channel refuses the log-in, that is taken as a report, and where nothing can have
happened the request is sent again as the next person, before the job has seen a byte.
"""

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from broker.gate import decisions
from broker.gate.decisions import Asked, Refusal
from broker.gate.proxy import heads
from broker.gate.proxy.bodies import Gone, Receive, RequestBody, named_length
from broker.gate.proxy.exchange import Exchange, Send
from broker.gate.proxy.reach import Reach
from broker.gate.proxy.records import OnceAMinute
from broker.gate.proxy.refusals import Refused, refusal
from infra import async_database
from tokens.channels.streams import NoAnswer
from users.sessions.client_address import address_of

logger = logging.getLogger(__name__)

PREFIX = "/proxy/"
FACTS = "adtoken.exchange"  # where the scope holds the exchange, for whoever logs and counts
Scope = MutableMapping[str, Any]


class Proxy:
    """The application of one event loop."""

    def __init__(self) -> None:
        self._channels, self._once = Reach(), OnceAMinute()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Where the channel breaks off, the answer has no end, so that the server cuts the connection."""
        name, _, rest = str(scope["raw_path"].decode("latin-1")).removeprefix(PREFIX).partition("/")
        channel, _, host = name.partition("-")
        headers = heads.received(scope["headers"])
        body = RequestBody(receive, named_length(headers))
        asked = Asked(
            channel=channel,
            host=host,
            method=scope["method"],
            path=f"/{rest}",
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            address=address_of((scope.get("client") or ("",))[0], headers.get("x-forwarded-for")),
        )
        exchange = scope[FACTS] = Exchange(
            asked, body, ours=_ours(scope, headers), send=send, channels=self._channels, once=self._once
        )
        try:
            await self._answer(exchange)
        except (Gone, OSError):
            return  # nobody listens
        except NoAnswer as error:
            logger.info("%s broke off in the middle of an answer: %s", channel, error)
        finally:
            body.close()

    async def _answer(self, exchange: Exchange) -> None:
        """Answer, and turn what goes wrong on the way into an answer of the channel's shape."""
        channel = exchange.asked.channel
        try:
            known = decisions.look_at_head(exchange.asked, timezone.now())
            if isinstance(known, Refusal):
                await exchange.refuse(known)
                return
            if settings.SECURE_SSL_REDIRECT and not exchange.ours.startswith("https:"):
                raise Refused(403, "https_only")
            await exchange.read(known)
            await exchange.run()
        except Refused as refused:
            if exchange.status:
                logger.info("An answer of %s broke off: %s", channel, refused.why)
                return
            await exchange.refuse(refusal(channel, refused))
        except (Gone, NoAnswer, OSError):
            raise
        except Exception:
            logger.exception("A request to %s could not be passed on", channel)
            if exchange.status:
                raise
            await exchange.refuse(refusal(channel, Refused(500, "gate_our_fault")))

    async def close(self) -> None:
        """Close all connections, to channels and to PostgreSQL."""
        await self._channels.close()
        await async_database.close()


application = Proxy()


def _ours(scope: Scope, headers: Mapping[str, str]) -> str:
    """Return what addresses of this gate begin with, as the job reached it."""
    host = heads.asked_host(headers) or settings.BASE_HOST
    behind = settings.SECURE_PROXY_SSL_HEADER is not None
    scheme = headers.get("x-forwarded-proto", scope["scheme"]) if behind else scope["scheme"]
    return f"{'https' if scheme == 'https' else 'http'}://{host}{PREFIX}".rstrip("/")
