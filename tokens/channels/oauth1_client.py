"""The client's part of OAuth 1.0a: signatures (HMAC-SHA1, by oauthlib), and tokens that come as forms.

https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature
"""

import logging
from collections.abc import Mapping
from typing import Literal, cast
from urllib.parse import parse_qsl, quote, urlencode

from oauthlib.oauth1 import Client

from infra import database_clock
from tokens.channels.classifier import evidence
from tokens.channels.kinds import Answer, AppKeys, ChannelError, Credentials, Verdict
from tokens.channels.verdict_table import VerdictTable

LONGEST_PAIR = 1000  # characters of a token and its secret
# At DEBUG oauthlib logs what it signs, tokens included, in a spelling that the log's scrubber does not know.
logging.getLogger("oauthlib").setLevel(logging.INFO)


def header(
    app: AppKeys,
    credentials: Credentials,
    *,
    method: str,
    url: str,
    params: Mapping[str, str] | None = None,
    callback: str = "",
    verifier: str = "",
) -> str:
    """Return the Authorization header of one request.

    `params` are those of query and form that are not in the address already; the place makes no difference to the signature.
    `credentials` may be a request token, or empty for the first step. The time is PostgreSQL's where this process knows it, as X refuses
    what a host with a wrong clock signs.
    """
    client = Client(
        app.client_id,
        client_secret=app.secret,
        resource_owner_key=credentials.access_token or None,
        resource_owner_secret=credentials.secret or None,
        callback_uri=callback or None,
        verifier=verifier or None,
        timestamp=str(int(database_clock.seconds())),
    )
    address, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True) + list((params or {}).items())
    # quote and not quote_plus: the signature is over %20. All goes into the address, where oauthlib takes it for any method.
    signed = f"{address}?{urlencode(pairs, quote_via=quote)}" if pairs else address
    verb = cast("Literal['GET']", method)  # its type names a few methods only
    _, headers, _ = client.sign(signed, http_method=verb)
    return str(headers["Authorization"])


def pair_in(answer: Answer, table: VerdictTable, *, confirmed: bool = False) -> Credentials:
    """Read a token and its secret out of a form (RFC 5849, sections 2.1 and 2.3). Raises ChannelError.

    `confirmed`: it must say that the callback's address was taken, as the answer to the first step does.
    """
    classification = table.classify(answer)
    if classification.verdict != Verdict.OK and not 200 <= answer.status < 300:
        raise ChannelError(classification, evidence=evidence(answer))
    if classification.verdict != Verdict.OK or not isinstance(answer.body, str):
        raise table.malformed(answer, "a form")
    form = dict(parse_qsl(answer.body))
    if confirmed and form.get("oauth_callback_confirmed") != "true":
        raise table.malformed(answer, "oauth_callback_confirmed")
    token, secret = form.get("oauth_token", ""), form.get("oauth_token_secret", "")
    if not token or not secret or len(token) + len(secret) > LONGEST_PAIR:
        raise table.malformed(answer, "a token and its secret")
    return Credentials(token, secret=secret)
