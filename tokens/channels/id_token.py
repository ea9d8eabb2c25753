"""ID tokens of OpenID Connect, which come beside an access token and say whose it is."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tokens.channels.parse import LONGEST_TOKEN, mapping, moment, words


def claims_in(body: Any, *, client_id: str, issuer: str, now: datetime) -> Mapping[str, Any]:
    """Return what the ID token of a token endpoint's answer says; nothing unless it is the issuer's, for this app, and holds now.

    Its signature is not checked: it came from the token endpoint itself, over TLS, which OpenID Connect Core takes for as good (3.1.3.7).
    """
    payload = words(mapping(body).get("id_token"), LONGEST_TOKEN).split(".")[1:2]
    try:
        part = payload[0] if payload else ""
        said = mapping(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
    except (ValueError, RecursionError):
        return {}
    audience, ends = said.get("aud"), moment(said.get("exp"))
    ours = audience == client_id or (isinstance(audience, list) and client_id in audience)
    holds = ends is not None and ends > now
    return said if ours and holds and words(said.get("iss")).startswith(issuer) else {}
